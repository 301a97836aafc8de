//! Verifying a received run against what we have of its feed.

use crate::{Entry, EntryId, FeedId, ForkProof, Head, RunIn, header::HeaderError, sync::Rejection};

/// What the caller has of a feed and its channel, for the checks that need more than the head.
pub trait Known {
    /// Our entry of the feed at this position. Asked only to prove a fork and to compare a run that ends before
    /// our head.
    fn entry(&self, feed: &FeedId, seq: u64) -> Option<Entry>;

    /// Logical time of any entry of the channel we have.
    fn lamport(&self, id: &EntryId) -> Option<u64>;
}

/// Knows nothing: for feeds we have nothing of.
impl Known for () {
    fn entry(&self, _feed: &FeedId, _seq: u64) -> Option<Entry> {
        None
    }

    fn lamport(&self, _id: &EntryId) -> Option<u64> {
        None
    }
}

/// A run whose every entry is proven to be its author's and to continue what we have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRun {
    feed: FeedId,
    entries: Vec<Entry>,
    skipped: usize,
}

/// Why a run was not taken. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The run begins after the entry we need next.
    #[error("gap: have {have}, run begins at {first}")]
    Gap {
        /// Our head.
        have: u64,
        /// First position of the run.
        first: u64,
    },
    /// The author wrote two different entries at one position; the proof is to be kept and the feed frozen.
    #[error("the author forked this feed")]
    Fork(Box<ForkProof>),
    /// A list is empty, too long, or the two lists do not match, or positions overflow.
    #[error("run with wrong shape: {0}")]
    Shape(&'static str),
    /// The signature of the last entry does not verify.
    #[error("signature does not verify")]
    BadSignature,
    /// A backlink does not lead to the entry before it.
    #[error("broken backlink at {seq}")]
    BrokenChain {
        /// Where.
        seq: u64,
    },
    /// A payload is not the one its header names.
    #[error("payload does not match its header at {seq}")]
    WrongPayload {
        /// Where.
        seq: u64,
    },
    /// A signed header is not valid.
    #[error("header at {seq}: {source}")]
    Header {
        /// Where.
        seq: u64,
        /// Why.
        source: HeaderError,
    },
    /// A signed header belongs to another feed or position.
    #[error("header at {seq} belongs elsewhere")]
    Misplaced {
        /// Where.
        seq: u64,
    },
    /// Logical time does not grow along the feed or over a ref.
    #[error("logical time does not grow at {seq}")]
    Lamport {
        /// Where.
        seq: u64,
    },
    /// An entry is over [`MAX_ENTRY`](crate::limits::MAX_ENTRY).
    #[error("entry over the limit at {seq}")]
    EntryTooLarge {
        /// Where.
        seq: u64,
    },
    /// [`Known::entry`] does not have an entry below our own head: the caller's store is damaged.
    #[error("own entry {seq} is missing")]
    Lost {
        /// Which.
        seq: u64,
    },
}

/// Whose doing a refused run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nobody's: a race.
    None,
    /// The peer that sent it: the author did not sign this.
    Peer,
    /// The author: it is signed.
    Author,
    /// Our own store.
    Store,
}

impl RunError {
    /// Whose doing it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Gap { .. } => Fault::None,
            Self::Shape(_) | Self::BadSignature | Self::BrokenChain { .. } | Self::WrongPayload { .. } => Fault::Peer,
            Self::Fork(_)
            | Self::Header { .. }
            | Self::Misplaced { .. }
            | Self::Lamport { .. }
            | Self::EntryTooLarge { .. } => Fault::Author,
            Self::Lost { .. } => Fault::Store,
        }
    }

    /// What to tell [`PeerSync`](crate::PeerSync) about the run.
    pub fn rejection(&self) -> Rejection {
        match self {
            Self::Fork(_) => Rejection::Fork,
            Self::Gap { .. } | Self::Lost { .. } => Rejection::Busy,
            _ => Rejection::Invalid,
        }
    }
}

impl VerifiedRun {
    /// The feed.
    pub fn feed(&self) -> FeedId {
        self.feed
    }

    /// The new entries, in order; empty if we had them all.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The new entries, in order.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// The head of the feed once the entries are committed; `None` if there is nothing new.
    pub fn head(&self) -> Option<Head> {
        self.entries.last().map(Entry::head)
    }

    /// How many entries of the run we already had.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// Positions that came without payload: dropped by retention, or withheld by the peer. A caller that needs them
    /// answers [`Rejection::Unwanted`] and asks another peer.
    pub fn withheld(&self) -> impl Iterator<Item = u64> {
        self.entries.iter().filter(|entry| entry.payload().is_none()).map(Entry::seq)
    }
}

/// Verifies `run` as the continuation of `feed` after `head` (`None`: we have nothing of it).
///
/// One signature is checked, then hashes. Entries at or below our head are skipped if they are the ones we have
/// (FEED-9) and prove a fork if they are not (FEED-10).
///
/// # Errors
/// [`RunError`]; [`RunError::fault`] says whose doing it is, [`RunError::rejection`] what to tell the sync machine.
pub fn verify(feed: &FeedId, head: Option<&Head>, run: RunIn, known: &impl Known) -> Result<VerifiedRun, RunError> {
    let _ = (feed, head, run, known);
    todo!()
}
