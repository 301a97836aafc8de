//! A direct conversation on several devices of both sides.

use covey_api::{self as api, MessageState};
use covey_feed::FeedKey;
use covey_pairing::ids::DeviceId;

use super::world::World;
use crate::engine::records::parked::Parked;
use crate::engine::records::{channels, devices, feeds, messages, people};
use crate::engine::replication::parked as parking;
use crate::engine::rpc;
use crate::engine::said::reading;
use crate::engine::wire::payload::Unopened;
use crate::engine::{Cx, EngineError, tables};

const LAPTOP: usize = 0;
const SERVER: usize = 1;
const BOB: usize = 2;
const PHONE: usize = 3;

/// Two accounts with two devices each: laptop and server; bob's, and his phone.
fn households(seed: u64) -> World {
    let mut world = World::new(4, seed);
    world.pair(LAPTOP, BOB);
    world.settle();
    world.link(LAPTOP, SERVER);
    world.link(BOB, PHONE);
    world.pass(120_000, 30_000);
    world
}

fn device(world: &World, node: usize) -> DeviceId {
    world.nodes[node].me.device_id()
}

/// Entries of which a node lacks the key.
fn parked(world: &mut World, node: usize) -> usize {
    world.look(node, |cx| {
        let rows = tables::all_parked();
        cx.tx.scan::<Parked>(&rows, None, 10, false).unwrap().len()
    })
}

fn assert_all_sound(world: &mut World) {
    for node in 0..world.nodes.len() {
        let found = world.verify(node);
        assert!(found.ok, "node {node}: {found:?}");
    }
}

fn shown(world: &mut World, node: usize, id: &str) -> api::Message {
    let params = api::MessageShow { id: id.to_owned() };
    world.call(node, |cx| rpc::message::show(cx, &params)).unwrap()
}

/// [FAN-1] [FAN-3] [FAN-5]
#[test]
fn what_one_device_says_stands_on_all_devices_of_both_sides() {
    let mut world = households(1);
    let sent = world.write(LAPTOP, BOB, "from the laptop").unwrap();
    world.settle();
    world.write(PHONE, LAPTOP, "from the phone").unwrap();
    world.settle();
    world.write(SERVER, BOB, "from the server").unwrap();
    world.settle();
    let all = ["from the laptop", "from the phone", "from the server"];
    for (node, other) in [(LAPTOP, BOB), (SERVER, BOB), (BOB, LAPTOP), (PHONE, LAPTOP)] {
        assert_eq!(world.texts(node, other), all, "node {node}");
        let own: Vec<bool> = world.messages(node, other).iter().map(|message| message.own).collect();
        let expected = if node < BOB { [true, false, true] } else { [false, true, false] };
        assert_eq!(own, expected, "node {node}");
    }
    for (node, other) in [(LAPTOP, BOB), (SERVER, BOB)] {
        let (id, params) = (world.id(other), api::ChannelList::default());
        let listed = world.call(node, |cx| rpc::channel::list(cx, &params)).unwrap();
        let channel = listed.into_iter().find(|channel| channel.contact.as_ref() == Some(&id)).unwrap();
        assert_eq!(channel.unread, 1, "what was said elsewhere is not unread");
        // Also where it was not written.
        let message = shown(&mut world, node, &sent.id);
        assert_eq!(message.state, MessageState::Delivered);
        let devices: Vec<_> = message.deliveries[0].devices.iter().map(|one| (one.device.clone(), one.state)).collect();
        let of = |node| (device(&world, node).to_string(), MessageState::Delivered);
        assert_eq!(devices, [of(BOB), of(PHONE)]);
    }
    assert_all_sound(&mut world);
}

