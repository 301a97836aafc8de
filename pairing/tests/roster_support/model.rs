//! The roster as the specification says it, from scratch for every question: sets instead of a graph, no checkpoints, no
//! sharing. Slow and plain on purpose.

mod rights;
mod state;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use covey_pairing::{
    group::roster::{Cut, Grant, Op, OpId, OpRecord, Role, Vouched, group_id},
    ids::DeviceId,
};

use super::{
    reach::Reach,
    the_group,
    view::{Person, View},
};

use rights::{allowed, feed, gives_away};
use state::{Someone, State};

pub(crate) type Voids = BTreeMap<(DeviceId, u64), u64>;
/// Place in the total order.
type Place = (u64, DeviceId, u64, u64, OpId);

/// All of it, evaluated.
pub(crate) struct Model {
    records: BTreeMap<OpId, OpRecord>,
    past: BTreeMap<OpId, BTreeSet<OpId>>,
    order: Vec<(Place, OpId)>,
    voids: Voids,
    counting: BTreeMap<OpId, Option<Grant>>,
    /// What might count.
    may: BTreeSet<OpId>,
    /// Of the stretch those that count and outweigh.
    strong: Vec<OpId>,
    /// By which the group would have been handed over, if they had counted by what their authors knew.
    futile: BTreeSet<OpId>,
}

impl Model {
    pub(crate) fn of(records: &[OpRecord], voids: &Voids) -> Self {
        let mut model = Self {
            records: BTreeMap::new(),
            past: BTreeMap::new(),
            order: Vec::new(),
            voids: voids.clone(),
            counting: BTreeMap::new(),
            may: BTreeSet::new(),
            strong: Vec::new(),
            futile: BTreeSet::new(),
        };
        model.take_complete(records);
        model.note_forks();
        model.find_pasts();
        model.set_aside();
        model.decide();
        model
    }

    fn take_complete(&mut self, records: &[OpRecord]) {
        loop {
            let before = self.records.len();
            for record in records {
                if record.operation.deps.iter().all(|dep| self.records.contains_key(dep)) {
                    self.records.entry(record.id).or_insert_with(|| record.clone());
                }
            }
            if self.records.len() == before {
                return;
            }
        }
    }

    fn note_forks(&mut self) {
        let records: Vec<&OpRecord> = self.records.values().collect();
        for (at, one) in records.iter().enumerate() {
            for other in &records[at + 1..] {
                let place = |record: &OpRecord| (record.device, record.incarnation, record.seq);
                if place(one) == place(other) {
                    let from = self.voids.entry((one.device, one.incarnation)).or_insert(one.seq);
                    *from = one.seq.min(*from);
                }
            }
        }
    }

    fn parents(&self, record: &OpRecord) -> BTreeSet<OpId> {
        let mut parents: BTreeSet<OpId> = record.operation.deps.iter().copied().collect();
        let same_feed = |other: &&OpRecord| (other.device, other.incarnation) == (record.device, record.incarnation);
        let earlier = || self.records.values().filter(same_feed).filter(|other| other.seq < record.seq);
        let last = earlier().map(|other| other.seq).max();
        parents.extend(earlier().filter(|other| Some(other.seq) == last).map(|other| other.id));
        parents
    }

    fn find_pasts(&mut self) {
        let mut depths: BTreeMap<OpId, u64> = BTreeMap::new();
        let parents: BTreeMap<OpId, BTreeSet<OpId>> =
            self.records.values().map(|record| (record.id, self.parents(record))).collect();
        while depths.len() < self.records.len() {
            for (id, parents) in &parents {
                if depths.contains_key(id) || !parents.iter().all(|parent| depths.contains_key(parent)) {
                    continue;
                }
                let mut past = parents.clone();
                parents.iter().for_each(|parent| past.extend(&self.past[parent]));
                self.past.insert(*id, past);
                depths.insert(*id, parents.iter().map(|parent| depths[parent] + 1).max().unwrap_or(0));
            }
        }
        self.order = self
            .records
            .values()
            .map(|record| ((depths[&record.id], record.device, record.incarnation, record.seq, record.id), record.id))
            .collect();
        self.order.sort_unstable();
    }

