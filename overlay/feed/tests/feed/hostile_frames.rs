//! Frames of every kind at random: SYNC-1, SYNC-2.

use covey_feed::{FeedId, SyncEffect, SyncInput, limits::MAX_FRAME, sync::Rejection};
use proptest::prelude::*;

use crate::{
    common::{Writer, author, channel, id},
    raw::{self, connected, receive, reconnect, wants},
    sim::World,
};

use super::hostile::{all_of, violation};

const HOUR: u64 = 3_600_000;

/// Frames of the right shape with small numbers in them, so that they often mean something. Its runs are signed by author 7.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let feeds = (1u8..=2, 1u8..=3, 0u64..2).prop_map(|(c, a, incarnation)| FeedId {
        channel: channel(c),
        author: author(a),
        incarnation,
    });
    let written = (1usize..4, 1usize..4).prop_map(|(a, b)| Writer::new(1, 7).written(&[a, b]));
    prop_oneof![
        (feeds.clone(), 0u64..12, 0u8..3).prop_map(|(feed, seq, n)| raw::head(feed, seq.max(1), id(n))),
        (feeds.clone(), 1u64..12).prop_map(|(feed, from)| raw::want(feed, from)),
        (feeds.clone(), 1u64..3).prop_map(|(feed, seq)| raw::have(feed, seq)),
        feeds.clone().prop_map(raw::nothing),
        Just(raw::refused()),
        (feeds, written).prop_map(|(feed, writer)| raw::run(feed, &all_of(&writer))),
        prop::collection::vec(any::<u8>(), 0..64),
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_change_nothing_but_the_connection(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let own = Writer::new(1, 1).written(&[3]);
        let mut sync = connected(&[&own], 0);
        let effects = receive(&mut sync, bytes, 1);
        prop_assert!(effects.len() <= 1);
        if violation(&effects).is_some() {
            reconnect(&mut sync, &[&own], 2);
        }
        prop_assert_eq!(receive(&mut sync, raw::want(own.feed, 1), 3).len(), 1);
    }

    #[test]
    fn damaged_frames_never_panic(
        (at, bit) in (any::<prop::sample::Index>(), 0u8..8),
        frame in plausible(),
    ) {
        let own = Writer::new(1, 1).written(&[3]);
        let mut sync = connected(&[&own], 0);
        let mut frame = frame;
        if !frame.is_empty() {
            let at = at.index(frame.len());
            frame[at] ^= 1 << bit;
        }
        receive(&mut sync, frame, 1);
    }

    #[test]
    fn whatever_a_peer_says_the_bounds_hold(frames in prop::collection::vec((plausible(), 0u64..30_000), 0..60)) {
        let own = Writer::new(1, 1).written(&[3]);
        let mut sync = connected(&[&own], 0);
        let mut now = 0;
        for (frame, pause) in frames {
            now += pause;
            let effects = [sync.handle(SyncInput::Tick, now), receive(&mut sync, frame, now)].concat();
            prop_assert!(wants(&effects).len() <= 4);
            for effect in &effects {
                match effect {
                    SyncEffect::Send(frame) => prop_assert!(frame.len() <= MAX_FRAME),
                    SyncEffect::Serve { feed, from, .. } => {
                        prop_assert!(*feed == own.feed && (1..=3).contains(from));
                        let (feed, from, run) = (*feed, *from, None);
                        sync.handle(SyncInput::Served { feed, from, run }, now);
                    }
                    SyncEffect::Deliver { feed, .. } => {
                        prop_assert_eq!(feed.channel, channel(1));
                        sync.handle(SyncInput::Rejected { feed: *feed, reason: Rejection::Invalid }, now);
                    }
                    SyncEffect::PeerHas { feed, seq } => prop_assert!(*feed == own.feed && *seq <= 3),
                    SyncEffect::OwnFeedAhead { feed, .. } => prop_assert_eq!(feed.author, author(1)),
                    SyncEffect::OwnFeedBehind { feed, seq, .. } => {
                        prop_assert!(*feed == own.feed && *seq < 3);
                        sync.handle(SyncInput::Contested { feed: *feed, seq: *seq }, now);
                    }
                    SyncEffect::Violation(_) => reconnect(&mut sync, &[&own], now),
                }
            }
        }
    }

    #[test]
    fn frames_slipped_into_a_good_conversation_do_not_keep_it_from_converging(
        seed in any::<u64>(),
        frames in prop::collection::vec((plausible(), 0u64..2_000), 1..30),
    ) {
        // Node 1 (author 2) is the peer that the frames claim to come from; its own words follow them.
        let mut world = World::new(seed, 2, 1);
        world.connect(0, 1);
        for (frame, pause) in frames {
            world.inject(1, 0, frame);
            world.write(1, channel(1), vec![b"true".to_vec()]);
            world.run_for(pause);
            world.connect(0, 1);
        }
        world.converge_within(6 * HOUR);
        world.check_disks();
    }
}
