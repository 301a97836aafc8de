//! When a device was last heard of, by the own clock: it was connected, or something new that it wrote arrived.

use covey_pairing::ids::DeviceId;

use crate::engine::{EngineError, tables};
use crate::store::Tx;

/// Noted this often, in milliseconds.
const NOTED_EVERY: u64 = 3_600_000;

pub(in crate::engine) fn at(tx: &Tx<'_>, device: &DeviceId) -> Result<Option<u64>, EngineError> {
    Ok(tx.load(&tables::seen(device))?)
}

/// A device was heard of now, Unix milliseconds.
pub(in crate::engine) fn note(tx: &mut Tx<'_>, device: &DeviceId, now: u64) -> Result<(), EngineError> {
    if at(tx, device)?.is_some_and(|at| at.abs_diff(now) < NOTED_EVERY) {
        return Ok(());
    }
    Ok(tx.put(&tables::seen(device), &now)?)
}

pub(in crate::engine) fn forget(tx: &mut Tx<'_>, device: &DeviceId) {
    tx.delete(&tables::seen(device));
}
