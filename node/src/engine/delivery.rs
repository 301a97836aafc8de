//! How far our messages have come: per recipient device, as marks along our feed.

use std::collections::BTreeSet;

use covey_api::{self as api, ApiError, MessageState, Time};
use covey_feed::{ChannelId, Entry, FeedKey};
use covey_pairing::ids::{AccountId, DeviceId};
use serde::{Deserialize, Serialize};

use super::channels::Channel;
use super::messages::{self, Message};
use super::payload::ReadMark;
use super::{Cx, EngineError, contacts, feeds, group, journal, members, tables};
use crate::store::Tx;

/// Most marks of a feed: devices of recipients.
const MAX_DEVICES: usize = 16_384;

/// How much of a feed of ours a recipient's device has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Mark {
    account: AccountId,
    /// Durable there up to this entry, since then.
    delivered: u64,
    delivered_at: u64,
    /// Read there up to this entry, since then.
    read: u64,
    read_at: u64,
}

impl Mark {
    fn new(account: AccountId) -> Self {
        Self { account, delivered: 0, delivered_at: 0, read: 0, read_at: 0 }
    }
}

/// How far anybody has one of our feeds: delivered, and read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Furthest {
    delivered: u64,
    read: u64,
}

impl Furthest {
    fn with(self, mark: &Mark) -> Self {
        Self { delivered: self.delivered.max(mark.delivered), read: self.read.max(mark.read) }
    }
}

