//! What the owner of an account does to its log.

use std::collections::BTreeMap;

use serde_bytes::ByteArray;

use super::{
    Cutoff, Device, KeyLog, KeyLogError, MAX_CUTOFFS, MAX_OPS, Operation, SignedOp, Trust, narrow,
    op::OpContent,
    rotation::{Draft, Ended, Restated},
};
use crate::{
    crypto::sign::SigningSecret,
    identity::{AccountSecret, DeviceKeys, DeviceSecret, JOIN_PROOF_LEN},
    ids::DeviceId,
};

/// The key of an account that is being made.
fn first_key(account: &AccountSecret) -> &SigningSecret {
    account.signing().expect("who makes an account holds its keys")
}

/// What a rotation does besides replacing the keys.
#[derive(Debug, Clone, Default)]
pub struct Rotation<'a> {
    /// The first operation that counts no more, by its place in the log. None: all stand.
    pub supersedes: Option<u64>,
    /// Devices that stay; they must be active where the rotation stands.
    pub keep: Vec<DeviceId>,
    /// Devices that join.
    pub add: Vec<&'a DeviceSecret>,
    /// Other words that hold from now on: the new keys and the next recovery key come from their seed. None: the same words stay valid.
    pub successor: Option<&'a AccountSecret>,
    /// Where the feeds of devices that do not stay end.
    pub cutoffs: BTreeMap<DeviceId, Vec<Cutoff>>,
}

impl KeyLog {
    /// A new log: the genesis, which commits to the account's first recovery key.
    ///
    /// # Panics
    /// If `account` is that of a plain device: a log is begun by whoever makes the account.
    pub fn create(account: &AccountSecret, now: u64) -> Self {
        let (dh, next) = (account.dh().public(), account.recovery(0).map(|key| key.commitment()));
        let genesis = Operation::Genesis { dh, next };
        let op = OpContent::new(account.id(), 0, [0; 32], now, genesis).sign(first_key(account));
        Self::begin(op, account.id(), dh, next)
    }

    /// A new log as older versions made it.
    #[cfg(test)]
    pub(crate) fn create_uncommitted(account: &AccountSecret, now: u64) -> Self {
        let dh = account.dh().public();
        let genesis = Operation::Genesis { dh, next: None };
        let op = OpContent::new(account.id(), 0, [0; 32], now, genesis).sign(first_key(account));
        Self::begin(op, account.id(), dh, None)
    }

    /// Adds a device.
    ///
    /// # Errors
    /// [`KeyLogError`] when the device is known already, a limit is reached, or `account` cannot sign.
    pub fn add_device(&self, account: &AccountSecret, device: &DeviceSecret, now: u64) -> Result<Self, KeyLogError> {
        self.add_joining(account, device.keys(), device.join_proof(&self.account), now)
    }

    /// Adds a device that runs elsewhere, by its public keys and its agreement to join.
    ///
    /// # Errors
    /// As [`KeyLog::add_device`], and if the device did not agree.
    pub fn add_joining(
        &self,
        account: &AccountSecret,
        device: DeviceKeys,
        proof: [u8; JOIN_PROOF_LEN],
        now: u64,
    ) -> Result<Self, KeyLogError> {
        let number = Some(self.next_number());
        self.extended(account, Operation::Add { device, name: None, number, proof }, now)
    }

    /// Ends a device.
    ///
    /// # Errors
    /// [`KeyLogError`] when it is not active, a limit is reached, or `account` cannot sign.
    pub fn revoke_device(
        &self,
        account: &AccountSecret,
        device: DeviceId,
        cutoffs: Vec<Cutoff>,
        now: u64,
    ) -> Result<Self, KeyLogError> {
        self.extended(account, Operation::Revoke { device, cutoffs }, now)
    }

    /// Names the first recovery key of an account that was made without one. It is the same operation wherever it is made, with the
    /// time of the one before: a copy of the node that is put back later writes no second history.
    ///
    /// # Errors
    /// [`KeyLogError::Committed`] when there is one, [`KeyLogError::Sealed`] without the seed.
    pub fn commit_recovery(&self, account: &AccountSecret) -> Result<Self, KeyLogError> {
        let recovery = account.recovery(0).ok_or(KeyLogError::Sealed)?;
        let newest = self.ops.len() - 1;
        let at = self.ops[newest].read(&self.key, newest, Trust::Stored).map_or(0, |newest| newest.at);
        self.extended(account, Operation::Commit { next: recovery.commitment() }, at)
    }

