//! Building a batch of own entries under one signature.

use crate::{
    Author, Entry, EntryId, FeedId, Head, Header, Kind, Run, Signature,
    header::{Position, payload_hash},
    limits::{MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, MAX_COUNTER, MAX_PAYLOAD, MAX_REFS},
};

/// Why entries cannot be built. Nothing was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A batch needs at least one entry.
    #[error("a batch without entries")]
    Empty,
    /// More entries than one signature may cover: [`MAX_BATCH_ENTRIES`].
    #[error("more than {MAX_BATCH_ENTRIES} entries in one batch")]
    TooMany,
    /// More bytes than one signature may cover: [`MAX_BATCH_BYTES`].
    #[error("more than {MAX_BATCH_BYTES} bytes in one batch")]
    TooLarge,
    /// A payload over [`MAX_PAYLOAD`].
    #[error("payload of {0} bytes is over the limit of {MAX_PAYLOAD}")]
    PayloadTooLarge(usize),
    /// More refs than [`MAX_REFS`].
    #[error("more than {MAX_REFS} refs")]
    TooManyRefs,
    /// The feed has reached its last position; the device must open its next incarnation.
    #[error("the feed is full")]
    Exhausted,
    /// The incarnation is over [`MAX_COUNTER`].
    #[error("incarnation out of range")]
    Incarnation,
}

/// A batch being built. Payload encryption binds to [`position`](Self::position), so it is asked for entry by entry.
#[derive(Debug)]
pub struct Builder {
    feed: FeedId,
    position: Position,
    lamport: u64,
    refs: Vec<EntryId>,
    entries: Vec<Entry>,
    size: usize,
}

/// Own entries, the last one signed. To be committed durably before anything of it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The entries in order; never empty.
    pub entries: Vec<Entry>,
    /// The head of the feed once they are committed.
    pub head: Head,
}

impl Builder {
    /// Continues `feed` after `head` (`None`: its first entry). `lamport` is the highest logical time seen in the
    /// channel ([`Heads::lamport`](crate::Heads::lamport)), `refs` the newest entries seen in other feeds; the
    /// first entry carries them.
    ///
    /// # Errors
    /// [`BuildError::TooManyRefs`], [`BuildError::Incarnation`].
    pub fn new(feed: FeedId, head: Option<&Head>, lamport: u64, refs: Vec<EntryId>) -> Result<Self, BuildError> {
        if refs.len() > MAX_REFS {
            return Err(BuildError::TooManyRefs);
        }
        if feed.incarnation > MAX_COUNTER {
            return Err(BuildError::Incarnation);
        }
        let position = match head {
            None => Position { seq: 1, backlink: None },
            Some(head) => Position { seq: head.seq.saturating_add(1), backlink: Some(head.id) },
        };
        let lamport = lamport.max(head.map_or(0, |head| head.lamport));
        Ok(Self { feed, position, lamport, refs, entries: Vec::new(), size: 0 })
    }

    /// The feed being continued.
    pub fn feed(&self) -> FeedId {
        self.feed
    }

    /// Where the next pushed entry will stand.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Number of entries pushed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was pushed yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Appends one entry and returns its id. On error nothing changed.
    ///
    /// # Errors
    /// [`BuildError`] when a limit would be crossed.
    pub fn push(&mut self, kind: Kind, payload: Vec<u8>) -> Result<EntryId, BuildError> {
        if self.entries.len() == MAX_BATCH_ENTRIES {
            return Err(BuildError::TooMany);
        }
        if self.position.seq > MAX_COUNTER {
            return Err(BuildError::Exhausted);
        }
        if payload.len() > MAX_PAYLOAD {
            return Err(BuildError::PayloadTooLarge(payload.len()));
        }
        let header = Header {
            feed: self.feed,
            position: self.position,
            // A hostile member can drive logical time to its end. It then stands still (FEED-6): the order stays
            // total and the channel usable.
            lamport: self.lamport.saturating_add(1).min(MAX_COUNTER),
            refs: if self.entries.is_empty() { self.refs.clone() } else { Vec::new() },
            kind,
            payload_len: u32::try_from(payload.len()).map_err(|_| BuildError::PayloadTooLarge(payload.len()))?,
            payload_hash: payload_hash(&payload),
        };
        let bytes = header.encode();
        let entry = Entry::new(header, bytes, Some(payload), None);
        let size = self.size.saturating_add(entry.size());
        if size > MAX_BATCH_BYTES {
            return Err(BuildError::TooLarge);
        }
        self.size = size;
        self.lamport = entry.lamport();
        self.position = Position { seq: self.position.seq + 1, backlink: Some(entry.id()) };
        let id = entry.id();
        self.entries.push(entry);
        Ok(id)
    }

    /// Signs the batch. `sign` gets the bytes of the last header and returns the Ed25519 signature over
    /// [`SIGNATURE_CONTEXT`](crate::header::SIGNATURE_CONTEXT) followed by them
    /// (`SigningSecret::sign(Context::FeedEntry, header)` does that).
    ///
    /// # Errors
    /// [`BuildError::Empty`].
    pub fn finish(mut self, sign: impl FnOnce(&[u8]) -> [u8; 64]) -> Result<Batch, BuildError> {
        let last = self.entries.pop().ok_or(BuildError::Empty)?;
        let head = last.head();
        self.entries.push(self::sign(last, sign));
        Ok(Batch { entries: self.entries, head })
    }
}

impl Batch {
    /// The batch as it is sent.
    pub fn run(&self) -> Run {
        Run::of(&self.entries).expect("a batch is not empty and ends signed")
    }

    /// The author of the batch.
    pub fn author(&self) -> Author {
        self.feed().author
    }

    /// The feed of the batch.
    pub fn feed(&self) -> FeedId {
        self.entries.first().expect("a batch is not empty").header().feed
    }
}

/// One more entry of a batch that is built while its entries are committed one by one: without a signature, which the last
/// one gets by [`sign`]. At most [`MAX_BATCH_ENTRIES`] and [`MAX_BATCH_BYTES`] may stand under one signature.
///
/// # Errors
/// [`BuildError`] when a limit would be crossed.
pub fn next(
    feed: FeedId,
    head: Option<&Head>,
    lamport: u64,
    refs: Vec<EntryId>,
    kind: Kind,
    payload: Vec<u8>,
) -> Result<Entry, BuildError> {
    let mut builder = Builder::new(feed, head, lamport, refs)?;
    builder.push(kind, payload)?;
    builder.entries.pop().ok_or(BuildError::Empty)
}

/// Signs an entry, and with it those before it that have no signature. `sign` is that of [`Builder::finish`].
#[must_use]
pub fn sign(last: Entry, sign: impl FnOnce(&[u8]) -> [u8; 64]) -> Entry {
    let signature = Signature::from_bytes(sign(last.header_bytes()));
    last.with_signature(signature)
}

/// Builds a batch whose payloads do not depend on their positions; otherwise use [`Builder`].
///
/// # Errors
/// [`BuildError`]; nothing was signed.
pub fn build(
    feed: FeedId,
    head: Option<&Head>,
    lamport: u64,
    refs: Vec<EntryId>,
    items: Vec<(Kind, Vec<u8>)>,
    sign: impl FnOnce(&[u8]) -> [u8; 64],
) -> Result<Batch, BuildError> {
    let mut builder = Builder::new(feed, head, lamport, refs)?;
    for (kind, payload) in items {
        builder.push(kind, payload)?;
    }
    builder.finish(sign)
}
