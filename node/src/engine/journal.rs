//! The durable journal of state changes that local clients follow with cursors.
//!
//! It holds no message: an event names the place of one, and is shown as it is when it is read. So a text that is deleted is gone
//! from here too, and nothing is stored twice. Events that were written together are one row, under the cursor of the first.

use covey_api::{EventKind, EventText, Time, kind};
use covey_feed::{Author, OrderKey};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;
use serde_json::Value;

use crate::engine::counters::Counter;
use crate::engine::selection::Subject;
use crate::engine::{Cx, Effect, EngineError, Written, tables};
use crate::store::{Key, Tx};

/// Rows removed at a time by housekeeping, so that it never holds an input up. What is left is due a moment later.
const PRUNE_BATCH: usize = 256;

/// Rows that may make room for a new event: more than a single one, of at most 8 KiB, ever needs.
const MAKE_ROOM: usize = 64;

/// Most events of a row, and bytes after which no more are added to it.
const MAX_RUN: usize = 32;
const MAX_RUN_BYTES: u64 = 4 << 10;

/// Bytes that an event without data of its own takes in a row, at most.
const EVENT_BYTES: u64 = 96;

/// Bytes that a row takes besides, at most.
const ROW_BYTES: u64 = 64;

/// An event as stored: when, and what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record(pub(super) u64, pub(super) What);

/// What happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum What {
    /// A message of ours was written.
    #[serde(rename = "s")]
    Sent(Spot),
    /// One came.
    #[serde(rename = "r")]
    Received(Spot),
    /// Something about one changed.
    #[serde(rename = "c")]
    Changed(Spot),
    /// No keeper has one of ours any more.
    #[serde(rename = "e")]
    KeptExpired(Spot),
    /// Anything else: its kind and its data, JSON text of the API's shape.
    #[serde(rename = "o")]
    Other(String, String),
}

/// Where a message is: channel, lamport, author, incarnation, sequence number.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Spot(u64, u64, ByteArray<32>, u64, u64);

impl Spot {
    fn new(channel: u64, place: &OrderKey) -> Self {
        Self(channel, place.lamport, ByteArray::new(*place.author.as_bytes()), place.incarnation, place.seq)
    }

    /// The number of the channel, and the place in it.
    pub(super) fn place(&self) -> (u64, OrderKey) {
        let Self(channel, lamport, author, incarnation, seq) = *self;
        (channel, OrderKey { lamport, author: Author::from_bytes(*author), incarnation, seq })
    }
}

impl What {
    /// The kind as clients know it.
    pub(super) fn kind(&self) -> &str {
        match self {
            Self::Sent(_) => kind::MESSAGE_SENT,
            Self::Received(_) => kind::MESSAGE_RECEIVED,
            Self::Changed(_) => kind::MESSAGE_CHANGED,
            Self::KeptExpired(_) => kind::MESSAGE_KEPT_EXPIRED,
            Self::Other(kind, _) => kind,
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Other(kind, data) => EVENT_BYTES.saturating_add((kind.len() + data.len()) as u64),
            _ => EVENT_BYTES,
        }
    }
}

/// Events that were written together.
pub(super) type Run = Vec<Record>;

/// How much space the journal takes, as stored.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Size {
    /// Bytes of the rows that were counted.
    bytes: u64,
    /// Events up to this cursor were written by a covey that did not count them, and may hold texts.
    uncounted: u64,
    /// Those up to this one have been rewritten and counted since.
    rewritten: u64,
    /// The row that is not counted yet, because it may still grow; 0 if there is none.
    #[serde(default)]
    open: u64,
    /// Its bytes, at most.
    #[serde(default)]
    open_bytes: u64,
}

impl Size {
    /// The size of the journal; of one that was never counted, nothing is counted yet.
    pub(super) fn load(tx: &Tx<'_>) -> Result<Self, EngineError> {
        let newest = Counter::Journal.get(tx)?;
        let unknown = Self { uncounted: newest, rewritten: Counter::JournalStart.get(tx)?, ..Self::default() };
        Ok(tx.load(&tables::journal_size())?.unwrap_or(unknown))
    }

    fn save(self, tx: &mut Tx<'_>) -> Result<(), EngineError> {
        tx.save(&tables::journal_size(), &self);
        Ok(())
    }

    fn total(self) -> u64 {
        self.bytes.saturating_add(self.open_bytes)
    }

    fn is_counted(self, first: u64) -> bool {
        first != self.open && (first > self.uncounted || first <= self.rewritten)
    }

