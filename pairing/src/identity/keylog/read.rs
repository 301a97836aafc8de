//! From a list of operations to a log: every rule that a receiver holds a stranger's list against.

use super::{
    Cutoff, Device, KeyLog, KeyLogError, LAST_NUMBER, LAST_PLACE, MAX_ACTIVE_DEVICES, MAX_CUTOFFS, MAX_OPS,
    MAX_ROTATIONS, Operation, Revocation, Rotated, RotationId, SignedOp, Trust,
    rotation::{Content, Ended, Head, Restated},
};
use crate::{
    crypto::hash::blake3,
    identity::{Commitment, DeviceKeys, JOIN_PROOF_LEN},
    ids::DeviceId,
    text::is_name,
};

/// Devices that one rotation leaves out: as many as one log since the newest rotation can have added.
const MAX_ENDED: usize = MAX_OPS;

impl KeyLog {
    pub(super) fn read(ops: Vec<SignedOp>, trust: Trust) -> Result<Self, KeyLogError> {
        let mut ops = ops.into_iter();
        let first = ops.next().ok_or(KeyLogError::Empty)?;
        let content = first.read_genesis(trust)?;
        let Operation::Genesis { dh, next } = content.operation else { return Err(KeyLogError::Genesis(0)) };
        let mut log = Self::begin(first, content.account, dh, next);
        for op in ops {
            let at = log.ops.len();
            if op.is_rotation() {
                log.push_rotation(op, at, trust)?;
            } else {
                log.push(op, trust)?;
            }
        }
        // The newest rotation has its content.
        let newest = log.rotations.last().map(|newest| newest.at);
        let folded = newest.filter(|at| log.ops.get(*at).is_some_and(|op| op.content().is_none()));
        folded.map_or(Ok(log), |at| Err(KeyLogError::Folding(at)))
    }

    /// Takes the ordinary operation that follows.
    pub(super) fn push(&mut self, op: SignedOp, trust: Trust) -> Result<(), KeyLogError> {
        let at = self.ops.len();
        if self.since_newest() >= MAX_OPS {
            return Err(KeyLogError::TooLong);
        }
        if let Some(newest) = self.rotations.last()
            && self.ops.get(newest.at).is_some_and(|op| op.content().is_none())
        {
            return Err(KeyLogError::Folding(newest.at));
        }
        let content = op.read(&self.key, at, trust)?;
        if content.seq != self.len || content.prev != self.head || content.account != self.account {
            return Err(KeyLogError::Chain(at));
        }
        match content.operation {
            Operation::Genesis { .. } => return Err(KeyLogError::Genesis(at)),
            Operation::Add { device, name, number, proof } => {
                let number = self.number(at, name.as_deref(), number)?;
                self.check_proof(at, &device, &proof, trust)?;
                self.add(at, Device { keys: device, number, added_at: content.at, revoked: None, proof })?;
            }
            Operation::Revoke { device, cutoffs } => self.revoke(at, device, cutoffs, content.at)?,
            Operation::Commit { next } => self.commit(at, next)?,
        }
        self.head = blake3(op.bytes());
        self.len += 1;
        self.ops.push(op);
        if self.rotations.is_empty() && self.next.is_some() && self.root == 0 {
            (self.root, self.root_hash) = (self.ops.len(), self.head);
        }
        Ok(())
    }

    /// Takes a rotation from a list: the ones before it are folded, and nothing stands between them.
    fn push_rotation(&mut self, op: SignedOp, at: usize, trust: Trust) -> Result<(), KeyLogError> {
        if self.next.is_none() {
            return Err(KeyLogError::Uncommitted(at));
        }
        let begins = self.rotations.last().map_or(self.root, |newest| newest.at + 1);
        let unfolded =
            self.rotations.last().and_then(|newest| self.ops.get(newest.at)).is_some_and(|op| op.content().is_some());
        if at != begins || unfolded {
            return Err(KeyLogError::Folding(at));
        }
        self.rotate_by(op, at, trust)
    }

