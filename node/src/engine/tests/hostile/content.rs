//! What a member writes and what comes of it: said twice, taken back, deleted by an admin, put into the past. All members come
//! to the same, whatever reached whom first.

use covey_api as api;
use covey_feed::run::Batch;
use covey_pairing::group::roster::{self, Op};

use super::den::{ALICE, BOB, CAROL, Den, MALLORY, id};
use crate::engine::names::pick;
use crate::engine::records::{channels, messages};
use crate::engine::rpc;
use crate::engine::wire::payload::{self, Body};
use crate::store::Table;

fn said(text: &str) -> Body {
    Body::text(text.to_owned(), None, None, 1_800_000_000_000)
}

/// [BODY-7]
#[test]
fn a_body_that_nobody_sends_suppresses_nothing_whichever_came_first() {
    let mut den = Den::silenced(710, MALLORY);
    let (_, lamport) = den.next();
    let said = den.content(1, None, lamport, &said("for some"));
    let mut none = Body::text(String::new(), None, None, 1).written_again(id(&said));
    (none.kind, none.text) = (payload::kind::DELETED, None);
    let none = den.content(2, None, lamport, &none);
    den.show_in_both_orders(&[said, none]);
    for member in [ALICE, BOB] {
        assert_eq!(den.texts(member), ["hello", "for some"], "{member}");
    }
}

#[test]
fn a_message_is_shown_once_where_it_stands_first_whichever_came_first() {
    let mut den = Den::silenced(711, MALLORY);
    let (_, lamport) = den.next();
    let first = den.content(1, None, lamport, &said("twice"));
    let again = said("twice").written_again(id(&first));
    let second = den.content(2, None, lamport + 5, &again);
    let third = den.content(3, None, lamport + 9, &again);
    let other = den.content(4, None, lamport + 9, &said("not that").written_again(id(&first)));
    den.show_in_both_orders(&[first, second, third, other]);
    for member in [ALICE, BOB] {
        let shown = den.texts(member);
        assert_eq!(shown, ["hello", "twice", "not that"], "{member}");
        assert!(den.world.verify(member).ok);
    }
}

/// An operation of alice.
fn delete(den: &mut Den, batch: &Batch) {
    let entry = roster::EntryId::from_bytes(*id(batch).as_bytes());
    let device = den.world.nodes[MALLORY].me.device_id();
    let channel = den.channel;
    den.world
        .call(ALICE, |cx| {
            let mut channel = channels::by_id(cx.tx, &channel)?.unwrap();
            crate::engine::group::ops::write(cx, &mut channel, Op::Delete { entry, device })
        })
        .unwrap();
    den.world.settle();
}

#[test]
fn what_was_deleted_for_everyone_stays_deleted_however_late_it_comes_and_however_often() {
    let mut den = Den::silenced(712, MALLORY);
    let (_, lamport) = den.next();
    let rude = den.content(1, None, lamport, &said("rude"));
    let again = den.content(2, None, lamport + 1, &said("rude").written_again(id(&rude)));
    den.world.stop(CAROL);
    den.show(ALICE, &rude);
    den.world.settle();
    assert_eq!(den.texts(ALICE), ["hello", "rude"]);
    den.world.disconnect(ALICE, BOB);
    delete(&mut den, &rude);
    den.show(ALICE, &again);
    den.world.settle();
    assert_eq!(den.texts(ALICE), ["hello"]);
    // Bob learns of the operation first, and of the message after a restart.
    den.world.disconnect(MALLORY, ALICE);
    den.world.connect(ALICE, BOB);
    den.world.pass(5_000, 500);
    den.world.restart(BOB);
    den.world.connect(MALLORY, BOB);
    den.world.settle();
    den.show(BOB, &again);
    den.show(BOB, &rude);
    den.world.pass(5_000, 500);
    assert_eq!(den.texts(BOB), ["hello"]);
    den.world.restart(CAROL);
    for other in [ALICE, BOB] {
        den.world.connect(CAROL, other);
    }
    den.world.pass(60_000, 1_000);
    assert_eq!(den.texts(CAROL), ["hello"]);
    den.assert_alike(&[ALICE, BOB, CAROL]);
    for member in [ALICE, BOB, CAROL] {
        assert!(den.world.verify(member).ok, "{member}");
    }
}

