//! Who is whose neighbour: a random graph that every member computes alike, without a word exchanged.

use crate::{
    Author, ChannelId,
    limits::{MESH_BELOW, NEIGHBOUR_STEPS},
};

/// The graph of a channel whose roster has some number of devices: for those who ask for many pairs.
#[derive(Debug, Clone)]
pub struct Graph {
    /// Has taken in what all pairs have in common.
    hasher: blake3::Hasher,
    /// Pairs up to this weight are edges.
    threshold: u64,
}

impl Graph {
    /// The graph of `channel`, whose roster has `n` devices.
    pub fn new(channel: &ChannelId, n: usize) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("covey feed neighbours v1");
        hasher.update(channel.as_bytes());
        let threshold = if n < MESH_BELOW { u64::MAX } else { threshold(n) };
        Self { hasher, threshold }
    }

    /// Whether the devices `a` and `b` are neighbours (SPREAD-1).
    ///
    /// Symmetric, and independent of everyone else: a join or leave moves no other edge until it changes the rounded
    /// size, and then adds or removes few. Members whose rosters differ a little agree on nearly all edges. Below
    /// [`MESH_BELOW`] devices everyone is everyone's neighbour.
    pub fn is_edge(&self, a: &Author, b: &Author) -> bool {
        a != b && (self.threshold == u64::MAX || self.weight(a, b) <= self.threshold)
    }

    /// The uniformly random number of a pair, the same on both sides.
    fn weight(&self, a: &Author, b: &Author) -> u64 {
        let mut hasher = self.hasher.clone();
        hasher.update(a.min(b).as_bytes());
        hasher.update(a.max(b).as_bytes());
        let hash = hasher.finalize();
        let first = hash.as_bytes().first_chunk().expect("a hash has 32 bytes");
        u64::from_le_bytes(*first)
    }
}

/// One pair of a [`Graph`].
pub fn is_edge(channel: &ChannelId, a: &Author, b: &Author, n: usize) -> bool {
    Graph::new(channel, n).is_edge(a, b)
}

/// The neighbours of `me` among `members`, which is (or is part of) a roster of `n` devices; in the order given.
pub fn neighbours<'a>(
    channel: &ChannelId,
    me: &Author,
    members: impl IntoIterator<Item = &'a Author>,
    n: usize,
) -> Vec<Author> {
    let graph = Graph::new(channel, n);
    members.into_iter().filter(|member| graph.is_edge(me, member)).copied().collect()
}

/// The size of a roster of `n` devices as far as [`is_edge`] goes: rosters with the same have the same edges.
pub fn graph_size(n: usize) -> usize {
    rounded(n)
}

/// How many neighbours a device of a roster of `n` has on average: 2·ln(n) + 8 (SPREAD-2).
pub fn expected_degree(n: usize) -> f64 {
    let others = bounded(n.saturating_sub(1));
    if n < MESH_BELOW { others } else { others.min(2.0 * bounded(n).ln() + 8.0) }
}

/// Pairs up to this weight are edges.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of u64::MAX; the cast saturates")]
fn threshold(n: usize) -> u64 {
    let rounded = rounded(n);
    let share = expected_degree(rounded) / bounded(rounded.saturating_sub(1));
    if share >= 1.0 { u64::MAX } else { (share * 2f64.powi(64)) as u64 }
}

/// `n` rounded up to one of [`NEIGHBOUR_STEPS`] sizes for each power of two: the share of pairs that are edges changes
/// rarely, and a roster at the bottom of its step is not much sparser than meant.
fn rounded(n: usize) -> usize {
    let step = (n.next_power_of_two() / 2 / NEIGHBOUR_STEPS).max(1);
    n.div_ceil(step).saturating_mul(step)
}

fn bounded(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_by_at_most_a_quarter() {
        for n in 1..20_000 {
            assert!((n..=n + n / 4).contains(&rounded(n)), "{n}: {}", rounded(n));
        }
        assert_eq!([16, 17, 33, 1000, 1024, 1025, 10_000].map(rounded), [16, 20, 40, 1024, 1024, 1280, 10_240]);
    }
}