/// [FAN-2]
#[test]
fn delivered_is_the_first_device_and_read_is_any_of_them() {
    let mut world = households(2);
    world.stop(PHONE);
    let sent = world.write(LAPTOP, BOB, "hello").unwrap();
    world.settle();
    let message = shown(&mut world, LAPTOP, &sent.id);
    assert_eq!(message.state, MessageState::Delivered);
    let states: Vec<_> = message.deliveries[0].devices.iter().map(|one| one.state).collect();
    assert_eq!(states, [MessageState::Delivered, MessageState::Queued]);
    world.restart(PHONE);
    world.pass(120_000, 30_000);
    let params = api::ChannelMarkRead { channel: world.id(LAPTOP), ..api::ChannelMarkRead::default() };
    world.call(PHONE, |cx| rpc::channel::mark_read(cx, &params)).unwrap();
    world.settle();
    for node in [LAPTOP, SERVER] {
        let message = shown(&mut world, node, &sent.id);
        assert_eq!(message.state, MessageState::Read, "node {node}");
        let states: Vec<_> = message.deliveries[0].devices.iter().map(|one| one.state).collect();
        assert_eq!(states, [MessageState::Delivered, MessageState::Read], "node {node}");
    }
    assert_all_sound(&mut world);
}

/// [FAN-3]
#[test]
fn devices_that_never_meet_hear_each_other_through_those_that_do() {
    let mut world = households(3);
    world.stop(LAPTOP);
    world.write(PHONE, LAPTOP, "are you there?").unwrap();
    world.settle();
    assert_eq!(world.texts(SERVER, BOB), ["are you there?"]);
    world.stop(PHONE);
    world.stop(BOB);
    world.restart(LAPTOP);
    world.pass(120_000, 30_000);
    assert_eq!(world.texts(LAPTOP, BOB), ["are you there?"], "from the server, under its own wrap");
    world.write(LAPTOP, BOB, "yes").unwrap();
    world.settle();
    world.stop(LAPTOP);
    world.restart(PHONE);
    world.pass(120_000, 30_000);
    assert_eq!(world.texts(PHONE, LAPTOP), ["are you there?", "yes"], "from the server as well");
    world.restart(LAPTOP);
    world.restart(BOB);
    world.pass(240_000, 30_000);
    assert_eq!(world.texts(BOB, LAPTOP), ["are you there?", "yes"]);
    let answered = world.messages(LAPTOP, BOB).pop().unwrap();
    assert_eq!(answered.state, MessageState::Delivered);
    assert_all_sound(&mut world);
}

/// [FAN-4] [NODE-REWRAP]
#[test]
fn a_device_that_was_linked_later_gets_the_keys_of_before_from_its_own() {
    let mut world = World::new(4, 4);
    world.pair(LAPTOP, BOB);
    world.settle();
    world.write(BOB, LAPTOP, "before").unwrap();
    world.settle();
    world.write(LAPTOP, BOB, "so do I").unwrap();
    world.settle();
    world.stop(BOB);
    world.link(LAPTOP, SERVER);
    world.pass(240_000, 30_000);
    assert_eq!(world.texts(SERVER, BOB), ["before", "so do I"], "the laptop has the keys, bob is away");
    assert_eq!(parked(&mut world, SERVER), 0);
    assert_all_sound(&mut world);
}

/// A node loses the newest message of its conversation, and waits for the key from this device.
fn lose(world: &mut World, node: usize, ask: Option<DeviceId>) {
    let lost = |cx: &mut Cx<'_, '_>| -> Result<(), EngineError> {
        let contact = people::all(cx.tx)?.remove(0);
        let mut channel = channels::by_no(cx.tx, contact.channel.unwrap())?.unwrap();
        let page = messages::Page { limit: 1, ..messages::Page::default() };
        let message = messages::list(cx.tx, channel.no, page)?.remove(0);
        messages::remove(cx.tx, &mut channel, &message);
        channel.save(cx.tx)?;
        let key = FeedKey { author: message.place.author, incarnation: message.place.incarnation };
        let feed = feeds::load(cx.tx, channel.no, &key)?.unwrap();
        let entry = feeds::entry(cx.tx, feed.fid, message.place.seq)?.unwrap();
        match ask {
            Some(device) => parking::park(cx, channel.id, &feed, &entry, Unopened::NoKey, &device),
            None => Ok(()),
        }
    };
    world.call(node, |cx| Ok(lost(cx)?)).unwrap();
}

