//! Our own contact card, signed anew when what it says changes.

use covey_pairing::crypto::kem::KemHash;
use covey_pairing::crypto::sign::SigningSecret;
use covey_pairing::identity::{self, CardContent, CardDevice, CardError};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use tracing::error;

use crate::engine::counters::Counter;
use crate::engine::records::devices::{self, ContactDevice};
use crate::engine::records::{mailboxes, people};
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
    /// Sequence of the card by which addresses or bundle of this device last changed.
    #[serde(default)]
    seq: u64,
    /// Our other devices as they are listed.
    #[serde(default)]
    others: Vec<CardDevice>,
    /// Keepers at which strangers may leave invites, as they are listed.
    #[serde(default)]
    keepers: Vec<ByteBuf>,
    /// Head of the key log. Older versions do not say.
    #[serde(default)]
    head: Option<ByteArray<32>>,
}

/// The name on our card: the one the operator chose, here or on another device; else the one that our card has, and before there is one that of
/// another device's, else the beginning of the account id. (Two devices that took each other's names would exchange them without end.)
pub(super) fn own_name(cx: &Cx<'_, '_>) -> Result<String, EngineError> {
    if let Some(chosen) = people::own_name(cx.tx)? {
        return Ok(chosen);
    }
    if let Some(own) = cx.tx.get::<Own>(&tables::own_card())? {
        return Ok(own.name);
    }
    let account = cx.me.account_id();
    Ok(people::claimed_name(cx.tx, &account)?.unwrap_or_else(|| account.fmt_short()))
}

/// Our signed card, made anew if what it says has changed or its end comes near.
pub(super) fn own(cx: &mut Cx<'_, '_>) -> Result<Vec<u8>, EngineError> {
    let stored = cx.tx.get::<Own>(&tables::own_card())?;
    let (prekeys, _) = sessions::prekeys(cx)?;
    let mut next = Own {
        signed: ByteBuf::new(),
        name: own_name(cx)?,
        addresses: addresses(cx, stored.as_ref()),
        bundle: ByteBuf::from(prekeys.bundle().to_bytes()),
        expires_at: cx.now.saturating_add(LIFETIME),
        kem: Some(cx.me.account.kem_key().hash()),
        seq: stored.as_ref().map_or(0, |stored| stored.seq),
        others: others(cx)?,
        keepers: keepers(cx)?,
        head: Some(ByteArray::new(cx.me.key_log.head())),
    };
    if let Some(own) = stored.as_ref().filter(|own| own.says_the_same(&next))
        && own.expires_at > cx.now.saturating_add(RENEW_BEFORE)
    {
        return Ok(own.signed.to_vec());
    }
    let sequence = Counter::Card.next(cx.tx)?;
    let is_as_before = |own: &Own| own.seq > 0 && own.addresses == next.addresses && own.bundle == next.bundle;
    if !stored.as_ref().is_some_and(is_as_before) {
        next.seq = sequence;
    }
    let signed = match (sign(cx, &next, sequence)?, stored) {
        (Some(signed), _) => signed,
        (None, Some(stored)) => {
            error!("the list of devices of this account leaves no room for a contact card; the one of before is kept");
            return Ok(stored.signed.into_vec());
        }
        (None, None) => return Err(EngineError::bug(CardError::TooLong)),
    };
    next.signed = ByteBuf::from(signed.clone());
    cx.tx.put(&tables::own_card(), &next)?;
    Ok(signed)
}

impl Own {
    fn says_the_same(&self, other: &Self) -> bool {
        let of = |own: &Self| (own.kem, own.seq, own.head);
        of(self) == of(other)
            && (&self.name, &self.addresses) == (&other.name, &other.addresses)
            && (&self.bundle, &self.others, &self.keepers) == (&other.bundle, &other.others, &other.keepers)
    }
}

/// Where we can be reached. Without any address yet (the overlay is still starting) the ones of last time are the best guess.
fn addresses(cx: &Cx<'_, '_>, stored: Option<&Own>) -> Vec<String> {
    match cx.live.addresses.as_slice() {
        [] => stored.map(|own| own.addresses.clone()).unwrap_or_default(),
        current => current.iter().take(MAX_ADDRESSES).cloned().collect(),
    }
}

