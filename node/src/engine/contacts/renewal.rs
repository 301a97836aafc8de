//! Our own card says something else: others are told.

use tracing::info;

use crate::engine::outbound::control;
use crate::engine::records::devices::DeviceRef;
use crate::engine::{Cx, EngineError, card};

/// The overlay tells where we can be reached.
pub(in crate::engine) fn addresses_changed(cx: &mut Cx<'_, '_>, addresses: Vec<String>) -> Result<(), EngineError> {
    if cx.live.addresses == addresses {
        return Ok(());
    }
    info!(addresses = addresses.join(" "), "the addresses of this node");
    cx.live.addresses = addresses;
    renewed(cx)
}

/// What our card says has changed: tell the contacts that are connected, and publish it.
pub(in crate::engine) fn renewed(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let connected: Vec<DeviceRef> = cx
        .live
        .contacts
        .iter()
        .filter(|(peer, _)| cx.live.connected.contains(peer))
        .map(|(_, contact)| DeviceRef { account: contact.account, device: contact.device })
        .collect();
    for owner in connected {
        control::card_to(cx, owner)?;
    }
    card::publish(cx)
}
