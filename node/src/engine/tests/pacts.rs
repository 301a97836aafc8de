//! [NODE-ALERT] New pacts of contacts who are paired: how often, with what list of devices, and that the operator sees them.

use covey_api as api;
use covey_api::{ContactAlertKind, ContactState, kind};
use covey_pairing::consent::{Input, Me, PairFrame, Relationship};
use covey_pairing::identity::{self, CardContent, CardDevice, ContactCard, DeviceSecret, KeyLog};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_bytes::ByteBuf;

use super::world::World;
use crate::engine::contacts::cards;
use crate::engine::records::{channels, people};
use crate::engine::{Protocol, rpc, tables};
use crate::store::{Key, Table};

const HOUR: u64 = 3_600_000;

/// The card of node 0 with this list of devices, as its account and one of them can sign it.
fn card(world: &mut World, log: &KeyLog, device: &DeviceSecret) -> Vec<u8> {
    let bytes = world.look(0, |cx| crate::engine::card::own(cx).unwrap());
    let known = ContactCard::open(&bytes, world.now).unwrap().content().clone();
    let devices = vec![CardDevice { device: device.id(), addresses: Vec::new(), prekeys: ByteBuf::new(), seq: 0 }];
    let content = CardContent { sequence: known.sequence + 1, log: log.clone(), devices, ..known };
    identity::sign(&content, device).unwrap()
}

/// Node 0, or who has its keys, asks node 1 for a new pact at `world.now`; what came of it was carried out.
fn ask_anew(world: &mut World, log: &KeyLog, device: &DeviceSecret) {
    let card = card(world, log, device);
    let (account, now) = (world.nodes[0].me.account.clone(), world.now);
    let them = world.nodes[1].me.account.clone();
    let me = Me {
        account: &account,
        device,
        card: &card,
        name: "zero",
        decline_silently: false,
        answer_attachment: &[],
        work_bits: 0,
    };
    let ask = Input::Invite { their_dh: them.dh().public(), their_kem: None, note: String::new(), token: None };
    let outcome = Relationship::new(them.id()).handle(ask, &me, now, &mut StdRng::seed_from_u64(now)).unwrap();
    let (_, frame) = outcome.next.outstanding().remove(0);
    assert!(matches!(PairFrame::decode(&frame), Ok(PairFrame::Invite(_))));
    world.replay(0, 1, Protocol::Pair, frame);
    world.settle();
}

/// Events of a kind at node 1.
fn told(world: &mut World, of: &str) -> usize {
    let params = api::EventsFetch { last: Some(1_000), ..api::EventsFetch::default() };
    let events = world.call(1, |cx| rpc::events::fetch(cx, &params)).unwrap().events;
    events.iter().filter(|event| event.kind == of).count()
}

fn alerts(world: &mut World) -> Vec<ContactAlertKind> {
    world.contact(1, 0).unwrap().alerts.iter().map(|alert| alert.what).collect()
}

fn secret(world: &mut World) -> [u8; 32] {
    let account = world.nodes[0].account();
    world.look(1, |cx| {
        let contact = people::load(cx.tx, &account).unwrap().unwrap();
        contact.relationship.pair_secret().unwrap().channel_id()
    })
}

fn verify(world: &mut World) {
    let number = api::AccountSafetyNumber { contact: world.id(0) };
    let number = world.call(1, |cx| rpc::account::safety(cx, &number)).unwrap().safety_number;
    let params = api::PairVerify { contact: world.id(0), safety_number: number, client_id: None };
    assert!(world.call(1, |cx| rpc::pair::verify(cx, &params)).unwrap().verified);
}

/// Two that are paired and talked; node 0 is a puppet from now on.
fn talked(seed: u64) -> World {
    let mut world = World::new(3, seed);
    world.pair(0, 1);
    world.pair(2, 1);
    world.write(0, 1, "hello").unwrap();
    world.settle();
    verify(&mut world);
    world.puppet = Some(0);
    world.pass(2 * HOUR, HOUR);
    world
}

