//! The slot for invites at a keeper: for which key it is, who learns of it, and how much anybody may leave there.

use covey_api::{self as api, ContactState};
use covey_pairing::identity::{AccountSecret, ContactCard, Ticket};
use covey_pairing::keeper::{INVITE_PARCEL_MAX, INVITES_OF_NETWORK, INVITES_PER_HOUR, KeeperFrame};
use serde_bytes::ByteBuf;

use super::{assert_counted, invite, invited, lying, pending, sealed, slot, strangers};
use crate::engine::records::keeping;
use crate::engine::tests::keepers::{ALICE, BOB, KEEPER, MALLORY, wait};
use crate::engine::tests::world::World;
use crate::engine::{Protocol, rpc};

/// A parcel with this frame in Bob's slot, left by Mallory, whose engine hears nothing any more.
fn leave(world: &mut World, parcel: Vec<u8>) -> KeeperFrame {
    let (slot, token) = slot(world);
    world.puppet = Some(MALLORY);
    world.connect(MALLORY, KEEPER);
    world.heard.clear();
    world.say(KEEPER, Protocol::Keeper, KeeperFrame::Deposit(slot, token, ByteBuf::from(parcel)).encode());
    KeeperFrame::decode(&world.heard[0].1).unwrap()
}

/// [MAIL-31]
#[test]
fn a_forged_key_is_noticed_and_nothing_is_sealed_to_it() {
    let mut world = strangers(209);
    let ticket = world.ticket(BOB);
    world.stop(BOB);
    world.puppet = Some(KEEPER);
    invite(&mut world, ALICE, ticket);
    wait(&mut world);
    let hash = world.nodes[BOB].me.account.kem_key().hash();
    let asked = |world: &World| world.heard.iter().filter(|(_, f)| *f == KeeperFrame::AskKey(hash).encode()).count();
    assert!(asked(&world) > 0);
    let forged = AccountSecret::from_seed([9; 32]).kem_key().clone();
    world.heard.clear();
    world.say(ALICE, Protocol::Keeper, KeeperFrame::Key(forged).encode());
    assert!(world.heard.is_empty(), "{:?}", world.heard.len());
    let right = world.nodes[BOB].me.account.kem_key().clone();
    world.say(ALICE, Protocol::Keeper, KeeperFrame::Key(right).encode());
    assert!(matches!(KeeperFrame::decode(&world.heard[0].1), Ok(KeeperFrame::Deposit(..))));
}

/// [MAIL-31]
#[test]
fn a_key_is_given_to_who_names_its_hash_and_nobody_else() {
    let mut world = strangers(210);
    world.puppet = Some(MALLORY);
    world.connect(MALLORY, KEEPER);
    let other = AccountSecret::from_seed([9; 32]).kem_key().hash();
    world.say(KEEPER, Protocol::Keeper, KeeperFrame::AskKey(other).encode());
    assert!(world.heard.is_empty());
    let key = world.nodes[BOB].me.account.kem_key().clone();
    world.say(KEEPER, Protocol::Keeper, KeeperFrame::AskKey(key.hash()).encode());
    assert_eq!(KeeperFrame::decode(&world.heard[0].1), Ok(KeeperFrame::Key(key)));
}

