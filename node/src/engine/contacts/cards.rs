//! Contact cards of others, taken when they verify and are newer; and ours, told to them when it changes.

use covey_pairing::identity::{ContactCard, KeyLog, SignedOp};
use covey_pairing::ids::{AccountId, DeviceId};
use serde_bytes::ByteBuf;
use tracing::{debug, error, info, warn};

use crate::engine::contacts::alerts;
use crate::engine::outbound::{control, post};
use crate::engine::records::devices::{self, Card, ContactDevice, DeviceRef};
use crate::engine::records::{people, sessions};
use crate::engine::{Cx, Effect, EngineError, PeerKey, card, gate, tables};

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

/// [HANDED-1] Takes a card of `account` if it verifies and is newer than what we have. Whether there is a usable card now.
pub(in crate::engine) fn learn(cx: &mut Cx<'_, '_>, account: &AccountId, bytes: &[u8]) -> Result<bool, EngineError> {
    learn_as_of(cx, account, bytes, cx.now)
}

/// The same for a card that was valid at `at`: those on rosters are as old as the membership.
pub(in crate::engine) fn learn_as_of(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    bytes: &[u8],
    at: u64,
) -> Result<bool, EngineError> {
    let card = match ContactCard::open_of(account, bytes, at) {
        Ok(card) => card,
        Err(error) => {
            debug!(account = %account.fmt_short(), %error, "a contact card was not taken");
            return Ok(devices::card(cx.tx, account)?.is_some());
        }
    };
    let content = card.content();
    let mut known_log = None;
    if let Some(known) = devices::card(cx.tx, account)? {
        let known_log = known_log.insert(KeyLog::verify(known.log).map_err(EngineError::bug)?);
        match card.replaces(known_log, known.sequence) {
            Err(fork) => {
                alerts::contradicted(cx, account, covey_codec::encode(&fork).ok())?;
                error!(account = %account.fmt_short(), "the account published two histories of its devices; the new one is not taken");
                return Ok(true);
            }
            Ok(false) => return Ok(true),
            Ok(true) => {}
        }
    }
    let mut devices = Vec::new();
    for listed in &content.devices {
        let Some(device) = card.log().device(&listed.device) else { continue };
        let peer = PeerKey(device.keys.network);
        if let Some(owner) = devices::owner(cx.tx, peer)?
            && owner.account != *account
        {
            // [HANDED-2]
            warn!(account = %account.fmt_short(), "a card names the network peer of another account; that device is left out");
            continue;
        }
        cx.tx.put(&tables::peer(peer), &DeviceRef { account: *account, device: listed.device })?;
        devices.push(ContactDevice {
            id: listed.device,
            dh: device.keys.dh,
            peer,
            addresses: listed.addresses.clone(),
            bundle: listed.prekeys.clone(),
        });
    }
    let (before, now) = (known_log.as_ref().map(active), active(card.log()));
    let changed = before.as_ref().is_some_and(|before| *before != now);
    let revoked = before.is_some_and(|before| before.iter().any(|device| !now.contains(device)));
    forget_gone(cx, account, &devices)?;
    let log: Vec<SignedOp> = card.log().ops().to_vec();
    let name = Some(content.name.clone()).filter(|name| !name.is_empty() && *name != account.fmt_short());
    let record =
        Card { signed: ByteBuf::from(bytes), sequence: content.sequence, name, devices, log, kem: content.kem };
    cx.tx.put(&tables::card(account), &record)?;
    if changed {
        alerts::devices_changed(cx, account)?;
    }
    if revoked {
        // Who had that device may have copied the others, too.
        control::heal(cx, sessions::Scope::Pair, account)?;
    }
    if people::load(cx.tx, account)?.is_some_and(|contact| contact.is_paired()) {
        gate::allow_contact(cx, account)?;
    } else {
        gate::allow_near(cx, account)?;
    }
    Ok(true)
}

fn active(log: &KeyLog) -> Vec<DeviceId> {
    log.active().map(|device| device.keys.id).collect()
}

/// Devices that the new card no longer has may no longer connect as the account's, and have no sessions.
fn forget_gone(cx: &mut Cx<'_, '_>, account: &AccountId, now: &[ContactDevice]) -> Result<(), EngineError> {
    for gone in devices::devices(cx.tx, account)? {
        if now.iter().any(|device| device.id == gone.id) {
            continue;
        }
        cx.tx.delete(&tables::peer(gone.peer));
        cx.tx.delete(&tables::session(&gone.id));
        post::forget(cx, &gone.id)?;
        cx.live.contacts.remove(&gone.peer);
        cx.effects.push(Effect::Revoke { peer: gone.peer });
    }
    Ok(())
}
