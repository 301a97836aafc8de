//! What a keeper signs when it has made a parcel durable.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::SlotId;
use crate::{
    crypto::{
        hash::blake3,
        sign::{BadSignature, Context, SigningSecret, VerifyingKey},
    },
    ids::DeviceId,
};

/// [KEEP-9] A keeper's promise: it holds this parcel in this slot until then, or until the owner has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// In which slot.
    pub slot: SlotId,
    /// BLAKE3 of the parcel.
    pub parcel: ByteArray<32>,
    /// By the keeper's clock, Unix milliseconds.
    pub until: u64,
    signature: ByteArray<64>,
}

impl Receipt {
    /// Signs for a parcel that is durable.
    pub fn sign(keeper: &SigningSecret, slot: SlotId, parcel: &[u8], until: u64) -> Self {
        let parcel = ByteArray::new(blake3(parcel));
        let signature = keeper.sign(Context::KeeperReceipt, &signed(&slot, &parcel, until));
        Self { slot, parcel, until, signature: ByteArray::new(signature) }
    }

    /// Whether the device of the keeper signed it.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, keeper: &DeviceId) -> Result<(), BadSignature> {
        let message = signed(&self.slot, &self.parcel, self.until);
        VerifyingKey::from_bytes(*keeper.as_bytes()).verify(Context::KeeperReceipt, &message, &self.signature)
    }
}

fn signed(slot: &SlotId, parcel: &[u8; 32], until: u64) -> Vec<u8> {
    [slot.as_bytes().as_slice(), parcel, &until.to_le_bytes()].concat()
}
