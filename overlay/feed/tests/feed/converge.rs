//! SYNC-3 to SYNC-8: whatever two or three nodes have, and whatever the network does, they end with the same.

use covey_feed::{Entry, FeedId};
use proptest::prelude::*;

use crate::{
    common::{Writer, channel, feed},
    sim::World,
};

const HOUR: u64 = 3_600_000;

/// Each feed with the number of its batches that each node has.
#[derive(Debug, Clone)]
struct Start {
    seed: u64,
    batches: Vec<(u8, Vec<usize>)>,
    have: Vec<Vec<usize>>,
}

fn starts(nodes: usize) -> impl Strategy<Value = Start> {
    let feed = (1u8..=2, prop::collection::vec(1usize..20, 1..8));
    let feeds = prop::collection::vec(feed, 1..6);
    feeds.prop_flat_map(move |batches| {
        let have = batches.iter().map(|(_, sizes)| prop::collection::vec(0..=sizes.len(), nodes)).collect::<Vec<_>>();
        (any::<u64>(), Just(batches), have).prop_map(|(seed, batches, have)| Start { seed, batches, have })
    })
}

/// Feeds of absent authors (10, 11, …), each node with any number of batches of each.
fn world(start: &Start, nodes: u8) -> World {
    let mut world = World::new(start.seed, nodes, 2);
    for (n, ((channel_number, batches), have)) in start.batches.iter().zip(&start.have).enumerate() {
        let writer = Writer::new(*channel_number, 10 + u8::try_from(n).unwrap()).written(batches);
        for (node, have) in have.iter().enumerate() {
            let entries: usize = batches[..*have].iter().sum();
            world.preload(node, writer.feed, &writer.entries[..entries]);
        }
    }
    world
}

proptest! {
    #[test]
    fn two_nodes_converge_from_any_states(start in starts(2)) {
        let mut world = world(&start, 2);
        world.connect(0, 1);
        world.converge_within(2_000);
        world.check_disks();
    }

    #[test]
    fn three_nodes_in_a_row_converge_over_the_middle_one(start in starts(3)) {
        let mut world = world(&start, 3);
        world.connect(0, 1);
        world.connect(1, 2);
        world.converge_within(5_000);
        world.check_disks();
    }

    #[test]
    fn nodes_converge_under_loss_duplication_reorder_and_restarts(
        start in starts(3),
        loss in 0u64..400,
        duplicates in 0u64..400,
        max_delay in 0u64..3_000,
        events in prop::collection::vec((0u8..6, 0usize..3, 1usize..5), 0..30),
    ) {
        let mut world = world(&start, 3);
        (world.loss_per_mille, world.duplicates_per_mille, world.max_delay) = (loss, duplicates, max_delay);
        world.connect(0, 1);
        world.connect(1, 2);
        for (event, n, size) in events {
            match event {
                0 | 1 => world.write(n, channel(1), vec![b"new".to_vec(); size]),
                2 => world.write(n, channel(2), vec![vec![7; 20_000]; size]),
                3 => world.disconnect(n, (n + 1) % 3),
                4 => world.restart(n),
                _ => world.connect(n, (n + 1) % 3),
            }
            let pause = world.random(20_000);
            world.run_for(pause);
        }
        (world.loss_per_mille, world.duplicates_per_mille, world.max_delay) = (0, 0, 50);
        world.connect(0, 1);
        world.connect(1, 2);
        world.converge_within(3 * HOUR);
        world.check_disks();
    }

    #[test]
    fn nodes_converge_while_the_network_stays_lossy(start in starts(2), loss in 0u64..300) {
        let mut world = world(&start, 2);
        (world.loss_per_mille, world.duplicates_per_mille, world.max_delay) = (loss, loss, 500);
        world.connect(0, 1);
        world.converge_within(48 * HOUR);
        world.check_disks();
    }

    #[test]
    fn everything_written_is_acknowledged_to_its_author(
        seed in any::<u64>(),
        writes in prop::collection::vec((0usize..2, 1usize..64), 1..20),
    ) {
        let mut world = World::new(seed, 2, 1);
        world.connect(0, 1);
        for (n, size) in writes {
            world.write(n, channel(1), vec![b"word".to_vec(); size]);
            let pause = world.random(30);
            world.run_for(pause);
        }
        world.run_for(2 * 60_000);
        prop_assert!(world.converged());
        for (n, peer) in [(0, 1), (1, 0)] {
            let own = feed(1, u8::try_from(n + 1).unwrap());
            let has = world.nodes[n].peer_has.get(&(peer, own)).copied().unwrap_or(0);
            prop_assert_eq!(has, world.nodes[n].seq(&own));
        }
    }
}

