//! What we had to write again (`[NODE-AGAIN]`): messages of a copy of us, at places where others have something else. Copies of the
//! copy may do the same, and what was given up may turn out to be there after all. So a message can come several times;
//! it is shown once, where it stands first: alike on every node, and so that what one wrote stays in order.
//!
//! All of them are stored. Which one is shown follows from those that are there and count, whatever came first and whatever
//! a later operation of a group hides: only the same device, word for word, repeats itself.

use covey_feed::{EntryId, OrderKey};

use crate::engine::records::channels::Channel;
use crate::engine::records::messages::{self, Message, Pointer};
use crate::engine::wire::payload::{self, Body};
use crate::engine::{EngineError, tables};
use crate::store::Tx;

/// How often a message may be written again and still be shown once: each time stands for a restored copy. Those count that
/// come first along the feeds of the device; any more are shown beside them.
const MAX_COPIES: usize = 16;

/// The id that a message had first, if it was written again.
fn origin(message: &Message) -> Option<EntryId> {
    message.body.again.map(|id| EntryId::from_bytes(*id))
}

/// All that may be the same message: what it was first, and what was written again for that. The one copy too many that there
/// may be comes last.
pub(in crate::engine) fn class(
    tx: &Tx<'_>,
    channel: &Channel,
    message: &Message,
) -> Result<(Vec<Message>, Option<Message>), EngineError> {
    let first = origin(message).unwrap_or(message.id);
    let author = message.place.author;
    let mut found = Vec::new();
    if let Some((no, at)) = messages::by_id(tx, &first)?
        && (no, at.id, at.place.author) == (channel.no, first, author)
    {
        found.push(at);
    }
    let copies = tables::copies(channel.no, &first, author.as_bytes());
    let mut copies = tx.scan::<OrderKey>(&copies, None, MAX_COPIES + 1, false)?;
    let over = copies.split_off(MAX_COPIES.min(copies.len()));
    for (_, place) in copies {
        found.extend(messages::at(tx, channel.no, &place)?);
    }
    let over = over.first().map(|(_, place)| messages::at(tx, channel.no, place)).transpose()?.flatten();
    Ok((found, over))
}

fn counts(message: &Message) -> bool {
    payload::kind::is_said(message.body.kind) && !message.hidden
}

/// Whether another one of these is the same message and stands before this one.
pub(in crate::engine) fn is_repeat(message: &Message, class: &[Message]) -> bool {
    let before =
        |other: &Message| counts(other) && other.place < message.place && other.body.says_the_same(&message.body);
    counts(message) && class.iter().any(before)
}

/// The one that is shown in place of a message that is not, because it says the same.
pub(in crate::engine) fn shown_for(
    tx: &Tx<'_>,
    channel: &Channel,
    message: &Message,
) -> Result<Option<Message>, EngineError> {
    if !message.repeat {
        return Ok(None);
    }
    let (class, _) = class(tx, channel, message)?;
    let same = |other: &Message| other.is_shown() && other.body.says_the_same(&message.body);
    Ok(class.into_iter().find(same))
}

/// What a message says when it is written again; `None` if that was done already, or there is nothing to say.
pub(in crate::engine) fn body(tx: &Tx<'_>, channel: &Channel, message: &Message) -> Result<Option<Body>, EngineError> {
    let stands = |other: &Message| other.id != message.id && counts(other) && other.body.says_the_same(&message.body);
    let (class, _) = class(tx, channel, message)?;
    if message.body.is_deleted() || class.iter().any(stands) {
        return Ok(None);
    }
    Ok(Some(message.body.clone().written_again(message.id)))
}

/// Whether no other message can be the same.
pub(in crate::engine) fn is_alone(tx: &Tx<'_>, channel: &Channel, message: &Message) -> Result<bool, EngineError> {
    if origin(message).is_some() || !tx.may_hold(&tables::copies_in(channel.no))? {
        return Ok(origin(message).is_none());
    }
    let copies = tables::copies(channel.no, &message.id, message.place.author.as_bytes());
    Ok(tx.scan::<OrderKey>(&copies, None, 1, false)?.is_empty())
}

/// Lets a message be found by the id that it had first: alone, unless that is another message's, and among all that were
/// written again for it.
pub(in crate::engine) fn point(tx: &mut Tx<'_>, channel: u64, message: &Message) -> Result<(), EngineError> {
    let Some(first) = origin(message) else { return Ok(()) };
    tx.put(&tables::copy(channel, &first, &message.place), &message.place)?;
    if messages::by_id(tx, &first)?.is_none() {
        tx.put(&tables::message_place(&first), &Pointer(channel, message.place))?;
    }
    Ok(())
}

/// Whether a message is found by the id that it had first.
pub(in crate::engine) fn is_pointed_at(tx: &Tx<'_>, channel: u64, message: &Message) -> Result<bool, EngineError> {
    let Some(first) = origin(message) else { return Ok(false) };
    let pointer: Option<Pointer> = tx.get(&tables::message_place(&first))?;
    Ok(pointer.is_some_and(|Pointer(no, place)| no == channel && place == message.place))
}

/// A message that is removed is found no more by the id that it had first.
pub(in crate::engine) fn unpoint(tx: &mut Tx<'_>, channel: u64, message: &Message) -> Result<(), EngineError> {
    let Some(first) = origin(message) else { return Ok(()) };
    tx.delete(&tables::copy(channel, &first, &message.place));
    if is_pointed_at(tx, channel, message)? {
        tx.delete(&tables::message_place(&first));
    }
    Ok(())
}

/// All messages that a deletion for everyone of this id concerns, of that device: the message itself, and what was written again
/// for it.
pub(in crate::engine) fn named(
    tx: &Tx<'_>,
    channel: &Channel,
    id: &EntryId,
    author: &[u8; 32],
) -> Result<Vec<Message>, EngineError> {
    let mut found: Vec<Message> =
        messages::by_id(tx, id)?.filter(|(no, _)| *no == channel.no).map(|(_, at)| at).into_iter().collect();
    for (_, place) in tx.scan::<OrderKey>(&tables::copies(channel.no, id, author), None, usize::MAX, false)? {
        let copy = messages::at(tx, channel.no, &place)?;
        found.extend(copy.filter(|copy| found.iter().all(|other| other.id != copy.id)));
    }
    found.retain(|message| message.place.author.as_bytes() == author);
    Ok(found)
}
