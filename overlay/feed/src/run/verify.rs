//! Verifying a received run against what we have of its feed.

use crate::{
    Author, Entry, EntryId, FeedId, ForkProof, Head, Header, RunIn, Signature,
    fork::{self, SignedChain},
    header::{AuthorKey, HeaderError, entry_id},
    limits::{MAX_COUNTER, MAX_RUN_BYTES},
    sync::Rejection,
};

/// What the caller has of a feed and its channel, for the checks that need more than the head.
pub trait Known {
    /// Our entry of the feed at this position. Asked only to prove a fork and to compare a run that ends before
    /// our head.
    fn entry(&self, feed: &FeedId, seq: u64) -> Option<Entry>;

    /// Logical time of any entry of the channel we have.
    fn lamport(&self, id: &EntryId) -> Option<u64>;

    /// The key of an author, for a caller that keeps them.
    fn key(&self, author: &Author) -> Option<AuthorKey> {
        AuthorKey::new(author)
    }
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
    void_refs: Vec<(u64, EntryId)>,
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
    /// A signed header belongs to another feed or position than the run says.
    #[error("header at {seq} belongs elsewhere")]
    Misplaced {
        /// Where.
        seq: u64,
    },
    /// Logical time does not grow along the feed.
    #[error("logical time does not grow at {seq}")]
    Lamport {
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
            Self::Shape(_)
            | Self::BadSignature
            | Self::BrokenChain { .. }
            | Self::Misplaced { .. }
            | Self::WrongPayload { .. } => Fault::Peer,
            Self::Fork(_) | Self::Header { .. } | Self::Lamport { .. } => Fault::Author,
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

    /// Refs of new entries that cannot be true: (position, entry named), where the named entry is known and its
    /// logical time is not below (FEED-7). They are to be ignored, not refused: a member that does not have the
    /// named entry yet could not refuse them, and members must not differ in which entries they take.
    pub fn void_refs(&self) -> &[(u64, EntryId)] {
        &self.void_refs
    }

    /// Positions that came without payload: dropped by retention, or withheld by the peer. A caller that needs them
    /// answers [`Rejection::Unwanted`] and asks another peer.
    pub fn withheld(&self) -> impl Iterator<Item = u64> {
        self.entries.iter().filter(|entry| entry.payload().is_none()).map(Entry::seq)
    }
}

/// Verifies `run` as the continuation of `feed` after `head` (`None`: we have nothing of it).
///
/// One signature is checked, then hashes. A run beyond the next position is a gap (FEED-15). Entries at or below our head are skipped if they are the ones we have
/// (FEED-9) and prove a fork if they are not (FEED-10).
///
/// # Errors
/// [`RunError`]; [`RunError::fault`] says whose doing it is, [`RunError::rejection`] what to tell the sync machine.
pub fn verify(feed: &FeedId, head: Option<&Head>, run: RunIn, known: &impl Known) -> Result<VerifiedRun, RunError> {
    check_shape(&run)?;
    let have = head.map_or(0, |head| head.seq);
    if run.first() > have + 1 {
        return Err(RunError::Gap { have, first: run.first() });
    }
    let links = walk(feed, &run, known)?;
    check_lamport(head, &links)?;
    let theirs = Theirs { links: &links, signature: *run.signature() };
    check_continuation(feed, head, &theirs, known)?;
    let skipped = links.iter().take_while(|link| link.header.position.seq <= have).count();
    let (payloads, signature) = run.into_payloads();
    let mut entries = Vec::with_capacity(links.len() - skipped);
    for (link, payload) in links.into_iter().zip(payloads) {
        entries.push(link.into_entry(payload)?);
    }
    if let Some(last) = entries.pop() {
        entries.push(last.with_signature(signature));
    }
    let entries = entries.split_off(skipped);
    let void_refs = void_refs(&entries, known);
    Ok(VerifiedRun { feed: *feed, entries, skipped, void_refs })
}

/// A header that is an ancestor of the signed one, or the signed one.
struct Link {
    header: Header,
    bytes: Vec<u8>,
    id: EntryId,
}

/// The peer's side of the feed.
struct Theirs<'a> {
    links: &'a [Link],
    signature: Signature,
}

impl Link {
    /// A payload is what its header says or absent, never another one (FEED-5).
    fn into_entry(self, payload: Option<Vec<u8>>) -> Result<Entry, RunError> {
        let seq = self.header.position.seq;
        if payload.as_ref().is_some_and(|payload| !self.header.matches(payload)) {
            return Err(RunError::WrongPayload { seq });
        }
        Ok(Entry::with_id(self.id, self.header, self.bytes, payload, None))
    }
}