#[test]
fn a_long_backlog_is_resumed_where_it_was_cut_off() {
    let mut world = World::new(1, 2, 1);
    let writer = Writer::new(1, 9).written(&[64; 60]);
    world.preload(0, writer.feed, &writer.entries);
    world.max_delay = 0;
    for _ in 0..5 {
        world.connect(0, 1);
        world.run_for(7);
        world.disconnect(0, 1);
    }
    let there = world.nodes[1].seq(&writer.feed);
    assert!(0 < there && there < 64 * 60, "cut off in the middle, at {there}");
    let before = world.nodes[1].delivered_runs;
    world.connect(0, 1);
    world.converge_within(1_000);
    let runs = world.nodes[1].delivered_runs - before;
    assert_eq!(runs as u64, (64 * 60 - there).div_ceil(256), "nothing is fetched twice");
}

#[test]
fn entries_of_a_third_author_reach_a_member_that_never_meets_it() {
    let mut world = World::new(2, 3, 1);
    world.connect(0, 1);
    world.write(0, channel(1), vec![b"from zero".to_vec()]);
    world.run_for(1_000);
    world.disconnect(0, 1);
    world.connect(1, 2);
    world.run_for(1_000);
    assert_eq!(world.nodes[2].seq(&feed(1, 1)), 1);
}

#[test]
fn a_message_reaches_the_other_end_of_a_chain_of_connected_members_at_once() {
    let mut world = World::new(3, 5, 1);
    (1..5).for_each(|n| world.connect(n - 1, n));
    world.run_for(1_000);
    world.write(0, channel(1), vec![b"hello".to_vec()]);
    world.converge_within(500);
}

#[test]
fn a_connected_peer_gets_new_entries_in_one_frame_each() {
    let mut world = World::new(4, 2, 1);
    world.max_delay = 0;
    world.connect(0, 1);
    world.run_for(100);
    let before = world.frames;
    for _ in 0..10 {
        world.write(0, channel(1), vec![b"live".to_vec()]);
        world.run_for(10);
    }
    assert_eq!(world.frames - before, 20, "a run there, a have back");
}

#[test]
fn entries_written_faster_than_they_are_acknowledged_are_still_pushed() {
    let mut world = World::new(5, 2, 1);
    world.max_delay = 0;
    world.connect(0, 1);
    world.run_for(100);
    for _ in 0..100 {
        world.write(0, channel(1), vec![b"burst".to_vec()]);
    }
    world.run_for(2);
    assert_eq!(world.nodes[1].seq(&feed(1, 1)), 100);
    assert_eq!(world.nodes[1].delivered_runs, 100);
}

#[test]
fn more_than_the_push_window_is_pulled_instead() {
    let mut world = World::new(6, 2, 1);
    world.max_delay = 0;
    world.connect(0, 1);
    world.run_for(100);
    let before = world.bytes;
    for _ in 0..20 {
        world.write(0, channel(1), vec![vec![1; 60_000]; 5]);
    }
    assert!(world.bytes - before < 2 * 1024 * 1024, "pushed no more than the window");
    world.converge_within(1_000);
}

#[test]
fn a_quiet_connection_exchanges_nothing_but_a_digest_a_minute() {
    let mut world = World::new(7, 2, 2);
    world.connect(0, 1);
    world.write(0, channel(1), vec![b"last".to_vec()]);
    world.run_for(60_000);
    let before = world.frames;
    world.run_for(10 * 60_000);
    assert_eq!(world.frames - before, 20);
}

#[test]
fn the_newest_channel_is_fetched_first() {
    use covey_feed::{Heads, PeerSync, SyncEffect, SyncInput, sync::SharedChannel};
    let mut ours = PeerSync::new(crate::common::author(1));
    let mut theirs = PeerSync::new(crate::common::author(2));
    let feeds: Vec<Writer> = (1..=3).map(|n| Writer::new(n, 2).written(&[1])).collect();
    let activity = [20, 30, 10];
    let channels = |with: bool| {
        let channels = feeds.iter().zip(activity).map(|(writer, activity)| {
            let heads: Heads =
                writer.head().filter(|_| with).map(|head| (writer.feed.key(), head)).into_iter().collect();
            SharedChannel::new(writer.feed.channel, heads, activity)
        });
        SyncInput::Connected { channels: channels.collect() }
    };
    let frames = |effects: Vec<SyncEffect>| {
        effects.into_iter().filter_map(|e| if let SyncEffect::Send(frame) = e { Some(frame) } else { None })
    };
    let digests: Vec<_> = frames(ours.handle(channels(false), 0)).collect();
    theirs.handle(channels(true), 0);
    let heads: Vec<_> = digests.into_iter().flat_map(|d| theirs.handle(SyncInput::Frame(d), 0)).collect();
    let wants = frames(heads).flat_map(|h| ours.handle(SyncInput::Frame(h), 0)).collect::<Vec<_>>();
    let served = frames(wants).flat_map(|w| theirs.handle(SyncInput::Frame(w), 0));
    let order: Vec<FeedId> =
        served.filter_map(|e| if let SyncEffect::Serve { feed, .. } = e { Some(feed) } else { None }).collect();
    assert_eq!(order, [feed(2, 2), feed(1, 2), feed(3, 2)]);
}

