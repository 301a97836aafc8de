//! The key log: the account's hash-chained, signed list of what devices it has, and of the keys that may change it.
//!
//! A value of [`KeyLog`] is always verified: signatures, chain, proofs of joining, limits. It has two ranks of keys. The operational
//! key signs ordinary operations, which only ever add to the log. The recovery key, which the log names by a hash before anybody has seen
//! it, signs *rotations*: a rotation supersedes what ordinary operations it says and replaces the operational key. What was superseded, and
//! the content of all rotations but the newest, is folded away:
//!
//! ```text
//! root (genesis, up to the commitment) | rotation 0, folded | … | rotation n | ordinary operations since
//! ```
//! Two logs of one account stand to each other as [`LogOrder`] says, or they are a [`Fork`], which proves that the account (or a
//! thief of one of its keys) told two stories. What a reader makes of that is in [`super::KnownLog`]. `pairing/SPEC.md`, section Key log.

mod contest;
mod device;
mod error;
mod op;
mod order;
mod read;
mod rotation;
pub(crate) mod stored;
mod write;

use serde::{Deserialize, Serialize};

pub use contest::{Contest, ContestError};
pub use device::{Cutoff, Device, Revocation};
pub use error::KeyLogError;
pub use op::{Operation, SignedOp};
pub(crate) use order::Parting;
pub use order::{Fork, LogOrder};
pub use rotation::RotationId;
pub use write::Rotation;

use super::Commitment;
use crate::{
    crypto::{dh::DhPublic, hash::blake3, sign::VerifyingKey},
    ids::{AccountId, DeviceId},
};

/// Active devices of one account. Every message is encrypted once for each of them.
pub const MAX_ACTIVE_DEVICES: usize = 8;
/// Operations in one log since the newest rotation: bounds the work of verifying a stranger's card (a signature or two per operation).
pub const MAX_OPS: usize = 64;
/// Rotations of one account: folded they take 5.5 KiB, less than half of a card.
pub const MAX_ROTATIONS: usize = 32;
/// Place of the last operation that a log can have: nobody writes as many, and sums with it do not overflow.
const LAST_PLACE: u64 = 1 << 40;
/// Highest number of a device, likewise.
const LAST_NUMBER: u32 = 1 << 30;
/// Cut-offs listed in one revocation or rotation: bounds the size of the card that carries the log.
pub(crate) const MAX_CUTOFFS: usize = 64;

/// What is believed of operations before they are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// They came from somebody.
    Nothing,
    /// They were verified before they were stored.
    Stored,
}

/// A rotation that a log went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rotated {
    id: RotationId,
    /// Its place in the log as it was written.
    seq: u64,
    /// Its place in the list that is left.
    at: usize,
    next: Commitment,
}

/// A verified key log. Decoding verifies it, but in records that were verified before they were stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<SignedOp>", into = "Vec<SignedOp>")]
pub struct KeyLog {
    ops: Vec<SignedOp>,
    account: AccountId,
    /// Operations up to the commitment to the first recovery key; 0 while there is none.
    root: usize,
    /// Hash of the last of them.
    root_hash: [u8; 32],
    rotations: Vec<Rotated>,
    /// The operational key.
    key: VerifyingKey,
    dh: DhPublic,
    /// The recovery key that may rotate next.
    next: Option<Commitment>,
    /// Operations that were ever written on the way to here, those that are folded away included.
    len: u64,
    head: [u8; 32],
    devices: Vec<Device>,
    /// Highest number that a device ever had.
    numbers: u32,
    /// Devices that the newest rotation left out.
    ended: Vec<(DeviceId, Revocation)>,
}

impl KeyLog {
    fn begin(genesis: SignedOp, account: AccountId, dh: DhPublic, next: Option<Commitment>) -> Self {
        let head = blake3(genesis.bytes());
        Self {
            ops: vec![genesis],
            account,
            root: usize::from(next.is_some()),
            root_hash: head,
            rotations: Vec::new(),
            key: account.verifying_key(),
            dh,
            next,
            len: 1,
            head,
            devices: Vec::new(),
            numbers: 0,
            ended: Vec::new(),
        }
    }

    /// Verifies a list of operations from the first to the last.
    ///
    /// # Errors
    /// [`KeyLogError`] names the first operation that is wrong.
    pub fn verify(ops: Vec<SignedOp>) -> Result<Self, KeyLogError> {
        Self::read(ops, Trust::Nothing)
    }

