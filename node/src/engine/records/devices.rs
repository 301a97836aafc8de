//! Devices of other accounts, from the newest verified card of each.

use covey_pairing::crypto::dh::DhPublic;
use covey_pairing::crypto::kem::KemHash;
use covey_pairing::identity::SignedOp;
use covey_pairing::ids::{AccountId, DeviceId};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::engine::{EngineError, PeerKey, tables};
use crate::store::Tx;

/// A device of a contact, from its verified card.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct ContactDevice {
    pub(in crate::engine) id: DeviceId,
    pub(in crate::engine) dh: DhPublic,
    pub(in crate::engine) peer: PeerKey,
    pub(in crate::engine) addresses: Vec<String>,
    /// Its prekey bundle, opaque.
    pub(in crate::engine) bundle: ByteBuf,
}

/// The newest verified card of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Card {
    pub(in crate::engine) signed: ByteBuf,
    pub(in crate::engine) sequence: u64,
    pub(in crate::engine) name: Option<String>,
    pub(in crate::engine) devices: Vec<ContactDevice>,
    /// The account's key log: only extensions of it are taken.
    pub(in crate::engine) log: Vec<SignedOp>,
    /// Hash of the account's KEM key. Cards of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) kem: Option<KemHash>,
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

/// Its devices.
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

/// Whose device `peer` is, whatever our relationship.
pub(in crate::engine) fn owner(tx: &Tx<'_>, peer: PeerKey) -> Result<Option<DeviceRef>, EngineError> {
    Ok(tx.load(&tables::peer(peer))?)
}