    /// Takes a rotation, which supersedes nothing any more: what it does is done.
    pub(super) fn rotate_by(&mut self, op: SignedOp, at: usize, trust: Trust) -> Result<(), KeyLogError> {
        let Some(commitment) = self.next else { return Err(KeyLogError::Uncommitted(at)) };
        if self.rotations.len() >= MAX_ROTATIONS {
            return Err(KeyLogError::TooManyRotations);
        }
        let head = Head::decode(&op, at)?;
        if head.index as usize != self.rotations.len() {
            return Err(KeyLogError::Chain(at));
        }
        let after = self.last_id();
        let id = RotationId::of(&after, op.bytes());
        if Commitment::to(&head.recovery) != commitment || (trust == Trust::Nothing && !head.is_signed(&op, &id)) {
            return Err(KeyLogError::Recovery(at));
        }
        let earliest = self.rotations.last().map_or(self.root as u64, |newest| newest.seq + 1);
        if !(earliest..LAST_PLACE).contains(&head.seq) {
            return Err(KeyLogError::Supersedes(at));
        }
        if let Some(content) = head.content(&op, &id, at, trust)? {
            // Directly after what everybody has: the only place whose hash a reader of the folded log knows.
            if head.seq == earliest && content.prev != after {
                return Err(KeyLogError::Chain(at));
            }
            self.restate(at, content, trust)?;
        }
        self.next = Some(head.next);
        self.head = *id.as_bytes();
        self.len = head.seq + 1;
        self.rotations.push(Rotated { id, seq: head.seq, at, next: head.next });
        self.ops.push(op);
        Ok(())
    }

    /// The devices are those that the rotation names, and no others.
    fn restate(&mut self, at: usize, content: Content, trust: Trust) -> Result<(), KeyLogError> {
        let cutoffs: usize = content.out.iter().map(|Ended(_, cutoffs)| cutoffs.len()).sum();
        let fits = content.devices.len() <= MAX_ACTIVE_DEVICES && content.out.len() <= MAX_ENDED;
        if !fits || cutoffs > MAX_CUTOFFS {
            return Err(KeyLogError::Limit(at));
        }
        (self.key, self.dh) = (content.key, content.dh);
        self.devices.clear();
        self.ended.clear();
        self.numbers = 0;
        for Restated(keys, number, added_at, proof) in content.devices {
            let proof = proof.into_array();
            let number = self.number(at, None, Some(number))?;
            self.check_proof(at, &keys, &proof, trust)?;
            self.add(at, Device { keys, number, added_at, revoked: None, proof })?;
        }
        for Ended(device, cutoffs) in content.out {
            if self.names(&device) {
                return Err(KeyLogError::Known(at));
            }
            self.ended.push((device, Revocation { at: content.at, cutoffs }));
        }
        // Not lower than those it restates, and numbers go on from here.
        if content.numbers < self.numbers || content.numbers > LAST_NUMBER {
            return Err(KeyLogError::Number(at));
        }
        self.numbers = content.numbers;
        Ok(())
    }

    /// The number of a device that joins: the one given, if it is free, or for one with a name the next.
    fn number(&self, at: usize, name: Option<&str>, number: Option<u32>) -> Result<u32, KeyLogError> {
        let next = self.next_number();
        match (name, number) {
            (Some(name), None) if is_name(name) && next <= LAST_NUMBER => Ok(next),
            (Some(_), None) => Err(KeyLogError::Limit(at)),
            (None, Some(number)) if (next..=LAST_NUMBER).contains(&number) => Ok(number),
            (None, Some(_)) => Err(KeyLogError::Number(at)),
            _ => Err(KeyLogError::Malformed(at)),
        }
    }

    fn check_proof(
        &self,
        at: usize,
        keys: &DeviceKeys,
        proof: &[u8; JOIN_PROOF_LEN],
        trust: Trust,
    ) -> Result<(), KeyLogError> {
        if trust == Trust::Stored {
            return Ok(());
        }
        keys.verify_join(&self.account, proof).map_err(|_| KeyLogError::Proof(at))
    }

    fn add(&mut self, at: usize, device: Device) -> Result<(), KeyLogError> {
        if self.names(&device.keys.id) {
            return Err(KeyLogError::Known(at));
        }
        if self.active().count() >= MAX_ACTIVE_DEVICES {
            return Err(KeyLogError::Limit(at));
        }
        self.numbers = device.number;
        self.devices.push(device);
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

    fn commit(&mut self, at: usize, next: Commitment) -> Result<(), KeyLogError> {
        if self.next.is_some() {
            return Err(KeyLogError::Committed(at));
        }
        self.next = Some(next);
        Ok(())
    }
}
