//! Our own contact card, signed anew when what it says changes.

use covey_pairing::crypto::kem::KemHash;
use covey_pairing::identity::{self, CardContent, CardDevice};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::engine::counters::Counter;
use crate::engine::records::people;
use crate::engine::sealing::sessions;
use crate::engine::{Cx, Effect, EngineError, tables};

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
    /// Hash of our KEM key. Older versions put none on the card.
    #[serde(default)]
    kem: Option<KemHash>,
}

/// The name on our card: the one the operator chose, else the beginning of the account id.
pub(super) fn own_name(cx: &Cx<'_, '_>) -> Result<String, EngineError> {
    Ok(people::own_name(cx.tx)?.unwrap_or_else(|| cx.me.account_id().fmt_short()))
}

/// Our signed card, made anew if what it says has changed or its end comes near.
pub(super) fn own(cx: &mut Cx<'_, '_>) -> Result<Vec<u8>, EngineError> {
    let stored = cx.tx.get::<Own>(&tables::own_card())?;
    let (prekeys, _) = sessions::prekeys(cx)?;
    let bundle = ByteBuf::from(prekeys.bundle().to_bytes());
    let name = own_name(cx)?;
    let kem = Some(cx.me.account.kem_key().hash());
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
        && own.kem == kem
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
        kem,
    };
    let signed = identity::sign(&content, &cx.me.device).map_err(EngineError::bug)?;
    let own = Own { signed: ByteBuf::from(signed.clone()), name, addresses, bundle, expires_at, kem };
    cx.tx.put(&tables::own_card(), &own)?;
    Ok(signed)
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
