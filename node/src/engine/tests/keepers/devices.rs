//! Keepers of an account with several devices: what one of them adds counts for all, each has the mail, and one that was revoked has nothing
//! to do with it any more.

use covey_api as api;
use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{InboxSecret, KeeperFrame, SLOT_PARCELS, SlotId, SlotToken};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_bytes::ByteBuf;

use super::{ALICE, BOB, KEEPER, MALLORY, add, delivery, serve, wait};
use crate::engine::own::write;
use crate::engine::records::keeping::{self, Lying};
use crate::engine::records::mailboxes::{self, Given, GivenAt, Inbox, Mine, Stands};
use crate::engine::tests::world::World;
use crate::engine::wire::own_record::{Key, Record, value_of};
use crate::engine::{Protocol, members, rpc, tables};

const PHONE: usize = 4;
const TABLET: usize = 5;
const SECOND: usize = 5;

/// Bob has a phone as well; his mail is kept by a stranger whom he added on his first device.
fn household(seed: u64) -> World {
    let mut world = World::new(6, seed);
    world.link(BOB, PHONE);
    world.pair(ALICE, BOB);
    let ticket = serve(&mut world, &api::KeeperServe::default());
    add(&mut world, BOB, &ticket);
    world.settle();
    world.pass(120_000, 30_000);
    world
}

/// What lies at the keeper for Bob.
fn lying(world: &mut World) -> Vec<(u64, Lying)> {
    let bob = world.nodes[BOB].account();
    world.look(KEEPER, |cx| keeping::lying(cx.tx, &bob, 0, 1_000).unwrap())
}

fn inbox(world: &mut World, node: usize) -> Inbox {
    world.look(node, |cx| mailboxes::inbox(cx.tx).unwrap().unwrap())
}

fn keepers(world: &mut World, node: usize) -> Vec<Mine> {
    world.look(node, |cx| mailboxes::all_mine(cx.tx).unwrap())
}

/// The slots that a node gives to a contact.
fn given(world: &mut World, node: usize, to: usize) -> Vec<GivenAt> {
    let account = world.nodes[to].account();
    world.look(node, |cx| mailboxes::given(cx.tx, &account).unwrap().unwrap().at)
}

/// Where a node may leave mail for Bob: slots, tokens, hash of the key.
fn places(world: &mut World, node: usize) -> Vec<(SlotId, SlotToken, [u8; 32])> {
    let bob = world.nodes[BOB].account();
    let places = world.look(node, |cx| mailboxes::places(cx.tx, &bob).unwrap());
    places.into_iter().map(|(at, key)| (at.slot, at.token, key.hash())).collect()
}

fn sound(world: &World) {
    for node in 0..world.nodes.len() {
        let found = world.verify(node);
        assert!(found.ok, "node {node}: {found:?}");
    }
}

/// [MAIL-10] [OWN-15]
#[test]
fn a_keeper_that_one_device_adds_is_a_keeper_of_all_and_contacts_have_one_slot_there() {
    let mut world = household(41);
    let (here, there) = (keepers(&mut world, BOB), keepers(&mut world, PHONE));
    assert_eq!((here.len(), there.len()), (1, 1));
    assert_eq!((there[0].stands, there[0].keeper), (Stands::Keeps, here[0].keeper));
    assert_eq!(inbox(&mut world, BOB), inbox(&mut world, PHONE));
    let slots = [BOB, PHONE].map(|node| given(&mut world, node, ALICE));
    assert_eq!((slots[0].len(), slots[0][0].slot), (1, slots[1][0].slot));
    assert_eq!(slots[0][0].token, slots[1][0].token);
    let bob = world.nodes[BOB].account();
    let told = world.look(ALICE, |cx| mailboxes::theirs(cx.tx, &bob).unwrap());
    assert_eq!(told.len(), 2, "both say so");
    assert_eq!(told[0].mailbox, told[1].mailbox);
    assert_eq!(places(&mut world, ALICE).len(), 1);
    let shown = world.contact(ALICE, BOB).unwrap();
    assert_eq!(shown.keepers, 1);
    // What one takes away is gone for all.
    let params = api::KeeperRemove { keeper: here[0].keeper.id.to_string(), client_id: None };
    world.call(PHONE, |cx| rpc::keeper::remove(cx, &params)).unwrap();
    world.pass(120_000, 30_000);
    assert!(keepers(&mut world, BOB).is_empty() && places(&mut world, ALICE).is_empty());
    // And added again it is a keeper again, with other slots.
    let ticket = serve(&mut world, &api::KeeperServe::default());
    add(&mut world, PHONE, &ticket);
    world.pass(120_000, 30_000);
    assert_eq!(keepers(&mut world, BOB)[0].stands, Stands::Keeps);
    assert_ne!(given(&mut world, BOB, ALICE)[0].slot, slots[0][0].slot);
    sound(&world);
}

