//! An old copy of a member's data directory is put back: the group goes on with it.

use std::collections::BTreeSet;

use covey_api::{self as api, Role};

use super::world::World;
use crate::engine::rpc;

/// A group of three of whom `who` is put back to the middle of the conversation.
fn put_back(seed: u64, who: usize, suspect: bool, write_apart: bool) -> (World, String) {
    let mut world = World::new(3, seed);
    let group = world.group_of(&[0, 1, 2], "lake");
    let params =
        api::GroupRole { group: group.clone(), member: world.id(1), role: Role::Admin, ..api::GroupRole::default() };
    world.call(0, |cx| rpc::group::role(cx, &params)).unwrap();
    talk(&mut world, &group, "early");
    let copy = world.nodes[who].store.clone();
    talk(&mut world, &group, "later");
    let params = api::GroupRename { group: group.clone(), name: "sea".into(), client_id: None };
    world.call(who, |cx| rpc::group::rename(cx, &params)).unwrap();
    world.pass(10_000, 500);
    world.stop(who);
    world.nodes[who].store = copy;
    world.nodes[who].policy.suspect_rollback = suspect;
    let others: Vec<usize> = (0..3).filter(|node| *node != who).collect();
    if write_apart {
        others.iter().for_each(|other| world.stop(*other));
    }
    world.restart(who);
    world.settle();
    if write_apart {
        world.say_in(who, &group, "while apart").unwrap();
        others.iter().for_each(|other| world.restart(*other));
    }
    world.pass(180_000, 1_000);
    talk(&mut world, &group, "new");
    world.pass(180_000, 1_000);
    (world, group)
}

/// Each says two things.
fn talk(world: &mut World, group: &str, what: &str) {
    for n in 0..6 {
        world.say_in(n % 3, group, &format!("{what} {n}")).unwrap();
        world.pass(5_000, 500);
    }
}

fn agree(world: &mut World, group: &str, expected: usize) {
    world.assert_alike(&[0, 1, 2], group);
    for node in 0..3 {
        assert_eq!(world.group(node, group).name, "sea", "node {node}");
        let texts = world.texts_in(node, group);
        assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len(), "nothing twice: {texts:?}");
        assert_eq!(texts.len(), expected, "node {node}: {texts:?}");
        assert_eq!(texts, world.texts_in(0, group));
        let found = world.verify(node);
        assert!(found.ok, "node {node}");
    }
}

#[test]
fn a_suspected_old_copy_of_a_member_gets_everything_back_from_the_others() {
    for who in [0, 1] {
        let (mut world, group) = put_back(21, who, true, false);
        agree(&mut world, &group, 18);
    }
}

#[test]
fn an_old_copy_is_recognised_by_what_other_members_know() {
    for who in [0, 1] {
        let (mut world, group) = put_back(22, who, false, false);
        agree(&mut world, &group, 18);
    }
}

#[test]
fn what_a_suspected_old_copy_writes_before_it_meets_any_member_arrives() {
    for who in [0, 1] {
        let (mut world, group) = put_back(23, who, true, true);
        agree(&mut world, &group, 19);
    }
}

#[test]
fn what_an_unsuspected_old_copy_writes_apart_is_written_again() {
    for who in [0, 1] {
        let (mut world, group) = put_back(24, who, false, true);
        agree(&mut world, &group, 19);
    }
}

#[test]
fn an_old_copy_reads_within_seconds_what_was_written_since_with_keys_it_never_had() {
    for suspect in [true, false] {
        let mut world = World::new(3, 25);
        let group = world.group_of(&[0, 1, 2], "lake");
        world.say_in(0, &group, "before").unwrap();
        world.pass(5_000, 500);
        let copy = world.nodes[0].store.clone();
        world.say_in(0, &group, "after").unwrap();
        world.say_in(1, &group, "the first of mine").unwrap();
        world.pass(60_000, 1_000);
        world.stop(0);
        world.nodes[0].store = copy;
        world.nodes[0].policy.suspect_rollback = suspect;
        world.restart(0);
        world.pass(10_000, 500);
        assert_eq!(world.texts_in(0, &group), ["before", "after", "the first of mine"]);
        world.say_in(0, &group, "back").unwrap();
        world.pass(10_000, 500);
        (0..3).for_each(|node| assert_eq!(world.texts_in(node, &group).len(), 4, "node {node}"));
    }
}

/// [NOTE-4] The admin lost the removal with its disk, before anybody else had heard of it; who was removed had been told.
#[test]
fn whom_nobody_knows_to_be_removed_any_more_comes_back_by_a_ticket() {
    let mut world = World::new(2, 27);
    let group = world.group_of(&[0, 1], "lake");
    world.pass(30_000, 500);
    let copy = world.nodes[0].store.clone();
    world.remove_from(0, &group, 1).unwrap();
    world.pass(30_000, 500);
    assert_eq!(world.group(1, &group).state, api::GroupState::Removed);
    world.stop(0);
    world.nodes[0].store = copy;
    world.nodes[0].policy.suspect_rollback = true;
    world.restart(0);
    world.pass(180_000, 1_000);
    world.come_by_ticket(0, &group, &[1]);
    world.pass(180_000, 1_000);
    assert_eq!(world.group(1, &group).state, api::GroupState::Joined);
    world.say_in(1, &group, "back").unwrap();
    world.say_in(0, &group, "welcome").unwrap();
    world.pass(60_000, 1_000);
    for node in 0..2 {
        assert_eq!(world.texts_in(node, &group), ["back", "welcome"], "node {node}");
    }
}
