//! Frames of the keeper protocol that find a full queue are lost, and said again.

use covey_api::{self as api, KeeperState, MessageState};

use super::{ALICE, BOB, KEEPER, add, delivery, kept, serve, wait};
use crate::engine::Protocol;
use crate::engine::records::mailboxes;
use crate::engine::tests::world::World;

/// At how many keepers Alice can leave mail for Bob.
fn known(world: &mut World) -> usize {
    let bob = world.nodes[BOB].account();
    world.look(ALICE, |cx| mailboxes::theirs(cx.tx, &bob).unwrap()).iter().map(|theirs| theirs.mailbox.at.len()).sum()
}

#[test]
fn a_keeper_that_did_not_hear_who_asks_is_told_again() {
    let mut world = World::new(4, 51);
    world.pair(ALICE, BOB);
    let ticket = serve(&mut world, &api::KeeperServe::default());
    world.drop.insert(Protocol::Keeper);
    assert_eq!(add(&mut world, BOB, &ticket), KeeperState::Asked);
    world.drop.clear();
    wait(&mut world);
    assert_eq!(known(&mut world), 1);
}

#[test]
fn a_keeper_that_did_not_hear_of_a_slot_is_told_again() {
    let mut world = World::new(4, 52);
    let ticket = serve(&mut world, &api::KeeperServe::default());
    assert_eq!(add(&mut world, BOB, &ticket), KeeperState::Keeps);
    world.drop.insert(Protocol::Keeper);
    world.pair(ALICE, BOB);
    wait(&mut world);
    assert_eq!(known(&mut world), 0);
    world.drop.clear();
    world.pass(120_000, 5_000);
    assert_eq!(known(&mut world), 1);
}

#[test]
fn a_keeper_that_says_nothing_is_not_asked_without_end() {
    let mut world = kept(53);
    world.restart(KEEPER);
    world.settle();
    world.drop.insert(Protocol::Keeper);
    world.restart(BOB);
    world.drop.clear();
    world.puppet = Some(KEEPER);
    world.settle();
    world.pass(3_600_000, 10_000);
    let asked = world.heard.iter().filter(|(protocol, _)| *protocol == Protocol::Keeper).count();
    // Who we are, and what lies there: both ever more rarely.
    assert!((2..30).contains(&asked), "asked {asked} times in an hour");
}

#[test]
fn what_was_written_just_before_a_contact_went_is_left_soon() {
    let mut world = kept(54);
    world.stop(BOB);
    world.write(ALICE, BOB, "one").unwrap();
    wait(&mut world);
    world.restart(BOB);
    world.settle();
    world.drop.insert(Protocol::Sync);
    let sent = world.write(ALICE, BOB, "two").unwrap().id;
    world.settle();
    world.drop.clear();
    world.stop(BOB);
    wait(&mut world);
    assert_eq!(delivery(&mut world, ALICE, &sent).state, MessageState::Kept);
}
