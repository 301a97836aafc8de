//! Contact cards: our own, signed anew when it changes, and those of others, taken when they verify and are newer.

use covey_pairing::identity::{self, CardContent, CardDevice, ContactCard, KeyLog, LogOrder, SignedOp};
use covey_pairing::ids::{AccountId, DeviceId};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tracing::{debug, error, info, warn};

use super::contacts::{self, Card, ContactDevice, Owner};
use super::tables::{self, Counter};
use super::{Cx, Effect, EngineError, PeerKey, alerts, control, group, parcels, sessions};

/// A card can be used for this long: longer than a holiday, shorter than the life of old prekeys.
const LIFETIME: u64 = 21 * 24 * 3_600_000;
/// A card is signed anew when less than this is left of it.
const RENEW_BEFORE: u64 = 14 * 24 * 3_600_000;
/// Our card is handed to the overlay for publication this often: records live 48 hours and move every day.
pub(super) const PUBLISH_EVERY: u64 = 2 * 3_600_000;
/// Addresses put on a card.
const MAX_ADDRESSES: usize = 12;

/// Our newest card as stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Own {
    pub(super) signed: ByteBuf,
    name: String,
    addresses: Vec<String>,
    bundle: ByteBuf,
    expires_at: u64,
}

/// The name on our card: the one the operator chose, else the beginning of the account id.
pub(super) fn own_name(cx: &Cx<'_, '_>) -> Result<String, EngineError> {
    Ok(contacts::own_name(cx.tx)?.unwrap_or_else(|| cx.me.account_id().fmt_short()))
}

/// Our signed card, made anew if what it says has changed or its end comes near.
pub(super) fn own(cx: &mut Cx<'_, '_>) -> Result<Vec<u8>, EngineError> {
    let stored = cx.tx.get::<Own>(&tables::own_card())?;
    let (prekeys, _) = sessions::prekeys(cx)?;
    let bundle = ByteBuf::from(prekeys.bundle().to_bytes());
    let name = own_name(cx)?;
    // Without any address yet (the overlay is still starting) the ones of last time are the best guess.
    let known = stored.as_ref().map(|own| own.addresses.clone()).unwrap_or_default();
    let addresses: Vec<String> = match cx.live.addresses.as_slice() {
        [] => known,
        current => current.iter().take(MAX_ADDRESSES).cloned().collect(),
    };
    if let Some(own) = stored
        && own.name == name
        && own.addresses == addresses
        && own.bundle == bundle
        && own.expires_at > cx.now.saturating_add(RENEW_BEFORE)
    {
        return Ok(own.signed.into_vec());
    }
    let expires_at = cx.now.saturating_add(LIFETIME);
    let content = CardContent {
        sequence: Counter::Card.next(cx.tx)?,
        issued_at: cx.now,
        expires_at,
        name: name.clone(),
        log: cx.me.key_log.clone(),
        devices: vec![CardDevice { device: cx.me.device_id(), addresses: addresses.clone(), prekeys: bundle.clone() }],
        custodians: Vec::new(),
    };
    let signed = identity::sign(&content, &cx.me.device).map_err(EngineError::bug)?;
    let own = Own { signed: ByteBuf::from(signed.clone()), name, addresses, bundle, expires_at };
    cx.tx.put(&tables::own_card(), &own)?;
    Ok(signed)
}

/// The overlay tells where we can be reached.
pub(super) fn addresses_changed(cx: &mut Cx<'_, '_>, addresses: Vec<String>) -> Result<(), EngineError> {
    if cx.live.addresses == addresses {
        return Ok(());
    }
    info!(addresses = addresses.join(" "), "the addresses of this node");
    cx.live.addresses = addresses;
    renewed(cx)
}

/// What our card says has changed: tell the contacts that are connected, and publish it.
pub(super) fn renewed(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let connected: Vec<Owner> = cx
        .live
        .contacts
        .iter()
        .filter(|(peer, _)| cx.live.connected.contains(peer))
        .map(|(_, contact)| Owner { account: contact.account, device: contact.device })
        .collect();
    for owner in connected {
        control::card_to(cx, owner)?;
    }
    publish(cx)
}

