//! What the new device is given: the account.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    identity::{
        AccountSecret, CardError, ContactCard, DeviceKeys, HandedKeys, KeyLog, KeyLogError, MAX_ACTIVE_DEVICES,
        SignedOp,
    },
    ids::{AccountId, DeviceId},
    text::is_name,
    version::Version,
};

/// Longest hand-over in bytes: a frame without what is around it.
const HAND_OVER_MAX: usize = 60 * 1024;
/// Cards of own devices in it.
const MAX_CARDS: usize = 8;

/// Why a hand-over is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandOverError {
    /// It does not decode, or is too long.
    #[error("malformed or too long")]
    Malformed,
    /// The key log is not valid.
    #[error("{0}")]
    KeyLog(#[from] KeyLogError),
    /// The log, the keys or a card are of another account than the one this device agreed to belong to.
    #[error("of another account")]
    Account,
    /// The log does not list this device, with its keys, as active.
    #[error("the key log does not list this device")]
    NotListed,
    /// The keys are not those that the log and the card name.
    #[error("the account's keys are not those that its key log names")]
    Keys,
    /// A card does not verify.
    #[error("a card is not valid: {0}")]
    Card(CardError),
    /// No card, or none that names the account's KEM key.
    #[error("no card of the other device")]
    NoCard,
    /// A name that is none, of a device that is none, or none for this device.
    #[error("a name that is none")]
    Name,
}

/// A device as its owner knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedDevice {
    /// Which.
    pub device: DeviceId,
    /// What it is called.
    pub name: String,
    /// Whether it may list devices.
    pub holder: bool,
}

/// The account, as one of its devices gives it to a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// Its keys: of a holder or of a plain device, never the seed.
    pub account: AccountSecret,
    /// The key log with the new device.
    pub log: KeyLog,
    /// Display name of the account.
    pub name: String,
    /// What the owner calls the active devices, the new one among them.
    pub devices: Vec<NamedDevice>,
    /// Signed cards of the other devices, the host's first.
    pub cards: Vec<Vec<u8>>,
    /// What was received before this time is not for the new device to read, Unix milliseconds; 0: everything is.
    pub history: u64,
}

#[derive(Serialize, Deserialize)]
struct Wire(Version<1>, HandedKeys, Vec<SignedOp>, String, Vec<(DeviceId, String, bool)>, Vec<ByteBuf>, u64);

impl HandOver {
    /// The bytes to seal: for a device that is linked, or that a recovery kept. Cards for which there is no room are left out, the last first.
    pub fn encode(&self) -> Vec<u8> {
        let mut cards: Vec<ByteBuf> = self.cards.iter().take(MAX_CARDS).cloned().map(ByteBuf::from).collect();
        loop {
            let keys = HandedKeys::from(&self.account);
            let (log, name) = (self.log.ops().to_vec(), self.name.clone());
            let devices = self.devices.iter().map(|d| (d.device, d.name.clone(), d.holder)).collect();
            let wire = Wire(Version, keys, log, name, devices, cards.clone(), self.history);
            let bytes = covey_codec::encode(&wire).expect("a hand-over is plain data");
            if bytes.len() <= HAND_OVER_MAX || cards.pop().is_none() {
                return bytes;
            }
        }
    }

    /// Verifies all of it for the device `own`, which agreed to belong to `account`. `now`: Unix milliseconds.
    ///
    /// # Errors
    /// [`HandOverError`].
    pub fn open(bytes: &[u8], own: &DeviceKeys, account: &AccountId, now: u64) -> Result<Self, HandOverError> {
        let decoded = covey_codec::decode(bytes, HAND_OVER_MAX).map_err(|_| HandOverError::Malformed)?;
        let Wire(_, keys, ops, name, devices, cards, history) = decoded;
        let (log, keys) = (KeyLog::verify(ops)?, AccountSecret::from(keys));
        if log.account() != *account || keys.id() != *account {
            return Err(HandOverError::Account);
        }
        if !log.is_active(&own.id) || log.device(&own.id).is_none_or(|device| device.keys != *own) {
            return Err(HandOverError::NotListed);
        }
        let signs = keys.signing().is_none_or(|key| key.public() == log.operational_key());
        if keys.rotations() as usize != log.rotations().len() || keys.dh().public() != log.dh() || !signs {
            return Err(HandOverError::Keys);
        }
        let named = devices.iter().all(|(device, name, _)| log.is_active(device) && is_name(name));
        if !is_name(&name) || !named || !devices.iter().any(|(device, ..)| *device == own.id) {
            return Err(HandOverError::Name);
        }
        if cards.len() > MAX_CARDS || devices.len() > MAX_ACTIVE_DEVICES {
            return Err(HandOverError::Malformed);
        }
        let cards = verified(cards, &keys, &log, now)?;
        let named = |(device, name, holder)| NamedDevice { device, name, holder };
        let devices = devices.into_iter().map(named).collect();
        Ok(Self { account: keys, log, name, devices, cards, history })
    }
}

/// Cards must be of the account and of no other history of it; the first, the host's, names the KEM key.
fn verified(cards: Vec<ByteBuf>, keys: &AccountSecret, log: &KeyLog, now: u64) -> Result<Vec<Vec<u8>>, HandOverError> {
    let mut kem = None;
    for bytes in &cards {
        let card = match ContactCard::open_of(&log.account(), bytes, now) {
            Err(CardError::Account) => return Err(HandOverError::Account),
            opened => opened.map_err(HandOverError::Card)?,
        };
        if card.log().compare(log).is_err() || !log.is_active(&card.signer()) {
            return Err(HandOverError::Account);
        }
        kem = kem.or(Some(card.content().kem));
    }
    match kem {
        None | Some(None) => Err(HandOverError::NoCard),
        Some(Some(hash)) if hash != keys.kem_key().hash() => Err(HandOverError::Keys),
        Some(Some(_)) => Ok(cards.into_iter().map(ByteBuf::into_vec).collect()),
    }
}
