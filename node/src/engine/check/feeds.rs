//! Feeds: every chain from its first entry to its head.

use std::collections::BTreeMap;

use covey_feed::limits::MAX_RUN_ENTRIES;
use covey_feed::{Entry, Head, header};
use covey_pairing::ids::DeviceId;

use crate::engine::check::findings::{CheckedFeed, Findings};
use crate::engine::check::progress::Progress;
use crate::engine::records::channels::Channel;
use crate::engine::records::feeds::Feed;
use crate::engine::{EngineError, Me, tables};
use crate::store::{Key, Table, Tx};

const ALL: usize = usize::MAX;

/// Entries read at a time.
const PART: usize = 64;

/// The feeds there are, by their local number, each with its channel's number.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) feeds: BTreeMap<u64, (u64, Feed)>,
}

impl Known {
    /// The newest local number.
    pub(super) fn newest(&self) -> u64 {
        self.feeds.last_key_value().map_or(0, |(fid, _)| *fid)
    }
}

/// All feeds, whatever is in them.
pub(super) fn known(tx: &Tx<'_>, found: &mut Findings) -> Result<Known, EngineError> {
    let mut known = Known::default();
    for (_, channel) in tx.scan::<Channel>(&tables::channels(), None, ALL, false)? {
        for (_, feed) in tx.scan::<Feed>(&tables::feeds(channel.no), None, ALL, false)? {
            if known.feeds.insert(feed.fid, (channel.no, feed)).is_some() {
                found.problem("two feeds have the same local number");
            }
        }
    }
    let heads = tx.keys(&Key::table(Table::Head))?.len();
    if heads != known.feeds.len() {
        found.problem(format!("{heads} feeds, {} of them in channels that there are", known.feeds.len()));
    }
    Ok(known)
}

/// Checks all of them.
pub(super) fn check(tx: &Tx<'_>, me: &Me, found: &mut Findings, progress: Progress<'_>) -> Result<Known, EngineError> {
    let known = known(tx, found)?;
    let total = known.feeds.values().map(|(_, feed)| feed.head.map_or(0, |head| head.seq)).sum();
    let mut done = 0;
    for (no, feed) in known.feeds.values() {
        let Some(channel) = tx.get::<Channel>(&tables::channel(*no))? else { continue };
        let name = name_of(&channel, feed);
        if tx.get::<Feed>(&tables::feed(*no, feed.key.author.as_bytes(), feed.key.incarnation))?.is_none() {
            found.problem(format!("{name} is in the wrong place"));
        }
        let chain = walk(tx, &channel, feed, |seq| progress("feeds", done + seq, total))?;
        if let Some(broken) = &chain.broken {
            found.problem(format!("{name}: {broken}"));
        }
        if chain.head != feed.head {
            let (is, was) = (chain.seq(), feed.head.map_or(0, |head| head.seq));
            found.problem(format!("{name} has {is} entries up to its first gap and its head at {was}"));
        }
        if chain.beyond > 0 {
            found.problem(format!("{name} has {} entries that its head does not lead to", chain.beyond));
        }
        // In a group it may end where its author was removed or forked it: any entry of those that one signature covers.
        if chain.head.is_some() && !chain.ends_signed && !channel.is_group() {
            found.problem(format!("{name} does not end in a signature"));
        }
        done += chain.seq();
        found.feeds.push(CheckedFeed {
            channel: channel.text_id(),
            author: DeviceId::from_bytes(*feed.key.author.as_bytes()).to_string(),
            own: feed.key.author.as_bytes() == me.device_id().as_bytes(),
            incarnation: feed.key.incarnation,
            entries: chain.seq(),
        });
    }
    strays(tx, &known, found)?;
    Ok(known)
}

/// How people are told of a feed.
pub(super) fn name_of(channel: &Channel, feed: &Feed) -> String {
    let (channel, author) = (channel.id.fmt_short(), feed.key.author.fmt_short());
    match feed.key.incarnation {
        0 => format!("the feed of {author} in {channel}"),
        incarnation => format!("the feed {incarnation} of {author} in {channel}"),
    }
}

