//! What we had to write again (`[NODE-AGAIN]`): messages of a copy of us, at places where others have something else. Copies of the
//! copy may do the same, and what was given up may turn out to be there after all. So a message can come several times;
//! it is shown once, where it stands first: alike on every node, and so that what one wrote stays in order.

use covey_feed::EntryId;

use super::channels::Channel;
use super::messages::{self, Message, Pointer};
use super::payload::Body;
use super::{Cx, EngineError, tables};
use crate::store::Tx;

/// The id that a message had first, if it was written again.
fn origin(message: &Message) -> Option<EntryId> {
    message.body.again.map(|id| EntryId::from_bytes(*id))
}

/// The same message as it stands here already, or what is left of it if it was deleted. Only its author's device can have
/// written it again, and only word for word: nobody takes anything back by it.
fn standing(tx: &Tx<'_>, channel: &Channel, message: &Message) -> Result<Option<Message>, EngineError> {
    let first = |message: &Message| origin(message).unwrap_or(message.id);
    let found = messages::by_id(tx, &first(message))?.filter(|(no, _)| *no == channel.no);
    Ok(found.map(|(_, found)| found).filter(|found| {
        found.id != message.id
            && first(found) == first(message)
            && found.place.author == message.place.author
            && (found.body.is_deleted() || found.body.says_the_same(&message.body))
    }))
}

/// What a message says when it is written again; `None` if that was done already, or there is nothing to say.
pub(super) fn body(tx: &Tx<'_>, channel: &Channel, message: &Message) -> Result<Option<Body>, EngineError> {
    if message.body.is_deleted() || standing(tx, channel, message)?.is_some() {
        return Ok(None);
    }
    Ok(Some(message.body.clone().written_again(message.id)))
}

/// Makes room for a message that may be here already. Whether this is the one that stands first.
pub(super) fn settle(cx: &mut Cx<'_, '_>, channel: &mut Channel, message: &Message) -> Result<bool, EngineError> {
    let Some(found) = standing(cx.tx, channel, message)? else { return Ok(true) };
    if found.body.is_deleted() || found.place < message.place {
        return Ok(false);
    }
    messages::forget(cx, channel, &found)?;
    // The first id is to lead here.
    if origin(message) == Some(found.id) {
        messages::remove(cx.tx, channel, &found);
    }
    unpoint(cx.tx, channel.no, &found)?;
    Ok(true)
}

/// Lets a message be found by the id that it had first, which others may remember, unless that is another message's.
pub(super) fn point(tx: &mut Tx<'_>, channel: u64, message: &Message) -> Result<(), EngineError> {
    if let Some(first) = origin(message)
        && messages::by_id(tx, &first)?.is_none()
    {
        tx.put(&tables::message_place(&first), &Pointer(channel, message.place))?;
    }
    Ok(())
}

/// Whether a message is found by the id that it had first.
pub(super) fn is_pointed_at(tx: &Tx<'_>, channel: u64, message: &Message) -> Result<bool, EngineError> {
    let Some(first) = origin(message) else { return Ok(false) };
    let pointer: Option<Pointer> = tx.get(&tables::message_place(&first))?;
    Ok(pointer.is_some_and(|Pointer(no, place)| no == channel && place == message.place))
}

/// A message that is removed is found no more by the id that it had first.
pub(super) fn unpoint(tx: &mut Tx<'_>, channel: u64, message: &Message) -> Result<(), EngineError> {
    if let Some(first) = origin(message)
        && is_pointed_at(tx, channel, message)?
    {
        tx.delete(&tables::message_place(&first));
    }
    Ok(())
}
