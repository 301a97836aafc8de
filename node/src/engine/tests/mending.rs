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
        [Table::Contact.byte(), Table::Card.byte(), Table::Ticket.byte()].contains(&key[0])
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

/// Whatever is lost, mending makes the rest agree, and the contact gives back what it has.
#[test]
fn what_is_lost_comes_back_from_the_contact() {
    for seed in 10..20 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut world = talked(seed);
        let before = world.texts(0, 1);
        assert_eq!(before.len(), 24);
        world.stop(0);
        world.settle();
        let kept = kept(&world.nodes[0].store);
        let keys: Vec<Vec<u8>> = world.nodes[0].store.rows().keys().cloned().collect();
        let losses = 1 + rng.random_range(0..keys.len());
        for _ in 0..losses {
            let key = keys[rng.random_range(0..keys.len())].clone();
            lose(&mut world, 0, &key);
        }
        let node = &mut world.nodes[0];
        let floors = Floors { journal: 5_000, card: 500 };
        let made = check::rebuild(&mut node.store, &node.vault, &mut rng, &kept, floors, &mut |_, _, _| {}).unwrap();
        let made = made.unwrap_or_else(|| panic!("seed {seed}: the account is there"));
        let found = world.verify(0);
        assert!(found.ok, "seed {seed}, {losses} losses: {:?} after {made:?}", found.problems);
        world.nodes[0].policy.suspect_rollback = true;
        world.restart(0);
        world.nodes[0].policy.suspect_rollback = false;
        world.settle();
        world.pass(600_000, 10_000);
        for (node, of) in [(0, 1), (1, 0)] {
            assert_eq!(world.texts(node, of), before, "seed {seed}, node {node}, {losses} losses: {made:?}");
        }
        world.write(0, 1, "and on").unwrap();
        world.write(1, 0, "it goes").unwrap();
        world.pass(120_000, 10_000);
        assert_eq!((world.texts(0, 1).len(), world.texts(1, 0).len()), (26, 26), "seed {seed}");
        assert_eq!(world.verify(0).problems, Vec::<String>::new(), "seed {seed}");
    }
}
