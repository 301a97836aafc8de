//! Invites, pacts and blocks of an account with several devices: decided on one of them, or on two at once.

use std::collections::BTreeSet;

use covey_api::{self as api, ContactState};
use covey_pairing::consent::PairFrame;

use super::own_channel::{BOB, CAROL, LAPTOP, OURS, SERVER, by_id, household, sound, states, wait};
use super::world::World;
use crate::engine::records::people;
use crate::engine::{Protocol, rpc};

/// [OWN-5]
#[test]
fn an_invite_is_answered_on_any_device_once_and_the_answer_holds_on_all() {
    let mut world = household(1);
    world.invite(BOB, LAPTOP).unwrap();
    world.invite(CAROL, SERVER).unwrap();
    world.settle();
    assert_eq!(states(&mut world, BOB), [Some(ContactState::Pending); 2]);
    assert_eq!(states(&mut world, CAROL), [Some(ContactState::Pending); 2]);
    // Each on the device that the invite did not come to.
    world.accept(SERVER, BOB).unwrap();
    let carol = by_id(&world, CAROL);
    let declined = api::PairDecline { contact: carol, ..api::PairDecline::default() };
    world.call(LAPTOP, |cx| rpc::pair::decline(cx, &declined)).unwrap();
    wait(&mut world);
    assert_eq!(states(&mut world, BOB), [Some(ContactState::Paired); 2]);
    assert_eq!(states(&mut world, CAROL), [Some(ContactState::Declined); 2]);
    let contacts = [LAPTOP, SERVER, BOB].map(|node| {
        let of = if node == BOB { LAPTOP } else { BOB };
        world.contact(node, of).unwrap()
    });
    assert!(contacts.iter().all(|contact| contact.confirmed && contact.channel == contacts[0].channel));
    assert!(OURS.iter().all(|node| world.is_open(*node, BOB) && world.is_open(BOB, *node)));
    assert!(world.accept(LAPTOP, CAROL).is_err(), "it was answered");
    sound(&world, &[LAPTOP, SERVER, BOB, CAROL]);
}

/// [OWN-6]
#[test]
fn an_invite_that_two_devices_accept_at_once_ends_in_one_pact_everywhere() {
    for seed in 20..26 {
        let mut world = household(seed);
        world.invite(BOB, LAPTOP).unwrap();
        world.settle();
        let order = if seed % 2 == 0 { OURS } else { [SERVER, LAPTOP] };
        // Neither hears of the other one before; then bob's word comes first, or that of the other, or either.
        world.drop = [Protocol::Sync, Protocol::Pair].into();
        for node in order {
            world.accept(node, BOB).unwrap();
        }
        world.settle();
        match seed % 3 {
            0 => world.drop.clear(),
            1 => drop(world.drop.remove(&Protocol::Pair)),
            _ => drop(world.drop.remove(&Protocol::Sync)),
        }
        world.pass(3_600_000, 60_000);
        world.drop.clear();
        world.pass(3_600_000, 60_000);
        let contacts = [LAPTOP, SERVER, BOB].map(|node| {
            let of = if node == BOB { LAPTOP } else { BOB };
            world.contact(node, of).unwrap()
        });
        for contact in &contacts {
            assert_eq!((contact.state, contact.confirmed), (ContactState::Paired, true), "seed {seed}");
            assert_eq!(contact.channel, contacts[0].channel, "seed {seed}");
        }
        world.write(BOB, LAPTOP, "to whom?").unwrap();
        wait(&mut world);
        assert_eq!(OURS.map(|node| world.texts(node, BOB)), [["to whom?"]; 2]);
        sound(&world, &[LAPTOP, SERVER, BOB]);
    }
}

