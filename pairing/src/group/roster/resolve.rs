//! Which of the operations that did not know each other count. `pairing/SPEC.md`, GROUP-8.
//!
//! An operation counts if its author had the right to it in the roster it saw, if nothing outweighs it that it did not
//! know, and if at its place in the order something is left to do. What may outweigh others (removals, bans, demotions,
//! dropped devices) is accepted one by one, undisputed ones first, of those in dispute the one of highest rank.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{
    apply::apply,
    denied::Denied,
    graph::{Graph, OrderKey},
    ids::OpId,
    machine::Work,
    op::Op,
    policy::{Grant, Role},
    record::{OpRecord, Vouched},
    rights::authorise,
    segment::Segment,
    state::State,
};
use crate::ids::{DeviceId, GroupId};

/// Why an operation does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Its author lacked the right, or what it is about was not so, in the roster the author saw or at its place in the order.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A removal, demotion or device change that it did not know outweighs it.
    #[error("outweighed by {by}, which it did not know")]
    Outweighed {
        /// The operation that does.
        by: OpId,
    },
    /// A removal that does not count because what it rests on was outweighed in turn.
    #[error("it rests on what was outweighed")]
    Unfounded,
    /// Its author wrote two histories; this is in or after the fork.
    #[error("its feed is forked")]
    Forked,
}

/// What outcome an operation has: what it grants, or why it does not count.
pub(super) type Outcome = Result<Option<Grant>, Reason>;

/// The highest rank first: role and seniority of the author in what it saw, then the smaller id.
type Rank = (Role, Reverse<OrderKey>, Reverse<OpId>);

/// What evaluating needs and does not change.
pub(super) struct Resolver<'a> {
    pub(super) graph: &'a Graph,
    pub(super) group: &'a GroupId,
    pub(super) voids: &'a BTreeMap<(DeviceId, u64), u64>,
}

/// A segment folded with some decisions taken.
struct Folded {
    state: State,
    outcomes: Vec<Outcome>,
    /// Of those that may outweigh and count: rank, and which others would outweigh them.
    contested: BTreeMap<usize, (Option<Rank>, Vec<usize>)>,
}

