//! Ending a device of ours, with nothing but what is known here: it need not be there.

use covey_api::{ApiError, Reason};
use covey_pairing::identity::{Cutoff, KeyLogError, MAX_OPS};
use covey_pairing::ids::DeviceId;
use serde_json::json;
use tracing::info;

use crate::engine::contacts::own;
use crate::engine::devices::{notice, room};
use crate::engine::outbound::post;
use crate::engine::records::own_devices::{self, OwnDevice};
use crate::engine::records::{channels, feeds};
use crate::engine::{Cx, Effect, EngineError, tables};

/// Cut-offs in one revocation: as many as a key log takes.
const MAX_CUTOFFS: usize = 64;

/// Ends a device. The caller has made sure that it is another active one.
pub(in crate::engine) fn revoke(cx: &mut Cx<'_, '_>, mut device: OwnDevice) -> Result<OwnDevice, ApiError> {
    let cutoffs = cutoffs(cx, &device.id)?;
    let log = match room::revoked(&cx.me.key_log, &cx.me.account, device.id, cutoffs, cx.now)? {
        Ok(log) => log,
        Err(KeyLogError::NotHolder) => {
            let sentence = "This device was linked without --holder and cannot revoke others. Use one that `covey device list` shows as holder.";
            return Err(ApiError::new(Reason::NotHolder, sentence));
        }
        Err(KeyLogError::TooLong) => {
            let sentence = "The account's list of devices has no room for another change. Recover the account with its words to begin it anew.";
            return Err(ApiError::new(Reason::LimitReached, sentence).with_data(json!({ "limit": MAX_OPS })));
        }
        Err(error) => return Err(EngineError::bug(error).into()),
    };
    own::adopt(cx, &log)?;
    cx.live.keepers.revoked = true;
    device.revoked_at = Some(cx.now);
    own_devices::set(cx.tx, &device)?;
    info!(device = %device.id.fmt_short(), "a device of this account was revoked");
    if cx.live.connected.contains(&device.peer) {
        notice::tell(cx, device.peer)?;
    }
    cx.tx.delete(&tables::peer(device.peer));
    cx.tx.delete(&tables::session(&device.id));
    post::forget(cx, &device.id)?;
    cx.live.contacts.remove(&device.peer);
    cx.effects.push(Effect::Revoke { peer: device.peer });
    Ok(device)
}

/// Where the feeds of a device end, as far as they are known here. More than a log takes end where each reader has them.
fn cutoffs(cx: &Cx<'_, '_>, device: &DeviceId) -> Result<Vec<Cutoff>, EngineError> {
    let mut cutoffs = Vec::new();
    for channel in channels::all(cx.tx)? {
        for feed in feeds::all(cx.tx, channel.no)? {
            let Some(head) = feed.head.filter(|_| feed.key.author.as_bytes() == device.as_bytes()) else { continue };
            let (channel, incarnation) = (*channel.id.as_bytes(), feed.key.incarnation);
            cutoffs.push(Cutoff { channel, incarnation, seq: head.seq });
        }
    }
    cutoffs.truncate(MAX_CUTOFFS);
    Ok(cutoffs)
}