    /// What counts by no reading is in no order and in nobody's past.
    fn set_aside(&mut self) {
        self.may = Reach::of(&self.records, |record| self.handed(record)).may;
        self.order.retain(|(_, id)| self.may.contains(id));
        self.past.values_mut().for_each(|past| past.retain(|id| self.may.contains(id)));
    }

    fn concurrent(&self, one: &OpId, other: &OpId) -> bool {
        one != other && !self.past[one].contains(other) && !self.past[other].contains(one)
    }

    /// Stretch by stretch: an operation that is concurrent with nothing ends one.
    fn decide(&mut self) {
        let ids: Vec<OpId> = self.order.iter().map(|(_, id)| *id).collect();
        let divides = |id: &&OpId| !ids.iter().any(|other| self.concurrent(id, other));
        let dividers: BTreeSet<OpId> = ids.iter().filter(divides).copied().collect();
        let mut stretch = Vec::new();
        for id in &ids {
            stretch.push(*id);
            if dividers.contains(id) {
                self.decide_stretch(&stretch);
                stretch.clear();
            }
        }
        self.decide_stretch(&stretch);
    }

    /// What the owner knew when handing the group over comes first and is settled alone; then the rest.
    fn decide_stretch(&mut self, stretch: &[OpId]) {
        let mut open = stretch.to_vec();
        let mut handed = None;
        self.strong.clear();
        while let Some((gift, known, rest)) = self.hand_over(&open, handed) {
            let first = self.order.iter().position(|(_, id)| open.contains(id)).unwrap();
            let sorted: Vec<_> = known.iter().chain([&gift]).chain(&rest).map(|id| (self.place(id), *id)).collect();
            self.order.splice(first..first + open.len(), sorted);
            self.settle(&[known, vec![gift]].concat());
            (handed, open) = (Some(gift), rest);
        }
        self.settle(&open);
    }

    fn settle(&mut self, part: &[OpId]) {
        self.counting = self.settled(part);
        let outweighs = |id: &&OpId| {
            let op = &self.records[id].operation.op;
            let others = matches!(op, Op::Remove { .. } | Op::Ban { .. } | Op::Role { .. } | Op::Devices { .. });
            self.counting.contains_key(id) && (others || gives_away(op))
        };
        let all: Vec<OpId> = self.strong.iter().chain(part.iter().filter(outweighs)).copied().collect();
        self.strong = self.first_eight(all);
    }

    /// Of what a device did about its own account the first eight weigh.
    fn first_eight(&self, all: Vec<OpId>) -> Vec<OpId> {
        let mut counts: BTreeMap<DeviceId, usize> = BTreeMap::new();
        let weighs = |id: &OpId| {
            let record = &self.records[id];
            let subject = record.operation.op.subject().filter(|_| !gives_away(&record.operation.op));
            if subject.is_some_and(|subject| *subject != record.operation.account) {
                return true;
            }
            let count = counts.entry(record.device).or_default();
            *count += 1;
            *count <= 8
        };
        all.into_iter().filter(weighs).collect()
    }

