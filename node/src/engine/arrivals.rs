//! What becomes of a message: it comes, is shown or hidden, counts as unread until somebody read it, is deleted.
//!
//! The order of a channel is the same for everybody, so what comes may stand before what was read long ago: an author
//! chooses the logical time of what it writes, and a key may come late. Such a message is *late*: it is unread whatever
//! stands after it was read, and no receipt leaves for it before it was seen [NODE-LATE].

use covey_api::{self as api};
use covey_feed::{Entry, EntryId, FeedKey, OrderKey};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::{AccountId, DeviceId};

use super::channels::{self, Channel};
use super::messages::{self, Message, Page, Pointer};
use super::payload::{Body, kind};
use super::tables::Counter;
use super::{Cx, EngineError, contacts, delivery, feeds, group, journal, repeats, tables};

/// Takes a body that was opened from a member's entry.
pub(super) fn receive(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    entry: &Entry,
    author: AccountId,
    content_key: Secret<32>,
    body: Body,
) -> Result<(), EngineError> {
    let own = author == cx.me.account_id();
    let marks = body.read.clone();
    let mut message = Message::new(entry, author, own, cx.now, body, content_key);
    if group::is_deleted(cx, channel, &message) {
        message = message.forgotten();
    }
    message.hidden = !group::counts(cx, channel, &author, &message.place, message.body.kind);
    // Whether it is one that came before is settled when it is there.
    message.repeat = message.is_shown() && !repeats::is_alone(cx.tx, channel, &message)?;
    let message = put(cx, channel, None, message, false)?;
    if message.is_shown() {
        announce(cx, channel, &message)?;
    } else if message.repeat {
        repeats::settle(cx, channel, &message)?;
    }
    if !marks.is_empty() && message.body.kind == kind::READ && !message.hidden {
        delivery::read(cx, channel, entry, &marks)?;
    }
    Ok(())
}

/// Tells clients of a message of somebody that they have not seen.
fn announce(cx: &mut Cx<'_, '_>, channel: &mut Channel, message: &Message) -> Result<(), EngineError> {
    channel.active_at = cx.now;
    if contacts::is_request(cx.tx, channel)? {
        // Not a message of the inbox: the list of requests has changed.
        channel.save(cx.tx)?;
        let shown = channels::show(cx, channel).map_err(EngineError::bug)?;
        return journal::record(cx, api::EventKind::Channel, &shown);
    }
    let shown = messages::show(cx, channel, message).map_err(EngineError::bug)?;
    let kind = if message.own { api::EventKind::MessageSent } else { api::EventKind::MessageReceived };
    journal::record(cx, kind, &shown)
}

/// Whether a message counts among the unread ones.
pub(super) fn is_unread(channel: &Channel, message: &Message) -> bool {
    let unread = if message.late { message.unseen } else { Some(message.place) > channel.read };
    message.is_shown() && !message.own && unread
}

/// Stores a message as it is now, and with it all that follows from whether it is shown: the unread ones, the newest one.
/// `was_read`: what is shown from now on was read before.
pub(super) fn put(
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
    let unread = was.is_some_and(|was| is_unread(channel, was));
    channel.unread = match (unread, is_unread(channel, &is)) {
        (true, false) => channel.unread.saturating_sub(1),
        (false, true) => channel.unread.saturating_add(1),
        _ => channel.unread,
    };
    mark(cx, &tables::late(channel.no, &is.place), is.unseen, &is.place)?;
    mark(cx, &tables::hidden(channel.no, &is.place), is.hidden && is.body.kind == kind::TEXT, &is.place)?;
    cx.tx.put(&tables::message(channel.no, &is.place), &is)?;
    cx.tx.put(&tables::message_place(&is.id), &Pointer(channel.no, is.place))?;
    repeats::point(cx.tx, channel.no, &is)?;
    if after {
        channel.newest = channel.newest.max(Some(is.place));
    } else if channel.newest == Some(is.place) {
        let newest = messages::list(cx.tx, channel.no, Page { limit: 1, ..Page::default() })?;
        channel.newest = newest.first().map(|newest| newest.place);
    }
    Ok(is)
}

