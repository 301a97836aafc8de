//! The devices of one account: they know each other, and others know them.

use std::sync::Arc;

use covey_pairing::identity::{self, ContactCard, DeviceSecret};
use covey_pairing::ids::DeviceId;
use serde_bytes::ByteBuf;

use super::world::World;
use crate::engine::Input;
use crate::engine::contacts::cards;
use crate::engine::counters::Counter;
use crate::engine::outbound::control;
use crate::engine::records::devices::{self, ContactDevice};
use crate::engine::records::sessions::Scope;
use crate::engine::wire::control::Control;

const LAPTOP: usize = 0;
const SERVER: usize = 1;
const PHONE: usize = 2;
const BOB: usize = 3;

/// An account with two devices, and one more node of its own for a third; bob, its contact.
fn household(seed: u64) -> World {
    let mut world = World::new(4, seed);
    world.link(LAPTOP, SERVER);
    world.pair(LAPTOP, BOB);
    world.settle();
    world
}

fn device(world: &World, node: usize) -> DeviceId {
    world.nodes[node].me.device_id()
}

/// What a node knows of the devices of another one's account.
fn known(world: &mut World, node: usize, of: usize) -> Vec<ContactDevice> {
    let account = world.nodes[of].account();
    world.look(node, |cx| devices::devices(cx.tx, &account).unwrap())
}

fn ids(known: &[ContactDevice]) -> Vec<DeviceId> {
    known.iter().map(|device| device.id).collect()
}

fn opened(world: &mut World, node: usize) -> ContactCard {
    let (card, now) = (world.card(node), world.now);
    ContactCard::open(&card, now).unwrap()
}

/// [DEVICE-1] [DEVICE-4]
#[test]
fn the_devices_of_an_account_find_each_other_and_a_third_one_through_either() {
    let mut world = household(1);
    assert!(world.is_open(LAPTOP, SERVER) && world.is_open(SERVER, LAPTOP));
    world.link(LAPTOP, PHONE);
    world.pass(120_000, 30_000);
    let log = world.nodes[LAPTOP].me.key_log.clone();
    for (node, others) in [(LAPTOP, [SERVER, PHONE]), (SERVER, [LAPTOP, PHONE]), (PHONE, [LAPTOP, SERVER])] {
        assert_eq!(world.nodes[node].me.key_log, log);
        assert_eq!(ids(&known(&mut world, node, LAPTOP)), others.map(|other| device(&world, other)));
        assert!(others.iter().all(|other| world.is_open(node, *other)), "node {node}");
    }
    let listed: Vec<_> = opened(&mut world, SERVER).content().devices.iter().map(|listed| listed.device).collect();
    assert_eq!(listed.len(), 3);
    for node in 0..4 {
        assert!(world.verify(node).ok, "{:?}", world.verify(node));
    }
    for node in [LAPTOP, SERVER, PHONE] {
        world.restart(node);
        world.settle();
    }
    assert!(world.is_open(SERVER, PHONE) && world.is_open(PHONE, LAPTOP));
}

