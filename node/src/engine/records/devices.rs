//! Devices of other accounts, and our own other ones, each as the freshest verified card says that has it.

use covey_pairing::crypto::dh::DhPublic;
use covey_pairing::crypto::kem::KemHash;
use covey_pairing::identity::{CardContent, ContactCard, InvitePlace, KeyLog, KnownLog, SignedOp, Standing};
use covey_pairing::ids::{AccountId, DeviceId};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::engine::{EngineError, PeerKey, tables};
use crate::store::Tx;

/// A device of an account, from verified cards of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct ContactDevice {
    pub(in crate::engine) id: DeviceId,
    pub(in crate::engine) dh: DhPublic,
    pub(in crate::engine) peer: PeerKey,
    pub(in crate::engine) addresses: Vec<String>,
    /// Its prekey bundle, opaque; empty if none is known.
    pub(in crate::engine) bundle: ByteBuf,
    /// Number that the device gave this itself, as the card says that it was taken from: `seq` of `covey_pairing::identity::CardDevice`.
    #[serde(default)]
    pub(in crate::engine) seq: u64,
    /// Sequence of the newest card that the device itself signed; 0 if none was seen.
    #[serde(default)]
    pub(in crate::engine) signed: u64,
}

impl ContactDevice {
    /// A device of which no card has told yet.
    pub(in crate::engine) fn without_card(id: DeviceId, dh: DhPublic, peer: PeerKey, addresses: Vec<String>) -> Self {
        Self { id, dh, peer, addresses, bundle: ByteBuf::new(), seq: 0, signed: 0 }
    }
}

/// What verified cards of an account said: of itself the newest one, of each device the freshest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Card {
    pub(in crate::engine) signed: ByteBuf,
    pub(in crate::engine) sequence: u64,
    /// The device that signed it. It is not known of cards that older versions stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) signer: Option<DeviceId>,
    pub(in crate::engine) name: Option<String>,
    pub(in crate::engine) devices: Vec<ContactDevice>,
    /// The account's key log, as versions before rotations kept it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    log: Vec<SignedOp>,
    /// The account's key log, and how it stands.
    #[serde(default)]
    known: Option<KnownLog>,
    /// Hash of the account's KEM key. Cards of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) kem: Option<KemHash>,
    /// Where strangers may leave invites for the account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::engine) keepers: Vec<InvitePlace>,
}

impl Card {
    /// The card of an account of which this much is known.
    pub(in crate::engine) fn new(card: &ContactCard, devices: Vec<ContactDevice>, known: KnownLog) -> Self {
        let CardContent { sequence, name, kem, custodians, .. } = card.content();
        let keepers = custodians.iter().filter_map(|bytes| InvitePlace::decode(bytes)).collect();
        let name = Some(name.clone()).filter(|name| !name.is_empty() && *name != card.account().fmt_short());
        let signed = ByteBuf::from(card.bytes());
        let (signer, known) = (Some(card.signer()), Some(known));
        Self { signed, sequence: *sequence, signer, name, devices, log: Vec::new(), known, kem: *kem, keepers }
    }

    /// What is known of the account's key log.
    pub(in crate::engine) fn known(&self) -> Result<KnownLog, EngineError> {
        match &self.known {
            Some(known) => Ok(known.clone()),
            // Of an older version, in which no account had been rotated.
            None => Ok(KnownLog::new(&KeyLog::verify(self.log.clone()).map_err(EngineError::bug)?, 0)),
        }
    }

    /// [HANDED-3] Whether what a card says of the account itself is newer: the higher sequence, of equal ones that of the higher signer.
    pub(in crate::engine) fn is_older_than(&self, card: &ContactCard) -> bool {
        let signer = card.signer();
        (self.sequence, self.signer.unwrap_or(signer)) < (card.content().sequence, signer)
    }

    /// Whether nothing of the account counts until people have compared its safety number.
    pub(in crate::engine) fn is_contested(&self) -> bool {
        self.known.as_ref().is_some_and(|known| matches!(known.standing(), Standing::Contested(_)))
    }

    /// The same card after something else became known of the account.
    pub(in crate::engine) fn revised(self, devices: Vec<ContactDevice>, known: KnownLog) -> Self {
        Self { devices, log: Vec::new(), known: Some(known), ..self }
    }
}

/// A device, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct DeviceRef {
    pub(in crate::engine) account: AccountId,
    pub(in crate::engine) device: DeviceId,
}

/// The newest card of an account.
pub(in crate::engine) fn card(tx: &Tx<'_>, account: &AccountId) -> Result<Option<Card>, EngineError> {
    Ok(tx.load(&tables::card(account))?)
}

/// What is known of the key log of an account.
pub(in crate::engine) fn known_log(tx: &Tx<'_>, account: &AccountId) -> Result<Option<KnownLog>, EngineError> {
    card(tx, account)?.map(|card| card.known()).transpose()
}

/// Its devices, those that count.
pub(in crate::engine) fn devices(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<ContactDevice>, EngineError> {
    Ok(card(tx, account)?.map(|card| card.devices).unwrap_or_default())
}

/// One of its devices.
pub(in crate::engine) fn device(
    tx: &Tx<'_>,
    account: &AccountId,
    id: &DeviceId,
) -> Result<Option<ContactDevice>, EngineError> {
    Ok(devices(tx, account)?.into_iter().find(|device| device.id == *id))
}

/// How often an account lost devices: a number that grows with each that was revoked and with each rotation.
pub(in crate::engine) fn losses(log: &KeyLog) -> u32 {
    let revoked = log.devices().iter().filter(|device| device.revoked.is_some()).count();
    let count = |count: usize| u32::from(u16::try_from(count).unwrap_or(u16::MAX));
    (count(log.rotations().len()) << 16) | count(revoked)
}

/// Whose device `peer` is, whatever our relationship.
pub(in crate::engine) fn owner(tx: &Tx<'_>, peer: PeerKey) -> Result<Option<DeviceRef>, EngineError> {
    Ok(tx.load(&tables::peer(peer))?)
}

/// BLAKE3 of our card as a device last got it.
pub(in crate::engine) fn card_sent(tx: &Tx<'_>, device: &DeviceId) -> Result<Option<ByteBuf>, EngineError> {
    Ok(tx.load(&tables::card_sent(device))?)
}

/// A device was given our card with this hash.
pub(in crate::engine) fn save_card_sent(tx: &mut Tx<'_>, device: &DeviceId, hash: &ByteBuf) {
    tx.save(&tables::card_sent(device), hash);
}

/// A device is to be given our card again.
pub(in crate::engine) fn forget_card_sent(tx: &mut Tx<'_>, device: &DeviceId) {
    tx.delete(&tables::card_sent(device));
}
