//! A device that a recovery keeps: it waits for its operator, and then the account goes on with all that it has. The laptop is lost, the
//! server stays, bob is a contact; the words are used on a new machine.

use covey_api as api;
use covey_api::{ContactState, DeviceState, Reason, SecondHistoryKind, TransferPhase};
use covey_pairing::identity::{AccountSecret, DeviceSecret, RecoveryCode, Rotation};

use super::node::Node;
use super::world::{World, quick};
use crate::engine::contacts::own;
use crate::engine::records::channels;
use crate::engine::wire::own_log::LogFrame;
use crate::engine::{Cx, EngineError, Me, Protocol, kept, rpc};

const LAPTOP: usize = 0;
const SERVER: usize = 1;
const BOB: usize = 2;
const NEW: usize = 3;

/// Laptop and server of one account, and bob, who talked; the words. The server is a plain device without them.
fn talked(seed: u64) -> (World, AccountSecret) {
    let mut world = World::new(3, seed);
    world.pair(LAPTOP, BOB);
    world.link(LAPTOP, SERVER);
    world.pass(60_000, 5_000);
    for n in 0..5 {
        world.write(LAPTOP, BOB, &format!("laptop {n}")).unwrap();
        world.write(BOB, LAPTOP, &format!("bob {n}")).unwrap();
        world.settle();
    }
    let words = world.nodes[LAPTOP].me.account.clone();
    let plain = |cx: &mut Cx<'_, '_>| {
        let account = cx.me.account.plain();
        Ok(own::become_now(cx, Me { account, ..Me::clone(&cx.me) })?)
    };
    world.call(SERVER, plain).unwrap();
    world.settle();
    assert_eq!(world.texts(SERVER, BOB).len(), 10);
    (world, words)
}

/// The words are used on a new machine, which keeps the server. `seed`: of its device.
fn recover(world: &mut World, words: &AccountSecret, seed: u8, holder: bool) {
    let (log, server) = (world.nodes[SERVER].me.key_log.clone(), world.nodes[SERVER].me.device_id());
    let device = DeviceSecret::from_seed([seed; 32]);
    let card = world.card(SERVER);
    let plan = Rotation { keep: vec![server], add: vec![&device], ..Rotation::default() };
    let (log, keys) = log.rotate(words, &plan, world.now).unwrap();
    let me = Me::recovered(words, &keys, device, log, false);
    let mut node = Node::of(seed.into(), quick(), me);
    let begin = |cx: &mut Cx<'_, '_>| -> Result<(), EngineError> {
        let log = cx.me.key_log.clone();
        kept::begin(cx.tx, &log, (&[server], holder), Some(card))
    };
    node.transact(world.now, begin).unwrap();
    world.join(node);
    world.settle();
    world.pass(60_000, 5_000);
}

fn digits(world: &World, node: usize) -> String {
    RecoveryCode::of(&world.nodes[node].me.key_log).unwrap().to_string()
}

fn accept(world: &mut World, digits: &str) -> Result<api::AccountCondition, api::ApiError> {
    let params = api::AccountAccept { digits: digits.to_owned(), client_id: None };
    let accepted = world.call(SERVER, |cx| rpc::account::accept(cx, &params));
    world.settle();
    accepted
}

fn condition(world: &mut World, node: usize) -> api::AccountCondition {
    world.call(node, rpc::account::status).unwrap()
}

fn state(world: &mut World, node: usize, of: usize) -> DeviceState {
    let id = world.nodes[of].me.device_id().to_string();
    world.call(node, |cx| rpc::device::show(cx, &api::DeviceShow { device: id })).unwrap().state
}

