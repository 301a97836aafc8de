//! Groups of an account that is brought back with its words. Node 0 is recovered, with a group; what becomes of it is node 3, a new machine.
//! Node 1 is its contact; node 2 is a member and nobody's contact but node 1's.

use covey_api::{self as api, GroupState};
use covey_pairing::group::admission::Welcome;
use covey_pairing::group::roster::OpId;
use covey_pairing::identity::AccountSecret;

use super::own_groups::listed;
use super::recovery::{add_recovered, recover};
use super::world::World;
use crate::engine::group::{returning, welcome};
use crate::engine::records::devices::DeviceRef;
use crate::engine::records::standing;
use crate::engine::{Cx, Protocol, rpc};

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;
const ANEW: usize = 3;

fn wait(world: &mut World) {
    world.settle();
    world.pass(10 * 60_000, 5_000);
}

/// A group of three, made by `founder`, and the words of Alice.
fn garden(founder: usize, seed: u64) -> (World, String, AccountSecret) {
    let mut world = World::new(3, seed);
    let group = world.create_group(founder, "garden");
    if founder == ALICE {
        world.bring_in(ALICE, &group, BOB);
        world.come_by_ticket(ALICE, &group, &[CAROL]);
    } else {
        world.bring_in(BOB, &group, ALICE);
        world.bring_in(BOB, &group, CAROL);
    }
    wait(&mut world);
    world.say_in(ALICE, &group, "before the fire").unwrap();
    wait(&mut world);
    assert_eq!(world.texts_in(CAROL, &group), ["before the fire"]);
    let words = world.nodes[ALICE].me.account.clone();
    (world, group, words)
}

/// Alice's words on a new machine, and the one thing that she has to do there.
fn come_back(world: &mut World, words: &AccountSecret) {
    recover(world, words);
    wait(world);
    assert_eq!(world.call(ANEW, rpc::pair::accept_renewals).unwrap().len(), 1);
    wait(world);
}

fn groups(world: &mut World, node: usize) -> Vec<api::Group> {
    world.call(node, |cx| rpc::group::list(cx, &api::GroupList::default())).unwrap()
}

/// [MEMBER-4] [MEMBER-5]
#[test]
fn the_groups_of_a_recovered_account_talk_on_after_one_accept_of_renewals() {
    for founder in [ALICE, BOB] {
        let (mut world, group, words) = garden(founder, 180);
        come_back(&mut world, &words);
        let shown = world.group(ANEW, &group);
        assert_eq!((shown.state, shown.members), (GroupState::Joined, 3));
        let anew = world.nodes[ANEW].me.device_id();
        for node in [BOB, CAROL, ANEW] {
            assert_eq!(listed(&mut world, node, &group, ANEW), [anew], "node {node}");
        }
        for (node, text) in [(BOB, "welcome back"), (ANEW, "good to be back"), (CAROL, "who was that?")] {
            world.say_in(node, &group, text).unwrap();
            wait(&mut world);
        }
        for node in [BOB, CAROL] {
            let texts = world.texts_in(node, &group);
            assert_eq!(texts, ["before the fire", "welcome back", "good to be back", "who was that?"], "node {node}");
        }
        assert_eq!(world.texts_in(ANEW, &group), ["welcome back", "good to be back", "who was that?"]);
        if founder == ALICE {
            let rename = api::GroupRename { group: group.clone(), name: "orchard".into(), client_id: None };
            world.call(ANEW, |cx| rpc::group::rename(cx, &rename)).unwrap();
            wait(&mut world);
            assert_eq!(world.group(CAROL, &group).name, "orchard", "she is the owner as before");
        }
        for node in [BOB, CAROL, ANEW] {
            assert!(world.verify(node).ok, "{:?}", world.verify(node));
        }
    }
}

/// [MEMBER-4] Regression: what was written before the roster had the device was taken by nobody, nor was anything after it.
#[test]
fn a_recovered_device_writes_nothing_before_it_has_brought_itself_onto_the_roster() {
    let (mut world, group, words) = garden(BOB, 210);
    recover(&mut world, &words);
    wait(&mut world);
    world.call(ANEW, rpc::pair::accept_renewals).unwrap();
    let known = |cx: &mut Cx<'_, '_>| standing::all(cx.tx).unwrap().pop();
    while world.look(ANEW, known).is_none() {
        assert_eq!(world.deliver(1), 1, "the group is given back");
    }
    // An operation that is on its way for long.
    let missing = OpId::from_bytes([7; 32]);
    world
        .call(ANEW, |cx| {
            let mut standing = known(cx).unwrap();
            standing.newest.push(missing);
            Ok(standing.save(cx.tx)?)
        })
        .unwrap();
    wait(&mut world);
    assert_eq!(world.group(ANEW, &group).state, GroupState::Joined);
    let refused = world.say_in(ANEW, &group, "too soon").unwrap_err();
    assert_eq!(refused.reason, api::Reason::WrongState);
    let read = api::ChannelMarkRead { channel: group.clone(), up_to: None, client_id: None };
    world.call(ANEW, |cx| rpc::channel::mark_read(cx, &read)).unwrap();
    // It has come, and there was no tick since.
    world
        .call(ANEW, |cx| {
            let mut standing = known(cx).unwrap();
            standing.newest.retain(|op| *op != missing);
            Ok(standing.save(cx.tx)?)
        })
        .unwrap();
    world.say_in(ANEW, &group, "good to be back").unwrap();
    wait(&mut world);
    let anew = world.nodes[ANEW].me.device_id();
    for node in [BOB, CAROL] {
        assert_eq!(listed(&mut world, node, &group, ANEW), [anew], "node {node}");
        assert_eq!(world.texts_in(node, &group), ["before the fire", "good to be back"], "node {node}");
    }
}

