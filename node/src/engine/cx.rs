//! What every handler works with.

use covey_api::{ApiError, Reason};
use rand::rngs::StdRng;

use super::{Effect, Live, Me, Policy};
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
    /// What to do once the transaction is durable.
    pub effects: Vec<Effect>,
}

/// Why an input could not be handled. None of them is a peer's or a user's doing.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
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

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::from(EngineError::from(error))
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => Self::new(Reason::Storage, error.to_string()),
            EngineError::Bug(text) => Self::new(Reason::Internal, text),
        }
    }
}