/// [KEEP-31] [MAIL-32]
#[test]
fn a_flood_of_one_network_fills_no_slot_and_takes_no_room_from_contacts() {
    let mut world = strangers(211);
    world.pair(ALICE, BOB);
    world.stop(BOB);
    let (mut kept, mut full) = (0, 0);
    for n in 0..40 {
        let parcel = sealed(&world, b"no frame", n);
        match leave(&mut world, parcel) {
            KeeperFrame::Kept(_) => kept += 1,
            KeeperFrame::Full(_) => full += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((kept, full), (INVITES_OF_NETWORK, 40 - INVITES_OF_NETWORK));
    let used = world.look(KEEPER, |cx| keeping::total(cx.tx).unwrap());
    assert_eq!(used.parcels, 0, "it is not counted as mail");
    assert_counted(&mut world);
    world.write(ALICE, BOB, "there is room for contacts").unwrap();
    wait(&mut world);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    assert_eq!(world.texts(BOB, ALICE), ["there is room for contacts"]);
    assert!(lying(&mut world, BOB).is_empty());
    assert_counted(&mut world);
}

/// [KEEP-31]
#[test]
fn who_empties_its_slot_is_not_flooded_without_end() {
    let mut world = strangers(212);
    let mut kept = 0;
    for n in 0..40 {
        let parcel = sealed(&world, b"no frame", n);
        kept += u32::from(matches!(leave(&mut world, parcel), KeeperFrame::Kept(_)));
    }
    assert_eq!(kept, INVITES_PER_HOUR, "Bob is there and deletes each at once");
    let long = leave(&mut world, vec![1; INVITE_PARCEL_MAX + 1]);
    assert!(matches!(long, KeeperFrame::No(_)));
}

#[test]
fn who_found_no_room_comes_again_later() {
    let mut world = strangers(213);
    let ticket = world.ticket(BOB);
    world.stop(BOB);
    for n in 0..4 {
        let parcel = sealed(&world, b"no frame", n);
        assert!(matches!(leave(&mut world, parcel), KeeperFrame::Kept(_)));
    }
    invite(&mut world, ALICE, ticket);
    wait(&mut world);
    assert_eq!(world.contact(ALICE, BOB).unwrap().kept_until, None);
    world.restart(BOB);
    world.settle();
    world.stop(BOB);
    world.pass(2 * 3_600_000, 60_000);
    let state = pending(&mut world, ALICE);
    assert!(state == Some(ContactState::Pending) || world.contact(ALICE, BOB).unwrap().kept_until.is_some());
}

/// [MAIL-30] A slot goes with the key that it is for.
#[test]
fn with_another_key_the_slot_of_before_is_withdrawn() {
    let mut world = invited(218);
    assert_eq!(lying(&mut world, BOB).len(), 1);
    let other = AccountSecret::from_seed([9; 32]).kem_key().clone();
    world.replay(BOB, KEEPER, Protocol::Keeper, KeeperFrame::Invites(Some(other)).encode());
    world.settle();
    assert!(lying(&mut world, BOB).is_empty());
    let parcel = sealed(&world, b"no frame", 1);
    assert!(matches!(leave(&mut world, parcel), KeeperFrame::No(_)));
    world.heard.clear();
    let before = world.nodes[BOB].me.account.kem_key().hash();
    world.say(KEEPER, Protocol::Keeper, KeeperFrame::AskKey(before).encode());
    assert!(world.heard.is_empty());
    assert_counted(&mut world);
}

/// [CARD-7] [TICKET-6]
#[test]
fn card_and_ticket_name_keepers_that_agreed_and_no_others() {
    let mut world = strangers(219);
    let named = |world: &mut World| {
        let ticket: Ticket = world.ticket(BOB).parse().unwrap();
        let card = world.look(BOB, |cx| crate::engine::card::own(cx).unwrap());
        let card = ContactCard::open(&card, world.now).unwrap();
        (ticket.keepers.len(), card.content().custodians.len())
    };
    assert_eq!(named(&mut world), (1, 1));
    let keeper = world.call(BOB, rpc::keeper::list).unwrap()[0].keeper.clone();
    world.call(BOB, |cx| rpc::keeper::remove(cx, &api::KeeperRemove { keeper, client_id: None })).unwrap();
    world.settle();
    assert_eq!(named(&mut world), (0, 0));
    let parcel = sealed(&world, b"no frame", 1);
    assert!(matches!(leave(&mut world, parcel), KeeperFrame::No(_)), "and nothing can be left there");
    assert_counted(&mut world);
}