#[test]
fn a_channel_that_becomes_shared_later_is_synchronised_then() {
    let mut world = World::new(8, 2, 2);
    world.leave(channel(2), 1);
    world.write(0, channel(2), vec![b"before".to_vec()]);
    world.connect(0, 1);
    world.run_for(60_000);
    assert_eq!(world.nodes[1].seq(&feed(2, 1)), 0);
    world.join(channel(2), 1);
    world.converge_within(1_000);
    world.leave(channel(2), 1);
    world.write(0, channel(2), vec![b"after".to_vec()]);
    world.run_for(120_000);
    assert_eq!(world.nodes[1].seq(&feed(2, 1)), 1);
}

#[test]
fn a_node_on_an_old_copy_of_its_disk_hears_of_it_and_gets_its_entries_back() {
    let mut world = World::new(9, 2, 1);
    world.connect(0, 1);
    (0..5).for_each(|_| world.write(0, channel(1), vec![b"mine".to_vec()]));
    world.run_for(1_000);
    let own = feed(1, 1);
    let ids = |entries: &[Entry]| entries.iter().map(Entry::id).collect::<Vec<_>>();
    let written = ids(&world.nodes[0].feeds[&own]);
    world.roll_back(0, own, 2);
    world.connect(0, 1);
    world.converge_within(1_000);
    assert_eq!(world.nodes[0].hints, [(own, 5)]);
    assert_eq!(ids(&world.nodes[0].feeds[&own]), written);
}

#[test]
fn a_fork_of_an_own_feed_after_a_restore_is_proven_on_both_sides_and_not_fetched_again() {
    let mut world = World::new(10, 2, 1);
    world.connect(0, 1);
    (0..5).for_each(|_| world.write(0, channel(1), vec![b"mine".to_vec()]));
    world.run_for(1_000);
    let own = feed(1, 1);
    world.roll_back(0, own, 2);
    world.write(0, channel(1), vec![b"written again, differently".to_vec()]);
    world.connect(0, 1);
    world.run_for(60_000);
    assert_eq!(world.nodes[0].frozen.len(), 1);
    let forked = world.nodes[0].proofs[0].verify().unwrap();
    assert_eq!((forked.feed, forked.seq), (own, 3));
    let delivered = world.nodes[0].delivered_runs;
    world.run_for(HOUR);
    assert_eq!(world.nodes[0].delivered_runs, delivered);

    world.nodes[0].incarnation = 1;
    world.write(0, channel(1), vec![b"in the next incarnation".to_vec()]);
    world.run_for(1_000);
    let next = FeedId { incarnation: 1, ..own };
    assert_eq!(world.nodes[1].seq(&next), 1);
}

/// An old copy that was put back unnoticed writes on past what its peer has: nothing in the lengths shows it.
#[test]
fn a_fork_of_an_own_feed_that_is_longer_here_than_there_is_proven_to_its_author() {
    for there in [3, 28] {
        let mut world = World::new(12, 2, 1);
        world.connect(0, 1);
        (0..there).for_each(|_| world.write(0, channel(1), vec![b"mine".to_vec()]));
        world.run_for(1_000);
        let own = feed(1, 1);
        world.roll_back(0, own, 2);
        (0..=there).for_each(|_| world.write(0, channel(1), vec![b"written again".to_vec()]));
        world.connect(0, 1);
        world.run_for(10_000);
        assert!(world.nodes[0].frozen.contains(&own), "the author knows");
        let forked = world.nodes[0].proofs[0].verify().unwrap();
        assert_eq!(forked.feed, own);
        let delivered = world.nodes[0].delivered_runs;
        world.run_for(HOUR);
        assert_eq!(world.nodes[0].delivered_runs, delivered, "once");
    }
}

#[test]
fn different_entries_at_equal_heads_are_fetched_and_prove_the_fork_to_everyone() {
    let mut world = World::new(11, 2, 1);
    let mut honest = Writer::new(1, 9).written(&[3]);
    let mut lying = honest.clone();
    honest.write(&["to the one"]);
    lying.write(&["to the other"]);
    world.preload(0, honest.feed, &honest.entries);
    world.preload(1, lying.feed, &lying.entries);
    world.write(0, channel(1), vec![b"unaffected".to_vec()]);
    world.connect(0, 1);
    world.run_for(10_000);
    for node in &world.nodes {
        assert!(node.frozen.contains(&honest.feed));
        assert_eq!(node.proofs[0].verify().unwrap().seq, 4);
    }
    assert_eq!(world.nodes[1].seq(&feed(1, 1)), 1, "other feeds go on");
    let delivered = world.nodes[0].delivered_runs + world.nodes[1].delivered_runs;
    world.run_for(HOUR);
    assert_eq!(world.nodes[0].delivered_runs + world.nodes[1].delivered_runs, delivered);
}
