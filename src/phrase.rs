//! `covey account phrase`: the 24 words are shown, asked back, and erased from the node.

use std::io;

use covey_api::Exit;
use covey_cli::{Failure, Globals, PhraseArgs, Terminal};
use covey_node::{
    config::Overrides,
    daemon::{self, Initialised, Options},
};
use serde_json::json;

use crate::{
    config::{self, start_failure},
    db,
    unlock::Unlock,
};

/// Shows the words of a data directory whose daemon is not running. Who has written them down seals the node.
pub(crate) fn phrase(args: PhraseArgs, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
    let PhraseArgs { passphrase_file, yes, keep } = args;
    let (paths, config) = config::load(globals, &Overrides::new())?;
    let passphrase = Unlock { passphrase_file }.passphrase(paths.data_dir())?;
    let options = Options { paths, config, passphrase, flags: Overrides::new(), log: None };
    let made = daemon::phrase(&options).map_err(|error| start_failure(&error))?;
    if !globals.json {
        words(terminal, &made.phrase)?;
    }
    let asks = !yes && !globals.json && terminal.typing && terminal.interactive;
    if asks {
        terminal.hint("Write these 24 words on paper; whoever has them is you. Then type three of them back.")?;
        ask_back(terminal, &made)?;
    }
    let written = yes || asks;
    match (written, keep) {
        (false, _) => {}
        (true, true) => daemon::written_down(&options).map_err(|error| start_failure(&error))?,
        (true, false) => db::with_progress(globals, |progress| daemon::seal(&options, progress))?,
    }
    let sealed = written && !keep;
    let answer = json!({"account": made.account, "phrase": *made.phrase, "sealed": sealed});
    Ok(terminal.show(&answer, |t, _| {
        t.hint(match (written, keep) {
            (true, false) => {
                "Sealed: the words are erased from this node, and only your paper has them. Backups that you made before still do."
            }
            (true, true) => "Noted that you have the words. They stay on this node, for whoever gets it.",
            (false, _) => {
                "These 24 words bring your account back. Write them on paper; whoever has them is you. They are still on this node: \
                 run this on a terminal, or with --yes once you have them, to erase them here."
            }
        })
    })?)
}

/// Six words to a line, as one writes them down.
pub(crate) fn words(t: &mut Terminal, phrase: &str) -> io::Result<()> {
    let words: Vec<&str> = phrase.split(' ').collect();
    words.chunks(6).try_for_each(|line| t.line(&format!("  {}", line.join(" "))))
}

/// Asks for three of the words, to know that they are on paper.
fn ask_back(terminal: &mut Terminal, made: &Initialised) -> Result<(), Failure> {
    for (number, word) in made.to_ask_back() {
        let typed = terminal.ask_for(&format!("Word {number}: "))?;
        if !typed.eq_ignore_ascii_case(word) {
            let sentence = format!(
                "that is not word {number}. Nothing was changed; compare your paper with the words and run this again"
            );
            return Err(Failure::Ended { exit: Exit::Refused, sentence });
        }
    }
    Ok(())
}
