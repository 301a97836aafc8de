//! Which record of a key counts.

use covey_feed::OrderKey;

/// What decides between two records of a key, the first difference first.
///
/// Of most keys only the place decides: the last writer wins. Records of a contact are written whenever anything of it moves, also by a device
/// that answers frames and has not heard yet what was decided on another one. There the decision counts, not the later word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// Decisions that led here: see [`super::contacts`], and [`super::keepers`] for their numbers.
    pub(super) decisions: u64,
    /// Of decisions that were made at once: a block counts, else an end, else a pact.
    pub(super) weight: u8,
    /// Of pacts that were made at once, the one that the contact took.
    pub(super) confirmed: bool,
    /// Place of the entry in the order of the channel, which is total.
    pub(super) at: OrderKey,
}

impl Rank {
    /// Of a record of which only the place decides.
    pub(super) fn of_place(at: OrderKey) -> Self {
        Self { decisions: 0, weight: 0, confirmed: false, at }
    }
}

/// [OWN-5] Whether a record counts instead of the one that is known. Ranks are totally ordered, so the sequence of arrival plays no part.
pub(super) fn wins(new: &Rank, known: Option<&Rank>) -> bool {
    known.is_none_or(|known| new > known)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use covey_feed::Author;
    use proptest::prelude::*;

    use super::*;

    fn fold(records: &[(u8, Rank)]) -> BTreeMap<u8, Rank> {
        let mut known: BTreeMap<u8, Rank> = BTreeMap::new();
        for (key, at) in records {
            if wins(at, known.get(key)) {
                known.insert(*key, *at);
            }
        }
        known
    }

    fn record() -> impl Strategy<Value = (u8, Rank)> {
        let place = (0u64..6, 0u8..3, 0u64..2, 1u64..4).prop_map(|(lamport, author, incarnation, seq)| OrderKey {
            lamport,
            author: Author::from_bytes([author; 32]),
            incarnation,
            seq,
        });
        (0u8..3, 0u64..3, 0u8..3, any::<bool>(), place)
            .prop_map(|(key, decisions, weight, confirmed, at)| (key, Rank { decisions, weight, confirmed, at }))
    }

    proptest! {
        /// [OWN-5]
        #[test]
        fn whoever_has_the_same_records_holds_the_same_in_whatever_order_they_came_and_however_often(
            records in prop::collection::vec(record(), 0..40),
            shuffled in any::<prop::sample::Index>(),
            early in any::<prop::sample::Index>(),
        ) {
            let all = fold(&records);
            let mut other = records.clone();
            other.reverse();
            if !other.is_empty() {
                let at = shuffled.index(other.len());
                other.rotate_left(at);
                // A part of them was there before, and comes again.
                let known: Vec<_> = other[..early.index(other.len())].to_vec();
                other.splice(0..0, known);
            }
            prop_assert_eq!(fold(&other), all);
        }
    }
}
