//! An old copy of a data directory is put back: both go on talking, nothing is lost, doubled or reused.

use std::collections::BTreeSet;

use covey_api::MessageShow;

use super::sim::wire::Wire;
use super::world::World;
use crate::engine::{rpc, tables};
use crate::store::MemoryStore;

/// Messages that the copy which is put back does not know.
const LATER: usize = 500;
const FEWER: usize = 60;
/// Within so long both talk again, in milliseconds.
const SOON: u64 = 60_000;

/// Two nodes that talked, and a copy of the first one from the middle of it.
fn talked(seed: u64) -> (World, MemoryStore) {
    let mut world = World::new(2, seed);
    world.pair(0, 1);
    for n in 0..10 {
        world.write(n % 2, 1 - n % 2, &format!("early {n}")).unwrap();
        world.settle();
    }
    let copy = world.nodes[0].store.clone();
    for n in 0..10 {
        world.write(n % 2, 1 - n % 2, &format!("later {n}")).unwrap();
        world.settle();
    }
    (world, copy)
}

/// What the first node shows of the message with this id.
fn text_of(world: &mut World, id: &str) -> String {
    let params = MessageShow { id: id.to_owned() };
    world.call(0, |cx| rpc::message::show(cx, &params)).unwrap().text
}

/// Two nodes that talked, one of which is put back to the middle of it.
fn put_back(seed: u64, suspect: bool, write_apart: bool) -> World {
    let (mut world, copy) = talked(seed);
    world.stop(0);
    world.settle();
    world.nodes[0].store = copy;
    world.nodes[0].policy.suspect_rollback = suspect;
    if write_apart {
        world.stop(1);
        world.restart(0);
        world.settle();
        world.write(0, 1, "while apart").unwrap();
        world.restart(1);
    } else {
        world.restart(0);
    }
    world.settle();
    world.pass(180_000, 5_000);
    world
}

fn goes_on(world: &mut World, expected: usize) {
    for n in 0..6 {
        world.write(n % 2, 1 - n % 2, &format!("new {n}")).unwrap();
        world.settle();
    }
    world.pass(180_000, 5_000);
    for (node, of) in [(0, 1), (1, 0)] {
        let texts = world.texts(node, of);
        let distinct: BTreeSet<&String> = texts.iter().collect();
        assert_eq!(distinct.len(), texts.len(), "nothing twice: {texts:?}");
        assert_eq!(texts.len(), expected + 6, "node {node}: {texts:?}");
    }
    assert_eq!(world.texts(0, 1), world.texts(1, 0));
}

#[test]
fn a_suspected_old_copy_begins_anew_and_gets_everything_back() {
    let mut world = put_back(1, true, false);
    goes_on(&mut world, 20);
}

#[test]
fn an_old_copy_is_recognised_by_what_the_contact_knows() {
    let mut world = put_back(2, false, false);
    goes_on(&mut world, 20);
}

#[test]
fn what_a_suspected_old_copy_writes_before_it_meets_anybody_arrives() {
    let mut world = put_back(3, true, true);
    goes_on(&mut world, 21);
}

#[test]
fn what_an_unsuspected_old_copy_writes_is_written_again_when_it_forked_its_own_feed() {
    let mut world = put_back(4, false, true);
    assert!(world.texts(1, 0).contains(&"while apart".to_owned()));
    goes_on(&mut world, 21);
}

#[test]
fn whenever_a_copy_writes_it_has_everything_back_within_seconds() {
    for moment in 0.. {
        let mut world = World::new(2, 8);
        world.pair(0, 1);
        world.write(0, 1, "early").unwrap();
        world.settle();
        let copy = world.nodes[0].store.clone();
        for n in 0..10 {
            world.write(n % 2, 1 - n % 2, &format!("later {n}")).unwrap();
            world.settle();
        }
        world.stop(0);
        world.settle();
        world.pass(60_000, 10_000);
        world.go_back(0, copy);
        let over = world.deliver(moment) < moment;
        world.write(0, 1, "at once").unwrap();
        world.settle();
        world.pass(5_000, 500);
        assert_eq!(world.texts(0, 1).len(), 12, "moment {moment}: {:?}", world.texts(0, 1));
        assert_eq!(world.texts(0, 1), world.texts(1, 0));
        if over {
            break;
        }
    }
}