/// Counts and sizes, before anything is hashed (FEED-3).
fn check_shape(run: &RunIn) -> Result<(), RunError> {
    let rules = [
        (run.len() > 0, "no entries"),
        (run.has_as_many_payloads(), "entries and payloads differ in number"),
        (run.first() > 0 && run.last() <= MAX_COUNTER, "position out of range"),
        (run.size() <= MAX_RUN_BYTES, "too many bytes"),
    ];
    rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, what)| Err(RunError::Shape(what)))
}

/// Checks the signature, then walks from the signed header back to the first (FEED-4). A header is decoded only
/// once it is proven to be the author's.
fn walk(feed: &FeedId, run: &RunIn, known: &impl Known) -> Result<Vec<Link>, RunError> {
    let mut links = Vec::with_capacity(run.len());
    let mut expected: Option<EntryId> = None;
    for (bytes, seq) in run.headers().rev().zip((run.first()..=run.last()).rev()) {
        let id = entry_id(bytes);
        let proven = match expected {
            None if links.is_empty() => known.key(&feed.author).is_some_and(|key| key.signed(bytes, run.signature())),
            expected => expected == Some(id),
        };
        if !proven {
            return Err(if links.is_empty() { RunError::BadSignature } else { RunError::BrokenChain { seq } });
        }
        let header = Header::decode(bytes).map_err(|source| RunError::Header { seq, source })?;
        if header.feed != *feed || header.position.seq != seq {
            return Err(RunError::Misplaced { seq });
        }
        expected = header.position.backlink;
        links.push(Link { header, bytes: bytes.to_vec(), id });
    }
    links.reverse();
    Ok(links)
}

/// Logical time grows along the feed until it is used up (FEED-6). A run on another branch than ours has times of its
/// own: that it is one is for [`check_continuation`] to say.
fn check_lamport(head: Option<&Head>, links: &[Link]) -> Result<(), RunError> {
    let have = head.map_or(0, |head| head.seq);
    let mut before = 0;
    for link in links {
        let (seq, lamport) = (link.header.position.seq, link.header.lamport);
        if let Some(head) = head.filter(|head| seq == have + 1 && link.header.position.backlink == Some(head.id)) {
            before = before.max(head.lamport);
        }
        if lamport <= before && lamport != MAX_COUNTER {
            return Err(RunError::Lamport { seq });
        }
        before = lamport;
    }
    Ok(())
}

/// Whether the run continues, or lies within, what we have. One comparison decides: equal ids have equal pasts.
fn check_continuation(
    feed: &FeedId,
    head: Option<&Head>,
    theirs: &Theirs<'_>,
    known: &impl Known,
) -> Result<(), RunError> {
    let (Some(head), Some(first), Some(last)) = (head, theirs.links.first(), theirs.links.last()) else {
        return Ok(());
    };
    let (first_seq, last_seq) = (first.header.position.seq, last.header.position.seq);
    if first_seq == head.seq + 1 {
        if first.header.position.backlink == Some(head.id) {
            return Ok(());
        }
        return Err(theirs.fork(feed, head.seq, known));
    }
    let newest_common = last_seq.min(head.seq);
    let ours = if newest_common == head.seq { head.id } else { own(feed, newest_common, known)?.id() };
    if theirs.at(newest_common).is_some_and(|link| link.id == ours) {
        return Ok(());
    }
    Err(theirs.fork(feed, newest_common, known))
}

impl Theirs<'_> {
    fn at(&self, seq: u64) -> Option<&Link> {
        self.links.iter().find(|link| link.header.position.seq == seq)
    }

    /// The proof that they contradict what we have, which they do at `seq` or before.
    fn fork(&self, feed: &FeedId, seq: u64, known: &impl Known) -> RunError {
        let headers = self.links.iter().map(|link| link.bytes.clone()).collect();
        let chain = SignedChain { headers, signature: self.signature };
        match fork::contradiction(&chain, |seq| known.entry(feed, seq)) {
            Some(proof) => RunError::Fork(Box::new(proof)),
            None => RunError::Lost { seq },
        }
    }
}

fn own(feed: &FeedId, seq: u64, known: &impl Known) -> Result<Entry, RunError> {
    known.entry(feed, seq).ok_or(RunError::Lost { seq })
}

fn void_refs(entries: &[Entry], known: &impl Known) -> Vec<(u64, EntryId)> {
    let void = |entry: &Entry, id: &EntryId| {
        known.lamport(id).is_some_and(|lamport| lamport >= entry.lamport() && entry.lamport() != MAX_COUNTER)
    };
    let refs = entries.iter().flat_map(|entry| entry.header().refs.iter().map(move |id| (entry, id)));
    refs.filter(|(entry, id)| void(entry, id)).map(|(entry, id)| (entry.seq(), *id)).collect()
}
