//! The contact card: what an account publishes about itself, signed by one of its devices.
//!
//! [`ContactCard::open`] is the only way to have one: signature, key log and limits are checked. Addresses, prekey
//! bundles and custodians are opaque here. `pairing/SPEC.md`, section Contact card.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{DeviceSecret, Fork, KeyLog, KeyLogError, LogOrder, MAX_ACTIVE_DEVICES, SignedOp};
use crate::{
    crypto::{kem::KemHash, sign::Context},
    ids::{AccountId, DeviceId},
    text::is_name,
    version::Version,
};

/// Longest signed card in bytes: it has to fit a DHT record.
pub const CARD_MAX: usize = 12 * 1024;
/// Addresses of one device.
const MAX_ADDRESSES: usize = 16;
/// Longest address text in bytes.
const ADDRESS_MAX: usize = 256;
/// Custodians named in one card.
const MAX_CUSTODIANS: usize = 8;

/// Why a card was not made or not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// An unknown version, or not a card at all, or longer than one may be.
    #[error("malformed or too long")]
    Malformed,
    /// What is to be signed is longer than [`CARD_MAX`].
    #[error("longer than a card may be")]
    TooLong,
    /// Not signed by the device it names.
    #[error("signature does not verify")]
    Signature,
    /// Signed by a device that is not an active device of the account.
    #[error("not signed by an active device of the account")]
    Signer,
    /// The key log inside is not valid.
    #[error("{0}")]
    KeyLog(#[from] KeyLogError),
    /// Of another account than the one expected.
    #[error("of another account")]
    Account,
    /// Past its expiry.
    #[error("expired")]
    Expired,
    /// A limit (devices, addresses, custodians, name) is exceeded, or a device is listed that is not active or is known from a later card.
    #[error("a limit is exceeded")]
    Limit,
}

/// One device on a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardDevice {
    /// Which.
    pub device: DeviceId,
    /// Where it may be reached: multiaddresses as text.
    pub addresses: Vec<String>,
    /// Its prekey bundle.
    pub prekeys: ByteBuf,
    /// Sequence of the card by which the device itself last changed this: of two cards that name the device, the one with the
    /// higher number knows it better. Cards of older versions have 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seq: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(seq: &u64) -> bool {
    *seq == 0
}

/// What a card says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardContent {
    /// Higher numbers replace lower ones.
    pub sequence: u64,
    /// Unix milliseconds.
    pub issued_at: u64,
    /// Unix milliseconds; not to be used from then on.
    pub expires_at: u64,
    /// Display name.
    pub name: String,
    /// The account's devices as far as the issuer knows.
    pub log: KeyLog,
    /// Active devices, with how to reach them.
    pub devices: Vec<CardDevice>,
    /// Who holds mail for the account.
    pub custodians: Vec<ByteBuf>,
    /// Hash of the account's KEM key, to which invites are sealed. Cards of older versions have none.
    pub kem: Option<KemHash>,
}

#[derive(Serialize, Deserialize)]
struct WireContent {
    v: Version<1>,
    account: AccountId,
    seq: u64,
    iat: u64,
    exp: u64,
    name: String,
    log: Vec<SignedOp>,
    dev: Vec<CardDevice>,
    #[serde(default)]
    cus: Vec<ByteBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kem: Option<KemHash>,
}

#[derive(Serialize, Deserialize)]
struct WireCard(Version<1>, ByteBuf, DeviceId, ByteArray<64>);

/// Signs a card as `device`, an active device of the account; gives the bytes that travel.
///
/// # Errors
/// [`CardError`] when the card would not be accepted by others.
pub fn sign(content: &CardContent, device: &DeviceSecret) -> Result<Vec<u8>, CardError> {
    content.check(&device.id())?;
    let wire = WireContent {
        v: Version,
        account: content.log.account(),
        seq: content.sequence,
        iat: content.issued_at,
        exp: content.expires_at,
        name: content.name.clone(),
        log: content.log.ops().to_vec(),
        dev: content.devices.clone(),
        cus: content.custodians.clone(),
        kem: content.kem,
    };
    let bytes = covey_codec::encode(&wire).expect("a card is plain data");
    let signature = device.signing().sign(Context::ContactCard, &bytes);
    let card = WireCard(Version, ByteBuf::from(bytes), device.id(), ByteArray::new(signature));
    let bytes = covey_codec::encode(&card).expect("a card is plain data");
    if bytes.len() > CARD_MAX { Err(CardError::TooLong) } else { Ok(bytes) }
}