/// A copy goes on that does not know the last `later` messages. What was seen on the wire in all that time, of both copies and of the contact.
fn from_long_ago(seed: u64, later: usize, suspect: bool, write_apart: bool) -> Wire {
    let mut world = World::new(2, seed);
    world.record = Some(Vec::new());
    world.pair(0, 1);
    let mut said = vec![Vec::new(); 2];
    let mut write = |world: &mut World, from: usize, text: String| {
        world.write(from, 1 - from, &text).unwrap();
        said[from].push(text);
    };
    // The first node says the last word: the copy stands in the middle of a sending chain, which must not go on.
    for n in 0..21 {
        write(&mut world, n % 2, format!("early {n}"));
        world.settle();
    }
    let copy = world.nodes[0].store.clone();
    for n in 0..later {
        // Chains of several message keys, from both sides, now and then in flight at the same time.
        write(&mut world, (n / 4) % 2, format!("later {n}"));
        if n % 7 != 0 {
            world.settle();
        }
    }
    world.settle();
    world.stop(0);
    world.settle();
    world.nodes[0].store = copy;
    world.nodes[0].policy.suspect_rollback = suspect;
    if write_apart {
        world.stop(1);
        world.restart(0);
        write(&mut world, 0, "while apart".to_owned());
        world.restart(1);
    } else {
        world.restart(0);
    }
    world.settle();
    world.nodes[0].policy.suspect_rollback = false;
    let restored = world.now;
    for side in [0, 1] {
        write(&mut world, side, format!("{side} is here"));
    }
    let talks = |world: &mut World, node: usize| world.texts(node, 1 - node).contains(&format!("{} is here", 1 - node));
    while !talks(&mut world, 0) || !talks(&mut world, 1) {
        world.pass(1_000, 1_000);
        assert!(world.now <= restored + SOON, "they do not talk after a minute");
    }
    for n in 0..60 {
        write(&mut world, (n / 3) % 2, format!("new {n}"));
        world.settle();
    }
    world.pass(180_000, 5_000);
    let both = [world.texts(0, 1), world.texts(1, 0)];
    assert_eq!(both[0], both[1]);
    for said in &said {
        let shown: Vec<&String> = both[0].iter().filter(|text| said.contains(text)).collect();
        let apart = |text: &&String| *text != "while apart";
        // What was written without knowing the rest stands where its author could place it; all else as it was written.
        assert!(shown.iter().copied().filter(apart).eq(said.iter().filter(apart)), "each once and in order");
        assert_eq!(shown.len(), said.len());
    }
    assert_eq!(both[0].len(), said.iter().map(Vec::len).sum::<usize>());

    let mut wire = Wire::default();
    wire.forgiving = true;
    for (from, to, protocol, frame) in world.record.take().unwrap() {
        let prekeys: Option<covey_pairing::session::PrekeyStore> =
            world.look(to, |cx| cx.tx.get(&tables::prekeys()).unwrap());
        wire.see(&world.nodes[from].me, &world.nodes[to].me, prekeys.as_ref(), protocol, &frame).unwrap();
    }
    assert!(wire.keys() > later, "{} keys were seen", wire.keys());
    wire
}

#[test]
fn no_key_and_no_place_is_used_twice_by_a_copy_from_500_messages_ago() {
    let wire = from_long_ago(5, LATER, true, true);
    assert_eq!(wire.forked, 0, "keys or places used twice");
}

#[test]
fn nor_by_one_that_meets_its_contact_before_it_writes() {
    let wire = from_long_ago(6, FEWER, true, false);
    assert_eq!(wire.forked, 0, "keys or places used twice");
}

#[test]
fn nor_by_an_unsuspected_one_that_learns_from_its_contact_what_it_is() {
    let wire = from_long_ago(7, FEWER, false, false);
    assert_eq!(wire.forked, 0, "keys or places used twice");
}