/// [HANDED-3] [CARD-6]
#[test]
fn a_contact_keeps_what_each_device_said_last_of_itself() {
    let mut world = household(2);
    world.pass(120_000, 30_000);
    assert_eq!(ids(&known(&mut world, BOB, LAPTOP)), [LAPTOP, SERVER].map(|node| device(&world, node)));
    let stale = world.card(LAPTOP);
    let moved = vec!["/ip4/198.51.100.7/tcp/9".to_owned()];
    world.call(SERVER, |cx| Ok(crate::engine::handle(Input::Addresses(moved.clone()), cx)?)).unwrap();
    world.settle();
    let of_server = |world: &mut World, node| {
        let id = device(world, SERVER);
        known(world, node, LAPTOP).into_iter().find(|device| device.id == id).unwrap().addresses
    };
    // Of the server itself, and of the laptop that heard it from the server.
    for node in [LAPTOP, BOB] {
        assert_eq!(of_server(&mut world, node), moved, "node {node}");
    }
    let account = world.nodes[LAPTOP].account();
    world.call(BOB, |cx| Ok(cards::learn(cx, &account, &stale)?)).unwrap();
    assert_eq!(of_server(&mut world, BOB), moved, "what the laptop knew before is not news");
    // A device that lies about another one is believed until that one speaks.
    let mut lie = opened(&mut world, LAPTOP).content().clone();
    (lie.sequence, lie.devices[1].seq) = (u64::MAX, u64::MAX);
    lie.devices[1].addresses = vec!["/ip4/203.0.113.9/tcp/6".to_owned()];
    let lie = identity::sign(&lie, &world.nodes[LAPTOP].me.device.clone()).unwrap();
    let truth = world.card(SERVER);
    world.look(BOB, |cx| {
        let server = |cx: &mut crate::engine::Cx<'_, '_>| devices::devices(cx.tx, &account).unwrap()[1].clone();
        let before = server(cx);
        cx.tx
            .put(&crate::engine::tables::card(&account), &{
                let mut card = devices::card(cx.tx, &account).unwrap().unwrap();
                card.devices[1].signed = 0;
                card
            })
            .unwrap();
        cards::learn(cx, &account, &lie).unwrap();
        assert_ne!(server(cx).addresses, before.addresses);
        cards::learn(cx, &account, &truth).unwrap();
        assert_eq!(server(cx).addresses, before.addresses);
    });
    world.look(SERVER, |cx| {
        let before = Counter::Card.get(cx.tx).unwrap();
        cards::learn(cx, &account, &lie).unwrap();
        // [DEVICE-3]
        assert!(Counter::Card.get(cx.tx).unwrap() <= before + (1 << 20) + 8, "no device uses the numbers up");
    });
}

/// [DEVICE-1]
#[test]
fn a_revoked_device_is_shut_out_by_the_others_and_by_contacts() {
    let mut world = household(3);
    world.link(LAPTOP, PHONE);
    let (account, phone) = (world.nodes[PHONE].account(), known(&mut world, SERVER, PHONE).pop().unwrap());
    world.call(SERVER, |cx| Ok(control::tell(cx, Scope::Own, &account, &phone, &Control::Turn(1), false)?)).unwrap();
    world.settle();
    let session =
        |world: &mut World, node, of: DeviceId| world.look(node, |cx| cx.tx.contains(&Scope::Own.key(&of)).unwrap());
    let (server, id) = (device(&world, SERVER), phone.id);
    assert!(session(&mut world, SERVER, id) && session(&mut world, PHONE, server), "they have a session");
    world.pass(120_000, 30_000);
    world.revoke(LAPTOP, PHONE);
    world.pass(120_000, 30_000);
    for node in [LAPTOP, SERVER, BOB] {
        assert!(!world.is_open(node, PHONE), "node {node}");
        assert!(!ids(&known(&mut world, node, LAPTOP)).contains(&id), "node {node}");
        assert!(!session(&mut world, node, id), "node {node}");
    }
    assert!(world.is_open(LAPTOP, SERVER) && world.is_open(LAPTOP, BOB));
    // What it still signs is not taken, and its log is older than theirs.
    let stale = world.card(PHONE);
    world.look(SERVER, |cx| {
        cards::learn(cx, &account, &stale).unwrap();
        assert_eq!(devices::devices(cx.tx, &account).unwrap().len(), 1);
        assert!(!cx.me.key_log.is_active(&id));
    });
    for node in [LAPTOP, SERVER, BOB] {
        assert!(world.verify(node).ok, "{:?}", world.verify(node));
    }
}

/// [DEVICE-2]
#[test]
fn another_history_of_our_own_devices_is_not_taken() {
    let mut world = household(4);
    let me = world.nodes[LAPTOP].me.clone();
    let (account, thief) = (me.account_id(), DeviceSecret::from_seed([66; 32]));
    let before = me.key_log.revoke_device(&me.account, device(&world, SERVER), Vec::new(), 7).unwrap();
    let mut card = opened(&mut world, LAPTOP).content().clone();
    card.log = before.add_device(&me.account, &thief, 8).unwrap();
    card.devices.clear();
    (card.sequence, card.kem) = (card.sequence + 50, None);
    let forked = me.key_log.add_device(&me.account, &thief, 9).unwrap();
    world.adopt(SERVER, &forked);
    let stolen = identity::sign(&card, &thief).unwrap();
    world.look(SERVER, |cx| {
        cards::learn(cx, &account, &stolen).unwrap();
        assert_eq!(cx.me.key_log, forked);
    });
}

