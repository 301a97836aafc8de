//! Devices that an account has no more.

use crate::engine::outbound::post;
use crate::engine::records::devices::{self, ContactDevice};
use crate::engine::{Cx, Effect, EngineError, tables};

/// Devices that are not the account's any more may no longer connect as such, and have no sessions.
pub(super) fn forget(cx: &mut Cx<'_, '_>, before: &[ContactDevice], now: &[ContactDevice]) -> Result<(), EngineError> {
    for gone in before.iter().filter(|gone| now.iter().all(|device| device.id != gone.id)) {
        cx.tx.delete(&tables::peer(gone.peer));
        cx.tx.delete(&tables::session(&gone.id));
        devices::forget_card_sent(cx.tx, &gone.id);
        post::forget(cx, &gone.id)?;
        cx.live.contacts.remove(&gone.peer);
        cx.effects.push(Effect::Revoke { peer: gone.peer });
    }
    Ok(())
}
