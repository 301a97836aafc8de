//! A contest: a device that was active before a rotation says that its owner did not make it.
//!
//! Whoever has the words can rotate an account, and no machine can tell a thief of the words from the owner. So a device that was
//! active before a rotation may object to it. A contest does not undo the rotation; it makes contacts stop until people have compared the
//! safety number. It is self-contained: the log in which the device is active, and the head of the rotation.
//!
//! The log may be any log of the account with the rotations before this one. It cannot be restricted to what the rotation left standing:
//! a thief of the words chooses where the rotation stands, and can revoke devices before it. `pairing/SPEC.md`, section Key log.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::{KeyLog, KeyLogError, RotationId, SignedOp, rotation::Head};
use crate::{
    crypto::sign::Context,
    identity::{CARD_MAX, Commitment, DeviceSecret},
    ids::{AccountId, DeviceId},
    version::Version,
};

/// Longest contest in bytes: the log in it has stood on a card.
const CONTEST_MAX: usize = CARD_MAX + 1024;

/// Why something is not a contest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContestError {
    /// Too long, of an unknown version, or nothing of the kind.
    #[error("malformed or too long")]
    Malformed,
    /// The log in it is not valid.
    #[error("{0}")]
    KeyLog(#[from] KeyLogError),
    /// The rotation is not the one that could follow the log.
    #[error("contests no rotation of the account")]
    Rotation,
    /// The device was not active before the rotation.
    #[error("not by a device that was active before the rotation")]
    NotActive,
    /// Not signed by the device.
    #[error("signature does not verify")]
    Signature,
}

#[derive(Clone, Serialize, Deserialize)]
struct Wire(Version<1>, Vec<SignedOp>, SignedOp, DeviceId, ByteArray<64>);

/// A verified contest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "serde_bytes::ByteBuf", into = "serde_bytes::ByteBuf")]
pub struct Contest {
    before: KeyLog,
    rotation: SignedOp,
    id: RotationId,
    device: DeviceId,
    signature: [u8; 64],
}

impl Contest {
    /// Objects, as a device of the log `before`, to the rotation that follows it in `rotated`.
    ///
    /// # Errors
    /// [`ContestError`] when others would not take it.
    pub fn sign(before: &KeyLog, rotated: &KeyLog, device: &DeviceSecret) -> Result<Self, ContestError> {
        let contested = rotated.rotations.get(before.rotations.len()).ok_or(ContestError::Rotation)?;
        let rotation = rotated.ops.get(contested.at).ok_or(ContestError::Rotation)?.folded();
        let signature = device.signing().sign(Context::KeyLogContest, contested.id.as_bytes());
        Self { before: before.clone(), rotation, id: contested.id, device: device.id(), signature }.checked()
    }

    /// Verifies the bytes of a contest.
    ///
    /// # Errors
    /// [`ContestError`].
    pub fn open(bytes: &[u8]) -> Result<Self, ContestError> {
        let decoded = covey_codec::decode(bytes, CONTEST_MAX).map_err(|_| ContestError::Malformed)?;
        let Wire(_, before, rotation, device, signature) = decoded;
        let before = KeyLog::verify(before)?;
        let id = RotationId::of(&before.last_id(), rotation.bytes());
        Self { before, rotation, id, device, signature: signature.into_array() }.checked()
    }

    fn checked(self) -> Result<Self, ContestError> {
        let head = Head::decode(&self.rotation, 0).map_err(|_| ContestError::Rotation)?;
        let follows = head.index as usize == self.before.rotations.len()
            && self.before.next == Some(Commitment::to(&head.recovery))
            && self.rotation.is_rotation()
            && RotationId::of(&self.before.last_id(), self.rotation.bytes()) == self.id;
        if !follows || !head.is_signed(&self.rotation, &self.id) {
            return Err(ContestError::Rotation);
        }
        if !self.before.is_active(&self.device) {
            return Err(ContestError::NotActive);
        }
        let key = self.device.verifying_key();
        key.verify(Context::KeyLogContest, self.id.as_bytes(), &self.signature).map_err(|_| ContestError::Signature)?;
        if self.to_bytes().len() > CONTEST_MAX { Err(ContestError::Malformed) } else { Ok(self) }
    }

    /// The bytes that travel.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (before, rotation) = (self.before.ops.clone(), self.rotation.folded());
        let wire = Wire(Version, before, rotation, self.device, ByteArray::new(self.signature));
        covey_codec::encode(&wire).expect("a contest is plain data")
    }

    /// Whose account.
    pub fn account(&self) -> AccountId {
        self.before.account
    }

    /// The log before the rotation, in which the device is active.
    pub fn before(&self) -> &KeyLog {
        &self.before
    }

    /// The rotation that it objects to.
    pub fn rotation(&self) -> RotationId {
        self.id
    }

    /// The device that objects.
    pub fn device(&self) -> DeviceId {
        self.device
    }

    pub(crate) fn index(&self) -> u32 {
        self.before.next_index()
    }

    /// The proof that the account was rotated twice, if `log` has another rotation in the place of the one contested.
    pub(crate) fn against(&self, log: &KeyLog) -> Option<super::Fork> {
        let other = log.rotations.get(self.before.rotations.len()).filter(|other| other.id != self.id)?;
        let other = log.ops.get(other.at)?;
        Some(super::Fork::of_rotations(&self.rotation, other, self.before.last_id()))
    }
}

impl TryFrom<serde_bytes::ByteBuf> for Contest {
    type Error = ContestError;

    fn try_from(bytes: serde_bytes::ByteBuf) -> Result<Self, ContestError> {
        Self::open(&bytes)
    }
}

impl From<Contest> for serde_bytes::ByteBuf {
    fn from(contest: Contest) -> Self {
        Self::from(contest.to_bytes())
    }
}