/// Our other devices as far as they are known, in the order in which they came to be.
fn others(cx: &Cx<'_, '_>) -> Result<Vec<CardDevice>, EngineError> {
    let known = devices::devices(cx.tx, &cx.me.account_id())?;
    let others = known.into_iter().filter(|device| cx.me.is_own_other(&device.id));
    let entry = |device: ContactDevice| CardDevice {
        device: device.id,
        addresses: device.addresses,
        prekeys: device.bundle,
        seq: device.seq,
    };
    Ok(others.map(entry).collect())
}

/// [CARD-7] Keepers at which strangers may leave invites.
fn keepers(cx: &Cx<'_, '_>) -> Result<Vec<ByteBuf>, EngineError> {
    let places = mailboxes::invite_places(cx.tx, &cx.me.account.kem_key().hash())?;
    Ok(places.into_iter().map(|place| ByteBuf::from(place.shortened(MAX_ADDRESSES).encode())).collect())
}

/// [CARD-6] Signs a card that says `own`. What does not fit is left out: bundles of other devices first, then their addresses, those that changed
/// longest ago first, since they hand out cards of their own; then our own addresses and prekeys. None if the key log alone does not fit, which a
/// device of ours that was stolen can bring about.
fn sign(cx: &Cx<'_, '_>, own: &Own, sequence: u64) -> Result<Option<Vec<u8>>, EngineError> {
    let this = CardDevice {
        device: cx.me.device_id(),
        addresses: own.addresses.clone(),
        prekeys: own.bundle.clone(),
        seq: own.seq,
    };
    // [CARD-6] A number that a device could not know is not repeated.
    let other = |device: &CardDevice| CardDevice { seq: device.seq.min(sequence), ..device.clone() };
    let mut content = CardContent {
        sequence,
        issued_at: cx.now,
        expires_at: own.expires_at,
        name: own.name.clone(),
        log: cx.me.key_log.clone(),
        devices: std::iter::once(this).chain(own.others.iter().map(other)).collect(),
        custodians: own.keepers.clone(),
        kem: own.kem,
    };
    loop {
        match identity::sign(&content, &cx.me.device) {
            Err(CardError::TooLong) if shorten(&mut content) => {}
            Err(CardError::TooLong) => return Ok(None),
            signed => return signed.map(Some).map_err(EngineError::bug),
        }
    }
}

/// Leaves one thing out. Whether there was any.
fn shorten(content: &mut CardContent) -> bool {
    let Some((own, others)) = content.devices.split_first_mut() else { return false };
    if let Some(oldest) = others.iter_mut().filter(|device| !device.prekeys.is_empty()).min_by_key(|device| device.seq)
    {
        oldest.prekeys.clear();
        return true;
    }
    let oldest = others.iter_mut().filter(|device| !device.addresses.is_empty()).min_by_key(|device| device.seq);
    if let Some(oldest) = oldest {
        oldest.addresses.clear();
        return true;
    }
    if content.custodians.pop().is_some() || own.addresses.pop().is_some() {
        return true;
    }
    let had_prekeys = !own.prekeys.is_empty();
    own.prekeys.clear();
    had_prekeys
}

/// Hands our card to the overlay if we may be found.
pub(super) fn publish(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    cx.live.published_at = cx.now;
    if !cx.policy.discoverable {
        return Ok(());
    }
    let under = cx.me.places();
    if under.is_empty() {
        return Ok(());
    }
    let card = own(cx)?;
    let sequence = Counter::Card.get(cx.tx)?;
    // [WITNESS-4] Whoever else has our keys publishes there as well.
    let look_at = under.iter().map(SigningSecret::public).collect();
    cx.effects.push(Effect::Lookup { account: cx.me.account_id(), under: look_at });
    cx.effects.push(Effect::Publish { card, sequence, under });
    Ok(())
}

/// Publishes again when it is time.
pub(super) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if cx.live.published_at.saturating_add(PUBLISH_EVERY) <= cx.now { publish(cx) } else { Ok(()) }
}