    fn hand_over(&mut self, open: &[OpId], handed: Option<OpId>) -> Option<(OpId, Vec<OpId>, Vec<OpId>)> {
        let founder = || {
            let ours = |record: &&OpRecord| match &record.operation.op {
                Op::Create { nonce, .. } => group_id(&record.operation.account, &record.device, nonce) == the_group(),
                _ => false,
            };
            self.records.values().find(ours).map(|record| record.operation.account)
        };
        let now = self.state(&self.counting.keys().copied().collect(), &self.counting);
        let owner = if now.created { now.owner() } else { founder() }?;
        let mut gifts: Vec<OpId> = open.to_vec();
        gifts.retain(|id| {
            let operation = &self.records[id].operation;
            let knows = handed.is_none_or(|handed| self.past[id].contains(&handed));
            let leaves = matches!(operation.op, Op::Leave | Op::Depart { .. });
            operation.account == owner && gives_away(&operation.op) && (leaves || knows)
        });
        gifts.sort_by_key(|id| (feed(&self.records[id]), self.records[id].seq, *id));
        while let Some(at) = gifts.iter().position(|gift| !gifts.iter().any(|id| self.past[gift].contains(id))) {
            let gift = gifts.remove(at);
            self.futile.remove(&gift);
            let (known, rest): (Vec<OpId>, Vec<OpId>) =
                open.iter().copied().filter(|id| *id != gift).partition(|id| self.past[&gift].contains(id));
            let before = self.order.clone();
            let part = [known.clone(), vec![gift]].concat();
            let first = self.order.iter().position(|(_, id)| open.contains(id)).unwrap();
            let sorted: Vec<_> = part.iter().chain(&rest).map(|id| (self.place(id), *id)).collect();
            self.order.splice(first..first + open.len(), sorted);
            let counting = self.settled(&part);
            let after = self.state(&counting.keys().copied().collect(), &counting);
            self.order = before;
            if counting.contains_key(&gift) && after.owner() != Some(owner) {
                return Some((gift, known, rest));
            }
            if matches!(self.records[&gift].operation.op, Op::Transfer { .. }) {
                self.futile.insert(gift);
            }
        }
        None
    }

