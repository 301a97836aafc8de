//! What a keeper does with invites that lie there: too many at once, repeated, forged, lost, and receipts for nothing.

use covey_api::{self as api, ContactState};
use covey_pairing::consent::{InviteFrame, PairFrame};
use covey_pairing::crypto::hash::blake3;
use covey_pairing::keeper::{KeeperFrame, Receipt};
use serde_bytes::{ByteArray, ByteBuf};

use super::{DAY, assert_counted, invite, invited, lying, pending, sealed, slot, strangers};
use crate::engine::records::keeping;
use crate::engine::tests::keepers::{ALICE, BOB, KEEPER, MALLORY, add, serve, wait};
use crate::engine::tests::world::{World, quick};
use crate::engine::{Protocol, rpc};

/// [MAIL-33] [LIMIT-4] A keeper can let in as many as a network can in person.
#[test]
fn what_a_keeper_brings_is_limited_as_what_comes_in_person_and_waits_there() {
    let mut world = World::with_policies(&vec![quick(); 8], 214);
    let ticket = serve(&mut world, &api::KeeperServe::default());
    add(&mut world, BOB, &ticket);
    let ticket = world.ticket(BOB);
    world.stop(BOB);
    for node in [ALICE, MALLORY, 4, 5] {
        invite(&mut world, node, ticket.clone());
        wait(&mut world);
    }
    assert_eq!(lying(&mut world, BOB).len(), 4);
    world.nodes[BOB].policy.strangers.per_source_per_hour = 3;
    for node in [ALICE, MALLORY, 4, 5] {
        world.stop(node);
    }
    world.restart(BOB);
    world.settle();
    let waiting = |world: &mut World| {
        let list = api::PairList { state: Some(ContactState::Pending), renewal: None };
        world.call(BOB, |cx| rpc::pair::list(cx, &list)).unwrap().len()
    };
    assert_eq!((waiting(&mut world), lying(&mut world, BOB).len()), (3, 1));
    world.pass(2 * 3_600_000, 60_000);
    assert_eq!((waiting(&mut world), lying(&mut world, BOB).len()), (4, 0));
}

/// A keeper that says everything again, and what it made up itself.
#[test]
fn a_keeper_that_repeats_and_forges_does_what_it_could_do_in_person() {
    let mut world = invited(215);
    let account = world.nodes[BOB].account();
    let parcel = world.look(KEEPER, |cx| {
        let number = keeping::lying(cx.tx, &account, 0, 1).unwrap()[0].0;
        keeping::bytes(cx.tx, &account, number).unwrap().unwrap()
    });
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    let decline = api::PairDecline { contact: world.id(ALICE), ..Default::default() };
    world.call(BOB, |cx| rpc::pair::decline(cx, &decline)).unwrap();
    world.settle();
    let (slot, _) = slot(&world);
    let forged = PairFrame::Invite(InviteFrame {
        from: None,
        pass: covey_pairing::consent::Pass { day: 1, nonce: 0, token: None },
        message: ByteBuf::from(vec![7; 3_000]),
    });
    world.puppet = Some(KEEPER);
    for bytes in
        [parcel.clone(), ByteBuf::from(sealed(&world, &forged.encode(), 1)), ByteBuf::from(vec![1; 2_000]), parcel]
    {
        world.say(BOB, Protocol::Keeper, KeeperFrame::Waiting.encode());
        world.say(BOB, Protocol::Keeper, KeeperFrame::Parcel(99, slot, bytes).encode());
    }
    assert_eq!(pending(&mut world, ALICE), Some(ContactState::Declined));
    let list = world.call(BOB, |cx| rpc::pair::list(cx, &api::PairList::default())).unwrap();
    assert_eq!(list.len(), 1);
}

/// [MAIL-35]
#[test]
fn a_keeper_that_lost_its_disk_is_left_the_invite_again_within_a_day() {
    let mut world = invited(216);
    let account = world.nodes[BOB].account();
    world.call(KEEPER, |cx| Ok(keeping::delete_those(cx.tx, &account, |_| true)?)).unwrap();
    assert!(lying(&mut world, BOB).is_empty());
    world.pass(2 * DAY, 3_600_000);
    assert_eq!(lying(&mut world, BOB).len(), 1);
    assert_counted(&mut world);
}

#[test]
fn a_receipt_for_what_was_not_left_says_nothing() {
    let mut world = strangers(217);
    let ticket = world.ticket(BOB);
    world.stop(BOB);
    world.puppet = Some(KEEPER);
    invite(&mut world, ALICE, ticket);
    wait(&mut world);
    let keeper = world.nodes[KEEPER].me.device.clone();
    let (slot, _) = slot(&world);
    let receipt = Receipt::sign(keeper.signing(), slot, b"something", world.now + DAY);
    world.say(ALICE, Protocol::Keeper, KeeperFrame::Kept(receipt).encode());
    let lost = KeeperFrame::Missing(slot, vec![ByteArray::new(blake3(b"something"))]);
    world.say(ALICE, Protocol::Keeper, lost.encode());
    assert_eq!(world.contact(ALICE, BOB).unwrap().kept_until, None);
}
