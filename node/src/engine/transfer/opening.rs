//! The entries of a chunk, opened with the keys in it and put into their places: silently, unless they came to the account after this device did.

use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::DeviceId;
use tracing::{debug, warn};

use crate::engine::members;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::feeds::{self, Feed};
use crate::engine::records::messages;
use crate::engine::records::transfer::{self, Awaited};
use crate::engine::replication::{late, parked};
use crate::engine::wire::payload::Unopened;
use crate::engine::wire::transfer::{Given, Range, WITHHELD};
use crate::engine::{Cx, EngineError, tables};

/// Takes what was given of the ranges that were asked for, one after the other.
pub(super) fn take(cx: &mut Cx<'_, '_>, ranges: &[Range], given: Vec<Given>) -> Result<(), EngineError> {
    let linked_at = cx.me.key_log.device(&cx.me.device_id()).map_or(u64::MAX, |listed| listed.added_at);
    let mut given = given.into_iter();
    let taken = ranges.iter().try_for_each(|range| {
        let of_range: Vec<Given> = given.by_ref().take(usize::from(range.3)).collect();
        take_range(cx, *range, of_range, linked_at)
    });
    cx.quiet = false;
    taken
}

fn take_range(
    cx: &mut Cx<'_, '_>,
    (id, key, first, _): Range,
    given: Vec<Given>,
    linked_at: u64,
) -> Result<(), EngineError> {
    let Some(mut channel) = channels::by_id(cx.tx, &id)? else { return Ok(()) };
    let Some(feed) = feeds::load(cx.tx, channel.no, &key)? else { return Ok(()) };
    let row = tables::awaited(channel.no, feed.fid);
    let Some(mut awaited) = cx.tx.load::<Awaited>(&row)? else { return Ok(()) };
    let cut = members::cut(cx, &channel, &key)?;
    let last = first.saturating_add(given.len() as u64).saturating_sub(1);
    let mut withheld = Vec::new();
    for (seq, given) in (first..).zip(given) {
        // [CUT-1], [CTRL-6] Beyond the end of its feed nothing counts.
        if awaited.contains(seq) && cut.is_none_or(|last| seq <= last) {
            let is_for_us = take_one(cx, &mut channel, &feed, seq, (given, linked_at))?;
            withheld.extend((!is_for_us).then_some(seq));
        }
    }
    transfer::withhold(cx.tx, (channel.no, feed.fid), (channel.id, feed.key), &withheld)?;
    awaited.remove(first, last);
    awaited.save_at(cx.tx, &row);
    channel.save(cx.tx)
}

/// What was given of one entry. Whether this device may read it at all.
fn take_one(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    feed: &Feed,
    seq: u64,
    (given, linked_at): (Given, u64),
) -> Result<bool, EngineError> {
    let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? else { return Ok(true) };
    if messages::at(cx.tx, channel.no, &entry.order())?.is_some_and(|message| message.id == entry.id()) {
        return Ok(true);
    }
    match given {
        (Some(key), at) => {
            cx.quiet = at < linked_at;
            if open(cx, channel, &entry, &key, at)? {
                return Ok(true);
            }
            warn!(channel = %channel.id.fmt_short(), seq, "a content key of the history does not open its entry");
        }
        // [TRANSFER-4] It is kept as it is, and nobody else is asked for its key.
        (None, WITHHELD) => return Ok(false),
        (None, _) => {
            debug!(channel = %channel.id.fmt_short(), seq, "a content key that the other device does not have");
        }
    }
    // [TRANSFER-6] Its author has the key, or another device.
    let author = DeviceId::from_bytes(*feed.key.author.as_bytes());
    parked::park(cx, channel.id, feed, &entry, Unopened::NoKey, &author)?;
    Ok(true)
}

/// [TRANSFER-6] Whether the key opens the entry. It is put where it belongs, as received when the account received it.
fn open(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    entry: &covey_feed::Entry,
    key: &Secret<32>,
    at: u64,
) -> Result<bool, EngineError> {
    let Some(author) = members::account_of(cx, channel, &entry.header().feed.author)? else { return Ok(false) };
    let (own, at) = (cx.me.account_id(), at.min(cx.now));
    late::open_late(cx, channel, entry, (author, at), key, &own)
}
