//! Why an input could not be handled.

use std::{cell::RefCell, sync::Arc};

use covey_api::{ApiError, Reason, sentence};

use crate::store::StoreError;

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

/// Why something could not be read by a check that only knows found and not found.
#[derive(Debug, Default)]
pub(crate) struct Failed(RefCell<Option<EngineError>>);

impl Failed {
    /// What was found; nothing if it could not be read.
    pub(crate) fn note<T>(&self, found: Result<Option<T>, EngineError>) -> Option<T> {
        found.unwrap_or_else(|error| {
            self.0.replace(Some(error));
            None
        })
    }

    /// Ends the check: what it says does not count if something could not be read.
    pub(crate) fn end(self) -> Result<(), EngineError> {
        self.0.into_inner().map_or(Ok(()), Err)
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