#[test]
fn a_contact_who_pairs_anew_all_the_time_leaves_little_and_takes_nothing_of_others() {
    let mut world = talked(70);
    let (log, device) = (world.nodes[0].me.key_log.clone(), world.nodes[0].me.device.clone());
    let rows = world.nodes[1].store.rows().len();
    for _ in 0..200 {
        world.pass(3_000, 3_000);
        ask_anew(&mut world, &log, &device);
    }
    let count = world.look(1, |cx| channels::all(cx.tx).unwrap().len());
    assert!(count <= 3, "{count} conversations with two contacts");
    assert_eq!(told(&mut world, kind::CONTACT_ALERT), 1);
    // Pacts in which nothing is said leave no conversation.
    for _ in 0..20 {
        world.pass(HOUR, HOUR);
        ask_anew(&mut world, &log, &device);
    }
    let count = world.look(1, |cx| channels::all(cx.tx).unwrap().len());
    assert_eq!(count, 3, "the first, the last, and that with the other contact");
    assert_eq!(told(&mut world, kind::CONTACT_ALERT), 21, "each pact is told of");
    let grown = world.nodes[1].store.rows().len() - rows;
    assert!(grown < 120, "{grown} rows");
    // The other contact, who never wrote, still opens a session with what it was given.
    world.write(2, 1, "first").unwrap();
    world.settle();
    assert_eq!(world.texts(1, 2), ["first"]);
    assert!(world.verify(1).ok, "{:?}", world.verify(1));
}

#[test]
fn a_renewed_pact_is_an_event_and_ends_the_verification() {
    let mut world = talked(71);
    let (log, device) = (world.nodes[0].me.key_log.clone(), world.nodes[0].me.device.clone());
    let before = secret(&mut world);
    ask_anew(&mut world, &log, &device);
    assert_ne!(secret(&mut world), before);
    let contact = world.contact(1, 0).unwrap();
    assert_eq!((contact.state, contact.verified), (ContactState::Paired, false));
    assert_eq!(alerts(&mut world), [ContactAlertKind::Renewed]);
    assert_eq!(told(&mut world, kind::CONTACT_ALERT), 1);
    world.restart(1);
    world.settle();
    assert_eq!(alerts(&mut world), [ContactAlertKind::Renewed]);
    verify(&mut world);
    assert_eq!(alerts(&mut world), [], "compared again");
}

#[test]
fn a_thief_of_the_words_does_not_take_a_contact_over_in_silence() {
    let mut world = talked(72);
    let thief = DeviceSecret::from_seed([66; 32]);
    let me = &world.nodes[0].me;
    let longer = me.key_log.add_device(&me.account, &thief, 5).unwrap();
    ask_anew(&mut world, &longer, &thief);
    let contact = world.contact(1, 0).unwrap();
    assert!(!contact.verified);
    let mut seen = alerts(&mut world);
    seen.sort_by_key(|what| format!("{what:?}"));
    assert_eq!(seen, [ContactAlertKind::DevicesChanged, ContactAlertKind::Renewed]);
    assert_eq!(told(&mut world, kind::CONTACT_ALERT), 2);
}