/// What a walk along a feed found.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// The last entry that is reached without a gap.
    pub(super) head: Option<Head>,
    /// It is signed.
    pub(super) ends_signed: bool,
    /// The last one reached that is signed.
    pub(super) signed: Option<Head>,
    /// Entries that are there but not reached.
    pub(super) beyond: u64,
    /// Why it ends before the last of them.
    pub(super) broken: Option<String>,
}

impl Chain {
    /// Entries reached.
    pub(super) fn seq(&self) -> u64 {
        self.head.map_or(0, |head| head.seq)
    }
}

/// Walks from the first entry on: backlinks, payloads, logical time, and every signature.
pub(super) fn walk(
    tx: &Tx<'_>,
    channel: &Channel,
    feed: &Feed,
    mut progress: impl FnMut(u64),
) -> Result<Chain, EngineError> {
    let mut chain = Chain::default();
    let mut after = tables::entry(feed.fid, 0);
    let mut unsigned = 0;
    loop {
        let part = tx.keys_after(&tables::entries(feed.fid), &after, PART)?;
        let ended = part.len() < PART;
        for key in part {
            if chain.broken.is_some() {
                chain.beyond += 1;
            } else {
                match next(tx, channel, feed, &chain, &key)? {
                    Ok(entry) => {
                        chain.head = Some(entry.head());
                        chain.ends_signed = entry.signature().is_some();
                        unsigned = if chain.ends_signed { 0 } else { unsigned + 1 };
                        chain.signed = if chain.ends_signed { chain.head } else { chain.signed };
                        if unsigned >= MAX_RUN_ENTRIES {
                            chain.broken = Some(format!("no signature up to entry {}", entry.seq()));
                        }
                    }
                    Err(why) => {
                        chain.broken = Some(why);
                        chain.beyond += 1;
                    }
                }
            }
            after = key;
        }
        progress(chain.seq());
        if ended {
            return Ok(chain);
        }
    }
}

/// The entry under `key`, if it continues the chain; else why not.
fn next(
    tx: &Tx<'_>,
    channel: &Channel,
    feed: &Feed,
    chain: &Chain,
    key: &Key,
) -> Result<Result<Entry, String>, EngineError> {
    let expected = chain.seq() + 1;
    if key.tail_u64() != expected {
        return Ok(Err(format!("entry {expected} is missing")));
    }
    let bytes = match tx.get_raw(key) {
        Ok(bytes) => bytes.unwrap_or_default(),
        Err(error) if error.is_transient() => return Err(error.into()),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let entry = match Entry::from_stored(&bytes) {
        Ok(entry) => entry,
        Err(error) => return Ok(Err(format!("entry {expected}: {error}"))),
    };
    let head = entry.header();
    let previous = chain.head.map(|head| head.id);
    let wrong = if entry.seq() != expected || head.feed != feed.id(channel.id) {
        Some("belongs elsewhere")
    } else if head.position.backlink != previous {
        Some("does not continue the one before")
    } else if chain.head.is_some_and(|before| entry.lamport() <= before.lamport) {
        Some("is older than the one before")
    } else if entry
        .signature()
        .is_some_and(|signature| !header::signature_is_valid(&feed.key.author, entry.header_bytes(), signature))
    {
        Some("has a signature that does not verify")
    } else {
        None
    };
    Ok(wrong.map_or(Ok(entry), |wrong| Err(format!("entry {expected} {wrong}"))))
}

/// Entries of feeds that there are not.
fn strays(tx: &Tx<'_>, known: &Known, found: &mut Findings) -> Result<(), EngineError> {
    for fid in fids(tx)? {
        match known.feeds.get(&fid) {
            None => found.problem(format!("there are entries of a feed ({fid}) that there is not")),
            Some((_, feed)) if !feed.frozen && tx.contains(&tables::fork_proof(fid))? => {
                found.problem(format!("a feed ({fid}) that was proven to be forked is not frozen"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Local numbers of feeds that have entries, found by leaps.
pub(super) fn fids(tx: &Tx<'_>) -> Result<Vec<u64>, EngineError> {
    let (table, mut fids) = (Key::table(Table::Entry), Vec::new());
    let mut after = table.clone();
    while let Some(key) = tx.keys_after(&table, &after, 1)?.pop() {
        let stored = tx.stored_key(&key);
        let fid = stored.get(1..9).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_be_bytes(*bytes));
        fids.push(fid);
        after = tables::entry(fid, u64::MAX);
    }
    Ok(fids)
}
