//! What two devices of one account hold of one other account, when each decided or was told something that the other had not heard of.
//!
//! The devices order what they say, so one of two values *counts*. But an operator's word on one device does not change what the contact said to
//! another: a pact that the contact has ended stays ended, an answer that the contact confirmed is the answer, whatever else was decided meanwhile.
//! And whoever takes from a device a pact that the contact holds tells the contact so. Blocking says nothing of pacts: which block
//! counts is decided by itself.
//!
//! Joining goes one way only (pacts end, blocks are counted), so devices that know the same values end at the same one.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::{Me, Relationship, Slot, State, answer, machine::Phase, material::Pact, step::Step};
use crate::ids::{AccountId, InviteId};

/// Ended pacts that are remembered: at most one an hour begins without the operator, and devices of an account rarely part for longer than that
/// many take.
const MAX_ENDED: usize = 32;

/// A pact that has ended: the invite it came from, and the beginning of its channel id. (An invite that two devices answered leads to two pacts.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended(InviteId, ByteArray<8>);

impl Ended {
    fn of(pact: &Pact) -> Self {
        let channel = pact.secret.channel_id();
        let mut short = [0; 8];
        short.copy_from_slice(&channel[..8]);
        Self(pact.id, ByteArray::new(short))
    }
}

/// What comes of two values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// What the account holds.
    pub relationship: Relationship,
    /// It is the other value that this one goes on from, not the one that counted.
    pub is_of_other: bool,
}

impl Relationship {
    /// What this account holds of the other one if this value counts, and another device of ours holds `other`: see the module. Both
    /// are of the same account.
    pub fn reconcile(&self, other: &Self, me: &Me<'_>, now: u64, rng: &mut impl CryptoRng) -> Reconciled {
        let is_of_other = other.outweighs(self, &me.account.id());
        let (base, rest) = if is_of_other { (other, self) } else { (self, other) };
        Reconciled { relationship: base.in_place_of(rest, me, now, rng), is_of_other }
    }

    /// This value, with what `rest` knows of pacts that ended and of blocks.
    pub fn in_place_of(&self, rest: &Self, me: &Me<'_>, now: u64, rng: &mut impl CryptoRng) -> Self {
        let mut step = Step::new(self.clone(), *me, now, rng);
        for ended in &rest.ended {
            // If there is no room nothing is added: else two devices would push each other's out in turn.
            if step.r.ended.len() < MAX_ENDED && !step.r.ended.contains(ended) {
                step.r.ended.push(ended.clone());
            }
        }
        step.end_if_ended(rest);
        step.replace_older(rest);
        step.end_other_answer(rest);
        step.join_block(rest);
        step.settle_block();
        if step.r.withdrawn.is_none() {
            step.r.withdrawn.clone_from(&rest.withdrawn);
        }
        step.settle_withdrawn();
        if step.r.said.is_none() {
            step.r.said.clone_from(&rest.said);
        }
        step.settle_said();
        step.r
    }

    /// The invite of the pact that ended last, as far as it is remembered.
    pub fn last_ended(&self) -> Option<InviteId> {
        self.ended.last().map(|ended| ended.0)
    }

    /// How often a block was set or lifted.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    /// [OWN-10] Whether the contact's word makes this value count instead of `known`, whatever was decided there.
    fn outweighs(&self, known: &Self, us: &AccountId) -> bool {
        if known.pact().is_some_and(|pact| self.has_ended(pact)) {
            // Here it was heard of, so this is what followed; unless the same is true the other way round.
            return !self.pact().is_some_and(|own| known.has_ended(own));
        }
        let Some(pact) = self.pact().filter(|_| self.confirmed()) else { return false };
        if let Some(other) = known.pact().filter(|_| known.confirmed()) {
            // They hold one of the two: that to which they agreed later. Of invites that crossed they may have answered both.
            let by = self.clock(known, us);
            return by(pact) > by(other);
        }
        // Offers that they made before they agreed are done with, also one that crossed ours.
        let done_with = self.spent.max(pact.agreed_at);
        let is_later = match &known.phase {
            Phase::Pending(theirs) => theirs.made_at() > done_with,
            _ => known.spent > done_with,
        };
        !is_later && !known.ended.iter().any(|ended| ended.0 == pact.id)
    }

