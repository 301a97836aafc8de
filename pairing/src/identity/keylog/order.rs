//! Two logs of one account: which outranks the other, or the proof that they contradict each other.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{KeyLog, RotationId, SignedOp, Trust, narrow, rotation::Head};
use crate::{crypto::sign::VerifyingKey, identity::Commitment};

/// How one log stands to another of the same account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOrder {
    /// The same operations.
    Same,
    /// The first goes on from the second by ordinary operations.
    Extends,
    /// The first was rotated since, and counts whatever ordinary operations the second has.
    Rotates,
    /// The second extends or rotates the first.
    Behind,
}

impl LogOrder {
    /// Whether the first is news to whoever knows the second.
    pub fn outranks(self) -> bool {
        matches!(self, Self::Extends | Self::Rotates)
    }
}

/// Two different operations for one place in the log, each signed by a key of the account that may do so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    a: SignedOp,
    b: SignedOp,
    /// Of two rotations, what both stand on: the id of the one before, or the hash of the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<RotationId>,
}

/// Where two logs part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parting {
    /// Before both had named a recovery key: they are not of the same root.
    Root,
    /// At the rotation with this number.
    Rotation(u32),
    /// At an ordinary operation after the same rotations: its place in the log.
    Operation(u64),
}

impl Fork {
    pub(super) fn of_operations(a: &SignedOp, b: &SignedOp) -> Self {
        Self { a: a.clone(), b: b.clone(), after: None }
    }

    /// Two rotations that stand on the same.
    pub(super) fn of_rotations(a: &SignedOp, b: &SignedOp, after: [u8; 32]) -> Self {
        Self { a: a.folded(), b: b.folded(), after: Some(RotationId::from_bytes(after)) }
    }

    /// Whether this proves that the account of `log` signed two histories. Anyone who has a log of the account that leads to the
    /// keys concerned can check it.
    pub fn is_proof_against(&self, log: &KeyLog) -> bool {
        if self.a.bytes() == self.b.bytes() {
            return false;
        }
        match self.after {
            None => [log.account.verifying_key(), log.key].iter().any(|key| self.is_signed_by(key, log)),
            Some(after) => self.rotates_twice(&after, log),
        }
    }

    /// Of two rotations: their number, and the ids of both.
    pub fn rotations(&self) -> Option<(u32, [RotationId; 2])> {
        let after = self.after?;
        let index = Head::decode(&self.a, 0).ok()?.index;
        Some((index, [&self.a, &self.b].map(|op| RotationId::of(after.as_bytes(), op.bytes()))))
    }

    fn is_signed_by(&self, key: &VerifyingKey, log: &KeyLog) -> bool {
        let read = |op: &SignedOp| op.read(key, 0, Trust::Nothing);
        let (Ok(a), Ok(b)) = (read(&self.a), read(&self.b)) else { return false };
        a.account == log.account && b.account == log.account && a.seq == b.seq && a.prev == b.prev
    }

    fn rotates_twice(&self, after: &RotationId, log: &KeyLog) -> bool {
        let is_of_log = |op: &SignedOp| {
            let Ok(head) = Head::decode(op, 0) else { return false };
            let id = RotationId::of(after.as_bytes(), op.bytes());
            log.foundation(head.index) == Some((*after.as_bytes(), Commitment::to(&head.recovery)))
                && head.is_signed(op, &id)
        };
        is_of_log(&self.a) && is_of_log(&self.b)
    }
}

impl KeyLog {
    /// How `self` stands to another log of the same account.
    ///
    /// # Errors
    /// The [`Fork`], when they contradict each other.
    pub fn compare(&self, other: &Self) -> Result<LogOrder, Box<Fork>> {
        self.part(other).map_err(|(_, fork)| fork)
    }

    /// Whether `self` is `known`, or outranks it.
    pub fn extends(&self, known: &Self) -> bool {
        matches!(self.compare(known), Ok(LogOrder::Same | LogOrder::Extends | LogOrder::Rotates))
    }

