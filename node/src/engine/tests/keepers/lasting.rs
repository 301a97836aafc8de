//! What time does to mail that waits: promises end, keepers move and lose disks, clocks are wrong.

use covey_api::{self as api, KeeperState, MessageState};
use covey_pairing::keeper::{KeeperFrame, Room, Use};

use super::{ALICE, BOB, KEEPER, assert_counted, delivery, events, kept, lying, wait};
use crate::engine::records::mailboxes::{self, Mine};
use crate::engine::records::{keeping, kept_slots};
use crate::engine::tests::world::World;
use crate::engine::{Cx, Protocol, rpc};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// How often Alice was told that no keeper has a message of hers any more.
fn expiries(world: &mut World) -> usize {
    events(world, ALICE, api::kind::MESSAGE_KEPT_EXPIRED).len()
}

fn state(world: &mut World, id: &str) -> MessageState {
    delivery(world, ALICE, id).state
}

/// [MAIL-22]
#[test]
fn a_message_that_no_keeper_has_any_more_is_queued_again_and_that_is_told_once() {
    let mut world = kept(31);
    world.stop(BOB);
    let sent = world.write(ALICE, BOB, "hello").unwrap().id;
    assert_eq!(state(&mut world, &sent), MessageState::Queued);
    wait(&mut world);
    assert_eq!(state(&mut world, &sent), MessageState::Kept);
    world.stop(KEEPER);
    world.pass(29 * DAY, 12 * HOUR);
    assert_eq!((state(&mut world, &sent), expiries(&mut world)), (MessageState::Kept, 0));
    world.pass(2 * DAY, 12 * HOUR);
    assert_eq!((state(&mut world, &sent), expiries(&mut world)), (MessageState::Queued, 1));
    world.restart(KEEPER);
    world.pass(HOUR, 60_000);
    assert_eq!((state(&mut world, &sent), expiries(&mut world)), (MessageState::Kept, 1));
    world.restart(BOB);
    world.settle();
    assert_eq!(state(&mut world, &sent), MessageState::Delivered);
    let read = api::ChannelMarkRead { channel: world.id(ALICE), ..api::ChannelMarkRead::default() };
    world.call(BOB, |cx| rpc::channel::mark_read(cx, &read)).unwrap();
    world.settle();
    assert_eq!((state(&mut world, &sent), expiries(&mut world)), (MessageState::Read, 1));
    assert_counted(&mut world);
}

/// [MAIL-23]
#[test]
fn somebody_away_for_29_days_gets_what_was_sent_after_the_keeper_moved() {
    let mut world = kept(32);
    world.stop(BOB);
    world.pass(10 * DAY, 12 * HOUR);
    world.relocate(KEEPER, "/ip4/198.51.100.9/tcp/9");
    world.pass(10 * DAY, 12 * HOUR);
    let sent = world.write(ALICE, BOB, "on day 20").unwrap().id;
    wait(&mut world);
    assert_eq!(state(&mut world, &sent), MessageState::Queued, "nobody is where the keeper was");
    world.pass(10 * 60_000, 10_000);
    assert_eq!(state(&mut world, &sent), MessageState::Kept);
    world.stop(ALICE);
    world.pass(9 * DAY, 12 * HOUR);
    world.restart(BOB);
    world.settle();
    assert!(world.texts(BOB, ALICE).is_empty());
    world.pass(120_000, 10_000);
    let listed = world.call(BOB, rpc::keeper::list).unwrap();
    assert_eq!((listed[0].state, world.texts(BOB, ALICE)), (KeeperState::Keeps, vec!["on day 20".to_owned()]));
}

/// [MAIL-21]
#[test]
fn what_a_keeper_lost_with_its_disk_is_queued_again() {
    let mut world = kept(33);
    world.stop(BOB);
    let sent = world.write(ALICE, BOB, "hello").unwrap().id;
    wait(&mut world);
    let bob = world.nodes[BOB].account();
    let owner = world.look(KEEPER, |cx| keeping::owner(cx.tx, &bob).unwrap().unwrap());
    world.call(KEEPER, |cx| Ok(kept_slots::forget(cx.tx, &owner)?)).unwrap();
    assert_eq!(state(&mut world, &sent), MessageState::Kept);
    world.pass(7 * HOUR, 10 * 60_000);
    assert_eq!((state(&mut world, &sent), expiries(&mut world)), (MessageState::Queued, 1));
    world.restart(BOB);
    world.settle();
    assert_eq!(world.texts(BOB, ALICE), ["hello"], "its author has it");
}

/// [MAIL-21]
#[test]
fn what_a_keeper_lost_because_it_came_back_from_an_old_copy_is_left_there_again() {
    let mut world = kept(34);
    world.stop(BOB);
    let copy = world.nodes[KEEPER].store.clone();
    let sent = world.write(ALICE, BOB, "hello").unwrap().id;
    wait(&mut world);
    world.stop(KEEPER);
    world.nodes[KEEPER].store = copy;
    world.restart(KEEPER);
    world.settle();
    assert!(lying(&mut world).is_empty());
    world.pass(7 * HOUR, 10 * 60_000);
    assert_eq!((state(&mut world, &sent), expiries(&mut world)), (MessageState::Kept, 1));
    assert_eq!(lying(&mut world).len(), 1);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    assert_eq!(world.texts(BOB, ALICE), ["hello"]);
    assert_counted(&mut world);
}

