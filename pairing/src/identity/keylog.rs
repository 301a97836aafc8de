//! The key log: the account's hash-chained, signed list of what devices it has.
//!
//! A value of [`KeyLog`] is always verified: signatures, chain, proofs of joining, limits. Two logs of one account
//! either extend each other or are a [`Fork`], which proves that the account (or a thief of its key) told two
//! stories. `pairing/SPEC.md`, section Key log.

mod fork;
mod op;

use serde::{Deserialize, Serialize};

pub use fork::{Fork, LogOrder};
use op::OpContent;
pub use op::{Cutoff, Operation, SignedOp};

use super::{AccountSecret, DeviceKeys, DeviceSecret, JOIN_PROOF_LEN};
use crate::{
    crypto::{dh::DhPublic, hash::blake3},
    ids::{AccountId, DeviceId},
    text::is_name,
};

/// Active devices of one account. Every message is encrypted once for each of them.
pub const MAX_ACTIVE_DEVICES: usize = 8;
/// Operations in one log: bounds the work of verifying a stranger's card (a signature or two per operation).
pub(crate) const MAX_OPS: usize = 64;
/// Cut-offs listed in one revocation: bounds the size of the card that carries the log.
pub(crate) const MAX_CUTOFFS: usize = 64;

/// Why a list of operations is not a key log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyLogError {
    /// No operation at all.
    #[error("key log is empty")]
    Empty,
    /// More than 64 operations.
    #[error("key log has too many operations")]
    TooLong,
    /// An operation does not decode.
    #[error("operation {0} is malformed")]
    Malformed(usize),
    /// An operation is not signed by the account.
    #[error("operation {0} is not signed by the account")]
    Signature(usize),
    /// An operation does not follow the one before it (sequence, hash or account).
    #[error("operation {0} does not follow the one before")]
    Chain(usize),
    /// A genesis that is not first, or a log that does not begin with one.
    #[error("operation {0}: a log begins with its only genesis")]
    Genesis(usize),
    /// A device that is or was in the log already.
    #[error("operation {0} adds a device that is already known")]
    Known(usize),
    /// A device that did not agree to belong to the account.
    #[error("operation {0} adds a device without its agreement")]
    Proof(usize),
    /// Revocation of a device that is not active.
    #[error("operation {0} revokes a device that is not active")]
    NotActive(usize),
    /// A limit (devices, cut-offs, name) is exceeded.
    #[error("operation {0} exceeds a limit")]
    Limit(usize),
}

/// A device as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its public keys.
    pub keys: DeviceKeys,
    /// The name its owner gave it.
    pub name: String,
    /// When it was added, Unix milliseconds by its owner's clock.
    pub added_at: u64,
    /// Set once revoked.
    pub revoked: Option<Revocation>,
}

/// The end of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// When, Unix milliseconds by the owner's clock.
    pub at: u64,
    /// The last valid sequence number of its feeds. A feed not listed ends with what the reader has already
    /// applied when it learns of the revocation.
    pub cutoffs: Vec<Cutoff>,
}

/// What is believed of operations before they are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// They came from somebody.
    Nothing,
    /// They were verified before they were stored.
    Stored,
}

/// A verified key log. Decoding verifies it, but in records that were verified before they were stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<SignedOp>", into = "Vec<SignedOp>")]
pub struct KeyLog {
    ops: Vec<SignedOp>,
    account: AccountId,
    dh: DhPublic,
    devices: Vec<Device>,
}

impl KeyLog {
    /// A new log: genesis only.
    pub fn create(account: &AccountSecret, now: u64) -> Self {
        let genesis = Operation::Genesis { dh: account.dh().public() };
        let op = OpContent::new(account.id(), 0, [0; 32], now, genesis).sign(account);
        Self { ops: vec![op], account: account.id(), dh: account.dh().public(), devices: Vec::new() }
    }

    /// Adds a device under `name`.
    ///
    /// # Errors
    /// [`KeyLogError`] when the device is known already or a limit is reached.
    pub fn add_device(
        &self,
        account: &AccountSecret,
        device: &DeviceSecret,
        name: &str,
        now: u64,
    ) -> Result<Self, KeyLogError> {
        let proof = device.join_proof(&self.account);
        self.extended(account, Operation::Add { device: device.keys(), name: name.to_owned(), proof }, now)
    }

    /// Ends a device.
    ///
    /// # Errors
    /// [`KeyLogError`] when it is not active or a limit is reached.
    pub fn revoke_device(
        &self,
        account: &AccountSecret,
        device: DeviceId,
        cutoffs: Vec<Cutoff>,
        now: u64,
    ) -> Result<Self, KeyLogError> {
        self.extended(account, Operation::Revoke { device, cutoffs }, now)
    }

    /// A log that was stored, by whoever had verified it: shape and chain are checked again, signatures are not.
    fn stored(ops: Vec<SignedOp>) -> Result<Self, KeyLogError> {
        Self::read(ops, Trust::Stored)
    }

