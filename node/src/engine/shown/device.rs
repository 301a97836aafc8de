//! A device of ours as clients see it.

use covey_api::{Device, DeviceRole, DeviceState, Time};

use crate::engine::Cx;
use crate::engine::members::{dormant, rosters};
use crate::engine::records::own_devices::OwnDevice;
use crate::engine::shown::transfer;

/// Shows a device.
pub(in crate::engine) fn show(cx: &Cx<'_, '_>, device: &OwnDevice) -> Device {
    let this = cx.me.is_this_device(&device.id);
    let here = this || (device.revoked_at.is_none() && rosters::is_connected(cx, &device.id));
    let seen = if here { Some(cx.now) } else { device.seen };
    let last = seen.unwrap_or(device.since);
    let state = if device.revoked_at.is_some() {
        DeviceState::Revoked
    } else if device.keyless {
        DeviceState::Kept
    } else if dormant::since(last, cx.now) {
        DeviceState::Dormant
    } else {
        DeviceState::Active
    };
    Device {
        device: device.id.to_string(),
        name: device.name.clone(),
        role: if device.holder { DeviceRole::Holder } else { DeviceRole::Plain },
        since: Time::from_unix_ms(device.since),
        seen: seen.map(Time::from_unix_ms),
        state,
        this,
        transfer: transfer::under_way(cx, &device.id, device.name.clone()).filter(|_| device.revoked_at.is_none()),
    }
}
