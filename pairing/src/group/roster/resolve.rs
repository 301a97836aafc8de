//! Which of the operations that did not know each other count. `pairing/SPEC.md`, GROUP-8 and GROUP-13.
//!
//! An operation counts if its author had the right to it in the roster it saw, if nothing outweighs it that it did not
//! know, and if at its place in the order something is left to do. What may outweigh others (removals, bans, demotions,
//! dropped devices, departures) is accepted one by one, undisputed ones first, of those in dispute the one of highest rank.
//! What the owner had seen when handing the group over is decided before all that did not know of it.

mod folded;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    apply::apply,
    denied::Denied,
    graph::{Graph, OrderKey},
    ids::{OpId, group_id},
    machine::Work,
    op::Op,
    policy::{Grant, Role},
    record::OpRecord,
    rights::authorise,
    segment::Segment,
    state::State,
    weigh::{ByAccount, Strong, concerns, gives_away, kept_by, leaves, outweighs_at_all, rank, subject},
};
use crate::ids::{AccountId, DeviceId, GroupId};
use folded::{Folded, next, overruled};

/// Why an operation does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Its author lacked the right, or what it is about was not so, in the roster the author saw or at its place in the order.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A removal, demotion, departure or device change that it did not know outweighs it.
    #[error("outweighed by {by}, which it did not know")]
    Outweighed {
        /// The operation that does.
        by: OpId,
    },
    /// One that would outweigh others and does not count because what it rests on was outweighed in turn, or because one
    /// that outweighs it and was in dispute counts after all.
    #[error("it rests on what was outweighed")]
    Unfounded,
    /// It hands the group over and, by what its author knew, would not have counted. What else comes to light changes nothing.
    #[error("by what its author knew it did not count")]
    Futile,
    /// Its author wrote two histories; this is in or after the fork.
    #[error("its feed is forked")]
    Forked,
}

/// What outcome an operation has: what it grants, or why it does not count.
pub(super) type Outcome = Result<Option<Grant>, Reason>;

/// What evaluating needs and does not change.
pub(super) struct Resolver<'a> {
    pub(super) graph: &'a Graph,
    pub(super) group: &'a GroupId,
    pub(super) voids: &'a BTreeMap<(DeviceId, u64), u64>,
}

/// The first operations of a segment, decided for good.
#[derive(Debug, Clone, Default)]
struct Decided {
    state: State,
    outcomes: Vec<Outcome>,
    /// For each the state of what its author had seen, and of itself, as long as one of its children needs it.
    after: Vec<Option<Box<State>>>,
    /// Those that count and outweigh what comes later without having known them.
    strong: Strong,
    /// The last by which the group was handed over.
    handed: Option<usize>,
    /// By which it would have been, as nodes of the graph; by what their authors knew they do not count.
    futile: BTreeSet<usize>,
}

/// The operations that are decided together: those of a segment up to a place, after what is decided.
struct Part<'a> {
    segment: &'a Segment,
    by_account: &'a ByAccount,
    base: &'a State,
    decided: &'a Decided,
    until: usize,
    contenders: Strong,
}

