//! A member of a group whose account is contested.

use covey_api as api;
use covey_pairing::identity::{self, CardContent, ContactCard, DeviceSecret, KeyLog, Rotation};

use super::world::World;
use crate::engine::contacts::cards;
use crate::engine::{card, rpc};

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;

fn wait(world: &mut World) {
    world.settle();
    world.pass(600_000, 10_000);
}

/// A recovery of alice's account that leaves her device, and the device that makes it.
fn recovery(world: &World, seed: u8) -> (KeyLog, DeviceSecret) {
    let (me, device) = (&world.nodes[ALICE].me, DeviceSecret::from_seed([seed; 32]));
    let plan = Rotation { keep: vec![me.device_id()], add: vec![&device], ..Rotation::default() };
    (me.key_log.rotate(&me.account, &plan, world.now).unwrap().0, device)
}

/// A node is shown a card of alice's account with a log.
fn show(world: &mut World, to: usize, log: &KeyLog, signer: &DeviceSecret) {
    let own = world.look(ALICE, |cx| card::own(cx).unwrap());
    let content = ContactCard::open(&own, world.now).unwrap().content().clone();
    let content = CardContent { log: log.clone(), devices: Vec::new(), ..content };
    let (card, account) = (identity::sign(&content, signer).unwrap(), log.account());
    world.call(to, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
    world.settle();
}

/// Two recoveries of alice's account contradict each other, as bob sees it; carol, and alice's device, know nothing of them.
fn contested(seed: u64) -> (World, String, KeyLog) {
    let mut world = World::new(3, seed);
    let group = world.group_of(&[CAROL, ALICE, BOB], "garden");
    world.pair(ALICE, BOB);
    world.say_in(ALICE, &group, "before").unwrap();
    world.say_in(BOB, &group, "hello").unwrap();
    wait(&mut world);
    let ((hers, device), (stolen, thief)) = (recovery(&world, 50), recovery(&world, 66));
    show(&mut world, BOB, &hers, &device);
    show(&mut world, BOB, &stolen, &thief);
    assert!(world.contact(BOB, ALICE).unwrap().contested);
    (world, group, hers)
}

fn compare(world: &mut World, hers: &KeyLog) {
    // Alice reads the number of her own recovery.
    world.adopt(ALICE, hers);
    let params = api::AccountSafetyNumber { contact: world.id(BOB) };
    let safety_number = world.call(ALICE, |cx| rpc::account::safety(cx, &params)).unwrap().safety_number;
    let params = api::PairVerify { contact: world.id(ALICE), safety_number, client_id: None };
    let contact = world.call(BOB, |cx| rpc::pair::verify(cx, &params)).unwrap();
    assert!(contact.verified && !contact.contested);
}

/// [DISPUTE-1]
#[test]
fn what_a_contested_member_writes_is_hidden_until_people_compared_and_it_reads_nothing_of_ours() {
    let (mut world, group, hers) = contested(1);
    world.say_in(ALICE, &group, "it is me").unwrap();
    wait(&mut world);
    assert_eq!(world.texts_in(CAROL, &group), ["before", "hello", "it is me"], "she knows of no dispute");
    assert_eq!(world.texts_in(BOB, &group), ["before", "hello"]);
    world.say_in(BOB, &group, "who are you?").unwrap();
    wait(&mut world);
    assert!(world.texts_in(CAROL, &group).contains(&"who are you?".to_owned()));
    assert!(!world.texts_in(ALICE, &group).contains(&"who are you?".to_owned()), "no key to it was given");
    world.restart(BOB);
    wait(&mut world);
    assert_eq!(world.texts_in(BOB, &group), ["before", "hello", "who are you?"], "also after a start");
    assert!(world.verify(BOB).ok, "{:?}", world.verify(BOB));
    compare(&mut world, &hers);
    wait(&mut world);
    assert!(world.texts_in(BOB, &group).contains(&"it is me".to_owned()));
}

/// [DISPUTE-1] An edit is something new as well.
#[test]
fn a_contested_member_changes_nothing_of_what_it_wrote_before() {
    let (mut world, group, _) = contested(2);
    let list = api::MessageList { channel: Some(group.clone()), ..api::MessageList::default() };
    let first = world.call(ALICE, |cx| rpc::message::list(cx, &list)).unwrap()[0].id.clone();
    let params = api::MessageEdit { id: first, text: "never said".into(), ..api::MessageEdit::default() };
    world.call(ALICE, |cx| rpc::message::edit(cx, params)).unwrap();
    wait(&mut world);
    assert_eq!(world.texts_in(CAROL, &group), ["never said", "hello"]);
    assert_eq!(world.texts_in(BOB, &group), ["before", "hello"]);
}
