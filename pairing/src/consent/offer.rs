//! The offer: the payload of Noise message 1, signed by a device of the inviter.
//!
//! Noise IK authenticates its first message by the inviter's *and* the invitee's static keys, so a thief of the
//! invitee's key could write one in anybody's name. The signature is what makes the inviter unforgeable; it covers
//! the invitee and the ephemeral key, so it is good for this one message.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{
    ConsentError, InviteError,
    time::{CLOCK_SKEW_MS, INVITE_LIFETIME_MS},
};
use crate::{
    crypto::{dh::DhPublic, kem::KemPublic, sign::Context},
    identity::{CARD_MAX, ContactCard, DeviceSecret, KeyLog},
    ids::{AccountId, DeviceId},
    text,
    version::Version,
};

/// Longest note, in characters.
pub const NOTE_MAX_CHARS: usize = 280;
/// Longest display name, in characters.
pub const NAME_MAX_CHARS: usize = text::NAME_MAX_CHARS;
/// Longest attachment to an answer or confirm, in bytes.
pub const ATTACHMENT_MAX: usize = 24 * 1024;
/// Longest payload of message 1.
const PAYLOAD_MAX: usize = CARD_MAX + 4 * 1024;

/// What the inviter offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Offer {
    v: Version<1>,
    /// The invitee.
    pub(super) to: AccountId,
    /// Ephemeral key of message 1.
    pub(super) e: DhPublic,
    /// When the offer was made, Unix milliseconds; each of an inviter's offers to one account is later than the
    /// one before.
    pub(super) at: u64,
    /// The newest offer of the invitee to the inviter that the inviter is done with.
    pub(super) seen: u64,
    pub(super) name: String,
    pub(super) note: String,
    pub(super) kem: KemPublic,
    pub(super) card: ByteBuf,
    /// [PAIR-85] The inviter says that the two were paired, before the invitee's account was recovered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) renewal: bool,
}

#[derive(Serialize, Deserialize)]
struct WireOffer(Version<1>, ByteBuf, DeviceId, ByteArray<64>);

/// An offer that passed every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VerifiedOffer {
    pub(super) offer: Offer,
    pub(super) signer: DeviceId,
    pub(super) log: KeyLog,
}

impl Offer {
    /// An offer made at `at`.
    #[expect(clippy::too_many_arguments, reason = "the fields of the wire object")]
    pub(super) fn new(
        to: AccountId,
        e: DhPublic,
        at: u64,
        seen: u64,
        name: &str,
        note: String,
        kem: KemPublic,
        card: &[u8],
    ) -> Self {
        Self {
            v: Version,
            to,
            e,
            at,
            seen,
            name: name.to_owned(),
            note,
            kem,
            card: ByteBuf::from(card),
            renewal: false,
        }
    }

    /// The payload of message 1.
    pub(super) fn sign(&self, device: &DeviceSecret) -> Vec<u8> {
        let bytes = covey_codec::encode(self).expect("an offer is plain data");
        let signature = device.signing().sign(Context::Offer, &bytes);
        let wire = WireOffer(Version, ByteBuf::from(bytes), device.id(), ByteArray::new(signature));
        covey_codec::encode(&wire).expect("an offer is plain data")
    }

    /// Checks the payload of a message 1 that came from the static key `static_key` with the ephemeral key `e`.
    pub(super) fn verify(payload: &[u8], context: &OfferContext<'_>, now: u64) -> Result<VerifiedOffer, InviteError> {
        let WireOffer(_, bytes, signer, signature) =
            covey_codec::decode(payload, PAYLOAD_MAX).map_err(|_| InviteError::Offer("wrapper"))?;
        let verified = signer.verifying_key().verify(Context::Offer, &bytes, &signature);
        verified.map_err(|_| InviteError::Signature)?;
        let offer: Self = covey_codec::decode(&bytes, PAYLOAD_MAX).map_err(|_| InviteError::Offer("content"))?;
        if offer.to != *context.to || offer.e.as_bytes() != context.e {
            return Err(InviteError::Offer("made for another handshake"));
        }
        offer.check_times(now)?;
        offer.check_texts()?;
        let card = ContactCard::open_of(context.from, &offer.card, offer.at)?;
        if card.log().dh() != *context.static_key || !card.log().is_active(&signer) {
            return Err(InviteError::Signature);
        }
        let log = card.log().clone();
        Ok(VerifiedOffer { offer, signer, log })
    }

    /// The device that signed such a payload.
    pub(super) fn signer(payload: &[u8]) -> Result<DeviceId, ConsentError> {
        let WireOffer(_, _, signer, _) =
            covey_codec::decode(payload, PAYLOAD_MAX).map_err(|_| ConsentError::Payload("wrapper"))?;
        Ok(signer)
    }

    /// Decodes the payload of a message 1 that was verified when it came.
    pub(super) fn decode(payload: &[u8]) -> Result<Self, ConsentError> {
        let malformed = |_| ConsentError::Payload("offer");
        let WireOffer(_, bytes, ..) = covey_codec::decode(payload, PAYLOAD_MAX).map_err(malformed)?;
        covey_codec::decode(&bytes, PAYLOAD_MAX).map_err(malformed)
    }

    fn check_times(&self, now: u64) -> Result<(), InviteError> {
        if self.at > now.saturating_add(CLOCK_SKEW_MS) {
            return Err(InviteError::FromTheFuture);
        }
        if now >= self.expires_at() { Err(InviteError::Expired) } else { Ok(()) }
    }

    fn check_texts(&self) -> Result<(), InviteError> {
        if !text::is_name(&self.name) {
            return Err(InviteError::Offer("name"));
        }
        if !text::is_note(&self.note, NOTE_MAX_CHARS) {
            return Err(InviteError::Offer("note"));
        }
        KemPublic::from_bytes(self.kem.as_bytes()).map(drop).map_err(|_| InviteError::Offer("KEM key"))
    }

    /// From when on nobody may accept it.
    pub(super) fn expires_at(&self) -> u64 {
        self.at.saturating_add(INVITE_LIFETIME_MS)
    }
}

/// What message 1 says the offer inside must be about.
pub(super) struct OfferContext<'a> {
    pub(super) from: &'a AccountId,
    pub(super) to: &'a AccountId,
    pub(super) static_key: &'a DhPublic,
    pub(super) e: &'a [u8],
}