    /// [`KeyLog::compare`], with where they part.
    pub(crate) fn part(&self, other: &Self) -> Result<LogOrder, (Parting, Box<Fork>)> {
        let differing = |ours: &[SignedOp], theirs: &[SignedOp]| {
            ours.iter().zip(theirs).position(|(a, b)| a.bytes() != b.bytes() || a.is_rotation() != b.is_rotation())
        };
        let fork = |at: usize, (ours, theirs): (&[SignedOp], &[SignedOp])| {
            let (Some(a), Some(b)) = (ours.get(at), theirs.get(at)) else { return None };
            Some(Box::new(Fork::of_operations(a, b)))
        };
        let roots = (self.beginning(), other.beginning());
        if let Some(at) = differing(roots.0, roots.1) {
            let both = self.root == 0 && other.root == 0 && at > 0;
            let parting = if both { Parting::Operation(at as u64) } else { Parting::Root };
            return fork(at, roots).map_or(Ok(LogOrder::Same), |fork| Err((parting, fork)));
        }
        for (ours, theirs) in self.rotations.iter().zip(&other.rotations) {
            if ours.id != theirs.id {
                return Err(self.rotated_differently(other, ours.at));
            }
        }
        let by_rotations = self.rotations.len().cmp(&other.rotations.len());
        let tails = (self.tail(), other.tail());
        if by_rotations == Ordering::Equal
            && let Some(at) = differing(tails.0, tails.1)
        {
            let place = self.len - tails.0.len() as u64 + at as u64;
            return fork(at, tails).map_or(Ok(LogOrder::Same), |fork| Err((Parting::Operation(place), fork)));
        }
        Ok(match (by_rotations, self.len.cmp(&other.len)) {
            (Ordering::Greater, _) => LogOrder::Rotates,
            (Ordering::Less, _) | (_, Ordering::Less) => LogOrder::Behind,
            (_, Ordering::Greater) => LogOrder::Extends,
            (Ordering::Equal, Ordering::Equal) => LogOrder::Same,
        })
    }

    fn rotated_differently(&self, other: &Self, at: usize) -> (Parting, Box<Fork>) {
        let index = at - self.root;
        let after = index.checked_sub(1).and_then(|before| self.rotations.get(before));
        let after = after.map_or(self.root_hash, |before| *before.id.as_bytes());
        let fork = Fork::of_rotations(&self.ops[at], &other.ops[at], after);
        (Parting::Rotation(narrow(index)), Box::new(fork))
    }

    /// What the rotation number `index` stands on and the key that may make it, as far as this log leads.
    pub(super) fn foundation(&self, index: u32) -> Option<([u8; 32], Commitment)> {
        let index = index as usize;
        if index == self.rotations.len() {
            return self.next.map(|next| (self.last_id(), next));
        }
        match index.checked_sub(1) {
            Some(before) => self.rotations.get(before).map(|before| (*before.id.as_bytes(), before.next)),
            None => self.first_commitment().map(|next| (self.root_hash, next)),
        }
    }

    /// The id of the rotation number `index`.
    pub(crate) fn rotation(&self, index: u32) -> Option<RotationId> {
        self.rotations.get(index as usize).map(|rotated| rotated.id)
    }

    fn first_commitment(&self) -> Option<Commitment> {
        let first = self.rotations.first().and_then(|first| self.ops.get(first.at));
        first.and_then(|op| Head::decode(op, 0).ok()).map(|head| Commitment::to(&head.recovery))
    }

    /// Up to the commitment to the first recovery key, or all while there is none.
    fn beginning(&self) -> &[SignedOp] {
        self.ops.get(..self.root).filter(|root| !root.is_empty()).unwrap_or(&self.ops)
    }

    /// Ordinary operations since the newest rotation, or since the root.
    fn tail(&self) -> &[SignedOp] {
        let begins = self.rotations.last().map_or(self.beginning().len(), |newest| newest.at + 1);
        self.ops.get(begins..).unwrap_or_default()
    }
}
