//! Which record of a key counts.

use covey_feed::OrderKey;

/// [OWN-5] Whether a record at a place of the channel counts instead of the one that is known: it stands later in the channel's order,
/// by logical time, then author, incarnation and position. That order is total, so the sequence of arrival plays no part.
pub(super) fn wins(new: &OrderKey, known: Option<&OrderKey>) -> bool {
    known.is_none_or(|known| new > known)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use covey_feed::Author;
    use proptest::prelude::*;

    use super::*;

    fn fold(records: &[(u8, OrderKey)]) -> BTreeMap<u8, OrderKey> {
        let mut known: BTreeMap<u8, OrderKey> = BTreeMap::new();
        for (key, at) in records {
            if wins(at, known.get(key)) {
                known.insert(*key, *at);
            }
        }
        known
    }

    fn record() -> impl Strategy<Value = (u8, OrderKey)> {
        (0u8..3, 0u64..6, 0u8..3, 0u64..2, 1u64..4).prop_map(|(key, lamport, author, incarnation, seq)| {
            (key, OrderKey { lamport, author: Author::from_bytes([author; 32]), incarnation, seq })
        })
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
