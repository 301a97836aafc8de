//! Objections to recoveries, from devices of before.

use covey_pairing::identity::Contest;
use tracing::debug;

use crate::engine::contacts::logs;
use crate::engine::wire::contest;
use crate::engine::{Cx, EngineError};

/// Whether a frame on the protocol of pairing was an objection.
pub(in crate::engine) fn frame(cx: &mut Cx<'_, '_>, bytes: &[u8]) -> Result<bool, EngineError> {
    let Some(bytes) = contest::decode(bytes) else { return Ok(false) };
    match Contest::open(&bytes) {
        Ok(contest) => logs::contested(cx, &contest.account(), &contest)?,
        Err(error) => debug!(%error, "an objection to a recovery that is none"),
    }
    Ok(true)
}
