//! A stretch of the total order between two operations that divide it: everything before one of them was seen by it,
//! everything after it saw it. Only within a stretch are there operations that did not know each other.

use std::{collections::HashMap, ops::Range};

use super::graph::Graph;

/// A set of small numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    fn new(len: usize) -> Self {
        Self(vec![0; len.div_ceil(64)])
    }

    fn set(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    pub(super) fn has(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    fn join(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len() * 64).filter(|&at| self.has(at))
    }
}

/// Operations in an order in which each comes after all that its author had seen, as numbers of nodes of the graph.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) nodes: Vec<usize>,
    /// For each its parents within the segment, as places in it.
    pub(super) parents: Vec<Vec<usize>>,
    /// For each all that its author had seen within the segment.
    seen: Vec<Bits>,
}

impl Segment {
    pub(super) fn new(graph: &Graph, nodes: &[usize]) -> Self {
        let places: HashMap<usize, usize> = nodes.iter().enumerate().map(|(place, &node)| (node, place)).collect();
        let mut segment = Self { nodes: nodes.to_vec(), parents: Vec::new(), seen: Vec::new() };
        for (place, &node) in nodes.iter().enumerate() {
            let parents: Vec<usize> =
                graph.nodes[node].parents.iter().filter_map(|parent| places.get(parent).copied()).collect();
            let mut seen = Bits::new(place);
            for &parent in &parents {
                seen.join(&segment.seen[parent]);
                seen.set(parent);
            }
            segment.parents.push(parents);
            segment.seen.push(seen);
        }
        segment
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn seen(&self, place: usize) -> &Bits {
        &self.seen[place]
    }

    /// Did neither know the other?
    pub(super) fn are_concurrent(&self, one: usize, other: usize) -> bool {
        one != other && !self.seen[one].has(other) && !self.seen[other].has(one)
    }

    /// The parent that had seen all that this one had, if there is one.
    pub(super) fn only_parent(&self, place: usize) -> Option<usize> {
        let parent = *self.parents[place].iter().max()?;
        (self.seen[parent].count() + 1 == self.seen[place].count()).then_some(parent)
    }
}

/// Divides operations in the total order, all of whose other ancestors were seen by all of them. Each range ends with an
/// operation that divides, other than perhaps the last; whether that does is the second answer.
pub(super) fn divide(graph: &Graph, nodes: &[usize]) -> (Vec<Range<usize>>, bool) {
    let places: HashMap<usize, usize> = nodes.iter().enumerate().map(|(place, &node)| (node, place)).collect();
    let mut first_child = vec![usize::MAX; nodes.len()];
    let mut last_parent = vec![None; nodes.len()];
    for (place, &node) in nodes.iter().enumerate() {
        for parent in graph.nodes[node].parents.iter().filter_map(|parent| places.get(parent).copied()) {
            first_child[parent] = first_child[parent].min(place);
            last_parent[place] = last_parent[place].max(Some(parent));
        }
    }
    // Place + 1 of the last parent that any later one has: a divider is a parent, at the latest, of all that follow.
    let mut least = usize::MAX;
    let mut divides = vec![false; nodes.len()];
    for place in (0..nodes.len()).rev() {
        divides[place] = least > place;
        least = least.min(last_parent[place].map_or(0, |parent: usize| parent + 1));
    }
    let (mut ranges, mut from, mut open_until) = (Vec::new(), 0, 0);
    for place in 0..nodes.len() {
        if open_until <= place && divides[place] {
            ranges.push(from..place + 1);
            from = place + 1;
        }
        open_until = open_until.max(first_child[place]);
    }
    let closed = from == nodes.len();
    if !closed {
        ranges.push(from..nodes.len());
    }
    (ranges, closed)
}
