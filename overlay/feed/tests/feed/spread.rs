//! SPREAD-…: how entries reach everyone in a group, at what cost.

use std::collections::{BTreeMap, BTreeSet};

use covey_feed::{
    Author, ChannelId,
    spread::{expected_degree, is_edge, neighbours},
};
use proptest::prelude::*;

use crate::{common::channel, crowd::Crowd};

fn members(n: usize, seed: u64) -> Vec<Author> {
    let member = |i: usize| {
        Author::from_bytes(*blake3::hash(&[seed.to_le_bytes(), (i as u64).to_le_bytes()].concat()).as_bytes())
    };
    (0..n).map(member).collect()
}

/// Members that can be reached from the first of them over edges among them.
fn reached(channel: &ChannelId, members: &[Author], n: usize) -> (usize, Vec<usize>) {
    let mut degrees = vec![0; members.len()];
    let mut near: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for a in 0..members.len() {
        for b in a + 1..members.len() {
            if is_edge(channel, &members[a], &members[b], n) {
                near.entry(a).or_default().push(b);
                near.entry(b).or_default().push(a);
                degrees[a] += 1;
                degrees[b] += 1;
            }
        }
    }
    let mut seen = BTreeSet::from([0]);
    let mut next = vec![0];
    while let Some(a) = next.pop() {
        next.extend(near.get(&a).into_iter().flatten().copied().filter(|b| seen.insert(*b)));
    }
    (seen.len(), degrees)
}

proptest! {
    #[test]
    fn being_neighbours_is_mutual(seed in any::<u64>(), n in 2usize..200) {
        let members = members(n, seed);
        for (a, b) in members.iter().zip(members.iter().rev()) {
            prop_assert_eq!(is_edge(&channel(1), a, b, n), is_edge(&channel(1), b, a, n));
        }
        prop_assert!(!is_edge(&channel(1), &members[0], &members[0], n));
    }
}

#[test]
fn a_small_group_is_a_full_mesh() {
    let members = members(11, 1);
    for member in &members {
        assert_eq!(neighbours(&channel(1), member, &members, 11).len(), 10);
    }
}

#[test]
fn a_join_moves_few_edges() {
    let members = members(1_000, 2);
    let edges = |n: usize| -> BTreeSet<Author> {
        neighbours(&channel(1), &members[0], &members[1..n.min(1_000)], n).into_iter().collect()
    };
    assert!(edges(897).is_subset(&edges(1_000)), "within one rounded size nothing else moves");
    let (before, after) = (edges(1_024), edges(1_025));
    assert!(after.is_subset(&before), "and at a step some only go");
    assert!(before.len() - after.len() <= before.len() / 2, "{} {}", before.len(), after.len());
}

#[test]
fn neighbourhoods_connect_everyone_also_when_a_third_is_away_and_stay_small() {
    let sizes: Vec<(usize, u64)> =
        (12..100).step_by(4).map(|n| (n, 20)).chain([(129, 10), (257, 6), (513, 4), (1_025, 3), (2_049, 1)]).collect();
    let sizes =
        if std::env::var_os("COVEY_LONG_TESTS").is_some() { [sizes, vec![(10_000, 1)]].concat() } else { sizes };
    for (n, seeds) in sizes {
        for seed in 0..seeds {
            let members = members(n, seed);
            let (all, degrees) = reached(&channel(1), &members, n);
            assert_eq!(all, n, "{n} members, seed {seed}");
            let most = degrees.iter().max().copied().unwrap_or(0);
            let expected = expected_degree(n);
            assert!((most as f64) < 2.5 * expected, "{n} members, seed {seed}: {most} neighbours, {expected} expected");
            let some = n * 7 / 10;
            assert_eq!(reached(&channel(1), &members[..some], n).0, some, "{some} of {n} members, seed {seed}");
        }
    }
}

/// Figures of one crowd that talks: bytes and frames per member and entry, delays, hops.
fn talk(n: usize, entries: usize, seed: u64) -> (u64, u32) {
    let mut crowd = Crowd::new(seed, n);
    crowd.connect_all();
    crowd.run_for(1_000);
    for _ in 0..entries {
        let author = crowd.any();
        crowd.write(author, 300);
        let pause = crowd.random(1_000);
        crowd.run_for(pause);
    }
    crowd.converge_within(20_000);
    crowd.run_for(5_000);
    assert_eq!(crowd.violations, [], "seed {seed}");
    crowd.delays.sort_unstable();
    let at = |percent: usize| crowd.delays[(crowd.delays.len() - 1) * percent / 100];
    let runs: u64 = crowd.members.iter().map(|member| member.runs).sum();
    assert_eq!(runs, crowd.delays.len() as u64, "everything once");
    let per_entry = crowd.bytes_per_member() / entries as u64;
    eprintln!(
        "{n} members, {entries} entries of 300 bytes, seed {seed}: median {} ms, 99% {} ms, last {} ms, {} hops; \
         each member and entry: {per_entry} bytes, {}.{} frames sent",
        at(50),
        at(99),
        at(100),
        crowd.max_hops,
        crowd.frames_per_member() / entries as u64,
        crowd.frames_per_member() * 10 / entries as u64 % 10,
    );
    (per_entry, crowd.max_hops)
}

