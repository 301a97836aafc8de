//! Groups of an account with several devices.

use covey_api::{self as api, GroupState};
use covey_feed::{Author, ChannelId, OrderKey};
use covey_pairing::group::admission::JoinStatement;
use covey_pairing::ids::{DeviceId, GroupId};

use super::world::World;
use crate::engine::group::admission;
use crate::engine::wire::payload::kind;
use crate::engine::{members, rpc};

const LAPTOP: usize = 0;
const SERVER: usize = 1;
const PHONE: usize = 2;
const BOB: usize = 3;
const OURS: [usize; 2] = [LAPTOP, SERVER];

fn wait(world: &mut World) {
    world.settle();
    world.pass(1_800_000, 60_000);
}

/// Bob has a group, and is paired with an account of two devices.
fn garden(seed: u64) -> (World, String) {
    let mut world = World::new(5, seed);
    world.link(LAPTOP, SERVER);
    world.pair(LAPTOP, BOB);
    wait(&mut world);
    let group = world.create_group(BOB, "garden");
    (world, group)
}

/// And has invited that account.
fn invited(seed: u64) -> (World, String) {
    let (mut world, group) = garden(seed);
    world.invite_to(BOB, &group, LAPTOP).unwrap();
    world.settle();
    (world, group)
}

fn states(world: &mut World, group: &str) -> [GroupState; 2] {
    OURS.map(|node| world.group(node, group).state)
}

fn channel_of(group: &str) -> ChannelId {
    ChannelId::from_bytes(data_encoding::HEXLOWER.decode(group.as_bytes()).unwrap().try_into().unwrap())
}

pub(super) fn listed(world: &mut World, node: usize, group: &str, of: usize) -> Vec<DeviceId> {
    let account = world.nodes[of].account();
    let id = channel_of(group);
    world.look(node, |cx| {
        let channel = crate::engine::records::channels::by_id(cx.tx, &id).unwrap().unwrap();
        let group = members::rosters::get(cx, channel.no).unwrap();
        group.roster.member(&account).map(|member| member.devices.to_vec()).unwrap_or_default()
    })
}

#[test]
fn an_invite_to_a_group_is_accepted_on_one_device_and_all_are_in() {
    let (mut world, group) = invited(1);
    assert_eq!(states(&mut world, &group), [GroupState::Invited; 2]);
    world.accept_group(SERVER, &group).unwrap();
    wait(&mut world);
    assert_eq!(states(&mut world, &group), [GroupState::Joined; 2]);
    for (node, text) in [(LAPTOP, "from the laptop"), (SERVER, "from the server"), (BOB, "from bob")] {
        world.say_in(node, &group, text).unwrap();
        wait(&mut world);
    }
    let texts = world.texts_in(BOB, &group);
    assert_eq!(texts.len(), 3);
    for node in OURS {
        assert_eq!(world.texts_in(node, &group), texts, "node {node}");
        assert!(world.verify(node).ok, "{:?}", world.verify(node));
    }
}

#[test]
fn an_invite_to_a_group_is_declined_on_all_devices_at_once() {
    let (mut world, group) = invited(2);
    let decline = api::GroupDecline { group: group.clone(), ..api::GroupDecline::default() };
    world.call(SERVER, |cx| rpc::group::decline(cx, &decline)).unwrap();
    wait(&mut world);
    assert_eq!(states(&mut world, &group), [GroupState::Declined; 2]);
    assert!(world.accept_group(LAPTOP, &group).is_err());
}

/// [MEMBER-1]
#[test]
fn a_device_that_is_linked_later_is_put_on_rosters_and_reads_what_was_written_before() {
    let (mut world, group) = invited(3);
    world.accept_group(LAPTOP, &group).unwrap();
    wait(&mut world);
    world.say_in(BOB, &group, "before").unwrap();
    wait(&mut world);
    world.link(SERVER, PHONE);
    wait(&mut world);
    let phone = world.nodes[PHONE].me.device_id();
    for node in [LAPTOP, SERVER, PHONE, BOB] {
        assert!(listed(&mut world, node, &group, LAPTOP).contains(&phone), "node {node}");
    }
    world.say_in(PHONE, &group, "from the phone").unwrap();
    wait(&mut world);
    for node in [LAPTOP, SERVER, PHONE, BOB] {
        assert_eq!(world.texts_in(node, &group), ["before", "from the phone"], "node {node}");
    }
    // It is revoked: off the rosters, and what it goes on writing reaches nobody.
    world.revoke(LAPTOP, PHONE);
    wait(&mut world);
    for node in [LAPTOP, SERVER, BOB] {
        assert!(!listed(&mut world, node, &group, LAPTOP).contains(&phone), "node {node}");
    }
    world.say_in(PHONE, &group, "still here").ok();
    world.say_in(BOB, &group, "after").unwrap();
    wait(&mut world);
    for node in [LAPTOP, SERVER, BOB] {
        assert_eq!(world.texts_in(node, &group), ["before", "from the phone", "after"], "node {node}");
    }
    assert!(!world.texts_in(PHONE, &group).contains(&"after".to_owned()), "the key of a new chain is not given to it");
}

