//! The list of contacts: left at keepers by a node that cannot read it, and back on the machine to which the words bring the account.

use covey_api::{self as api, ContactState, KeeperState, MessageState};
use covey_pairing::identity::AccountSecret;
use covey_pairing::keeper::{ContactList, InboxSecret, KeeperFrame, PARCEL_MAX};
use serde_bytes::ByteBuf;

use super::{ALICE, BOB, KEEPER, MALLORY, add, delivery, kept, serve, wait};
use crate::engine::me::ListKeys;
use crate::engine::tests::recovery::add_recovered;
use crate::engine::tests::world::World;
use crate::engine::{Protocol, rpc, tables};

/// The new machine.
const ANEW: usize = 4;
const DAY: u64 = 24 * 3_600_000;

/// The words of Bob, whose node erases them.
fn seal(world: &mut World) -> AccountSecret {
    let words = world.nodes[BOB].me.account.clone();
    let sealed = |cx: &mut crate::engine::Cx<'_, '_>| -> Result<(), api::ApiError> {
        let mut me = (*cx.me).clone();
        me.seal(cx.tx)?;
        cx.me = std::sync::Arc::new(me);
        Ok(())
    };
    world.call(BOB, sealed).unwrap();
    words
}

/// What lies at the keeper for Bob, sealed.
fn list(world: &mut World) -> Vec<u8> {
    let bob = world.nodes[BOB].account();
    world.look(KEEPER, |cx| cx.tx.get_raw(&tables::contact_list(&bob)).unwrap()).expect("a list")
}

fn rename(world: &mut World, alias: &str) {
    let params = api::PairRename { contact: world.id(ALICE), alias: alias.to_owned(), client_id: None };
    world.call(BOB, |cx| rpc::pair::rename(cx, &params)).unwrap();
    world.settle();
}

/// Bob's words on a new machine, which fetches the list from the keeper with a ticket.
fn bring_back(world: &mut World, words: &AccountSecret) {
    world.stop(BOB);
    let log = world.nodes[BOB].me.key_log.clone();
    add_recovered(world, words, &log, 5);
    let of_words = words.clone();
    world.call(ANEW, |cx| Ok(cx.me.clone().wants_contacts(cx.tx, &of_words)?)).unwrap();
    let ticket = serve(world, &api::KeeperServe::default());
    assert_eq!(add(world, ANEW, &ticket), KeeperState::Keeps);
}

fn contacts(world: &mut World, node: usize) -> Vec<api::Contact> {
    world.call(node, |cx| rpc::pair::list(cx, &api::PairList::default())).unwrap()
}

/// [MAIL-26] [MAIL-27] [KEEP-20]
#[test]
fn an_account_that_is_brought_back_knows_its_contacts_and_what_it_called_them() {
    let mut world = kept(61);
    let words = seal(&mut world);
    assert!(
        world.look(BOB, |cx| ListKeys::load(cx.tx).unwrap().unwrap().read).is_none(),
        "it cannot read its own list"
    );
    rename(&mut world, "Alice from the lake");
    world.pass(2 * DAY, DAY / 4);
    let began = world.now;
    bring_back(&mut world, &words);
    let before = list(&mut world);
    let back = contacts(&mut world, ANEW);
    let [alice] = back.as_slice() else { panic!("{back:?}") };
    assert_eq!((&alice.contact, alice.alias.as_deref()), (&world.id(ALICE), Some("Alice from the lake")));
    assert_eq!((alice.state, alice.remembered), (ContactState::Stranger, true));
    assert!(alice.since.unix_ms() >= began, "since the list came back, not since 1970");
    assert!(world.look(ANEW, |cx| ListKeys::load(cx.tx).unwrap().unwrap().read).is_none(), "it is good once");
    // Alice's node asks, as it does by itself, and is known as it was.
    world.pass(10 * 60_000, 5_000);
    assert_eq!(world.call(ANEW, rpc::pair::accept_renewals).unwrap().len(), 1);
    world.settle();
    world.pass(60_000, 5_000);
    let alice = contacts(&mut world, ANEW).remove(0);
    assert_eq!((alice.state, alice.remembered), (ContactState::Paired, false));
    assert_eq!(alice.alias.as_deref(), Some("Alice from the lake"));
    // Its mail waits where it waited before.
    assert!(list(&mut world) != before, "the new machine leaves its own list");
    world.stop(ANEW);
    let sent = world.write(ALICE, BOB, "are you back?").unwrap().id;
    wait(&mut world);
    assert_eq!(delivery(&mut world, ALICE, &sent).state, MessageState::Kept);
    for node in [BOB, KEEPER, ANEW] {
        let found = world.verify(node);
        assert!(found.ok, "node {node}: {found:?}");
    }
}

#[test]
fn a_list_is_left_once_a_day_and_says_nothing_of_how_many_there_are() {
    let mut world = kept(62);
    let first = list(&mut world);
    rename(&mut world, "A");
    world.pass(DAY / 2, DAY / 24);
    assert!(list(&mut world) == first, "a keeper does not see when contacts are made");
    world.pass(DAY, DAY / 24);
    let second = list(&mut world);
    assert!(second != first);
    assert_eq!((first.len(), second.len()), (PARCEL_MAX, PARCEL_MAX));
    world.pass(3 * DAY, DAY / 24);
    assert!(list(&mut world) == second, "nor that they are the same");
}

#[test]
fn a_list_that_a_keeper_makes_up_or_of_another_account_brings_nothing() {
    let mut world = kept(63);
    let words = world.nodes[BOB].me.account.clone();
    let key = InboxSecret::of_list(&words).unwrap().public();
    let (alice, mallory) = (world.nodes[ALICE].account(), world.nodes[MALLORY].account());
    let of = |account, at| {
        ContactList { at, contacts: vec![covey_pairing::keeper::Remembered(mallory, None)] }.seal(
            &key,
            account,
            &mut <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(at),
        )
    };
    let elsewhere = of(&alice, 1).unwrap();
    let bob = world.nodes[BOB].account();
    for wrong in [elsewhere, vec![1; PARCEL_MAX]] {
        world
            .call(KEEPER, |cx| {
                cx.tx.put_raw(&tables::contact_list(&bob), &wrong);
                Ok::<(), api::ApiError>(())
            })
            .unwrap();
    }
    bring_back(&mut world, &words);
    assert!(contacts(&mut world, ANEW).is_empty());
    // One that Bob did not ask for, whoever sends it.
    let right = of(&bob, 2).unwrap();
    world.replay(MALLORY, ANEW, Protocol::Keeper, KeeperFrame::List(Some(ByteBuf::from(right))).encode());
    world.settle();
    assert!(contacts(&mut world, ANEW).is_empty());
}

#[test]
fn whom_a_list_brought_is_forgotten_when_asked() {
    let mut world = kept(64);
    let words = seal(&mut world);
    rename(&mut world, "Alice");
    world.pass(2 * DAY, DAY / 4);
    bring_back(&mut world, &words);
    let params = api::PairForget { contact: "Alice".into(), client_id: None };
    world.call(ANEW, |cx| rpc::pair::forget(cx, &params)).unwrap();
    assert!(contacts(&mut world, ANEW).is_empty());
    assert!(world.verify(ANEW).ok);
}