/// [MEMBER-4] The new device waits for all that its contact knows: beside it nothing counts that the devices of before did.
#[test]
fn whom_any_of_the_devices_of_before_let_in_stays_a_member() {
    const SERVER: usize = 3;
    const RECOVERED: usize = 4;
    for seed in 190..200 {
        let mut world = World::new(4, seed);
        world.link(ALICE, SERVER);
        let group = world.create_group(ALICE, "garden");
        world.bring_in(ALICE, &group, BOB);
        wait(&mut world);
        world.come_by_ticket(SERVER, &group, &[CAROL]);
        wait(&mut world);
        world.say_in(SERVER, &group, "before the fire").unwrap();
        wait(&mut world);
        assert_eq!(world.group(CAROL, &group).state, GroupState::Joined);
        let words = world.nodes[ALICE].me.account.clone();
        world.stop(SERVER);
        recover(&mut world, &words);
        wait(&mut world);
        world.call(RECOVERED, rpc::pair::accept_renewals).unwrap();
        wait(&mut world);
        let anew = world.nodes[RECOVERED].me.device_id();
        for node in [BOB, CAROL, RECOVERED] {
            assert_eq!(world.group(node, &group).members, 3, "seed {seed}, node {node}");
            assert_eq!(listed(&mut world, node, &group, RECOVERED), [anew], "seed {seed}, node {node}");
        }
    }
}

/// [MEMBER-4]
#[test]
fn the_devices_of_before_are_out_of_the_groups() {
    let (mut world, group, words) = garden(BOB, 181);
    come_back(&mut world, &words);
    world.defiant.insert(ALICE);
    world.restart(ALICE);
    world.connect(ALICE, BOB);
    world.connect(ALICE, CAROL);
    world.say_in(ALICE, &group, "from the thief").ok();
    world.say_in(BOB, &group, "after the fire").unwrap();
    wait(&mut world);
    for node in [BOB, CAROL, ANEW] {
        assert!(!world.texts_in(node, &group).contains(&"from the thief".to_owned()), "node {node}");
    }
    assert!(!world.texts_in(ALICE, &group).contains(&"after the fire".to_owned()));
    assert_eq!(world.texts_in(ANEW, &group), ["after the fire"]);
}

/// [MEMBER-4]
#[test]
fn a_recovered_account_without_a_contact_in_the_group_comes_back_by_a_ticket() {
    let mut world = World::new(2, 183);
    let group = world.create_group(BOB, "garden");
    world.come_by_ticket(BOB, &group, &[ALICE]);
    wait(&mut world);
    let words = world.nodes[ALICE].me.account.clone();
    recover(&mut world, &words);
    let anew = world.nodes.len() - 1;
    world.come_by_ticket(BOB, &group, &[anew]);
    wait(&mut world);
    assert_eq!(world.group(anew, &group).state, GroupState::Joined);
    let device = world.nodes[anew].me.device_id();
    for node in [BOB, anew] {
        assert_eq!(listed(&mut world, node, &group, anew), [device], "node {node}");
        world.say_in(node, &group, "still here").unwrap();
        wait(&mut world);
    }
    assert_eq!(world.texts_in(BOB, &group), ["still here"; 2]);
    assert_eq!(world.texts_in(anew, &group), ["still here"; 2]);
}

/// [MEMBER-5]
#[test]
fn nobody_is_brought_into_a_group_who_was_not_recovered_or_by_somebody_who_is_no_contact() {
    let (mut world, group, words) = garden(BOB, 182);
    world.create_group(BOB, "cellar");
    let made = world.look(BOB, |cx| {
        let standing = standing::all(cx.tx).unwrap();
        let standing = standing.into_iter().find(|standing| standing.name == "cellar").unwrap();
        Welcome::new(standing.id, standing.name, standing.secret.unwrap(), Vec::new()).to_bytes()
    });
    let from = |world: &World, node: usize| DeviceRef {
        account: world.nodes[node].account(),
        device: world.nodes[node].me.device_id(),
    };
    let bob = from(&world, BOB);
    world
        .call(ALICE, |cx| {
            returning::given_back(cx, bob, &made)?;
            Ok(welcome::welcomed(cx, bob, &made)?)
        })
        .unwrap();
    assert_eq!(groups(&mut world, ALICE).len(), 1, "her account was not recovered");
    world.stop(ALICE);
    let log = world.nodes[ALICE].me.key_log.clone();
    add_recovered(&mut world, &words, &log, 9);
    for stranger in [bob, from(&world, CAROL)] {
        world.call(ANEW, |cx| Ok(returning::given_back(cx, stranger, &made)?)).unwrap();
    }
    assert_eq!(groups(&mut world, ANEW), [], "she has accepted nobody yet");
    assert!(world.texts_in(BOB, &group).contains(&"before the fire".to_owned()));
}

