//! A block is a switch: nothing is taken or sent while it is on, nothing is lost by it, and the other side is not told.

use covey_api as api;
use covey_api::{ContactState, MessageState, Reason};

use super::world::World;
use crate::engine::records::channels;
use crate::engine::{Protocol, rpc};

fn block(world: &mut World, node: usize, of: usize) -> api::Contact {
    let params = api::PairBlock { contact: world.id(of), ..api::PairBlock::default() };
    let blocked = world.call(node, |cx| rpc::pair::block(cx, &params)).unwrap();
    world.settle();
    blocked
}

fn unblock(world: &mut World, node: usize, of: usize) -> api::Contact {
    let params = api::PairUnblock { contact: world.id(of), ..api::PairUnblock::default() };
    let lifted = world.call(node, |cx| rpc::pair::unblock(cx, &params)).unwrap();
    world.settle();
    world.pass(120_000, 5_000);
    lifted
}

fn talked(seed: u64) -> World {
    let mut world = World::new(2, seed);
    world.pair(0, 1);
    world.write(0, 1, "before").unwrap();
    world.write(1, 0, "before, too").unwrap();
    world.settle();
    world
}

#[test]
fn unblocking_goes_on_where_the_block_began() {
    let mut world = talked(60);
    let channel = world.channel(1, 0);
    assert_eq!(block(&mut world, 1, 0).state, ContactState::Blocked);
    let meanwhile = world.write(0, 1, "meanwhile").unwrap();
    world.settle();
    world.pass(3_600_000, 60_000);
    assert_eq!(world.texts(1, 0), ["before", "before, too"]);
    assert_eq!(world.write(1, 0, "no").unwrap_err().reason, Reason::Blocked);
    let show = api::MessageShow { id: meanwhile.id };
    assert_eq!(world.call(0, |cx| rpc::message::show(cx, &show)).unwrap().state, MessageState::Queued);

    assert_eq!(unblock(&mut world, 1, 0).state, ContactState::Paired);
    assert_eq!(world.channel(1, 0), channel, "the same conversation");
    assert_eq!(world.texts(1, 0), ["before", "before, too", "meanwhile"]);
    world.write(1, 0, "after").unwrap();
    world.settle();
    assert_eq!(world.texts(0, 1), world.texts(1, 0));
    assert_eq!(world.texts(0, 1).len(), 4);
}

#[test]
fn what_we_had_written_waits_for_the_end_of_the_block() {
    let mut world = talked(61);
    world.disconnect(0, 1);
    world.stop(0);
    world.settle();
    let waits = world.write(1, 0, "waits").unwrap();
    block(&mut world, 1, 0);
    world.restart(0);
    world.settle();
    world.pass(600_000, 10_000);
    let show = api::MessageShow { id: waits.id };
    let shown = world.call(1, |cx| rpc::message::show(cx, &show)).unwrap();
    assert_eq!(shown.state, MessageState::Queued, "not failed: it only waits");
    assert_eq!(world.texts(0, 1), ["before", "before, too"]);
    unblock(&mut world, 1, 0);
    assert_eq!(world.texts(0, 1), ["before", "before, too", "waits"]);
}

#[test]
fn a_block_outlasts_restarts_of_either_side_and_tells_nothing() {
    let mut world = talked(62);
    block(&mut world, 1, 0);
    world.record = Some(Vec::new());
    for node in [1, 0, 1] {
        world.restart(node);
        world.settle();
        world.write(0, 1, "is anybody there?").unwrap();
        world.settle();
        world.pass(3_600_000, 60_000);
    }
    let from_blocker = world.record.take().unwrap().into_iter().filter(|(from, ..)| *from == 1);
    let heard: Vec<Protocol> = from_blocker.map(|(_, _, protocol, _)| protocol).collect();
    assert_eq!(heard, [], "nothing is sent to the blocked one");
    let seen = world.contact(0, 1).unwrap();
    assert_eq!((seen.state, seen.online), (ContactState::Paired, false), "as if the other node were off");
    assert_eq!(world.state(1, 0), Some(ContactState::Blocked));
    assert_eq!(world.texts(1, 0).len(), 2);
    unblock(&mut world, 1, 0);
    assert_eq!(world.texts(1, 0).len(), 5);
    assert!(world.contact(0, 1).unwrap().online);
}

#[test]
fn in_a_common_group_a_block_ends_the_talk_of_the_two_and_nothing_else() {
    let mut world = World::new(3, 63);
    let group = world.group_of(&[0, 1, 2], "Lake");
    world.pass(60_000, 1_000);
    block(&mut world, 1, 0);
    world.write(0, 1, "only for you").unwrap();
    world.say_in(0, &group, "for all").unwrap();
    world.pass(120_000, 1_000);
    assert!(world.texts_in(1, &group).contains(&"for all".to_owned()));
    assert_eq!(world.texts(1, 0), [] as [String; 0]);
    world.restart(0);
    world.restart(1);
    world.pass(120_000, 1_000);
    assert_eq!(world.texts(1, 0), [] as [String; 0]);
    unblock(&mut world, 1, 0);
    assert_eq!(world.texts(1, 0), ["only for you"]);
}

#[test]
fn a_blocked_contact_who_removes_us_is_gone_when_unblocked() {
    let mut world = talked(64);
    block(&mut world, 1, 0);
    let params = api::PairRemove { contact: world.id(1), ..api::PairRemove::default() };
    world.call(0, |cx| rpc::pair::remove(cx, &params)).unwrap();
    world.settle();
    world.pass(600_000, 60_000);
    assert_eq!(world.state(1, 0), Some(ContactState::Blocked));
    unblock(&mut world, 1, 0);
    assert_eq!(world.state(1, 0), None, "nothing is left but the conversation");
    assert_eq!(world.texts(1, 0).len(), 2);
}

/// Keys and places are renewed in a blocked conversation as well, or the end of the block would use them twice.
#[test]
fn an_old_copy_begins_anew_with_whom_it_has_blocked() {
    let mut world = talked(65);
    block(&mut world, 1, 0);
    world.stop(1);
    world.nodes[1].policy.suspect_rollback = true;
    let incarnation = |world: &mut World| {
        let id = world.channel(1, 0);
        world.look(1, |cx| channels::by_id(cx.tx, &id).unwrap().unwrap().incarnation)
    };
    let before = incarnation(&mut world);
    world.restart(1);
    world.nodes[1].policy.suspect_rollback = false;
    assert_ne!(incarnation(&mut world), before);
    unblock(&mut world, 1, 0);
    world.write(1, 0, "anew").unwrap();
    world.settle();
    world.pass(120_000, 5_000);
    assert_eq!(world.texts(0, 1), world.texts(1, 0));
    assert_eq!(world.texts(0, 1).len(), 3);
}
