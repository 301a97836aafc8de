//! Whoever has nothing but the words of an account asks those who know it. Node 3 is a machine that nobody knows: a new one of the owner's, or a
//! stranger's.

use covey_api as api;
use covey_pairing::crypto::sign::Context;
use covey_pairing::identity::{AccountSecret, AccountWanted, ContactCard, KeyLog};
use serde_bytes::{ByteArray, ByteBuf};

use super::recovery;
use super::world::World;
use crate::engine::wire::account::{self, Known};
use crate::engine::{Protocol, rpc};

const ALICE: usize = 0;
const BOB: usize = 1;
const KEEPER: usize = 2;
const NEW: usize = 3;
const SERVER: usize = 4;

/// Alice is paired with Bob, has another device, and a keeper that is a stranger to her.
fn known(seed: u64) -> (World, AccountSecret) {
    let mut world = World::new(5, seed);
    world.pair(ALICE, BOB);
    world.link(ALICE, SERVER);
    let ticket = world.call(KEEPER, |cx| rpc::keeper::serve(cx, &api::KeeperServe::default())).unwrap().ticket;
    let params = api::KeeperAdd { ticket, client_id: None };
    world.call(ALICE, |cx| rpc::keeper::add(cx, &params)).unwrap();
    world.settle();
    let words = world.nodes[ALICE].me.account.clone();
    world.puppet = Some(NEW);
    (world, words)
}

fn network(world: &World, node: usize) -> [u8; 32] {
    world.nodes[node].me.device.keys().network
}

/// What a node answers.
fn say(world: &mut World, node: usize, frame: Vec<u8>) -> Option<Known> {
    world.connect(NEW, node);
    world.heard.clear();
    world.say(node, Protocol::Pair, frame);
    world.heard.iter().find_map(|(_, frame)| account::answered(frame))
}

fn ask(world: &mut World, node: usize, words: &AccountSecret) -> Option<Known> {
    let wanted = AccountWanted::sign(words, &network(world, node)).unwrap();
    say(world, node, account::question(&wanted))
}

/// What somebody asks who has one key and not the words.
fn ask_with_a_key(world: &mut World, node: usize, keys: &AccountSecret) -> Option<Known> {
    let key = keys.signing().unwrap();
    let signature = key.sign(Context::AccountWanted, &network(world, node));
    let keys = vec![(ByteArray::new(*key.public().as_bytes()), ByteArray::new(signature))];
    let wanted = covey_codec::encode(&(1u8, keys)).unwrap();
    say(world, node, account::question(&AccountWanted::from_bytes(&wanted).unwrap()))
}

/// [FOUND-1]
#[test]
fn a_contact_a_keeper_and_another_device_tell_the_account_to_whoever_has_its_words() {
    let (mut world, words) = known(700);
    world.pass(120_000, 30_000);
    let log = world.nodes[ALICE].me.key_log.clone();
    world.stop(ALICE);
    for (node, has_card) in [(BOB, true), (KEEPER, false), (SERVER, true)] {
        let (ops, card) = ask(&mut world, node, &words).expect("an answer");
        assert_eq!(KeyLog::verify(ops).unwrap(), log, "node {node}");
        let card = card.map(|card| ContactCard::open(&card, 0).unwrap().account());
        assert_eq!(card, has_card.then(|| words.id()), "node {node}");
    }
}

/// [FOUND-1] [FOUND-2]
#[test]
fn nobody_else_is_told_anything() {
    let (mut world, words) = known(701);
    let stranger = AccountSecret::from_seed([99; 32]);
    assert_eq!(ask(&mut world, BOB, &stranger), None);
    // A question for another node, which that one hands on.
    let for_keeper = AccountWanted::sign(&words, &network(&world, KEEPER)).unwrap();
    assert_eq!(say(&mut world, BOB, account::question(&for_keeper)), None);
    // A thief of a node has the key of now, which is good for the same as a look at the card. Once its owner recovered the account it is not.
    let stolen = words.sealed();
    assert!(ask_with_a_key(&mut world, BOB, &stolen).is_some());
    // Nothing of the account is connected to Bob, so that he looks its card up soon.
    world.stop(SERVER);
    recovery::recover(&mut world, &words);
    world.pass(120_000, 5_000);
    assert!(world.contact(BOB, ALICE).unwrap().recovered_at.is_some());
    assert_eq!(ask_with_a_key(&mut world, BOB, &stolen), None);
    let (ops, _) = ask(&mut world, BOB, &words).expect("the words are good for every key");
    assert_eq!(KeyLog::verify(ops).unwrap().rotations().len(), 1);
    let params = api::PairBlock { contact: world.id(ALICE), ..api::PairBlock::default() };
    world.call(BOB, |cx| rpc::pair::block(cx, &params)).unwrap();
    assert_eq!(ask(&mut world, BOB, &words), None, "as if the node were off");
}

/// [FOUND-2]
#[test]
fn questions_without_end_are_not_looked_at() {
    let (mut world, words) = known(702);
    let answers = (0..30).filter(|_| ask(&mut world, BOB, &words).is_some()).count();
    assert_eq!(answers, 10);
    world.pass(60_000, 10_000);
    assert!(ask(&mut world, BOB, &words).is_some());
    // What is no question is nothing, and shuts nobody out.
    for garbage in [covey_codec::encode(&(2u8, ByteBuf::new())).unwrap(), b"account wanted".to_vec()] {
        assert_eq!(say(&mut world, BOB, garbage), None);
    }
    assert!(ask(&mut world, BOB, &words).is_some());
}