/// [NOTE-7] Regression: household, seed 3. The member could not be invited again, because the roster had the invite, and did not hear of it.
#[test]
fn an_invite_to_a_group_that_was_lost_with_the_devices_of_an_account_is_told_again_once_it_is_paired_again() {
    let mut world = World::new(3, 190);
    world.pair(BOB, ALICE);
    let words = world.nodes[ALICE].me.account.clone();
    let group = world.create_group(BOB, "garden");
    world.stop(ALICE);
    world.invite_to(BOB, &group, ALICE).unwrap();
    come_back(&mut world, &words);
    assert_eq!(world.group(ANEW, &group).state, GroupState::Invited);
    world.accept_group(ANEW, &group).unwrap();
    wait(&mut world);
    assert_eq!(world.group(ANEW, &group).state, GroupState::Joined);
    assert!([BOB, ANEW].iter().all(|node| world.verify(*node).ok));
}

/// [NOTE-7] Regression: household, seed 198. For the roster she was invited, and for herself she was not.
#[test]
fn who_forgot_an_invite_hears_of_it_when_it_is_made_once_more() {
    let mut world = World::new(3, 191);
    world.pair(BOB, ALICE);
    let group = world.create_group(BOB, "garden");
    let copy = world.nodes[ALICE].store.clone();
    let first = world.invite_to(BOB, &group, ALICE).unwrap();
    world.go_back(ALICE, copy);
    wait(&mut world);
    assert_eq!(groups(&mut world, ALICE), []);
    assert_eq!(world.invite_to(BOB, &group, ALICE).unwrap(), first);
    world.accept_group(ALICE, &group).unwrap();
    wait(&mut world);
    assert_eq!(world.group(ALICE, &group).state, GroupState::Joined);
    let refused = world.invite_to(BOB, &group, ALICE).unwrap_err();
    assert_eq!(refused.reason, api::Reason::AlreadyMember);
}

/// [NOTE-8] Regression: household, seed 13. Nobody shows the roster to an account that is not on it any more.
#[test]
fn an_account_that_was_removed_before_its_roster_came_is_let_in_by_the_next_invite() {
    let (mut world, group, words) = garden(BOB, 183);
    recover(&mut world, &words);
    wait(&mut world);
    world.drop.insert(Protocol::Sync);
    world.call(ANEW, rpc::pair::accept_renewals).unwrap();
    wait(&mut world);
    assert_eq!(world.group(ANEW, &group).state, GroupState::Requested);
    world.remove_from(BOB, &group, ANEW).unwrap();
    world.drop.clear();
    wait(&mut world);
    assert_eq!(world.group(ANEW, &group).state, GroupState::Requested, "it hears nothing of that");
    world.invite_to(BOB, &group, ANEW).unwrap();
    wait(&mut world);
    wait(&mut world);
    assert_eq!(world.group(ANEW, &group).state, GroupState::Joined);
    world.say_in(ANEW, &group, "good to be back").unwrap();
    wait(&mut world);
    assert!(world.texts_in(CAROL, &group).contains(&"good to be back".to_owned()));
}

/// Bob removed alice, who goes on from an old copy of before she heard of it. They are contacts, and connected.
fn removed_unawares(seed: u64) -> (World, String) {
    let (mut world, group, _) = garden(BOB, seed);
    let copy = world.nodes[ALICE].store.clone();
    world.remove_from(BOB, &group, ALICE).unwrap();
    wait(&mut world);
    world.go_back(ALICE, copy);
    world.settle();
    (world, group)
}

/// [KNOCK-6] Regression: household, seed 6. The invite comes before it wonders.
#[test]
fn a_member_that_was_not_told_of_its_removal_hears_of_it_by_the_next_invite() {
    let (mut world, group) = removed_unawares(184);
    assert_eq!(world.group(ALICE, &group).state, GroupState::Joined);
    world.invite_to(BOB, &group, ALICE).unwrap();
    world.settle();
    assert_eq!(world.group(ALICE, &group).state, GroupState::Invited);
    world.accept_group(ALICE, &group).unwrap();
    wait(&mut world);
    assert_eq!(world.group(ALICE, &group).state, GroupState::Joined);
    assert_eq!(world.group(BOB, &group).members, 3);
}

/// [KNOCK-4] Bob is its contact, and connected for that: he speaks to it, but not of the group.
#[test]
fn a_member_that_was_not_told_of_its_removal_by_its_contact_asks_although_they_are_connected() {
    let (mut world, group) = removed_unawares(185);
    assert!(world.is_open(ALICE, BOB));
    assert_eq!(world.group(ALICE, &group).state, GroupState::Joined);
    wait(&mut world);
    assert_eq!(world.group(ALICE, &group).state, GroupState::Removed);
}