    /// What counts up to the end of these, given what was settled before.
    fn settled(&self, stretch: &[OpId]) -> BTreeMap<OpId, Option<Grant>> {
        let contends = |id: &&OpId| stretch.iter().any(|other| self.concerns(id, other));
        let contenders = self.first_eight(stretch.iter().filter(contends).copied().collect());
        let mut rejected = BTreeSet::new();
        'again: loop {
            let mut accepted: Vec<OpId> = Vec::new();
            let mut lost = rejected.clone();
            loop {
                let counting = self.fold(stretch, &accepted, &lost);
                let is_open = |id: &&OpId| counting.contains_key(id) && !accepted.contains(id);
                let open: Vec<OpId> = contenders.iter().filter(is_open).copied().collect();
                let takes = |by: &OpId, id: &OpId| self.outweighs(by, id, &self.state(&self.past[id], &counting));
                let above = |by: &OpId, id: &OpId| takes(by, id) && !takes(id, by);
                let rank = |id: &OpId| {
                    let seen = self.state(&self.past[id], &counting);
                    let member =
                        seen.member(&self.records[id].operation.account).map(|m| (m.grant.role, Reverse(m.joined)));
                    let disputed = open.iter().any(|other| takes(other, id));
                    let below = open.iter().any(|other| above(other, id));
                    (!disputed, !below, member, Reverse(*id))
                };
                let mut ranked: Vec<_> = open.iter().map(|id| (rank(id), *id)).collect();
                ranked.sort_unstable_by_key(|one| Reverse(one.0));
                let undisputed = ranked.iter().filter(|(rank, _)| rank.0).count();
                match ranked.len() {
                    1.. => {
                        let next: Vec<OpId> = ranked.iter().take(undisputed.max(1)).map(|(_, id)| *id).collect();
                        let is_above = |other: &&OpId| next.iter().any(|id| above(other, id));
                        lost.extend(open.iter().filter(is_above));
                        accepted.extend(next);
                    }
                    0 => {
                        // Of two accepted ones one may outweigh the other only if they outweigh each other.
                        let counts = |by: &&OpId| counting.contains_key(by);
                        let overruled = |id: &OpId| accepted.iter().filter(counts).any(|by| above(by, id));
                        let is_out = |id: &&OpId| !counting.contains_key(id) || overruled(id);
                        if let Some(unfounded) = accepted.iter().rev().find(is_out) {
                            rejected.insert(*unfounded);
                            continue 'again;
                        }
                        return counting;
                    }
                }
            }
        }
    }

    /// Does the same account, in an earlier feed, without knowing of it, do what does not go with it?
    fn is_kept(&self, id: &OpId, seen: &State) -> bool {
        let gift = &self.records[id];
        let account = gift.operation.account;
        let ended = |other: &OpRecord| {
            let cuts = &seen.people[&account].cuts;
            cuts.get(&(other.device, other.incarnation)).is_some_and(|last| other.seq > *last)
        };
        let conflicts = |other: &OpRecord| match (&gift.operation.op, &other.operation.op) {
            (Op::Transfer { .. }, Op::Role { grant, .. } | Op::Invite { grant, .. } | Op::Ticket { grant, .. }) => {
                grant.role >= Role::Admin
            }
            (Op::Transfer { .. }, Op::Devices { .. }) => {
                matches!(&other.vouched, Vouched::Devices(listed) if !listed.devices.contains(&gift.device))
            }
            (Op::Transfer { .. }, op) => gives_away(op),
            _ => true,
        };
        gives_away(&gift.operation.op)
            && self.may.iter().map(|id| &self.records[id]).any(|other| {
                other.operation.account == account
                    && feed(other) < feed(gift)
                    && seen.member(&account).is_some_and(|member| member.devices.contains(&other.device))
                    && self.concurrent(id, &other.id)
                    && conflicts(other)
                    && !ended(other)
            })
    }

    /// What counts, up to the end of the stretch, with these decisions.
    fn fold(&self, stretch: &[OpId], accepted: &[OpId], rejected: &BTreeSet<OpId>) -> BTreeMap<OpId, Option<Grant>> {
        let mut counting = self.counting.clone();
        for id in stretch {
            let record = &self.records[id];
            let void = self.voids.get(&(record.device, record.incarnation)).is_some_and(|from| record.seq >= *from);
            let seen = self.state(&self.past[id], &counting);
            let Some(grant) = allowed(&seen, record, None) else { continue };
            let outweighed = self.is_kept(id, &seen)
                || self.strong.iter().any(|by| self.outweighs(by, id, &seen))
                || !accepted.contains(id) && accepted.iter().any(|by| self.outweighs(by, id, &seen));
            let before: BTreeSet<OpId> = counting.keys().copied().collect();
            let mut state = self.state(&before, &counting);
            let out = void || rejected.contains(id) || self.futile.contains(id);
            if !out && !outweighed && self.apply(&mut state, record, grant) {
                counting.insert(*id, grant);
            }
        }
        counting
    }

    /// The state of what counts among `ids`.
    fn state(&self, ids: &BTreeSet<OpId>, counting: &BTreeMap<OpId, Option<Grant>>) -> State {
        let mut state = State::default();
        for (_, id) in &self.order {
            if let (true, Some(grant)) = (ids.contains(id), counting.get(id)) {
                self.apply(&mut state, &self.records[id], *grant);
            }
        }
        state
    }

    fn place(&self, id: &OpId) -> Place {
        self.order.iter().find(|(_, other)| other == id).unwrap().0
    }

    pub(crate) fn view(&self) -> View {
        let all = self.counting.keys().copied().collect();
        let state = self.state(&all, &self.counting);
        let person = |someone: &Someone| Person {
            member: someone
                .member
                .as_ref()
                .map(|member| (member.grant, member.devices.iter().copied().collect(), member.joined.4, member.card)),
            invites: someone.invites.iter().map(|(op, ..)| *op).collect(),
            banned: someone.banned,
            exit: someone.exit,
            cuts: someone.cuts.iter().map(|(&(device, incarnation), &seq)| Cut { device, incarnation, seq }).collect(),
        };
        let people = state.people.iter().map(|(who, someone)| (*who, person(someone)));
        View {
            name: state.name.clone(),
            policy: state.policy,
            owner: state.owner(),
            people: people.filter(|(_, person)| *person != Person::default()).collect(),
            tickets: state.tickets.iter().map(|(id, ticket)| (*id, (ticket.used, ticket.revoked))).collect(),
            deleted: state.deleted.clone(),
            ignored: self.records.keys().filter(|id| !self.counting.contains_key(id)).copied().collect(),
        }
    }
}