/// What was written by a copy that did not know itself is written again when its feed turns out to be forked. A copy of that
/// copy does the same once more.
fn written_again_twice(seed: u64, suspect: bool, more: bool) {
    let (mut world, first) = talked(seed);
    world.stop(0);
    world.stop(1);
    world.nodes[0].store = first;
    world.restart(0);
    let ids: Vec<String> = (0..4).map(|n| world.write(0, 1, &format!("apart {n}")).unwrap().id).collect();
    let second = world.nodes[0].store.clone();
    let count = 24 + if more { world.write(0, 1, "apart, too").map(|_| 1).unwrap() } else { 0 };
    world.restart(1);
    world.settle();
    world.pass(60_000, 1_000);
    assert_eq!(world.texts(1, 0).len(), count);
    if more {
        world.write(1, 0, "something in between").unwrap();
        world.pass(5_000, 1_000);
    }

    world.stop(0);
    world.nodes[0].store = second;
    world.nodes[0].policy.suspect_rollback = suspect;
    world.restart(0);
    world.settle();
    world.nodes[0].policy.suspect_rollback = false;
    world.pass(180_000, 5_000);
    goes_on(&mut world, count + usize::from(more));
    for node in [0, 1] {
        let texts = world.texts(node, 1 - node);
        let apart: Vec<&String> = texts.iter().filter(|text| text.starts_with("apart ")).collect();
        assert!(apart.is_sorted(), "in the order in which they were written: {apart:?}");
        assert!(world.verify(node).ok, "{:?}", world.verify(node));
    }
    // Who was told the first id finds it.
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(text_of(&mut world, id), format!("apart {n}"));
    }
}

#[test]
fn what_two_copies_wrote_again_is_shown_once() {
    for seed in 30..33 {
        for (suspect, more) in [(true, false), (false, false), (true, true), (false, true)] {
            written_again_twice(seed, suspect, more);
        }
    }
}

/// The proof of the fork shows that histories parted, not where: all that a copy wrote counts at once nevertheless. `unheard`: what
/// it wrote before, of which it never heard that it arrived.
fn written_apart(seed: u64, unheard: usize) {
    let mut world = World::new(2, seed);
    world.pair(0, 1);
    world.write(0, 1, "early").unwrap();
    world.settle();
    let before: Vec<String> = (0..unheard).map(|n| world.write(0, 1, &format!("unheard {n}")).unwrap().id).collect();
    let copy = world.nodes[0].store.clone();
    for n in 0..100 {
        world.write(0, 1, &format!("later {n}")).unwrap();
        world.settle();
    }
    world.stop(1);
    world.go_back(0, copy);
    let apart: Vec<String> = (0..40).map(|n| world.write(0, 1, &format!("apart {n:02}")).unwrap().id).collect();
    world.restart(1);
    world.settle();
    let shown = |world: &mut World, node: usize, what: &str| -> Vec<String> {
        world.texts(node, 1 - node).into_iter().filter(|text| text.starts_with(what)).collect()
    };
    let there = shown(&mut world, 1, "apart");
    assert_eq!(there.len(), apart.len(), "as soon as they meet");
    assert!(there.is_sorted(), "in the order in which they were written: {there:?}");
    world.pass(180_000, 5_000);
    goes_on(&mut world, 1 + unheard + 100 + 40);
    for node in [0, 1] {
        for what in ["unheard", "later", "apart"] {
            assert!(
                shown(&mut world, node, what).is_sorted_by_key(|text| (text.len(), text.clone())),
                "{what} at {node}"
            );
        }
        let found = world.verify(node);
        assert!(found.ok, "{found:?}");
    }
    for (n, id) in before.iter().chain(&apart).enumerate() {
        let text = text_of(&mut world, id);
        let number = if n < unheard { n } else { n - unheard };
        assert!(text.ends_with(&number.to_string()), "{id} was {text}");
    }
}

#[test]
fn what_a_copy_wrote_apart_arrives_at_once_and_in_its_order() {
    (50..52).for_each(|seed| written_apart(seed, 0));
}

#[test]
fn what_it_wrote_again_without_need_is_shown_once() {
    (55..57).for_each(|seed| written_apart(seed, 7));
}