/// How far anybody has a feed of ours. Its marks, one per device that has any of it, are read once.
fn furthest(cx: &mut Cx<'_, '_>, fid: u64) -> Result<Furthest, EngineError> {
    if let Some(known) = cx.live.furthest.get(&fid) {
        return Ok(*known);
    }
    let found = scan(cx.tx, fid)?.iter().fold(Furthest::default(), Furthest::with);
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

fn scan(tx: &Tx<'_>, fid: u64) -> Result<Vec<Mark>, EngineError> {
    Ok(tx.scan(&tables::deliveries(fid), None, MAX_DEVICES, false)?.into_iter().map(|(_, mark)| mark).collect())
}

/// A recipient's device says that it durably has our feed up to `seq`. The channel, if that is all of it.
pub(super) fn delivered(
    cx: &mut Cx<'_, '_>,
    channel: ChannelId,
    key: FeedKey,
    seq: u64,
    account: AccountId,
    device: &DeviceId,
) -> Result<Option<Channel>, EngineError> {
    if !cx.me.wrote(&key) {
        return Ok(None);
    }
    let Some(found) = super::channels::by_id(cx.tx, &channel)? else { return Ok(None) };
    let Some(feed) = feeds::load(cx.tx, found.no, &key)? else { return Ok(None) };
    let place = tables::delivery(feed.fid, device);
    let mut mark = cx.tx.load(&place)?.unwrap_or_else(|| Mark::new(account));
    // What was never written cannot have been delivered.
    let seq = seq.min(feed.head.map_or(0, |head| head.seq));
    if seq <= mark.delivered {
        return Ok(None);
    }
    let known = match group::show::is_large(cx, &found) {
        true => furthest(cx, feed.fid)?.delivered.max(mark.delivered),
        false => mark.delivered,
    };
    mark.delivered = seq;
    mark.delivered_at = cx.now;
    save(cx, feed.fid, device, &mark)?;
    changed(cx, channel, key, known, seq)?;
    Ok((seq == feed.head.map_or(0, |head| head.seq)).then_some(found))
}

/// Up to where a device is known to have a feed of ours, if it said so.
pub(super) fn delivered_to(tx: &Tx<'_>, fid: u64, device: &DeviceId) -> Result<Option<u64>, EngineError> {
    Ok(tx.load::<Mark>(&tables::delivery(fid, device))?.map(|mark| mark.delivered))
}

/// Whether anybody durably has all of our feed in a channel.
pub(super) fn is_told(tx: &Tx<'_>, channel: &Channel, device: &DeviceId) -> Result<bool, EngineError> {
    let author = covey_feed::Author::from_bytes(*device.as_bytes());
    let key = FeedKey { author, incarnation: channel.incarnation };
    let Some(feed) = feeds::load(tx, channel.no, &key)? else { return Ok(true) };
    let last = feed.head.map_or(0, |head| head.seq);
    Ok(scan(tx, feed.fid)?.iter().any(|mark| mark.delivered >= last))
}

/// Entries of ours in a conversation of two that wait for the other side, and when the oldest message among them was written.
pub(super) fn waiting(cx: &Cx<'_, '_>, channel: &Channel) -> Result<(u64, Option<u64>), EngineError> {
    // Receipts and the like may stand before it.
    const LOOK: usize = 16;
    let key = FeedKey { author: cx.me.author(), incarnation: channel.incarnation };
    let Some(feed) = feeds::load(cx.tx, channel.no, &key)? else { return Ok((0, None)) };
    let last = feed.head.map_or(0, |head| head.seq);
    let delivered = scan(cx.tx, feed.fid)?.iter().map(|mark| mark.delivered).max().unwrap_or(0);
    let mut oldest = None;
    for seq in (delivered + 1..=last).take(LOOK) {
        if let Some((_, message)) = messages::of_entry(cx.tx, channel.id, key, seq)? {
            oldest = Some(message.received_at);
            break;
        }
    }
    Ok((last.saturating_sub(delivered), oldest))
}

/// [BODY-8] A recipient says what was read.
pub(super) fn read(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    entry: &Entry,
    marks: &[ReadMark],
) -> Result<(), EngineError> {
    let reader = entry.header().feed.author;
    let device = DeviceId::from_bytes(*reader.as_bytes());
    let Some(account) = members::account_of(cx, channel, &reader)? else { return Ok(()) };
    for (author, incarnation, seq) in marks {
        if **author != *cx.me.device_id().as_bytes() {
            continue;
        }
        let key = FeedKey { author: covey_feed::Author::from_bytes(**author), incarnation: *incarnation };
        let Some(feed) = feeds::load(cx.tx, channel.no, &key)? else { continue };
        let seq = (*seq).min(feed.head.map_or(0, |head| head.seq));
        let place = tables::delivery(feed.fid, &device);
        let mut mark = cx.tx.load(&place)?.unwrap_or_else(|| Mark::new(account));
        if seq <= mark.read {
            continue;
        }
        let known = match group::show::is_large(cx, channel) {
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
        changed(cx, channel.id, key, known, seq)?;
    }
    Ok(())
}

/// Tells the journal of every message that a mark moved over, from after `known` up to `seq`. (In a large group `known` is
/// what anybody had: of the messages before, an event would say what an earlier one said.)
fn changed(cx: &mut Cx<'_, '_>, channel: ChannelId, key: FeedKey, known: u64, seq: u64) -> Result<(), EngineError> {
    for seq in known.saturating_add(1)..=seq {
        if let Some((channel, message)) = messages::of_entry(cx.tx, channel, key, seq)? {
            let shown = messages::show_in_event(cx, &channel, &message).map_err(EngineError::bug)?;
            journal::record(cx, api::EventKind::MessageChanged, &shown)?;
        }
    }
    Ok(())
}

fn marks(tx: &Tx<'_>, channel: &Channel, message: &Message) -> Result<Vec<Mark>, EngineError> {
    let key = FeedKey { author: message.place.author, incarnation: message.place.incarnation };
    let Some(feed) = feeds::load(tx, channel.no, &key)? else { return Ok(Vec::new()) };
    scan(tx, feed.fid)
}

/// How far a message of ours has come.
pub(super) struct Deliveries {
    /// To each of its recipients, if they are few.
    pub(super) each: Vec<api::Delivery>,
    /// In a group, to how many.
    pub(super) summary: Option<api::DeliverySummary>,
}

/// How far a message of ours has come: to one device of a recipient is enough.
pub(super) fn of(cx: &Cx<'_, '_>, channel: &Channel, message: &Message) -> Result<Deliveries, ApiError> {
    let marks = marks(cx.tx, channel, message)?;
    let Some(contact) = &channel.contact else { return in_group(cx, channel, message, &marks) };
    Ok(Deliveries { each: vec![to(cx, channel, message, &marks, contact)?], summary: None })
}

fn in_group(cx: &Cx<'_, '_>, channel: &Channel, message: &Message, marks: &[Mark]) -> Result<Deliveries, ApiError> {
    let seq = message.place.seq;
    let with = |least: fn(&Mark) -> u64| -> BTreeSet<AccountId> {
        marks.iter().filter(|mark| least(mark) >= seq).map(|mark| mark.account).collect()
    };
    let (delivered, read) = (with(|mark| mark.delivered), with(|mark| mark.read));
    let recipients = group::recipients(cx, channel);
    let count = |of: &BTreeSet<AccountId>| {
        u32::try_from(recipients.iter().filter(|account| of.contains(account)).count()).unwrap_or(u32::MAX)
    };
    let mut missing = Vec::new();
    for account in recipients.iter().filter(|account| !delivered.contains(account)).take(api::MAX_MISSING) {
        missing.push(to(cx, channel, message, marks, account)?);
    }
    let total = u32::try_from(recipients.len()).unwrap_or(u32::MAX);
    let summary = api::DeliverySummary { total, delivered: count(&delivered), read: count(&read), missing };
    let few = recipients.len() <= api::MAX_MISSING;
    let each = recipients.iter().filter(|_| few).map(|account| to(cx, channel, message, marks, account));
    Ok(Deliveries { each: each.collect::<Result<_, _>>()?, summary: Some(summary) })
}

/// How far it has come to one of them.
fn to(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    message: &Message,
    marks: &[Mark],
    recipient: &AccountId,
) -> Result<api::Delivery, ApiError> {
    let seq = message.place.seq;
    let marks = || marks.iter().filter(|mark| mark.account == *recipient);
    let read = marks().filter(|mark| mark.read >= seq).map(|mark| mark.read_at).min();
    let delivered = marks().filter(|mark| mark.delivered >= seq).map(|mark| mark.delivered_at).min();
    let expired = message.body.expires_at.filter(|at| *at <= cx.now);
    let contact = contacts::load(cx.tx, recipient)?;
    // While they are blocked it waits.
    let is_over = !channel.open && (channel.is_group() || contact.as_ref().is_none_or(|c| !c.keeps(channel.no)));
    let (state, at, why) = match (read, delivered, expired) {
        (Some(at), _, _) => (MessageState::Read, at, None),
        (None, Some(at), _) => (MessageState::Delivered, at, None),
        (None, None, Some(at)) => (MessageState::Expired, at, None),
        (None, None, None) if is_over => {
            let why = if channel.contact.is_some() { "you are no longer paired" } else { "you are no longer a member" };
            (MessageState::Failed, channel.active_at, Some(why.to_owned()))
        }
        (None, None, None) => (MessageState::Queued, message.received_at, None),
    };
    Ok(api::Delivery {
        recipient: recipient.to_string(),
        alias: contact.and_then(|contact| contact.alias),
        state,
        at: Time::from_unix_ms(at),
        why,
    })
}

/// What a message as a whole is: the least of its deliveries in a direct channel; in a group, whether anybody has it.
pub(super) fn state(cx: &Cx<'_, '_>, channel: &Channel, message: &Message) -> Result<MessageState, ApiError> {
    if channel.contact.is_some() {
        return Ok(of(cx, channel, message)?.each.first().map_or(MessageState::Queued, |delivery| delivery.state));
    }
    let seq = message.place.seq;
    let key = FeedKey { author: message.place.author, incarnation: message.place.incarnation };
    let fid = feeds::load(cx.tx, channel.no, &key)?.map(|feed| feed.fid);
    let known = fid.and_then(|fid| cx.live.furthest.get(&fid)).copied();
    let furthest = match (known, fid) {
        (Some(known), _) => known,
        (None, Some(fid)) => scan(cx.tx, fid)?.iter().fold(Furthest::default(), Furthest::with),
        (None, None) => Furthest::default(),
    };
    let expired = message.body.expires_at.is_some_and(|at| at <= cx.now);
    Ok(if furthest.read >= seq {
        MessageState::Read
    } else if furthest.delivered >= seq {
        MessageState::Delivered
    } else if expired {
        MessageState::Expired
    } else {
        MessageState::Queued
    })
}
