//! A message in its place: stored as it is now, with all that follows from whether it is shown.

use covey_api as api;
use covey_feed::OrderKey;

use crate::engine::counters::Counter;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::messages::{self, Message, Page, Pointer};
use crate::engine::records::{edits, marks, repeats};
use crate::engine::shown::{channel, events};
use crate::engine::wire::payload;
use crate::engine::{Cx, Effect, EngineError, journal, tables};
use crate::store::Key;

/// Stores a message as it is now, and with it all that follows from whether it is shown: the unread ones, the newest one.
/// `was_read`: what is shown from now on was read before.
pub(in crate::engine) fn put(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    was: Option<&Message>,
    mut is: Message,
    was_read: bool,
) -> Result<Message, EngineError> {
    let (before, after) = (was.is_some_and(Message::is_shown), is.is_shown());
    if after && !before {
        is.arrived = Counter::Journal.get(cx.tx)?.max(1);
        is.late = !is.own && !was_read && Some(is.place) <= channel.read;
        is.unseen = is.late;
    }
    is.unseen &= after;
    let unread = was.is_some_and(|was| messages::is_unread(channel, was));
    channel.unread = match (unread, messages::is_unread(channel, &is)) {
        (true, false) => channel.unread.saturating_sub(1),
        (false, true) => channel.unread.saturating_add(1),
        _ => channel.unread,
    };
    let is_hidden = |message: &Message| message.hidden && message.body.kind == payload::kind::TEXT;
    mark(cx, &tables::late(channel.no, &is.place), was.is_some_and(|was| was.unseen), is.unseen, &is.place)?;
    mark(cx, &tables::hidden(channel.no, &is.place), was.is_some_and(is_hidden), is_hidden(&is), &is.place)?;
    let place = tables::message(channel.no, &is.place);
    if is.own {
        // It is told of again soon, when it is delivered.
        cx.tx.save(&place, &is);
    } else if was.is_some() {
        cx.tx.put(&place, &is)?;
    } else {
        cx.tx.add(&place, &is)?;
    }
    if was.is_none() {
        cx.tx.add(&tables::message_place(&is.id), &Pointer(channel.no, is.place))?;
    }
    repeats::point(cx.tx, channel.no, &is)?;
    edits::point(cx.tx, channel.no, was, &is)?;
    if after {
        channel.newest = channel.newest.max(Some(is.place));
    } else if channel.newest == Some(is.place) {
        let newest = messages::list(cx.tx, channel.no, Page { limit: 1, ..Page::default() })?;
        channel.newest = newest.first().map(|newest| newest.place);
    }
    Ok(is)
}

/// Whether a row says so: what it was, and what it is.
fn mark(cx: &mut Cx<'_, '_>, key: &Key, was: bool, is: bool, place: &OrderKey) -> Result<(), EngineError> {
    match (was, is) {
        (_, true) => cx.tx.put(key, place)?,
        (true, false) => cx.tx.delete(key),
        (false, false) => {}
    }
    Ok(())
}

/// Tells clients of a message of somebody that they have not seen.
pub(in crate::engine) fn announce(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    message: &Message,
) -> Result<(), EngineError> {
    if cx.quiet {
        return Ok(());
    }
    channel.active_at = cx.now;
    let kind = if message.own { api::EventKind::MessageSent } else { api::EventKind::MessageReceived };
    if !message.own {
        cx.live.tally.received(message.body.sent_at, cx.now);
    }
    tell(cx, channel, message, kind)
}

/// Tells clients of a message.
pub(in crate::engine) fn tell(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    message: &Message,
    kind: api::EventKind,
) -> Result<(), EngineError> {
    if cx.quiet {
        return Ok(());
    }
    if channels::is_request(cx.tx, channel)? {
        // Not a message of the inbox: the list of requests has changed.
        channel.save(cx.tx)?;
        let shown = channel::show(cx, channel)?;
        return journal::record(cx, api::EventKind::Channel, &shown);
    }
    let marks = if message.own { marks::marks(cx.tx, channel, message)? } else { Vec::new() };
    events::tell(cx, kind, channel, message, &marks)
}

/// Puts another state of a message in its place, and tells of it. `was_read`: what is shown from now on was read before.
pub(in crate::engine) fn replace(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    was: &Message,
    is: Message,
    was_read: bool,
) -> Result<Message, EngineError> {
    let is = put(cx, channel, Some(was), is, was_read)?;
    if was.text().is_some() && was.text() != is.text() {
        cx.effects.push(Effect::Unwritten);
    }
    if is.is_shown() && was.arrived == 0 {
        announce(cx, channel, &is)?;
    } else if is.is_shown() || was.is_shown() {
        tell(cx, channel, &is, api::EventKind::MessageChanged)?;
    }
    channel.save(cx.tx)?;
    Ok(is)
}
