//! [CUT-1] [CUT-2] What a device of a contact wrote that the contact has no more: an own device revoked, or a thief's put out by a recovery.
//! Node 0 and 2 are devices of one account, node 1 is their contact.

use covey_api as api;
use covey_pairing::identity::{Cutoff, Rotation};

use super::world::World;
use crate::engine::contacts::cards;
use crate::engine::records::channels;
use crate::engine::rpc;

/// Two paired ones; the first has a second device, which the contact knows.
fn talked(seed: u64) -> World {
    let mut world = World::new(3, seed);
    world.pair(0, 1);
    world.link(0, 2);
    world.pass(60_000, 5_000);
    for text in ["one", "two", "three"] {
        world.write(0, 1, text).unwrap();
        world.settle();
    }
    assert_eq!(world.texts(1, 0), ["one", "two", "three"]);
    world
}

/// The first has two other devices, and is paired with node 1.
fn three_devices(seed: u64) -> World {
    let mut world = World::new(4, seed);
    world.pair(0, 1);
    world.link(0, 2);
    world.link(0, 3);
    world.pass(60_000, 5_000);
    world
}

/// Where the feed of node 0 ends, if what stands after its `seq`-th entry does not count.
fn cut(world: &mut World, seq: u64) -> Vec<Cutoff> {
    let channel = world.channel(1, 0);
    let incarnation = world.look(0, |cx| channels::by_id(cx.tx, &channel).unwrap().unwrap().incarnation);
    vec![Cutoff { channel: *channel.as_bytes(), incarnation, seq }]
}

#[test]
fn what_a_revoked_device_wrote_beyond_the_cut_is_hidden_and_nothing_more_of_it_is_taken() {
    let mut world = talked(90);
    let cutoffs = cut(&mut world, 2);
    let (me, now) = (world.nodes[2].me.clone(), world.now);
    let log = me.key_log.revoke_device(&me.account, world.nodes[0].me.device_id(), cutoffs, now).unwrap();
    // The device itself does not hear of it, and writes on.
    world.stop(0);
    world.adopt(2, &log);
    let (account, card) = (me.account_id(), world.card(2));
    world.call(1, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
    world.settle();
    assert_eq!(world.texts(1, 0), ["one", "two"], "beyond the cut");
    world.restart(0);
    world.settle();
    let _ = world.write(0, 1, "four");
    world.pass(120_000, 10_000);
    assert_eq!(world.texts(1, 0), ["one", "two"]);
    world.restart(1);
    world.settle();
    assert_eq!(world.texts(1, 0), ["one", "two"]);
    assert!(world.verify(1).ok, "{:?}", world.verify(1));
}

/// The device that revokes does not know all that the lost one wrote; another one of ours does.
#[test]
fn what_a_revoked_device_wrote_beyond_the_cut_is_hidden_on_our_other_devices_as_it_is_at_the_contact() {
    let mut world = three_devices(93);
    world.write(3, 1, "one").unwrap();
    world.settle();
    world.stop(0);
    world.write(3, 1, "two").unwrap();
    world.settle();
    assert_eq!(
        (world.texts(1, 0), world.texts(2, 1)),
        (vec!["one".into(), "two".into()], vec!["one".into(), "two".into()])
    );
    world.stop(3);
    let device = world.nodes[3].me.device_id().to_string();
    world.call(0, |cx| rpc::device::revoke(cx, &api::DeviceRevoke { device, client_id: None })).unwrap();
    world.restart(0);
    world.pass(120_000, 10_000);
    for (node, of) in [(0, 1), (1, 0), (2, 1)] {
        assert_eq!(world.texts(node, of), ["one"], "node {node}");
        assert!(world.verify(node).ok, "{:?}", world.verify(node));
    }
}

/// [CUT-1] The device that revokes saw nothing of a feed of the lost one, so it can say no end of it; another one of ours has it.
#[test]
fn of_a_feed_whose_end_was_not_said_our_devices_take_what_one_of_them_has() {
    let mut world = three_devices(94);
    world.stop(0);
    world.write(3, 1, "one").unwrap();
    world.settle();
    world.stop(1);
    world.stop(2);
    world.stop(3);
    world.restart(0);
    let device = world.nodes[3].me.device_id().to_string();
    world.call(0, |cx| rpc::device::revoke(cx, &api::DeviceRevoke { device, client_id: None })).unwrap();
    world.restart(2);
    world.pass(60_000, 5_000);
    assert_eq!((world.texts(2, 1), world.texts(0, 1)), (vec!["one".into()], vec!["one".into()]));
    // What it writes on is taken from nobody.
    world.restart(1);
    world.restart(3);
    let _ = world.write(3, 1, "two");
    world.pass(120_000, 10_000);
    for (node, of) in [(0, 1), (1, 0), (2, 1)] {
        assert_eq!(world.texts(node, of), ["one"], "node {node}");
        assert!(world.verify(node).ok, "{:?}", world.verify(node));
    }
}

#[test]
fn a_feed_that_is_not_listed_ends_with_what_had_come() {
    let mut world = talked(91);
    let (me, now) = (world.nodes[2].me.clone(), world.now);
    let log = me.key_log.revoke_device(&me.account, world.nodes[0].me.device_id(), Vec::new(), now).unwrap();
    world.stop(0);
    world.adopt(2, &log);
    let (account, card) = (me.account_id(), world.card(2));
    world.call(1, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
    world.settle();
    assert_eq!(world.texts(1, 0), ["one", "two", "three"]);
}

/// Attack (c) of the design: accepted by who did not know better, and undone later.
#[test]
fn what_a_thief_wrote_is_hidden_once_the_owner_recovered_the_account() {
    let mut world = talked(92);
    let words = world.nodes[0].me.account.clone();
    let log = world.nodes[0].me.key_log.clone();
    let fresh = covey_pairing::identity::DeviceSecret::from_seed([5; 32]);
    let device = world.nodes[0].me.device_id();
    let cutoffs = [(device, cut(&mut world, 1))].into();
    let plan = Rotation { add: vec![&fresh], cutoffs, ..Rotation::default() };
    let (rotated, _) = log.rotate(&words, &plan, world.now).unwrap();
    let own = world.card(0);
    let content = covey_pairing::identity::ContactCard::open(&own, world.now).unwrap().content().clone();
    let content = covey_pairing::identity::CardContent { log: rotated, devices: Vec::new(), ..content };
    let card = covey_pairing::identity::sign(&content, &fresh).unwrap();
    let account = words.id();
    world.call(1, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
    world.settle();
    assert_eq!(world.texts(1, 0), ["one"]);
}
