//! The signed header of an entry: encoding, decoding, identity.
//!
//! A header travels and is stored as the exact bytes its author encoded; it is never re-encoded to be checked.

use std::sync::LazyLock;

use curve25519_dalek::constants::EIGHT_TORSION;
use ed25519_dalek::{Verifier, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::{
    Author, ChannelId, EntryId, FeedId, Signature,
    limits::{MAX_COUNTER, MAX_HEADER, MAX_PAYLOAD, MAX_REFS},
    wire::Bounded,
};

/// The header version this crate writes and reads.
pub const VERSION: u8 = 1;

/// What is put before the header bytes when they are signed, so that the signature can stand for nothing else.
pub const SIGNATURE_CONTEXT: &[u8] = b"covey feed entry v1\0";

/// What an entry is for. Codes this version does not know are kept and carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "u8", into = "u8")]
pub enum Kind {
    /// Changes to the channel itself.
    Control,
    /// Messages.
    Content,
    /// Names entries of others that were seen, when there is nothing else to say.
    Ack,
    /// A kind of a later version (code 3 and above).
    Other(u8),
}

impl From<u8> for Kind {
    fn from(code: u8) -> Self {
        match code {
            0 => Self::Control,
            1 => Self::Content,
            2 => Self::Ack,
            code => Self::Other(code),
        }
    }
}

impl From<Kind> for u8 {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Control => 0,
            Kind::Content => 1,
            Kind::Ack => 2,
            Kind::Other(code) => code,
        }
    }
}

/// Where an entry stands in its feed. Payload encryption binds to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// 1 for the first entry.
    pub seq: u64,
    /// Id of the entry before; `None` exactly when `seq` is 1.
    pub backlink: Option<EntryId>,
}

/// A decoded header that is within all limits of version 1. Says nothing about signatures or the rest of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The feed.
    pub feed: FeedId,
    /// Where the entry stands in it.
    pub position: Position,
    /// Logical time, 1 and above: greater than that of every entry the author had seen.
    pub lamport: u64,
    /// Newest entries of other feeds that the author had seen, at most [`MAX_REFS`].
    pub refs: Vec<EntryId>,
    /// What the entry is for.
    pub kind: Kind,
    /// Length of the payload in bytes.
    pub payload_len: u32,
    /// BLAKE3 of the payload.
    pub payload_hash: [u8; 32],
}

/// Why bytes are not a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The header is of a version this node does not know.
    #[error("unknown header version {0}")]
    UnknownVersion(u64),
    /// Not a header at all.
    #[error(transparent)]
    Malformed(#[from] covey_codec::DecodeError),
    /// A field is outside its limits.
    #[error("header field out of range: {0}")]
    OutOfRange(&'static str),
}

/// `[v, channel, author, incarnation, seq, backlink, lamport, refs, kind, payload length, payload hash]`
#[derive(Serialize, Deserialize)]
struct Wire(
    u8,
    ChannelId,
    Author,
    u64,
    u64,
    Option<EntryId>,
    u64,
    Bounded<EntryId, MAX_REFS>,
    Kind,
    u32,
    #[serde(with = "serde_bytes")] [u8; 32],
);

impl Header {
    /// Encodes the header. The result is what is hashed, signed, stored and sent.
    pub fn encode(&self) -> Vec<u8> {
        let wire = Wire(
            VERSION,
            self.feed.channel,
            self.feed.author,
            self.feed.incarnation,
            self.position.seq,
            self.position.backlink,
            self.lamport,
            Bounded(self.refs.clone()),
            self.kind,
            self.payload_len,
            self.payload_hash,
        );
        covey_codec::encode(&wire).expect("plain data encodes")
    }

    /// Decodes header bytes and checks every field against its limits (FEED-1, FEED-2).
    ///
    /// # Errors
    /// [`HeaderError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let wire: Wire =
            covey_codec::decode(bytes, MAX_HEADER).map_err(|e| version_error(bytes).unwrap_or(e.into()))?;
        let Wire(v, channel, author, incarnation, seq, backlink, lamport, refs, kind, payload_len, payload_hash) = wire;
        if v != VERSION {
            return Err(HeaderError::UnknownVersion(v.into()));
        }
        let in_range = |n: u64, low: u64| (low..=MAX_COUNTER).contains(&n);
        let rules = [
            (in_range(incarnation, 0), "incarnation"),
            (in_range(seq, 1), "seq"),
            (in_range(lamport, 1), "lamport"),
            (backlink.is_none() == (seq == 1), "backlink"),
            (usize::try_from(payload_len).is_ok_and(|len| len <= MAX_PAYLOAD), "payload length"),
        ];
        if let Some((_, field)) = rules.iter().find(|(holds, _)| !holds) {
            return Err(HeaderError::OutOfRange(field));
        }
        Ok(Self {
            feed: FeedId { channel, author, incarnation },
            position: Position { seq, backlink },
            lamport,
            refs: refs.0,
            kind,
            payload_len,
            payload_hash,
        })
    }

    /// Whether `payload` is the one this header speaks of.
    pub fn matches(&self, payload: &[u8]) -> bool {
        usize::try_from(self.payload_len) == Ok(payload.len()) && payload_hash(payload) == self.payload_hash
    }
}

/// The id of the entry with these header bytes.
pub fn entry_id(header: &[u8]) -> EntryId {
    EntryId::from_bytes(*blake3::hash(header).as_bytes())
}

/// The hash by which a header names its payload.
pub fn payload_hash(payload: &[u8]) -> [u8; 32] {
    *blake3::hash(payload).as_bytes()
}

/// Whether `signature` is the author's over these header bytes (strict Ed25519).
pub fn signature_is_valid(author: &Author, header: &[u8], signature: &Signature) -> bool {
    AuthorKey::new(author).is_some_and(|key| key.signed(header, signature))
}

/// An author's key in the form that verifies. To make it takes a tenth of a verification, so it is worth keeping.
#[derive(Debug, Clone)]
pub struct AuthorKey(VerifyingKey);

impl AuthorKey {
    /// `None` if the author's name is no key, or one under which anybody can sign.
    pub fn new(author: &Author) -> Option<Self> {
        VerifyingKey::from_bytes(author.as_bytes()).ok().filter(|key| !key.is_weak()).map(Self)
    }

    /// Whether `signature` is the author's over these header bytes: exactly when Ed25519's `verify_strict` says so.
    ///
    /// `verify_strict` decompresses the signature's R to see whether its order is small, which is an eighth of its time.
    /// Where a signature verifies, R is the canonical encoding of a point and can be looked up among the eight instead.
    #[expect(clippy::disallowed_methods, reason = "what `verify_strict` refuses besides is refused here")]
    pub fn signed(&self, header: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature.as_bytes());
        !SMALL_ORDER.contains(signature.r_bytes())
            && self.0.verify(&[SIGNATURE_CONTEXT, header].concat(), &signature).is_ok()
    }
}

/// The points of small order, encoded.
static SMALL_ORDER: LazyLock<[[u8; 32]; 8]> = LazyLock::new(|| EIGHT_TORSION.map(|point| point.compress().to_bytes()));

/// A header of another version may have any shape: only its first element is looked at.
fn version_error(bytes: &[u8]) -> Option<HeaderError> {
    match bytes {
        [0x81..=0x97, version @ 0..=23, ..] if *version != VERSION => {
            Some(HeaderError::UnknownVersion((*version).into()))
        }
        _ => None,
    }
}