impl Resolver<'_> {
    /// The outcomes of a segment and the state after it, from the state before it.
    pub(super) fn resolve(&self, segment: &Segment, base: &State, work: &mut Work) -> (Vec<Outcome>, State) {
        let contenders: Vec<usize> = (0..segment.len()).filter(|&place| self.contends(segment, place)).collect();
        let mut rejected = Vec::new();
        loop {
            let mut accepted = Vec::new();
            let folded = loop {
                let folded = self.fold(segment, base, &contenders, &accepted, &rejected, work);
                match next(&folded, &accepted) {
                    Some(place) => accepted.push(place),
                    None => break folded,
                }
            };
            match accepted.iter().rev().find(|&&place| folded.outcomes[place].is_err()) {
                Some(&unfounded) => rejected.push(unfounded),
                None => return (folded.outcomes, folded.state),
            }
        }
    }

    /// The outcome of an operation whose author had seen all of `state`, and nobody else's was late for it.
    pub(super) fn append(&self, node: usize, state: &mut State, work: &mut Work) -> Outcome {
        work.evaluated += 1;
        let node = &self.graph.nodes[node];
        let record = &node.record;
        if self.is_void(record) {
            return Err(Reason::Forked);
        }
        let grant = authorise(state, self.group, record, None)?;
        apply(state, node.key, record, grant)?;
        Ok(grant)
    }

    fn is_void(&self, record: &OpRecord) -> bool {
        self.voids.get(&(record.device, record.incarnation)).is_some_and(|from| record.seq >= *from)
    }

    fn record(&self, segment: &Segment, place: usize) -> &OpRecord {
        &self.graph.nodes[segment.nodes[place]].record
    }

    /// Is it of a kind that outweighs, and is there something that did not know it for it to outweigh?
    fn contends(&self, segment: &Segment, place: usize) -> bool {
        let strong = self.record(segment, place);
        outweighs_at_all(&strong.operation.op)
            && (0..segment.len())
                .any(|other| concerns(strong, self.record(segment, other)) && segment.are_concurrent(place, other))
    }

    fn fold(
        &self,
        segment: &Segment,
        base: &State,
        contenders: &[usize],
        accepted: &[usize],
        rejected: &[usize],
        work: &mut Work,
    ) -> Folded {
        let mut folded = Folded { state: base.clone(), outcomes: Vec::new(), contested: BTreeMap::new() };
        let mut after: Vec<State> = Vec::new();
        for place in 0..segment.len() {
            work.evaluated += 1;
            let mut seen = self.seen_state(segment, place, base, &folded, &after, work);
            let outcome = self.judge(segment, place, &seen, accepted, rejected);
            let (record, key) = (self.record(segment, place), self.key(segment, place));
            let outcome = outcome.and_then(|grant| {
                apply(&mut folded.state, key, record, grant)?;
                Ok(grant)
            });
            if outcome.is_ok() && contenders.contains(&place) {
                let against = self.against(segment, place, contenders, &seen).collect();
                folded.contested.insert(place, (rank(&seen, record), against));
            }
            if segment.len() > 1 {
                match &outcome {
                    Ok(_) if segment.seen(place).count() == place => seen = folded.state.clone(),
                    // In the author's own view it may have nothing to do; then it changes nothing there.
                    Ok(grant) => drop(apply(&mut seen, key, record, *grant)),
                    Err(_) => {}
                }
                after.push(seen);
            }
            folded.outcomes.push(outcome);
        }
        folded
    }

    fn key(&self, segment: &Segment, place: usize) -> OrderKey {
        self.graph.nodes[segment.nodes[place]].key
    }

    /// The state of all that counts among what the author had seen.
    fn seen_state(
        &self,
        segment: &Segment,
        place: usize,
        base: &State,
        folded: &Folded,
        after: &[State],
        work: &mut Work,
    ) -> State {
        let seen = segment.seen(place);
        match seen.count() {
            0 => base.clone(),
            count if count == place => folded.state.clone(),
            _ => match segment.only_parent(place) {
                Some(parent) => after[parent].clone(),
                None => {
                    work.merged += 1;
                    let mut state = base.clone();
                    for earlier in seen.iter() {
                        if let Ok(grant) = &folded.outcomes[earlier] {
                            let _ =
                                apply(&mut state, self.key(segment, earlier), self.record(segment, earlier), *grant);
                        }
                    }
                    state
                }
            },
        }
    }

    fn judge(&self, segment: &Segment, place: usize, seen: &State, accepted: &[usize], rejected: &[usize]) -> Outcome {
        let record = self.record(segment, place);
        if self.is_void(record) {
            return Err(Reason::Forked);
        }
        let grant = authorise(seen, self.group, record, None)?;
        if rejected.contains(&place) {
            return Err(Reason::Unfounded);
        }
        if accepted.contains(&place) {
            return Ok(grant);
        }
        match self.against(segment, place, accepted, seen).next() {
            Some(by) => Err(Reason::Outweighed { by: self.record(segment, by).id }),
            None => Ok(grant),
        }
    }

    /// Which of `strong` did not know it and outweigh it.
    fn against<'a>(
        &'a self,
        segment: &'a Segment,
        place: usize,
        strong: &'a [usize],
        seen: &'a State,
    ) -> impl Iterator<Item = usize> + 'a {
        strong.iter().copied().filter(move |&other| {
            let (strong, weak) = (self.record(segment, other), self.record(segment, place));
            concerns(strong, weak) && segment.are_concurrent(other, place) && self.outweighs(strong, weak, seen)
        })
    }

    /// A demotion outweighs only what the lesser role could not do.
    fn outweighs(&self, strong: &OpRecord, weak: &OpRecord, seen: &State) -> bool {
        match &strong.operation.op {
            Op::Role { grant, .. } => authorise(seen, self.group, weak, Some(grant.role)).is_err(),
            _ => true,
        }
    }
}

fn outweighs_at_all(op: &Op) -> bool {
    matches!(op, Op::Remove { .. } | Op::Ban { .. } | Op::Role { .. } | Op::Devices { .. })
}

/// Is `weak` done by whom `strong` takes a right from, or is it their joining?
fn concerns(strong: &OpRecord, weak: &OpRecord) -> bool {
    match &strong.operation.op {
        Op::Remove { account, .. } | Op::Ban { account, .. } => {
            weak.operation.account == *account
                || matches!(&weak.vouched, Vouched::Join(join) if join.account == *account)
        }
        Op::Role { account, .. } => weak.operation.account == *account,
        Op::Devices { .. } => {
            let Vouched::Devices(devices) = &strong.vouched else { return false };
            weak.operation.account == strong.operation.account && !devices.devices.contains(&weak.device)
        }
        _ => false,
    }
}

fn rank(seen: &State, record: &OpRecord) -> Option<Rank> {
    let member = seen.member(&record.operation.account)?;
    Some((member.role, Reverse(member.seniority), Reverse(record.id)))
}

/// The next to accept: of those that nothing undecided disputes, else of all, the one of highest rank.
fn next(folded: &Folded, accepted: &[usize]) -> Option<usize> {
    let open = |place: &usize| folded.contested.contains_key(place) && !accepted.contains(place);
    let undisputed = |against: &[usize]| !against.iter().any(open);
    folded
        .contested
        .iter()
        .filter(|(place, _)| open(place))
        .max_by_key(|(_, (rank, against))| (undisputed(against), *rank))
        .map(|(place, _)| *place)
}
