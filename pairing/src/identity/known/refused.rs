//! Why a log or a contest does not count for a reader.

use super::Fork;

/// Why a log or a contest was not taken. What the account is to the reader then is in [`super::KnownLog::standing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotTaken {
    /// Of another account.
    #[error("of another account")]
    OtherAccount,
    /// Shorter than the one known, or without a rotation of it.
    #[error("older than what is known")]
    Older,
    /// Another beginning than the one known: whoever made it has the first operational key and not the account.
    #[error("the log begins differently from the one known")]
    OtherRoot,
    /// Another ordinary operation in some place.
    #[error("the account's operational key signed two histories")]
    Forked,
    /// Another rotation in some place.
    #[error("the account was rotated twice from the same place")]
    Contested,
    /// With a rotation that people found not to be the owner's.
    #[error("its rotation was found not to be the owner's")]
    Rejected,
    /// A contest more than 72 hours after the rotation was first seen.
    #[error("the rotation was seen too long ago to be contested")]
    Late,
    /// A contest of what people have compared since.
    #[error("the rotation was compared already")]
    Settled,
}

impl NotTaken {
    /// Whether a log that was refused for this is one of the account all the same.
    pub(super) fn is_of_the_account(self) -> bool {
        matches!(self, Self::Older | Self::Forked | Self::Contested)
    }
}

/// A refusal, with its proof if two histories of the account contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refusal {
    /// Why.
    pub why: NotTaken,
    /// The two operations, for anybody to check.
    pub proof: Option<Box<Fork>>,
}

impl Refusal {
    pub(super) fn new(why: NotTaken) -> Self {
        Self { why, proof: None }
    }

    pub(super) fn proven(why: NotTaken, fork: Box<Fork>) -> Self {
        Self { why, proof: Some(fork) }
    }
}
