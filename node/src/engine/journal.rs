//! The durable journal of state changes that local clients follow with cursors.

use covey_api::{ApiError, Event, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tables::{self, Counter};
use super::{Cx, Effect, EngineError, messages};

/// Events removed per round of housekeeping, so that it never holds an input up.
const PRUNE_BATCH: usize = 1_000;

/// As stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    at: u64,
    kind: String,
    /// JSON text: the shape is the API's, not the store's.
    data: String,
}

/// Writes an event; `data` is the object that the API shows for what changed.
pub(super) fn record(cx: &mut Cx<'_, '_>, kind: &str, data: &impl Serialize) -> Result<(), EngineError> {
    let cursor = Counter::Journal.next(cx.tx)?;
    let data = serde_json::to_string(data).map_err(EngineError::bug)?;
    cx.tx.put(&tables::event(cursor), &Record { at: cx.now, kind: kind.into(), data })?;
    cx.effects.push(Effect::Journal(cursor));
    Ok(())
}

/// Newest cursor.
pub(super) fn newest(cx: &Cx<'_, '_>) -> Result<u64, EngineError> {
    Ok(Counter::Journal.get(cx.tx)?)
}

/// Newest cursor that is no longer kept (0 if all are).
pub(super) fn start(cx: &Cx<'_, '_>) -> Result<u64, EngineError> {
    Ok(Counter::JournalStart.get(cx.tx)?)
}

/// At most `limit` events after `cursor`, oldest first.
pub(super) fn after(cx: &Cx<'_, '_>, cursor: u64, limit: usize) -> Result<Vec<Event>, ApiError> {
    let rows = cx.tx.scan::<Record>(&tables::events(), Some(&tables::event(cursor)), limit, false)?;
    rows.into_iter()
        .map(|(key, record)| {
            let data = serde_json::from_str(&record.data).map_err(EngineError::bug)?;
            Ok(Event {
                cursor: Some(key.tail_u64().to_string()),
                data: if record.kind.starts_with("message.") { without_deleted(cx, data)? } else { data },
                kind: record.kind,
                at: Time::from_unix_ms(record.at),
            })
        })
        .collect()
}

/// A message that was deleted since says nothing here either.
fn without_deleted(cx: &Cx<'_, '_>, data: Value) -> Result<Value, ApiError> {
    let id = data.get("id").and_then(Value::as_str).unwrap_or_default();
    match messages::if_deleted(cx, id)? {
        Some(shown) => Ok(serde_json::to_value(shown).map_err(EngineError::bug)?),
        None => Ok(data),
    }
}

/// Drops what is older than the journal promises to keep.
pub(super) fn prune(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let newest = newest(cx)?;
    let rows = cx.tx.scan::<Record>(&tables::events(), None, PRUNE_BATCH, false)?;
    let mut start = None;
    for (key, record) in rows {
        let cursor = key.tail_u64();
        if record.at.saturating_add(cx.policy.journal_keep) > cx.now && newest - cursor < cx.policy.journal_events {
            break;
        }
        cx.tx.delete(&key);
        start = Some(cursor);
    }
    if let Some(start) = start {
        Counter::JournalStart.set(cx.tx, start)?;
    }
    Ok(())
}