/// A verified card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactCard {
    content: CardContent,
    signer: DeviceId,
    bytes: Vec<u8>,
}

impl ContactCard {
    /// Verifies signed card bytes at the time `now` (Unix milliseconds).
    ///
    /// # Errors
    /// [`CardError`].
    pub fn open(bytes: &[u8], now: u64) -> Result<Self, CardError> {
        let WireCard(_, content, signer, signature) =
            covey_codec::decode(bytes, CARD_MAX).map_err(|_| CardError::Malformed)?;
        let verified = signer.verifying_key().verify(Context::ContactCard, &content, &signature);
        verified.map_err(|_| CardError::Signature)?;
        let wire: WireContent = covey_codec::decode(&content, CARD_MAX).map_err(|_| CardError::Malformed)?;
        let log = KeyLog::verify(wire.log)?;
        if log.account() != wire.account {
            return Err(CardError::Account);
        }
        let content = CardContent {
            sequence: wire.seq,
            issued_at: wire.iat,
            expires_at: wire.exp,
            name: wire.name,
            log,
            devices: wire.dev,
            custodians: wire.cus,
            kem: wire.kem,
        };
        content.check(&signer)?;
        if now >= content.expires_at {
            return Err(CardError::Expired);
        }
        Ok(Self { content, signer, bytes: bytes.to_vec() })
    }

    /// [`ContactCard::open`] for a card that must be of `account`.
    ///
    /// # Errors
    /// [`CardError`].
    pub fn open_of(account: &AccountId, bytes: &[u8], now: u64) -> Result<Self, CardError> {
        let card = Self::open(bytes, now)?;
        if card.account() == *account { Ok(card) } else { Err(CardError::Account) }
    }

    /// Whether this card takes the place of one that is known, with its log and sequence: the log that outranks decides, then the
    /// higher sequence.
    ///
    /// # Errors
    /// The [`Fork`] when the logs contradict each other: neither card takes the place of the other.
    pub fn replaces(&self, log: &KeyLog, sequence: u64) -> Result<bool, Box<Fork>> {
        Ok(match self.log().compare(log)? {
            LogOrder::Extends | LogOrder::Rotates => true,
            LogOrder::Same => self.content.sequence > sequence,
            LogOrder::Behind => false,
        })
    }

    /// Whose card it is.
    pub fn account(&self) -> AccountId {
        self.content.log.account()
    }

    /// What it says.
    pub fn content(&self) -> &CardContent {
        &self.content
    }

    /// The verified key log.
    pub fn log(&self) -> &KeyLog {
        &self.content.log
    }

    /// The device that signed it.
    pub fn signer(&self) -> DeviceId {
        self.signer
    }

    /// The signed bytes, to store or pass on.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl CardContent {
    fn check(&self, signer: &DeviceId) -> Result<(), CardError> {
        if !self.log.is_active(signer) {
            return Err(CardError::Signer);
        }
        let devices_fit = self.devices.len() <= MAX_ACTIVE_DEVICES
            && self.devices.iter().all(|d| {
                self.log.is_active(&d.device)
                    // [CARD-6]
                    && d.seq <= self.sequence
                    && d.addresses.len() <= MAX_ADDRESSES
                    && d.addresses.iter().all(|a| a.len() <= ADDRESS_MAX)
            });
        if devices_fit && self.custodians.len() <= MAX_CUSTODIANS && is_name(&self.name) {
            Ok(())
        } else {
            Err(CardError::Limit)
        }
    }
}

#[cfg(test)]
mod tests;
