//! Mail that waits at keepers: who leaves it, who keeps it, who fetches it, and what hostile ones of all three can do.

mod asking;
mod devices;
mod hostile;
mod lasting;
mod lost;
mod pace;
mod readable;
mod remembered;
mod room;
mod strangers;

use covey_api::{self as api, KeeperState, MessageState, Reason};
use covey_pairing::crypto::hash::blake3;
use covey_pairing::keeper::{Deposit, KeeperFrame, Receipt, SlotId, SlotToken, Use};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_bytes::{ByteArray, ByteBuf};

use super::world::World;
use crate::engine::records::keeping::{self, Lying};
use crate::engine::records::kept_slots;
use crate::engine::records::mailboxes::{self, Theirs};
use crate::engine::{Protocol, rpc, tables};

const ALICE: usize = 0;
const BOB: usize = 1;
const KEEPER: usize = 2;
const MALLORY: usize = 3;

/// Alice and Bob are paired, and Bob's mail is kept by a node that is a stranger to both.
fn kept(seed: u64) -> World {
    let mut world = World::new(4, seed);
    world.pair(ALICE, BOB);
    let ticket = serve(&mut world, &api::KeeperServe::default());
    assert_eq!(add(&mut world, BOB, &ticket), KeeperState::Keeps);
    world
}

fn serve(world: &mut World, params: &api::KeeperServe) -> String {
    world.call(KEEPER, |cx| rpc::keeper::serve(cx, params)).unwrap().ticket
}

fn add(world: &mut World, node: usize, ticket: &str) -> KeeperState {
    let params = api::KeeperAdd { ticket: ticket.to_owned(), client_id: None };
    let added = world.call(node, |cx| rpc::keeper::add(cx, &params)).unwrap();
    world.settle();
    world.call(node, |cx| rpc::keeper::one(cx, &added.keeper)).unwrap().unwrap().state
}

/// Half a minute passes: long enough that mail is left for whoever is away.
fn wait(world: &mut World) {
    world.pass(30_000, 1_000);
}

fn delivery(world: &mut World, node: usize, id: &str) -> api::Delivery {
    let params = api::MessageShow { id: id.to_owned() };
    let shown = world.call(node, |cx| rpc::message::show(cx, &params)).unwrap();
    assert_eq!(shown.state, shown.deliveries[0].state);
    shown.deliveries.into_iter().next().unwrap()
}

/// What a node was told of a kind of event.
fn events(world: &mut World, node: usize, kind: &str) -> Vec<serde_json::Value> {
    let params = api::EventsFetch { limit: Some(1_000), ..api::EventsFetch::default() };
    let events = world.call(node, |cx| rpc::events::fetch(cx, &params)).unwrap().events;
    events.into_iter().filter(|event| event.kind == kind).map(|event| event.data).collect()
}

/// What lies at the keeper for Bob.
fn lying(world: &mut World) -> Vec<(u64, Lying)> {
    let bob = world.nodes[BOB].account();
    world.look(KEEPER, |cx| keeping::lying(cx.tx, &bob, 0, 1_000).unwrap())
}

/// [MAIL-9] What the keeper counts is what is there.
fn assert_counted(world: &mut World) {
    let parcels = lying(world);
    let bytes = parcels.iter().map(|(_, lying)| lying.len).sum();
    let counted = Use { parcels: parcels.len() as u64, bytes };
    let bob = world.nodes[BOB].account();
    world.look(KEEPER, |cx| {
        assert_eq!(keeping::used(cx.tx, &bob).unwrap().used, counted);
        assert_eq!(keeping::total(cx.tx).unwrap(), counted);
    });
    for node in 0..world.nodes.len() {
        let found = world.verify(node);
        assert!(found.ok, "node {node}: {found:?}");
    }
}

/// Where Alice leaves mail for Bob: slot and token.
fn slot(world: &mut World) -> (SlotId, SlotToken) {
    let bob = world.nodes[BOB].account();
    let theirs: Vec<Theirs> = world.look(ALICE, |cx| mailboxes::theirs(cx.tx, &bob).unwrap());
    let at = theirs[0].mailbox.at[0].clone();
    (at.slot, at.token)
}

