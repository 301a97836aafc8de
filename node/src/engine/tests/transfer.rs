//! The history of an account on its way to a device that was linked to it.

use std::collections::BTreeMap;

use covey_api::{self as api, MessageState, TransferPhase};
use covey_feed::FeedKey;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::world::World;
use crate::engine::records::parked::Parked;
use crate::engine::records::{channels, messages, transfer};
use crate::engine::wire::parcel::{Frame, Wire};
use crate::engine::wire::transfer::Range;
use crate::engine::{Protocol, Quota, check, members, rpc, tables};
use crate::store::Floors;

pub(super) const LAPTOP: usize = 0;
pub(super) const SERVER: usize = 1;
pub(super) const BOB: usize = 2;
pub(super) const PHONE: usize = 3;

const DAY: u64 = 24 * 3_600_000;

/// A laptop and bob, paired, who said so much to each other some time ago, and machines that are not linked yet.
pub(super) fn talked(seed: u64, each: usize) -> World {
    let mut world = World::new(4, seed);
    world.pair(LAPTOP, BOB);
    say(&mut world, "", each);
    world.now += DAY;
    world
}

/// Both say so much.
fn say(world: &mut World, what: &str, each: usize) {
    for n in 0..each {
        world.write(LAPTOP, BOB, &format!("{what}laptop {n}")).unwrap();
        world.write(BOB, LAPTOP, &format!("{what}bob {n}")).unwrap();
        if n % 20 == 19 || n + 1 == each {
            world.settle();
        }
    }
}

/// Gives a transfer its time.
pub(super) fn wait(world: &mut World) {
    world.settle();
    world.pass(20_000, 1_000);
}

fn transfer(world: &mut World, node: usize, of: usize) -> Option<api::Transfer> {
    let id = world.nodes[of].me.device_id().to_string();
    let params = api::DeviceShow { device: id };
    world.call(node, |cx| rpc::device::show(cx, &params)).unwrap().transfer
}

pub(super) fn phase(world: &mut World, node: usize, of: usize) -> Option<TransferPhase> {
    transfer(world, node, of).map(|transfer| transfer.phase)
}

/// Entries that wait: for a transfer, and to be asked for one by one.
pub(super) fn waiting(world: &mut World, node: usize) -> (u64, usize) {
    world.look(node, |cx| {
        let awaited = transfer::some(cx.tx, 1_000).unwrap().iter().map(|(_, awaited)| awaited.len()).sum();
        let parked = cx.tx.scan::<Parked>(&tables::all_parked(), None, 10_000, false).unwrap();
        // What our devices tell each other is none of it.
        let own = members::own_channel(cx).unwrap().map(|channel| channel.id);
        (awaited, parked.iter().filter(|(_, parked)| Some(parked.channel) != own).count())
    })
}

/// How many chunks went from one node to another, of those that were recorded.
fn chunks(world: &World, from: usize, to: usize) -> usize {
    let sent = world.record.iter().flatten();
    sent.filter(|(a, b, protocol, frame)| (*a, *b, *protocol) == (from, to, Protocol::Parcel) && is_chunk(frame))
        .count()
}

fn is_chunk(frame: &[u8]) -> bool {
    matches!(covey_codec::decode(frame, 1 << 20), Ok(Wire(_, Frame::History(_))))
}

fn events(world: &mut World, node: usize, kinds: &[api::EventKind]) -> Vec<api::Event> {
    let kinds = Some(kinds.to_vec());
    let params = api::EventsFetch { limit: Some(1_000), kinds, ..api::EventsFetch::default() };
    world.call(node, |cx| rpc::events::fetch(cx, &params)).unwrap().events
}

pub(super) fn assert_whole(world: &mut World, nodes: &[usize]) {
    for node in nodes {
        let found = world.verify(*node);
        assert!(found.ok, "node {node}: {found:?}");
    }
}

