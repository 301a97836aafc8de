//! Proof that an author wrote two different things at one position.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    EntryId, FeedId, Header, Signature,
    header::{HeaderError, entry_id, signature_is_valid},
    limits::{MAX_FORK_PROOF, MAX_RUN_ENTRIES},
    wire::Bounded,
};

/// The encoding this crate writes and reads.
const VERSION: u8 = 1;

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
    /// Not a proof at all.
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

/// `[v, first headers, first signature, second headers, second signature]`
#[derive(Serialize, Deserialize)]
struct Wire(u8, Bounded<ByteBuf, MAX_RUN_ENTRIES>, Signature, Bounded<ByteBuf, MAX_RUN_ENTRIES>, Signature);

/// The beginning of a chain that was checked.
struct Beginning {
    header: Header,
    id: EntryId,
}

impl ForkProof {
    /// Puts two chains together; [`verify`](Self::verify) says whether they prove anything.
    pub fn new(first: SignedChain, second: SignedChain) -> Self {
        Self { first, second }
    }

    /// Checks both chains and their contradiction (FEED-11). Needs nothing but the proof.
    ///
    /// # Errors
    /// [`ForkProofError`]: the proof proves nothing.
    pub fn verify(&self) -> Result<Forked, ForkProofError> {
        let first = self.first.check()?;
        let second = self.second.check()?;
        let (at, then) = (first.header.position, second.header.position);
        let contradict = if at.seq == then.seq {
            first.id != second.id
        } else {
            at.seq + 1 == then.seq && then.backlink != Some(first.id)
        };
        if first.header.feed != second.header.feed || !contradict {
            return Err(ForkProofError::Consistent);
        }
        Ok(Forked { feed: first.header.feed, seq: at.seq })
    }

    /// The wire and stored form: versioned CBOR of at most [`MAX_FORK_PROOF`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        let headers = |chain: &SignedChain| Bounded(chain.headers.iter().cloned().map(ByteBuf::from).collect());
        let (first, second) = (&self.first, &self.second);
        let wire = Wire(VERSION, headers(first), first.signature, headers(second), second.signature);
        covey_codec::encode(&wire).expect("plain data encodes")
    }

    /// Decodes the wire form. Verify it before believing it.
    ///
    /// # Errors
    /// [`ForkProofError::Malformed`], [`ForkProofError::UnknownVersion`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ForkProofError> {
        let Wire(v, first, first_signature, second, second_signature) = covey_codec::decode(bytes, MAX_FORK_PROOF)?;
        if v != VERSION {
            return Err(ForkProofError::UnknownVersion(v));
        }
        let chain = |headers: Bounded<ByteBuf, MAX_RUN_ENTRIES>, signature| SignedChain {
            headers: headers.0.into_iter().map(ByteBuf::into_vec).collect(),
            signature,
        };
        Ok(Self { first: chain(first, first_signature), second: chain(second, second_signature) })
    }
}

impl SignedChain {
    fn check(&self) -> Result<Beginning, ForkProofError> {
        let last = self.headers.last().ok_or(ForkProofError::Chain)?;
        let mut header = Header::decode(last)?;
        if self.headers.len() > MAX_RUN_ENTRIES || !signature_is_valid(&header.feed.author, last, &self.signature) {
            return Err(ForkProofError::Chain);
        }
        let mut id = entry_id(last);
        for bytes in self.headers.iter().rev().skip(1) {
            let before = Header::decode(bytes)?;
            id = entry_id(bytes);
            let linked = header.position.backlink == Some(id) && before.position.seq + 1 == header.position.seq;
            if !linked || before.feed != header.feed {
                return Err(ForkProofError::Chain);
            }
            header = before;
        }
        Ok(Beginning { header, id })
    }
}
