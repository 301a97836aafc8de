//! How far our messages have come, as clients see it.

use std::collections::BTreeSet;

use covey_api as api;
use covey_api::{MessageState, Time};
use covey_feed::FeedKey;
use covey_pairing::ids::AccountId;

use crate::engine::members::rosters;
use crate::engine::records::channels::{Channel, Kind};
use crate::engine::records::marks::{self, Furthest, Mark};
use crate::engine::records::messages::{self, Message};
use crate::engine::records::{devices, feeds, mailboxes, people};
use crate::engine::{Cx, EngineError};

/// Entries of ours in a conversation of two that wait for the other side, and when the oldest message among them was written.
pub(in crate::engine) fn waiting(cx: &Cx<'_, '_>, channel: &Channel) -> Result<(u64, Option<u64>), EngineError> {
    // Receipts and the like may stand before it.
    const LOOK: usize = 16;
    let key = FeedKey { author: cx.me.author(), incarnation: channel.incarnation };
    let Some(feed) = feeds::load(cx.tx, channel.no, &key)? else { return Ok((0, None)) };
    let last = feed.head.map_or(0, |head| head.seq);
    let delivered = marks::scan(cx.tx, feed.fid)?.iter().map(|mark| mark.delivered).max().unwrap_or(0);
    let mut oldest = None;
    for seq in (delivered + 1..=last).take(LOOK) {
        if let Some((_, message)) = messages::of_entry(cx.tx, channel.id, key, seq)? {
            oldest = Some(message.received_at);
            break;
        }
    }
    Ok((last.saturating_sub(delivered), oldest))
}

/// How far a message of ours has come.
pub(in crate::engine) struct Deliveries {
    /// To each of its recipients, if they are few.
    pub(in crate::engine) each: Vec<api::Delivery>,
    /// In a group, to how many.
    pub(in crate::engine) summary: Option<api::DeliverySummary>,
}

/// How far a message of ours has come, by the marks of its feed: to one device of a recipient is enough.
pub(in crate::engine) fn of(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    message: &Message,
    marks: &[Mark],
) -> Result<Deliveries, EngineError> {
    match channel.kind() {
        Kind::Direct(contact) => {
            let told = to(cx, channel, message, marks, &contact)?;
            let devices = by_device(cx, message, marks, &contact)?;
            Ok(Deliveries { each: vec![api::Delivery { devices, ..told }], summary: None })
        }
        Kind::Group(_) => in_group(cx, channel, message, marks),
        Kind::Own => Ok(Deliveries { each: Vec::new(), summary: None }),
    }
}

fn in_group(cx: &Cx<'_, '_>, channel: &Channel, message: &Message, marks: &[Mark]) -> Result<Deliveries, EngineError> {
    let seq = message.place.seq;
    let with = |least: fn(&Mark) -> u64| -> BTreeSet<AccountId> {
        marks.iter().filter(|mark| least(mark) >= seq).map(|mark| mark.account).collect()
    };
    let (delivered, read) = (with(|mark| mark.delivered), with(|mark| mark.read));
    let recipients = rosters::recipients(cx, channel);
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
) -> Result<api::Delivery, EngineError> {
    let seq = message.place.seq;
    let marks = || marks.iter().filter(|mark| mark.account == *recipient);
    let read = marks().filter(|mark| mark.read >= seq).map(|mark| mark.read_at).min();
    let delivered = marks().filter(|mark| mark.delivered >= seq).map(|mark| mark.delivered_at).min();
    let expired = message.body.expires_at.filter(|at| *at <= cx.now);
    let contact = people::load(cx.tx, recipient)?;
    // While they are blocked it waits.
    let is_over = !channel.open && (channel.is_group() || contact.as_ref().is_none_or(|c| !c.keeps(channel.no)));
    let kept =
        if read.is_none() && delivered.is_none() && !is_over { kept(cx, channel, message, recipient)? } else { None };
    let (state, at, why) = match (read, delivered, expired) {
        (Some(at), _, _) => (MessageState::Read, at, None),
        (None, Some(at), _) => (MessageState::Delivered, at, None),
        (None, None, Some(at)) => (MessageState::Expired, at, None),
        (None, None, None) if is_over => {
            let why = if !channel.is_group() { "you are no longer paired" } else { "you are no longer a member" };
            (MessageState::Failed, channel.active_at, Some(why.to_owned()))
        }
        (None, None, None) if kept.is_some() => (MessageState::Kept, message.received_at, None),
        (None, None, None) => (MessageState::Queued, message.received_at, None),
    };
    Ok(api::Delivery {
        recipient: recipient.to_string(),
        alias: contact.and_then(|contact| contact.alias),
        state,
        at: Time::from_unix_ms(at),
        why,
        kept,
        devices: Vec::new(),
    })
}

/// Keepers of a contact that have a message of this device for it.
fn kept(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    message: &Message,
    recipient: &AccountId,
) -> Result<Option<api::KeptBy>, EngineError> {
    let key = FeedKey { author: message.place.author, incarnation: message.place.incarnation };
    if channel.is_group() || !cx.me.wrote(&key) {
        return Ok(None);
    }
    let Some(feed) = feeds::load(cx.tx, channel.no, &key)? else { return Ok(None) };
    let kept = mailboxes::kept(cx.tx, recipient, (feed.fid, message.place.seq), cx.now)?;
    Ok(kept.map(|(keepers, until)| api::KeptBy { keepers, until: Time::from_unix_ms(until) }))
}

/// How far it has come to each device of a contact that counts now.
fn by_device(
    cx: &Cx<'_, '_>,
    message: &Message,
    marks: &[Mark],
    contact: &AccountId,
) -> Result<Vec<api::DeviceDelivery>, EngineError> {
    let seq = message.place.seq;
    let devices = devices::devices(cx.tx, contact)?.into_iter();
    Ok(devices
        .map(|device| {
            let mark = marks.iter().find(|mark| mark.device == Some(device.id));
            let (state, at) = match mark {
                Some(mark) if mark.read >= seq => (MessageState::Read, mark.read_at),
                Some(mark) if mark.delivered >= seq => (MessageState::Delivered, mark.delivered_at),
                _ => (MessageState::Queued, message.received_at),
            };
            api::DeviceDelivery { device: device.id.to_string(), state, at: Time::from_unix_ms(at) }
        })
        .collect())
}

/// What a message as a whole is: the least of its deliveries in a direct channel; in a group, whether anybody has it.
pub(in crate::engine) fn state(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    message: &Message,
) -> Result<MessageState, EngineError> {
    if !channel.is_group() {
        let marks = marks::marks(cx.tx, channel, message)?;
        return Ok(of(cx, channel, message, &marks)?
            .each
            .first()
            .map_or(MessageState::Queued, |delivery| delivery.state));
    }
    let seq = message.place.seq;
    let key = FeedKey { author: message.place.author, incarnation: message.place.incarnation };
    let fid = feeds::load(cx.tx, channel.no, &key)?.map(|feed| feed.fid);
    let known = fid.and_then(|fid| cx.live.furthest.get(&fid)).copied();
    let furthest = match (known, fid) {
        (Some(known), _) => known,
        (None, Some(fid)) => marks::scan(cx.tx, fid)?.iter().fold(Furthest::default(), Furthest::with),
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
