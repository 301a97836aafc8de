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

/// What each had seen, if there are many and most of them one after the other: how far along each of a few chains.
#[derive(Debug)]
struct Chains {
    /// The chain of each, and its number there.
    of: Vec<(usize, u32)>,
    chains: Vec<Vec<usize>>,
    seen: Vec<Vec<u32>>,
}

#[derive(Debug)]
enum Seen {
    Sets(Vec<Bits>),
    Chains(Chains),
}

/// Operations in an order in which each comes after all that its author had seen, as numbers of nodes of the graph.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) nodes: Vec<usize>,
    /// For each its parents within the segment, as places in it.
    pub(super) parents: Vec<Vec<usize>>,
    /// For each all that its author had seen within the segment.
    seen: Seen,
    counts: Vec<usize>,
    /// For each the last one whose only parent it is.
    last_children: Vec<Option<usize>>,
}

/// Below this many a set for each is small.
const FEW: usize = 1_024;

impl Segment {
    pub(super) fn new(graph: &Graph, nodes: &[usize]) -> Self {
        let places: HashMap<usize, usize> = nodes.iter().enumerate().map(|(place, &node)| (node, place)).collect();
        let within = |&node: &usize| graph.nodes[node].parents.iter().filter_map(|parent| places.get(parent).copied());
        let parents: Vec<Vec<usize>> = nodes.iter().map(|node| within(node).collect()).collect();
        let chains = if nodes.len() < FEW { None } else { Chains::of(&parents) };
        let seen = chains.map_or_else(|| Seen::Sets(sets(&parents)), Seen::Chains);
        let counts = match &seen {
            Seen::Sets(sets) => sets.iter().map(Bits::count).collect(),
            Seen::Chains(chains) => chains.seen.iter().map(|seen| seen.iter().map(|&far| far as usize).sum()).collect(),
        };
        let mut segment = Self { nodes: nodes.to_vec(), parents, seen, counts, last_children: vec![None; nodes.len()] };
        for place in 0..nodes.len() {
            if let Some(parent) = segment.only_parent(place) {
                segment.last_children[parent] = Some(place);
            }
        }
        segment
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Had the author of the one at `place` seen the other?
    pub(super) fn knows(&self, place: usize, other: usize) -> bool {
        match &self.seen {
            Seen::Sets(sets) => sets[place].has(other),
            Seen::Chains(chains) => {
                let (chain, nth) = chains.of[other];
                chains.seen[place].get(chain).is_some_and(|&far| far > nth)
            }
        }
    }

    /// How many the author had seen.
    pub(super) fn count(&self, place: usize) -> usize {
        self.counts[place]
    }

    /// Those that the author had seen, in their order.
    pub(super) fn seen(&self, place: usize) -> Vec<usize> {
        match &self.seen {
            Seen::Sets(sets) => sets[place].iter().collect(),
            Seen::Chains(chains) => {
                let along = chains.chains.iter().zip(&chains.seen[place]);
                let mut seen: Vec<usize> =
                    along.flat_map(|(chain, &far)| chain.iter().take(far as usize)).copied().collect();
                seen.sort_unstable();
                seen
            }
        }
    }

    /// Did neither know the other?
    pub(super) fn are_concurrent(&self, one: usize, other: usize) -> bool {
        one != other && !self.knows(one, other) && !self.knows(other, one)
    }

    /// The parent that had seen all that this one had, if there is one.
    pub(super) fn only_parent(&self, place: usize) -> Option<usize> {
        let parent = *self.parents[place].iter().max()?;
        (self.count(parent) + 1 == self.count(place)).then_some(parent)
    }

    /// Is there one whose only parent it is?
    pub(super) fn has_child(&self, place: usize) -> bool {
        self.last_children[place].is_some()
    }

    /// Is it the last one in the order whose only parent is `parent`? Which are its children does not depend on the order.
    pub(super) fn is_last_child(&self, parent: usize, place: usize) -> bool {
        self.last_children[parent] == Some(place)
    }
}

fn sets(parents: &[Vec<usize>]) -> Vec<Bits> {
    let mut sets: Vec<Bits> = Vec::with_capacity(parents.len());
    for (place, parents) in parents.iter().enumerate() {
        let mut seen = Bits::new(place);
        for &parent in parents {
            seen.join(&sets[parent]);
            seen.set(parent);
        }
        sets.push(seen);
    }
    sets
}

impl Chains {
    /// None if there are so many chains that sets take less room.
    fn of(parents: &[Vec<usize>]) -> Option<Self> {
        let (mut of, mut chains): (Vec<(usize, u32)>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
        for (place, parents) in parents.iter().enumerate() {
            let goes_on = |&&parent: &&usize| chains[of[parent].0].last() == Some(&parent);
            let chain = parents.iter().filter(goes_on).max().map_or(chains.len(), |&parent| of[parent].0);
            if chain == chains.len() {
                chains.push(Vec::new());
            }
            of.push((chain, u32::try_from(chains[chain].len()).ok()?));
            chains[chain].push(place);
            if chains.len() * 64 > of.len().max(FEW) {
                return None;
            }
        }
        let mut seen: Vec<Vec<u32>> = Vec::with_capacity(parents.len());
        for parents in parents {
            let mut far = vec![0; chains.len()];
            for &parent in parents {
                far.iter_mut().zip(&seen[parent]).for_each(|(far, &more)| *far = more.max(*far));
                let (chain, nth) = of[parent];
                far[chain] = far[chain].max(nth + 1);
            }
            seen.push(far);
        }
        Some(Self { of, chains, seen })
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