/// Hands our card to the overlay if we may be found.
pub(super) fn publish(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    cx.live.published_at = cx.now;
    if !cx.policy.discoverable {
        return Ok(());
    }
    let card = own(cx)?;
    let sequence = Counter::Card.get(cx.tx)?;
    cx.effects.push(Effect::Publish { card, sequence });
    Ok(())
}

/// Publishes again when it is time.
pub(super) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if cx.live.published_at.saturating_add(PUBLISH_EVERY) <= cx.now { publish(cx) } else { Ok(()) }
}

/// [HANDED-1] Takes a card of `account` if it verifies and is newer than what we have. Whether there is a usable card now.
pub(super) fn learn(cx: &mut Cx<'_, '_>, account: &AccountId, bytes: &[u8]) -> Result<bool, EngineError> {
    learn_as_of(cx, account, bytes, cx.now)
}

/// The same for a card that was valid at `at`: those on rosters are as old as the membership.
pub(super) fn learn_as_of(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    bytes: &[u8],
    at: u64,
) -> Result<bool, EngineError> {
    let card = match ContactCard::open_of(account, bytes, at) {
        Ok(card) => card,
        Err(error) => {
            debug!(account = %account.fmt_short(), %error, "a contact card was not taken");
            return Ok(contacts::card(cx.tx, account)?.is_some());
        }
    };
    let content = card.content();
    let mut known_log = None;
    if let Some(known) = contacts::card(cx.tx, account)? {
        let known_log = known_log.insert(KeyLog::verify(known.log).map_err(EngineError::bug)?);
        match card.log().compare(known_log) {
            Err(fork) => {
                alerts::contradicted(cx, account, covey_codec::encode(&fork).ok())?;
                error!(account = %account.fmt_short(), "the account published two histories of its devices; the new one is not taken");
                return Ok(true);
            }
            Ok(LogOrder::Behind) => return Ok(true),
            Ok(LogOrder::Same | LogOrder::Ahead) if content.sequence <= known.sequence => return Ok(true),
            Ok(_) => {}
        }
    }
    let mut devices = Vec::new();
    for listed in &content.devices {
        let Some(device) = card.log().device(&listed.device) else { continue };
        let peer = PeerKey(device.keys.network);
        if let Some(owner) = contacts::owner(cx.tx, peer)?
            && owner.account != *account
        {
            // [HANDED-2]
            warn!(account = %account.fmt_short(), "a card names the network peer of another account; that device is left out");
            continue;
        }
        cx.tx.put(&tables::peer(peer), &Owner { account: *account, device: listed.device })?;
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
    let record = Card { signed: ByteBuf::from(bytes), sequence: content.sequence, name, devices, log };
    cx.tx.put(&tables::card(account), &record)?;
    if changed {
        alerts::devices_changed(cx, account)?;
    }
    if revoked {
        // Who had that device may have copied the others, too.
        control::heal(cx, sessions::Scope::Pair, account)?;
    }
    if contacts::load(cx.tx, account)?.is_some_and(|contact| contact.is_paired()) {
        allow(cx, account)?;
    } else {
        group::allow_near(cx, account)?;
    }
    Ok(true)
}

fn active(log: &KeyLog) -> Vec<DeviceId> {
    log.active().map(|device| device.keys.id).collect()
}

/// Devices that the new card no longer has may no longer connect as the account's, and have no sessions.
fn forget_gone(cx: &mut Cx<'_, '_>, account: &AccountId, now: &[ContactDevice]) -> Result<(), EngineError> {
    for gone in contacts::devices(cx.tx, account)? {
        if now.iter().any(|device| device.id == gone.id) {
            continue;
        }
        cx.tx.delete(&tables::peer(gone.peer));
        cx.tx.delete(&tables::session(&gone.id));
        parcels::forget(cx, &gone.id)?;
        cx.live.contacts.remove(&gone.peer);
        cx.effects.push(Effect::Revoke { peer: gone.peer });
    }
    Ok(())
}

/// Opens the gate for every device of a paired contact.
pub(super) fn allow(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    for device in contacts::devices(cx.tx, account)? {
        if cx.live.penalties.contains_key(&device.peer) {
            continue;
        }
        cx.effects.push(Effect::Allow { peer: device.peer, addresses: device.addresses });
    }
    Ok(())
}
