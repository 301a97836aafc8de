//! Feeds as stored: entries by number, one record with the head of each.

use std::sync::Arc;

use covey_feed::limits::{MAX_BATCH_BYTES, MAX_BATCH_ENTRIES};
use covey_feed::run::{self, RunLimits};
use covey_feed::{Author, ChannelId, Entry, FeedId, FeedKey, Head, Heads, Kind, Run};
use covey_pairing::crypto::sign::Context;
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};

use super::channels::{self, Channel};
use super::tables::{self, Counter};
use super::{Cx, EngineError, Me};
use crate::store::Tx;

/// Most incarnations of one author in a channel: each stands for a restored copy, so an honest device needs few.
pub(super) const MAX_INCARNATIONS: usize = 64;
/// Most feeds of one direct channel: eight devices on each side with all their incarnations.
pub(super) const MAX_FEEDS: usize = 16 * MAX_INCARNATIONS;

/// What is kept of a feed beside its entries.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Feed {
    /// Local number, used in keys.
    pub(super) fid: u64,
    /// Author and incarnation.
    pub(super) key: FeedKey,
    /// The account the author belongs to.
    pub(super) account: AccountId,
    /// The newest entry.
    pub(super) head: Option<Head>,
    /// The author forked it: nothing more is taken.
    pub(super) frozen: bool,
}

impl Feed {
    pub(super) fn id(&self, channel: ChannelId) -> FeedId {
        FeedId::new(channel, self.key)
    }

    /// Which it is and where it ends, if it has begun.
    pub(super) fn end(&self) -> Option<(FeedKey, Head)> {
        Some((self.key, self.head?))
    }
}

/// All feeds of a channel.
pub(super) fn all(tx: &Tx<'_>, channel: u64) -> Result<Vec<Feed>, EngineError> {
    // Bounded where new ones are taken; of a group there are as many as its members made.
    Ok(tx.scan(&tables::feeds(channel), None, usize::MAX, false)?.into_iter().map(|(_, feed)| feed).collect())
}

/// Where they end.
pub(super) fn heads(tx: &Tx<'_>, channel: u64) -> Result<Heads, EngineError> {
    Ok(all(tx, channel)?.iter().filter_map(Feed::end).collect())
}

/// How many of one author there are, counted up to [`MAX_INCARNATIONS`].
pub(super) fn of_author(tx: &Tx<'_>, channel: u64, author: &Author) -> Result<usize, EngineError> {
    Ok(tx.scan::<Feed>(&tables::feeds_of(channel, author.as_bytes()), None, MAX_INCARNATIONS, false)?.len())
}

/// One feed.
pub(super) fn load(tx: &Tx<'_>, channel: u64, key: &FeedKey) -> Result<Option<Feed>, EngineError> {
    Ok(tx.load(&tables::feed(channel, key.author.as_bytes(), key.incarnation))?)
}

/// One feed; begins it if it is new.
pub(super) fn load_or_new(
    tx: &mut Tx<'_>,
    channel: u64,
    key: FeedKey,
    account: AccountId,
) -> Result<Feed, EngineError> {
    if let Some(feed) = load(tx, channel, &key)? {
        return Ok(feed);
    }
    Ok(Feed { fid: Counter::Feed.next(tx)?, key, account, head: None, frozen: false })
}

/// Writes the record.
pub(super) fn save(tx: &mut Tx<'_>, channel: u64, feed: &Feed) -> Result<(), EngineError> {
    tx.save(&tables::feed(channel, feed.key.author.as_bytes(), feed.key.incarnation), feed);
    Ok(())
}

/// Writes an entry and moves the head; the caller saves the feed.
pub(super) fn append(tx: &mut Tx<'_>, feed: &mut Feed, entry: &Entry) {
    tx.put_raw(&tables::entry(feed.fid, entry.seq()), &entry.to_stored());
    feed.head = Some(entry.head());
}

/// One entry. There is none at 0, where the proof of a fork may stand.
pub(super) fn entry(tx: &Tx<'_>, fid: u64, seq: u64) -> Result<Option<Entry>, EngineError> {
    if seq == 0 {
        return Ok(None);
    }
    tx.get_raw(&tables::entry(fid, seq))?.map(|bytes| Entry::from_stored(&bytes).map_err(EngineError::bug)).transpose()
}

/// Entries read at a time while a run is put together: large ones fill it long before its number of entries does.
const CHUNK: usize = 32;

/// Entries from `from` on as a run for a peer, or `None` if there are none that a signature covers.
pub(super) fn serve(tx: &Tx<'_>, feed: &Feed, from: u64, limits: RunLimits) -> Result<Option<Run>, EngineError> {
    let mut failure = None;
    let mut next = from;
    let chunks = std::iter::from_fn(|| match chunk(tx, feed.fid, next) {
        Ok(entries) => {
            next = entries.last().map(Entry::seq)?.saturating_add(1);
            Some(entries)
        }
        Err(error) => {
            failure = Some(error);
            None
        }
    });
    let run = run::assemble(chunks.flatten(), limits);
    failure.map_or(Ok(run), Err)
}

fn chunk(tx: &Tx<'_>, fid: u64, from: u64) -> Result<Vec<Entry>, EngineError> {
    let before = tables::entry(fid, from.saturating_sub(1));
    let rows = tx.scan_raw(&tables::entries(fid), Some(&before), CHUNK, false)?;
    rows.into_iter().map(|(_, bytes)| Entry::from_stored(&bytes).map_err(EngineError::bug)).collect()
}

