//! Edits between two who are paired: everybody shows the same text, whatever came first and whatever became of either node.

use covey_api as api;
use covey_api::Reason;
use serde_json::Value;

use super::world::World;
use crate::engine::records::edits;
use crate::engine::records::messages::{self, Message};
use crate::engine::said::write;
use crate::engine::wire::payload::{self, Body};
use crate::engine::{Protocol, rpc, tables};

fn edit(world: &mut World, node: usize, id: &str, text: &str) -> Result<api::Message, api::ApiError> {
    let params = api::MessageEdit { id: id.to_owned(), text: text.to_owned(), client_id: None };
    world.call(node, |cx| rpc::message::edit(cx, params))
}

fn events(world: &mut World, node: usize, kind: &str) -> Vec<Value> {
    let params = api::EventsFetch { limit: Some(1_000), ..api::EventsFetch::default() };
    let events = world.call(node, |cx| rpc::events::fetch(cx, &params)).unwrap().events;
    events.into_iter().filter(|event| event.kind == kind).map(|event| event.data).collect()
}

fn whole(world: &World) {
    for node in 0..world.nodes.len() {
        let found = world.verify(node);
        assert!(found.ok, "{node}: {:?}", found.problems);
    }
}

/// [BODY-13]
#[test]
fn the_newest_edit_is_shown_on_both_sides_with_its_time_and_makes_nothing_unread() {
    let mut world = World::new(2, 900);
    world.pair(0, 1);
    let sent = world.write(0, 1, "see you at eight").unwrap();
    world.write(0, 1, "or so").unwrap();
    world.settle();
    let read = api::ChannelMarkRead { channel: world.id(0), ..api::ChannelMarkRead::default() };
    world.call(1, |cx| rpc::channel::mark_read(cx, &read)).unwrap();
    world.settle();
    world.now += 60_000;
    let edited = edit(&mut world, 0, &sent.id, "see you at nine").unwrap();
    assert!(edited.edited && edited.text == "see you at nine" && edited.id == sent.id);
    world.settle();
    edit(&mut world, 0, &sent.id[..8], "see you at ten").unwrap();
    world.settle();
    let at = api::Time::from_unix_ms(world.now);
    for restarted in [false, true] {
        for node in [0, 1] {
            let shown = world.messages(node, 1 - node);
            let texts: Vec<&str> = shown.iter().map(|message| message.text.as_str()).collect();
            assert_eq!(texts, ["see you at ten", "or so"]);
            assert_eq!((shown[0].edited, shown[0].edited_at, shown[0].sent_at < at), (true, Some(at), true));
            assert_eq!((shown[1].edited, shown[1].edited_at), (false, None));
            assert_eq!(shown[0].state, api::MessageState::Read, "an edit does not make it unread");
            if restarted {
                continue;
            }
            world.restart(node);
            world.settle();
        }
    }
    let unread = api::ChannelShow { channel: world.id(0) };
    assert_eq!(world.call(1, |cx| rpc::channel::show(cx, &unread)).unwrap().unread, 0);
    for node in [0, 1] {
        let told = events(&mut world, node, api::kind::MESSAGE_CHANGED);
        let told = told.iter().filter(|data| data["edited"] == true && data["text"] == "see you at ten");
        assert!(told.count() >= 2, "{node} is told of each");
    }
    assert_eq!(events(&mut world, 1, api::kind::MESSAGE_RECEIVED).len(), 2, "an edit is no message");
    // The versions before are kept.
    let kept = world.look(1, |cx| {
        let key = crate::store::Key::table(crate::store::Table::Order);
        cx.tx
            .scan::<Message>(&key, None, 100, false)
            .unwrap()
            .into_iter()
            .filter(|(_, m)| m.body.edits().is_some())
            .count()
    });
    assert_eq!(kept, 2);
    whole(&world);
}

#[test]
fn what_is_not_ones_own_or_deleted_or_of_no_size_is_refused_and_the_same_text_changes_nothing() {
    let mut world = World::new(2, 901);
    world.pair(0, 1);
    let mine = world.write(0, 1, "mine").unwrap().id;
    let theirs = world.write(1, 0, "theirs").unwrap().id;
    world.settle();
    let reason = |world: &mut World, id: &str, text: &str| edit(world, 0, id, text).unwrap_err().reason;
    assert_eq!(reason(&mut world, &theirs, "better"), Reason::NotAllowed);
    assert_eq!(reason(&mut world, &mine, " "), Reason::EmptyText);
    assert_eq!(reason(&mut world, &mine, &"x".repeat(payload::MAX_TEXT + 1)), Reason::TooLong);
    assert_eq!(reason(&mut world, &"0".repeat(64), "nothing"), Reason::NoSuchMessage);
    assert!(!edit(&mut world, 0, &mine, "mine").unwrap().edited);
    let changed = edit(&mut world, 0, &mine, "changed").unwrap();
    // The edit itself has an id, and is no message.
    let id = world.look(0, |cx| {
        let key = crate::store::Key::table(crate::store::Table::Order);
        let all = cx.tx.scan::<Message>(&key, None, 100, false).unwrap();
        messages::text_id(&all.into_iter().find(|(_, message)| message.body.edits().is_some()).unwrap().1.id)
    });
    assert_ne!(id, changed.id);
    assert_eq!(reason(&mut world, &id, "again"), Reason::NoSuchMessage);
    let block = api::PairBlock { contact: world.id(1), ..api::PairBlock::default() };
    world.call(0, |cx| rpc::pair::block(cx, &block)).unwrap();
    assert_eq!(reason(&mut world, &mine, "while blocked"), Reason::Blocked);
    whole(&world);
}

