//! The graph of operations: who knew what. An operation's parents are those it names and the one before it in its feed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::{denied::Denied, ids::OpId, op::Op, policy::Grant, record::OpRecord, resolve::Reason};
use crate::ids::DeviceId;

/// Place of an operation in the total order: depth in the graph first, which nobody can claim without the operations for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct OrderKey {
    pub(super) depth: u64,
    pub(super) device: DeviceId,
    pub(super) incarnation: u64,
    pub(super) seq: u64,
    pub(super) id: OpId,
}

/// A feed: author and incarnation.
pub(super) type Feed = (DeviceId, u64);

/// An operation in the graph.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) record: Arc<OpRecord>,
    pub(super) key: OrderKey,
    /// Those that might count: beyond one that can not, its parents stand for it.
    pub(super) parents: Vec<usize>,
    /// By no reading it counts: it is in no order, and nothing follows from it.
    pub(super) idle: bool,
    /// What it grants if it counts, or why it does not.
    pub(super) outcome: Result<Option<Grant>, Reason>,
}

impl Node {
    /// Why it can not count by any reading, if it can not.
    fn why_idle(&self) -> Option<Denied> {
        match &self.outcome {
            Err(Reason::Denied(denied)) if self.idle => Some(denied.clone()),
            _ => None,
        }
    }
}

/// What an insertion did to the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// It has this number, and everything before it stays as it was.
    At(usize),
    /// Another operation of its feed at the same or a later position was here first: the graph has to be built anew.
    OutOfTurn,
}

/// All operations whose dependencies are known.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    index: HashMap<OpId, usize>,
    feeds: BTreeMap<Feed, BTreeMap<u64, Vec<usize>>>,
    pub(super) order: BTreeMap<OrderKey, usize>,
    pub(super) tips: BTreeSet<OrderKey>,
}

impl Graph {
    pub(super) fn contains(&self, id: &OpId) -> bool {
        self.index.contains_key(id)
    }

    pub(super) fn get(&self, id: &OpId) -> Option<&Node> {
        self.index.get(id).map(|&at| &self.nodes[at])
    }

    pub(super) fn get_mut(&mut self, id: &OpId) -> Option<&mut Node> {
        self.index.get(id).map(|&at| &mut self.nodes[at])
    }

    pub(super) fn missing(&self, record: &OpRecord) -> Vec<OpId> {
        record.operation.deps.iter().filter(|id| !self.contains(id)).copied().collect()
    }

    /// Did the author hand the group over with the operation before it in its feed?
    pub(super) fn handed(&self, record: &OpRecord) -> bool {
        let feed = self.feeds.get(&(record.device, record.incarnation));
        let before = feed.and_then(|feed| feed.range(..record.seq).next_back());
        before.is_some_and(|(_, at)| {
            at.iter().map(|&at| &self.nodes[at].record.operation).any(|operation| {
                operation.account == record.operation.account && matches!(operation.op, Op::Transfer { .. })
            })
        })
    }

    /// For each of `parents` that can not count, those of its own past that can.
    fn that_count(&self, parents: Vec<usize>) -> Vec<usize> {
        let (mut found, mut seen, mut open) = (BTreeSet::new(), HashSet::new(), parents);
        while let Some(at) = open.pop() {
            if !self.nodes[at].idle {
                found.insert(at);
            } else if seen.insert(at) {
                open.extend(&self.nodes[at].parents);
            }
        }
        found.into_iter().collect()
    }

    /// Adds a record whose dependencies are all here; `idle` says why it can not count, if it can not.
    pub(super) fn add(&mut self, record: Arc<OpRecord>, idle: Option<Denied>) -> Added {
        let feed = self.feeds.entry((record.device, record.incarnation)).or_default();
        let in_turn = feed.range(record.seq..).next().is_none();
        let mut parents: Vec<usize> = feed.range(..record.seq).next_back().map_or_else(Vec::new, |(_, at)| at.clone());
        parents.extend(record.operation.deps.iter().filter_map(|id| self.index.get(id)));
        parents.sort_unstable();
        parents.dedup();
        let depth = parents.iter().map(|&at| self.nodes[at].key.depth + 1).max().unwrap_or_default();
        let (device, incarnation, seq, id) = (record.device, record.incarnation, record.seq, record.id);
        let key = OrderKey { depth, device, incarnation, seq, id };
        let at = self.nodes.len();
        feed.entry(seq).or_default().push(at);
        self.index.insert(id, at);
        if idle.is_none() {
            parents = self.that_count(parents);
            for &parent in &parents {
                self.tips.remove(&self.nodes[parent].key);
            }
            self.tips.insert(key);
            self.order.insert(key, at);
        }
        let (idle, outcome) = (idle.is_some(), idle.map_or(Ok(None), |denied| Err(denied.into())));
        self.nodes.push(Node { record, key, parents, idle, outcome });
        if in_turn { Added::At(at) } else { Added::OutOfTurn }
    }

    /// The first position of `feed` that two operations have.
    pub(super) fn fork(&self, feed: &Feed) -> Option<u64> {
        self.feeds.get(feed)?.iter().find(|(_, at)| at.len() > 1).map(|(seq, _)| *seq)
    }

    /// The first operation of `feed` at or after `from_seq`, in the total order.
    pub(super) fn first_at(&self, feed: &Feed, from_seq: u64) -> Option<OrderKey> {
        let at = self.feeds.get(feed)?.range(from_seq..).flat_map(|(_, at)| at);
        at.map(|&at| self.nodes[at].key).min()
    }

    /// The same operations with the parents that they have now that all are known.
    pub(super) fn rebuilt(&self) -> Self {
        let mut waits: Vec<usize> = vec![0; self.nodes.len()];
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        let mut edge = |parent: usize, child: usize| {
            children[parent].push(child);
            waits[child] += 1;
        };
        for (child, node) in self.nodes.iter().enumerate() {
            for id in &node.record.operation.deps {
                if let Some(&parent) = self.index.get(id) {
                    edge(parent, child);
                }
            }
        }
        for feed in self.feeds.values() {
            for (before, after) in feed.values().zip(feed.values().skip(1)) {
                for &parent in before {
                    for &child in after {
                        edge(parent, child);
                    }
                }
            }
        }
        let mut graph = Self::default();
        let mut ready: Vec<usize> = (0..waits.len()).filter(|&at| waits[at] == 0).collect();
        while let Some(at) = ready.pop() {
            let node = &self.nodes[at];
            graph.add(node.record.clone(), node.why_idle());
            for &child in &children[at] {
                waits[child] -= 1;
                if waits[child] == 0 {
                    ready.push(child);
                }
            }
        }
        graph
    }
}
