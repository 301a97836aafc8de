//! What a parcel carries: content of one device, signed. Only the owner sees whose it is.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{InboxError, InboxKey, InboxSecret, MAX_PAYLOAD, SlotId};
use crate::{
    crypto::sign::{Context, VerifyingKey},
    identity::DeviceSecret,
    ids::DeviceId,
    version::Version,
};

/// Longest content in bytes: what a payload has room for beside signature and device.
pub const MAX_CONTENT: usize = MAX_PAYLOAD - 128;

/// Why a parcel is no deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DepositError {
    /// The seal.
    #[error(transparent)]
    Inbox(#[from] InboxError),
    /// What was sealed is no deposit, or of a later version.
    #[error("the parcel holds no deposit that this version knows")]
    Malformed,
    /// The signature is not the device's, or is about another slot or inbox.
    #[error("the parcel is not signed by the device that it names")]
    Unsigned,
}

/// Content with its author. Whether that is a device of the slot's contact is for the caller to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// The device that signed.
    pub device: DeviceId,
    /// What it says; opaque here.
    pub content: Vec<u8>,
}

/// `[1, device, content, signature]`
#[derive(Serialize, Deserialize)]
struct Wire(Version<1>, DeviceId, ByteBuf, ByteArray<64>);

impl Deposit {
    /// [KEEP-8] Signs `content` for a slot and seals it to the inbox of the slot's owner.
    ///
    /// # Errors
    /// [`InboxError::TooLong`] beyond [`MAX_CONTENT`], [`InboxError::BadKey`].
    pub fn seal(
        device: &DeviceSecret,
        to: &InboxKey,
        slot: &SlotId,
        content: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, InboxError> {
        if content.len() > MAX_CONTENT {
            return Err(InboxError::TooLong);
        }
        let signature = device.signing().sign(Context::KeeperDeposit, &signed(to, slot, content));
        let wire = Wire(Version, device.id(), ByteBuf::from(content), ByteArray::new(signature));
        let payload = covey_codec::encode(&wire).expect("a deposit is plain data");
        to.seal(slot.as_bytes(), &payload, rng)
    }

    /// Opens a parcel that lay in `slot`. A replay is not noticed here: what a deposit carries is idempotent.
    ///
    /// # Errors
    /// [`DepositError`].
    pub fn open(me: &InboxSecret, slot: &SlotId, parcel: &[u8]) -> Result<Self, DepositError> {
        let payload = me.open(slot.as_bytes(), parcel)?;
        let Wire(_, device, content, signature) =
            covey_codec::decode(&payload, MAX_PAYLOAD).map_err(|_| DepositError::Malformed)?;
        let message = signed(&me.public(), slot, &content);
        VerifyingKey::from_bytes(*device.as_bytes())
            .verify(Context::KeeperDeposit, &message, &signature)
            .map_err(|_| DepositError::Unsigned)?;
        Ok(Self { device, content: content.into_vec() })
    }
}

/// Whoever has the inbox key cannot pass the content on to another inbox or slot.
fn signed(to: &InboxKey, slot: &SlotId, content: &[u8]) -> Vec<u8> {
    [to.hash().as_slice(), slot.as_bytes(), content].concat()
}
