//! The roster takes records, and evaluates what they may have made different.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use super::{
    aside::Costs,
    change::Change,
    graph::{Added, Feed, Graph, OrderKey},
    hash::SetHash,
    ids::OpId,
    reach::Reach,
    record::OpRecord,
    resolve::Resolver,
    segment::{Segment, divide},
    state::State,
    touched::Touched,
    waiting::Waiting,
};
use crate::ids::{AccountId, DeviceId, GroupId};

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// It is in the graph (whether it counts is another matter, see [`Roster::ignored`]); so are those that waited for it.
    Applied(Vec<Change>),
    /// It is in the graph, and by no reading of what is known it counts: nothing was evaluated. Should that change, the changes
    /// are those of the operation that changes it.
    Idle,
    /// It was there before.
    Known,
    /// It waits for these operations. They may be entries beyond a cut: who holds one of them hands it in all the same.
    Waiting {
        /// What is missing.
        missing: Vec<OpId>,
    },
    /// Too many operations of that device wait ([`super::WAITING_PER_DEVICE`]). Nothing changed; hand it in later.
    Full,
}

/// How much was done so far, to see that cost does not follow size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Operations evaluated, again and again included.
    pub evaluated: u64,
    /// Times that a state was folded anew for one operation whose author saw neither all nor a branch.
    pub merged: u64,
}

/// Operations between two checkpoints: the most that a slightly late operation costs.
const CHECKPOINT_EVERY: usize = 64;

/// The state after a dividing operation, to start from when one arrives that did not see all.
#[derive(Debug, Clone, Default)]
pub(super) struct Checkpoint {
    /// The dividing operation; none at the very beginning.
    key: Option<OrderKey>,
    /// Operations up to it.
    folded: usize,
    pub(super) state: State,
}

/// The roster of one group. Equal sets of records and voids make equal rosters, in whatever order they came.
#[derive(Debug, Clone)]
pub struct Roster {
    pub(super) group: GroupId,
    pub(super) graph: Graph,
    pub(super) waiting: Waiting,
    pub(super) voids: BTreeMap<Feed, u64>,
    /// Oldest first; the first is the empty one.
    checkpoints: Vec<Checkpoint>,
    /// After all operations.
    pub(super) head: Checkpoint,
    /// Does the last operation divide: has it seen all others?
    pub(super) closed: bool,
    /// The last operation that divides.
    divided: Option<OrderKey>,
    pub(super) reach: Reach,
    /// Operations that no reading lets count, by author.
    pub(super) idle: HashMap<AccountId, Vec<OpId>>,
    pub(super) costs: Costs,
    pub(super) hash: SetHash,
    pub(super) work: Work,
}

impl Roster {
    /// The roster of `group`, empty: [`super::Op::Create`] fills it.
    pub fn new(group: GroupId) -> Self {
        Self {
            group,
            graph: Graph::default(),
            waiting: Waiting::default(),
            voids: BTreeMap::new(),
            checkpoints: vec![Checkpoint::default()],
            head: Checkpoint::default(),
            closed: true,
            divided: None,
            reach: Reach::default(),
            idle: HashMap::new(),
            costs: Costs::default(),
            hash: SetHash::default(),
            work: Work::default(),
        }
    }

    /// The group.
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// Takes one record.
    pub fn insert(&mut self, record: OpRecord) -> Inserted {
        if self.graph.contains(&record.id) {
            return Inserted::Known;
        }
        let missing = self.graph.missing(&record);
        if missing.is_empty() {
            let id = record.id;
            let changes = self.integrate(vec![Arc::new(record.slim())]);
            let is_idle = changes.is_empty() && self.graph.get(&id).is_some_and(|node| node.idle);
            return if is_idle { Inserted::Idle } else { Inserted::Applied(changes) };
        }
        if !self.waiting.contains(&record.id) {
            if !self.waiting.has_room(&record.device) {
                return Inserted::Full;
            }
            self.waiting.add(Arc::new(record.slim()), &missing);
        }
        Inserted::Waiting { missing }
    }

    /// Takes many at once, in any order: what late ones cost is paid once. The changes are those of all of them; records
    /// for which there was no room among the waiting are handed back.
    pub fn insert_all(&mut self, records: Vec<OpRecord>) -> (Vec<Change>, Vec<OpRecord>) {
        let (batch, mut refused) = (sorted_by_need(records, &self.graph), Vec::new());
        let mut ready = Vec::new();
        for (record, is_ready) in batch {
            if self.graph.contains(&record.id) || self.waiting.contains(&record.id) {
                continue;
            }
            if is_ready {
                ready.push(Arc::new(record.slim()));
            } else if self.waiting.has_room(&record.device) {
                let missing = self.graph.missing(&record);
                self.waiting.add(Arc::new(record.slim()), &missing);
            } else {
                refused.push(record);
            }
        }
        (self.integrate(ready), refused)
    }

