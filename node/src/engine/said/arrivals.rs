//! What becomes of a message: it comes, is hidden or shown again, is deleted, is seen.
//!
//! The order of a channel is the same for everybody, so what comes may stand before what was read long ago: an author
//! chooses the logical time of what it writes, and a key may come late. Such a message is *late*: it is unread whatever
//! stands after it was read, and no receipt leaves for it before it was seen [NODE-LATE].

use covey_feed::{Author, Entry, EntryId, FeedKey};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::{AccountId, DeviceId};

use crate::engine::members::{self, rights};
use crate::engine::records::channels::Channel;
use crate::engine::records::messages::{self, Message};
use crate::engine::records::{edits, feeds, repeats};
use crate::engine::said::{place, reading, receipts, settle};
use crate::engine::sealing::chains;
use crate::engine::wire::payload::{self, Body};
use crate::engine::{Cx, EngineError};

/// Takes a body that was opened from a member's entry. Beside the author stands when it was received, Unix milliseconds.
pub(in crate::engine) fn receive(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    entry: &Entry,
    (author, at): (AccountId, u64),
    content_key: Secret<32>,
    body: Body,
) -> Result<(), EngineError> {
    let own = cx.me.is_ours(&author);
    let marks = body.read.clone();
    let mut message = Message::new(entry, author, own, at, body, content_key);
    if rights::is_deleted(cx, channel, &message) {
        message = message.forgotten();
    }
    message.hidden = !rights::counts(cx, channel, &author, &message.place, message.body.kind);
    // Whether it is one that came before is settled when it is there.
    message.repeat = message.stands() && !repeats::is_alone(cx.tx, channel, &message)?;
    let was_read = reading::is_read_elsewhere(cx, channel, &message.place)?;
    let message = place::put(cx, channel, None, message, was_read)?;
    if message.is_shown() {
        place::announce(cx, channel, &message)?;
    } else if message.repeat || (message.stands() && message.body.edits().is_some()) {
        settle::settle(cx, channel, &message)?;
    }
    if !marks.is_empty() && message.body.kind == payload::kind::READ && !message.hidden {
        receipts::read(cx, channel, entry, &marks)?;
    }
    Ok(())
}

/// [BODY-14] Deletes a message for everyone, if that device wrote it, and whatever its author changed it to.
pub(in crate::engine) fn delete(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    id: &EntryId,
    of: &DeviceId,
) -> Result<(), EngineError> {
    for message in repeats::named(cx.tx, channel, id, of.as_bytes())? {
        if !message.body.is_deleted() {
            forget(cx, channel, &message)?;
        }
    }
    if let Some(author) = members::account_of(cx, channel, &Author::from_bytes(*of.as_bytes()))? {
        forget_edits(cx, channel, id, &author)?;
    }
    Ok(())
}

/// Leaves nothing of what an author changed a message to, however often that was. (None of them is listed any more once it is
/// forgotten.)
fn forget_edits(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    target: &EntryId,
    author: &AccountId,
) -> Result<(), EngineError> {
    loop {
        let part = edits::part(cx.tx, channel.no, target, author)?;
        if part.is_empty() {
            return Ok(());
        }
        for (key, place) in part {
            match messages::at(cx.tx, channel.no, &place)? {
                Some(edit) if edit.body.edits() == Some(*target) => forget(cx, channel, &edit)?,
                _ => cx.tx.delete(&key),
            }
        }
    }
}

/// Leaves of a message that it was there.
fn forget(cx: &mut Cx<'_, '_>, channel: &mut Channel, message: &Message) -> Result<(), EngineError> {
    place::replace(cx, channel, message, message.clone().forgotten(), false)?;
    settle::settle(cx, channel, message)?;
    if message.own {
        let key = FeedKey { author: message.place.author, incarnation: message.place.incarnation };
        let feed = feeds::load(cx.tx, channel.no, &key)?;
        let entry = feed.map(|feed| feeds::entry(cx.tx, feed.fid, message.place.seq)).transpose()?.flatten();
        if let Some(payload) = entry.as_ref().and_then(Entry::payload) {
            chains::forget_key(cx, channel.no, payload)?;
        }
    }
    Ok(())
}

/// Hides what somebody wrote who had no right to, or shows it again.
pub(in crate::engine) fn hide(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    id: &EntryId,
    hidden: bool,
) -> Result<(), EngineError> {
    let Some((no, message)) = messages::by_id(cx.tx, id)? else { return Ok(()) };
    if no != channel.no || message.id != *id || message.hidden == hidden {
        return Ok(());
    }
    let mut is = Message { hidden, repeat: false, ..message.clone() };
    is.repeat = is.stands() && !repeats::is_alone(cx.tx, channel, &is)?;
    let is = place::replace(cx, channel, &message, is, false)?;
    settle::settle(cx, channel, &is)
}
