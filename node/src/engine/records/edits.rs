//! Edits by the message that they change. Every edit is stored as a message of its own, and is listed here by its target and its
//! author: edits of others never stand beside the author's, however many there are. Those that do not count are listed apart,
//! so that finding the newest one that does costs the same whatever else somebody wrote.

use covey_feed::{EntryId, OrderKey};
use covey_pairing::ids::AccountId;

use crate::engine::records::messages::{self, Message};
use crate::engine::{EngineError, tables};
use crate::store::{Key, Tx};

/// Edits of one logical time that are compared: a device has one in each of its feeds at most.
const SAME_TIME: usize = 64;

/// Edits looked at in one go.
const PART: usize = 128;

/// Lists an edit as what it is now; `was` is what it was before.
pub(in crate::engine) fn point(
    tx: &mut Tx<'_>,
    channel: u64,
    was: Option<&Message>,
    is: &Message,
) -> Result<(), EngineError> {
    let Some(target) = is.body.edits().or_else(|| was.and_then(|was| was.body.edits())) else { return Ok(()) };
    for counts in [true, false] {
        let key = tables::edit(channel, counts, &target, &is.author, &is.place);
        if is.body.edits().is_some() && is.stands() == counts {
            tx.put(&key, &is.place)?;
        } else if tx.contains(&key)? {
            tx.delete(&key);
        }
    }
    Ok(())
}

/// Whether an edit is listed as what it is.
pub(in crate::engine) fn is_listed(tx: &Tx<'_>, channel: u64, message: &Message) -> Result<bool, EngineError> {
    let Some(target) = message.body.edits() else { return Ok(true) };
    let at = |counts| tables::edit(channel, counts, &target, &message.author, &message.place);
    Ok(tx.contains(&at(message.stands()))? && !tx.contains(&at(!message.stands()))?)
}

/// [BODY-13] Where the edit of this author stands that says what the message's text is: of those that count the last one in the
/// order of the channel, the same on every node.
pub(in crate::engine) fn newest(
    tx: &Tx<'_>,
    channel: u64,
    target: &EntryId,
    author: &AccountId,
) -> Result<Option<OrderKey>, EngineError> {
    if !tx.may_hold(&tables::edits_in(channel, true))? {
        return Ok(None);
    }
    // Keys order the devices of one logical time by keyed hash: the order of the channel is that of the places.
    let last = |most| tx.scan::<OrderKey>(&tables::edits(channel, true, target, author), None, most, true);
    let mut rows = last(2)?;
    if let [(_, one), (_, other)] = rows.as_slice()
        && one.lamport == other.lamport
    {
        rows = last(SAME_TIME)?;
    }
    Ok(rows.into_iter().map(|(_, place)| place).max())
}

/// What a message says to clients.
pub(in crate::engine) struct Said {
    pub(in crate::engine) text: String,
    /// When its author changed it last, by their clock.
    pub(in crate::engine) edited_at: Option<u64>,
}

/// What a message says to clients: its own text, or that of the edit which counts. Nothing if it is not shown.
pub(in crate::engine) fn said(tx: &Tx<'_>, channel: u64, message: &Message) -> Result<Option<Said>, EngineError> {
    let Some(first) = message.text() else { return Ok(None) };
    let newest = newest(tx, channel, &message.first_id(), &message.author)?;
    let edit = newest.map(|place| messages::at(tx, channel, &place)).transpose()?.flatten();
    let edited_at = edit.as_ref().map(|edit| edit.body.sent_at);
    let text = edit.and_then(|edit| edit.body.text).unwrap_or_else(|| first.to_owned());
    Ok(Some(Said { text, edited_at }))
}

/// Some of those by this author of a message that are listed, also of those that do not count.
pub(in crate::engine) fn part(
    tx: &Tx<'_>,
    channel: u64,
    target: &EntryId,
    author: &AccountId,
) -> Result<Vec<(Key, OrderKey)>, EngineError> {
    let mut found = Vec::new();
    for counts in [true, false] {
        found.extend(tx.scan::<OrderKey>(&tables::edits(channel, counts, target, author), None, PART, false)?);
    }
    Ok(found)
}