/// [MAIL-11] Each is there alone, and so is alice when she writes.
#[test]
fn two_devices_that_are_never_on_together_both_have_the_mail_of_somebody_who_is_gone_for_good() {
    let mut world = household(42);
    world.stop(BOB);
    world.stop(PHONE);
    for text in ["one", "two"] {
        world.write(ALICE, BOB, text).unwrap();
        wait(&mut world);
    }
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    assert_eq!(world.texts(BOB, ALICE), ["one", "two"]);
    assert_eq!(lying(&mut world).len(), 2, "the phone, which asked lately, has them not");
    world.stop(BOB);
    world.pass(3 * 24 * 3_600_000, 12 * 3_600_000);
    world.restart(PHONE);
    world.settle();
    assert_eq!(world.texts(PHONE, ALICE), ["one", "two"]);
    assert!(lying(&mut world).is_empty(), "nobody else is waited for");
    sound(&world);
}

/// [MAIL-11]
#[test]
fn a_device_that_did_not_ask_for_two_weeks_is_not_waited_for() {
    let mut world = household(43);
    world.stop(PHONE);
    world.pass(15 * 24 * 3_600_000, 12 * 3_600_000);
    world.stop(BOB);
    world.write(ALICE, BOB, "one").unwrap();
    wait(&mut world);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    assert_eq!(world.texts(BOB, ALICE), ["one"]);
    assert!(lying(&mut world).is_empty());
    // It has it by synchronisation.
    world.restart(PHONE);
    world.pass(120_000, 30_000);
    assert_eq!(world.texts(PHONE, ALICE), ["one"]);
}

/// [MAIL-11] What is durable on one device keeps nobody from leaving more.
#[test]
fn mail_that_waits_for_another_device_gives_way_to_mail_that_nobody_has() {
    let mut world = household(44);
    let (slot, token, _) = places(&mut world, ALICE)[0].clone();
    world.stop(PHONE);
    world.stop(BOB);
    world.write(ALICE, BOB, "early").unwrap();
    wait(&mut world);
    world.restart(BOB);
    world.settle();
    world.stop(BOB);
    world.puppet = Some(MALLORY);
    world.connect(MALLORY, KEEPER);
    for n in 0..=SLOT_PARCELS {
        world.now += 100;
        let parcel = ByteBuf::from(vec![u8::try_from(n).unwrap(); 2_000]);
        world.say(KEEPER, Protocol::Keeper, KeeperFrame::Deposit(slot, token.clone(), parcel).encode());
    }
    let answers = |which: fn(&KeeperFrame) -> bool| {
        world.heard.iter().filter(|(_, frame)| KeeperFrame::decode(frame).is_ok_and(|frame| which(&frame))).count()
    };
    let (kept, full) = (answers(|f| matches!(f, KeeperFrame::Kept(_))), answers(|f| matches!(f, KeeperFrame::Full(_))));
    assert_eq!((kept as u64, full), (SLOT_PARCELS, 1));
    assert!(lying(&mut world).iter().all(|(_, lying)| lying.got.is_empty()));
    sound(&world);
}

/// [MAIL-10] A contact of which only one device knows.
#[test]
fn a_device_that_has_not_heard_of_a_contact_takes_no_slot_away() {
    let mut world = household(45);
    world.stop(PHONE);
    world.pair(MALLORY, BOB);
    world.pass(60_000, 30_000);
    world.stop(BOB);
    world.write(MALLORY, BOB, "hello").unwrap();
    wait(&mut world);
    assert_eq!(lying(&mut world).len(), 1);
    world.stop(MALLORY);
    // It names its slots, and is given a parcel of a slot that it does not know.
    world.restart(PHONE);
    world.pass(60_000, 10_000);
    assert_eq!(lying(&mut world).len(), 1, "it is neither withdrawn nor acknowledged");
    world.restart(BOB);
    world.pass(15 * 60_000, 30_000);
    for node in [BOB, PHONE] {
        assert_eq!(world.texts(node, MALLORY), ["hello"], "node {node}");
    }
    assert!(lying(&mut world).is_empty());
}

