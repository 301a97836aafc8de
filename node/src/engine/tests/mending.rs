//! Databases that lost records: each loss is noticed, and what is left is made to agree until contacts give back the rest.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::world::World;
use crate::engine::check;
use crate::store::{Batch, Floors, MemoryStore, Row, Store, Table};

/// Two nodes that talked, read and were renamed.
fn talked(seed: u64) -> World {
    let mut world = World::new(2, seed);
    world.pair(0, 1);
    for n in 0..24 {
        world.write(n % 2, 1 - n % 2, &format!("text {n}")).unwrap();
        world.settle();
    }
    world.pass(120_000, 10_000);
    world
}

/// The records that would be kept twice.
fn kept(store: &MemoryStore) -> Vec<Row> {
    let kept = |key: &[u8]| {
        [Table::Contact, Table::Card, Table::Ticket, Table::Group].map(Table::byte).contains(&key[0])
            || key[1..] == *b"identity"
            || key[1..] == *b"own name"
    };
    store.rows().iter().filter(|(key, _)| kept(key)).map(|(key, value)| (key.clone(), value.to_vec())).collect()
}

fn lose(world: &mut World, node: usize, key: &[u8]) {
    let mut batch = Batch::new();
    batch.delete(key.to_vec());
    world.nodes[node].store.apply(batch).unwrap();
    world.nodes[node].store.flush().unwrap();
}

#[test]
fn a_database_in_use_has_no_problems() {
    let world = talked(1);
    for node in 0..2 {
        let found = world.verify(node);
        assert_eq!((found.problems, found.messages), (Vec::new(), 24), "node {node}");
        assert_eq!(found.feeds.iter().map(|feed| feed.entries).sum::<u64>(), 24);
    }
}

#[test]
fn no_record_that_others_need_can_be_missing_unnoticed() {
    let mut world = talked(2);
    let needed = [
        Table::Contact,
        Table::Alias,
        Table::Card,
        Table::Peer,
        Table::Channel,
        Table::Head,
        Table::Entry,
        Table::Message,
        Table::Order,
    ];
    let needed: Vec<u8> = needed.map(Table::byte).to_vec();
    let keys: Vec<Vec<u8>> =
        world.nodes[0].store.rows().keys().filter(|key| needed.contains(&key[0])).cloned().collect();
    let mut tables = BTreeSet::new();
    for key in
        keys.into_iter().enumerate().filter(|(n, key)| n % 4 == 0 || key[0] <= Table::Head.byte()).map(|(_, key)| key)
    {
        let value = world.nodes[0].store.get(&key).unwrap().unwrap();
        lose(&mut world, 0, &key);
        let found = world.verify(0);
        assert!(!found.ok, "a record of table {:#04x} is missing", key[0]);
        let mut batch = Batch::new();
        batch.put(key.clone(), value);
        world.nodes[0].store.apply(batch).unwrap();
        tables.insert(key[0]);
    }
    assert!(tables.len() >= 8, "{tables:?}");
    assert!(world.verify(0).ok, "as before");
}

#[test]
fn a_record_that_changed_place_or_is_another_is_noticed() {
    let mut world = talked(3);
    let rows: Vec<Row> = world.nodes[0].store.rows().iter().map(|(key, value)| (key.clone(), value.to_vec())).collect();
    for pair in rows.windows(2).step_by(5) {
        let ((one, first), (other, second)) = (&pair[0], &pair[1]);
        let mut batch = Batch::new();
        batch.put(one.clone(), second.clone());
        batch.put(other.clone(), first.clone());
        world.nodes[0].store.apply(batch).unwrap();
        let found = world.verify(0);
        assert!(found.problems.iter().any(|problem| problem.contains("does not authenticate")), "{:?}", found.problems);
        let mut batch = Batch::new();
        batch.put(one.clone(), first.clone());
        batch.put(other.clone(), second.clone());
        world.nodes[0].store.apply(batch).unwrap();
    }
}

/// A node loses some of its records, is mended and started, and some time passes. What was lost, for those who read it.
fn lose_and_mend(world: &mut World, node: usize, seed: u64) -> String {
    let mut rng = StdRng::seed_from_u64(seed);
    world.stop(node);
    world.settle();
    let kept = kept(&world.nodes[node].store);
    let keys: Vec<Vec<u8>> = world.nodes[node].store.rows().keys().cloned().collect();
    let losses = 1 + rng.random_range(0..keys.len());
    for _ in 0..losses {
        let key = keys[rng.random_range(0..keys.len())].clone();
        lose(world, node, &key);
    }
    let it = &mut world.nodes[node];
    let floors = Floors { journal: 5_000, card: 500 };
    let made = check::rebuild(&mut it.store, &it.vault, &mut rng, &kept, floors, &mut |_, _, _| {}).unwrap();
    let made = made.unwrap_or_else(|| panic!("seed {seed}: the account is there"));
    let lost = format!("seed {seed}, node {node}, {losses} losses: {made:?}");
    let found = world.verify(node);
    assert!(found.ok, "{lost}: {:?}", found.problems);
    world.nodes[node].policy.suspect_rollback = true;
    world.restart(node);
    world.nodes[node].policy.suspect_rollback = false;
    world.settle();
    world.pass(600_000, 10_000);
    lost
}

/// Whatever is lost, mending makes the rest agree, and the contact gives back what it has.
#[test]
fn what_is_lost_comes_back_from_the_contact() {
    for seed in 10..20 {
        let mut world = talked(seed);
        let before = world.texts(0, 1);
        assert_eq!(before.len(), 24);
        let lost = lose_and_mend(&mut world, 0, seed);
        for (node, of) in [(0, 1), (1, 0)] {
            assert_eq!(world.texts(node, of), before, "{lost}");
        }
        world.write(0, 1, "and on").unwrap();
        world.write(1, 0, "it goes").unwrap();
        world.pass(120_000, 10_000);
        assert_eq!((world.texts(0, 1).len(), world.texts(1, 0).len()), (26, 26), "seed {seed}");
        assert_eq!(world.verify(0).problems, Vec::<String>::new(), "seed {seed}");
    }
}

/// Likewise in a group, from any member; and whoever could remove somebody still can.
#[test]
fn what_is_lost_of_a_group_comes_back_from_the_members() {
    for seed in 30..60 {
        let mut world = World::new(3, seed);
        let group = world.group_of(&[0, 1, 2], "lake");
        for n in 0..18 {
            world.say_in(n % 3, &group, &format!("text {n}")).unwrap();
            world.pass(5_000, 1_000);
        }
        let before = world.texts_in(0, &group);
        assert_eq!(before.len(), 18);
        let node = usize::from(seed % 2 == 0);
        let lost = lose_and_mend(&mut world, node, seed);
        for node in 0..3 {
            assert_eq!(world.texts_in(node, &group), before, "node {node} after {lost}");
        }
        world.assert_alike(&[0, 1, 2], &group);
        for node in 0..3 {
            world.say_in(node, &group, &format!("and on, {node}")).unwrap();
        }
        world.pass(120_000, 5_000);
        for node in 0..3 {
            assert_eq!(world.texts_in(node, &group).len(), 21, "node {node} after {lost}");
            assert_eq!(world.verify(node).problems, Vec::<String>::new(), "node {node} after {lost}");
        }
        world.remove_from(0, &group, 2).unwrap();
        world.pass(60_000, 1_000);
        assert_eq!(world.group(2, &group).state, covey_api::GroupState::Removed, "{lost}");
        assert_eq!(world.group(1, &group).members, 2, "{lost}");
    }
}
