//! A part of a segment folded with some decisions taken: who is above whom, and which is accepted next.

use std::collections::{BTreeMap, HashSet};

use super::super::{state::State, weigh::Rank};
use super::Outcome;

/// A part of a segment folded with some decisions taken.
pub(super) struct Folded {
    pub(super) state: State,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) after: Vec<Option<Box<State>>>,
    /// Of those that may outweigh and count: rank, and which others would outweigh them.
    pub(super) contested: BTreeMap<usize, (Option<Rank>, Vec<usize>)>,
}

impl Folded {
    /// Those that count and outweigh `place`, which does not outweigh them in turn.
    pub(super) fn above(&self, place: usize) -> impl Iterator<Item = usize> {
        let against = |place: usize| self.contested.get(&place).map(|(_, against)| against.as_slice());
        let is_above = move |by: &usize| against(*by).is_some_and(|against| !against.contains(&place));
        against(place).into_iter().flatten().copied().filter(is_above)
    }
}

/// Did another accepted one come to count that is above it? It could not while a third stood, which is out.
pub(super) fn overruled(folded: &Folded, accepted: &[usize], place: usize) -> bool {
    folded.above(place).any(|by| accepted.contains(&by))
}

/// The next to accept: those that nothing undecided disputes, else, of those that nothing undecided is above (of all, if there
/// are none), the one of highest rank.
pub(super) fn next(folded: &Folded, accepted: &[usize]) -> Vec<usize> {
    let accepted: HashSet<usize> = accepted.iter().copied().collect();
    let open = |place: &usize| folded.contested.contains_key(place) && !accepted.contains(place);
    let mut all: Vec<(bool, bool, Option<Rank>, usize)> = folded
        .contested
        .iter()
        .filter(|(place, _)| open(place))
        .map(|(place, (rank, against))| {
            let disputed = against.iter().any(open);
            let below = folded.above(*place).any(|by| open(&by));
            (!disputed, !below, *rank, *place)
        })
        .collect();
    all.sort_unstable_by(|one, other| other.cmp(one));
    let undisputed = all.iter().take_while(|(undisputed, ..)| *undisputed).count();
    all.into_iter().take(undisputed.max(1)).map(|(.., place)| place).collect()
}