/// [MAIL-12]
#[test]
fn a_revoked_device_neither_fetches_nor_opens_what_is_left_from_then_on() {
    let mut world = household(46);
    world.link(BOB, TABLET);
    world.pass(120_000, 30_000);
    let before = inbox(&mut world, TABLET);
    assert_eq!(before, inbox(&mut world, BOB));
    let tablet = world.nodes[TABLET].me.device_id().to_string();
    world.defiant.insert(TABLET);
    let params = api::DeviceRevoke { device: tablet, ..api::DeviceRevoke::default() };
    world.call(BOB, |cx| rpc::device::revoke(cx, &params)).unwrap();
    world.pass(120_000, 30_000);
    let now = inbox(&mut world, BOB);
    assert!(now.number > before.number && now.secret != before.secret);
    assert_eq!(now.secret, inbox(&mut world, PHONE).secret, "the others have one new key");
    assert_eq!(places(&mut world, ALICE)[0].2, now.secret.public().hash(), "and contacts know");
    for node in [BOB, PHONE] {
        world.stop(node);
    }
    world.write(ALICE, BOB, "not for thieves").unwrap();
    wait(&mut world);
    let (bob, parcels) = (world.nodes[BOB].account(), lying(&mut world));
    let parcel = world.look(KEEPER, |cx| keeping::bytes(cx.tx, &bob, parcels[0].0).unwrap().unwrap());
    assert!(before.open(&parcels[0].1.slot, &parcel).is_err() && now.open(&parcels[0].1.slot, &parcel).is_ok());
    // It speaks for itself.
    world.puppet = Some(TABLET);
    world.heard.clear();
    world.connect(TABLET, KEEPER);
    let card = ByteBuf::from(world.card(TABLET));
    for frame in [KeeperFrame::Hello(None, card), KeeperFrame::Fetch(0), KeeperFrame::Slots(9, Vec::new())] {
        world.say(KEEPER, Protocol::Keeper, frame.encode());
    }
    world.say(KEEPER, Protocol::Keeper, KeeperFrame::Got(vec![parcels[0].0]).encode());
    let heard: Vec<_> = world.heard.iter().map(|(_, frame)| KeeperFrame::decode(frame).unwrap()).collect();
    assert_eq!(heard, [KeeperFrame::Refused]);
    assert_eq!(lying(&mut world).len(), 1);
    world.puppet = None;
    world.restart(PHONE);
    world.settle();
    assert_eq!(world.texts(PHONE, ALICE), ["not for thieves"]);
    sound(&world);
}

/// [MAIL-12] Mail that was left before is opened with the key of before.
#[test]
fn mail_that_waited_while_a_device_was_revoked_is_not_lost() {
    let mut world = household(47);
    world.stop(BOB);
    world.stop(PHONE);
    world.write(ALICE, BOB, "before").unwrap();
    wait(&mut world);
    world.stop(ALICE);
    // Bob revokes his phone before he can reach his keeper.
    world.stop(KEEPER);
    world.restart(BOB);
    let phone = world.nodes[PHONE].me.device_id().to_string();
    let params = api::DeviceRevoke { device: phone, ..api::DeviceRevoke::default() };
    world.call(BOB, |cx| rpc::device::revoke(cx, &params)).unwrap();
    world.settle();
    world.restart(KEEPER);
    world.pass(60_000, 10_000);
    assert_eq!(world.texts(BOB, ALICE), ["before"]);
    assert!(lying(&mut world).is_empty(), "and a device that is no more is not waited for");
}

/// [OWN-15]
#[test]
fn two_devices_that_add_their_first_keepers_at_once_agree() {
    let mut world = World::new(6, 48);
    world.link(BOB, PHONE);
    world.pair(ALICE, BOB);
    world.pass(120_000, 30_000);
    world.drop = [Protocol::Sync].into();
    let ticket = serve(&mut world, &api::KeeperServe::default());
    add(&mut world, BOB, &ticket);
    let second = world.call(SECOND, |cx| rpc::keeper::serve(cx, &api::KeeperServe::default())).unwrap().ticket;
    add(&mut world, PHONE, &second);
    let secrets = [BOB, PHONE].map(|node| inbox(&mut world, node).secret);
    assert_ne!(secrets[0], secrets[1]);
    world.drop.clear();
    world.pass(10 * 60_000, 30_000);
    let agreed = inbox(&mut world, BOB);
    assert_eq!(agreed.secret, inbox(&mut world, PHONE).secret);
    for node in [BOB, PHONE] {
        assert_eq!(keepers(&mut world, node).iter().filter(|mine| mine.stands == Stands::Keeps).count(), 2);
        let known = inbox(&mut world, node);
        let opens = |secret: &InboxSecret| known.secret == *secret || known.past.iter().any(|(past, _)| past == secret);
        assert!(secrets.iter().all(opens), "mail that was sealed to either opens");
    }
    let told = places(&mut world, ALICE);
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|(.., key)| *key == agreed.secret.public().hash()));
}