/// What both devices show of the conversation, but for who delivered what.
fn assert_alike(world: &mut World, other: usize) {
    let shown = |world: &mut World, node: usize| {
        let messages = world.messages(node, other);
        let of = |one: api::Message| (one.id, one.text, one.own, one.received_at, one.edited, one.clock_suspect);
        messages.into_iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(shown(world, LAPTOP), shown(world, SERVER));
}

/// [TRANSFER-1] [TRANSFER-2] [TRANSFER-8]
#[test]
fn a_linked_device_is_given_the_history_of_its_account_in_few_chunks() {
    let mut world = talked(1, 450);
    let last = world.messages(BOB, LAPTOP).into_iter().rfind(|message| message.own).unwrap();
    let edit = api::MessageEdit { id: last.id.clone(), text: "changed".into(), client_id: None };
    world.call(BOB, |cx| rpc::message::edit(cx, edit)).unwrap();
    let read = api::ChannelMarkRead { channel: world.id(LAPTOP), ..api::ChannelMarkRead::default() };
    world.call(BOB, |cx| rpc::channel::mark_read(cx, &read)).unwrap();
    world.settle();
    world.record = Some(Vec::new());
    world.now += DAY;
    world.link_with_history(LAPTOP, SERVER, 0);
    wait(&mut world);
    assert_eq!(world.messages(SERVER, BOB).len(), 900);
    assert_alike(&mut world, BOB);
    let first = world.messages(SERVER, BOB).into_iter().find(|message| message.own).unwrap();
    assert!(!first.clock_suspect && first.state == MessageState::Read, "{first:?}");
    assert_eq!(waiting(&mut world, SERVER), (0, 0));
    let few = chunks(&world, LAPTOP, SERVER);
    assert!((3..20).contains(&few), "{few} chunks for 900 messages");
    // Both sides say how far it is.
    for node in [LAPTOP, SERVER] {
        let of = transfer(&mut world, node, SERVER).unwrap();
        assert_eq!((of.phase, of.done, of.this), (TransferPhase::Done, of.total, node == SERVER), "{of:?}");
        assert!(of.total >= 902 && of.bytes > 100_000, "{of:?}");
        let told = events(&mut world, node, &[api::EventKind::TransferProgress]);
        assert_eq!(told.last().unwrap().data["phase"], "done");
    }
    let news = [api::EventKind::MessageReceived, api::EventKind::MessageSent, api::EventKind::MessageChanged];
    assert!(
        events(&mut world, SERVER, &news).is_empty(),
        "nothing of it is new: {:?}",
        events(&mut world, SERVER, &news)
    );
    // From here on it is a device as any other.
    world.write(SERVER, BOB, "from the server").unwrap();
    world.write(BOB, LAPTOP, "to all of you").unwrap();
    world.settle();
    assert_alike(&mut world, BOB);
    assert_eq!(events(&mut world, SERVER, &news[..1]).len(), 1);
    assert_whole(&mut world, &[LAPTOP, SERVER, BOB]);
}

/// [TRANSFER-4]
#[test]
fn what_is_older_than_a_device_may_read_stays_sealed_on_it() {
    let mut world = talked(2, 30);
    world.now += 10 * DAY;
    say(&mut world, "newer ", 30);
    world.now += DAY;
    let since = world.now - 5 * DAY;
    world.link_with_history(LAPTOP, SERVER, since);
    // Whatever it asks for.
    let now = world.now;
    let greedy = |cx: &mut crate::engine::Cx<'_, '_>| -> Result<(), crate::engine::EngineError> {
        let host = transfer::load(cx.tx)?.and_then(|known| known.host);
        transfer::begin(cx.tx, host, 0);
        Ok(())
    };
    world.nodes[SERVER].transact(now, greedy).unwrap();
    wait(&mut world);
    let texts = world.texts(SERVER, BOB);
    assert!(texts.len() == 60 && texts.iter().all(|text| text.starts_with("newer")), "{texts:?}");
    assert_eq!(waiting(&mut world, SERVER), (0, 0), "nor does it ask anybody else");
    assert_eq!(phase(&mut world, SERVER, SERVER), Some(TransferPhase::Done));
    assert_eq!(world.texts(LAPTOP, BOB).len(), 120);
    assert!(world.verify(SERVER).ok);
}

/// [TRANSFER-4] Its owner decided it, and a repair does not know better.
#[test]
fn a_device_that_is_repaired_asks_nobody_for_what_it_may_not_read() {
    let mut world = talked(9, 10);
    world.now += 10 * DAY;
    say(&mut world, "newer ", 10);
    world.now += DAY;
    let since = world.now - 5 * DAY;
    world.link_with_history(LAPTOP, SERVER, since);
    wait(&mut world);
    assert_eq!(world.texts(SERVER, BOB).len(), 20);
    // One that it may read is lost, too.
    let id = world.channel(LAPTOP, BOB);
    world
        .call(SERVER, |cx| {
            let mut channel = channels::by_id(cx.tx, &id)?.unwrap();
            let newest = channel.newest.unwrap();
            let newest = messages::at(cx.tx, channel.no, &newest)?.unwrap();
            messages::remove(cx.tx, &mut channel, &newest);
            channel.save(cx.tx)?;
            Ok(())
        })
        .unwrap();
    world.stop(SERVER);
    let server = &mut world.nodes[SERVER];
    let floors = Floors { journal: 5_000, card: 500 };
    let mut rng = StdRng::seed_from_u64(9);
    let made = check::rebuild(&mut server.store, &server.vault, &mut rng, &[], floors, &mut |_, _, _| {}).unwrap();
    assert_eq!(made.unwrap().returning, ["the keys of 1 entries are asked for again"]);
    let found = world.verify(SERVER);
    assert!(found.ok && found.notes.iter().any(|note| note.starts_with("20 entries are older")), "{found:?}");
    world.restart(SERVER);
    wait(&mut world);
    world.pass(180_000, 10_000);
    let texts = world.texts(SERVER, BOB);
    assert!(texts.len() == 20 && texts.iter().all(|text| text.starts_with("newer")), "{texts:?}");
}

#[test]
fn a_device_without_history_has_what_is_said_from_then_on() {
    let mut world = talked(3, 20);
    let now = world.now;
    world.link_with_history(LAPTOP, SERVER, now);
    wait(&mut world);
    assert_eq!(world.texts(SERVER, BOB), [""; 0]);
    world.write(BOB, LAPTOP, "hello both").unwrap();
    world.write(LAPTOP, BOB, "hello bob").unwrap();
    world.settle();
    assert_eq!(world.texts(SERVER, BOB).len(), 2);
}

#[test]
fn the_history_of_a_group_comes_as_far_as_the_account_may_read_it() {
    let mut world = World::new(4, 4);
    world.pair(LAPTOP, BOB);
    let group = world.create_group(BOB, "garden");
    world.say_in(BOB, &group, "before they came").unwrap();
    world.invite_to(BOB, &group, LAPTOP).unwrap();
    world.accept_group(LAPTOP, &group).unwrap();
    world.pass(120_000, 30_000);
    for n in 0..30 {
        world.say_in(BOB, &group, &format!("bob {n}")).unwrap();
        world.say_in(LAPTOP, &group, &format!("laptop {n}")).unwrap();
    }
    let gone = world.say_in(LAPTOP, &group, "taken back").unwrap();
    let delete = api::GroupDelete { group: group.clone(), message: gone.id, client_id: None };
    world.call(LAPTOP, |cx| rpc::group::delete(cx, &delete)).unwrap();
    world.settle();
    world.now += DAY;
    world.link_with_history(LAPTOP, SERVER, 0);
    world.settle();
    world.pass(1_800_000, 30_000);
    let texts = world.texts_in(LAPTOP, &group);
    assert_eq!(texts.len(), 60);
    assert_eq!(world.texts_in(SERVER, &group), texts);
    assert_eq!(phase(&mut world, SERVER, SERVER), Some(TransferPhase::Done));
    assert_eq!(waiting(&mut world, SERVER).0, 0);
}

/// [TRANSFER-5]
#[test]
fn another_device_goes_on_if_the_one_that_was_asked_is_gone_for_good() {
    let mut world = talked(5, 300);
    world.link_with_history(LAPTOP, SERVER, 0);
    wait(&mut world);
    world.link_with_history(LAPTOP, PHONE, 0);
    while waiting(&mut world, PHONE).0 == 0 {
        assert!(world.deliver(1) == 1, "entries come");
    }
    world.stop(LAPTOP);
    world.stop(SERVER);
    wait(&mut world);
    assert_eq!(phase(&mut world, PHONE, PHONE), Some(TransferPhase::Waiting));
    let left = waiting(&mut world, PHONE);
    assert!(left.0 > 0 && left.1 == 0, "nobody else is asked for it one by one: {left:?}");
    world.restart(SERVER);
    wait(&mut world);
    assert_eq!(world.texts(PHONE, BOB).len(), 600);
    assert_eq!(phase(&mut world, PHONE, PHONE), Some(TransferPhase::Done));
    assert_eq!(phase(&mut world, SERVER, PHONE), Some(TransferPhase::Done));
    assert_whole(&mut world, &[PHONE, SERVER]);
}

/// History that was charged for once is not charged for again.
#[test]
fn a_long_history_is_not_held_back_by_what_accounts_may_write() {
    let mut world = talked(6, 100);
    for node in [SERVER, LAPTOP] {
        world.nodes[node].policy.quota = Quota { burst: 32 << 10, per_second: 1 };
    }
    world.link_with_history(LAPTOP, SERVER, 0);
    world.stop(BOB);
    wait(&mut world);
    assert_eq!(world.texts(SERVER, BOB).len(), 200);
}

/// What is asked for, by entry: how often.
fn note(world: &World, asked: &mut BTreeMap<(FeedKey, u64), usize>, last: &mut Option<(u64, Vec<Range>)>) {
    let now = world.nodes[SERVER].live.transfer.asked.as_ref();
    let now = now.map(|asked| (u64::from(asked.key.expose()[0]), asked.ranges.clone()));
    if now.is_some() && now != *last {
        for (_, feed, first, count) in now.iter().flat_map(|(_, ranges)| ranges) {
            for seq in *first..first + u64::from(*count) {
                *asked.entry((*feed, seq)).or_default() += 1;
            }
        }
        *last = now;
    }
}

#[test]
fn twenty_kills_of_either_side_repeat_no_more_than_what_was_on_its_way() {
    let mut world = talked(7, 300);
    world.link_with_history(LAPTOP, SERVER, 0);
    let mut rng = StdRng::seed_from_u64(7);
    let (mut asked, mut last, mut lost) = (BTreeMap::new(), None, 0);
    for kill in 0..20 {
        for _ in 0..rng.random_range(20..120) {
            world.deliver(1);
            note(&world, &mut asked, &mut last);
        }
        if kill % 5 == 0 {
            // Both go on working meanwhile.
            world.write(LAPTOP, BOB, &format!("meanwhile {kill}")).unwrap();
        }
        let under_way = world.nodes[SERVER].live.transfer.asked.as_ref();
        let under_way =
            under_way.map(|asked| asked.ranges.iter().map(|(.., count)| usize::from(*count)).sum::<usize>());
        lost += under_way.unwrap_or(0);
        world.restart(if kill % 2 == 0 { SERVER } else { LAPTOP });
    }
    while world.deliver(1) == 1 {
        note(&world, &mut asked, &mut last);
    }
    wait(&mut world);
    world.pass(120_000, 1_000);
    assert_eq!(world.texts(SERVER, BOB).len(), 604);
    assert_eq!(world.texts(LAPTOP, BOB).len(), 604);
    assert_eq!(phase(&mut world, SERVER, SERVER), Some(TransferPhase::Done));
    let again: usize = asked.values().map(|times| times - 1).sum();
    assert!(again <= lost, "{again} were asked for again, {lost} were under way");
    assert_whole(&mut world, &[LAPTOP, SERVER, BOB]);
}

/// [TRANSFER-7]
#[test]
fn what_no_device_of_ours_can_open_is_asked_of_its_author() {
    let mut world = talked(8, 10);
    let id = world.channel(LAPTOP, BOB);
    world
        .call(LAPTOP, |cx| {
            let mut channel = channels::by_id(cx.tx, &id)?.unwrap();
            let all = messages::list(cx.tx, channel.no, messages::Page { limit: 100, ..messages::Page::default() })?;
            let of_bob = all.into_iter().find(|message| !message.own).unwrap();
            messages::remove(cx.tx, &mut channel, &of_bob);
            channel.save(cx.tx)?;
            Ok(())
        })
        .unwrap();
    world.link_with_history(LAPTOP, SERVER, 0);
    wait(&mut world);
    world.pass(120_000, 10_000);
    assert_eq!(world.texts(LAPTOP, BOB).len(), 19);
    assert_eq!(world.texts(SERVER, BOB).len(), 20, "from bob");
    assert_eq!(waiting(&mut world, SERVER), (0, 0));
}
