//! Frames of groups of every kind at random: SPREAD-4, SYNC-1, SYNC-2.

use covey_feed::{
    FeedId, Heads, SyncEffect, SyncInput,
    limits::{MAX_ASKED, MAX_FRAME},
    sync::Rejection,
};
use proptest::prelude::*;

use crate::{
    common::{Writer, author, channel, feed, id},
    raw::{self, wants},
};

use super::mischief::{Group, all_of};

fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let feeds = (1u8..=3, 0u64..2).prop_map(|(a, incarnation)| FeedId { incarnation, ..feed(1, a) });
    let writer = (1usize..4).prop_map(|n| Writer::new(1, 7).written(&[n]));
    prop_oneof![
        (feeds.clone(), 1u64..9, 0u8..3).prop_map(|(feed, seq, n)| raw::announce(channel(1), &[(feed, seq, id(n))])),
        (feeds.clone(), 1u64..9, 0u8..3).prop_map(|(feed, seq, n)| raw::head(feed, seq, id(n))),
        (0u64..20, 0u8..4).prop_map(|(n, c)| raw::summary(channel(1), n, &Heads::new().digest(&channel(c)))),
        (0u32..9, any::<u8>()).prop_map(|(n, b)| {
            let buckets = vec![serde_bytes::ByteBuf::from(vec![b; 16]); 1 << n];
            raw::frame(raw::COMPARE, (channel(1), buckets))
        }),
        Just(raw::graft(channel(1))),
        Just(raw::prune(channel(1))),
        (feeds.clone(), 1u64..5).prop_map(|(feed, from)| raw::want(feed, from)),
        feeds.prop_map(raw::nothing),
        writer.prop_map(|writer| raw::run(writer.feed, &all_of(&writer))),
    ]
}

proptest! {
    #[test]
    fn whatever_peers_say_to_a_group_the_bounds_hold(
        frames in prop::collection::vec((plausible(), 0u8..3, 0u64..2_000, any::<prop::sample::Index>(), 0u8..40), 0..80),
    ) {
        let own = Writer::new(1, 1).written(&[3]);
        let mut group = Group::new(&[&own], 3);
        let mut now = 0;
        for (mut frame, n, pause, at, bit) in frames {
            now += pause;
            if bit < 8 {
                // Now and then a damaged one.
                let at = at.index(frame.len());
                frame[at] ^= 1 << bit;
            }
            let place = usize::from(n);
            let mut effects = [group.tick(place, now), group.receive(place, frame, now)].concat();
            prop_assert!(wants(&effects).len() <= 2 * MAX_ASKED);
            while let Some(effect) = effects.pop() {
                match effect {
                    SyncEffect::Send(frame) => prop_assert!(frame.len() <= MAX_FRAME),
                    SyncEffect::Serve { feed, from, .. } => {
                        prop_assert!(group.spread.heads().seq(&feed.key()) >= from);
                        effects.extend(group.peers[place].handle(SyncInput::Served { feed, from, run: None }, now));
                    }
                    SyncEffect::Deliver { feed, .. } => {
                        let rejected = SyncInput::Rejected { feed, reason: Rejection::Invalid };
                        effects.extend(group.peers[place].handle(rejected, now));
                    }
                    SyncEffect::PeerHas { feed, seq } => prop_assert!(feed == own.feed && seq <= 3),
                    SyncEffect::OwnFeedAhead { feed, .. } => prop_assert_eq!(feed.author, author(1)),
                    SyncEffect::OwnFeedBehind { feed, seq, .. } => prop_assert!(feed == own.feed && seq < 3),
                    SyncEffect::Violation(_) => group.reconnect(n, now),
                }
            }
            for sync in &group.peers {
                prop_assert!(sync.next_timeout().is_none_or(|at| at <= now + 60_000));
            }
        }
    }
}
