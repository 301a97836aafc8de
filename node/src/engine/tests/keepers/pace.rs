//! Floods: who has a token fills one slot at ten parcels a second, and slows nobody else.

use covey_api::MessageState;
use covey_pairing::keeper::{DEPOSIT_BURST, DEPOSIT_EVERY_MS, KeeperFrame, SLOT_PARCELS};
use serde_bytes::ByteBuf;

use super::{ALICE, BOB, KEEPER, MALLORY, assert_counted, delivery, kept, lying, slot, wait};
use crate::engine::tests::world::World;
use crate::engine::{Protocol, rpc};

/// How many answers of a kind the puppet heard.
fn heard(world: &World, which: impl Fn(&KeeperFrame) -> bool) -> u64 {
    let frames = world.heard.iter().filter_map(|(_, frame)| KeeperFrame::decode(frame).ok());
    frames.filter(which).count() as u64
}

/// [KEEP-5]
#[test]
fn a_full_slot_refuses_and_loses_nothing() {
    let mut world = kept(9);
    let (slot, token) = slot(&mut world);
    world.stop(BOB);
    world.puppet = Some(MALLORY);
    world.connect(MALLORY, KEEPER);
    for n in 0..=SLOT_PARCELS {
        let parcel = ByteBuf::from(vec![u8::try_from(n).unwrap(); 2_000]);
        world.now += DEPOSIT_EVERY_MS;
        world.say(KEEPER, Protocol::Keeper, KeeperFrame::Deposit(slot, token.clone(), parcel).encode());
    }
    let full = world.heard.iter().filter(|(_, f)| matches!(KeeperFrame::decode(f), Ok(KeeperFrame::Full(_)))).count();
    assert_eq!((full, lying(&mut world).len() as u64), (1, SLOT_PARCELS));
    assert_counted(&mut world);
    let sent = world.write(ALICE, BOB, "no room").unwrap().id;
    wait(&mut world);
    assert_eq!(delivery(&mut world, ALICE, &sent).state, MessageState::Queued);
    world.restart(BOB);
    world.settle();
    assert_eq!(world.texts(BOB, ALICE), ["no room"], "it came directly");
    let listed = world.call(BOB, rpc::keeper::list).unwrap();
    assert!(listed[0].refused, "and Bob is told that something found no room while he was away");
    assert_counted(&mut world);
}

/// [MAIL-20]
#[test]
fn a_flood_into_one_slot_is_put_off_and_slows_no_other() {
    let mut world = kept(51);
    world.pair(MALLORY, BOB);
    let (slot, token) = slot(&mut world);
    world.stop(BOB);
    world.puppet = Some(MALLORY);
    world.connect(MALLORY, KEEPER);
    // Alice's token, as if it had been stolen.
    for n in 0..100 {
        let parcel = ByteBuf::from(vec![n; 2_000]);
        world.say(KEEPER, Protocol::Keeper, KeeperFrame::Deposit(slot, token.clone(), parcel).encode());
    }
    assert_eq!(heard(&world, |frame| matches!(frame, KeeperFrame::Kept(_))), DEPOSIT_BURST);
    assert_eq!(heard(&world, |frame| matches!(frame, KeeperFrame::Later(_))), 100 - DEPOSIT_BURST);
    // The same parcel again costs a signature: it is no way around.
    let again = KeeperFrame::Deposit(slot, token, ByteBuf::from(vec![0; 2_000])).encode();
    world.say(KEEPER, Protocol::Keeper, again);
    assert_eq!(heard(&world, |frame| matches!(frame, KeeperFrame::Kept(_))), DEPOSIT_BURST);
    let sent = world.write(ALICE, BOB, "hello").unwrap().id;
    wait(&mut world);
    assert_eq!(delivery(&mut world, ALICE, &sent).state, MessageState::Kept, "a second later there is room for Alice");
    assert_counted(&mut world);
}

#[test]
fn a_backlog_leaves_within_seconds() {
    let mut world = kept(52);
    world.stop(BOB);
    let mut last = String::new();
    for n in 0..500 {
        last = world.write(ALICE, BOB, &format!("message {n}")).unwrap().id;
    }
    world.pass(20_000, 100);
    assert_eq!(delivery(&mut world, ALICE, &last).state, MessageState::Kept);
    assert!(lying(&mut world).len() < 16, "{} parcels", lying(&mut world).len());
}