#[test]
fn who_leaves_on_one_device_has_left_on_all() {
    let (mut world, group) = invited(4);
    world.accept_group(LAPTOP, &group).unwrap();
    wait(&mut world);
    let leave = api::GroupLeave { group: group.clone(), ..api::GroupLeave::default() };
    world.call(LAPTOP, |cx| rpc::group::leave(cx, leave)).unwrap();
    wait(&mut world);
    assert_eq!(states(&mut world, &group), [GroupState::Left; 2]);
}

/// [MEMBER-3]
#[test]
fn a_text_of_a_device_that_no_operation_that_counts_names_is_not_shown() {
    let (mut world, group) = invited(6);
    world.accept_group(LAPTOP, &group).unwrap();
    wait(&mut world);
    let (account, id) = (world.nodes[LAPTOP].account(), channel_of(&group));
    let laptop = world.nodes[LAPTOP].me.author();
    world.look(BOB, |cx| {
        let channel = crate::engine::records::channels::by_id(cx.tx, &id).unwrap().unwrap();
        let lamport = crate::engine::records::channels::ends(cx.tx, &channel).unwrap().lamport + 1;
        let counts = |cx: &crate::engine::Cx<'_, '_>, author| {
            let place = OrderKey { lamport, author, incarnation: 0, seq: 1 };
            members::rights::counts(cx, &channel, &account, &place, kind::TEXT)
        };
        assert!(counts(cx, laptop));
        assert!(!counts(cx, Author::from_bytes([66; 32])));
    });
}

/// [MEMBER-2]
#[test]
fn a_device_that_its_account_has_no_more_is_not_let_in_by_an_older_card() {
    let (mut world, group) = garden(5);
    let channel = channel_of(&group);
    let id = GroupId::from_bytes(*channel.as_bytes());
    let (account, card, now) = (world.nodes[SERVER].account(), world.card(SERVER), world.now);
    let server = world.nodes[SERVER].me.clone();
    let statement = JoinStatement::by_request(id, account, &server.device, now);
    let is_let_in = |world: &mut World| {
        world.look(BOB, |cx| admission::verified(cx, &channel, &statement, &card, account).is_some())
    };
    assert!(is_let_in(&mut world));
    world.revoke(LAPTOP, SERVER);
    wait(&mut world);
    assert!(!is_let_in(&mut world));
}

/// [FAN-4] Regression: household, seed 11.
#[test]
fn what_a_device_that_is_gone_wrote_in_a_group_is_read_with_the_keys_of_another_one_of_its_account() {
    let (mut world, group) = invited(9);
    world.accept_group(SERVER, &group).unwrap();
    wait(&mut world);
    world.say_in(LAPTOP, &group, "before I was lost").unwrap();
    world.say_in(BOB, &group, "what was that?").unwrap();
    wait(&mut world);
    world.stop(LAPTOP);
    world.link(SERVER, PHONE);
    wait(&mut world);
    assert_eq!(world.texts_in(PHONE, &group), ["before I was lost", "what was that?"]);
    assert!([SERVER, PHONE, BOB].iter().all(|node| world.verify(*node).ok));
}

