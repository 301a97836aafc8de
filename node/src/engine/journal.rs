//! The durable journal of state changes that local clients follow with cursors.
//!
//! It holds no text of any message: events name the message, and what it says is read where it is stored. So a text
//! that is deleted is gone from here too, and is not stored twice.

use covey_api::{ApiError, Event, EventKind, Time, kind};
use covey_feed::EntryId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::counters::Counter;
use crate::engine::records::{edits, messages};
use crate::engine::{Cx, Effect, EngineError, Selection, Written, tables};
use crate::store::Tx;

/// Events removed at a time by housekeeping, so that it never holds an input up. What is left is due a moment later.
const PRUNE_BATCH: usize = 1_000;

/// Events that may make room for a new one: more than a single event, of at most 8 KiB without the text, ever needs.
const MAKE_ROOM: usize = 64;

/// Events looked at in one part when some are selected.
const LOOK: usize = 500;

/// Events looked through for one page. A page that ends there may be empty, and says that there is more.
const MAX_LOOKED: usize = 10_000;

/// As stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    at: u64,
    kind: String,
    /// JSON text: the shape is the API's, not the store's.
    data: String,
}

/// How much space the journal takes, as stored.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Size {
    /// Bytes of the events that were counted.
    bytes: u64,
    /// Events up to this cursor were written by a covey that did not count them, and may hold texts.
    uncounted: u64,
    /// Those up to this one have been rewritten and counted since.
    rewritten: u64,
}

impl Size {
    /// The size of the journal; of one that was never counted, nothing is counted yet.
    pub(super) fn load(tx: &Tx<'_>) -> Result<Self, EngineError> {
        let newest = Counter::Journal.get(tx)?;
        let unknown = Self { bytes: 0, uncounted: newest, rewritten: Counter::JournalStart.get(tx)? };
        Ok(tx.load(&tables::journal_size())?.unwrap_or(unknown))
    }

    fn save(self, tx: &mut Tx<'_>) -> Result<(), EngineError> {
        tx.save(&tables::journal_size(), &self);
        Ok(())
    }

    fn is_counted(self, cursor: u64) -> bool {
        cursor > self.uncounted || cursor <= self.rewritten
    }

    fn add(&mut self, tx: &Tx<'_>, cursor: u64) -> Result<(), EngineError> {
        self.bytes = self.bytes.saturating_add(tx.stored_len(&tables::event(cursor))?);
        Ok(())
    }

    /// Removes an event.
    fn remove(&mut self, tx: &mut Tx<'_>, cursor: u64) -> Result<(), EngineError> {
        let key = tables::event(cursor);
        if self.is_counted(cursor) {
            self.bytes = self.bytes.saturating_sub(tx.stored_len(&key)?);
        }
        tx.delete(&key);
        Counter::JournalStart.set(tx, cursor)?;
        Ok(())
    }
}

/// Bytes of the journal as stored.
pub(super) fn bytes(tx: &Tx<'_>) -> Result<u64, EngineError> {
    Ok(Size::load(tx)?.bytes)
}

/// Writes an event; `data` is the object that the API shows for what changed. The oldest events make room for it.
pub(super) fn record(cx: &mut Cx<'_, '_>, kind: EventKind, data: &impl Serialize) -> Result<(), EngineError> {
    let kind = kind.as_str();
    let mut size = Size::load(cx.tx)?;
    let cursor = Counter::Journal.next(cx.tx)?;
    let mut data = serde_json::to_value(data).map_err(EngineError::bug)?;
    cx.live.tally.event(kind, &data, cx.now);
    let text =
        message_in(kind, &mut data).and_then(|message| message.insert("text".to_owned(), Value::String(String::new())));
    let stored = serde_json::to_string(&data).map_err(EngineError::bug)?;
    let bytes = stored.len() + text.as_ref().and_then(Value::as_str).map_or(0, str::len);
    if let (Some(text), Some(message)) = (text, message_in(kind, &mut data)) {
        message.insert("text".to_owned(), text);
    }
    cx.tx.put(&tables::event(cursor), &Record { at: cx.now, kind: kind.into(), data: stored })?;
    size.add(cx.tx, cursor)?;
    if size.bytes > cx.policy.journal_bytes {
        make_room(cx, &mut size)?;
    }
    size.save(cx.tx)?;
    let at = Time::from_unix_ms(cx.now);
    cx.effects.push(Effect::Written(Box::new(Written { cursor, kind, at, data, bytes })));
    Ok(())
}

