//! Which of two cards knows a device better. Every device of an account signs cards of its own, and lists the others as it knows
//! them, so the newest card is not the one to believe in everything.

use covey_pairing::identity::{CardDevice, ContactCard, Device};
use serde_bytes::ByteBuf;

use crate::engine::PeerKey;
use crate::engine::records::devices::ContactDevice;

/// [HANDED-3] What is known of a device after a card: nothing if neither said anything of it.
pub(super) fn of(known: &[ContactDevice], device: &Device, card: &ContactCard) -> Option<ContactDevice> {
    let id = device.keys.id;
    let known = known.iter().find(|known| known.id == id);
    let said = card.content().devices.iter().find(|said| said.device == id);
    let Some(said) = said else { return known.cloned() };
    let signed = if card.signer() == id { card.content().sequence } else { 0 };
    if known.is_some_and(|known| !is_better(said, signed, known)) {
        return known.cloned();
    }
    Some(ContactDevice {
        id,
        dh: device.keys.dh,
        peer: PeerKey(device.keys.network),
        addresses: said.addresses.clone(),
        bundle: bundle(said, known),
        seq: said.seq,
        signed: signed.max(known.map_or(0, |known| known.signed)),
    })
}

/// What a device says itself counts if it is newer than what it said before, whatever others say of it. What others say counts if
/// they have it from a later card.
fn is_better(said: &CardDevice, signed: u64, known: &ContactDevice) -> bool {
    if signed > 0 {
        return signed > known.signed;
    }
    said.seq > known.seq || (said.seq == known.seq && known.bundle.is_empty() && !said.prekeys.is_empty())
}

/// A bundle may be left out of a card that is full.
fn bundle(said: &CardDevice, known: Option<&ContactDevice>) -> ByteBuf {
    known.filter(|_| said.prekeys.is_empty()).map_or_else(|| said.prekeys.clone(), |known| known.bundle.clone())
}
