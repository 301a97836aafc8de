//! Texts that look like flags. `covey send bob -hello` is a message, not `-h` with something behind it: left to itself, clap
//! prints the help, sends nothing and ends well.

use std::ffi::OsString;

use clap::{
    Command,
    error::{Error, ErrorKind},
};

/// The argument that a command puts together from all that is left of the line.
const TEXT: &str = "text";

/// The arguments of a process, with what is plainly text behind `--`.
///
/// # Errors
/// A cluster of short flags of which one is none: as clap would say it, if it did not stop at `-h`.
pub fn words(tree: &mut Command, args: impl IntoIterator<Item = OsString>) -> Result<Vec<OsString>, Error> {
    let args: Vec<OsString> = args.into_iter().collect();
    let may_be_text = |arg: &OsString| {
        let bytes = arg.as_encoded_bytes();
        bytes.len() > 1 && bytes[0] == b'-' && bytes[1] != b'-'
    };
    if !args.iter().skip(1).any(may_be_text) {
        return Ok(args);
    }
    tree.build();
    let mut line = Line { command: tree, kept: Vec::new(), positions: Vec::new(), protect: false };
    let mut rest = args.iter().cloned();
    line.kept.extend(rest.next());
    while let Some(arg) = rest.next() {
        // What is no UTF-8 is no flag either.
        match arg.to_str() {
            Some("--") if !line.protect => return Ok(args),
            Some("--") => {
                line.positions.extend(rest);
                break;
            }
            Some(text) if text.starts_with("--") => line.long(text, &arg, &mut rest),
            Some(text) if text.len() > 1 && text.starts_with('-') => line.short(text, &arg, &mut rest)?,
            _ => line.word(arg),
        }
    }
    if !line.protect {
        return Ok(args);
    }
    let Line { mut kept, positions, .. } = line;
    kept.push("--".into());
    kept.extend(positions);
    Ok(kept)
}

/// What to add to an error about a long flag that is none, where it may have been meant as text.
#[must_use]
pub fn tip(error: &Error, args: impl IntoIterator<Item = OsString>) -> Option<&'static str> {
    let is_send = args.into_iter().skip(1).any(|arg| arg == "send");
    let tip = "To send a text that begins with dashes, write -- before it: covey send bob -- --hello";
    (is_send && error.kind() == ErrorKind::UnknownArgument).then_some(tip)
}

/// A line that was read so far.
struct Line<'c> {
    command: &'c Command,
    kept: Vec<OsString>,
    positions: Vec<OsString>,
    /// Is there a word that clap would not take for one?
    protect: bool,
}

impl Line<'_> {
    fn word(&mut self, arg: OsString) {
        match self.command.find_subcommand(&arg).filter(|_| self.positions.is_empty()) {
            Some(command) => {
                self.command = command;
                self.kept.push(arg);
            }
            None => self.positions.push(arg),
        }
    }

    /// A flag with a long name, and its value if that is a word of its own.
    fn long(&mut self, text: &str, arg: &OsString, rest: &mut impl Iterator<Item = OsString>) {
        let name = text.trim_start_matches("--").split('=').next().unwrap_or_default();
        let known = self.command.get_arguments().find(|known| {
            known.get_long() == Some(name) || known.get_all_aliases().is_some_and(|others| others.contains(&name))
        });
        self.kept.push(arg.clone());
        if known.is_some_and(|known| known.get_action().takes_values()) && !text.contains('=') {
            self.kept.extend(rest.next());
        }
    }

    /// Short flags, the last of which may take a value; or a text.
    fn short(&mut self, text: &str, arg: &OsString, rest: &mut impl Iterator<Item = OsString>) -> Result<(), Error> {
        let mut letters = text.chars().skip(1).peekable();
        while let Some(letter) = letters.next() {
            let known = self.command.get_arguments().find(|known| known.get_short() == Some(letter));
            let Some(known) = known else {
                return self.no_flag(text, letter, arg);
            };
            if known.get_action().takes_values() {
                self.kept.push(arg.clone());
                if letters.peek().is_none() {
                    self.kept.extend(rest.next());
                }
                return Ok(());
            }
        }
        self.kept.push(arg.clone());
        Ok(())
    }

    fn no_flag(&mut self, text: &str, letter: char, arg: &OsString) -> Result<(), Error> {
        let takes_text = self.command.get_positionals().any(|known| known.get_id() == TEXT);
        if takes_text && !self.positions.is_empty() {
            self.positions.push(arg.clone());
            self.protect = true;
            return Ok(());
        }
        let mut command = self.command.clone();
        let told =
            format!("there is no flag '-{letter}', as in '{text}'\n\nTo pass '{text}' as a value, write '-- {text}'");
        Err(command.error(ErrorKind::UnknownArgument, told))
    }
}
