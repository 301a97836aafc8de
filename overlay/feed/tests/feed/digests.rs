//! FEED-12, FEED-13: digests are equal exactly when heads are; what is missing is what the other side has more.

use covey_feed::{FeedKey, Head, Heads, heads::missing};
use proptest::prelude::*;

use crate::common::{author, channel, id};

fn heads() -> impl Strategy<Value = Heads> {
    let head = (1u8..4, 0u64..2, 1u64..4, 0u8..2).prop_map(|(n, incarnation, seq, variant)| {
        (FeedKey { author: author(n), incarnation }, Head { seq, id: id(variant), lamport: seq })
    });
    prop::collection::vec(head, 0..6).prop_map(Heads::from_iter)
}

proptest! {
    #[test]
    fn digests_are_equal_exactly_when_heads_are(a in heads(), b in heads()) {
        prop_assert_eq!(a == b, a.digest(&channel(1)) == b.digest(&channel(1)));
    }

    #[test]
    fn a_digest_does_not_depend_on_the_order_of_arrival(a in heads()) {
        let mut again = Heads::new();
        let reversed: Vec<_> = a.iter().collect();
        for (feed, head) in reversed.into_iter().rev() {
            again.advance(*feed, *head);
        }
        prop_assert_eq!(a.digest(&channel(1)), again.digest(&channel(1)));
    }

    #[test]
    fn nothing_is_missing_exactly_when_the_other_has_no_more(a in heads(), b in heads()) {
        let ranges = missing(&a, &b);
        for range in &ranges {
            prop_assert!(1 <= range.from && range.from <= range.to);
            prop_assert!(range.to == b.seq(&range.feed));
            let forked = a.get(&range.feed).map(|head| head.id) != b.get(&range.feed).map(|head| head.id);
            prop_assert!(range.from == a.seq(&range.feed) + 1 || (range.from == a.seq(&range.feed) && forked));
        }
        for (feed, head) in b.iter() {
            let lacks = a.get(feed).is_none_or(|ours| ours.seq < head.seq || (ours.seq == head.seq && ours.id != head.id));
            prop_assert_eq!(lacks, ranges.iter().any(|range| range.feed == *feed));
        }
        prop_assert!(missing(&a, &a).is_empty());
    }

    #[test]
    fn heads_never_go_back(mut a in heads(), b in heads()) {
        for (feed, head) in b.iter() {
            let before = a.seq(feed);
            prop_assert_eq!(a.advance(*feed, *head), head.seq > before);
            prop_assert_eq!(a.seq(feed), before.max(head.seq));
        }
    }
}

#[test]
fn the_same_heads_in_another_channel_have_another_digest() {
    assert_ne!(Heads::new().digest(&channel(1)), Heads::new().digest(&channel(2)));
}

#[test]
fn every_part_of_a_head_counts_in_the_digest() {
    let heads = |n: u8, incarnation: u64, seq: u64, variant: u8| {
        let feed = FeedKey { author: author(n), incarnation };
        Heads::from_iter([(feed, Head { seq, id: id(variant), lamport: 1 })]).digest(&channel(1))
    };
    for other in [heads(2, 0, 1, 0), heads(1, 1, 1, 0), heads(1, 0, 2, 0), heads(1, 0, 1, 1)] {
        assert_ne!(heads(1, 0, 1, 0), other);
    }
}
