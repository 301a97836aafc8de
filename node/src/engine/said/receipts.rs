//! What recipients say of our messages: that they have them, that they were read.

use std::collections::BTreeSet;

use covey_api as api;
use covey_feed::{ChannelId, Entry, FeedKey};
use covey_pairing::ids::{AccountId, DeviceId};

use crate::engine::records::channels::{self, Channel};
use crate::engine::records::marks::{self, Furthest, Mark};
use crate::engine::records::messages::{self, Message};
use crate::engine::records::{feeds, mailboxes};
use crate::engine::sealing::sessions;
use crate::engine::shown::{events, group};
use crate::engine::wire::payload::ReadMark;
use crate::engine::{Cx, EngineError, members, tables};

/// How far anybody has a feed of ours. Its marks, one per device that has any of it, are read once.
fn furthest(cx: &mut Cx<'_, '_>, fid: u64) -> Result<Furthest, EngineError> {
    if let Some(known) = cx.live.furthest.get(&fid) {
        return Ok(*known);
    }
    let found = marks::scan(cx.tx, fid)?.iter().fold(Furthest::default(), Furthest::with);
    cx.live.groups.ahead = true;
    cx.live.furthest.insert(fid, found);
    Ok(found)
}

fn save(cx: &mut Cx<'_, '_>, fid: u64, device: &DeviceId, mark: &Mark) -> Result<(), EngineError> {
    if let Some(known) = cx.live.furthest.get_mut(&fid) {
        *known = known.with(mark);
        cx.live.groups.ahead = true;
    }
    cx.tx.save(&tables::delivery(fid, device), mark);
    Ok(())
}

/// A recipient's device says that it durably has our feed up to `seq`. The channel, if that is all of it.
pub(in crate::engine) fn delivered(
    cx: &mut Cx<'_, '_>,
    channel: ChannelId,
    key: FeedKey,
    seq: u64,
    account: AccountId,
    device: &DeviceId,
) -> Result<Option<Channel>, EngineError> {
    let Some(found) = channels::by_id(cx.tx, &channel)? else { return Ok(None) };
    // In a direct channel, of our other devices' feeds as well.
    if !cx.me.wrote(&key) && (found.is_group() || !cx.me.is_of_ours(&key)) {
        return Ok(None);
    }
    let Some(feed) = feeds::load(cx.tx, found.no, &key)? else { return Ok(None) };
    // [FAN-5] What another device of ours keeps is not delivered to anybody.
    if !found.is_group() && cx.me.is_ours(&account) {
        sessions::arrived(cx, device, feed.fid, seq)?;
        return Ok(None);
    }
    let place = tables::delivery(feed.fid, device);
    let mut mark = cx.tx.load(&place)?.unwrap_or_else(|| Mark::new(account, *device));
    // What was never written cannot have been delivered.
    let seq = seq.min(feed.head.map_or(0, |head| head.seq));
    if seq <= mark.delivered {
        return Ok(None);
    }
    let known = match group::is_large(cx, &found) {
        true => furthest(cx, feed.fid)?.delivered.max(mark.delivered),
        false => mark.delivered,
    };
    // [TRANSFER-6] The first word of how far somebody has what another device of ours wrote is about history: no news of each message.
    let is_history = cx.live.transfer.linked && mark.delivered == 0 && seq > 1 && !cx.me.wrote(&key);
    mark.delivered = seq;
    mark.delivered_at = cx.now;
    save(cx, feed.fid, device, &mark)?;
    if !found.is_group() && cx.me.wrote(&key) {
        sessions::arrived(cx, device, feed.fid, seq)?;
    }
    if !is_history {
        changed(cx, &found, feed.fid, known, seq, Some("delivered"))?;
    }
    Ok((seq == feed.head.map_or(0, |head| head.seq)).then_some(found))
}

/// [BODY-8] A recipient says what was read.
pub(in crate::engine) fn read(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    entry: &Entry,
    marks: &[ReadMark],
) -> Result<(), EngineError> {
    let reader = entry.header().feed.author;
    let device = DeviceId::from_bytes(*reader.as_bytes());
    let Some(account) = members::account_of(cx, channel, &reader)? else { return Ok(()) };
    for (author, incarnation, seq) in marks {
        let key = FeedKey { author: covey_feed::Author::from_bytes(**author), incarnation: *incarnation };
        let is_ours = cx.me.wrote(&key) || (!channel.is_group() && cx.me.is_of_ours(&key));
        if !is_ours || cx.me.is_ours(&account) {
            continue;
        }
        let Some(feed) = feeds::load(cx.tx, channel.no, &key)? else { continue };
        let seq = (*seq).min(feed.head.map_or(0, |head| head.seq));
        let place = tables::delivery(feed.fid, &device);
        let mut mark = cx.tx.load(&place)?.unwrap_or_else(|| Mark::new(account, device));
        if seq <= mark.read {
            continue;
        }
        let known = match group::is_large(cx, channel) {
            true => furthest(cx, feed.fid)?.read.max(mark.read),
            false => mark.read,
        };
        mark.read = seq;
        mark.read_at = cx.now;
        if mark.delivered < seq {
            mark.delivered = seq;
            mark.delivered_at = cx.now;
        }
        save(cx, feed.fid, &device, &mark)?;
        changed(cx, channel, feed.fid, known, seq, Some("read"))?;
    }
    Ok(())
}

/// A keeper has our entries from `first` to `last` for a contact that is away: what was said in them is *kept*.
pub(in crate::engine) fn kept(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    fid: u64,
    (first, last): (u64, u64),
) -> Result<(), EngineError> {
    changed(cx, channel, fid, first.saturating_sub(1), last, None)
}

/// No keeper has these entries for a contact any more: tells it of each that was said and that none other has.
pub(in crate::engine) fn kept_no_more(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    fid: u64,
    account: &AccountId,
    entries: &BTreeSet<u64>,
) -> Result<(), EngineError> {
    let marks = marks::scan(cx.tx, fid)?;
    for seq in entries {
        let Some(entry) = feeds::entry(cx.tx, fid, *seq)? else { continue };
        let message = messages::at(cx.tx, channel.no, &entry.order())?.filter(Message::is_shown);
        if let Some(message) = message
            && mailboxes::kept(cx.tx, account, (fid, *seq), cx.now)?.is_none()
        {
            events::tell(cx, api::EventKind::MessageKeptExpired, channel, &message, &marks)?;
        }
    }
    Ok(())
}

/// Tells the journal of every message that a mark moved over, from after `known` up to `seq`. (In a large group `known` is
/// what anybody had: of the messages before, an event would say what an earlier one said.) `state`: what is counted for each.
fn changed(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    fid: u64,
    known: u64,
    seq: u64,
    state: Option<&'static str>,
) -> Result<(), EngineError> {
    // Read once for all that moved together; in a large group they are many, and not told.
    let marks = if group::is_large(cx, channel) { Vec::new() } else { marks::scan(cx.tx, fid)? };
    let mut next = known.saturating_add(1);
    while next <= seq {
        let entries = feeds::some(cx.tx, fid, next, seq)?;
        let Some(last) = entries.last() else { break };
        next = last.seq().saturating_add(1);
        for entry in &entries {
            let message = messages::at(cx.tx, channel.no, &entry.order())?;
            let Some(message) = message.filter(Message::is_shown) else { continue };
            state.into_iter().for_each(|state| cx.live.tally.message(state));
            events::tell(cx, api::EventKind::MessageChanged, channel, &message, &marks)?;
        }
    }
    Ok(())
}