/// [MAIL-2] [MAIL-5] [MAIL-8]
#[test]
fn what_was_written_to_somebody_who_was_away_arrives_though_its_author_is_gone() {
    let mut world = kept(1);
    world.stop(BOB);
    let expected: Vec<String> = (0..100).map(|n| format!("message {n}")).collect();
    let mut last = String::new();
    for text in &expected {
        last = world.write(ALICE, BOB, text).unwrap().id;
    }
    world.settle();
    assert_eq!(delivery(&mut world, ALICE, &last).state, MessageState::Queued);
    wait(&mut world);
    let told = delivery(&mut world, ALICE, &last);
    assert_eq!((told.state, told.kept.map(|kept| kept.keepers)), (MessageState::Kept, Some(1)));
    assert_counted(&mut world);
    world.stop(ALICE);
    world.pass(5 * 24 * 3_600_000, 6 * 3_600_000);
    world.restart(BOB);
    world.settle();
    assert_eq!(world.texts(BOB, ALICE), expected);
    assert!(lying(&mut world).is_empty(), "what is durable at Bob's is deleted");
    assert_counted(&mut world);
}

/// [MAIL-1]
#[test]
fn an_answer_waits_as_well_and_says_what_was_delivered() {
    let mut world = kept(2);
    let ticket = serve(&mut world, &api::KeeperServe::default());
    assert_eq!(add(&mut world, ALICE, &ticket), KeeperState::Keeps);
    world.stop(BOB);
    let asked = world.write(ALICE, BOB, "are you there?").unwrap().id;
    wait(&mut world);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    world.write(BOB, ALICE, "now I am").unwrap();
    wait(&mut world);
    world.stop(BOB);
    world.restart(ALICE);
    world.settle();
    assert_eq!(world.texts(ALICE, BOB), ["are you there?", "now I am"]);
    assert_eq!(delivery(&mut world, ALICE, &asked).state, MessageState::Delivered);
}

#[test]
fn mail_that_was_left_and_came_directly_is_there_once() {
    let mut world = kept(3);
    world.stop(BOB);
    world.write(ALICE, BOB, "one").unwrap();
    wait(&mut world);
    world.stop(KEEPER);
    world.restart(BOB);
    world.settle();
    assert_eq!(world.texts(BOB, ALICE), ["one"]);
    world.restart(KEEPER);
    world.pass(60_000, 5_000);
    assert_eq!(world.texts(BOB, ALICE), ["one"]);
    assert_counted(&mut world);
}

/// [MAIL-3]
#[test]
fn a_ticket_is_good_once_and_for_whom_it_is() {
    let mut world = World::new(4, 4);
    world.pair(KEEPER, BOB);
    let for_bob = api::KeeperServe { contact: Some(world.id(BOB)), ..api::KeeperServe::default() };
    let ticket = serve(&mut world, &for_bob);
    assert_eq!(add(&mut world, MALLORY, &ticket), KeeperState::Refused);
    assert_eq!(add(&mut world, BOB, &ticket), KeeperState::Keeps);
    let another = serve(&mut world, &api::KeeperServe::default());
    assert_eq!(add(&mut world, ALICE, &another), KeeperState::Keeps);
    assert_eq!(add(&mut world, MALLORY, &another), KeeperState::Refused);
    let late = serve(&mut world, &api::KeeperServe::default());
    world.now += 8 * 24 * 3_600_000;
    assert_eq!(add(&mut world, MALLORY, &late), KeeperState::Refused);
}

#[test]
fn a_keeper_is_not_a_device_of_the_own_account() {
    let mut world = World::new(4, 5);
    let ticket = serve(&mut world, &api::KeeperServe::default());
    let params = api::KeeperAdd { ticket, client_id: None };
    let refused = world.call(KEEPER, |cx| rpc::keeper::add(cx, &params)).unwrap_err();
    assert_eq!(refused.reason, Reason::OwnDevice);
}

/// [MAIL-5]
#[test]
fn an_unknown_slot_and_a_wrong_token_get_the_same_answer() {
    let mut world = kept(6);
    let (known, token) = slot(&mut world);
    world.puppet = Some(MALLORY);
    world.connect(MALLORY, KEEPER);
    let parcel = ByteBuf::from(vec![1; 3_000]);
    let wrong = SlotToken::random(&mut StdRng::seed_from_u64(1));
    for frame in [
        KeeperFrame::Deposit(known, wrong.clone(), parcel.clone()),
        KeeperFrame::Deposit(SlotId::from_bytes([9; 16]), wrong, parcel.clone()),
        KeeperFrame::Deposit(SlotId::from_bytes([9; 16]), token.clone(), parcel.clone()),
    ] {
        world.say(KEEPER, Protocol::Keeper, frame.encode());
    }
    let no = KeeperFrame::No(ByteArray::new(blake3(&parcel))).encode();
    assert_eq!(world.heard, vec![(Protocol::Keeper, no); 3]);
    let short = KeeperFrame::Deposit(known, token, ByteBuf::from(vec![1; 10]));
    world.say(KEEPER, Protocol::Keeper, short.encode());
    assert_eq!(KeeperFrame::decode(&world.heard[3].1), Ok(KeeperFrame::No(ByteArray::new(blake3(&[1; 10])))));
    assert!(lying(&mut world).is_empty());
}

