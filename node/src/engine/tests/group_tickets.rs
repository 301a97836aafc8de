//! A ticket lets nobody in after its time, whatever a joiner says about when it asked.

use covey_api::{self as api, GroupState};

use super::world::World;
use crate::engine::rpc;

const MINUTE: u64 = 60_000;

/// A group with a ticket for an hour, which `waited` minutes later is used by somebody whose clock is `back` minutes behind.
fn come(seed: u64, waited: u64, back: u64) -> (World, String) {
    let mut world = World::new(3, seed);
    let group = world.group_of(&[0, 1], "lake");
    let params = api::GroupTicket { group: group.clone(), expires_in: Some(3_600), ..api::GroupTicket::default() };
    let ticket = world.call(0, |cx| rpc::group::ticket(cx, &params)).unwrap().ticket;
    world.pass(waited * MINUTE, MINUTE);
    world.now -= back * MINUTE;
    let params = api::GroupJoin { ticket, ..api::GroupJoin::default() };
    world.call(2, |cx| rpc::group::join(cx, params)).unwrap();
    world.now += back * MINUTE;
    world.settle();
    world.pass(2 * MINUTE, 1_000);
    (world, group)
}

#[test]
fn a_ticket_that_has_expired_lets_nobody_in_who_says_that_they_asked_in_time() {
    let (mut world, group) = come(750, 120, 90);
    assert_eq!(world.group(0, &group).members, 2);
    assert_eq!(world.group(2, &group).state, GroupState::Declined, "and they are told");
}

#[test]
fn a_clock_that_is_some_minutes_behind_keeps_nobody_out_who_asks_in_time() {
    let (mut world, group) = come(751, 50, 5);
    assert_eq!(world.group(0, &group).members, 3);
    assert_eq!(world.group(2, &group).state, GroupState::Joined);
}