/// [OWN-16] Regression: household, seed 9.
#[test]
fn a_device_that_did_not_hear_of_the_return_to_a_group_takes_nobody_out_of_it() {
    let (mut world, group) = invited(10);
    world.accept_group(SERVER, &group).unwrap();
    wait(&mut world);
    world.stop(SERVER);
    // What the laptop says stands after all that the server is going to say.
    for n in 0..12 {
        let params = api::AccountRename { name: format!("household {n}"), client_id: None };
        world.call(LAPTOP, |cx| rpc::account::rename(cx, &params, String::new())).unwrap();
    }
    world.remove_from(BOB, &group, LAPTOP).unwrap();
    wait(&mut world);
    assert_eq!(world.group(LAPTOP, &group).state, GroupState::Removed);
    world.stop(LAPTOP);
    world.restart(SERVER);
    wait(&mut world);
    assert_eq!(world.group(SERVER, &group).state, GroupState::Removed);
    world.invite_to(BOB, &group, SERVER).unwrap();
    world.accept_group(SERVER, &group).unwrap();
    wait(&mut world);
    assert_eq!(world.group(SERVER, &group).state, GroupState::Joined);
    world.restart(LAPTOP);
    wait(&mut world);
    assert_eq!(states(&mut world, &group), [GroupState::Joined; 2]);
    world.say_in(BOB, &group, "all of you").unwrap();
    wait(&mut world);
    assert!(OURS.iter().all(|node| world.texts_in(*node, &group).contains(&"all of you".to_owned())));
}

/// [NOTE-8] Regression: household, seed 9. The account asked on for ever, and no device of it did.
#[test]
fn what_a_device_asked_for_that_is_lost_another_one_asks_for() {
    let (mut world, group) = invited(11);
    world.stop(BOB);
    world.accept_group(SERVER, &group).unwrap();
    world.settle();
    assert_eq!(states(&mut world, &group), [GroupState::Requested; 2]);
    world.stop(SERVER);
    world.revoke(LAPTOP, SERVER);
    world.restart(BOB);
    wait(&mut world);
    assert_eq!(world.group(LAPTOP, &group).state, GroupState::Joined);
    world.say_in(LAPTOP, &group, "there it is").unwrap();
    wait(&mut world);
    assert_eq!(world.texts_in(BOB, &group), ["there it is"]);
}

/// [NOTE-8] Regression: household, seeds 15 and 147. Nobody asks any more, and no invite was taken either.
#[test]
fn who_waits_for_what_a_lost_device_asked_for_by_a_ticket_is_let_in_by_an_invite() {
    let (mut world, group) = garden(14);
    let params = api::GroupTicket { group: group.clone(), ..api::GroupTicket::default() };
    let ticket = world.call(BOB, |cx| rpc::group::ticket(cx, &params)).unwrap().ticket;
    world.stop(BOB);
    let params = api::GroupJoin { ticket, ..api::GroupJoin::default() };
    world.call(SERVER, |cx| rpc::group::join(cx, params)).unwrap();
    world.settle();
    assert_eq!(states(&mut world, &group), [GroupState::Requested; 2]);
    world.stop(SERVER);
    world.revoke(LAPTOP, SERVER);
    world.restart(BOB);
    wait(&mut world);
    world.invite_to(BOB, &group, LAPTOP).unwrap();
    world.pass(20 * 60_000, 60_000);
    assert_eq!(world.group(LAPTOP, &group).state, GroupState::Joined);
}

/// [NOTE-8] What the copy learns of its own yes it learns from the other device, which does not ask.
#[test]
fn a_device_that_is_an_old_copy_of_before_its_yes_asks_again() {
    let (mut world, group) = invited(12);
    let copy = world.nodes[SERVER].store.clone();
    world.stop(BOB);
    world.accept_group(SERVER, &group).unwrap();
    world.settle();
    world.go_back(SERVER, copy);
    wait(&mut world);
    world.restart(BOB);
    wait(&mut world);
    assert_eq!(states(&mut world, &group), [GroupState::Joined; 2]);
}

/// [NOTE-8] An inviter that is an old copy knows nothing of the invite that was accepted, and makes another one.
#[test]
fn who_was_accepted_and_invites_again_is_asked_by_the_new_invite() {
    let (mut world, group) = garden(13);
    let copy = world.nodes[BOB].store.clone();
    world.invite_to(BOB, &group, LAPTOP).unwrap();
    world.settle();
    world.stop(BOB);
    world.accept_group(SERVER, &group).unwrap();
    world.settle();
    world.go_back(BOB, copy);
    wait(&mut world);
    assert_eq!(states(&mut world, &group), [GroupState::Requested; 2]);
    world.invite_to(BOB, &group, LAPTOP).unwrap();
    wait(&mut world);
    assert_eq!(states(&mut world, &group), [GroupState::Joined; 2]);
}
