//! Feeds as stored: entries by number, one record with the head of each.

use covey_feed::run::{self, RunLimits};
use covey_feed::{Author, ChannelId, Entry, FeedId, FeedKey, Head, Heads, Run};
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};

use crate::engine::counters::Counter;
use crate::engine::{EngineError, tables};
use crate::store::{StoreError, Table, Tx};

/// Most incarnations of one author in a channel: each stands for a restored copy, so an honest device needs few.
pub(in crate::engine) const MAX_INCARNATIONS: usize = 64;

/// Most feeds of one direct channel: eight devices on each side with all their incarnations.
pub(in crate::engine) const MAX_FEEDS: usize = 16 * MAX_INCARNATIONS;

/// What is kept of a feed beside its entries.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Feed {
    /// Local number, used in keys.
    pub(in crate::engine) fid: u64,
    /// Author and incarnation.
    pub(in crate::engine) key: FeedKey,
    /// The account the author belongs to.
    pub(in crate::engine) account: AccountId,
    /// The newest entry.
    pub(in crate::engine) head: Option<Head>,
    /// The author forked it: nothing more is taken.
    pub(in crate::engine) frozen: bool,
}

impl Feed {
    pub(in crate::engine) fn id(&self, channel: ChannelId) -> FeedId {
        FeedId::new(channel, self.key)
    }

    /// Which it is and where it ends, if it has begun.
    pub(in crate::engine) fn end(&self) -> Option<(FeedKey, Head)> {
        Some((self.key, self.head?))
    }
}

/// All feeds of a channel.
pub(in crate::engine) fn all(tx: &Tx<'_>, channel: u64) -> Result<Vec<Feed>, EngineError> {
    // Bounded where new ones are taken; of a group there are as many as its members made.
    Ok(tx.scan(&tables::feeds(channel), None, usize::MAX, false)?.into_iter().map(|(_, feed)| feed).collect())
}

/// Where they end.
pub(in crate::engine) fn heads(tx: &Tx<'_>, channel: u64) -> Result<Heads, EngineError> {
    Ok(all(tx, channel)?.iter().filter_map(Feed::end).collect())
}

/// How many of one author there are, counted up to [`MAX_INCARNATIONS`].
pub(in crate::engine) fn of_author(tx: &Tx<'_>, channel: u64, author: &Author) -> Result<usize, EngineError> {
    Ok(tx.scan::<Feed>(&tables::feeds_of(channel, author.as_bytes()), None, MAX_INCARNATIONS, false)?.len())
}

/// One feed.
pub(in crate::engine) fn load(tx: &Tx<'_>, channel: u64, key: &FeedKey) -> Result<Option<Feed>, EngineError> {
    Ok(tx.load(&tables::feed(channel, key.author.as_bytes(), key.incarnation))?)
}

/// One feed; begins it if it is new.
pub(in crate::engine) fn load_or_new(
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
pub(in crate::engine) fn save(tx: &mut Tx<'_>, channel: u64, feed: &Feed) -> Result<(), EngineError> {
    tx.save(&tables::feed(channel, feed.key.author.as_bytes(), feed.key.incarnation), feed);
    Ok(())
}

/// Writes an entry and moves the head; the caller saves the feed.
pub(in crate::engine) fn append(tx: &mut Tx<'_>, feed: &mut Feed, entry: &Entry) {
    tx.add_raw(&tables::entry(feed.fid, entry.seq()), &entry.to_stored());
    feed.head = Some(entry.head());
}

/// An entry as it is stored; it was one when it was put there.
fn stored(bytes: &[u8]) -> Result<Entry, EngineError> {
    Entry::from_stored(bytes).map_err(|_| StoreError::BadRecord { table: Table::Entry.byte() }.into())
}

/// One entry. There is none at 0, where the proof of a fork may stand.
pub(in crate::engine) fn entry(tx: &Tx<'_>, fid: u64, seq: u64) -> Result<Option<Entry>, EngineError> {
    if seq == 0 {
        return Ok(None);
    }
    tx.get_raw(&tables::entry(fid, seq))?.map(|bytes| stored(&bytes)).transpose()
}

/// Entries read at a time while a run is put together: large ones fill it long before its number of entries does.
const CHUNK: usize = 32;

/// Entries from `from` on as a run for a peer, or `None` if there are none that a signature covers.
pub(in crate::engine) fn serve(
    tx: &Tx<'_>,
    feed: &Feed,
    from: u64,
    limits: RunLimits,
) -> Result<Option<Run>, EngineError> {
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

/// The first entries from `from` up to `to`, some of them; none if there are none.
pub(in crate::engine) fn some(tx: &Tx<'_>, fid: u64, from: u64, to: u64) -> Result<Vec<Entry>, EngineError> {
    let most = usize::try_from(to.saturating_sub(from).saturating_add(1)).unwrap_or(CHUNK).min(CHUNK);
    let mut entries = first(tx, fid, from, most)?;
    entries.retain(|entry| entry.seq() <= to);
    Ok(entries)
}

fn chunk(tx: &Tx<'_>, fid: u64, from: u64) -> Result<Vec<Entry>, EngineError> {
    first(tx, fid, from, CHUNK)
}

fn first(tx: &Tx<'_>, fid: u64, from: u64, most: usize) -> Result<Vec<Entry>, EngineError> {
    let before = tables::entry(fid, from.saturating_sub(1));
    let rows = tx.scan_raw(&tables::entries(fid), Some(&before), most, false)?;
    rows.into_iter().map(|(_, bytes)| stored(&bytes)).collect()
}
