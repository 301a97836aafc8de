//! Where the passphrase comes from: a file, the service manager, or a person at a terminal. Never an argument or the
//! environment, which others can read.

use std::{
    env,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

use clap::Args;
use console::Term;
use covey_api::{Exit, PassphraseText};
use covey_cli::{Failure, Terminal, UnlockArgs};
use covey_node::vault::{Passphrase, Protection, VaultError, VaultFiles};

/// More than a passphrase has, and a line end.
const PASSPHRASE_LIMIT: u64 = 1_026;

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
            return from_file(file).map(Some);
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
    Passphrase::new(typed(question)?.into_bytes()).map_err(|error| usage(error.to_string()))
}

fn typed(question: &str) -> Result<String, Failure> {
    let term = Term::stderr();
    term.write_str(question)
        .and_then(|()| term.read_secure_line())
        .map_err(|error| usage(format!("cannot read a passphrase from the terminal: {error}")))
}

fn usage(sentence: String) -> Failure {
    Failure::Ended { exit: Exit::Usage, sentence }
}

/// Asks for a new passphrase, twice. `file`: the flag that names a file with it.
pub(crate) fn ask_for_new(file: &str) -> Result<Passphrase, Failure> {
    if !is_terminal() {
        return Err(usage(format!("There is no terminal to ask for a passphrase on. Use {file} FILE.")));
    }
    again(ask("New passphrase: ")?)
}

/// Offers a passphrase: none, if nothing is typed.
pub(crate) fn offer_new() -> Result<Option<Passphrase>, Failure> {
    let typed = typed("New passphrase, or nothing for none: ")?;
    if typed.is_empty() {
        return Ok(None);
    }
    let new = Passphrase::new(typed.into_bytes()).map_err(|error| usage(error.to_string()))?;
    again(new).map(Some)
}

fn again(new: Passphrase) -> Result<Passphrase, Failure> {
    if ask("The same again: ")? != new {
        return Err(usage("The two passphrases differ. Nothing was done.".into()));
    }
    Ok(new)
}

/// The passphrase for a node that runs: from a file, from stdin (`-`), or typed.
pub(crate) fn for_running(args: &UnlockArgs, terminal: &mut Terminal) -> Result<PassphraseText, Failure> {
    let passphrase = match &args.passphrase_file {
        Some(file) if file.as_os_str() == "-" => {
            let read = terminal.read_stdin(PASSPHRASE_LIMIT);
            let text = read.map_err(|error| usage(format!("cannot read the passphrase from stdin: {error}")))?;
            let line = text.strip_suffix('\n').unwrap_or(&text);
            return Ok(line.strip_suffix('\r').unwrap_or(line).to_owned().into());
        }
        Some(file) => from_file(file)?,
        None if is_terminal() => ask("Passphrase: ")?,
        None => {
            let sentence = "There is nobody to ask for the passphrase. Use --passphrase-file FILE, or - for stdin.";
            return Err(usage(sentence.into()));
        }
    };
    let text = std::str::from_utf8(passphrase.expose()).map_err(|_| {
        usage(
            "this passphrase is not UTF-8 text, which a running node cannot be told; restart its daemon instead".into(),
        )
    })?;
    Ok(text.to_owned().into())
}

/// The passphrase in a file.
pub(crate) fn from_file(file: &Path) -> Result<Passphrase, Failure> {
    Passphrase::from_file(file).map_err(|error| unusable(file, &error))
}

fn unusable(file: &Path, error: &VaultError) -> Failure {
    let sentence = match error {
        VaultError::PassphraseLength => format!("There is no passphrase in {}: {error}.", file.display()),
        other => other.to_string(),
    };
    Failure::Ended { exit: Exit::Usage, sentence }
}
