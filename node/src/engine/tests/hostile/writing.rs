//! [NODE-RIGHT] Who may not write is not shown, whatever client they use: on all members alike, however late something comes or
//! opens, and also when the operation that decides comes after what it decides about.

use covey_api as api;

use super::den::{ALICE, BOB, CAROL, Den, MALLORY};
use crate::engine::records::channels;
use crate::engine::rpc;
use crate::engine::said::write;
use crate::engine::wire::payload::Body;

fn said(text: &str) -> Body {
    Body::text(text.to_owned(), None, None, 1_800_000_000_000)
}

/// Mallory is an ordinary member who wrote something, of whom the others hear by the test only.
fn den(seed: u64) -> Den {
    let mut den = Den::new(seed);
    let group = den.group.clone();
    become_(&mut den, api::Role::Member);
    den.world.say_in(MALLORY, &group, "hello").unwrap();
    den.world.pass(10_000, 500);
    den.world.puppet = Some(MALLORY);
    den
}

fn become_(den: &mut Den, role: api::Role) {
    let (group, member) = (den.group.clone(), den.world.id(MALLORY));
    let params = api::GroupRole { group, member, role, ..api::GroupRole::default() };
    den.world.call(ALICE, |cx| rpc::group::role(cx, &params)).unwrap();
    den.world.settle();
    den.world.pass(3_000, 500);
}

fn shows(den: &mut Den, member: usize, text: &str) -> bool {
    let group = den.group.clone();
    den.world.texts_in(member, &group).contains(&text.to_owned())
}

fn received(den: &mut Den, member: usize, text: &str) -> usize {
    let params = api::EventsFetch { limit: Some(1_000), ..api::EventsFetch::default() };
    let events = den.world.call(member, |cx| rpc::events::fetch(cx, &params)).unwrap().events;
    let told = events.iter().filter(|event| event.kind == api::kind::MESSAGE_RECEIVED);
    told.filter(|event| event.data["text"] == text).count()
}

#[test]
fn what_a_reader_writes_all_the_same_is_not_shown() {
    let mut den = Den::new(700);
    let group = den.group.clone();
    become_(&mut den, api::Role::Reader);
    den.world.pass(10_000, 500);
    let (id, now) = (den.channel, den.world.now);
    den.world
        .call(MALLORY, |cx| {
            let channel = channels::by_id(cx.tx, &id).unwrap().unwrap();
            write::send(cx, channel, &Body::text("not for me to say".into(), None, None, now))
        })
        .unwrap();
    den.world.pass(60_000, 1_000);
    for member in [ALICE, BOB, CAROL] {
        assert!(!shows(&mut den, member, "not for me to say"), "{member}");
        assert_eq!(received(&mut den, member, "not for me to say"), 0);
        let params = api::ChannelShow { channel: group.clone() };
        let unread = den.world.call(member, |cx| rpc::channel::show(cx, &params)).unwrap().unread;
        assert_eq!(unread, 0, "{member}");
    }
    // That they read is for readers to say.
    den.world.say_in(ALICE, &group, "hear hear").unwrap();
    den.world.pass(10_000, 500);
    let read = api::ChannelMarkRead { channel: group.clone(), ..api::ChannelMarkRead::default() };
    den.world.call(MALLORY, |cx| rpc::channel::mark_read(cx, &read)).unwrap();
    den.world.pass(10_000, 500);
    let list = api::MessageList { channel: Some(group), ..api::MessageList::default() };
    let states = den.world.call(ALICE, |cx| rpc::message::list(cx, &list)).unwrap();
    assert_eq!(states.last().map(|message| message.state), Some(api::MessageState::Read));
    den.nobody_notices(&[ALICE, BOB, CAROL]);
}

#[test]
fn what_is_written_with_a_right_that_some_have_not_heard_of_is_shown_when_they_hear_of_it() {
    let mut den = den(701);
    become_(&mut den, api::Role::Reader);
    den.world.disconnect(ALICE, BOB);
    den.world.disconnect(BOB, CAROL);
    become_(&mut den, api::Role::Member);
    let (head, lamport) = den.next();
    let now_allowed = den.content(0, head, lamport, &said("may I?"));
    for member in [BOB, CAROL] {
        den.show(member, &now_allowed);
    }
    den.world.settle();
    assert!(shows(&mut den, CAROL, "may I?") && !shows(&mut den, BOB, "may I?"));
    den.world.restart(BOB);
    den.world.connect(ALICE, BOB);
    den.world.pass(10_000, 500);
    assert!(shows(&mut den, BOB, "may I?"));
    assert_eq!([BOB, CAROL].map(|member| received(&mut den, member, "may I?")), [1, 1]);
    den.assert_alike(&[ALICE, BOB, CAROL]);
}

#[test]
fn around_a_demotion_all_show_what_the_demotion_knew_of_and_nothing_else() {
    let mut den = den(702);
    let (head, lamport) = den.next();
    let known = den.content(0, head, lamport, &said("in time"));
    for member in [ALICE, BOB, CAROL] {
        den.show(member, &known);
    }
    den.world.settle();
    den.world.disconnect(ALICE, BOB);
    den.world.disconnect(BOB, CAROL);
    let head = known.entries.last().map(covey_feed::Entry::head);
    let late = den.content(0, head, lamport + 1, &said("too late"));
    let backdated = den.content(7, None, 1, &said("long ago"));
    // Bob sees them before he hears of it, in good faith; carol afterwards.
    den.show(BOB, &late);
    den.show(BOB, &backdated);
    den.world.settle();
    assert!(shows(&mut den, BOB, "too late") && shows(&mut den, BOB, "long ago"));
    become_(&mut den, api::Role::Reader);
    den.show(CAROL, &late);
    den.show(CAROL, &backdated);
    den.world.settle();
    den.world.connect(ALICE, BOB);
    den.world.connect(BOB, CAROL);
    den.world.pass(20_000, 500);
    for restarted in [false, true] {
        for member in [ALICE, BOB, CAROL] {
            assert!(shows(&mut den, member, "in time"), "{member}");
            assert!(!shows(&mut den, member, "too late") && !shows(&mut den, member, "long ago"), "{member}");
            if restarted {
                den.world.restart(member);
                den.world.settle();
            }
        }
    }
    den.assert_alike(&[ALICE, BOB, CAROL]);
}

#[test]
fn a_group_in_which_admins_write_hides_what_members_write_from_then_on_and_shows_it_no_more_than_before() {
    let mut den = den(703);
    let group = den.group.clone();
    let policy = |write| api::GroupPolicy { group: group.clone(), write: Some(write), ..api::GroupPolicy::default() };
    let params = policy(api::Role::Admin);
    den.world.call(ALICE, |cx| rpc::group::policy(cx, &params)).unwrap();
    den.world.pass(5_000, 500);
    let (head, lamport) = den.next();
    let entry = den.content(0, head, lamport, &said("all the same"));
    for member in [ALICE, BOB, CAROL] {
        den.show(member, &entry);
    }
    den.world.settle();
    for member in [ALICE, BOB, CAROL] {
        assert!(shows(&mut den, member, "hello") && !shows(&mut den, member, "all the same"), "{member}");
    }
    let params = policy(api::Role::Member);
    den.world.call(ALICE, |cx| rpc::group::policy(cx, &params)).unwrap();
    den.world.pass(5_000, 500);
    for member in [ALICE, BOB, CAROL] {
        assert!(!shows(&mut den, member, "all the same"), "{member}");
    }
    den.nobody_notices(&[ALICE, BOB, CAROL]);
}
