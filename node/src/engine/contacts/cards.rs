//! Contact cards of others, taken when they verify and are newer; and ours, told to them when it changes.

use covey_pairing::identity::{ContactCard, KeyLog, KnownLog, LogOrder};
use covey_pairing::ids::AccountId;
use tracing::{debug, info, warn};

use crate::engine::contacts::logs;
use crate::engine::outbound::{control, post};
use crate::engine::records::devices::{self, Card, ContactDevice, DeviceRef};
use crate::engine::records::people;
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
    let stored = devices::card(cx.tx, account)?;
    let mut known = match &stored {
        Some(stored) => stored.known()?,
        None => return taken(cx, &card, None, KnownLog::new(card.log(), cx.now)).map(|()| true),
    };
    let before = known.clone();
    let newer = |stored: &Card| card.content().sequence > stored.sequence;
    match known.learn(card.log(), cx.now) {
        Ok(LogOrder::Same) if !stored.as_ref().is_some_and(newer) => {}
        Ok(_) => taken(cx, &card, Some(&before), known)?,
        Err(refusal) => logs::refused(cx, account, &refusal, &before, known)?,
    }
    Ok(true)
}

/// A card of an account is news: it takes the place of the one before.
fn taken(
    cx: &mut Cx<'_, '_>,
    card: &ContactCard,
    before: Option<&KnownLog>,
    known: KnownLog,
) -> Result<(), EngineError> {
    let account = card.account();
    let listed = listed(cx, card, known.in_force().as_ref())?;
    forget_gone(cx, &account, &listed)?;
    cx.tx.put(&tables::card(&account), &Card::new(card, listed, known.clone()))?;
    logs::changed(cx, &account, before, &known)?;
    allow(cx, &account)
}

/// Something else became known of the key log of an account whose card we have.
pub(in crate::engine) fn revise(cx: &mut Cx<'_, '_>, account: &AccountId, known: KnownLog) -> Result<(), EngineError> {
    let Some(stored) = devices::card(cx.tx, account)? else { return Ok(()) };
    // Whether it has expired does not matter: it was taken when it had not.
    let card = ContactCard::open_of(account, &stored.signed, 0).map_err(EngineError::bug)?;
    let listed = listed(cx, &card, known.in_force().as_ref())?;
    forget_gone(cx, account, &listed)?;
    cx.tx.put(&tables::card(account), &stored.revised(listed, known))?;
    allow(cx, account)
}

/// Lets the devices in that have something to do with us.
fn allow(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    if people::load(cx.tx, account)?.is_some_and(|contact| contact.is_paired()) {
        gate::allow_contact(cx, account)
    } else {
        gate::allow_near(cx, account)
    }
}

/// The devices on a card that count by the log that does.
fn listed(
    cx: &mut Cx<'_, '_>,
    card: &ContactCard,
    in_force: Option<&KeyLog>,
) -> Result<Vec<ContactDevice>, EngineError> {
    let account = card.account();
    let mut devices = Vec::new();
    for listed in &card.content().devices {
        let Some(device) = in_force.and_then(|log| log.device(&listed.device)) else { continue };
        if device.revoked.is_some() {
            continue;
        }
        let peer = PeerKey(device.keys.network);
        if let Some(owner) = devices::owner(cx.tx, peer)?
            && owner.account != account
        {
            // [HANDED-2]
            warn!(account = %account.fmt_short(), "a card names the network peer of another account; that device is left out");
            continue;
        }
        cx.tx.put(&tables::peer(peer), &DeviceRef { account, device: listed.device })?;
        devices.push(ContactDevice {
            id: listed.device,
            dh: device.keys.dh,
            peer,
            addresses: listed.addresses.clone(),
            bundle: listed.prekeys.clone(),
        });
    }
    Ok(devices)
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
