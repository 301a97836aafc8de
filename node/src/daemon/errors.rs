//! Why a node does not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use covey_api::{ApiError, Exit};
use covey_overlay::SpawnError;

use crate::config::ConfigError;
use crate::engine::EngineError;
use crate::lock::LockError;
use crate::network_key::KeyError;
use crate::paths::PathsError;
use crate::rpc::ServeError;
use crate::store::StoreError;
use crate::vault::VaultError;

/// Why a node does not start. Every text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nobody knows where the data is.
    #[error(transparent)]
    Paths(#[from] PathsError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A configured address is none.
    #[error("{key}: \"{text}\" is not a multiaddress; write it like /ip4/192.0.2.1/tcp/7421")]
    Address {
        /// Which setting.
        key: &'static str,
        /// What it says.
        text: String,
    },
    /// Another process has the directory.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The vault does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored identity is not usable.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The overlay does not start.
    #[error(transparent)]
    Overlay(#[from] SpawnError),
    /// The RPC server does not start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The RPC module cannot be built: a bug.
    #[error("cannot build the RPC: {0}")]
    Rpc(String),
    /// The engine refused what every start asks: a bug, or a failing disk.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The system gave no thread.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// `init` in a directory that has an account.
    #[error("{dir} has an account already; start it with `covey daemon`, or name another directory with --data-dir")]
    AlreadyInitialised {
        /// Which directory.
        dir: PathBuf,
    },
    /// There was an account, and the database does not have it any more.
    #[error(
        "the database in {dir} is missing or damaged: its account is not there any more; run `covey db repair`, put the \
         directory back from a backup, or start over elsewhere with `covey account recover --data-dir NEW`"
    )]
    AccountMissing {
        /// Which directory.
        dir: PathBuf,
    },
    /// The key of the private network cannot be used.
    #[error(transparent)]
    NetworkKey(#[from] KeyError),
    /// The key of a seed is damaged.
    #[error(
        "{file} is damaged: put it back from a backup, or remove it and give the others the new addresses of this seed"
    )]
    SeedKey {
        /// Which file.
        file: PathBuf,
    },
    /// The page for the collector cannot be served.
    #[error("cannot answer at {address}: {source}; choose another --metrics")]
    Metrics {
        /// Where.
        address: SocketAddr,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The mark that there is an account cannot be written.
    #[error("cannot write into the data directory: {0}")]
    Mark(std::io::Error),
    /// The words of a sealed node are asked for.
    #[error(
        "{dir} is sealed: the 24 words are not on this machine. They were erased when you had written them down, or it was linked to the account and never had them; you have them on paper"
    )]
    Sealed {
        /// Which directory.
        dir: PathBuf,
    },
    /// This device was revoked by another one of its account.
    #[error(
        "this device was revoked by another device of the account and is no part of it any more; to use this machine again, run \
         `covey init --link` with another --data-dir, and keep {dir} only if you want what is in it"
    )]
    Revoked {
        /// Which directory.
        dir: PathBuf,
    },
    /// There is no account yet.
    #[error("{dir} has no account yet; make one with `covey init` or start `covey daemon`")]
    NotInitialised {
        /// Which directory.
        dir: PathBuf,
    },
}

impl StartError {
    /// The exit code class of a process that ends because of it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Paths(_)
            | Self::Config(_)
            | Self::Address { .. }
            | Self::NetworkKey(_)
            | Self::Metrics { .. }
            | Self::Vault(VaultError::PassphraseLength)
            | Self::Overlay(SpawnError::Bootstrap { .. }) => Exit::Usage,
            Self::Vault(VaultError::PassphraseNeeded { .. } | VaultError::WrongPassphrase { .. })
            | Self::Overlay(_)
            | Self::Serve(_)
            | Self::AlreadyInitialised { .. }
            | Self::NotInitialised { .. }
            | Self::Revoked { .. }
            | Self::Sealed { .. } => Exit::Refused,
            Self::Lock(_)
            | Self::Store(_)
            | Self::Engine(_)
            | Self::Vault(_)
            | Self::AccountMissing { .. }
            | Self::SeedKey { .. }
            | Self::Mark(_) => Exit::Data,
            Self::Api(error) => error.exit(),
            Self::Rpc(_) | Self::Thread(_) => Exit::Bug,
        }
    }
}