#[test]
fn a_card_with_another_device_is_told_of_without_a_new_pact() {
    let mut world = talked(73);
    let thief = DeviceSecret::from_seed([66; 32]);
    let me = &world.nodes[0].me;
    let longer = me.key_log.add_device(&me.account, &thief, 5).unwrap();
    let card = card(&mut world, &longer, &thief);
    let account = world.nodes[0].account();
    world.call(1, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
    assert_eq!(alerts(&mut world), [ContactAlertKind::DevicesChanged]);
    assert!(!world.contact(1, 0).unwrap().verified);
    assert_eq!(told(&mut world, kind::CONTACT_ALERT), 1);
}

#[test]
fn a_contradicting_list_of_devices_makes_no_pact_and_is_told_once_with_its_proof() {
    let mut world = talked(74);
    let thief = DeviceSecret::from_seed([66; 32]);
    let account = world.nodes[0].me.account.clone();
    let log = world.nodes[0].me.key_log.clone();
    let forged = KeyLog::create(&account, 5).add_device(&account, &thief, 6).unwrap();
    let before = secret(&mut world);
    for _ in 0..5 {
        ask_anew(&mut world, &forged, &thief);
        world.pass(2 * HOUR, HOUR);
    }
    assert_eq!(secret(&mut world), before);
    assert_eq!(alerts(&mut world), [ContactAlertKind::Contradiction]);
    assert_eq!(told(&mut world, kind::CONTACT_ALERT), 1);
    assert!(!world.contact(1, 0).unwrap().verified);
    let id = account.id();
    world.look(1, |cx| {
        let contact = people::load(cx.tx, &id).unwrap().unwrap();
        let proof: identity::Fork = covey_codec::decode(contact.alerts[0].proof.as_ref().unwrap(), 64 * 1024).unwrap();
        assert!(proof.is_proof_against(&log));
    });
    // The true one goes on as ever.
    world.puppet = None;
    world.write(1, 0, "still you?").unwrap();
    world.settle();
    assert_eq!(world.texts(0, 1).last().map(String::as_str), Some("still you?"));
}

#[test]
fn a_shorter_list_of_devices_than_the_one_on_the_newest_card_makes_no_pact() {
    let mut world = talked(75);
    let me = &world.nodes[0].me;
    let (log, device) = (me.key_log.clone(), me.device.clone());
    let longer = log.add_device(&me.account, &DeviceSecret::from_seed([67; 32]), 5).unwrap();
    let card = card(&mut world, &longer, &device);
    let account = world.nodes[0].account();
    world.call(1, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
    let before = secret(&mut world);
    ask_anew(&mut world, &log, &device);
    assert_eq!(secret(&mut world), before);
    assert_eq!(alerts(&mut world), [ContactAlertKind::DevicesChanged, ContactAlertKind::Contradiction]);
}

#[test]
fn ids_of_invites_and_strangers_who_asked_in_vain_are_forgotten() {
    let mut world = World::new(3, 76);
    world.pair(2, 1);
    let rows = |world: &mut World, table| world.look(1, |cx| cx.tx.keys(&Key::table(table)).unwrap().len());
    let (contacts, cards) = (rows(&mut world, Table::Contact), rows(&mut world, Table::Card));
    for _ in 0..30 {
        // Each replaces the one before.
        world.invite(0, 1).unwrap();
        world.settle();
        let params = api::PairCancel { contact: world.id(1), ..api::PairCancel::default() };
        world.drop.insert(Protocol::Pair);
        world.call(0, |cx| rpc::pair::cancel(cx, &params)).unwrap();
        world.settle();
        world.drop.clear();
        world.now += 1_000;
    }
    assert!(rows(&mut world, Table::Invite) <= 4, "{} ids", rows(&mut world, Table::Invite));
    world.puppet = Some(0);
    world.pass(120 * 24 * HOUR, 12 * HOUR);
    assert_eq!(world.state(1, 0), None);
    assert_eq!((rows(&mut world, Table::Contact), rows(&mut world, Table::Card)), (contacts, cards));
    assert_eq!(world.state(1, 2), Some(ContactState::Paired), "who is paired stays");
    assert!(world.verify(1).ok, "{:?}", world.verify(1));
}

#[test]
fn no_list_of_channels_ends_early() {
    let mut world = World::new(1, 77);
    let many = 10_500;
    world
        .call(0, |cx| {
            for n in 0..many {
                let id = covey_feed::ChannelId::from_bytes(blake3_of(n));
                channels::open_group(cx.tx, id, "group".into(), cx.now)?;
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(world.look(0, |cx| channels::all(cx.tx).unwrap().len()), many);
    assert_eq!(world.look(0, |cx| cx.tx.keys(&tables::channels()).unwrap().len()), many);
}

fn blake3_of(n: usize) -> [u8; 32] {
    covey_pairing::crypto::hash::blake3(&n.to_be_bytes())
}