/// [KEPT-1] [KEPT-2] [KEPT-3] [KEPT-4]
#[test]
fn a_device_that_is_kept_waits_for_its_operator_and_then_gives_the_account_all_that_it_has() {
    let (mut world, words) = talked(100);
    world.stop(LAPTOP);
    recover(&mut world, &words, 5, true);
    // It alarms, and goes on as before.
    let seen = condition(&mut world, SERVER);
    assert_eq!(seen.second_history.unwrap().what, SecondHistoryKind::Kept);
    assert_eq!((seen.recoveries, state(&mut world, NEW, SERVER)), (0, DeviceState::Kept));
    assert_eq!(world.contact(NEW, BOB), None, "nothing is told before that");
    assert!(!world.is_open(SERVER, NEW));
    world.write(SERVER, BOB, "still here").unwrap();
    world.settle();
    assert_eq!(world.texts(BOB, LAPTOP).last().map(String::as_str), Some("still here"));
    // Digits that are none, and those of another recovery.
    let typed = digits(&world, NEW);
    assert_eq!(accept(&mut world, "1234").unwrap_err().reason, Reason::InvalidParams);
    let wrong = if typed.ends_with('0') { typed.replace('0', "1") } else { format!("{}0", &typed[..18]) };
    assert_eq!(accept(&mut world, &wrong).unwrap_err().reason, Reason::WrongDigits);
    assert!(!condition(&mut world, SERVER).accepted);
    accept(&mut world, &typed).unwrap();
    world.pass(240_000, 5_000);
    let settled = condition(&mut world, SERVER);
    assert_eq!((settled.second_history, settled.accepted, settled.recoveries), (None, false, 1));
    assert_eq!(state(&mut world, NEW, SERVER), DeviceState::Active);
    assert!(world.nodes[SERVER].me.account.is_holder(), "as the operator said");
    // The new machine has the contact with its pact, and what was said.
    assert_eq!(world.state(NEW, BOB), Some(ContactState::Paired));
    assert_eq!((world.texts(NEW, BOB), world.texts(SERVER, BOB).len()), (world.texts(SERVER, BOB), 11));
    let id = world.nodes[NEW].me.device_id().to_string();
    let shown = world.call(NEW, |cx| rpc::device::show(cx, &api::DeviceShow { device: id })).unwrap();
    assert_eq!(shown.transfer.unwrap().phase, TransferPhase::Done);
    world.write(BOB, NEW, "to all of you").unwrap();
    world.write(NEW, BOB, "from the new one").unwrap();
    world.pass(120_000, 5_000);
    for node in [SERVER, NEW] {
        assert_eq!(world.texts(node, BOB), world.texts(BOB, NEW), "node {node}");
        assert!(world.verify(node).ok, "{:?}", world.verify(node));
    }
    assert_eq!(world.texts(BOB, NEW).len(), 13);
}

/// The laptop was stolen: it has the keys of before, which open nothing of what the others tell each other from then on.
#[test]
fn a_stolen_device_reads_nothing_of_the_own_channel_after_a_recovery() {
    let (mut world, words) = talked(101);
    world.defiant.insert(LAPTOP);
    let before = world.nodes[LAPTOP].me.account.own_channel_id();
    recover(&mut world, &words, 5, false);
    let typed = digits(&world, NEW);
    accept(&mut world, &typed).unwrap();
    world.pass(240_000, 5_000);
    assert_eq!(world.state(NEW, BOB), Some(ContactState::Paired));
    assert_ne!(world.nodes[SERVER].me.account.own_channel_id(), before);
    assert_eq!(world.nodes[SERVER].me.account.own_channel_id(), world.nodes[NEW].me.account.own_channel_id());
    assert!(!world.nodes[SERVER].me.account.is_holder());
    let alias = api::PairRename { contact: world.id(BOB), alias: "robert".into(), client_id: None };
    world.call(NEW, |cx| rpc::pair::rename(cx, &alias)).unwrap();
    world.pass(120_000, 5_000);
    assert_eq!(world.contact(SERVER, BOB).unwrap().alias.as_deref(), Some("robert"));
    assert_ne!(world.contact(LAPTOP, BOB).unwrap().alias.as_deref(), Some("robert"));
    for other in [SERVER, NEW, BOB] {
        assert!(!world.is_open(other, LAPTOP), "node {other}");
    }
    // Whatever it has of the channel is of the one of before.
    let of_now = covey_feed::ChannelId::from_bytes(world.nodes[NEW].me.account.own_channel_id());
    assert!(world.look(LAPTOP, |cx| channels::by_id(cx.tx, &of_now).unwrap()).is_none());
    world.write(BOB, NEW, "not for the thief").unwrap();
    world.pass(60_000, 5_000);
    assert!(!world.texts(LAPTOP, BOB).contains(&"not for the thief".to_owned()));
}

