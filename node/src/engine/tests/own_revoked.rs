//! A device that was revoked and goes on: it reads nothing more of what the others tell each other, whatever it recorded and whomever it asks.

use covey_api as api;

use super::world::World;
use crate::engine::outbound::control;
use crate::engine::records::devices;
use crate::engine::records::feeds;
use crate::engine::records::sessions::Scope;
use crate::engine::wire::payload::Sealed;
use crate::engine::{Protocol, members, rpc};

const LAPTOP: usize = 0;
const SERVER: usize = 1;
const PHONE: usize = 2;
const BOB: usize = 3;

/// Three devices of an account, and a contact.
fn household(seed: u64) -> World {
    let mut world = World::new(4, seed);
    world.pair(LAPTOP, BOB);
    world.link(LAPTOP, SERVER);
    world.link(LAPTOP, PHONE);
    world.pass(120_000, 5_000);
    world
}

fn rename(world: &mut World, node: usize, alias: &str) {
    let params = api::PairRename { contact: world.id(BOB), alias: alias.to_owned(), client_id: None };
    world.call(node, |cx| rpc::pair::rename(cx, &params)).unwrap();
    world.pass(60_000, 5_000);
}

fn alias(world: &mut World, node: usize) -> Option<String> {
    world.contact(node, BOB).unwrap().alias
}

/// For whom the keys of the entries of a feed of the own channel are wrapped, from a place on.
fn wrapped(world: &mut World, author: usize, from: u64) -> Vec<covey_pairing::ids::DeviceId> {
    let author = world.nodes[author].me.author();
    world.look(LAPTOP, |cx| {
        let channel = members::own_channel(cx).unwrap().unwrap();
        let feeds = feeds::all(cx.tx, channel.no).unwrap();
        let feed = feeds.into_iter().find(|feed| feed.key.author == author).unwrap();
        let last = feed.head.unwrap().seq;
        let entry = |seq| feeds::entry(cx.tx, feed.fid, seq).unwrap().unwrap();
        let sealed = |seq| Sealed::decode(entry(seq).payload().unwrap()).unwrap();
        (from..=last).flat_map(|seq| sealed(seq).wraps.into_keys()).collect()
    })
}

fn written(world: &mut World, author: usize) -> u64 {
    let author = world.nodes[author].me.author();
    world.look(LAPTOP, |cx| {
        let channel = members::own_channel(cx).unwrap().unwrap();
        let feeds = feeds::all(cx.tx, channel.no).unwrap();
        feeds.into_iter().find(|feed| feed.key.author == author).and_then(|feed| feed.head).map_or(0, |head| head.seq)
    })
}

/// [OWN-3] [DEVICE-1]
#[test]
fn a_revoked_device_reads_nothing_more_of_what_the_others_tell_each_other() {
    let mut world = household(110);
    rename(&mut world, SERVER, "rob");
    assert_eq!(alias(&mut world, PHONE).as_deref(), Some("rob"), "so far it is one of them");
    let phone = world.nodes[PHONE].me.device_id();
    world.revoke(LAPTOP, PHONE);
    world.pass(60_000, 5_000);
    let before = [LAPTOP, SERVER].map(|node| written(&mut world, node));
    world.record = Some(Vec::new());
    rename(&mut world, SERVER, "robert");
    rename(&mut world, LAPTOP, "bobby");
    assert_eq!(alias(&mut world, SERVER).as_deref(), Some("bobby"));
    for (at, node) in [LAPTOP, SERVER].into_iter().enumerate() {
        let wrapped = wrapped(&mut world, node, before[at] + 1);
        assert!(!wrapped.is_empty() && !wrapped.contains(&phone), "{wrapped:?}");
    }
    // It has the line on tape, and is connected to those who answer everybody.
    let tape: Vec<_> = world.record.take().unwrap();
    for (from, to, protocol, frame) in tape {
        if [LAPTOP, SERVER].contains(&from) && [LAPTOP, SERVER].contains(&to) && protocol != Protocol::Pair {
            world.replay(from, PHONE, protocol, frame);
        }
    }
    world.settle();
    world.pass(180_000, 10_000);
    assert_eq!(alias(&mut world, PHONE).as_deref(), Some("rob"));
}

/// [OWN-8] [CTRL-2]
#[test]
fn a_revoked_device_that_asks_for_keys_of_the_own_channel_is_not_answered() {
    let mut world = household(111);
    world.revoke(LAPTOP, PHONE);
    let before = written(&mut world, SERVER);
    rename(&mut world, SERVER, "robert");
    let author = world.nodes[SERVER].me.author();
    let (account, server) = (world.nodes[SERVER].account(), world.nodes[SERVER].me.device_id());
    let id = world.look(LAPTOP, |cx| members::own_channel(cx).unwrap().unwrap().id);
    world.connect(PHONE, SERVER);
    world.record = Some(Vec::new());
    let feed = covey_feed::FeedKey { author, incarnation: 0 };
    world
        .call(PHONE, |cx| {
            let known = devices::device(cx.tx, &account, &server)?.unwrap();
            Ok(control::ask_for_keys(cx, Scope::Own, &account, &known, vec![(id, feed, before + 1)])?)
        })
        .unwrap();
    world.settle();
    world.pass(120_000, 5_000);
    let answers = world.record.take().unwrap();
    let answers =
        answers.iter().filter(|(from, to, protocol, _)| (*from, *to, *protocol) == (SERVER, PHONE, Protocol::Parcel));
    assert_eq!(answers.count(), 0);
    assert_ne!(alias(&mut world, PHONE).as_deref(), Some("robert"));
}
