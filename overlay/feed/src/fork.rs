//! Proof that an author wrote two different things at one position.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    Entry, EntryId, FeedId, Header, Signature,
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
/// At some position they have different entries, or one begins right after it and names another entry before it. (An
/// unsigned entry counts only as ancestor of a signed one, so each side carries its chain up to a signature.)
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
    /// The first position of which the proof shows two entries.
    pub seq: u64,
    /// Both chains name the same entry before it, so that these two histories parted here and not earlier.
    pub settled: bool,
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

/// A chain that was checked: which entry stands where.
struct Checked {
    feed: FeedId,
    /// Of the first header.
    first: u64,
    /// What the first header names before it.
    before: Option<EntryId>,
    ids: Vec<EntryId>,
}

impl Checked {
    /// The first position of which it says anything.
    fn low(&self) -> u64 {
        self.first.saturating_sub(1).max(1)
    }

    /// The entry at a position, if it says anything of it.
    fn at(&self, seq: u64) -> Option<EntryId> {
        if seq + 1 == self.first {
            return self.before;
        }
        self.ids.get(usize::try_from(seq.checked_sub(self.first)?).ok()?).copied()
    }
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
        let (first, second) = (self.first.check()?, self.second.check()?);
        let known = |seq: &u64| Some((first.at(*seq)?, second.at(*seq)?));
        // Equal entries have equal pasts.
        let mut common = (first.low().max(second.low())..).map_while(|seq| Some((seq, known(&seq)?)));
        let low = first.low().max(second.low());
        match common.find(|(_, (one, other))| one != other) {
            Some((seq, _)) if first.feed == second.feed => {
                Ok(Forked { feed: first.feed, seq, settled: seq > low || seq == 1 })
            }
            _ => Err(ForkProofError::Consistent),
        }
    }

    /// The proof that names the first position of those that it and what we have of the feed make together: itself, if
    /// no other says more. Members that tell each other what they found so come to where the histories parted,
    /// [`MAX_RUN_ENTRIES`] entries at a time (FEED-16).
    ///
    /// # Errors
    /// [`ForkProofError`]: it proves nothing.
    pub fn lowered(self, own: impl Fn(u64) -> Option<Entry>) -> Result<(Self, Forked), ForkProofError> {
        let forked = self.verify()?;
        let ours = [&self.first, &self.second].map(|chain| contradiction(chain, &own));
        let ours = ours.into_iter().flatten().filter_map(|proof| proof.verify().ok().map(|forked| (proof, forked)));
        let all = std::iter::once((self.clone(), forked)).chain(ours);
        Ok(all.min_by_key(|(_, forked)| (forked.seq, !forked.settled)).unwrap_or((self, forked)))
    }

    /// The feed that it is said to be about, before anything of it is believed.
    pub fn claimed(&self) -> Option<FeedId> {
        Some(Header::decode(self.first.headers.first()?).ok()?.feed)
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
    /// Whether the signature at its end covers this entry, and so its author signed it.
    pub fn covers(&self, entry: &EntryId) -> bool {
        self.check().is_ok_and(|checked| checked.ids.contains(entry))
    }

    fn check(&self) -> Result<Checked, ForkProofError> {
        let last = self.headers.last().ok_or(ForkProofError::Chain)?;
        let mut header = Header::decode(last)?;
        if self.headers.len() > MAX_RUN_ENTRIES || !signature_is_valid(&header.feed.author, last, &self.signature) {
            return Err(ForkProofError::Chain);
        }
        let mut ids = vec![entry_id(last)];
        for bytes in self.headers.iter().rev().skip(1) {
            let before = Header::decode(bytes)?;
            let id = entry_id(bytes);
            let linked = header.position.backlink == Some(id) && before.position.seq + 1 == header.position.seq;
            if !linked || before.feed != header.feed {
                return Err(ForkProofError::Chain);
            }
            ids.push(id);
            header = before;
        }
        ids.reverse();
        Ok(Checked { feed: header.feed, first: header.position.seq, before: header.position.backlink, ids })
    }
}

/// The first position at which a chain contradicts the entries that we have of its feed, proven; none if it does not.
///
/// If they differ as far down as the chain shows, our side of the proof goes further down: who has the other history finds
/// by it where the two parted.
pub fn contradiction(chain: &SignedChain, own: impl Fn(u64) -> Option<Entry>) -> Option<ForkProof> {
    let theirs = chain.check().ok()?;
    let differs = |seq: u64| Some((seq, own(seq)?.id() != theirs.at(seq)?));
    let (seq, _) = (theirs.low()..).map_while(differs).find(|(_, differs)| *differs)?;
    let mut headers = Vec::new();
    let mut signature = None;
    for seq in seq.. {
        let entry = own(seq).filter(|_| headers.len() < MAX_RUN_ENTRIES)?;
        headers.push(entry.header_bytes().to_vec());
        signature = entry.signature().copied();
        if signature.is_some() {
            break;
        }
    }
    let mut other = chain.headers.clone();
    if seq == theirs.low() {
        let room = MAX_RUN_ENTRIES.saturating_sub(headers.len());
        let before = (1..seq).rev().take(room).map_while(&own).map(|entry| entry.header_bytes().to_vec());
        let before: Vec<_> = before.collect();
        headers.splice(0..0, before.into_iter().rev());
    } else {
        // They agree before it, and both say so: nobody finds an earlier one.
        other.drain(..usize::try_from(seq.saturating_sub(theirs.first)).unwrap_or(0));
    }
    Some(ForkProof::new(SignedChain { headers, signature: signature? }, SignedChain { headers: other, ..*chain }))
}
