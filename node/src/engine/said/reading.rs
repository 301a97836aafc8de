//! What was read: here, and on other devices of ours.

use std::collections::BTreeSet;

use covey_feed::{Author, OrderKey};
use serde_bytes::ByteArray;

use crate::engine::records::channels::Channel;
use crate::engine::records::messages::{self, Message, Page};
use crate::engine::records::own_records::{self, Read, ReadUpTo};
use crate::engine::records::{feeds, parked, transfer};
use crate::engine::said::place;
use crate::engine::{Cx, EngineError, tables};

/// Messages looked at when unread ones are counted.
const MAX_UNREAD: usize = 100_000;

/// Everything up to a place is read, of the late ones what `is_seen` says. The caller saves the channel. Whether that was anything of
/// others, or none if nothing changed.
pub(in crate::engine) fn read(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    up_to: Option<OrderKey>,
    is_seen: impl Fn(&Message) -> bool,
) -> Result<Option<bool>, EngineError> {
    let saw_late = see(cx, channel, up_to, is_seen)?;
    if up_to <= channel.read && !saw_late {
        return Ok(None);
    }
    let newer = newer(cx, channel)?;
    let theirs = |message: &&Message| messages::is_unread(channel, message);
    let (read, unread): (Vec<_>, Vec<_>) =
        newer.iter().filter(theirs).partition(|message| Some(message.place) <= up_to);
    let left = unread.len() + cx.tx.keys(&tables::all_late(channel.no))?.len();
    channel.unread = u32::try_from(left).unwrap_or(u32::MAX);
    channel.read = up_to.max(channel.read);
    Ok(Some(saw_late || !read.is_empty()))
}

/// Another device of ours read a channel up to a place, of each feed what `elsewhere` says. What stands before that place and was not there to
/// be read is late here as well. Saves the channel.
pub(in crate::engine) fn read_elsewhere(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    up_to: Option<OrderKey>,
    elsewhere: &Read,
) -> Result<(), EngineError> {
    let unread = |message: &Message| Some(message.place) <= up_to && !elsewhere.covers(&message.place);
    for message in newer(cx, channel)? {
        if messages::is_unread(channel, &message) && unread(&message) {
            place::put(cx, channel, Some(&message), Message { late: true, unseen: true, ..message.clone() }, false)?;
        }
    }
    read(cx, channel, up_to, |message| elsewhere.covers(&message.place))?;
    channel.save(cx.tx)
}

/// Whether a message that arrives now was read on another device of ours.
pub(in crate::engine) fn is_read_elsewhere(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    place: &OrderKey,
) -> Result<bool, EngineError> {
    // Most accounts have one device: nothing is looked up for them. What one that is gone said counts.
    if !cx.me.ever_had_others() {
        return Ok(false);
    }
    own_records::is_read_elsewhere(cx.tx, channel.no, place)
}

/// What stands beyond what was read.
fn newer(cx: &Cx<'_, '_>, channel: &Channel) -> Result<Vec<Message>, EngineError> {
    let page = Page { after: channel.read.or(Some(first())), limit: MAX_UNREAD, before: None };
    messages::list(cx.tx, channel.no, page)
}

/// Before every message.
fn first() -> OrderKey {
    OrderKey { lamport: 0, author: Author::from_bytes([0; 32]), incarnation: 0, seq: 0 }
}

/// What was read up to a place leaves of the late ones: those that stand beyond it or were not seen.
fn see(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    up_to: Option<OrderKey>,
    is_seen: impl Fn(&Message) -> bool,
) -> Result<bool, EngineError> {
    let mut seen = false;
    for (_, place) in cx.tx.scan::<OrderKey>(&tables::all_late(channel.no), None, usize::MAX, false)? {
        let Some(message) = messages::at(cx.tx, channel.no, &place)? else { continue };
        if is_seen(&message) && Some(place) <= up_to {
            place::put(cx, channel, Some(&message), Message { unseen: false, ..message.clone() }, false)?;
            seen = true;
        }
    }
    Ok(seen)
}

/// What was read here of the feeds of others, but for so many entries of a feed at most that nobody here can have seen.
pub(in crate::engine) fn of_feeds(cx: &Cx<'_, '_>, channel: &Channel, most: usize) -> Result<Read, EngineError> {
    let own = cx.me.account_id();
    let (mut read, waiting) = (Read::default(), parked::by_feed(cx.tx)?);
    // What our other devices write is ours.
    for feed in feeds::all(cx.tx, channel.no)?.into_iter().filter(|feed| feed.account != own) {
        let (author, incarnation) = (ByteArray::new(*feed.key.author.as_bytes()), feed.key.incarnation);
        let mut up_to = last_before(cx, channel, &feed)?;
        let mut unseen: Vec<u64> = unseen(cx, channel, &feed, waiting.get(&feed.fid), most + 1)?
            .into_iter()
            .take_while(|seq| *seq <= up_to)
            .collect();
        let end = unseen.get(most).copied().into_iter().chain(awaited(cx, channel, &feed)?).min();
        if let Some(end) = end {
            up_to = up_to.min(end.saturating_sub(1));
            unseen.retain(|seq| *seq <= up_to);
        }
        if up_to > 0 {
            read.marks.push((author, incarnation, up_to));
            read.unseen.extend(unseen.into_iter().map(|seq| (author, incarnation, seq)));
        }
    }
    Ok(read)
}

/// Up to where each feed of others was read here without a gap: a receipt speaks of all that stands before it in its feed.
pub(in crate::engine) fn marks(cx: &Cx<'_, '_>, channel: &Channel) -> Result<Vec<ReadUpTo>, EngineError> {
    Ok(of_feeds(cx, channel, 0)?.marks)
}

/// The last entry of a feed that stands before what was read; 0 if none does.
fn last_before(cx: &Cx<'_, '_>, channel: &Channel, feed: &feeds::Feed) -> Result<u64, EngineError> {
    let (mut low, mut high) = (0, feed.head.map_or(0, |head| head.seq));
    // Along a feed the order only grows.
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let entry = feeds::entry(cx.tx, feed.fid, middle)?;
        if entry.is_some_and(|entry| Some(entry.order()) <= channel.read) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(low)
}

/// The first entries of a feed that nobody here can have seen though they may stand before what was read: late and unread, hidden, or not open
/// yet (`waiting`). In their order, so many of each kind at most.
fn unseen(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    feed: &feeds::Feed,
    waiting: Option<&BTreeSet<u64>>,
    most: usize,
) -> Result<Vec<u64>, EngineError> {
    let (key, mut unseen) = (&feed.key, Vec::new());
    for of in [tables::late_of(channel.no, key), tables::hidden_of(channel.no, key)] {
        let rows = cx.tx.scan::<OrderKey>(&of, None, most, false)?;
        unseen.extend(rows.into_iter().map(|(_, place)| place.seq));
    }
    unseen.extend(waiting.into_iter().flatten().take(most));
    unseen.sort_unstable();
    unseen.dedup();
    Ok(unseen)
}

/// The first entry of a feed that is part of the history that this device is still given.
fn awaited(cx: &Cx<'_, '_>, channel: &Channel, feed: &feeds::Feed) -> Result<Option<u64>, EngineError> {
    if cx.live.transfer.active { transfer::first(cx.tx, channel.no, feed.fid) } else { Ok(None) }
}
