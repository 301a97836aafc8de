//! Proof that an author wrote two different things at one position.

use crate::{FeedId, Signature, header::HeaderError};

/// Headers in order, linked by their backlinks, the last one signed. Bounded by one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedChain {
    /// Header bytes, oldest first.
    pub headers: Vec<Vec<u8>>,
    /// Over the last header.
    pub signature: Signature,
}

/// Two chains signed by one author that no honest author signs both of; anyone can check it without further data.
///
/// Either both begin at one position with different entries, or the second begins right after the first's
/// beginning and names another entry before it. (An unsigned entry counts only as ancestor of a signed one, so each
/// side carries its chain up to a signature.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkProof {
    first: SignedChain,
    second: SignedChain,
}

/// What a valid proof proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forked {
    /// The feed whose author forked it.
    pub feed: FeedId,
    /// The position that has two entries.
    pub seq: u64,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForkProofError {
    /// Not a proof at all, or of an unknown version.
    #[error("malformed fork proof: {0}")]
    Malformed(#[from] covey_codec::DecodeError),
    /// The encoding is of a version this node does not know.
    #[error("unknown fork proof version {0}")]
    UnknownVersion(u8),
    /// One of its headers is not valid.
    #[error("fork proof: {0}")]
    Header(#[from] HeaderError),
    /// A chain is empty, broken or not signed by the author.
    #[error("fork proof with a broken chain")]
    Chain,
    /// The two chains do not contradict each other.
    #[error("fork proof without a contradiction")]
    Consistent,
}