/// [BODY-11]
#[test]
fn an_edit_that_comes_before_its_message_waits_for_it() {
    let mut world = World::new(2, 902);
    world.pair(0, 1);
    world.write(0, 1, "hello").unwrap();
    world.settle();
    // What an old copy writes at first is lost, and its message comes from the contact only later: here it is made so by hand.
    let (id, channel) = (covey_feed::EntryId::from_bytes([7; 32]), world.channel(1, 0));
    let account = world.nodes[0].account();
    let now = world.now;
    world
        .call(0, |cx| {
            let channel = crate::engine::records::channels::by_id(cx.tx, &channel)?.unwrap();
            write::add(cx, channel, &Body::edit(id, "before its message".into(), now))
        })
        .unwrap();
    world.settle();
    assert_eq!(world.texts(1, 0), ["hello"]);
    let newest = world.look(1, |cx| {
        let no = crate::engine::records::channels::by_id(cx.tx, &channel).unwrap().unwrap().no;
        edits::newest(cx.tx, no, &id, &account).unwrap()
    });
    assert!(newest.is_some());
    world
        .call(0, |cx| {
            let channel = crate::engine::records::channels::by_id(cx.tx, &channel)?.unwrap();
            write::send(cx, channel, &Body::text("the first text".into(), None, None, now).written_again(id))
        })
        .unwrap();
    world.settle();
    for node in [0, 1] {
        assert_eq!(world.texts(node, 1 - node), ["hello", "before its message"], "{node}");
    }
    assert_eq!(events(&mut world, 1, api::kind::MESSAGE_RECEIVED).last().unwrap()["text"], "before its message");
    whole(&world);
}

#[test]
fn edits_of_two_copies_of_a_node_end_in_the_same_text_everywhere() {
    let mut world = World::new(2, 903);
    world.pair(0, 1);
    let id = world.write(0, 1, "first").unwrap().id;
    world.write(1, 0, "good").unwrap();
    world.settle();
    let copy = world.nodes[0].store.clone();
    edit(&mut world, 0, &id, "by the one that is lost").unwrap();
    let lost = world.write(0, 1, "only the contact has this").unwrap().id;
    edit(&mut world, 0, &lost, "only the contact has this, and its edit").unwrap();
    world.settle();
    world.stop(1);
    world.go_back(0, copy);
    edit(&mut world, 0, &id, "by the copy").unwrap();
    world.write(0, 1, "and more").unwrap();
    world.restart(1);
    world.settle();
    world.pass(180_000, 5_000);
    let texts = world.texts(0, 1);
    assert_eq!(texts, world.texts(1, 0));
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(texts.contains(&"by the copy".to_owned()), "{texts:?}");
    assert!(texts.contains(&"only the contact has this, and its edit".to_owned()), "{texts:?}");
    let shown = world.messages(1, 0).into_iter().filter(|message| message.edited).count();
    assert_eq!(shown, 2);
    edit(&mut world, 0, &id, "and after all").unwrap();
    world.settle();
    assert_eq!(world.texts(0, 1), world.texts(1, 0));
    assert!(world.texts(1, 0).contains(&"and after all".to_owned()));
    whole(&world);
}

/// [BODY-6] An older covey stored it as an unknown kind.
#[test]
fn what_an_older_covey_stored_without_knowing_it_is_shown_after_the_upgrade() {
    let mut world = World::new(2, 904);
    world.pair(0, 1);
    let id = world.write(0, 1, "first").unwrap().id;
    world.settle();
    edit(&mut world, 0, &id, "second").unwrap();
    world.settle();
    // As the older one left it: nothing points to the edit.
    world
        .call(1, |cx| {
            for prefix in tables::all_edits() {
                cx.tx.keys(&prefix)?.iter().for_each(|key| cx.tx.delete(key));
            }
            cx.tx.delete(&tables::looked_through());
            Ok(())
        })
        .unwrap();
    assert_eq!(world.texts(1, 0), ["first"]);
    whole(&world);
    world.drop.insert(Protocol::Sync);
    world.restart(1);
    world.pass(11 * 60_000, 1_000);
    assert_eq!(world.texts(1, 0), ["second"]);
    let told = events(&mut world, 1, api::kind::MESSAGE_CHANGED);
    assert!(told.iter().any(|data| data["text"] == "second" && data["edited"] == true));
    whole(&world);
}

#[test]
fn in_a_group_all_members_show_an_edit_and_whoever_may_not_write_may_not_edit() {
    let mut world = World::new(3, 905);
    let group = world.group_of(&[0, 1, 2], "lake");
    let id = world.say_in(1, &group, "first").unwrap().id;
    world.pass(10_000, 500);
    edit(&mut world, 1, &id, "second").unwrap();
    world.pass(10_000, 500);
    for node in 0..3 {
        assert_eq!(world.texts_in(node, &group), ["second"], "{node}");
    }
    assert_eq!(edit(&mut world, 0, &id, "the owner says").unwrap_err().reason, Reason::NotAllowed);
    let member = world.id(1);
    let params = api::GroupRole { group: group.clone(), member, role: api::Role::Reader, ..api::GroupRole::default() };
    world.call(0, |cx| rpc::group::role(cx, &params)).unwrap();
    world.pass(10_000, 500);
    assert_eq!(edit(&mut world, 1, &id, "third").unwrap_err().reason, Reason::NotAllowed);
    let delete = api::GroupDelete { group: group.clone(), message: id.clone(), client_id: None };
    world.call(0, |cx| rpc::group::delete(cx, &delete)).unwrap();
    world.pass(10_000, 500);
    for node in 0..3 {
        assert!(world.texts_in(node, &group).is_empty(), "{node}");
    }
    assert_eq!(edit(&mut world, 1, &id, "it never was").unwrap_err().reason, Reason::NoSuchMessage);
    whole(&world);
}
