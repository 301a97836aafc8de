//! FEED-14: one total order, the same everywhere, causal, and the same in bytes.

use covey_feed::{OrderKey, header::Header};
use proptest::prelude::*;

use crate::{
    common::{author, channel, feed, header},
    sim::World,
};

fn keys() -> impl Strategy<Value = OrderKey> {
    (0u64..4, 1u8..4, 0u64..3, 0u64..4).prop_map(|(lamport, n, incarnation, seq)| OrderKey {
        lamport,
        author: author(n),
        incarnation,
        seq,
    })
}

proptest! {
    #[test]
    fn the_order_is_total_and_its_bytes_sort_alike(mut keys in prop::collection::vec(keys(), 3)) {
        keys.sort();
        prop_assert!(keys[0] <= keys[1] && keys[1] <= keys[2] && keys[0] <= keys[2]);
        for (a, b) in [(0, 1), (1, 2), (0, 2)] {
            prop_assert_eq!(keys[a].cmp(&keys[b]), keys[a].to_bytes().cmp(&keys[b].to_bytes()));
            prop_assert_eq!(keys[a] == keys[b], keys[a].cmp(&keys[b]).is_eq());
        }
    }

    #[test]
    fn an_entry_comes_after_everything_its_author_had_seen(
        seed in any::<u64>(),
        writes in prop::collection::vec(0usize..3, 1..20),
    ) {
        let mut world = World::new(seed, 3, 1);
        world.connect(0, 1);
        world.connect(1, 2);
        let mut seen: Vec<(OrderKey, Vec<OrderKey>)> = Vec::new();
        for n in writes {
            let past = world.nodes[n].feeds.values().flatten().map(covey_feed::Entry::order).collect();
            world.write(n, channel(1), vec![b"word".to_vec()]);
            let own = feed(1, u8::try_from(n + 1).unwrap());
            seen.push((world.nodes[n].feeds[&own].last().unwrap().order(), past));
            let pause = world.random(60);
            world.run_for(pause);
        }
        for (key, past) in seen {
            prop_assert!(past.iter().all(|before| *before < key));
        }
    }
}

#[test]
fn two_incarnations_of_one_device_never_share_a_place() {
    let one: Header = header(feed(1, 1), 1, None, 1);
    let mut other = one.clone();
    other.feed.incarnation = 1;
    assert_ne!(OrderKey::from(&one), OrderKey::from(&other));
}
