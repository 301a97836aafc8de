//! How devices of one account find out that they know different key logs, where nothing but the pairing protocol is open to them: a
//! revoked device is shut out, and would never hear why.

use covey_pairing::identity::{KeyLog, LogOrder};
use tracing::warn;

use crate::engine::contacts::own;
use crate::engine::contacts::own_devices as known;
use crate::engine::wire::own_log::LogFrame;
use crate::engine::{Cx, Effect, EngineError, PeerKey, Protocol};

fn send(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: LogFrame) -> Result<(), EngineError> {
    let frame = frame.encode().map_err(EngineError::bug)?;
    cx.effects.push(Effect::Send { peer, protocol: Protocol::Pair, frame });
    Ok(())
}

/// [OWNLOG-1] A device of ours is connected: it is told which log is known here.
pub(in crate::engine) fn peer_came(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    // One that is being linked has no log yet.
    if cx.live.link.is_some_and(|(linking, _)| linking == peer) {
        return Ok(());
    }
    let Some(device) = known::behind(cx, peer)? else { return Ok(()) };
    if device.revoked_at.is_some() {
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
    if known::behind(cx, peer)?.is_none() {
        return Ok(());
    }
    match frame {
        LogFrame::Head(head) if head != cx.me.key_log.head() => tell(cx, peer),
        LogFrame::Head(_) => Ok(()),
        LogFrame::Log(ops) => match KeyLog::verify(ops) {
            Ok(log) => learned(cx, &log),
            Err(error) => {
                warn!(%error, "a device of this account shows a key log that is none");
                Ok(())
            }
        },
    }
}

/// [OWNLOG-3] A log that outranks ours and has this device no more ends it. Nothing else is taken here.
fn learned(cx: &mut Cx<'_, '_>, log: &KeyLog) -> Result<(), EngineError> {
    let known = &cx.me.key_log;
    let outranks = log.compare(known).is_ok_and(LogOrder::outranks);
    if log.account() != known.account() || !outranks || log.is_active(&cx.me.device_id()) {
        return Ok(());
    }
    own::adopt(cx, log)
}
