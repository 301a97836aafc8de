//! Devices that were not heard of for long: nothing is wrapped for them. One that comes back asks for what it missed, first of all its own
//! account's other devices.

use covey_pairing::ids::AccountId;

use crate::engine::records::devices::{self, ContactDevice};
use crate::engine::records::seen;
use crate::engine::{Cx, EngineError};

/// [DORMANT-1] A device is dormant after this long without a sign of it, in milliseconds: 90 days. Longer than a journey, shorter than the life
/// of a machine in a drawer.
const DORMANT_AFTER: u64 = 90 * 24 * 3_600_000;

/// Whether a device that was last seen then is dormant now.
pub(in crate::engine) fn since(seen: u64, now: u64) -> bool {
    seen.saturating_add(DORMANT_AFTER) <= now
}

/// [DORMANT-1] The devices of an account for which anything is wrapped: all that are not dormant. If all are, nobody could give them what they miss,
/// and it is wrapped for all of them; of our own account this device could.
pub(in crate::engine) fn awake(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<Vec<ContactDevice>, EngineError> {
    let all = devices::devices(cx.tx, account)?;
    let mut awake = Vec::new();
    for device in &all {
        if !is_dormant(cx, device)? {
            awake.push(device.clone());
        }
    }
    Ok(if awake.is_empty() && !cx.me.is_ours(account) { all } else { awake })
}

/// Whether a device is dormant. The first time that it is asked for counts as a sign of it.
fn is_dormant(cx: &mut Cx<'_, '_>, device: &ContactDevice) -> Result<bool, EngineError> {
    if cx.live.opened.contains(&device.peer) {
        return Ok(false);
    }
    match seen::at(cx.tx, &device.id)? {
        Some(at) => Ok(since(at, cx.now)),
        None => seen::note(cx.tx, &device.id, cx.now).map(|()| false),
    }
}