#[test]
fn names_blocks_and_the_end_of_a_pairing_hold_on_all_devices() {
    let mut world = household(3);
    world.pair(LAPTOP, BOB);
    wait(&mut world);
    let bob = by_id(&world, BOB);
    let named = api::PairRename { contact: bob.clone(), alias: "robert".into(), client_id: None };
    world.call(LAPTOP, |cx| rpc::pair::rename(cx, &named)).unwrap();
    let us = api::AccountRename { name: "Household".into(), client_id: None };
    world.call(SERVER, |cx| rpc::account::rename(cx, &us, String::new())).unwrap();
    wait(&mut world);
    assert_eq!(world.contact(SERVER, BOB).unwrap().alias.as_deref(), Some("robert"));
    assert_eq!(world.look(LAPTOP, |cx| people::own_name(cx.tx).unwrap()).as_deref(), Some("Household"));
    assert_eq!(world.contact(BOB, LAPTOP).unwrap().name.as_deref(), Some("Household"));
    let blocked = api::PairBlock { contact: bob.clone(), client_id: None };
    world.call(SERVER, |cx| rpc::pair::block(cx, &blocked)).unwrap();
    wait(&mut world);
    assert_eq!(states(&mut world, BOB), [Some(ContactState::Blocked); 2]);
    assert!(!world.is_open(LAPTOP, BOB));
    let lifted = api::PairUnblock { contact: bob.clone(), client_id: None };
    world.call(LAPTOP, |cx| rpc::pair::unblock(cx, &lifted)).unwrap();
    wait(&mut world);
    assert_eq!(states(&mut world, BOB), [Some(ContactState::Paired); 2]);
    assert!(OURS.iter().all(|node| world.is_open(*node, BOB)));
    let removed = api::PairRemove { contact: bob, ..api::PairRemove::default() };
    world.call(SERVER, |cx| rpc::pair::remove(cx, &removed)).unwrap();
    wait(&mut world);
    assert_eq!(states(&mut world, BOB), [Some(ContactState::Removed); 2]);
    assert_eq!(world.state(BOB, LAPTOP), Some(ContactState::Removed));
    sound(&world, &[LAPTOP, SERVER, BOB]);
}

/// [OWN-9]
#[test]
fn a_removal_that_reaches_a_device_that_knows_nothing_of_the_pact_is_not_lost() {
    let mut world = household(9);
    world.stop(SERVER);
    world.pair(LAPTOP, BOB);
    world.stop(LAPTOP);
    world.restart(SERVER);
    wait(&mut world);
    assert_eq!(world.state(SERVER, BOB), None, "it has not heard of bob");
    let params = api::PairRemove { contact: world.id(LAPTOP), ..api::PairRemove::default() };
    world.call(BOB, |cx| rpc::pair::remove(cx, &params)).unwrap();
    wait(&mut world);
    world.restart(LAPTOP);
    wait(&mut world);
    assert_eq!(states(&mut world, BOB), [Some(ContactState::Removed); 2]);
    sound(&world, &OURS);
}

/// [OWN-10]
#[test]
fn a_block_here_and_an_end_there_leave_a_block_without_a_pact() {
    let mut world = household(10);
    world.pair(LAPTOP, BOB);
    wait(&mut world);
    world.drop = [Protocol::Sync].into();
    let bob = by_id(&world, BOB);
    let block = api::PairBlock { contact: bob.clone(), client_id: None };
    world.call(LAPTOP, |cx| rpc::pair::block(cx, &block)).unwrap();
    world.settle();
    world.stop(LAPTOP);
    world.drop.clear();
    let params = api::PairRemove { contact: by_id(&world, LAPTOP), ..api::PairRemove::default() };
    world.call(BOB, |cx| rpc::pair::remove(cx, &params)).unwrap();
    wait(&mut world);
    assert_eq!(world.state(SERVER, BOB), Some(ContactState::Removed));
    world.restart(LAPTOP);
    wait(&mut world);
    assert_eq!(states(&mut world, BOB), [Some(ContactState::Blocked); 2]);
    let unblock = api::PairUnblock { contact: bob, client_id: None };
    world.call(SERVER, |cx| rpc::pair::unblock(cx, &unblock)).unwrap();
    wait(&mut world);
    assert!(states(&mut world, BOB).iter().all(|state| *state != Some(ContactState::Paired)), "the pact is over");
    sound(&world, &[LAPTOP, SERVER, BOB]);
}

/// An invite of bob's is accepted on the laptop, and on the server by itself, which hears of nothing. Then bob hears from the laptop alone.
fn accepted_twice(seed: u64) -> World {
    let mut world = household(seed);
    world.invite(BOB, LAPTOP).unwrap();
    world.settle();
    world.drop = [Protocol::Sync, Protocol::Pair].into();
    for node in OURS {
        world.accept(node, BOB).unwrap();
    }
    world
}

