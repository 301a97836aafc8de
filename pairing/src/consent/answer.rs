//! The payloads after the offer: answer (Noise message 2) and confirm, and the small notices about a pairing.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{ConsentError, FRAME_MAX, PairFrame, PairSecret, handshake};
use crate::{
    crypto::{aead, hash::derive_key, kdf::hmac, secret::Secret, sign::Context},
    identity::{DeviceSecret, KeyLog},
    ids::{AccountId, DeviceId, InviteId},
    version::Version,
};

/// What an invitee who accepts sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Acceptance {
    /// When, Unix milliseconds by the invitee's clock.
    pub(super) at: u64,
    /// The newest offer the invitee itself made to the inviter: it and everything before it is void.
    pub(super) newest: u64,
    pub(super) name: String,
    pub(super) card: ByteBuf,
    /// ML-KEM-768 ciphertext to the key in the offer.
    pub(super) kem: ByteBuf,
    pub(super) attachment: ByteBuf,
    /// Newest form of a confirm that the invitee reads, see [`Confirmation::seal`]; an older version leaves it out.
    #[serde(default)]
    pub(super) confirm: u8,
}

/// [PAIR-86] The form of a confirm that is sealed under a random nonce.
pub(super) const RANDOM_NONCE: u8 = 1;

/// The payload of message 2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// Yes.
    Accepted(Box<Acceptance>),
    /// No.
    Declined,
}

#[derive(Serialize, Deserialize)]
struct Wire<T>(Version<1>, T);

impl Answer {
    pub(super) fn encode(&self) -> Vec<u8> {
        covey_codec::encode(&Wire(Version, self)).expect("an answer is plain data")
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, ConsentError> {
        let wire: Wire<Self> = covey_codec::decode(bytes, FRAME_MAX).map_err(|_| ConsentError::Payload("answer"))?;
        Ok(wire.1)
    }
}

/// The payload of the confirm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Confirmation {
    v: Version<1>,
    /// Shows that the inviter derived the pair secret, post-quantum part included.
    tag: ByteArray<32>,
    pub(super) attachment: ByteBuf,
    /// When the acceptance was taken, Unix milliseconds by the inviter's clock; 0 if an older version made this.
    #[serde(default)]
    pub(super) at: u64,
}

impl Confirmation {
    pub(super) fn new(secret: &PairSecret, id: &InviteId, attachment: &[u8], at: u64) -> Self {
        let tag = ByteArray::new(tag(secret, CONFIRM, id));
        Self { v: Version, tag, attachment: ByteBuf::from(attachment), at }
    }

    /// [PAIR-86] Seals it for an invitee that reads the form `form`. `key`: the first of the split.
    ///
    /// Several devices of the inviter may take one acceptance, and so may an old copy of one. All of them derive the same key, and each has an
    /// attachment and a time of its own. So the nonce is random; for an invitee of an older version, which reads nonce 0 alone, what differs is
    /// left out, and all of them say the same bytes.
    pub(super) fn seal(&self, key: &Secret<32>, form: u8, rng: &mut impl rand_core::CryptoRng) -> Vec<u8> {
        if form < RANDOM_NONCE {
            let same = Self { attachment: ByteBuf::new(), at: 0, ..self.clone() };
            return handshake::seal_transport(key, &same.encode());
        }
        aead::seal_random(&confirm_key(key), &[], &self.encode(), rng)
    }

    /// Opens [`Confirmation::seal`] in any form, and checks the tag.
    pub(super) fn open(
        key: &Secret<32>,
        message: &[u8],
        secret: &PairSecret,
        id: &InviteId,
    ) -> Result<Self, ConsentError> {
        let payload = aead::open_random(&confirm_key(key), &[], message)
            .or_else(|_| handshake::open_transport(key, message))
            .map_err(|_| ConsentError::Handshake)?;
        let confirm: Self = covey_codec::decode(&payload, FRAME_MAX).map_err(|_| ConsentError::Payload("confirm"))?;
        if is_tag(&confirm.tag, secret, CONFIRM, id) { Ok(confirm) } else { Err(ConsentError::Handshake) }
    }

    fn encode(&self) -> Vec<u8> {
        covey_codec::encode(self).expect("a confirm is plain data")
    }
}

/// The key of [`RANDOM_NONCE`], from the first key of the split.
pub(super) fn confirm_key(to_responder: &Secret<32>) -> Secret<32> {
    derive_key("covey 2026 pair confirm key v1", to_responder.expose())
}

const CONFIRM: &[u8] = b"covey confirm v1\0";
const CONFIRMED: &[u8] = b"covey confirmed v1\0";
const REMOVED: &[u8] = b"covey removed v1\0";

fn tag(secret: &PairSecret, about: &[u8], id: &InviteId) -> [u8; 32] {
    *hmac(secret.control_key().expose(), &[about, id.as_bytes()].concat()).expose()
}

fn is_tag(found: &[u8; 32], secret: &PairSecret, about: &[u8], id: &InviteId) -> bool {
    subtle::ConstantTimeEq::ct_eq(found.as_slice(), tag(secret, about, id).as_slice()).into()
}

/// The invitee's acknowledgement of a confirm.
pub(super) fn confirmed(secret: &PairSecret, id: InviteId) -> PairFrame {
    PairFrame::Confirmed { id, tag: ByteArray::new(tag(secret, CONFIRMED, &id)) }
}

/// Checks [`confirmed`].
pub(super) fn is_confirmed(secret: &PairSecret, id: &InviteId, tag: &[u8; 32]) -> bool {
    is_tag(tag, secret, CONFIRMED, id)
}

/// The notice of removal of the pairing that came from `id`, by `remover`: a removal sealed by one side is not
/// taken for one by the other.
pub(super) fn removal(
    secret: &PairSecret,
    id: InviteId,
    remover: &AccountId,
    rng: &mut impl rand_core::CryptoRng,
) -> PairFrame {
    let notice = aead::seal_random(&secret.control_key(), &removal_aad(&id, remover), &[], rng);
    PairFrame::Removed { id, notice: ByteBuf::from(notice) }
}

/// Checks [`removal`].
pub(super) fn is_removal(secret: &PairSecret, id: &InviteId, remover: &AccountId, notice: &[u8]) -> bool {
    aead::open_random(&secret.control_key(), &removal_aad(id, remover), notice).is_ok()
}

fn removal_aad(id: &InviteId, remover: &AccountId) -> Vec<u8> {
    [REMOVED, id.as_bytes(), remover.as_bytes()].concat()
}

/// The withdrawal of the invite `id` to `invitee`, signed by a device of the inviter.
pub(super) fn cancel(id: InviteId, invitee: &AccountId, device: &DeviceSecret) -> PairFrame {
    let signature = device.signing().sign(Context::CancelInvite, &cancel_message(&id, invitee));
    PairFrame::Cancel { id, device: device.id(), signature: ByteArray::new(signature) }
}

/// Checks [`cancel`] against the inviter's devices.
pub(super) fn is_cancel(
    id: &InviteId,
    invitee: &AccountId,
    inviter: &KeyLog,
    device: &DeviceId,
    signature: &[u8; 64],
) -> bool {
    let message = cancel_message(id, invitee);
    inviter.is_active(device) && device.verifying_key().verify(Context::CancelInvite, &message, signature).is_ok()
}

fn cancel_message(id: &InviteId, invitee: &AccountId) -> Vec<u8> {
    [id.as_bytes().as_slice(), invitee.as_bytes()].concat()
}