/// [OWN-15] As the owner of a stolen machine would not like it.
#[test]
fn a_stolen_device_adds_no_absurd_keepers_and_uses_no_numbers_up() {
    let mut world = household(49);
    let (before, keys) = (inbox(&mut world, BOB), world.nodes[ALICE].me.device.keys());
    let own = world.nodes[BOB].me.device.keys();
    let added = |keys, addresses: Vec<String>| Some((keys, addresses, None::<()>, 1u64));
    let value = |number: u64, what| value_of(&(1u8, number, what)).unwrap();
    let thief = (1u8, u64::MAX, InboxSecret::from_seed([6; 32]), 0u32, Vec::<(InboxSecret, u64)>::new());
    let records = vec![
        Record(Key::keeper(&keys.id), value(3, added(own, Vec::new()))),
        Record(Key::keeper(&own.id), value(3, added(own, Vec::new()))),
        Record(Key::keeper(&keys.id), value(3, added(keys, vec![String::new(); 9]))),
        Record(Key::keeper(&keys.id), value(u64::MAX, added(keys, Vec::new()))),
        Record(Key::keeper(&keys.id), ByteBuf::from([1, 1, 1])),
        Record(Key::inbox(), value_of(&thief).unwrap()),
    ];
    world
        .call(PHONE, |cx| {
            let mut channel = members::own_channel(cx)?.unwrap();
            Ok(write::append(cx, &mut channel, records)?)
        })
        .unwrap();
    world.pass(120_000, 30_000);
    assert_eq!(keepers(&mut world, BOB).len(), 1);
    assert_eq!(inbox(&mut world, BOB), before);
}

/// Each device had slots of its own, and an inbox key.
#[test]
fn mail_in_a_slot_of_a_version_before_is_fetched_and_contacts_are_told_the_new_one() {
    let mut world = super::kept(50);
    let alice = world.nodes[ALICE].account();
    let (old, secret) = (SlotId::from_bytes([4; 16]), InboxSecret::from_seed([5; 32]));
    world
        .call(BOB, |cx| {
            let mut mine = mailboxes::all_mine(cx.tx)?.remove(0);
            let now = mailboxes::given(cx.tx, &alice)?.unwrap().at.remove(0);
            cx.tx.delete(&tables::given_slot(&now.slot));
            cx.tx.delete(&tables::inbox());
            mine.number = 0;
            mine.save(cx.tx);
            cx.tx.put(&tables::inbox_of_before(), &secret)?;
            cx.tx.save(&tables::given_slot(&old), &alice);
            let token = SlotToken::random(&mut StdRng::seed_from_u64(9));
            let at = GivenAt { slot: old, token, derived: false, ..now };
            cx.tx.save(&tables::given(&alice), &Given { at: vec![at] });
            Ok(())
        })
        .unwrap();
    world.restart(BOB);
    world.settle();
    let (slot, ..) = places(&mut world, ALICE)[0].clone();
    assert_ne!(slot, old, "it is derived now");
    let at = given(&mut world, BOB, ALICE);
    assert_eq!(at.iter().filter(|at| at.slot == old && at.until.is_some()).count(), 1, "mail may lie there");
    let bob: AccountId = world.nodes[BOB].account();
    assert!(world.look(KEEPER, |cx| keeping::slot(cx.tx, &old).unwrap()).is_some_and(|slot| slot.owner == bob));
    world.stop(BOB);
    let sent = world.write(ALICE, BOB, "hello").unwrap().id;
    wait(&mut world);
    assert_eq!(delivery(&mut world, ALICE, &sent).state, api::MessageState::Kept);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    assert_eq!(world.texts(BOB, ALICE), ["hello"]);
    assert_eq!(inbox(&mut world, BOB).secret, secret, "the key stays");
    sound(&world);
}
