//! A transfer of history as clients see it.

use covey_api::{Transfer, TransferPhase};
use covey_pairing::ids::DeviceId;

use crate::engine::records::own_devices;
use crate::engine::{Cx, EngineError, PeerKey};

/// Other devices of ours that are connected.
pub(in crate::engine) fn connected<'a>(cx: &'a Cx<'_, '_>) -> impl Iterator<Item = PeerKey> + 'a {
    let is_other = |peer: &&PeerKey| cx.live.contacts.get(peer).is_some_and(|at| cx.me.is_own_other(&at.device));
    cx.live.opened.iter().filter(is_other).copied()
}

/// Whether there is one.
pub(in crate::engine) fn is_any_connected(cx: &Cx<'_, '_>) -> bool {
    connected(cx).next().is_some()
}

/// The transfer to a device, if there is or was one that is known here.
pub(in crate::engine) fn of(cx: &Cx<'_, '_>, id: &DeviceId) -> Result<Option<Transfer>, EngineError> {
    let named = own_devices::one(cx.tx, id)?;
    Ok(under_way(cx, id, named.map(|named| named.name).unwrap_or_default()))
}

/// The same, of a device with this name.
pub(in crate::engine) fn under_way(cx: &Cx<'_, '_>, id: &DeviceId, name: String) -> Option<Transfer> {
    let this = cx.me.is_this_device(id);
    let told = if this { cx.live.transfer.own } else { cx.live.transfer.others.get(id).copied() }?;
    let is_reached = if this {
        is_any_connected(cx)
    } else {
        cx.live.opened.iter().any(|peer| cx.live.contacts.get(peer).is_some_and(|at| at.device == *id))
    };
    let phase = match (told.progress.ended, is_reached) {
        (true, _) => TransferPhase::Done,
        (false, true) => TransferPhase::Running,
        (false, false) => TransferPhase::Waiting,
    };
    let eta = if phase == TransferPhase::Running { told.eta() } else { None };
    let (done, total, bytes) = (told.progress.done, told.progress.total, told.progress.bytes);
    Some(Transfer { device: id.to_string(), name, this, phase, done, total, bytes, eta })
}