/// [MAIL-3] Nobody else reads, deletes or moves what lies there.
#[test]
fn what_lies_at_a_keeper_is_for_its_owner_only() {
    let mut world = kept(7);
    world.stop(BOB);
    world.write(ALICE, BOB, "for Bob").unwrap();
    wait(&mut world);
    let number = lying(&mut world)[0].0;
    world.puppet = Some(MALLORY);
    world.connect(MALLORY, KEEPER);
    for frame in [KeeperFrame::Fetch(0), KeeperFrame::Got(vec![number]), KeeperFrame::Slots(1, Vec::new())] {
        world.say(KEEPER, Protocol::Keeper, frame.encode());
    }
    assert!(world.heard.is_empty(), "strangers are not answered");
    assert_eq!(lying(&mut world).len(), 1);
}

/// [MAIL-6] Whoever has the token of a slot fills it, and says nothing in the contact's name.
#[test]
fn a_parcel_of_somebody_else_in_the_slot_of_a_contact_brings_nothing() {
    let mut world = kept(8);
    let (slot, token) = slot(&mut world);
    world.stop(BOB);
    world.write(ALICE, BOB, "real").unwrap();
    wait(&mut world);
    let bob = world.nodes[BOB].account();
    let key = world.look(ALICE, |cx| mailboxes::theirs(cx.tx, &bob).unwrap()[0].mailbox.key.clone());
    let mallory = world.nodes[MALLORY].me.device.clone();
    let mut rng = StdRng::seed_from_u64(1);
    let forged = Deposit::seal(&mallory, &key, &slot, b"no mail", &mut rng).unwrap();
    world.puppet = Some(MALLORY);
    world.connect(MALLORY, KEEPER);
    for parcel in [forged, vec![1; 2_000]] {
        let deposit = KeeperFrame::Deposit(slot, token.clone(), ByteBuf::from(parcel));
        world.say(KEEPER, Protocol::Keeper, deposit.encode());
    }
    assert_eq!(lying(&mut world).len(), 3);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    assert_eq!(world.texts(BOB, ALICE), ["real"]);
    // Of a device that may become known it is kept; garbage is not.
    assert_eq!(lying(&mut world).len(), 1);
}

/// [MAIL-8]
#[test]
fn a_receipt_that_the_keeper_did_not_sign_counts_for_nothing() {
    let mut world = kept(10);
    world.stop(BOB);
    world.drop.insert(Protocol::Keeper);
    let sent = world.write(ALICE, BOB, "hello").unwrap().id;
    wait(&mut world);
    let bob = world.nodes[BOB].account();
    let (slot, _) = slot(&mut world);
    let parcel = world.look(ALICE, |cx| mailboxes::pending(cx.tx, &bob, &slot).unwrap()).unwrap().parcel;
    let mallory = world.nodes[MALLORY].me.device.clone();
    let forged = Receipt::sign(mallory.signing(), slot, &parcel, u64::MAX);
    world.replay(KEEPER, ALICE, Protocol::Keeper, KeeperFrame::Kept(forged).encode());
    let keeper = world.nodes[KEEPER].me.device.clone();
    let elsewhere = Receipt::sign(keeper.signing(), SlotId::from_bytes([3; 16]), &parcel, u64::MAX);
    world.replay(KEEPER, ALICE, Protocol::Keeper, KeeperFrame::Kept(elsewhere).encode());
    world.settle();
    assert_eq!(delivery(&mut world, ALICE, &sent).state, MessageState::Queued);
    let real = Receipt::sign(keeper.signing(), slot, &parcel, u64::MAX);
    world.replay(KEEPER, ALICE, Protocol::Keeper, KeeperFrame::Kept(real).encode());
    world.settle();
    let kept = delivery(&mut world, ALICE, &sent).kept.unwrap();
    assert!(kept.until < api::Time::from_unix_ms(world.now + 40 * 24 * 3_600_000), "no keeper promises for ever");
}