    /// By whose clock it is told which of two pacts is the later one. A contact with one device holds that to which it agreed last. One with
    /// several has to choose as we have to, and as we do: by the clock of the account with the lower id.
    fn clock(&self, known: &Self, us: &AccountId) -> fn(&Pact) -> u64 {
        let devices = |r: &Self| r.log.as_ref().map_or(0, |log| log.active().count());
        if devices(self).max(devices(known)) <= 1 || self.them < *us {
            |pact| pact.agreed_at
        } else {
            |pact| pact.ours_at
        }
    }

    pub(super) fn has_ended(&self, pact: &Pact) -> bool {
        self.ended.contains(&Ended::of(pact))
    }
}

impl<R: CryptoRng> Step<'_, R> {
    /// Remembers that a pact is over.
    pub(super) fn over(&mut self, pact: &Pact) {
        let ended = Ended::of(pact);
        if self.r.ended.contains(&ended) {
            return;
        }
        if self.r.ended.len() >= MAX_ENDED {
            self.r.ended.remove(0);
        }
        self.r.ended.push(ended);
    }

    /// The pact has ended on the other device. What that one still has to say of it is said.
    fn end_if_ended(&mut self, rest: &Relationship) {
        let Some(pact) = self.r.pact().filter(|pact| self.r.has_ended(pact)).cloned() else { return };
        self.r.out.remove(&Slot::Confirm);
        self.r.out.remove(&Slot::Answer);
        self.end_pact(&pact);
        self.r.phase = Phase::Removed;
        for slot in [Slot::Answer, Slot::Removed] {
            if let Some(out) = rest.out.get(&slot).filter(|out| out.id == pact.id) {
                self.r.out.insert(slot, out.clone());
            }
        }
    }

    /// Of two pacts that the contact confirmed the one that does not count is over, although nobody said so.
    fn replace_older(&mut self, rest: &Relationship) {
        let Some(older) = rest.pact().filter(|_| rest.confirmed() && self.r.confirmed()).cloned() else { return };
        if self.r.pact().is_some_and(|pact| pact.secret != older.secret) && !self.r.has_ended(&older) {
            self.over(&older);
            self.close_answered(&older);
        }
    }

    /// The other device's answer to an invite is the one that the contact took; with ours the pairing was ended meanwhile. They could not
    /// read the notice, so there is another.
    fn end_other_answer(&mut self, rest: &Relationship) {
        let Some(pact) = rest.pact().filter(|_| rest.confirmed() && self.r.pact().is_none()) else { return };
        let ended_another = self.r.ended.iter().any(|ended| ended.0 == pact.id);
        if !ended_another || self.r.has_ended(pact) {
            return;
        }
        let notice = answer::removal(&pact.secret, pact.id, &self.me.account.id(), self.rng);
        // Our answer stays in its slot: as long as it is not known to have arrived, no acknowledgement of the notice before counts for this one.
        self.send(Slot::Removed, &notice);
        self.over(pact);
    }

    /// The block or its end that was decided last; of two decisions at once, the block.
    fn join_block(&mut self, rest: &Relationship) {
        let is_blocked = |r: &Relationship| r.state() == State::Blocked;
        let counts = rest.blocks > self.r.blocks || (rest.blocks == self.r.blocks && is_blocked(rest));
        if counts && is_blocked(rest) != is_blocked(&self.r) {
            if is_blocked(rest) {
                self.r.blocked = true;
                self.settle_block();
            } else {
                self.lift_block();
            }
        }
        self.r.blocks = self.r.blocks.max(rest.blocks);
    }
}