impl Resolver<'_> {
    /// The outcomes of a segment, by node, and the state after it, from the state before it.
    pub(super) fn resolve(&self, segment: Segment, base: &State, work: &mut Work) -> (Vec<(usize, Outcome)>, State) {
        let mut segment = segment;
        let mut decided = Decided { state: base.clone(), ..Decided::default() };
        while let Some(more) = self.hand_over(&segment, base, &mut decided, work) {
            (segment, decided) = more;
        }
        let by_account = ByAccount::of(self.graph, &segment);
        let decided = self.decide(&segment, &by_account, base, &decided, segment.len(), work);
        (segment.nodes.into_iter().zip(decided.outcomes).collect(), decided.state)
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
        self.apply(state, node.key, record, grant)?;
        Ok(grant)
    }

    /// The next operation by which the owner hands the group over, or goes: what it knew comes first and is decided alone.
    fn hand_over(
        &self,
        segment: &Segment,
        base: &State,
        decided: &mut Decided,
        work: &mut Work,
    ) -> Option<(Segment, Decided)> {
        let owner = decided.state.owner.or_else(|| self.founder(segment, &decided.state))?;
        let from = decided.outcomes.len();
        let mut gifts = self.gifts(segment, decided, &owner);
        while let Some(at) = first_gift(segment, &gifts) {
            let gift = gifts.remove(at);
            decided.futile.remove(&segment.nodes[gift]);
            let (known, rest): (Vec<usize>, Vec<usize>) =
                (from..segment.len()).filter(|&place| place != gift).partition(|&place| segment.knows(gift, place));
            let until = from + known.len() + 1;
            let places = (0..from).chain(known).chain([gift]).chain(rest);
            let nodes: Vec<usize> = places.map(|place| segment.nodes[place]).collect();
            let sorted = Segment::new(self.graph, &nodes);
            let by_account = ByAccount::of(self.graph, &sorted);
            let mut more = self.decide(&sorted, &by_account, base, decided, until, work);
            if more.outcomes[until - 1].is_ok() && more.state.owner != Some(owner) {
                more.handed = Some(until - 1);
                return Some((sorted, more));
            }
            if !leaves(&self.record(segment, gift).operation.op) {
                decided.futile.insert(segment.nodes[gift]);
            }
        }
        None
    }

    /// By which `owner` may hand the group over, having got it: in the order of its feeds.
    fn gifts(&self, segment: &Segment, decided: &Decided, owner: &AccountId) -> Vec<usize> {
        let is_gift = |&place: &usize| {
            let operation = &self.record(segment, place).operation;
            let knows = || decided.handed.is_none_or(|handed| segment.knows(place, handed));
            // Who leaves without knowing that the group is theirs goes all the same, and somebody inherits.
            operation.account == *owner && gives_away(&operation.op) && (leaves(&operation.op) || knows())
        };
        let mut gifts: Vec<usize> = (decided.outcomes.len()..segment.len()).filter(is_gift).collect();
        gifts.sort_by_key(|&place| {
            let record = self.record(segment, place);
            (record.incarnation, record.device, record.seq, record.id)
        });
        gifts
    }

    /// Who will own a group that is made in this segment.
    fn founder(&self, segment: &Segment, state: &State) -> Option<AccountId> {
        if state.founder.is_some() {
            return None;
        }
        let records = (0..segment.len()).map(|place| self.record(segment, place));
        let mut made = records.filter(|record| match &record.operation.op {
            Op::Create { nonce, .. } => group_id(&record.operation.account, &record.device, nonce) == *self.group,
            _ => false,
        });
        made.next().map(|record| record.operation.account)
    }

    /// Decides what stands before `until`, given what is decided.
    fn decide(
        &self,
        segment: &Segment,
        by_account: &ByAccount,
        base: &State,
        decided: &Decided,
        until: usize,
        work: &mut Work,
    ) -> Decided {
        let from = decided.outcomes.len();
        let mut part = Part { segment, by_account, base, decided, until, contenders: Strong::default() };
        let contenders: Vec<usize> = (from..until).filter(|&place| self.contends(&part, place)).collect();
        contenders.iter().for_each(|&place| part.contenders.add(place, self.record(segment, place)));
        let mut rejected = Vec::new();
        let folded = loop {
            let (mut accepted, mut in_turn) = (Strong::default(), Vec::new());
            // Not for those that were rejected in an earlier attempt: what won over them may not count.
            let mut lost = Vec::new();
            let folded = loop {
                let folded = self.fold(&part, &accepted, &[rejected.as_slice(), &lost].concat(), work);
                let more = next(&folded, &in_turn);
                if more.is_empty() {
                    break folded;
                }
                for &place in &more {
                    accepted.add(place, self.record(segment, place));
                    lost.extend(folded.above(place).filter(|other| !in_turn.contains(other)));
                }
                in_turn.extend(more);
            };
            let counts = |place: usize| folded.outcomes[place - from].is_ok();
            match in_turn.iter().rev().find(|&&place| !counts(place) || overruled(&folded, &in_turn, place)) {
                Some(&unfounded) => rejected.push(unfounded),
                None => break folded,
            }
        };
        let mut decided = decided.clone();
        for (place, outcome) in (from..).zip(&folded.outcomes) {
            let record = self.record(segment, place);
            if outcome.is_ok() && outweighs_at_all(&record.operation.op) {
                decided.strong.add(place, record);
            }
        }
        decided.state = folded.state;
        decided.outcomes.extend(folded.outcomes);
        decided.after.extend(folded.after);
        decided
    }

    /// One that left after handing the group over did not leave as the owner: if it is again, it has to hand over again.
    fn apply(&self, state: &mut State, key: OrderKey, record: &OpRecord, grant: Option<Grant>) -> Result<(), Denied> {
        let author = record.operation.account;
        let is_owner = state.owner == Some(author) && !state.inherited;
        if is_owner && leaves(&record.operation.op) && self.graph.handed(record) {
            return Err(Denied::IsOwner);
        }
        apply(state, key, record, grant)
    }

    fn is_void(&self, record: &OpRecord) -> bool {
        self.voids.get(&(record.device, record.incarnation)).is_some_and(|from| record.seq >= *from)
    }

    fn record(&self, segment: &Segment, place: usize) -> &OpRecord {
        &self.graph.nodes[segment.nodes[place]].record
    }

    fn key(&self, segment: &Segment, place: usize) -> OrderKey {
        self.graph.nodes[segment.nodes[place]].key
    }

    /// Is it of a kind that outweighs, and is there something that did not know it for it to outweigh?
    fn contends(&self, part: &Part<'_>, place: usize) -> bool {
        let strong = self.record(part.segment, place);
        let from = part.decided.outcomes.len();
        subject(strong).is_some_and(|subject| {
            part.by_account.of_account(&subject).iter().any(|&other| {
                (from..part.until).contains(&other)
                    && concerns(strong, self.record(part.segment, other))
                    && part.segment.are_concurrent(place, other)
            })
        })
    }

    fn fold(&self, part: &Part<'_>, accepted: &Strong, rejected: &[usize], work: &mut Work) -> Folded {
        let segment = part.segment;
        let from = part.decided.outcomes.len();
        let mut folded = Folded {
            state: part.decided.state.clone(),
            outcomes: Vec::new(),
            after: Vec::new(),
            contested: BTreeMap::new(),
        };
        for place in from..part.until {
            work.evaluated += 1;
            let mut seen = self.seen_state(part, place, &mut folded, work);
            let (record, key) = (self.record(segment, place), self.key(segment, place));
            let outcome = self.judge(part, place, &seen, accepted, rejected).and_then(|grant| {
                self.apply(&mut folded.state, key, record, grant)?;
                Ok(grant)
            });
            if outcome.is_ok() && part.contenders.has(place, record) {
                let against = self.against(part, place, part.contenders.near(record), &seen).collect();
                folded.contested.insert(place, (rank(&seen, record), against));
            }
            if segment.len() > 1 {
                match &outcome {
                    Ok(_) if segment.count(place) == place => seen = folded.state.clone(),
                    // In the author's own view it may have nothing to do; then it changes nothing there.
                    Ok(grant) => drop(self.apply(&mut seen, key, record, *grant)),
                    Err(_) => {}
                }
                folded.after.push(segment.has_child(place).then(|| Box::new(seen)));
            }
            folded.outcomes.push(outcome);
        }
        folded
    }

    /// The state of all that counts among what the author had seen. That of the one before it is let go with its last child:
    /// each would keep a version of the maps, which in a long stretch fill the memory.
    fn seen_state(&self, part: &Part<'_>, place: usize, folded: &mut Folded, work: &mut Work) -> State {
        let (segment, decided) = (part.segment, part.decided);
        let from = decided.outcomes.len();
        let before = segment.only_parent(place).and_then(|parent| match parent.checked_sub(from) {
            None => decided.after[parent].clone(),
            Some(at) if segment.is_last_child(parent, place) => folded.after[at].take(),
            Some(at) => folded.after[at].clone(),
        });
        match segment.count(place) {
            0 => part.base.clone(),
            count if count == place => folded.state.clone(),
            _ => match before {
                Some(state) => *state,
                None => {
                    work.merged += 1;
                    work.evaluated += segment.count(place) as u64;
                    let mut state = part.base.clone();
                    for earlier in segment.seen(place) {
                        let outcome = decided.outcomes.get(earlier).or_else(|| folded.outcomes.get(earlier - from));
                        if let Some(Ok(grant)) = outcome {
                            let _ = self.apply(
                                &mut state,
                                self.key(segment, earlier),
                                self.record(segment, earlier),
                                *grant,
                            );
                        }
                    }
                    state
                }
            },
        }
    }

    fn judge(&self, part: &Part<'_>, place: usize, seen: &State, accepted: &Strong, rejected: &[usize]) -> Outcome {
        let segment = part.segment;
        let record = self.record(segment, place);
        if self.is_void(record) {
            return Err(Reason::Forked);
        }
        let grant = authorise(seen, self.group, record, None)?;
        if part.decided.futile.contains(&segment.nodes[place]) {
            return Err(Reason::Futile);
        }
        let outweighed = |by: usize| Reason::Outweighed { by: self.record(segment, by).id };
        if gives_away(&record.operation.op)
            && let Some(by) = kept_by(self.graph, segment, part.by_account, place, seen)
        {
            return Err(outweighed(by));
        }
        if let Some(by) = self.against(part, place, part.decided.strong.near(record), seen).next() {
            return Err(outweighed(by));
        }
        if rejected.contains(&place) {
            return Err(Reason::Unfounded);
        }
        if accepted.has(place, record) {
            return Ok(grant);
        }
        match self.against(part, place, accepted.near(record), seen).next() {
            Some(by) => Err(outweighed(by)),
            None => Ok(grant),
        }
    }

    /// Which of `strong` did not know it and outweigh it.
    fn against<'a>(
        &'a self,
        part: &'a Part<'a>,
        place: usize,
        strong: impl Iterator<Item = usize> + 'a,
        seen: &'a State,
    ) -> impl Iterator<Item = usize> + 'a {
        strong.filter(move |&other| {
            let (strong, weak) = (self.record(part.segment, other), self.record(part.segment, place));
            concerns(strong, weak) && part.segment.are_concurrent(other, place) && self.outweighs(strong, weak, seen)
        })
    }

    /// A demotion outweighs only what the lesser role could not do; so does handing over, which makes an admin of the owner.
    fn outweighs(&self, strong: &OpRecord, weak: &OpRecord, seen: &State) -> bool {
        let beyond = |role| authorise(seen, self.group, weak, Some(role)).is_err();
        match &strong.operation.op {
            Op::Role { grant, .. } => beyond(grant.role),
            Op::Transfer { .. } => beyond(Role::Admin),
            _ => true,
        }
    }
}

/// Which of these to look at first: of those that know none of the others, the first.
fn first_gift(segment: &Segment, gifts: &[usize]) -> Option<usize> {
    gifts.iter().position(|&gift| !gifts.iter().any(|&other| segment.knows(gift, other)))
}