    /// The feed is forked at `from_seq` (proven): operations at or after it do not count, for anybody. Idempotent; the
    /// lowest position stays. May be called before the operations are known.
    pub fn void(&mut self, device: DeviceId, incarnation: u64, from_seq: u64) -> Vec<Change> {
        let feed = (device, incarnation);
        if self.voids.get(&feed).is_some_and(|known| *known <= from_seq) {
            return Vec::new();
        }
        self.voids.insert(feed, from_seq);
        let Some(first) = self.graph.first_at(&feed, from_seq) else { return Vec::new() };
        let before = self.head.state.clone();
        let at = self.checkpoints.partition_point(|checkpoint| checkpoint.key < Some(first)).saturating_sub(1);
        let from = self.checkpoints[at].clone();
        let nodes = self.refold(from);
        self.costs.charge(None, self.work.evaluated);
        self.report(&before, &nodes)
    }

    /// Adds records whose dependencies are here, and all that waited for them.
    fn integrate(&mut self, records: Vec<Arc<OpRecord>>) -> Vec<Change> {
        let before = self.head.state.clone();
        let last = self.head.key;
        let mut fresh = Vec::new();
        let (mut in_turn, mut authors) = (true, BTreeSet::new());
        let mut ready = VecDeque::from(records);
        while let Some(record) = ready.pop_front() {
            let (id, feed) = (record.id, (record.device, record.incarnation));
            if self.graph.contains(&id) {
                continue;
            }
            authors.insert(record.operation.account);
            let idle = self.reach.allows(&self.group, &self.graph, &record).err();
            let is_idle = idle.is_some();
            let added = self.graph.add(record.clone(), idle);
            if is_idle {
                self.idle.entry(record.operation.account).or_default().push(id);
            } else {
                in_turn &= !self.wakes(&record);
            }
            match added {
                Added::At(_) if is_idle => {}
                Added::At(at) => fresh.push(at),
                Added::OutOfTurn => {
                    in_turn = false;
                    if let Some(seq) = self.graph.fork(&feed) {
                        let from = self.voids.entry(feed).or_insert(seq);
                        *from = seq.min(*from);
                    }
                }
            }
            for record in self.waiting.arrived(&id) {
                let missing = self.graph.missing(&record);
                if missing.is_empty() { ready.push_back(record) } else { self.waiting.add(record, &missing) }
            }
        }
        if !in_turn {
            self.rebuild();
            let nodes = self.refold(Checkpoint::default());
            self.charge(authors.first().copied());
            return self.report(&before, &nodes);
        }
        let Some(newest_seen) = fresh.iter().map(|&at| self.newest_parent(at)).min() else { return Vec::new() };
        if let ([node], 1) = (&fresh[..], self.graph.tips.len()) {
            self.append(*node);
            self.charge(authors.first().copied());
            return self.report(&before, &fresh);
        }
        let from = if self.closed && newest_seen >= last {
            self.head.clone()
        } else {
            let at = self.checkpoints.partition_point(|checkpoint| checkpoint.key <= newest_seen).saturating_sub(1);
            self.checkpoints[at].clone()
        };
        if newest_seen < self.divided {
            let late = fresh.iter().min_by_key(|&&at| self.newest_parent(at));
            self.costs.opener = late.map(|&at| self.graph.nodes[at].record.operation.account);
        }
        let nodes = self.refold(from);
        self.charge(authors.first().copied());
        self.report(&before, &nodes)
    }

    fn newest_parent(&self, node: usize) -> Option<OrderKey> {
        self.graph.nodes[node].parents.iter().map(|&parent| self.graph.nodes[parent].key).max()
    }

    /// An operation whose author had seen all: nothing before it becomes different.
    fn append(&mut self, node: usize) {
        let resolver = Resolver { graph: &self.graph, group: &self.group, voids: &self.voids };
        let outcome = resolver.append(node, &mut self.head.state, &mut self.work);
        self.graph.nodes[node].outcome = outcome;
        self.divide_after(node);
        self.closed = true;
    }

