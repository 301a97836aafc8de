//! What a shell offers when Tab is pressed: commands and flags from the argument tree, and names of contacts, groups and so on
//! from the daemon, if one answers at once. The scripts of `covey completions` call it with the line up to the cursor.
//!
//! Nobody asked for an error here: whatever goes wrong, nothing more is offered and nothing is said.

mod line;
mod names;
mod script;
mod tree;

use std::{
    ffi::OsString,
    io::{self, Write},
    time::Duration,
};

use clap::{Args, ValueEnum};
use tokio::{runtime::Builder, time};

pub(crate) use self::script::script;
use self::{
    line::Line,
    tree::{Place, Wanted},
};
use crate::Globals;

/// Longer than a daemon takes that is well, and short for somebody who pressed Tab.
const PATIENCE: Duration = Duration::from_millis(400);

/// A shell for which names are completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Speaks {
    /// One candidate a line, quoted as it is to stand in the line.
    Bash,
    /// `candidate:description`, quoted by zsh itself.
    Zsh,
    /// `candidate<Tab>description`, quoted by fish itself.
    Fish,
}

/// Arguments of the command that the scripts call.
#[derive(Args, Debug)]
pub struct CompleteArgs {
    /// For which shell
    shell: Speaks,
    /// The line up to the cursor
    #[arg(allow_hyphen_values = true)]
    line: OsString,
}

/// Something to offer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate {
    word: String,
    about: String,
}

impl CompleteArgs {
    /// Writes what can stand at the end of the line: `files`, or `words` and the candidates below it.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self, mut tree: clap::Command, out: &mut dyn Write) -> io::Result<()> {
        tree.build();
        let line = Line::read(&self.line.to_string_lossy());
        let place = Place::find(&tree, &line.words, &line.last);
        let mut found = match &place.wanted {
            Wanted::Files => return writeln!(out, "files"),
            Wanted::Words(words) => words.clone(),
            Wanted::Named(what) => named(&place.globals, what),
        };
        found.retain(|candidate| candidate.word.starts_with(&place.begun) && can_be_shown(&candidate.word));
        let mut answer = String::from("words\n");
        for Candidate { word, about } in found {
            let word = format!("{}{word}", place.before);
            answer += &match self.shell {
                Speaks::Bash => line.quoted(&word),
                Speaks::Zsh => format!("{}:{about}", word.replace('\\', "\\\\").replace(':', "\\:")),
                Speaks::Fish => format!("{word}\t{about}"),
            };
            answer.push('\n');
        }
        out.write_all(answer.as_bytes())
    }
}

/// A line of the answer is one candidate.
fn can_be_shown(word: &str) -> bool {
    !word.is_empty() && !word.contains(char::is_control)
}

/// What the daemon says, if it says so in time.
fn named(globals: &Globals, what: &names::What) -> Vec<Candidate> {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return Vec::new() };
    let globals = Globals { timeout: Some(PATIENCE), ..globals.clone() };
    let asked = async { time::timeout(PATIENCE, names::ask(&globals, what)).await };
    let found = runtime.block_on(asked).ok().and_then(Result::ok).unwrap_or_default();
    // A name server that does not answer is waited for by nobody.
    runtime.shutdown_background();
    found
}