    fn extended(&self, account: &AccountSecret, operation: Operation, now: u64) -> Result<Self, KeyLogError> {
        let content = OpContent::new(self.account, self.ops.len() as u64, self.head(), now, operation);
        let mut next = self.clone();
        next.push(content.sign(account), Trust::Nothing)?;
        Ok(next)
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

    fn read(ops: Vec<SignedOp>, trust: Trust) -> Result<Self, KeyLogError> {
        if ops.len() > MAX_OPS {
            return Err(KeyLogError::TooLong);
        }
        let mut ops = ops.into_iter();
        let first = ops.next().ok_or(KeyLogError::Empty)?;
        let content = first.open_genesis(trust)?;
        let Operation::Genesis { dh } = content.operation else { return Err(KeyLogError::Genesis(0)) };
        let mut log = Self { ops: vec![first], account: content.account, dh, devices: Vec::new() };
        ops.try_for_each(|op| log.push(op, trust))?;
        Ok(log)
    }

    fn push(&mut self, op: SignedOp, trust: Trust) -> Result<(), KeyLogError> {
        let at = self.ops.len();
        if at >= MAX_OPS {
            return Err(KeyLogError::TooLong);
        }
        let content = op.read(&self.account, at, trust)?;
        if content.seq != at as u64 || content.prev != self.head() || content.account != self.account {
            return Err(KeyLogError::Chain(at));
        }
        match content.operation {
            Operation::Genesis { .. } => return Err(KeyLogError::Genesis(at)),
            Operation::Add { device, name, proof } => {
                let proof = (trust == Trust::Nothing).then_some(&proof);
                self.add(at, device, name, proof, content.at)?;
            }
            Operation::Revoke { device, cutoffs } => self.revoke(at, device, cutoffs, content.at)?,
        }
        self.ops.push(op);
        Ok(())
    }

    fn add(
        &mut self,
        at: usize,
        keys: DeviceKeys,
        name: String,
        proof: Option<&[u8; JOIN_PROOF_LEN]>,
        time: u64,
    ) -> Result<(), KeyLogError> {
        if self.device(&keys.id).is_some() {
            return Err(KeyLogError::Known(at));
        }
        if self.active().count() >= MAX_ACTIVE_DEVICES || !is_name(&name) {
            return Err(KeyLogError::Limit(at));
        }
        if let Some(proof) = proof {
            keys.verify_join(&self.account, proof).map_err(|_| KeyLogError::Proof(at))?;
        }
        self.devices.push(Device { keys, name, added_at: time, revoked: None });
        Ok(())
    }

    fn revoke(&mut self, at: usize, id: DeviceId, cutoffs: Vec<Cutoff>, time: u64) -> Result<(), KeyLogError> {
        if cutoffs.len() > MAX_CUTOFFS {
            return Err(KeyLogError::Limit(at));
        }
        let device = self.devices.iter_mut().find(|d| d.keys.id == id && d.revoked.is_none());
        device.ok_or(KeyLogError::NotActive(at))?.revoked = Some(Revocation { at: time, cutoffs });
        Ok(())
    }

    /// The account.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The account's Diffie-Hellman key, from the genesis.
    pub fn dh(&self) -> DhPublic {
        self.dh
    }

    /// Every device that is or was part of the account, in the order they joined.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The devices that are not revoked.
    pub fn active(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter().filter(|d| d.revoked.is_none())
    }

    /// A device by name, revoked or not.
    pub fn device(&self, id: &DeviceId) -> Option<&Device> {
        self.devices.iter().find(|d| d.keys.id == *id)
    }

    /// Whether `id` is a device of this account now.
    pub fn is_active(&self, id: &DeviceId) -> bool {
        self.device(id).is_some_and(|d| d.revoked.is_none())
    }

    /// The operations as they travel.
    pub fn ops(&self) -> &[SignedOp] {
        &self.ops
    }

    /// Hash of the newest operation.
    pub fn head(&self) -> [u8; 32] {
        self.ops.last().map_or([0; 32], |op| blake3(op.bytes()))
    }

    /// How `self` stands to another log of the same account.
    ///
    /// # Errors
    /// The [`Fork`], when neither is a prefix of the other.
    pub fn compare(&self, other: &Self) -> Result<LogOrder, Box<Fork>> {
        for (a, b) in self.ops.iter().zip(&other.ops) {
            if a.bytes() != b.bytes() {
                return Err(Box::new(Fork::new(a.clone(), b.clone())));
            }
        }
        Ok(match self.ops.len().cmp(&other.ops.len()) {
            std::cmp::Ordering::Less => LogOrder::Behind,
            std::cmp::Ordering::Equal => LogOrder::Same,
            std::cmp::Ordering::Greater => LogOrder::Ahead,
        })
    }

    /// Whether `self` is `known` or an extension of it.
    pub fn extends(&self, known: &Self) -> bool {
        matches!(self.compare(known), Ok(LogOrder::Same | LogOrder::Ahead))
    }
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

/// Decoding of a log that was verified before it was stored, in a record that the vault authenticates: for
/// `#[serde(deserialize_with)]`. A record is read for every message, and signatures take far longer than all the rest.
pub(crate) mod stored {
    use serde::{Deserialize, Deserializer, de::Error};

    use super::{KeyLog, SignedOp};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<KeyLog>, D::Error> {
        let ops = Option::<Vec<SignedOp>>::deserialize(from)?;
        ops.map(KeyLog::stored).transpose().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
