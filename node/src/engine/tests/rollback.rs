//! An old copy of a data directory is put back: both go on talking, nothing is lost, doubled or reused.

use std::collections::BTreeSet;

use super::world::World;

/// Two nodes that talked, one of which is put back to the middle of it.
fn put_back(seed: u64, suspect: bool, write_apart: bool) -> World {
    let mut world = World::new(2, seed);
    world.pair(0, 1);
    for n in 0..10 {
        world.write(n % 2, 1 - n % 2, &format!("early {n}")).unwrap();
        world.settle();
    }
    let copy = world.nodes[0].store.clone();
    for n in 0..10 {
        world.write(n % 2, 1 - n % 2, &format!("later {n}")).unwrap();
        world.settle();
    }
    world.stop(0);
    world.settle();
    world.nodes[0].store = copy;
    world.nodes[0].policy.suspect_rollback = suspect;
    if write_apart {
        world.stop(1);
        world.restart(0);
        world.settle();
        world.write(0, 1, "while apart").unwrap();
        world.restart(1);
    } else {
        world.restart(0);
    }
    world.settle();
    world.pass(180_000, 5_000);
    world
}

fn goes_on(world: &mut World, expected: usize) {
    for n in 0..6 {
        world.write(n % 2, 1 - n % 2, &format!("new {n}")).unwrap();
        world.settle();
    }
    world.pass(180_000, 5_000);
    for (node, of) in [(0, 1), (1, 0)] {
        let texts = world.texts(node, of);
        let distinct: BTreeSet<&String> = texts.iter().collect();
        assert_eq!(distinct.len(), texts.len(), "nothing twice: {texts:?}");
        assert_eq!(texts.len(), expected + 6, "node {node}: {texts:?}");
    }
    assert_eq!(world.texts(0, 1), world.texts(1, 0));
}

#[test]
fn a_suspected_old_copy_begins_anew_and_gets_everything_back() {
    let mut world = put_back(1, true, false);
    goes_on(&mut world, 20);
}

#[test]
fn an_old_copy_is_recognised_by_what_the_contact_knows() {
    let mut world = put_back(2, false, false);
    goes_on(&mut world, 20);
}

#[test]
fn what_a_suspected_old_copy_writes_before_it_meets_anybody_arrives() {
    let mut world = put_back(3, true, true);
    goes_on(&mut world, 21);
}

#[test]
fn what_an_unsuspected_old_copy_writes_is_written_again_when_it_forked_its_own_feed() {
    let mut world = put_back(4, false, true);
    assert!(world.texts(1, 0).contains(&"while apart".to_owned()));
    goes_on(&mut world, 21);
}
