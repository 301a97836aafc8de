//! [NODE-QUOTA] Who writes more than a node keeps is read more slowly: nothing is lost, nobody else waits, nobody is shut out.

use covey_api as api;

use super::world::{World, quick};
use crate::engine::wire::payload;
use crate::engine::{Policy, Quota, rpc};
use crate::store::Table;

const QUOTA: Quota = Quota { burst: 1 << 19, per_second: 16 << 10 };

/// What is read at a time.
const RUN: u64 = covey_feed::limits::MAX_RUN_BYTES as u64;

const MESSAGES: usize = 200;

const LENGTH: usize = 8 << 10;

fn frugal() -> Policy {
    Policy { quota: QUOTA, ..quick() }
}

fn long(n: usize) -> String {
    format!("{n:0>LENGTH$}")
}

fn nobody_is_shut_out(world: &World) {
    assert!(world.nodes.iter().all(|node| node.live.penalties.is_empty()));
}

#[test]
fn a_contact_that_floods_fills_the_disk_no_faster_than_it_may_and_everything_arrives() {
    let mut world = World::with_policies(&[quick(), frugal(), quick()], 1);
    let (alice, bob, carol) = (0, 1, 2);
    world.pair(alice, bob);
    world.pair(carol, bob);
    let began = world.now;
    for n in 0..MESSAGES {
        world.write(alice, bob, &long(n)).unwrap();
        world.settle();
    }
    let mut steps = 0;
    loop {
        let (kept, seconds) = (world.texts(bob, alice).len(), (world.now - began) / 1_000);
        assert!((kept * LENGTH) as u64 <= QUOTA.burst + RUN + seconds * QUOTA.per_second, "{kept} in {seconds} s");
        let greeting = format!("hello {seconds}");
        world.write(carol, bob, &greeting).unwrap();
        world.settle();
        assert_eq!(world.texts(bob, carol).last(), Some(&greeting), "others do not wait");
        nobody_is_shut_out(&world);
        if kept == MESSAGES {
            break;
        }
        steps += 1;
        assert!(steps < 60, "only {kept} came");
        world.pass(5_000, 500);
    }
    assert!(steps > 10, "it took a while");
    assert_eq!(world.texts(bob, alice), (0..MESSAGES).map(long).collect::<Vec<_>>());
    world.pass(60_000, 500);
    let told = world.messages(alice, bob);
    assert!(told.iter().all(|message| message.state == api::MessageState::Delivered), "and its author hears of it");
    assert!(world.verify(bob).ok);
}

#[test]
fn a_member_that_floods_a_group_delays_nobody_else_and_its_messages_arrive_everywhere() {
    let mut world = World::with_policies(&[quick(), frugal(), frugal(), frugal()], 2);
    let group = world.group_of(&[1, 0, 2, 3], "team");
    for n in 0..MESSAGES {
        world.say_in(0, &group, &long(n)).unwrap();
    }
    let all = |world: &mut World, node: usize| {
        world.texts_in(node, &group).iter().filter(|text| text.len() == LENGTH).count()
    };
    assert!((1..4).all(|node| all(&mut world, node) < MESSAGES));
    let mut steps = 0;
    while (1..4).any(|node| all(&mut world, node) < MESSAGES) {
        let greeting = format!("hello {steps}");
        world.say_in(2, &group, &greeting).unwrap();
        world.pass(1_000, 500);
        for node in [0, 1, 3] {
            assert!(world.texts_in(node, &group).contains(&greeting), "{node} heard it at once");
        }
        nobody_is_shut_out(&world);
        world.pass(4_000, 500);
        steps += 1;
        assert!(steps < 60);
    }
    assert!(steps > 10, "it took a while");
    for node in 1..4 {
        let texts = world.texts_in(node, &group);
        let floods: Vec<_> = texts.into_iter().filter(|text| text.len() == LENGTH).collect();
        assert_eq!(floods, (0..MESSAGES).map(long).collect::<Vec<_>>(), "{node} has everything, once, in order");
    }
}

/// Bytes of all rows of a table, or of all tables, as stored.
fn stored(world: &World, node: usize, table: Option<Table>) -> u64 {
    let rows = world.nodes[node].store.rows().iter();
    let rows = rows.filter(|(key, _)| table.is_none_or(|table| key[0] == table as u8));
    rows.map(|(key, value)| (key.len() + value.len()) as u64).sum()
}

#[test]
fn what_is_stored_of_the_worst_texts_is_what_the_quota_says_within_a_tenth() {
    let quota = Quota { burst: 4 << 20, per_second: 64 << 10 };
    let mut world = World::with_policies(&[quick(), Policy { quota, ..quick() }], 3);
    let (alice, bob) = (0, 1);
    world.pair(alice, bob);
    world.write(alice, bob, "hello").unwrap();
    world.settle();
    let (before, began) = (stored(&world, bob, None), world.now);
    // In JSON a character of these takes six bytes.
    let worst = "\u{1}".repeat(payload::MAX_TEXT);
    for _ in 0..300 {
        world.write(alice, bob, &worst).unwrap();
        world.settle();
    }
    for _ in 0..12 {
        let grown = stored(&world, bob, None) - before;
        let fair = quota.burst + (world.now - began) * quota.per_second / 1_000;
        assert!(grown <= fair + fair / 10, "{grown} of {fair} bytes");
        assert!(grown + 2 * RUN >= fair - fair / 10, "{grown} of {fair} bytes");
        world.pass(5_000, 500);
    }
}

#[test]
fn the_journal_takes_no_more_than_its_limit_at_any_time_and_says_what_it_dropped() {
    const LIMIT: u64 = 16 << 10;
    let mut world = World::with_policies(&[quick(), Policy { journal_bytes: LIMIT, ..quick() }], 4);
    let (alice, bob) = (0, 1);
    world.pair(alice, bob);
    for n in 0..300 {
        world.write(alice, bob, &format!("{n} {}", "\u{1}".repeat(2_000))).unwrap();
        world.settle();
        let taken = stored(&world, bob, Some(Table::Journal));
        assert!(taken <= LIMIT, "{taken} bytes");
    }
    assert!(stored(&world, bob, Some(Table::Journal)) > LIMIT / 2, "and it is used");
    let params = api::EventsFetch { limit: Some(1_000), ..api::EventsFetch::default() };
    let events = world.call(bob, |cx| rpc::events::fetch(cx, &params)).unwrap().events;
    assert!(events.last().unwrap().data["text"].as_str().unwrap().starts_with("299 "), "with its text");
    let params = api::EventsFetch { from: Some("1".into()), limit: Some(10), ..api::EventsFetch::default() };
    let events = world.call(bob, |cx| rpc::events::fetch(cx, &params)).unwrap().events;
    assert_eq!(events[0].kind, api::kind::JOURNAL_TRUNCATED);
}
