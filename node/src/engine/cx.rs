//! What every handler works with.

use std::sync::Arc;

use covey_api::{ApiError, Reason, sentence};
use rand::rngs::StdRng;

use super::notices::Notices;
use super::{Appended, Asker, Effect, Live, Me, Policy};
use crate::store::{StoreError, Tx};

/// One input's context: who we are, what is in memory, the transaction, the time and the random source.
pub struct Cx<'a, 's> {
    /// Our own identities.
    pub me: &'a Me,
    /// What the operator configured.
    pub policy: &'a Policy,
    /// What is in memory only: connected peers, retry times.
    pub live: &'a mut Live,
    /// The transaction of this input.
    pub tx: &'a mut Tx<'s>,
    /// Now, in Unix milliseconds.
    pub now: u64,
    /// Cryptographic randomness.
    pub rng: &'a mut StdRng,
    /// On whose behalf, where that narrows what may be seen and done.
    pub asker: Asker,
    /// What was appended to feeds of our own and waits for [`super::settle`].
    pub appended: Appended,
    /// What others have to hear of.
    pub notices: Notices,
    /// What to do once the transaction is durable.
    pub effects: Vec<Effect>,
}

impl<'a, 's> Cx<'a, 's> {
    /// That of an input of anybody who may see and do everything.
    pub fn new(
        me: &'a Me,
        policy: &'a Policy,
        live: &'a mut Live,
        tx: &'a mut Tx<'s>,
        now: u64,
        rng: &'a mut StdRng,
    ) -> Self {
        let (asker, appended, notices, effects) = Default::default();
        Self { me, policy, live, tx, now, rng, asker, appended, notices, effects }
    }
}

/// Why an input could not be handled. None of them is a peer's or a user's doing.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was written could not be made durable; it may or may not be there after a restart.
    #[error(transparent)]
    NotDurable(Arc<StoreError>),
    /// An invariant does not hold: a bug.
    #[error("internal error: {0}")]
    Bug(String),
}

impl EngineError {
    /// For results that cannot fail unless covey itself is wrong.
    pub(crate) fn bug(error: impl std::fmt::Display) -> Self {
        Self::Bug(error.to_string())
    }
}

impl EngineError {
    /// True if waiting or freeing space can help.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::NotDurable(error) => error.is_transient(),
            Self::Bug(_) => false,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::from(EngineError::from(error))
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => storage(&error),
            EngineError::NotDurable(error) => storage(&error),
            EngineError::Bug(text) => Self::new(Reason::Internal, sentence(&text)),
        }
    }
}

fn storage(error: &StoreError) -> ApiError {
    let reason = match error {
        StoreError::Full { .. } | StoreError::ReadOnly { .. } | StoreError::Io { .. } => Reason::Storage,
        StoreError::InUse { .. } => Reason::DataInUse,
        StoreError::Damaged { .. } | StoreError::BadRecord { .. } | StoreError::Version { .. } => Reason::Corrupt,
        _ => Reason::Internal,
    };
    if reason == Reason::Corrupt {
        tracing::error!(%error, "a command met damage");
    }
    ApiError::new(reason, sentence(&error.to_string()))
}