/// [FAN-4]
#[test]
fn whoever_is_away_is_not_waited_for_when_another_who_has_the_key_is_here() {
    let mut world = households(6);
    world.write(BOB, LAPTOP, "hello").unwrap();
    world.settle();
    let (bob, laptop) = (device(&world, BOB), device(&world, LAPTOP));
    for (away, asked) in [(BOB, bob), (LAPTOP, laptop)] {
        world.stop(away);
        lose(&mut world, SERVER, Some(asked));
        assert_eq!((world.texts(SERVER, PHONE), parked(&mut world, SERVER)), (vec![], 1));
        world.pass(240_000, 30_000);
        assert_eq!((world.texts(SERVER, PHONE), parked(&mut world, SERVER)), (vec!["hello".to_owned()], 0));
        world.restart(away);
        world.pass(120_000, 30_000);
    }
    assert_all_sound(&mut world);
}

/// [FAN-4] Regression: household, seeds 44 and 166.
#[test]
fn a_revoked_device_that_was_asked_for_a_key_is_not_waited_for() {
    let mut world = households(10);
    world.write(BOB, LAPTOP, "hello").unwrap();
    world.settle();
    let server = device(&world, SERVER);
    world.stop(SERVER);
    world.stop(PHONE);
    world.stop(BOB);
    lose(&mut world, LAPTOP, Some(server));
    world.revoke(LAPTOP, SERVER);
    world.pass(120_000, 30_000);
    assert_eq!(parked(&mut world, LAPTOP), 1);
    world.restart(BOB);
    world.pass(120_000, 30_000);
    assert_eq!((world.texts(LAPTOP, BOB), parked(&mut world, LAPTOP)), (vec!["hello".to_owned()], 0));
}

/// [FAN-4] Everybody else was asked in vain; one of them has the key again later, by going back to a copy of its disk.
#[test]
fn a_revoked_author_is_not_waited_for_once_the_others_were_asked_for_the_key_in_vain() {
    let mut world = households(11);
    world.write(SERVER, BOB, "hello").unwrap();
    world.settle();
    let server = device(&world, SERVER);
    world.revoke(LAPTOP, SERVER);
    world.pass(120_000, 30_000);
    world.stop(SERVER);
    let copy = world.nodes[LAPTOP].store.clone();
    for (node, ask) in [(LAPTOP, None), (PHONE, None), (BOB, Some(server))] {
        lose(&mut world, node, ask);
    }
    world.pass(240_000, 30_000);
    world.go_back(LAPTOP, copy);
    world.pass(240_000, 30_000);
    assert_eq!(world.texts(BOB, LAPTOP), [""; 0], "they are left in peace for ten minutes");
    world.pass(600_000, 30_000);
    assert_eq!((world.texts(BOB, LAPTOP), parked(&mut world, BOB)), (vec!["hello".to_owned()], 0));
}

/// [FAN-4] [CTRL-2] Regression: household, seed 87. The device that wrote it is gone, and no other one of ours has the key.
#[test]
fn what_a_lost_device_of_ours_wrote_its_reader_gives_back() {
    let mut world = households(13);
    world.write(SERVER, BOB, "from the server").unwrap();
    world.settle();
    let server = device(&world, SERVER);
    world.revoke(LAPTOP, SERVER);
    world.stop(SERVER);
    lose(&mut world, LAPTOP, Some(server));
    assert_eq!(world.texts(LAPTOP, BOB), [""; 0]);
    world.pass(240_000, 30_000);
    assert_eq!((world.texts(LAPTOP, BOB), parked(&mut world, LAPTOP)), (vec!["from the server".to_owned()], 0));
    assert!(world.messages(LAPTOP, BOB)[0].own);
}

