//! Why something cannot be done to a database.

use std::{io, path::PathBuf};

use covey_api::Exit;

use crate::{daemon::StartError, engine::EngineError, files, lock::LockError, store::StoreError, vault::VaultError};

/// Why something cannot be done to a database. Every text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The data directory cannot be used at all.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record is not what it should be.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The account is lost.
    #[error(
        "nothing of the account can be read in {dir}; put a backup there with `covey db restore`, or start over elsewhere \
         with `covey account recover --data-dir NEW`"
    )]
    AccountLost {
        /// The data directory.
        dir: PathBuf,
    },
    /// The repair did not get everything to agree: a bug.
    #[error("the repair left a problem behind and was given up, nothing was changed: {problem}")]
    Unrepaired {
        /// The first of them.
        problem: String,
    },
    /// What is to be made of an old copy is a start's to do.
    #[error(
        "the database is an older state of itself ({why}); start your node once with `covey daemon`, which sees to that, \
         then compact it"
    )]
    Behind {
        /// What was noticed.
        why: String,
    },
    /// The copy is not what was copied: a failing disk, or a bug.
    #[error(
        "the copy has {copied} records instead of {records}, or others, and was given up; nothing was changed. Check the \
         disk, then run `covey db verify`"
    )]
    Unequal {
        /// Records there are.
        records: u64,
        /// Records in the copy.
        copied: u64,
    },
    /// Not enough space for a copy.
    #[error(
        "the disk that holds {path} has {} MiB free, and up to {} MiB are needed for a while; free some space there",
        free >> 20, needed.div_ceil(1 << 20)
    )]
    NoRoom {
        /// Where the database is.
        path: PathBuf,
        /// Bytes that it may take.
        needed: u64,
        /// Bytes that there are.
        free: u64,
    },
    /// A test stopped it here.
    #[error("stopped")]
    Stopped,
    /// There is such a file already.
    #[error("{path} exists already; name another file")]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// There is a node where one is to be put.
    #[error("there is a node in {dir} already; restore into an empty directory with --data-dir")]
    NotEmpty {
        /// Where.
        dir: PathBuf,
    },
    /// The backup opens with a key file that was not given.
    #[error(
        "{path} opens only with the vault.key of the node that it is of; name that file with --vault-key FILE, or put it at {}",
        key.display()
    )]
    KeyNeeded {
        /// The backup.
        path: PathBuf,
        /// Where the key is looked for.
        key: PathBuf,
    },
    /// A file is no backup, or damaged, or of a later version.
    #[error("cannot restore {path}: {why}")]
    NoBackup {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl From<LockError> for DbError {
    fn from(error: LockError) -> Self {
        Self::Start(error.into())
    }
}

impl From<VaultError> for DbError {
    fn from(error: VaultError) -> Self {
        Self::Start(error.into())
    }
}

impl DbError {
    /// The exit code class of a process that ends because of it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Start(error) => error.exit(),
            Self::Store(_)
            | Self::Engine(_)
            | Self::Unequal { .. }
            | Self::AccountLost { .. }
            | Self::NoBackup { .. } => Exit::Data,
            Self::Unrepaired { .. } | Self::Stopped => Exit::Bug,
            Self::KeyNeeded { .. } => Exit::Usage,
            Self::Behind { .. }
            | Self::NoRoom { .. }
            | Self::Exists { .. }
            | Self::NotEmpty { .. }
            | Self::Io { .. } => Exit::Refused,
        }
    }
}

/// An error at a file.
pub(super) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> DbError {
    let path = path.into();
    move |source| match source.kind() {
        io::ErrorKind::AlreadyExists => DbError::Exists { path },
        _ => DbError::Io { path, source },
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &std::path::Path) -> Result<(), DbError> {
    files::sync_dir(dir).map_err(at(dir))
}
