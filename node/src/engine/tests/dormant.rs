//! Devices that were away for months.

use covey_api::{self as api, DeviceState};

use super::world::World;
use crate::engine::records::{channels, feeds};
use crate::engine::wire::payload::Sealed;
use crate::engine::{members, rpc};

const LAPTOP: usize = 0;
const SERVER: usize = 1;
const BOB: usize = 2;
const DAY: u64 = 24 * 3_600_000;

fn household(seed: u64) -> World {
    let mut world = World::new(3, seed);
    world.link(LAPTOP, SERVER);
    world.pair(LAPTOP, BOB);
    wait(&mut world);
    world.write(BOB, LAPTOP, "before").unwrap();
    wait(&mut world);
    world
}

fn wait(world: &mut World) {
    world.settle();
    world.pass(180_000, 30_000);
}

/// For how many devices the last entry that a node wrote in the conversation with another is wrapped.
fn wraps(world: &mut World, node: usize, with: usize) -> usize {
    let id = world.channel(node, with);
    let own = world.nodes[node].me.author();
    world.look(node, |cx| {
        let channel = channels::by_id(cx.tx, &id).unwrap().unwrap();
        let feed = feeds::all(cx.tx, channel.no).unwrap().into_iter().rfind(|feed| feed.key.author == own).unwrap();
        let entry = feeds::entry(cx.tx, feed.fid, feed.head.unwrap().seq).unwrap().unwrap();
        Sealed::decode(entry.payload().unwrap()).unwrap().wraps.len()
    })
}

fn states(world: &mut World) -> Vec<DeviceState> {
    world.call(LAPTOP, rpc::device::list).unwrap().iter().map(|device| device.state).collect()
}

/// [DORMANT-1]
#[test]
fn nothing_is_wrapped_for_a_device_that_was_away_for_three_months_and_its_own_devices_give_it_what_it_missed() {
    let mut world = household(1);
    assert_eq!(wraps(&mut world, BOB, LAPTOP), 2);
    world.stop(SERVER);
    world.pass(89 * DAY, DAY);
    world.write(BOB, LAPTOP, "after a season").unwrap();
    wait(&mut world);
    assert_eq!(wraps(&mut world, BOB, LAPTOP), 2, "it may come back any day");
    world.pass(3 * DAY, DAY);
    world.write(BOB, LAPTOP, "and some days").unwrap();
    wait(&mut world);
    world.write(LAPTOP, BOB, "nobody is there").unwrap();
    wait(&mut world);
    assert_eq!(wraps(&mut world, BOB, LAPTOP), 1, "the laptop");
    assert_eq!(wraps(&mut world, LAPTOP, BOB), 1, "bob");
    assert_eq!(states(&mut world), [DeviceState::Active, DeviceState::Dormant]);
    // Bob is away when it comes back.
    world.stop(BOB);
    world.restart(SERVER);
    wait(&mut world);
    let texts = ["before", "after a season", "and some days", "nobody is there"];
    assert_eq!(world.texts(SERVER, BOB), texts);
    assert_eq!(states(&mut world), [DeviceState::Active; 2]);
    world.restart(BOB);
    wait(&mut world);
    world.write(BOB, LAPTOP, "welcome").unwrap();
    wait(&mut world);
    assert_eq!(wraps(&mut world, BOB, LAPTOP), 2);
    assert_eq!(world.texts(SERVER, BOB).last().map(String::as_str), Some("welcome"));
}

/// [DORMANT-1]
#[test]
fn the_only_device_of_a_contact_is_never_dormant_to_us() {
    let mut world = household(2);
    world.stop(BOB);
    world.pass(120 * DAY, DAY);
    world.write(LAPTOP, BOB, "are you there?").unwrap();
    world.settle();
    assert_eq!(wraps(&mut world, LAPTOP, BOB), 2, "bob, and the server");
    let awake = world.look(LAPTOP, |cx| members::dormant::awake(cx, &cx.me.account_id()).unwrap().len());
    assert_eq!(awake, 1, "who is connected is awake, however long ago the connection was made");
    world.restart(BOB);
    wait(&mut world);
    assert_eq!(world.texts(BOB, LAPTOP).last().map(String::as_str), Some("are you there?"));
    let show = api::ChannelShow { channel: world.id(LAPTOP) };
    assert_eq!(world.call(BOB, |cx| rpc::channel::show(cx, &show)).unwrap().unread, 1);
}
