//! Those who ask to be let into a group, as stored.

use covey_pairing::group::roster::Role;
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::engine::{EngineError, tables};
use crate::store::Tx;

/// Requests that wait for one group's admins at a time.
pub(in crate::engine) const MAX_REQUESTS: usize = 256;

/// Somebody who asks to be let in, as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Asking {
    pub(in crate::engine) account: AccountId,
    pub(in crate::engine) statement: ByteBuf,
    pub(in crate::engine) card: ByteBuf,
    pub(in crate::engine) name: String,
    pub(in crate::engine) note: String,
    pub(in crate::engine) ticket: String,
    pub(in crate::engine) role: Role,
    pub(in crate::engine) at: u64,
}

/// How many wait to be let in.
pub(in crate::engine) fn how_many_wait(tx: &Tx<'_>, no: u64) -> Result<usize, EngineError> {
    Ok(tx.keys(&tables::join_requests(no))?.len())
}

/// Those who wait to be let in.
pub(in crate::engine) fn waiting(tx: &Tx<'_>, no: u64) -> Result<Vec<Asking>, EngineError> {
    let rows = tx.scan::<Asking>(&tables::join_requests(no), None, MAX_REQUESTS, false)?;
    Ok(rows.into_iter().map(|(_, asking)| asking).collect())
}