    fn count(&mut self, tx: &Tx<'_>, first: u64) -> Result<(), EngineError> {
        self.bytes = self.bytes.saturating_add(tx.stored_len(&tables::event(first))?);
        Ok(())
    }

    /// Removes a row, which ends with the event `last`.
    fn remove(&mut self, tx: &mut Tx<'_>, key: &Key, last: u64) -> Result<(), EngineError> {
        let first = key.tail_u64();
        if first == self.open {
            (self.open, self.open_bytes) = (0, 0);
        } else if self.is_counted(first) {
            self.bytes = self.bytes.saturating_sub(tx.stored_len(key)?);
        }
        tx.delete(key);
        Counter::JournalStart.set(tx, last)?;
        Ok(())
    }

    /// Puts an event into the row of those before it that are in the same transaction, or begins another row.
    fn add(&mut self, tx: &mut Tx<'_>, cursor: u64, record: Record) -> Result<(), EngineError> {
        let bytes = record.1.bytes();
        tx.grow(bytes);
        let mut record = Some(record);
        if self.open != 0 && self.open_bytes < MAX_RUN_BYTES {
            tx.change_saved::<Run>(&tables::event(self.open), |run| {
                if run.len() < MAX_RUN {
                    run.extend(record.take());
                }
            });
        }
        let Some(record) = record else {
            self.open_bytes += bytes;
            return Ok(());
        };
        if self.open != 0 {
            self.count(tx, self.open)?;
        }
        (self.open, self.open_bytes) = (cursor, ROW_BYTES + bytes);
        tx.save::<Run>(&tables::event(cursor), &vec![record]);
        Ok(())
    }
}

/// Bytes of the journal as stored.
pub(super) fn bytes(tx: &Tx<'_>) -> Result<u64, EngineError> {
    Ok(Size::load(tx)?.total())
}

/// Writes that something happened to a message; the oldest events make room for it. The cursor of the event.
pub(super) fn message(
    cx: &mut Cx<'_, '_>,
    kind: EventKind,
    channel: u64,
    place: &OrderKey,
) -> Result<u64, EngineError> {
    let spot = Spot::new(channel, place);
    let what = match kind {
        EventKind::MessageSent => What::Sent(spot),
        EventKind::MessageReceived => What::Received(spot),
        EventKind::MessageKeptExpired => What::KeptExpired(spot),
        _ => What::Changed(spot),
    };
    append(cx, what)
}

/// Writes an event; `data` is the object that the API shows for what changed. The oldest events make room for it.
pub(super) fn record(cx: &mut Cx<'_, '_>, kind: EventKind, data: &impl Serialize) -> Result<(), EngineError> {
    let mut data = serde_json::to_value(data).map_err(EngineError::bug)?;
    let about = Subject::of(kind.as_str(), &data);
    let whole = cx.live.followed.then(|| data.clone());
    if let Some(message) = message_in(kind.as_str(), &mut data) {
        message.insert("text".to_owned(), Value::String(String::new()));
    }
    let stored = serde_json::to_string(&data).map_err(EngineError::bug)?;
    let cursor = append(cx, What::Other(kind.as_str().to_owned(), stored))?;
    written(cx, cursor, kind, whole.map(|whole| (about, whole)))
}

/// An event that was appended: what it is about and its data, if somebody follows the journal while it is written.
pub(super) fn written(
    cx: &mut Cx<'_, '_>,
    cursor: u64,
    kind: EventKind,
    shown: Option<(Subject, impl Serialize)>,
) -> Result<(), EngineError> {
    let kind = kind.as_str();
    if let Some((about, data)) = shown {
        let text = EventText::new(Some(cursor), kind, Time::from_unix_ms(cx.now), &data).map_err(EngineError::bug)?;
        cx.effects.push(Effect::Written(Box::new(Written { cursor, kind, about, text })));
    } else if let Some(Effect::Journal(newest)) = cx.effects.last_mut() {
        *newest = cursor;
    } else {
        cx.effects.push(Effect::Journal(cursor));
    }
    Ok(())
}

fn append(cx: &mut Cx<'_, '_>, what: What) -> Result<u64, EngineError> {
    let mut size = Size::load(cx.tx)?;
    let cursor = Counter::Journal.next(cx.tx)?;
    size.add(cx.tx, cursor, Record(cx.now, what))?;
    if size.total() > cx.policy.journal_bytes {
        make_room(cx, &mut size)?;
    }
    size.save(cx.tx)?;
    Ok(cursor)
}