/// A keeper that lies keeps a message from nobody: its author has it.
#[test]
fn what_a_keeper_loses_comes_from_its_author() {
    let mut world = kept(11);
    world.stop(BOB);
    let sent = world.write(ALICE, BOB, "hello").unwrap().id;
    wait(&mut world);
    assert_eq!(delivery(&mut world, ALICE, &sent).state, MessageState::Kept);
    let bob = world.nodes[BOB].account();
    let owner = world.look(KEEPER, |cx| keeping::owner(cx.tx, &bob).unwrap().unwrap());
    world.call(KEEPER, |cx| Ok(kept_slots::forget(cx.tx, &owner)?)).unwrap();
    world.restart(BOB);
    world.settle();
    assert_eq!(world.texts(BOB, ALICE), ["hello"]);
    let listed = world.call(BOB, rpc::keeper::list).unwrap();
    assert_eq!(listed[0].state, KeeperState::Refused, "and Bob is told that it keeps nothing");
}

/// [MAIL-4]
#[test]
fn a_blocked_contact_has_no_slot_any_more() {
    let mut world = kept(12);
    let (slot, token) = slot(&mut world);
    let params = api::PairBlock { contact: world.id(ALICE), ..api::PairBlock::default() };
    world.call(BOB, |cx| rpc::pair::block(cx, &params)).unwrap();
    world.settle();
    world.puppet = Some(MALLORY);
    world.connect(MALLORY, KEEPER);
    let parcel = ByteBuf::from(vec![1; 2_000]);
    world.say(KEEPER, Protocol::Keeper, KeeperFrame::Deposit(slot, token, parcel).encode());
    assert!(matches!(KeeperFrame::decode(&world.heard[0].1), Ok(KeeperFrame::No(_))));
    assert!(
        world
            .look(BOB, |cx| cx.tx.load::<covey_pairing::ids::AccountId>(&tables::given_slot(&slot)).unwrap())
            .is_none()
    );
}

/// What the keeper and whoever listens can see of a deposit.
#[test]
fn no_frame_of_a_deposit_names_account_device_or_channel() {
    let mut world = kept(13);
    world.stop(BOB);
    world.record = Some(Vec::new());
    world.write(ALICE, BOB, "a text that is long enough to be found").unwrap();
    wait(&mut world);
    let channel = world.channel(ALICE, BOB);
    let (alice, bob) = (&world.nodes[ALICE], &world.nodes[BOB]);
    let (keys, accounts) = (alice.me.device.keys(), [alice.account(), bob.account()]);
    let secrets = [
        accounts[0].as_bytes().as_slice(),
        accounts[1].as_bytes(),
        keys.id.as_bytes(),
        keys.dh.as_bytes(),
        channel.as_bytes(),
        b"a text that is long enough",
    ];
    let frames = world.record.take().unwrap();
    let sent: Vec<_> = frames.iter().filter(|(from, to, ..)| (*from, *to) == (ALICE, KEEPER)).collect();
    assert!(!sent.is_empty());
    for (.., protocol, frame) in sent {
        assert_eq!(*protocol, Protocol::Keeper);
        for secret in secrets {
            assert!(!frame.windows(secret.len()).any(|window| window == secret));
        }
    }
}

#[test]
fn a_removed_keeper_is_named_to_nobody_and_keeps_nothing() {
    let mut world = kept(14);
    let listed = world.call(BOB, rpc::keeper::list).unwrap();
    let params = api::KeeperRemove { keeper: listed[0].keeper.clone(), client_id: None };
    world.call(BOB, |cx| rpc::keeper::remove(cx, &params)).unwrap();
    world.settle();
    let bob = world.nodes[BOB].account();
    assert!(world.look(ALICE, |cx| mailboxes::theirs(cx.tx, &bob).unwrap())[0].mailbox.at.is_empty());
    world.stop(BOB);
    let sent = world.write(ALICE, BOB, "hello").unwrap().id;
    wait(&mut world);
    assert_eq!(delivery(&mut world, ALICE, &sent).state, MessageState::Queued);
    assert!(lying(&mut world).is_empty());
}

#[test]
fn what_was_kept_for_a_month_is_deleted_and_left_anew() {
    let mut world = kept(15);
    world.stop(BOB);
    let sent = world.write(ALICE, BOB, "hello").unwrap().id;
    wait(&mut world);
    let before = lying(&mut world)[0].0;
    world.pass(31 * 24 * 3_600_000, 12 * 3_600_000);
    let after = lying(&mut world);
    assert!(after.is_empty() || after[0].0 > before);
    assert_counted(&mut world);
    world.write(ALICE, BOB, "still there?").unwrap();
    wait(&mut world);
    assert_eq!(delivery(&mut world, ALICE, &sent).state, MessageState::Kept);
}