/// [PARCEL-13]
#[test]
fn a_contact_has_no_session_of_our_own_devices() {
    let mut world = household(5);
    let account = world.nodes[LAPTOP].account();
    let laptop = known(&mut world, BOB, LAPTOP).remove(0);
    let told = world.look(BOB, |cx| {
        let sealed = crate::engine::sealing::sessions::seal(cx, Scope::Own, &account, &laptop, b"x", b"y", false);
        sealed.unwrap()
    });
    assert!(told.is_none());
    world
        .call(BOB, |cx| {
            let content = crate::engine::wire::parcel::Content::Own(ByteBuf::from([7; 60]));
            Ok(crate::engine::outbound::post::post(cx, &laptop, &content, None)?)
        })
        .unwrap();
    world.settle();
    world.write(BOB, LAPTOP, "still there?").unwrap();
    world.settle();
    assert_eq!(world.texts(LAPTOP, BOB), ["still there?"]);
}

/// [CARD-6] A stolen device that may link others fills the key log as far as its own card goes.
#[test]
fn a_stolen_device_that_fills_the_key_log_stops_no_other_device() {
    let mut world = household(7);
    let me = world.nodes[LAPTOP].me.clone();
    let mut content = opened(&mut world, LAPTOP).content().clone();
    (content.name, content.devices, content.kem) = ("x".to_owned(), Vec::new(), None);
    content.sequence += 1;
    let mut last = None;
    for n in 0..40u8 {
        let fresh = DeviceSecret::from_seed([n + 100; 32]);
        let added = content.log.add_device(&me.account, &fresh, world.now).unwrap();
        content.log = added.revoke_device(&me.account, fresh.id(), Vec::new(), world.now).unwrap();
        match identity::sign(&content, &me.device) {
            Ok(card) => last = Some(card),
            Err(_) => break,
        }
    }
    let (account, card) = (me.account_id(), last.unwrap());
    world.call(SERVER, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
    assert_eq!(world.nodes[SERVER].me.key_log, ContactCard::open(&card, world.now).unwrap().log().clone());
    world.restart(SERVER);
    world.settle();
    world.write(SERVER, BOB, "still here").unwrap();
    world.settle();
    assert_eq!(world.texts(BOB, SERVER).last().map(String::as_str), Some("still here"));
}

/// [CARD-6]
#[test]
fn a_card_that_is_full_leaves_out_what_others_say_better() {
    let mut world = World::new(9, 6);
    for node in 1..8 {
        world.link(LAPTOP, node);
    }
    world.pass(60_000, 30_000);
    let card = opened(&mut world, 4);
    assert!(card.bytes().len() <= identity::CARD_MAX);
    assert_eq!(card.content().devices.len(), 8);
    assert_eq!(card.content().devices[0].device, device(&world, 4));
    assert!(!card.content().devices[0].prekeys.is_empty());
    assert!(known(&mut world, 4, LAPTOP).iter().all(|device| !device.bundle.is_empty()), "each said it itself");
}

/// [DEVICE-1] [DEVICE-3]
#[test]
fn an_old_copy_of_before_the_second_device_finds_it_by_the_card_that_the_later_one_signed() {
    let mut world = World::new(4, 7);
    world.pass(1_000, 1_000);
    let copy = world.nodes[LAPTOP].store.clone();
    let before = Arc::clone(&world.nodes[LAPTOP].me);
    world.link(LAPTOP, SERVER);
    world.pass(120_000, 30_000);
    let sequence = ContactCard::open(&world.card(LAPTOP), 0).unwrap().content().sequence;
    world.stop(LAPTOP);
    world.stop(SERVER);
    (world.nodes[LAPTOP].store, world.nodes[LAPTOP].me) = (copy, before);
    world.restart(LAPTOP);
    world.pass(120_000, 30_000);
    assert_eq!(ids(&known(&mut world, LAPTOP, LAPTOP)), [device(&world, SERVER)]);
    let now = ContactCard::open(&world.card(LAPTOP), 0).unwrap().content().sequence;
    assert!(now > sequence, "what it says from now on counts: {now} after {sequence}");
    world.restart(SERVER);
    world.pass(120_000, 30_000);
    assert!(world.is_open(LAPTOP, SERVER) && world.is_open(SERVER, LAPTOP));
}