    /// Notes that all up to `node`, and nothing else, is in the head, and that all others saw it.
    fn divide_after(&mut self, node: usize) {
        self.head.key = Some(self.graph.nodes[node].key);
        self.divided = self.head.key;
        let since = self.checkpoints.last().map_or(0, |checkpoint| checkpoint.folded);
        if self.head.folded + 1 >= since + CHECKPOINT_EVERY {
            self.checkpoints.push(Checkpoint { folded: self.head.folded + 1, ..self.head.clone() });
            thin(&mut self.checkpoints);
        }
        self.head.folded += 1;
    }

    /// Evaluates all operations after a checkpoint, and says which.
    fn refold(&mut self, from: Checkpoint) -> Vec<usize> {
        self.checkpoints.retain(|checkpoint| checkpoint.key <= from.key);
        let after = from.key.map_or(Bound::Unbounded, Bound::Excluded);
        let nodes: Vec<usize> = self.graph.order.range((after, Bound::Unbounded)).map(|(_, &node)| node).collect();
        self.head = from;
        self.divided = self.head.key;
        let (ranges, closed) = divide(&self.graph, &nodes);
        let last = ranges.len().saturating_sub(1);
        for (at, range) in ranges.into_iter().enumerate() {
            let nodes = &nodes[range];
            let Some(&divider) = nodes.last() else { continue };
            let resolver = Resolver { graph: &self.graph, group: &self.group, voids: &self.voids };
            if let [node] = *nodes {
                let outcome = resolver.append(node, &mut self.head.state, &mut self.work);
                self.graph.nodes[node].outcome = outcome;
            } else {
                let segment = Segment::new(&self.graph, nodes);
                let (outcomes, state) = resolver.resolve(segment, &self.head.state, &mut self.work);
                self.head.state = state;
                for (node, outcome) in outcomes {
                    self.graph.nodes[node].outcome = outcome;
                }
            }
            self.head.folded += nodes.len() - 1;
            if at < last || closed {
                self.divide_after(divider);
            } else {
                self.head.folded += 1;
                self.head.key = Some(self.graph.nodes[divider].key);
            }
        }
        self.closed = closed;
        nodes
    }

    /// The difference that `nodes` made, and the fingerprint brought up to it.
    fn report(&mut self, before: &State, nodes: &[usize]) -> Vec<Change> {
        let records = nodes.iter().map(|&node| self.graph.nodes[node].record.as_ref());
        let touched = Touched::by(records, before, &self.head.state);
        touched.rehash(&mut self.hash, before, &self.head.state);
        touched.changes(before, &self.head.state)
    }
}

/// Dependencies before those that depend on them; whether all dependencies are known or come before stands beside each.
fn sorted_by_need(records: Vec<OpRecord>, graph: &Graph) -> Vec<(OpRecord, bool)> {
    let mut lacking: HashMap<OpId, usize> = HashMap::new();
    let mut wanted: HashMap<OpId, Vec<OpId>> = HashMap::new();
    let mut by_id: BTreeMap<OpId, OpRecord> = BTreeMap::new();
    let mut ready = VecDeque::new();
    for record in records {
        let mut missing = graph.missing(&record);
        missing.sort_unstable();
        missing.dedup();
        if by_id.contains_key(&record.id) {
            continue;
        }
        if missing.is_empty() {
            ready.push_back(record.id);
        }
        lacking.insert(record.id, missing.len());
        for id in missing {
            wanted.entry(id).or_default().push(record.id);
        }
        by_id.insert(record.id, record);
    }
    let mut sorted = Vec::with_capacity(by_id.len());
    while let Some(id) = ready.pop_front() {
        sorted.extend(by_id.remove(&id).map(|record| (record, true)));
        for waiting in wanted.remove(&id).unwrap_or_default() {
            let Some(count) = lacking.get_mut(&waiting) else { continue };
            *count -= 1;
            if *count == 0 {
                ready.push_back(waiting);
            }
        }
    }
    sorted.extend(by_id.into_values().map(|record| (record, false)));
    sorted
}

/// Keeps few old checkpoints: two for each doubling of the distance from the newest.
fn thin(checkpoints: &mut Vec<Checkpoint>) {
    let newest = checkpoints.last().map_or(0, |checkpoint| checkpoint.folded);
    let mut per_class: HashMap<u32, usize> = HashMap::new();
    let mut keep: Vec<bool> = Vec::with_capacity(checkpoints.len());
    for checkpoint in checkpoints.iter().rev() {
        let class = ((newest - checkpoint.folded) / CHECKPOINT_EVERY).checked_ilog2().unwrap_or_default();
        let count = per_class.entry(class).or_default();
        *count += 1;
        keep.push(*count <= 2 || checkpoint.key.is_none());
    }
    let mut keep = keep.into_iter().rev();
    checkpoints.retain(|_| keep.next().unwrap_or(true));
}
