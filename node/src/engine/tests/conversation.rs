//! Messages between paired engines: once, in order, whatever is lost or restarted.

use std::collections::BTreeSet;

use covey_api as api;
use covey_api::{MessageState, Reason};
use covey_feed::{EntryId, FeedKey};

use super::world::World;
use crate::engine::records::{feeds, messages};
use crate::engine::{Protocol, rpc};

#[test]
fn messages_arrive_once_and_in_one_order_on_both_sides() {
    let mut world = World::new(2, 1);
    world.pair(0, 1);
    for n in 0..20 {
        world.write(n % 2, 1 - n % 2, &format!("message {n}")).unwrap();
        if n % 3 == 0 {
            world.settle();
        }
    }
    world.settle();
    let texts = world.texts(0, 1);
    assert_eq!(texts.len(), 20);
    assert_eq!(texts, world.texts(1, 0));
    let distinct: BTreeSet<_> = texts.iter().collect();
    assert_eq!(distinct.len(), 20);
}

#[test]
fn what_was_written_while_apart_arrives_on_reconnect() {
    let mut world = World::new(2, 2);
    world.pair(0, 1);
    world.stop(1);
    world.settle();
    for n in 0..300 {
        world.write(0, 1, &format!("{n}")).unwrap();
    }
    world.restart(1);
    world.settle();
    world.pass(120_000, 5_000);
    let texts = world.texts(1, 0);
    assert_eq!(texts, (0..300).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn the_sender_learns_what_was_delivered_and_read() {
    let mut world = World::new(2, 3);
    world.pair(0, 1);
    world.drop.insert(Protocol::Sync);
    let sent = world.write(0, 1, "hello").unwrap();
    world.settle();
    let show = api::MessageShow { id: sent.id };
    let state = |world: &mut World| world.call(0, |cx| rpc::message::show(cx, &show)).unwrap().state;
    assert_eq!(state(&mut world), MessageState::Queued);
    world.drop.clear();
    world.disconnect(0, 1);
    world.settle();
    world.connect(0, 1);
    world.settle();
    assert_eq!(state(&mut world), MessageState::Delivered);
    let unread = api::ChannelShow { channel: world.id(0) };
    assert_eq!(world.call(1, |cx| rpc::channel::show(cx, &unread)).unwrap().unread, 1);
    let params = api::ChannelMarkRead { channel: world.id(0), ..api::ChannelMarkRead::default() };
    let channel = world.call(1, |cx| rpc::channel::mark_read(cx, &params)).unwrap();
    assert_eq!(channel.unread, 0);
    let newest = channel.last_message.map(|message| message.order_key);
    assert_eq!(channel.read_up_to, newest, "clients go on reading after it");
    world.settle();
    assert_eq!(state(&mut world), MessageState::Read);
    assert_eq!(world.texts(0, 1), ["hello"], "a receipt is no message");
}

/// [SYNC-18] One of the two streams between them is open first, and that side begins at once.
#[test]
fn what_a_contact_has_is_known_although_it_says_so_before_our_own_stream_is_open() {
    let mut world = World::new(2, 8);
    world.pair(0, 1);
    let sent = world.write(0, 1, "hello").unwrap();
    // It arrives, and the word that it did is lost.
    world.deliver(1);
    world.slow = Some(0);
    world.disconnect(0, 1);
    assert_eq!(world.texts(1, 0), ["hello"]);
    world.settle();
    world.connect(0, 1);
    world.settle();
    let show = api::MessageShow { id: sent.id };
    let state = world.call(0, |cx| rpc::message::show(cx, &show)).unwrap().state;
    assert_eq!(state, MessageState::Delivered);
}

/// [SESS-7]
#[test]
fn who_never_answers_is_not_sent_the_beginning_of_the_session_again_and_again() {
    let mut world = World::new(2, 5);
    world.pair(0, 1);
    let payload = |world: &mut World| {
        let sent = world.write(0, 1, "hello").unwrap();
        world.settle();
        let id = EntryId::from_bytes(data_encoding::HEXLOWER.decode(sent.id.as_bytes()).unwrap().try_into().unwrap());
        world.look(0, |cx| {
            let (channel, message) = messages::by_id(cx.tx, &id).unwrap().unwrap();
            let key = FeedKey { author: message.place.author, incarnation: message.place.incarnation };
            let feed = feeds::load(cx.tx, channel, &key).unwrap().unwrap();
            feeds::entry(cx.tx, feed.fid, message.place.seq).unwrap().unwrap().payload().unwrap().len()
        })
    };
    assert!(payload(&mut world) > 1_088, "a KEM ciphertext is part of it");
    assert!(payload(&mut world) < 400, "the other node has it");
    world.restart(0);
    assert!(payload(&mut world) < 400);
    world.restart(1);
    assert!(payload(&mut world) < 400);
    assert_eq!(world.texts(1, 0).len(), 4);
}

#[test]
fn a_lossy_network_delays_messages_and_loses_none() {
    for seed in 0..5 {
        let mut world = World::new(2, 100 + seed);
        world.pair(0, 1);
        world.loss = 3;
        for n in 0..40 {
            world.write(n % 2, 1 - n % 2, &format!("{n}")).unwrap();
            world.settle();
            if n % 7 == 0 {
                world.restart(n % 2);
            }
        }
        world.pass(300_000, 5_000);
        world.loss = 0;
        world.disconnect(0, 1);
        world.settle();
        world.connect(0, 1);
        world.pass(300_000, 5_000);
        assert_eq!(world.texts(0, 1).len(), 40, "seed {seed}");
        assert_eq!(world.texts(0, 1), world.texts(1, 0), "seed {seed}");
    }
}

#[test]
fn pages_join_without_a_gap_or_an_overlap() {
    let mut world = World::new(2, 4);
    world.pair(0, 1);
    for n in 0..25 {
        world.write(n % 2, 1 - n % 2, &format!("{n}")).unwrap();
        if n % 4 == 0 {
            world.settle();
        }
    }
    world.settle();
    let whole = world.messages(0, 1);
    let mut pages: Vec<api::Message> = Vec::new();
    loop {
        let before = pages.first().map(|message| message.id.clone());
        let params = api::MessageList { channel: Some(world.id(1)), before, limit: Some(4), after: None };
        let page = world.call(0, |cx| rpc::message::list(cx, &params)).unwrap();
        if page.is_empty() {
            break;
        }
        pages.splice(0..0, page);
    }
    assert_eq!(pages, whole);
    let mut forward: Vec<api::Message> = vec![whole[0].clone()];
    loop {
        let after = forward.last().map(|message| message.order_key.clone());
        let params = api::MessageList { channel: Some(world.id(1)), after, limit: Some(4), before: None };
        let page = world.call(0, |cx| rpc::message::list(cx, &params)).unwrap();
        if page.is_empty() {
            break;
        }
        forward.extend(page);
    }
    assert_eq!(forward, whole);
    let mut keys: Vec<_> = whole.iter().map(|message| message.order_key.clone()).collect();
    keys.sort();
    assert_eq!(keys, whole.iter().map(|message| message.order_key.clone()).collect::<Vec<_>>());
}

#[test]
fn bad_texts_are_refused_with_a_reason() {
    let mut world = World::new(2, 5);
    world.pair(0, 1);
    assert_eq!(world.write(0, 1, "").unwrap_err().reason, Reason::EmptyText);
    assert_eq!(world.write(0, 1, &"x".repeat(16 * 1024 + 1)).unwrap_err().reason, Reason::TooLong);
    world.write(0, 1, &"x".repeat(16 * 1024)).unwrap();
    world.settle();
    assert_eq!(world.texts(1, 0)[0].len(), 16 * 1024);
}

#[test]
fn the_same_client_id_sends_once() {
    let mut world = World::new(2, 6);
    world.pair(0, 1);
    let params = |text: &str, world: &World| api::MessageSend {
        to: world.id(1),
        text: text.into(),
        client_id: Some("one".into()),
        ..api::MessageSend::default()
    };
    let send = |world: &mut World, params: api::MessageSend| {
        world.call(0, |cx| crate::engine::idempotency::once(cx, params, rpc::message::send))
    };
    let request = params("hello", &world);
    let first = send(&mut world, request.clone()).unwrap();
    let second = send(&mut world, request).unwrap();
    assert_eq!(first, second);
    let other = params("something else", &world);
    assert_eq!(send(&mut world, other).unwrap_err().reason, Reason::ClientIdReused);
    world.settle();
    assert_eq!(world.texts(1, 0), ["hello"]);
}

#[test]
fn the_journal_tells_every_message_once_and_survives_a_restart() {
    let mut world = World::new(2, 7);
    world.pair(0, 1);
    for n in 0..10 {
        world.write(0, 1, &format!("{n}")).unwrap();
        world.settle();
        if n == 5 {
            world.restart(1);
            world.settle();
            world.pass(60_000, 5_000);
        }
    }
    world.pass(60_000, 5_000);
    let page = world.call(1, |cx| rpc::events::fetch(cx, &api::EventsFetch::default())).unwrap();
    let received: Vec<String> = page
        .events
        .iter()
        .filter(|event| event.kind == api::kind::MESSAGE_RECEIVED)
        .map(|event| event.data["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(received, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn the_journal_is_read_from_every_place_of_it() {
    let mut world = World::new(2, 8);
    world.pair(0, 1);
    // What arrives together is written together.
    for together in [1, 2, 40, 1, 70] {
        world.stop(1);
        for n in 0..together {
            world.write(0, 1, &format!("{n}")).unwrap();
        }
        world.restart(1);
        world.settle();
        world.pass(60_000, 5_000);
    }
    assert_eq!(world.texts(1, 0).len(), 114);
    for node in [0, 1] {
        let fetch = |world: &mut World, params| world.call(node, |cx| rpc::events::fetch(cx, &params)).unwrap();
        let all = fetch(&mut world, api::EventsFetch { limit: Some(1_000), ..Default::default() });
        let newest: u64 = all.cursor.parse().unwrap();
        let cursors: Vec<u64> =
            all.events.iter().map(|event| event.cursor.as_ref().unwrap().parse().unwrap()).collect();
        assert_eq!(cursors, (1..=newest).collect::<Vec<_>>());
        let newest = usize::try_from(newest).unwrap();
        for from in 0..=newest {
            let params = api::EventsFetch { from: Some(from.to_string()), limit: Some(7), ..Default::default() };
            let page = fetch(&mut world, params);
            let to = (from + 7).min(newest);
            assert_eq!((page.events.as_slice(), page.more), (&all.events[from..to], to < newest));
            let last = u32::try_from(newest - from).unwrap();
            let params = api::EventsFetch { last: Some(last), limit: Some(1), ..Default::default() };
            assert_eq!(fetch(&mut world, params).events.first(), all.events.get(from));
            let kinds = Some(vec![api::EventKind::MessageReceived]);
            let params = api::EventsFetch { last: Some(3), kinds, ..Default::default() };
            assert_eq!(fetch(&mut world, params).events.len(), if node == 1 { 3 } else { 0 });
        }
    }
}
