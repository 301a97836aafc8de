//! Devices that an account has no more.

use covey_pairing::identity::KeyLog;
use serde_bytes::ByteBuf;

use crate::engine::outbound::post;
use crate::engine::records::devices::{self, ContactDevice};
use crate::engine::records::seen;
use crate::engine::wire::parcel::Frame;
use crate::engine::{Cx, Effect, EngineError, tables};

/// Devices that are not the account's any more may no longer connect as such, and have no sessions.
pub(super) fn forget(
    cx: &mut Cx<'_, '_>,
    log: &KeyLog,
    before: &[ContactDevice],
    now: &[ContactDevice],
) -> Result<(), EngineError> {
    for gone in before.iter().filter(|gone| now.iter().all(|device| device.id != gone.id)) {
        cx.tx.delete(&tables::peer(gone.peer));
        cx.tx.delete(&tables::session(&gone.id));
        devices::forget_card_sent(cx.tx, &gone.id);
        seen::forget(cx.tx, &gone.id);
        post::forget(cx, &gone.id)?;
        if cx.live.opened.contains(&gone.peer) {
            // [WITNESS-4] The last that it hears: perhaps its owner knows nothing of it.
            let ops = covey_codec::encode(&log.ops().to_vec()).map_err(EngineError::bug)?;
            post::send(cx, gone.peer, Frame::Log(ByteBuf::from(ops)))?;
        }
        cx.live.contacts.remove(&gone.peer);
        cx.effects.push(Effect::Revoke { peer: gone.peer });
    }
    Ok(())
}