    /// Verifies everything once more.
    ///
    /// # Errors
    /// [`KeyLogError`] names the first operation that is wrong.
    pub fn verify_again(&self) -> Result<(), KeyLogError> {
        Self::verify(self.ops.clone()).map(|_| ())
    }

    /// The account.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The operational key now: it signs operations, and the account's place for discovery follows from it.
    pub fn operational_key(&self) -> VerifyingKey {
        self.key
    }

    /// The account's Diffie-Hellman key now.
    pub fn dh(&self) -> DhPublic {
        self.dh
    }

    /// The recovery key that may rotate the account next. None for an account of an older version that has not named one yet.
    pub fn commitment(&self) -> Option<Commitment> {
        self.next
    }

    /// The rotations that the account went through, the oldest first.
    pub fn rotations(&self) -> impl ExactSizeIterator<Item = RotationId> {
        self.rotations.iter().map(|rotated| rotated.id)
    }

    /// Every device that is or was part of the account since the newest rotation, in the order they joined.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The devices that are not revoked.
    pub fn active(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter().filter(|d| d.revoked.is_none())
    }

    /// A device by its id, revoked or not. Of one that the newest rotation left out only its end is known ([`KeyLog::revocation`]).
    pub fn device(&self, id: &DeviceId) -> Option<&Device> {
        self.devices.iter().find(|d| d.keys.id == *id)
    }

    /// Whether `id` is a device of this account now.
    pub fn is_active(&self, id: &DeviceId) -> bool {
        self.device(id).is_some_and(|d| d.revoked.is_none())
    }

    /// How the device `id` ended, if it did and the log still says so.
    pub fn revocation(&self, id: &DeviceId) -> Option<&Revocation> {
        let revoked = self.device(id).and_then(|device| device.revoked.as_ref());
        revoked.or_else(|| self.ended.iter().find(|(ended, _)| ended == id).map(|(_, end)| end))
    }

    /// The operations as they travel.
    pub fn ops(&self) -> &[SignedOp] {
        &self.ops
    }

    /// Place that the next operation will have: one more than that of the newest.
    pub fn next_place(&self) -> u64 {
        self.len
    }

    /// Hash of the newest operation; of a rotation, its id.
    pub fn head(&self) -> [u8; 32] {
        self.head
    }

    /// Whether a log of this length with this newest operation is this log, or was it once, as far as it still says so: of operations that are
    /// folded away it knows the rotations only.
    pub fn has_written(&self, length: u64, newest: &[u8; 32]) -> bool {
        if length > self.len {
            return false;
        }
        let rotated = self.rotations.iter().any(|rotated| rotated.seq + 1 == length && rotated.id.as_bytes() == newest);
        let folded = self.len - self.ops.len() as u64;
        let ordinary =
            |at: u64| usize::try_from(at).ok().and_then(|at| self.ops.get(at)).filter(|op| !op.is_rotation());
        // Before the rotations, and after them.
        let places = [length.checked_sub(1), length.checked_sub(folded + 1)];
        rotated || places.into_iter().flatten().filter_map(ordinary).any(|op| blake3(op.bytes()) == *newest)
    }

    /// Whether `id` is a device of this account, or was and the log still says so.
    pub fn names(&self, id: &DeviceId) -> bool {
        self.device(id).is_some() || self.ended.iter().any(|(ended, _)| ended == id)
    }

    fn next_number(&self) -> u32 {
        self.numbers + 1
    }

    /// Operations since the newest rotation, or since the beginning.
    fn since_newest(&self) -> usize {
        self.ops.len() - self.rotations.last().map_or(0, |newest| newest.at + 1)
    }

    /// Rotations so far: the number of the next one.
    fn next_index(&self) -> u32 {
        narrow(self.rotations.len())
    }

    /// What the id of the next rotation covers: the id of the one before, or the hash of the root.
    fn last_id(&self) -> [u8; 32] {
        self.rotations.last().map_or(self.root_hash, |newest| *newest.id.as_bytes())
    }
}

/// A count that a limit bounds.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl TryFrom<Vec<SignedOp>> for KeyLog {
    type Error = KeyLogError;

    fn try_from(ops: Vec<SignedOp>) -> Result<Self, KeyLogError> {
        Self::verify(ops)
    }
}

impl From<KeyLog> for Vec<SignedOp> {
    fn from(log: KeyLog) -> Self {
        log.ops
    }
}

#[cfg(test)]
mod tests;
