//! `covey passphrase …`: what opens the data of a node that does not run.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use covey_cli::{Failure, Globals, Terminal};
use covey_node::{
    config::Overrides,
    daemon::{self, Options},
    vault::Passphrase,
};
use serde_json::json;

use crate::{
    config::{self, start_failure},
    unlock::{self, Unlock},
};

/// Set, change or remove the passphrase that protects the data (stop the daemon first)
#[derive(Subcommand, Debug)]
pub(crate) enum PassphraseCommand {
    /// Protect the data with a passphrase, or with another one
    #[command(
        long_about = "Protect the data with a passphrase, or with another one\n\nYou are asked for the passphrase of before, if there is one, and twice for the \
                      new one. The data is not encrypted anew, only its key: whoever has vault.json from before, and the passphrase of then or vault.key, \
                      can still open the data. The daemon must be stopped.",
        after_help = "Examples:\n  covey shutdown && covey passphrase set && covey daemon\n  \
                      covey passphrase set --new-passphrase-file ./new\n  \
                      covey passphrase set --passphrase-file ./old --new-passphrase-file ./new"
    )]
    Set(SetArgs),
    /// Let the node start without a passphrase, by a key file beside the data
    #[command(
        long_about = "Let the node start without a passphrase, by a key file beside the data\n\nThe file vault.key then opens the data: whoever can read \
                      it has everything. The node starts unattended, and cannot be locked. The daemon must be stopped.",
        after_help = "Examples:\n  covey passphrase remove\n  covey passphrase remove --passphrase-file ./passphrase"
    )]
    Remove {
        #[command(flatten)]
        unlock: Unlock,
    },
}

/// Arguments of `passphrase set`.
#[derive(Args, Debug)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    unlock: Unlock,
    /// Read the new passphrase from this file
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
}

impl PassphraseCommand {
    pub(crate) fn run(self, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
        let (unlock, new_file, sets) = match self {
            Self::Set(SetArgs { unlock, new_passphrase_file }) => (unlock, new_passphrase_file, true),
            Self::Remove { unlock } => (unlock, None, false),
        };
        let (paths, config) = config::load(globals, &Overrides::new())?;
        let passphrase = unlock.passphrase(paths.data_dir())?;
        let options = Options { paths, config, passphrase, flags: Overrides::new(), log: None };
        let new = sets.then(|| new_passphrase(new_file)).transpose()?;
        daemon::change_passphrase(&options, new.as_ref()).map_err(|error| start_failure(&error))?;
        let dir = options.paths.data_dir();
        let answer = json!({"data_dir": dir, "protection": if sets { "passphrase" } else { "key_file" }});
        Ok(terminal.show(&answer, |t, _| {
            if !sets {
                t.line(&format!("No passphrase protects {} any more.", dir.display()))?;
                return t.hint("The file vault.key beside the data opens it: keep a copy elsewhere.");
            }
            t.line(&format!("{} is protected by the new passphrase.", dir.display()))?;
            t.hint("Nobody can open it without the passphrase, you neither. Backups that you made before open as they did then.")
        })?)
    }
}

fn new_passphrase(file: Option<PathBuf>) -> Result<Passphrase, Failure> {
    match file {
        Some(file) => unlock::from_file(&file),
        None => unlock::ask_for_new("--new-passphrase-file"),
    }
}