/// The cursor of the last event of a row.
fn last(key: &Key, run: &Run) -> u64 {
    key.tail_u64().saturating_add(run.len().saturating_sub(1) as u64)
}

fn make_room(cx: &mut Cx<'_, '_>, size: &mut Size) -> Result<(), EngineError> {
    for (key, run) in cx.tx.scan::<Run>(&tables::events(), None, MAKE_ROOM, false)? {
        if size.total() <= cx.policy.journal_bytes || key.tail_u64() == size.open {
            break;
        }
        size.remove(cx.tx, &key, last(&key, &run))?;
    }
    Ok(())
}

/// The message in the data of an event, if there is one: the newest of a channel, or in an event of an older covey the message that
/// it tells of. Its text is not stored here.
pub(super) fn message_in<'d>(kind: &str, data: &'d mut Value) -> Option<&'d mut serde_json::Map<String, Value>> {
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

/// The cursor of the newest event that is stored; 0 if there is none.
pub(super) fn newest_stored(tx: &Tx<'_>) -> Result<u64, EngineError> {
    let Some(key) = tx.keys_last(&tables::events())? else { return Ok(0) };
    match tx.get::<Run>(&key) {
        Ok(run) => Ok(run.map_or(0, |run| last(&key, &run))),
        Err(error) if error.is_transient() => Err(error.into()),
        // What is damaged is told of elsewhere.
        Err(_) => Ok(key.tail_u64()),
    }
}

/// Events with their cursors, oldest first: those after `cursor` in some `rows` of them. Whether these are all.
pub(super) fn after(tx: &Tx<'_>, cursor: u64, rows: usize) -> Result<(Vec<(u64, Record)>, bool), EngineError> {
    // The row that has the next one may begin before it.
    let before = tx.scan::<Run>(&tables::events(), Some(&tables::event(cursor.saturating_add(1))), 1, true)?;
    let later = tx.scan::<Run>(&tables::events(), Some(&tables::event(cursor)), rows, false)?;
    let ended = later.len() < rows;
    let events = before.into_iter().chain(later).flat_map(|(key, run)| (key.tail_u64()..).zip(run));
    Ok((events.filter(|(at, _)| *at > cursor).collect(), ended))
}

/// Events with their cursors, newest first: those before `cursor` in some `rows` of them. Whether these are all.
pub(super) fn before(tx: &Tx<'_>, cursor: u64, rows: usize) -> Result<(Vec<(u64, Record)>, bool), EngineError> {
    let rows_before = tx.scan::<Run>(&tables::events(), Some(&tables::event(cursor)), rows, true)?;
    let ended = rows_before.len() < rows;
    let events = rows_before.into_iter().flat_map(|(key, run)| {
        let events: Vec<_> = (key.tail_u64()..).zip(run).collect();
        events.into_iter().rev()
    });
    Ok((events.filter(|(at, _)| *at < cursor).collect(), ended))
}

/// Drops some of what the journal need not keep any more: too old, or too much. Whether there is more of it.
pub(super) fn prune(cx: &mut Cx<'_, '_>) -> Result<bool, EngineError> {
    let mut size = Size::load(cx.tx)?;
    let rows = cx.tx.scan::<Run>(&tables::events(), None, PRUNE_BATCH, false)?;
    let mut removed = 0;
    for (key, run) in rows {
        let newest = run.last().map_or(0, |record| record.0);
        let is_old = newest.saturating_add(cx.policy.journal_keep) <= cx.now;
        if !is_old && size.total() <= cx.policy.journal_bytes {
            break;
        }
        size.remove(cx.tx, &key, last(&key, &run))?;
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
    let rows = cx.tx.scan::<Run>(&tables::events(), Some(&after), PRUNE_BATCH, false)?;
    let ended = rows.len() < PRUNE_BATCH;
    for (key, mut run) in rows {
        let cursor = key.tail_u64();
        if cursor > size.uncounted {
            break;
        }
        for Record(_, what) in &mut run {
            let What::Other(kind, stored) = what else { continue };
            let mut data = serde_json::from_str(stored).map_err(EngineError::bug)?;
            if let Some(message) = message_in(kind, &mut data) {
                message.insert("text".to_owned(), Value::String(String::new()));
                *stored = serde_json::to_string(&data).map_err(EngineError::bug)?;
            }
        }
        cx.tx.put(&key, &run)?;
        size.rewritten = cursor;
        size.count(cx.tx, cursor)?;
    }
    if ended {
        size.rewritten = size.uncounted;
    }
    Ok(size.rewritten < size.uncounted)
}