fn make_room(cx: &mut Cx<'_, '_>, size: &mut Size) -> Result<(), EngineError> {
    for (key, _) in cx.tx.scan::<Record>(&tables::events(), None, MAKE_ROOM, false)? {
        if size.bytes <= cx.policy.journal_bytes {
            break;
        }
        size.remove(cx.tx, key.tail_u64())?;
    }
    Ok(())
}

/// The message that an event tells of, if it tells of one.
fn message_in<'d>(kind: &str, data: &'d mut Value) -> Option<&'d mut serde_json::Map<String, Value>> {
    match kind {
        kind::CHANNEL => data.get_mut("last_message")?.as_object_mut(),
        kind if kind.starts_with("message.") => data.as_object_mut(),
        _ => None,
    }
}

/// Newest cursor.
pub(super) fn newest(cx: &Cx<'_, '_>) -> Result<u64, EngineError> {
    Ok(Counter::Journal.get(cx.tx)?)
}

/// Newest cursor that is no longer kept (0 if all are).
pub(super) fn start(cx: &Cx<'_, '_>) -> Result<u64, EngineError> {
    Ok(Counter::JournalStart.get(cx.tx)?)
}

/// At most `limit` events after `cursor` that are selected, oldest first, and up to where the journal was looked through for
/// them: no further than [`MAX_LOOKED`] events.
pub(super) fn after(
    cx: &Cx<'_, '_>,
    cursor: u64,
    limit: usize,
    selection: &Selection,
) -> Result<(Vec<Event>, u64), ApiError> {
    let (mut found, mut reached, mut looked) = (Vec::new(), cursor, 0);
    while found.len() < limit && looked < MAX_LOOKED {
        let part = if selection.is_all() { limit - found.len() } else { LOOK };
        let rows = cx.tx.scan::<Record>(&tables::events(), Some(&tables::event(reached)), part, false)?;
        let ended = rows.len() < part;
        looked += rows.len();
        for (key, record) in rows {
            if found.len() == limit {
                return Ok((found, reached));
            }
            reached = key.tail_u64();
            found.extend(shown(cx, reached, record, selection)?);
        }
        if ended {
            break;
        }
    }
    Ok((found, reached))
}

/// The place before the newest `count` events that are selected, as far as [`MAX_LOOKED`] events reach.
pub(super) fn before_last(cx: &Cx<'_, '_>, count: u64, selection: &Selection) -> Result<u64, ApiError> {
    let mut place = newest(cx)?;
    if selection.is_all() {
        return Ok(place.saturating_sub(count));
    }
    let (mut left, mut looked, mut before) = (count, 0, None);
    while left > 0 && looked < MAX_LOOKED {
        let rows = cx.tx.scan::<Record>(&tables::events(), before.as_ref(), LOOK, true)?;
        let ended = rows.len() < LOOK;
        looked += rows.len();
        for (key, record) in rows {
            place = key.tail_u64().saturating_sub(1);
            let data = serde_json::from_str(&record.data).map_err(EngineError::bug)?;
            left -= u64::from(selection.takes(&record.kind, &data));
            if left == 0 {
                return Ok(place);
            }
            before = Some(key);
        }
        if ended {
            break;
        }
    }
    Ok(place)
}