/// A thief of the words keeps the owner's server, so that it hands everything over.
#[test]
fn a_thief_of_the_words_keeps_no_device_without_its_operator() {
    let (mut world, words) = talked(102);
    recover(&mut world, &words, 66, true);
    world.pass(600_000, 10_000);
    assert_eq!(world.contact(NEW, BOB), None);
    assert!(!world.is_open(SERVER, NEW) && !world.is_open(NEW, SERVER));
    assert_eq!(condition(&mut world, SERVER).second_history.unwrap().what, SecondHistoryKind::Kept);
    // Keys that nobody accepted are not looked at, nor asked for by anybody else.
    let keys = LogFrame::Keys(serde_bytes::ByteBuf::from([1; 300])).encode().unwrap();
    world.replay(NEW, SERVER, Protocol::Pair, keys);
    world.replay(BOB, NEW, Protocol::Pair, LogFrame::KeysWanted.encode().unwrap());
    world.settle();
    assert_eq!(condition(&mut world, SERVER).recoveries, 0);
    // Its operator objects, and contacts freeze the account.
    assert!(world.call(SERVER, rpc::account::contest).unwrap().objected);
    world.settle();
    assert!(world.contact(BOB, LAPTOP).unwrap().contested);
    let typed = digits(&world, NEW);
    let refused = accept(&mut world, &typed).unwrap_err();
    assert_eq!(refused.reason, Reason::WrongState);
    assert!(refused.message.contains("objected"), "{refused}");
}

/// Two machines have the words: the server was shown the thief's recovery, and its operator has the digits of the owner's.
#[test]
fn the_digits_tell_the_recovery_of_the_owner_from_that_of_a_thief() {
    let (mut world, words) = talked(103);
    let log = world.nodes[SERVER].me.key_log.clone();
    recover(&mut world, &words, 66, true);
    let device = DeviceSecret::from_seed([5; 32]);
    let server = world.nodes[SERVER].me.device_id();
    let plan = Rotation { keep: vec![server], add: vec![&device], ..Rotation::default() };
    let owners = RecoveryCode::of(&log.rotate(&words, &plan, world.now).unwrap().0).unwrap().to_string();
    let refused = accept(&mut world, &owners).unwrap_err();
    assert_eq!(refused.reason, Reason::WrongDigits);
    assert!(refused.message.contains("covey account contest"), "{refused}");
    world.pass(60_000, 5_000);
    assert_eq!(condition(&mut world, SERVER).recoveries, 0);
}

#[test]
fn an_accepted_recovery_goes_on_after_restarts_of_both() {
    let (mut world, words) = talked(104);
    world.stop(LAPTOP);
    recover(&mut world, &words, 5, false);
    world.stop(NEW);
    let typed = digits(&world, NEW);
    accept(&mut world, &typed).unwrap();
    world.restart(SERVER);
    world.pass(60_000, 5_000);
    assert!(condition(&mut world, SERVER).accepted);
    world.restart(NEW);
    world.pass(240_000, 5_000);
    assert_eq!(condition(&mut world, SERVER).recoveries, 1);
    assert_eq!(world.state(NEW, BOB), Some(ContactState::Paired));
    assert_eq!(world.texts(NEW, BOB).len(), 10);
    world.restart(SERVER);
    world.restart(NEW);
    world.pass(60_000, 5_000);
    world.write(BOB, NEW, "on it goes").unwrap();
    world.pass(60_000, 5_000);
    for node in [SERVER, NEW] {
        assert_eq!(world.texts(node, BOB).last().map(String::as_str), Some("on it goes"));
    }
}
