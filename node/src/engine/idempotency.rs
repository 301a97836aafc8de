//! The same `client_id` with the same request returns the same answer.

use covey_api::{ApiError, Reason, Request};
use covey_pairing::crypto::hash::blake3;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::engine::{Cx, EngineError, tables};

/// Longest `client_id` in bytes: a UUID with room to spare.
const MAX_LEN: usize = 128;

/// As stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    at: u64,
    /// Hash of method and parameters.
    request: ByteArray<32>,
    /// JSON text of the answer.
    answer: String,
}

/// Runs `verb` once per `client_id` and remembers its answer; runs it always without one.
///
/// # Errors
/// Those of `verb` (which are not remembered: nothing happened), [`Reason::ClientIdReused`].
pub fn once<R: Request>(
    cx: &mut Cx<'_, '_>,
    request: R,
    verb: impl FnOnce(&mut Cx<'_, '_>, R) -> Result<R::Answer, ApiError>,
) -> Result<R::Answer, ApiError> {
    let Some(id) = request.client_id().map(str::to_owned) else { return verb(cx, request) };
    if id.is_empty() || id.len() > MAX_LEN {
        return Err(ApiError::invalid_params(format!("client_id takes 1 to {MAX_LEN} bytes; a UUID does")));
    }
    let params = serde_json::to_vec(&request).map_err(EngineError::bug)?;
    let hash = ByteArray::new(blake3(&[R::METHOD.as_bytes(), b"\0", &params].concat()));
    let key = tables::client_id(&cx.asker.own(&id));
    if let Some(record) = cx.tx.get::<Record>(&key)? {
        if record.request != hash {
            return Err(ApiError::new(
                Reason::ClientIdReused,
                "this client_id was used for another request; take a new one for every request",
            ));
        }
        return Ok(serde_json::from_str(&record.answer).map_err(EngineError::bug)?);
    }
    let answer = verb(cx, request)?;
    let text = serde_json::to_string(&answer).map_err(EngineError::bug)?;
    cx.tx.put(&key, &Record { at: cx.now, request: hash, answer: text })?;
    Ok(answer)
}

/// How long answers are remembered: longer than any client retries.
const KEEP: u64 = 7 * 24 * 3_600_000;

/// Records looked at per round of housekeeping.
const PRUNE_BATCH: usize = 1_000;

/// Forgets old answers.
pub(super) fn prune(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for (key, record) in cx.tx.scan::<Record>(&tables::client_ids(), None, PRUNE_BATCH, false)? {
        if record.at.saturating_add(KEEP) < cx.now {
            cx.tx.delete(&key);
        }
    }
    Ok(())
}
