//! How devices of one account find out that they know different key logs, where nothing but the pairing protocol is open to them: a
//! revoked device is shut out, and would never hear why.

use covey_pairing::identity::{KeyLog, LogOrder};
use tracing::warn;

use crate::engine::contacts::own_devices as known;
use crate::engine::contacts::{own, witness};
use crate::engine::devices::kept::{self, send};
use crate::engine::wire::own_log::LogFrame;
use crate::engine::{Cx, EngineError, PeerKey};

/// [OWNLOG-1] A device of ours is connected: it is told which log is known here.
pub(in crate::engine) fn peer_came(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    // One that is being linked has no log yet.
    if cx.live.link.is_some_and(|(linking, _)| linking == peer) {
        return Ok(());
    }
    kept::peer_came(cx, peer)?;
    let Some(device) = known::behind(cx, peer)? else { return Ok(()) };
    if device.revoked_at.is_some() || device.keyless {
        return tell(cx, peer);
    }
    send(cx, peer, LogFrame::Head(cx.me.key_log.head()))?;
    known::seen(cx, device)
}

/// Shows a device of ours our log.
pub(in crate::engine) fn tell(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    send(cx, peer, LogFrame::Log(cx.me.key_log.ops().to_vec()))
}

/// [OWNLOG-2] A frame about logs. Whoever is no device of ours, now or before, is not answered.
pub(in crate::engine) fn frame(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: LogFrame) -> Result<(), EngineError> {
    let frame = match frame {
        LogFrame::KeysWanted => return kept::wanted(cx, peer),
        LogFrame::Keys(sealed) => return kept::given(cx, peer, &sealed),
        LogFrame::Head(_) | LogFrame::Log(_) => frame,
    };
    let Some(device) = known::behind(cx, peer)? else {
        return if let LogFrame::Log(ops) = frame { kept::shown(cx, peer, ops) } else { Ok(()) };
    };
    match frame {
        LogFrame::Head(head) if head != cx.me.key_log.head() => tell(cx, peer),
        LogFrame::Head(_) if device.keyless => kept::has_keys(cx, device),
        LogFrame::Head(_) | LogFrame::KeysWanted | LogFrame::Keys(_) => Ok(()),
        LogFrame::Log(ops) => match KeyLog::verify(ops) {
            Ok(log) => learned(cx, &log),
            Err(error) => {
                warn!(%error, "a device of this account shows a key log that is none");
                Ok(())
            }
        },
    }
}

/// [OWNLOG-3] A log that outranks ours and has this device no more ends it. Nothing else is taken here; a recovery that keeps this device is
/// for its operator to look at [KEPT-1].
fn learned(cx: &mut Cx<'_, '_>, log: &KeyLog) -> Result<(), EngineError> {
    let Ok(order) = log.compare(&cx.me.key_log) else { return Ok(()) };
    if !cx.me.is_ours(&log.account()) || !order.outranks() {
        return Ok(());
    }
    match (log.is_active(&cx.me.device_id()), order) {
        (false, _) => own::adopt(cx, log),
        (true, LogOrder::Rotates) => witness::seen(cx, log.account(), log),
        (true, _) => Ok(()),
    }
}