/// Whether a row says so.
fn mark(cx: &mut Cx<'_, '_>, key: &crate::store::Key, there: bool, place: &OrderKey) -> Result<(), EngineError> {
    if there {
        cx.tx.put(key, place)?;
    } else if cx.tx.contains(key)? {
        cx.tx.delete(key);
    }
    Ok(())
}

/// Puts another state of a message in its place, and tells of it. `was_read`: what is shown from now on was read before.
pub(super) fn replace(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    was: &Message,
    is: Message,
    was_read: bool,
) -> Result<Message, EngineError> {
    let is = put(cx, channel, Some(was), is, was_read)?;
    if is.is_shown() && was.arrived == 0 {
        announce(cx, channel, &is)?;
    } else if is.is_shown() || was.is_shown() {
        let shown = messages::show(cx, channel, &is).map_err(EngineError::bug)?;
        journal::record(cx, api::EventKind::MessageChanged, &shown)?;
    }
    channel.save(cx.tx)?;
    Ok(is)
}

/// Deletes a message for everyone, if that device wrote it.
pub(super) fn delete(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    id: &EntryId,
    of: &DeviceId,
) -> Result<(), EngineError> {
    for message in repeats::named(cx.tx, channel, id, of.as_bytes())? {
        if message.body.is_deleted() {
            continue;
        }
        replace(cx, channel, &message, message.clone().forgotten(), false)?;
        repeats::settle(cx, channel, &message)?;
        if message.own {
            let key = FeedKey { author: message.place.author, incarnation: message.place.incarnation };
            let feed = feeds::load(cx.tx, channel.no, &key)?;
            let entry = feed.map(|feed| feeds::entry(cx.tx, feed.fid, message.place.seq)).transpose()?.flatten();
            if let Some(payload) = entry.as_ref().and_then(Entry::payload) {
                group::forget_key(cx, channel.no, payload)?;
            }
        }
    }
    Ok(())
}

/// Hides what somebody wrote who had no right to, or shows it again.
pub(super) fn hide(cx: &mut Cx<'_, '_>, channel: &mut Channel, id: &EntryId, hidden: bool) -> Result<(), EngineError> {
    let Some((no, message)) = messages::by_id(cx.tx, id)? else { return Ok(()) };
    if no != channel.no || message.id != *id || message.hidden == hidden {
        return Ok(());
    }
    let mut is = Message { hidden, repeat: false, ..message.clone() };
    is.repeat = is.is_shown() && !repeats::is_alone(cx.tx, channel, &is)?;
    let is = replace(cx, channel, &message, is, false)?;
    repeats::settle(cx, channel, &is)
}

/// What was read up to a place leaves of the late ones: those that stand beyond it or came after it.
pub(super) fn see(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    up_to: Option<OrderKey>,
    arrived: u64,
) -> Result<bool, EngineError> {
    let mut seen = false;
    for (_, place) in cx.tx.scan::<OrderKey>(&tables::all_late(channel.no), None, usize::MAX, false)? {
        let Some(message) = messages::at(cx.tx, channel.no, &place)? else { continue };
        if message.arrived <= arrived && Some(place) <= up_to {
            put(cx, channel, Some(&message), Message { unseen: false, ..message.clone() }, false)?;
            seen = true;
        }
    }
    Ok(seen)
}

/// The first entry of a feed that nobody here can have seen though it stands before what was read: late and unread, hidden,
/// or not open yet.
pub(super) fn first_unseen(cx: &Cx<'_, '_>, channel: &Channel, feed: &feeds::Feed) -> Result<Option<u64>, EngineError> {
    let key = &feed.key;
    let author = DeviceId::from_bytes(*key.author.as_bytes());
    let mut first: Option<u64> = None;
    for of in [tables::late_of(channel.no, key), tables::hidden_of(channel.no, key)] {
        let rows = cx.tx.scan::<OrderKey>(&of, None, 1, false)?;
        first = rows.first().map(|(_, place)| place.seq).into_iter().chain(first).min();
    }
    let waiting = tables::parked_of(&author, feed.fid);
    let rows = cx.tx.scan::<super::parked::Parked>(&waiting, None, 1, false)?;
    Ok(rows.first().map(|(_, parked)| parked.seq).into_iter().chain(first).min())
}