/// An event as clients see it; none unless it is selected.
fn shown(cx: &Cx<'_, '_>, cursor: u64, record: Record, selection: &Selection) -> Result<Option<Event>, ApiError> {
    let mut data = serde_json::from_str(&record.data).map_err(EngineError::bug)?;
    if !selection.takes(&record.kind, &data) {
        return Ok(None);
    }
    if let Some(message) = message_in(&record.kind, &mut data) {
        as_it_is_now(cx, message)?;
    }
    Ok(Some(Event { cursor: Some(cursor.to_string()), data, kind: record.kind, at: Time::from_unix_ms(record.at) }))
}

/// Gives a message in an event its text. One that was deleted or hidden since says nothing here either.
fn as_it_is_now(cx: &Cx<'_, '_>, message: &mut serde_json::Map<String, Value>) -> Result<(), ApiError> {
    let id = message.get("id").and_then(Value::as_str).unwrap_or_default();
    let id = data_encoding::HEXLOWER.decode(id.as_bytes()).ok().and_then(|id| <[u8; 32]>::try_from(id).ok());
    let found = id.map(|id| messages::by_id(cx.tx, &EntryId::from_bytes(id))).transpose()?.flatten();
    let said = found.map(|(channel, found)| edits::said(cx.tx, channel, &found)).transpose()?.flatten();
    let edited_at = said.as_ref().and_then(|said| said.edited_at).map(Time::from_unix_ms);
    message.insert("edited".to_owned(), Value::Bool(edited_at.is_some()));
    match edited_at {
        Some(at) => drop(message.insert("edited_at".to_owned(), serde_json::to_value(at).map_err(EngineError::bug)?)),
        None => drop(message.remove("edited_at")),
    }
    if said.is_none() {
        message.insert("deleted".to_owned(), Value::Bool(true));
    }
    message.insert("text".to_owned(), Value::String(said.map(|said| said.text).unwrap_or_default()));
    Ok(())
}

/// Drops some of what the journal need not keep any more: too old, or too much. Whether there is more of it.
pub(super) fn prune(cx: &mut Cx<'_, '_>) -> Result<bool, EngineError> {
    let mut size = Size::load(cx.tx)?;
    let rows = cx.tx.scan::<Record>(&tables::events(), None, PRUNE_BATCH, false)?;
    let mut removed = 0;
    for (key, record) in rows {
        let is_old = record.at.saturating_add(cx.policy.journal_keep) <= cx.now;
        if !is_old && size.bytes <= cx.policy.journal_bytes {
            break;
        }
        size.remove(cx.tx, key.tail_u64())?;
        removed += 1;
    }
    let left = rewrite(cx, &mut size)?;
    size.save(cx.tx)?;
    Ok(left || removed == PRUNE_BATCH)
}

/// Takes the texts out of events of an older covey, some at a time, and counts those. Whether some are left.
fn rewrite(cx: &mut Cx<'_, '_>, size: &mut Size) -> Result<bool, EngineError> {
    if size.rewritten >= size.uncounted {
        return Ok(false);
    }
    let after = tables::event(size.rewritten);
    let rows = cx.tx.scan::<Record>(&tables::events(), Some(&after), PRUNE_BATCH, false)?;
    let ended = rows.len() < PRUNE_BATCH;
    for (key, mut record) in rows {
        let cursor = key.tail_u64();
        if cursor > size.uncounted {
            break;
        }
        let mut data = serde_json::from_str(&record.data).map_err(EngineError::bug)?;
        if let Some(message) = message_in(&record.kind, &mut data) {
            message.insert("text".to_owned(), Value::String(String::new()));
            record.data = serde_json::to_string(&data).map_err(EngineError::bug)?;
            cx.tx.put(&key, &record)?;
        }
        size.rewritten = cursor;
        size.add(cx.tx, cursor)?;
    }
    if ended {
        size.rewritten = size.uncounted;
    }
    Ok(size.rewritten < size.uncounted)
}