    /// Replaces the operational keys, by the recovery key that `account`, which has the seed, can make. Gives the log and the new keys.
    ///
    /// # Errors
    /// [`KeyLogError`]: no seed, a seed that the log did not commit to, a device to keep that is not active, or a limit.
    ///
    /// With other words as `plan.successor` those of before can rotate the account no more: the log commits to a key that they do not make.
    pub fn rotate(
        &self,
        account: &AccountSecret,
        plan: &Rotation<'_>,
        now: u64,
    ) -> Result<(Self, AccountSecret), KeyLogError> {
        if self.next.is_none() {
            return Err(KeyLogError::Uncommitted(self.ops.len()));
        }
        let index = self.next_index();
        let seq = plan.supersedes.unwrap_or(self.len);
        let stands_on = self.before(seq)?;
        let recovery = account.recovery(index).ok_or(KeyLogError::Sealed)?;
        let words = plan.successor.unwrap_or(account);
        let (keys, next) = (words.of_account(self.account, index + 1), words.recovery(index + 1));
        let (keys, next) = (keys.ok_or(KeyLogError::Sealed)?, next.ok_or(KeyLogError::Sealed)?);
        let signing = keys.signing().ok_or(KeyLogError::NotHolder)?;
        let draft = Draft {
            seq,
            after: self.last_id(),
            next: next.commitment(),
            prev: stands_on.head,
            at: now,
            numbers: self.numbers.saturating_add(narrow(plan.add.len())),
            devices: self.restated(&stands_on, plan, now)?,
            out: self.left_out(plan),
        };
        let mut log = stands_on.folded();
        let at = log.ops.len();
        log.rotate_by(draft.sign(index, &recovery, (signing, keys.dh())), at, Trust::Nothing)?;
        Ok((log, keys))
    }

    fn restated(&self, stands_on: &Self, plan: &Rotation<'_>, now: u64) -> Result<Vec<Restated>, KeyLogError> {
        let at = stands_on.ops.len();
        let mut kept: Vec<&Device> = Vec::new();
        for id in &plan.keep {
            kept.push(stands_on.active().find(|device| device.keys.id == *id).ok_or(KeyLogError::NotActive(at))?);
        }
        kept.sort_by_key(|device| device.number);
        let restate = |d: &Device| Restated(d.keys, d.number, d.added_at, ByteArray::new(d.proof));
        let mut devices: Vec<Restated> = kept.into_iter().map(restate).collect();
        for (number, device) in (self.next_number()..).zip(&plan.add) {
            let proof = ByteArray::new(device.join_proof(&self.account));
            devices.push(Restated(device.keys(), number, now, proof));
        }
        Ok(devices)
    }

    /// The devices since the newest rotation that do not stay, and of those before the ones whose feeds end somewhere; the newest
    /// first, as far as there is room.
    fn left_out(&self, plan: &Rotation<'_>) -> Vec<Ended> {
        let stays = |id: &DeviceId| plan.keep.contains(id) || plan.add.iter().any(|device| device.id() == *id);
        let cutoffs = |id: &DeviceId| {
            let given = plan.cutoffs.get(id);
            given.or_else(|| self.revocation(id).map(|end| &end.cutoffs)).cloned().unwrap_or_default()
        };
        let given = plan.cutoffs.keys();
        let since = self.devices.iter().rev().map(|device| &device.keys.id);
        let before = self.ended.iter().filter(|(_, end)| !end.cutoffs.is_empty()).map(|(id, _)| id);
        let (mut room, mut out) = (MAX_CUTOFFS, Vec::<Ended>::new());
        for id in given.chain(since).chain(before) {
            let cutoffs = cutoffs(id);
            if !stays(id) && out.len() < MAX_OPS && cutoffs.len() <= room && !out.iter().any(|ended| ended.0 == *id) {
                room -= cutoffs.len();
                out.push(Ended(*id, cutoffs));
            }
        }
        out
    }

    fn extended(&self, account: &AccountSecret, operation: Operation, now: u64) -> Result<Self, KeyLogError> {
        let content = OpContent::new(self.account, self.len, self.head, now, operation);
        let mut next = self.clone();
        next.push(content.sign(account.signing().ok_or(KeyLogError::NotHolder)?), Trust::Nothing)?;
        Ok(next)
    }

    /// The newest place in the log before which all of these devices are active: where a rotation that keeps them has to stand. None if they
    /// never were together, since the newest rotation.
    pub fn newest_place_with(&self, devices: &[DeviceId]) -> Option<u64> {
        let before = |seq: u64| self.before(seq).ok().map(|log| (seq, log));
        let mut places = (0..=self.len).rev().map_while(before);
        places.find(|(_, log)| devices.iter().all(|device| log.is_active(device))).map(|(seq, _)| seq)
    }

    /// The log as it was before the operation at place `seq` (none: all of it).
    ///
    /// # Errors
    /// [`KeyLogError::Supersedes`] when that is before the commitment to a recovery key or at a rotation.
    pub(crate) fn before(&self, seq: u64) -> Result<Self, KeyLogError> {
        let (first, folded) = match self.rotations.last() {
            Some(newest) => (newest.seq + 1, newest.seq - newest.at as u64),
            None => (self.root.max(1) as u64, 0),
        };
        if !(first..=self.len).contains(&seq) {
            return Err(KeyLogError::Supersedes(self.ops.len()));
        }
        let at = usize::try_from(seq - folded).map_err(|_| KeyLogError::Supersedes(self.ops.len()))?;
        Self::read(self.ops.iter().take(at).cloned().collect(), Trust::Stored)
    }

    /// What stays of a log that is rotated: its root and its rotations, folded.
    fn folded(&self) -> Self {
        let ordinary = |op: &SignedOp| !op.is_rotation();
        let root = self.ops.iter().take(self.root).filter(|op| ordinary(op));
        let rotations = self.rotations.iter().filter_map(|r| self.ops.get(r.at)).map(SignedOp::folded);
        Self { ops: root.cloned().chain(rotations).collect(), ..self.clone() }
    }
}
