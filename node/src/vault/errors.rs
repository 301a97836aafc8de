//! Why a vault could not be opened, created or changed.

use std::{io, path::PathBuf};

/// Every text says what the operator can do.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The vault opens with a passphrase and none was given.
    #[error(
        "{path} is locked by a passphrase; enter it on a terminal, or give it with `--passphrase-file FILE` or as the systemd \
         credential `{}`",
        super::CREDENTIAL
    )]
    PassphraseNeeded {
        /// The header file.
        path: PathBuf,
    },
    /// The passphrase is not the one the vault was locked with.
    #[error("this passphrase does not open {path}; try again, or restore from a backup or the recovery phrase")]
    WrongPassphrase {
        /// The header file.
        path: PathBuf,
    },
    /// The key file belongs to another vault.
    #[error("the key in {path} does not open this vault; put back the key file that was made with it")]
    WrongKeyFile {
        /// The key file.
        path: PathBuf,
    },
    /// The key file is gone.
    #[error("the vault key {path} is missing; put it back from your backup")]
    KeyFileMissing {
        /// The key file.
        path: PathBuf,
    },
    /// The key file does not hold a key.
    #[error("{path} is not a vault key (64 hexadecimal digits); put it back from your backup")]
    KeyFileMalformed {
        /// The key file.
        path: PathBuf,
    },
    /// Other users may read the key file.
    #[error("other users can read the vault key {path} (mode {mode:03o}); run `chmod 600 {path}` if they never did")]
    KeyFileExposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another user owns the key file.
    #[error("the vault key {path} belongs to user {uid}; run covey as that user or `chown` the file")]
    KeyFileForeign {
        /// The key file.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// There is a database but nothing to open it with.
    #[error("{path} is missing but there is a database; put {path} back from your backup, or move the database away")]
    HeaderMissing {
        /// The header file.
        path: PathBuf,
    },
    /// There is a vault already.
    #[error("{path} exists already")]
    Exists {
        /// The header file.
        path: PathBuf,
    },
    /// The header is not one of ours, or of a later version.
    #[error("cannot use {path}: {detail}; put it back from your backup")]
    Header {
        /// The header file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A passphrase of no characters, or of more than anyone types.
    #[error("a passphrase has 1 to {} bytes", super::passphrase::MAX_LEN)]
    PassphraseLength,
    /// The operating system refused.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}
