//! What is known of the devices of our account. The key log says which there are; what they are called and may do, records do.

use covey_pairing::identity::Device;
use covey_pairing::ids::DeviceId;

use crate::engine::records::own_devices::{self, OwnDevice};
use crate::engine::records::seen;
use crate::engine::{Cx, EngineError, PeerKey};

/// When a connected device was last seen is noted this often, in milliseconds.
const NOTED_EVERY: u64 = 60_000;

/// All devices of the account, in the order in which they joined; those that no log names any more come last.
pub(in crate::engine) fn all(cx: &Cx<'_, '_>) -> Result<Vec<OwnDevice>, EngineError> {
    let mut rest = own_devices::all(cx.tx)?;
    let mut devices = Vec::new();
    for listed in cx.me.key_log.devices() {
        let noted = rest.iter().position(|noted| noted.id == listed.keys.id).map(|at| rest.remove(at));
        devices.push(as_listed(cx, listed, noted));
    }
    rest.sort_by_key(|device| device.since);
    for device in &mut rest {
        let end = cx.me.key_log.revocation(&device.id).map(|end| end.at);
        device.revoked_at = device.revoked_at.or(end).or(Some(device.since));
    }
    devices.append(&mut rest);
    for device in &mut devices {
        // One that never came was not seen, whatever was wrapped for it.
        if device.seen.is_some() {
            device.seen = device.seen.max(seen::at(cx.tx, &device.id)?);
        }
    }
    Ok(devices)
}

/// One device that the log names.
pub(in crate::engine) fn of(cx: &Cx<'_, '_>, id: &DeviceId) -> Result<Option<OwnDevice>, EngineError> {
    Ok(all(cx)?.into_iter().find(|device| device.id == *id))
}

fn as_listed(cx: &Cx<'_, '_>, listed: &Device, noted: Option<OwnDevice>) -> OwnDevice {
    let id = listed.keys.id;
    let mut device = noted.unwrap_or_else(|| OwnDevice::new(&listed.keys, unnamed(listed), true, listed.added_at));
    if cx.me.is_this_device(&id) {
        device.holder = cx.me.account.is_holder();
    }
    device.revoked_at = listed.revoked.as_ref().map(|end| end.at);
    device
}

/// What a device is called that nobody gave a name.
pub(in crate::engine) fn unnamed(listed: &Device) -> String {
    format!("device {}", listed.number)
}

/// Whether nobody gave a device a name.
pub(in crate::engine) fn is_unnamed(cx: &Cx<'_, '_>, known: &OwnDevice) -> bool {
    cx.me.key_log.device(&known.id).is_none_or(|listed| known.name == unnamed(listed))
}

/// The device of ours behind a network peer, revoked or not.
pub(in crate::engine) fn behind(cx: &Cx<'_, '_>, peer: PeerKey) -> Result<Option<OwnDevice>, EngineError> {
    let listed = cx.me.key_log.devices().iter().any(|device| device.keys.network == peer.0);
    if !listed && own_devices::all(cx.tx)?.iter().all(|device| device.peer != peer) {
        return Ok(None);
    }
    Ok(all(cx)?.into_iter().find(|device| device.peer == peer))
}

/// A device of ours is connected.
pub(in crate::engine) fn seen(cx: &mut Cx<'_, '_>, mut device: OwnDevice) -> Result<(), EngineError> {
    if device.seen.is_some_and(|seen| seen.saturating_add(NOTED_EVERY) > cx.now) {
        return Ok(());
    }
    device.seen = Some(cx.now);
    own_devices::set(cx.tx, &device)
}