/// [OWN-4] Regression: household, seeds 54 and 125. A device alone asked nothing of what others had said.
#[test]
fn what_another_device_read_is_read_when_it_comes_back_after_that_device_is_gone() {
    let mut world = households(12);
    world.write(BOB, LAPTOP, "hello").unwrap();
    world.settle();
    let read = api::ChannelMarkRead { channel: world.id(BOB), ..api::ChannelMarkRead::default() };
    world.call(SERVER, |cx| rpc::channel::mark_read(cx, &read)).unwrap();
    world.pass(120_000, 30_000);
    let bob = device(&world, BOB);
    for away in [BOB, PHONE, SERVER] {
        world.stop(away);
    }
    lose(&mut world, LAPTOP, Some(bob));
    world.revoke(LAPTOP, SERVER);
    world.restart(BOB);
    world.pass(120_000, 30_000);
    assert_eq!(world.texts(LAPTOP, BOB), ["hello"]);
    let show = api::ChannelShow { channel: world.id(BOB) };
    assert_eq!(world.call(LAPTOP, |cx| rpc::channel::show(cx, &show)).unwrap().unread, 0);
}

/// [OWN-4] Regression: household, seed 170. It looked for the keys that the author was asked for.
#[test]
fn nobody_has_read_an_entry_whose_key_is_missing_whoever_is_asked_for_it() {
    for asked in [BOB, LAPTOP] {
        let mut world = households(14);
        world.write(BOB, LAPTOP, "hello").unwrap();
        world.settle();
        let read = api::ChannelMarkRead { channel: world.id(BOB), ..api::ChannelMarkRead::default() };
        world.call(SERVER, |cx| rpc::channel::mark_read(cx, &read)).unwrap();
        let unseen = |world: &mut World| {
            world.look(SERVER, |cx| {
                let contact = people::all(cx.tx).unwrap().remove(0);
                let channel = channels::by_no(cx.tx, contact.channel.unwrap()).unwrap().unwrap();
                reading::of_feeds(cx, &channel, 8).unwrap().unseen.len()
            })
        };
        assert_eq!(unseen(&mut world), 0);
        [LAPTOP, BOB, PHONE].into_iter().for_each(|node| world.stop(node));
        let asked = device(&world, asked);
        lose(&mut world, SERVER, Some(asked));
        assert_eq!(unseen(&mut world), 1);
    }
}

/// [FAN-4] [NODE-REWRAP]
#[test]
fn what_no_device_of_ours_can_give_its_author_is_asked_for() {
    let mut world = World::new(4, 7);
    world.pair(LAPTOP, BOB);
    world.settle();
    world.write(BOB, LAPTOP, "before").unwrap();
    world.settle();
    world.stop(BOB);
    // The laptop has the entry and lost what it says.
    lose(&mut world, LAPTOP, None);
    world.link(LAPTOP, SERVER);
    world.pass(240_000, 30_000);
    assert_eq!((world.texts(SERVER, BOB), parked(&mut world, SERVER)), (vec![], 1), "it waits for bob");
    world.restart(BOB);
    world.pass(240_000, 30_000);
    assert_eq!(world.texts(SERVER, BOB), ["before"]);
    assert_eq!(parked(&mut world, SERVER), 0);
}

/// [FAN-3]
#[test]
fn a_revoked_device_says_nothing_more() {
    let mut world = households(5);
    world.write(SERVER, BOB, "one").unwrap();
    world.settle();
    world.revoke(LAPTOP, SERVER);
    world.pass(120_000, 30_000);
    let server = device(&world, SERVER);
    for node in [LAPTOP, BOB, PHONE] {
        assert!(!world.is_open(node, SERVER), "node {node}");
    }
    // It goes on as if nothing had been said.
    world.write(SERVER, BOB, "two").unwrap();
    world.write(LAPTOP, BOB, "three").unwrap();
    world.pass(240_000, 30_000);
    for (node, other) in [(LAPTOP, BOB), (BOB, LAPTOP), (PHONE, LAPTOP)] {
        assert_eq!(world.texts(node, other), ["one", "three"], "node {node}");
    }
    let account = world.nodes[LAPTOP].account();
    world.look(LAPTOP, |cx| {
        assert!(devices::device(cx.tx, &account, &server).unwrap().is_none());
    });
}