#[test]
fn what_waited_for_its_key_when_it_was_deleted_is_never_shown() {
    let mut world = super::super::world::World::new(3, 713);
    let group = world.group_of(&[0, 1, 2], "lake");
    world.stop(2);
    world.say_in(1, &group, "rude").unwrap();
    world.pass(5_000, 500);
    let id = message(&mut world, 0, &group, "rude").id;
    let params = api::GroupDelete { group: group.clone(), message: id, client_id: None };
    world.call(0, |cx| rpc::group::delete(cx, &params)).unwrap();
    world.settle();
    assert!(world.texts_in(1, &group).is_empty());
    // The key comes from its author, the entry and the operation from elsewhere.
    world.stop(1);
    world.restart(2);
    world.connect(0, 2);
    world.pass(30_000, 1_000);
    world.restart(1);
    world.connect(1, 2);
    world.pass(180_000, 1_000);
    assert!(world.texts_in(2, &group).is_empty());
    let waiting = world.look(2, |cx| cx.tx.keys(&crate::engine::tables::all_parked()).unwrap().len());
    assert_eq!(waiting, 0, "and nobody is asked for it any more");
}

fn message(world: &mut super::super::world::World, node: usize, group: &str, text: &str) -> api::Message {
    let params = api::MessageList { channel: Some(group.into()), limit: Some(1_000), ..api::MessageList::default() };
    let messages = world.call(node, |cx| rpc::message::list(cx, &params)).unwrap();
    messages.into_iter().find(|message| message.text == text).unwrap()
}

/// Also what the author's own chain could still open.
#[test]
fn of_a_deleted_message_no_text_and_no_key_is_left_in_any_table() {
    let mut world = super::super::world::World::new(3, 714);
    let group = world.group_of(&[0, 1, 2], "lake");
    let texts = ["the first secret", "the second secret", "the third secret"];
    for text in texts {
        world.say_in(1, &group, text).unwrap();
    }
    world.pass(5_000, 500);
    let mark = api::ChannelMarkRead { channel: group.clone(), ..api::ChannelMarkRead::default() };
    world.call(0, |cx| rpc::channel::mark_read(cx, &mark)).unwrap();
    world.pass(5_000, 500);
    let deleted = message(&mut world, 0, &group, texts[1]).id;
    let keys: Vec<_> = (0..3).map(|node| keys_of(&mut world, node, texts[1])).collect();
    let params = api::GroupDelete { group: group.clone(), message: deleted, client_id: None };
    world.call(0, |cx| rpc::group::delete(cx, &params)).unwrap();
    world.pass(10_000, 500);
    for (node, key) in keys.iter().enumerate() {
        assert_eq!(world.texts_in(node, &group), [texts[0], texts[2]], "{node}");
        let rows = rows(&world, node);
        let holds = |bytes: &[u8]| rows.iter().filter(|row| row.windows(bytes.len()).any(|part| part == bytes)).count();
        assert!(holds(texts[0].as_bytes()) > 0, "texts would be found");
        assert_eq!(holds(texts[1].as_bytes()), 0, "{node}");
        assert_eq!(holds(key), 0, "{node}");
        assert!(world.verify(node).ok);
    }
    // The chain that its author keeps begins after it; who comes late still reads what stands before.
    let own: covey_pairing::group::cipher::OwnChain = world.look(1, |cx| {
        let no = crate::engine::names::channel(cx, &group, pick::Purpose::Change).unwrap().no;
        cx.tx.get(&crate::engine::tables::own_chain(no)).unwrap().unwrap()
    });
    assert_eq!(own.chain().unwrap().distribution_from(0).index(), 2);
}

fn keys_of(world: &mut super::super::world::World, node: usize, text: &str) -> Vec<u8> {
    world.look(node, |cx| {
        let all = cx.tx.scan::<messages::Message>(&crate::store::Key::table(Table::Order), None, 100, false);
        let found = all.unwrap().into_iter().find(|(_, message)| message.text() == Some(text)).unwrap().1;
        found.content_key.expose().to_vec()
    })
}

/// Every row of a node as it is under its seal.
fn rows(world: &super::super::world::World, node: usize) -> Vec<Vec<u8>> {
    let node = &world.nodes[node];
    let rows = node.store.rows();
    rows.iter().filter_map(|(key, sealed)| node.vault.open(key, sealed).ok()).collect()
}
