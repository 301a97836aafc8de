//! The right to write, over time: what an account wrote counts if it had the right where the entry stands.
//! `pairing/SPEC.md`, GROUP-14.

use std::sync::Arc;

use super::{ids::OpId, op::Cut, policy::Role, record::OpRecord, state::State};
use crate::ids::{AccountId, DeviceId};

/// Decisions remembered of one account, and of the policy: what is older counts as it did after the oldest of them.
const REMEMBERED: usize = 64;

/// Where an entry with content stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Its author.
    pub device: DeviceId,
    /// Which feed of the device.
    pub incarnation: u64,
    /// Position in that feed.
    pub seq: u64,
    /// Its logical time.
    pub lamport: u64,
}

/// An operation that decided who may write, and what it says was written before.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Decision<T> {
    op: OpId,
    /// Of all decisions about the group, applied in the order.
    nth: u64,
    lamport: u64,
    /// Feeds and their ends, by device and incarnation; without it the logical time decides.
    cut: Option<Vec<Cut>>,
    /// It is its author's word about itself: then the logical time decides, too.
    own: bool,
    is: T,
}

impl<T> Decision<T> {
    /// Does the entry stand before it?
    fn follows(&self, entry: &Written) -> bool {
        let in_time = entry.lamport < self.lamport;
        let Some(cut) = &self.cut else { return in_time };
        let of_feed = |cut: &&Cut| (cut.device, cut.incarnation) == (entry.device, entry.incarnation);
        let end = cut.iter().find(of_feed).map_or(0, |cut| cut.seq);
        entry.seq <= end && (in_time || !self.own)
    }
}

/// What was decided one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct History<T> {
    before: T,
    decisions: Arc<Vec<Decision<T>>>,
}

impl<T: Default> Default for History<T> {
    fn default() -> Self {
        Self { before: T::default(), decisions: Arc::default() }
    }
}

impl<T: Copy + PartialEq> History<T> {
    fn last(&self) -> T {
        self.decisions.last().map_or(self.before, |last| last.is)
    }

    fn note(&mut self, decision: Decision<T>) {
        let decisions = Arc::make_mut(&mut self.decisions);
        decisions.push(decision);
        if decisions.len() > REMEMBERED {
            self.before = decisions.remove(0).is;
        }
    }

    /// Is it the same, but for decisions about others?
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let alike = |(one, two): (&Decision<T>, &Decision<T>)| {
            (one.op, one.is, one.lamport, &one.cut) == (two.op, two.is, two.lamport, &two.cut)
        };
        self.before == other.before
            && self.decisions.len() == other.decisions.len()
            && self.decisions.iter().zip(other.decisions.iter()).all(alike)
    }

    pub(super) fn is_new(&self) -> bool {
        self.decisions.is_empty()
    }
}

/// The role of an account over time; none while it is no member.
pub(super) type Roles = History<Option<Role>>;

/// The least role that may write, over time; none before the group is made.
pub(super) type Thresholds = History<Option<Role>>;

impl State {
    /// By `record` the account has this role now, or is no member any more.
    pub(super) fn note_role(
        &mut self,
        account: &AccountId,
        record: &OpRecord,
        cut: Option<&[Cut]>,
        role: Option<Role>,
    ) {
        if self.standing(account).and_then(|standing| standing.roles.last()) == role {
            return;
        }
        let own = record.operation.account == *account;
        let decision = self.decision(record, cut.map(<[Cut]>::to_vec), own, role);
        self.change(account, |standing| standing.roles.note(decision));
    }

    /// One that is out was seen to have written further than was said when it went.
    pub(super) fn note_longer(&mut self, account: &AccountId, cuts: &[Cut]) {
        self.change(account, |standing| {
            let Some(Decision { is: None, cut: Some(known), .. }) =
                Arc::make_mut(&mut standing.roles.decisions).last_mut()
            else {
                return;
            };
            for cut in cuts {
                match known.iter_mut().find(|of| (of.device, of.incarnation) == (cut.device, cut.incarnation)) {
                    Some(of) => of.seq = of.seq.max(cut.seq),
                    None => known.push(*cut),
                }
            }
        });
    }

    /// By `record` this role is the least that may write.
    pub(super) fn note_threshold(&mut self, record: &OpRecord, cut: Option<&[Cut]>, write: Role) {
        if self.writers.last() != Some(write) {
            let decision = self.decision(record, cut.map(<[Cut]>::to_vec), false, Some(write));
            self.writers.note(decision);
        }
    }

    fn decision<T>(&mut self, record: &OpRecord, cut: Option<Vec<Cut>>, own: bool, is: T) -> Decision<T> {
        self.decisions += 1;
        Decision { op: record.id, nth: self.decisions, lamport: record.lamport, cut, own, is }
    }

    /// Had the account the right to write that?
    pub(super) fn may_have_written(&self, account: &AccountId, entry: &Written) -> bool {
        let Some(standing) = self.standing(account) else { return false };
        let (mut role, mut least, mut counts) = (standing.roles.before, self.writers.before, false);
        let mut roles = standing.roles.decisions.iter().peekable();
        let mut thresholds = self.writers.decisions.iter().peekable();
        loop {
            let first = match (roles.peek(), thresholds.peek()) {
                (Some(of_role), Some(of_all)) if of_role.nth < of_all.nth => roles.next().map(|next| (next, true)),
                (Some(_), None) => roles.next().map(|next| (next, true)),
                _ => thresholds.next().map(|next| (next, false)),
            };
            let Some((decision, is_role)) = first else { return counts };
            *(if is_role { &mut role } else { &mut least }) = decision.is;
            if !decision.follows(entry) {
                counts = role.is_some() && least.is_some() && role >= least;
            }
        }
    }
}