/// The entry that comes next in our own feed of a channel: it binds what is sealed into it.
pub(super) struct Next {
    pub(super) feed: Feed,
    pub(super) seq: u64,
    pub(super) backlink: Option<[u8; 32]>,
}

/// Begins an entry of our own.
pub(super) fn next(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<Next, EngineError> {
    let key = FeedKey { author: cx.me.author(), incarnation: channel.incarnation };
    let account = cx.me.account_id();
    let feed = load_or_new(cx.tx, channel.no, key, account)?;
    let (seq, backlink) = feed.head.map_or((1, None), |head| (head.seq + 1, Some(*head.id.as_bytes())));
    Ok(Next { feed, seq, backlink })
}

/// Entries of our own that a group of inputs has appended and that are not signed and pushed yet: see
/// [`super::settle`].
#[derive(Debug, Clone, Default)]
pub struct Appended(Vec<Tail>);

/// Those of one feed.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    /// Number of the channel.
    pub(super) channel: u64,
    pub(super) key: FeedKey,
    fid: u64,
    /// As they were stored, in their order.
    entries: Vec<Arc<Entry>>,
    /// The last ones that no signature covers: how many, and their bytes.
    unsigned: (usize, usize),
}

impl Appended {
    /// True if everything is signed and pushed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self) -> Vec<Tail> {
        std::mem::take(&mut self.0)
    }

    fn tail(&mut self, channel: u64, key: FeedKey) -> Option<&mut Tail> {
        self.0.iter_mut().find(|tail| (tail.channel, tail.key) == (channel, key))
    }

    fn add(&mut self, channel: u64, feed: &Feed, entry: &Entry) {
        let (key, fid, entry) = (feed.key, feed.fid, Arc::new(entry.clone()));
        let size = entry.size();
        match self.tail(channel, key) {
            Some(tail) => {
                tail.entries.push(entry);
                tail.unsigned = (tail.unsigned.0 + 1, tail.unsigned.1 + size);
            }
            None => self.0.push(Tail { channel, key, fid, entries: vec![entry], unsigned: (1, size) }),
        }
    }
}

impl Tail {
    /// Whether an entry of that size may stand under one signature with those before it.
    fn has_room(&self, size: usize) -> bool {
        let (entries, bytes) = self.unsigned;
        entries == 0 || entries < MAX_BATCH_ENTRIES && bytes + size <= MAX_BATCH_BYTES
    }

    /// Signs the last entry, and with it those before it, unless it is signed.
    fn sign(&mut self, me: &Me, tx: &mut Tx<'_>) {
        let Some(last) = self.entries.last_mut().filter(|last| last.signature().is_none()) else { return };
        let signed = run::sign(Entry::clone(last), |header| me.device.signing().sign(Context::FeedEntry, header));
        tx.put_raw(&tables::entry(self.fid, signed.seq()), &signed.to_stored());
        *last = Arc::new(signed);
        self.unsigned = (0, 0);
    }

    /// Leaves out what was taken back since, and signs the rest: the runs to push, each with the head of the feed after it.
    pub(super) fn runs(&mut self, me: &Me, tx: &mut Tx<'_>) -> Result<Vec<(Run, Head)>, EngineError> {
        while let Some(last) = self.entries.last()
            && entry(tx, self.fid, last.seq())?.is_none_or(|stored| stored.id() != last.id())
        {
            self.entries.pop();
        }
        self.sign(me, tx);
        let (mut runs, mut rest) = (Vec::new(), self.entries.as_slice());
        while let Some(run) = run::assemble(rest.iter().map(|entry| Entry::clone(entry)), RunLimits::default()) {
            let (done, more) = rest.split_at(rest.partition_point(|entry| entry.seq() <= run.last()));
            let Some(last) = done.last() else { break };
            runs.push((run, last.head()));
            rest = more;
        }
        Ok(runs)
    }
}

/// Signs the last entry that was appended to a feed of our own, with those before it. The entry.
pub(super) fn sign(cx: &mut Cx<'_, '_>, channel: u64, key: FeedKey) -> Option<Entry> {
    let tail = cx.appended.tail(channel, key)?;
    tail.sign(cx.me, cx.tx);
    tail.entries.last().map(|last| Entry::clone(last))
}

/// Ends it: builds and stores the entry with `payload`, and saves the channel. It is signed and pushed by
/// [`super::settle`].
pub(super) fn finish(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    next: Next,
    kind: Kind,
    payload: Vec<u8>,
) -> Result<Entry, EngineError> {
    let mut feed = next.feed;
    let ends = channels::ends(cx.tx, channel)?;
    let own = feed.head.map(|head| head.id);
    let refs = ends.entries.into_iter().filter(|end| Some(*end) != own).collect();
    let lamport = ends.lamport;
    let id = feed.id(channel.id);
    let entry = run::next(id, feed.head.as_ref(), lamport, refs, kind, payload).map_err(EngineError::bug)?;
    if cx.appended.tail(channel.no, feed.key).is_some_and(|tail| !tail.has_room(entry.size())) {
        sign(cx, channel.no, feed.key);
    }
    append(cx.tx, &mut feed, &entry);
    cx.appended.add(channel.no, &feed, &entry);
    save(cx.tx, channel.no, &feed)?;
    channels::extend(cx.tx, channel, [&entry])?;
    channel.save(cx.tx)?;
    Ok(entry)
}