fn heard_from_the_laptop(world: &mut World) {
    world.settle();
    world.stop(SERVER);
    world.drop.clear();
    world.pass(3_600_000, 60_000);
    assert!(world.contact(LAPTOP, BOB).unwrap().confirmed);
    world.restart(SERVER);
    world.pass(3_600_000, 60_000);
}

/// [OWN-10]
#[test]
fn a_confirmed_answer_counts_before_one_that_was_not_whatever_was_decided_there() {
    let mut world = accepted_twice(11);
    let contact = by_id(&world, BOB);
    let block = api::PairBlock { contact: contact.clone(), client_id: None };
    let unblock = api::PairUnblock { contact, client_id: None };
    world.call(SERVER, |cx| rpc::pair::block(cx, &block)).unwrap();
    world.call(SERVER, |cx| rpc::pair::unblock(cx, &unblock)).unwrap();
    heard_from_the_laptop(&mut world);
    let channel = world.contact(BOB, LAPTOP).unwrap().channel;
    for node in OURS {
        let contact = world.contact(node, BOB).unwrap();
        assert_eq!((contact.state, contact.confirmed), (ContactState::Paired, true));
        assert_eq!(contact.channel, channel);
    }
    sound(&world, &[LAPTOP, SERVER, BOB]);
}

/// [OWN-10] [PAIR-90]
#[test]
fn a_contact_removed_on_the_device_whose_answer_it_did_not_take_hears_that_it_was_removed() {
    let mut world = accepted_twice(12);
    let params = api::PairRemove { contact: by_id(&world, BOB), ..api::PairRemove::default() };
    world.call(SERVER, |cx| rpc::pair::remove(cx, &params)).unwrap();
    heard_from_the_laptop(&mut world);
    assert_eq!(states(&mut world, BOB), [Some(ContactState::Removed); 2]);
    assert_eq!(world.state(BOB, LAPTOP), Some(ContactState::Removed));
    sound(&world, &[LAPTOP, SERVER, BOB]);
}

/// Invites that bob was sent.
fn invites(world: &World) -> usize {
    let sent = world.record.iter().flatten().filter(|(_, to, protocol, _)| (*to, *protocol) == (BOB, Protocol::Pair));
    let frames = sent.filter_map(|(.., frame)| PairFrame::decode(frame).ok());
    let invites = frames.filter(|frame| matches!(frame, PairFrame::Invite(_)));
    invites.map(|frame| *frame.invite_id().as_bytes()).collect::<BTreeSet<_>>().len()
}

/// [OWN-14] Regression: `scripts/lab.sh --devices --seed 12`.
#[test]
fn an_invite_that_waits_for_a_key_is_made_by_the_device_that_was_asked_and_by_no_other() {
    for asked in OURS {
        let mut world = household(30);
        world.record = Some(Vec::new());
        world.invite(asked, BOB).unwrap();
        wait(&mut world);
        assert_eq!(invites(&world), 1);
        assert_eq!(states(&mut world, BOB), [Some(ContactState::Invited); 2]);
    }
}

/// [OWN-14]
#[test]
fn an_invite_whose_device_is_gone_is_made_by_another_one() {
    let mut world = household(31);
    world.record = Some(Vec::new());
    world.drop = [Protocol::Pair].into();
    world.invite(LAPTOP, BOB).unwrap();
    world.settle();
    world.stop(LAPTOP);
    world.drop.clear();
    world.pass(120_000, 10_000);
    assert_eq!(invites(&world), 0, "the laptop may come back");
    world.pass(600_000, 10_000);
    assert_eq!(world.state(BOB, SERVER), Some(ContactState::Pending));
    world.accept(BOB, SERVER).unwrap();
    wait(&mut world);
    world.restart(LAPTOP);
    wait(&mut world);
    assert_eq!(invites(&world), 1);
    assert_eq!(states(&mut world, BOB), [Some(ContactState::Paired); 2]);
    sound(&world, &[LAPTOP, SERVER, BOB]);
}
