//! Where the passphrase comes from: a file, the service manager, or a person at a terminal. Never an argument or the
//! environment, which others can read.

use std::{
    env,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

use clap::Args;
use console::Term;
use covey_api::Exit;
use covey_cli::Failure;
use covey_node::vault::{Passphrase, Protection, VaultError, VaultFiles};

/// Where the passphrase comes from.
#[derive(Args, Debug, Default)]
pub(crate) struct Unlock {
    /// Read the passphrase that protects the data from this file (/dev/fd/3 for an open descriptor); without it, from the
    /// systemd credential `covey-passphrase`, or from you if this is a terminal
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

impl Unlock {
    /// The passphrase of the data in a directory, if there is one. A person is asked only if the vault there needs it.
    pub(crate) fn passphrase(&self, data_dir: &Path) -> Result<Option<Passphrase>, Failure> {
        match self.given()? {
            Some(given) => Ok(Some(given)),
            None => self.typed(data_dir),
        }
    }

    /// The passphrase that a person types, if there is one to ask and nothing else was said.
    pub(crate) fn typed(&self, data_dir: &Path) -> Result<Option<Passphrase>, Failure> {
        if self.passphrase_file.is_some() || env::var_os("CREDENTIALS_DIRECTORY").is_some() {
            return Ok(None);
        }
        let vault = VaultFiles::new(data_dir);
        // What is wrong with it, opening it says.
        if vault.exist() && matches!(vault.protection(), Ok(Protection::Passphrase)) && is_terminal() {
            return ask(&format!("Passphrase of {}: ", data_dir.display())).map(Some);
        }
        Ok(None)
    }

    /// The passphrase from a file or the service manager.
    pub(crate) fn given(&self) -> Result<Option<Passphrase>, Failure> {
        if let Some(file) = &self.passphrase_file {
            return Passphrase::from_file(file).map(Some).map_err(|error| unusable(file, &error));
        }
        let Some(directory) = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from) else { return Ok(None) };
        Passphrase::from_credentials(&directory).map_err(|error| unusable(&directory, &error))
    }
}

/// Whether there is somebody to ask.
pub(crate) fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a passphrase. It is not shown while it is typed.
pub(crate) fn ask(question: &str) -> Result<Passphrase, Failure> {
    let failed = |sentence: String| Failure::Ended { exit: Exit::Usage, sentence };
    let term = Term::stderr();
    let typed = term
        .write_str(question)
        .and_then(|()| term.read_secure_line())
        .map_err(|error| failed(format!("cannot read a passphrase from the terminal: {error}")))?;
    Passphrase::new(typed.into_bytes()).map_err(|error| failed(error.to_string()))
}

/// Asks for a new passphrase, twice.
pub(crate) fn ask_for_new() -> Result<Passphrase, Failure> {
    let failed = |sentence: &str| Failure::Ended { exit: Exit::Usage, sentence: sentence.into() };
    if !is_terminal() {
        return Err(failed("There is no terminal to ask for a passphrase on. Use --passphrase-file FILE."));
    }
    let new = ask("New passphrase: ")?;
    if ask("The same again: ")? != new {
        return Err(failed("The two passphrases differ. Nothing was done."));
    }
    Ok(new)
}

fn unusable(file: &Path, error: &VaultError) -> Failure {
    let sentence = match error {
        VaultError::PassphraseLength => format!("There is no passphrase in {}: {error}.", file.display()),
        other => other.to_string(),
    };
    Failure::Ended { exit: Exit::Usage, sentence }
}
