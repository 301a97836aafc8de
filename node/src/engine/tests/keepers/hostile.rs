//! A keeper that does what it wants with what it holds, and somebody who leaves there what nobody may.

use covey_api::{self as api, ContactState};
use covey_pairing::keeper::{INVITES_OF_NETWORK, KeeperFrame, Room, Use};

use super::{ALICE, BOB, KEEPER, MALLORY, kept, lying, wait};
use crate::engine::records::{keeping, mailboxes};
use crate::engine::tests::world::World;
use crate::engine::{Mischief, Protocol, rpc};

const ROOM: Room = Room { used: Use { parcels: 0, bytes: 0 }, limit: 1 << 20, refused: false, clock: 0, account: None };

/// The keeper is hostile from now on: its engine hears nothing, the test speaks for it.
fn turn(world: &mut World) {
    world.puppet = Some(KEEPER);
    world.restart(BOB);
    world.settle();
    say(world, &KeeperFrame::welcome(ROOM, Vec::new()));
}

fn say(world: &mut World, frame: &KeeperFrame) {
    world.say(BOB, Protocol::Keeper, frame.encode());
}

/// What Bob said to the keeper, so far.
fn heard(world: &World, which: impl Fn(&KeeperFrame) -> bool) -> usize {
    world.heard.iter().filter(|(_, frame)| KeeperFrame::decode(frame).is_ok_and(|frame| which(&frame))).count()
}

#[test]
fn a_keeper_that_reorders_repeats_and_mixes_slots_makes_nothing_appear_twice_or_out_of_order() {
    let mut world = kept(21);
    world.pair(MALLORY, BOB);
    world.stop(BOB);
    for text in ["one", "two", "three"] {
        world.write(ALICE, BOB, text).unwrap();
        wait(&mut world);
    }
    world.stop(ALICE);
    let account = world.nodes[BOB].account();
    let parcels: Vec<_> = lying(&mut world)
        .into_iter()
        .map(|(number, lying)| {
            let bytes = world.look(KEEPER, |cx| keeping::bytes(cx.tx, &account, number).unwrap().unwrap());
            (lying.slot, bytes)
        })
        .collect();
    assert_eq!(parcels.len(), 3);
    let other = world.nodes[MALLORY].account();
    let others = world.look(BOB, |cx| mailboxes::given(cx.tx, &other).unwrap().unwrap().at[0].slot);
    turn(&mut world);
    let parcel = |number: u64, at: usize| KeeperFrame::Parcel(number, parcels[at].0, parcels[at].1.clone());
    say(&mut world, &parcel(3, 2));
    say(&mut world, &parcel(2, 1));
    say(&mut world, &KeeperFrame::Parcel(1, others, parcels[0].1.clone()));
    assert_eq!(world.texts(BOB, ALICE), Vec::<String>::new(), "what does not fit is not shown");
    assert_eq!(heard(&world, |frame| matches!(frame, KeeperFrame::Got(n) if n[0] > 1)), 0, "nor acknowledged");
    for (number, at) in [(1, 0), (1, 0), (3, 2), (2, 1), (2, 1), (3, 2), (9, 0)] {
        say(&mut world, &parcel(number, at));
    }
    say(&mut world, &KeeperFrame::Batch(3, false, ROOM));
    assert_eq!(world.texts(BOB, ALICE), ["one", "two", "three"]);
    let unread = world.messages(BOB, MALLORY).len();
    assert_eq!(unread, 0, "and nothing is said in the name of another");
}

#[test]
fn a_keeper_that_calls_without_end_is_left_alone_after_a_while() {
    let mut world = kept(22);
    world.stop(BOB);
    turn(&mut world);
    for n in 0..2_000 {
        say(&mut world, &KeeperFrame::Batch(n, true, ROOM));
        say(&mut world, &KeeperFrame::Waiting);
    }
    let asked = heard(&world, |frame| matches!(frame, KeeperFrame::Fetch(_)));
    assert!((256..300).contains(&asked), "asked {asked} times");
    world.pass(11 * 60_000, 60_000);
    let again = heard(&world, |frame| matches!(frame, KeeperFrame::Fetch(_)));
    assert!((asked + 1..asked + 100).contains(&again), "and asked {} times more", again - asked);
}

/// [KEEP-31] [MAIL-32] [MAIL-33]
#[test]
fn whoever_floods_slots_of_contacts_and_strangers_brings_nobody_and_takes_no_room_of_others() {
    let mut world = kept(23);
    world.pair(MALLORY, BOB);
    world.stop(BOB);
    world.nodes[MALLORY].policy.mischief = Some(Mischief::Depositor);
    world.pass(5 * 60_000, 1_000);
    let of_strangers = lying(&mut world).iter().filter(|(_, lying)| lying.stranger.is_some()).count();
    assert!((1..=INVITES_OF_NETWORK).contains(&of_strangers), "{of_strangers}");
    world.write(ALICE, BOB, "hello").unwrap();
    wait(&mut world);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    // Twelve an hour are taken of a network.
    world.pass(3 * 3_600_000, 30_000);
    assert_eq!(world.texts(BOB, ALICE), ["hello"]);
    let tally = &world.nodes[BOB].live.tally;
    let (broken, invites) = (tally.parcels_broken, tally.invites_refused + tally.invites_broken);
    assert!(broken > 0 && invites > 0, "{broken} do not open, {invites} are no invites that count");
    let known = world.call(BOB, |cx| rpc::pair::list(cx, &api::PairList::default())).unwrap();
    assert!(known.iter().all(|contact| contact.state == ContactState::Paired), "{known:?}");
    assert_eq!(known.len(), 2);
    for node in 0..world.nodes.len() {
        assert!(world.verify(node).ok, "node {node}: {:?}", world.verify(node));
    }
}