#[test]
fn what_a_member_pays_for_an_entry_hardly_grows_with_the_group() {
    let entries = 30;
    talk(5, entries, 1);
    let (small, _) = talk(50, entries, 2);
    let n = std::env::var("COVEY_SPREAD_MEMBERS").map_or(1_000, |n| n.parse().unwrap());
    let (large, hops) = talk(n, entries, 3);
    assert!(large <= 2 * small, "{large} bytes with {n} members, {small} with 50");
    assert!(hops <= 4 * n.ilog2(), "{hops} hops");
}

#[test]
fn entries_reach_everyone_over_lossy_connections() {
    for seed in 0..5 {
        let mut crowd = Crowd::new(seed, 50);
        crowd.connect_all();
        crowd.loss_per_mille = 200;
        for _ in 0..30 {
            let author = crowd.any();
            crowd.write(author, 300);
            crowd.run_for(300);
        }
        let after = crowd.converge_within(10 * 60_000);
        eprintln!(
            "seed {seed}: with a fifth of the frames lost everyone had everything {after} ms after the last was written"
        );
    }
}

#[test]
fn both_halves_of_a_parted_group_have_everything_soon_after_they_meet() {
    for seed in 0..5 {
        let mut crowd = Crowd::new(seed, 60);
        crowd.connect_all();
        let across: Vec<_> = crowd.edges().into_iter().filter(|(a, b)| (*a < 30) != (*b < 30)).collect();
        across.iter().for_each(|(a, b)| crowd.disconnect(*a, *b));
        for _ in 0..40 {
            let author = crowd.any();
            crowd.write(author, 300);
            crowd.run_for(500);
        }
        crowd.run_for(5_000);
        across.iter().take(3).for_each(|(a, b)| crowd.connect(*a, *b, true));
        let after = crowd.converge_within(60_000);
        eprintln!("seed {seed}: healed in {after} ms over three connections");
        assert_eq!(crowd.violations, []);
    }
}

#[test]
fn members_that_come_and_go_miss_nothing() {
    for seed in 0..5 {
        let mut crowd = Crowd::new(seed, 60);
        crowd.connect_all();
        for _ in 0..100 {
            let (author, other) = (crowd.any(), crowd.any());
            if crowd.members[author].online {
                crowd.write(author, 300);
            }
            if crowd.members[other].online {
                crowd.leave(other);
            } else {
                crowd.come(other);
            }
            let pause = crowd.random(2_000);
            crowd.run_for(pause);
        }
        (0..60).filter(|n| !crowd.members[*n].online).collect::<Vec<_>>().into_iter().for_each(|n| crowd.come(n));
        let after = crowd.converge_within(3 * 60_000);
        eprintln!("seed {seed}: everyone had everything {after} ms after the last came back");
        assert_eq!(crowd.violations, []);
    }
}

#[test]
fn a_member_that_was_away_fetches_what_it_missed_about_once() {
    let mut crowd = Crowd::new(1, 40);
    for author in 0..40 {
        crowd.preload(author, &[10; 10], &[7]);
    }
    let size = 40 * 100 * 300;
    crowd.connect_all();
    let after = crowd.converge_within(60_000);
    let received = crowd.members[7].received;
    eprintln!(
        "4000 entries missed: {after} ms, {received} bytes received of about {size}, {} sent",
        crowd.members[7].sent
    );
    assert_eq!(crowd.members[7].runs, 39, "each feed once");
    assert!(received < size * 3 / 2, "{received}");
}

#[test]
fn a_catch_up_that_is_cut_off_goes_on_where_it_was() {
    let mut crowd = Crowd::new(3, 40);
    for author in 0..40 {
        crowd.preload(author, &[10; 10], &[7]);
    }
    crowd.connect_all();
    let mut cuts = 0;
    while !crowd.converged() {
        crowd.run_for(560 + 40 * cuts);
        crowd.leave(7);
        crowd.run_for(1_000);
        crowd.come(7);
        cuts += 1;
        assert!(cuts < 40, "no progress");
    }
    assert!(cuts > 1, "cut off in the middle");
    assert_eq!(crowd.members[7].runs, 39, "nothing is fetched twice");
}

#[test]
fn a_member_without_neighbours_is_served_by_other_members_that_are_connected() {
    let mut crowd = Crowd::new(1, 40);
    crowd.connect_all();
    let near: Vec<_> = crowd.edges().into_iter().filter(|(a, b)| *a == 7 || *b == 7).collect();
    near.iter().for_each(|(a, b)| crowd.disconnect(*a, *b));
    let far: Vec<usize> = (0..40).filter(|n| *n != 7 && !near.contains(&(7.min(*n), 7.max(*n)))).take(3).collect();
    far.iter().for_each(|n| crowd.connect(7, *n, false));
    crowd.run_for(61_000);
    crowd.write(20, 300);
    crowd.converge_within(3_000);
    crowd.write(7, 300);
    crowd.converge_within(3_000);
}