#[test]
fn what_was_fetched_is_not_left_again_although_its_author_was_not_told() {
    let mut world = kept(35);
    world.stop(BOB);
    let sent = world.write(ALICE, BOB, "hello").unwrap().id;
    wait(&mut world);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    assert_eq!(world.texts(BOB, ALICE), ["hello"]);
    world.stop(BOB);
    world.restart(ALICE);
    world.pass(7 * HOUR, 10 * 60_000);
    assert_eq!((state(&mut world, &sent), expiries(&mut world)), (MessageState::Kept, 0));
    assert!(lying(&mut world).is_empty());
}

/// [MAIL-24] Whichever clock it is.
#[test]
fn mail_arrives_although_a_clock_is_40_days_off_and_that_is_told() {
    for (seed, node, off) in
        [(36, KEEPER, 40), (37, KEEPER, -40), (38, BOB, 40), (39, BOB, -40), (40, ALICE, 40), (41, ALICE, -40)]
    {
        let mut world = kept(seed);
        world.skew.insert(node, off * DAY.cast_signed());
        world.restart(node);
        world.settle();
        let listed = world.call(BOB, rpc::keeper::list).unwrap();
        assert_eq!(listed[0].state, KeeperState::Keeps);
        assert_eq!(listed[0].clock_off.is_some(), node != ALICE, "{:?}", listed[0].clock_off);
        world.stop(BOB);
        let sent = world.write(ALICE, BOB, "hello").unwrap().id;
        wait(&mut world);
        let kept = delivery(&mut world, ALICE, &sent).kept.expect("is kept");
        let now = world.look(ALICE, |cx| cx.now);
        assert!((now + DAY..now + 33 * DAY).contains(&kept.until.unix_ms()));
        assert_eq!(lying(&mut world).len(), 1, "it is left once");
        world.pass(2 * DAY, 2 * HOUR);
        assert_eq!((lying(&mut world).len(), expiries(&mut world)), (1, 0));
        world.stop(ALICE);
        world.restart(BOB);
        world.settle();
        assert_eq!(world.texts(BOB, ALICE), ["hello"], "clock of {node}, {off} days");
    }
}

/// [MAIL-37]
#[test]
fn a_keeper_whose_account_an_older_version_did_not_write_down_is_told_of_once_it_has_said_it() {
    let mut world = kept(43);
    let forget = |cx: &mut Cx<'_, '_>| {
        for mine in mailboxes::all_mine(cx.tx)? {
            Mine { account: None, ..mine }.save(cx.tx);
        }
        cx.live.keepers.changed = true;
        Ok(())
    };
    world.call(BOB, forget).unwrap();
    world.settle();
    assert_eq!(world.contact(ALICE, BOB).unwrap().keepers, 0);
    world.restart(BOB);
    world.settle();
    assert_eq!(world.contact(ALICE, BOB).unwrap().keepers, 1);
    world.stop(BOB);
    let sent = world.write(ALICE, BOB, "hello").unwrap().id;
    wait(&mut world);
    assert_eq!(state(&mut world, &sent), MessageState::Kept);
}

/// [MAIL-38] Regression: the keeper's word that it had sent all came, and a parcel before it did not.
#[test]
fn what_may_have_been_lost_on_its_way_is_asked_for_without_another_connection() {
    let mut world = kept(50);
    world.restart(BOB);
    world.settle();
    world.puppet = Some(KEEPER);
    world.pass(61_000, 1_000);
    let asked = |world: &World| {
        let frames = world.heard.iter().filter(|(protocol, _)| *protocol == Protocol::Keeper);
        frames.filter(|(_, frame)| matches!(KeeperFrame::decode(frame), Ok(KeeperFrame::Fetch(0)))).count()
    };
    let room = Room { account: None, used: Use::default(), limit: 0, refused: false, clock: world.now };
    for (upto, most) in [(3, 10), (0, 60)] {
        world.say(BOB, Protocol::Keeper, KeeperFrame::Batch(upto, false, room).encode());
        let before = asked(&world);
        world.pass((most - 1) * 60_000, 5_000);
        assert_eq!(asked(&world), before);
        world.pass(60_000, 5_000);
        assert_eq!(asked(&world), before + 1, "after {most} minutes");
    }
}

/// [MAIL-25]
#[test]
fn an_owner_fetches_once_more_a_minute_after_its_addresses_changed() {
    let mut world = kept(42);
    world.record = Some(Vec::new());
    let asked = |world: &World| {
        let frames = world
            .record
            .iter()
            .flatten()
            .filter(|(from, _, protocol, _)| (*from, *protocol) == (BOB, Protocol::Keeper));
        frames.filter(|(.., frame)| matches!(KeeperFrame::decode(frame), Ok(KeeperFrame::Fetch(_)))).count()
    };
    world.restart(BOB);
    world.settle();
    world.pass(55_000, 5_000);
    let before = asked(&world);
    world.pass(10_000, 5_000);
    assert_eq!(asked(&world), before + 1);
}
