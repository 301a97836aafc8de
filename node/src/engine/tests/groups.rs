//! Groups between whole engines: coming in, talking, going out.

use covey_api as api;
use covey_api::{ApiError, GroupState, MemberState, Reason, Role};
use serde_bytes::ByteBuf;

use super::world::World;
use crate::engine::names::pick::Purpose;
use crate::engine::outbound::post;
use crate::engine::records::devices;
use crate::engine::wire::parcel::Content;
use crate::engine::{Protocol, names, rpc, tables};

#[test]
fn three_friends_talk_in_a_group() {
    let mut world = World::new(3, 401);
    let group = world.group_of(&[0, 1, 2], "lake");
    world.say_in(0, &group, "hello").unwrap();
    world.say_in(1, &group, "hello alice").unwrap();
    world.say_in(2, &group, "hello both").unwrap();
    world.pass(10_000, 500);
    for node in 0..3 {
        assert_eq!(world.texts_in(node, &group), ["hello", "hello alice", "hello both"], "node {node}");
        assert_eq!(world.group(node, &group).members, 3);
    }
    world.assert_alike(&[0, 1, 2], &group);
}

/// [SYNC-18]
#[test]
fn what_a_member_has_is_known_although_it_says_so_before_our_own_stream_is_open() {
    let mut world = World::new(2, 403);
    let group = world.group_of(&[0, 1], "lake");
    let sent = world.say_in(0, &group, "hello").unwrap();
    while world.texts_in(1, &group).is_empty() {
        assert_eq!(world.deliver(1), 1, "it arrives, and the word that it did is lost");
    }
    world.slow = Some(0);
    world.disconnect(0, 1);
    world.settle();
    world.connect(0, 1);
    world.pass(5_000, 500);
    let show = api::MessageShow { id: sent.id };
    let state = world.call(0, |cx| rpc::message::show(cx, &show)).unwrap().state;
    assert_eq!(state, api::MessageState::Delivered);
}

/// [CTRL-3] [CTRL-4]
#[test]
fn a_newcomer_reads_what_is_written_after_they_came_and_not_before() {
    let mut world = World::new(3, 402);
    let group = world.group_of(&[0, 1], "lake");
    world.say_in(0, &group, "before").unwrap();
    world.bring_in(0, &group, 2);
    world.say_in(0, &group, "after").unwrap();
    world.say_in(1, &group, "me too").unwrap();
    world.pass(180_000, 1_000);
    assert_eq!(world.texts_in(2, &group), ["after", "me too"]);
    assert_eq!(world.texts_in(1, &group), ["before", "after", "me too"]);
    let waiting = world.look(2, |cx| cx.tx.keys(&tables::all_parked()).unwrap().len());
    assert_eq!(waiting, 0, "it was told that the others are not for it, and asks no more");
}

#[test]
fn a_key_that_was_lost_on_its_way_is_asked_for_after_some_seconds() {
    let mut world = World::new(3, 404);
    let group = world.group_of(&[0, 1, 2], "lake");
    world.drop.insert(Protocol::Parcel);
    world.say_in(1, &group, "hello").unwrap();
    world.pass(2_000, 500);
    let parked = world.look(2, |cx| cx.tx.keys(&tables::all_parked()).unwrap().len());
    assert_eq!((world.texts_in(2, &group), parked), (vec![], 1));
    world.drop.clear();
    world.pass(6_000, 500);
    assert_eq!(world.texts_in(2, &group), ["hello"]);
}

/// [PARCEL-9]
#[test]
fn keys_for_somebody_who_is_never_met_make_room_for_newer_ones() {
    let mut world = World::new(3, 403);
    let group = world.group_of(&[0, 1, 2], "lake");
    world.stop(2);
    world.settle();
    let (account, device) = (world.nodes[2].account(), world.nodes[2].me.device_id());
    let newest = |world: &mut World| world.look(0, |cx| cx.tx.keys(&tables::parcels(&device)).unwrap().pop());
    for n in 0..200u8 {
        let before = newest(&mut world);
        let posted = world.call(0, |cx| {
            let channel = names::channel(cx, &group, Purpose::Change)?;
            let device = devices::device(cx.tx, &account, &device)?.unwrap();
            let content = Content::Member(channel.id, ByteBuf::from(vec![n; 100]));
            Ok(post::post(cx, &device, &content, Some(channel.no))?)
        });
        posted.unwrap();
        assert_ne!(newest(&mut world), before, "parcel {n} waits");
    }
    let waiting = world.look(0, |cx| cx.tx.keys(&tables::parcels(&device)).unwrap().len());
    assert_eq!(waiting, 128);
}

#[test]
fn a_removed_member_neither_reads_nor_writes_any_more() {
    let mut world = World::new(3, 403);
    let group = world.group_of(&[0, 1, 2], "lake");
    world.say_in(2, &group, "I was here").unwrap();
    assert_eq!(world.remove_from(0, &group, 2).unwrap().state, MemberState::Removed);
    world.say_in(0, &group, "they are gone").unwrap();
    world.pass(5_000, 500);
    world.say_in(1, &group, "who?").unwrap();
    world.pass(60_000, 1_000);
    assert_eq!(world.group(2, &group).state, GroupState::Removed);
    assert_eq!(world.texts_in(2, &group), ["I was here"]);
    assert_eq!(world.say_in(2, &group, "let me in").unwrap_err().reason, Reason::GroupLeft);
    for node in 0..2 {
        assert_eq!(world.texts_in(node, &group), ["I was here", "they are gone", "who?"]);
        assert_eq!(world.group(node, &group).members, 2);
    }
    world.assert_alike(&[0, 1], &group);
}

#[test]
fn who_was_removed_while_away_does_not_count_itself_among_the_members_and_can_come_back() {
    let mut world = World::new(3, 417);
    let group = world.group_of(&[0, 1, 2], "lake");
    world.stop(2);
    world.remove_from(0, &group, 2).unwrap();
    world.pass(5_000, 500);
    world.restart(2);
    for node in 0..2 {
        world.connect(node, 2);
    }
    world.pass(60_000, 1_000);
    let shown = world.group(2, &group);
    assert_eq!((shown.state, shown.members, shown.role), (GroupState::Removed, 2, None));
    let params = api::GroupMembers { group: group.clone(), ..api::GroupMembers::default() };
    let members = |world: &mut World| world.call(2, |cx| rpc::group::members(cx, &params)).unwrap();
    assert!(members(&mut world).iter().all(|member| !member.own), "{:?}", members(&mut world));

    world.invite_to(0, &group, 2).unwrap();
    world.accept_group(2, &group).unwrap();
    world.pass(60_000, 1_000);
    assert_eq!(world.group(2, &group).state, GroupState::Joined);
    assert_eq!(members(&mut world).iter().filter(|member| member.own).count(), 1);
    world.restart(2);
    for node in 0..2 {
        world.connect(node, 2);
    }
    world.pass(20_000, 1_000);
    world.say_in(0, &group, "welcome back").unwrap();
    world.say_in(2, &group, "thank you").unwrap();
    world.pass(60_000, 1_000);
    for node in 0..3 {
        assert_eq!(world.texts_in(node, &group), ["welcome back", "thank you"], "node {node}");
    }
    world.assert_alike(&[0, 1, 2], &group);
}

#[test]
fn a_name_that_may_be_several_groups_or_members_comes_with_the_candidates() {
    let mut world = World::new(3, 416);
    for node in 1..3 {
        let params = api::AccountRename { name: "Kim".into(), client_id: None };
        world.call(node, |cx| rpc::account::rename(cx, &params, String::new())).unwrap();
    }
    let lakes = [world.group_of(&[0, 1, 2], "lake"), world.create_group(0, "lake")];
    let params = api::GroupShow { group: "lake".into() };
    let error = world.call(0, |cx| rpc::group::show(cx, &params)).unwrap_err();
    assert_eq!(error.reason, Reason::AmbiguousGroup);
    let ids = |error: &ApiError, field: &str| -> Vec<String> {
        let candidates = error.data["candidates"].as_array().unwrap();
        candidates.iter().map(|one| one[field].as_str().unwrap().to_owned()).collect()
    };
    assert!(lakes.iter().all(|id| ids(&error, "group").contains(id)), "{error:?}");

    let params = api::GroupBan { group: lakes[0].clone(), member: "kim".into(), client_id: None };
    let error = world.call(0, |cx| rpc::group::ban(cx, &params)).unwrap_err();
    assert_eq!(error.reason, Reason::AmbiguousMember);
    assert!((1..3).all(|node| ids(&error, "account").contains(&world.id(node))), "{error:?}");
    assert_eq!(ids(&error, "name"), ["Kim", "Kim"]);
}

#[test]
fn who_leaves_is_gone_for_everyone_and_may_come_back_by_invite() {
    let mut world = World::new(3, 404);
    let group = world.group_of(&[0, 1, 2], "lake");
    let params = api::GroupLeave { group: group.clone(), ..api::GroupLeave::default() };
    world.call(2, |cx| rpc::group::leave(cx, params)).unwrap();
    world.pass(20_000, 1_000);
    assert_eq!(world.group(2, &group).state, GroupState::Left);
    assert_eq!(world.group(0, &group).members, 2);
    assert_eq!(world.group(1, &group).members, 2);
    world.invite_to(0, &group, 2).unwrap();
    world.accept_group(2, &group).unwrap();
    world.pass(20_000, 1_000);
    assert_eq!(world.group(2, &group).state, GroupState::Joined);
    world.say_in(0, &group, "welcome back").unwrap();
    world.pass(20_000, 1_000);
    assert_eq!(world.texts_in(2, &group), ["welcome back"]);
}

/// [NOTE-3]
#[test]
fn who_was_invited_by_one_who_left_is_told_that_they_are_not_let_in() {
    let mut world = World::new(3, 419);
    world.pair(0, 1);
    world.pair(0, 2);
    let group = world.create_group(0, "lake");
    let params = api::GroupTicket { group: group.clone(), ..api::GroupTicket::default() };
    let ticket = world.call(0, |cx| rpc::group::ticket(cx, &params)).unwrap().ticket;
    world.invite_to(0, &group, 1).unwrap();
    world.pass(2_000, 500);
    let params = api::GroupLeave { group: group.clone(), ..api::GroupLeave::default() };
    world.call(0, |cx| rpc::group::leave(cx, params)).unwrap();
    world.accept_group(1, &group).unwrap();
    let params = api::GroupJoin { ticket, ..api::GroupJoin::default() };
    world.call(2, |cx| rpc::group::join(cx, params)).unwrap();
    world.pass(120_000, 1_000);
    for node in [1, 2] {
        assert_eq!(world.group(node, &group).state, GroupState::Declined, "node {node}");
    }
}

/// [NOTE-1] [NOTE-2]
#[test]
fn a_declined_invite_stays_declined_and_is_taken_back() {
    let mut world = World::new(2, 405);
    world.pair(0, 1);
    let group = world.create_group(0, "lake");
    world.invite_to(0, &group, 1).unwrap();
    let params = api::GroupDecline { group: group.clone(), client_id: None };
    world.call(1, |cx| rpc::group::decline(cx, &params)).unwrap();
    world.pass(5_000, 500);
    assert_eq!(world.group(1, &group).state, GroupState::Declined);
    assert!(world.invite_to(0, &group, 1).is_ok(), "the first invite was taken back");
    world.pass(5_000, 500);
    assert_eq!(world.group(1, &group).state, GroupState::Declined, "declined stays declined");
}

#[test]
fn a_stranger_joins_by_ticket_when_an_admin_approves() {
    let mut world = World::new(3, 406);
    let group = world.group_of(&[0, 1], "lake");
    let params = api::GroupTicket { group: group.clone(), approve: Some(true), ..api::GroupTicket::default() };
    let ticket = world.call(0, |cx| rpc::group::ticket(cx, &params)).unwrap().ticket;
    let params = api::GroupJoin { ticket, note: Some("it is carol".into()), client_id: None };
    world.call(2, |cx| rpc::group::join(cx, params)).unwrap();
    world.pass(5_000, 500);
    assert_eq!(world.group(2, &group).state, GroupState::Requested);
    let asking = world.call(0, |cx| rpc::group::requests(cx, &api::GroupRequests::default())).unwrap();
    assert_eq!(asking[0].note.as_deref(), Some("it is carol"));
    let account = asking[0].account.clone();
    let params = api::GroupApprove { group: group.clone(), account, client_id: None };
    world.call(0, |cx| rpc::group::approve(cx, &params)).unwrap();
    world.pass(20_000, 500);
    assert_eq!(world.group(2, &group).state, GroupState::Joined);
    world.say_in(2, &group, "thank you").unwrap();
    world.say_in(1, &group, "hello").unwrap();
    world.pass(120_000, 1_000);
    for node in 0..3 {
        assert_eq!(world.texts_in(node, &group), ["thank you", "hello"], "node {node}");
    }
    // Members, not contacts: nothing but the group is between them.
    assert_eq!(world.write(1, 2, "hi").unwrap_err().reason, Reason::NoSuchContact);
}

/// [PARCEL-1] [PARCEL-5]
#[test]
fn members_who_never_meet_talk_through_a_third() {
    let mut world = World::new(3, 407);
    let group = world.group_of(&[0, 1, 2], "lake");
    world.stop(2);
    world.say_in(1, &group, "are you there?").unwrap();
    world.pass(5_000, 500);
    world.stop(1);
    world.restart(2);
    world.pass(130_000, 1_000);
    assert_eq!(world.texts_in(2, &group), ["are you there?"]);
    world.say_in(2, &group, "now I am").unwrap();
    world.pass(5_000, 500);
    world.stop(2);
    world.restart(1);
    world.pass(130_000, 1_000);
    assert_eq!(world.texts_in(1, &group), ["are you there?", "now I am"]);
}

#[test]
fn everything_is_there_again_after_a_restart_of_everyone() {
    let mut world = World::new(3, 408);
    let group = world.group_of(&[0, 1, 2], "lake");
    world.say_in(0, &group, "one").unwrap();
    for node in 0..3 {
        world.restart(node);
    }
    world.pass(5_000, 500);
    world.say_in(1, &group, "two").unwrap();
    world.say_in(2, &group, "three").unwrap();
    world.pass(5_000, 500);
    for node in 0..3 {
        assert_eq!(world.texts_in(node, &group), ["one", "two", "three"], "node {node}");
    }
    world.assert_alike(&[0, 1, 2], &group);
}

#[test]
fn roles_and_rights_are_as_the_roster_says() {
    let mut world = World::new(3, 409);
    let group = world.group_of(&[0, 1, 2], "lake");
    let denied = world.remove_from(1, &group, 2).unwrap_err();
    assert_eq!(denied.reason, Reason::NotAllowed, "{denied:?}");
    let params =
        api::GroupRole { group: group.clone(), member: world.id(1), role: Role::Admin, ..api::GroupRole::default() };
    world.call(0, |cx| rpc::group::role(cx, &params)).unwrap();
    world.pass(2_000, 500);
    let params = api::GroupRename { group: group.clone(), name: "sea".into(), client_id: None };
    world.call(1, |cx| rpc::group::rename(cx, &params)).unwrap();
    world.pass(2_000, 500);
    assert_eq!(world.group(2, &group).name, "sea");
    let params =
        api::GroupRole { group: group.clone(), member: world.id(2), role: Role::Reader, ..api::GroupRole::default() };
    world.call(0, |cx| rpc::group::role(cx, &params)).unwrap();
    world.pass(2_000, 500);
    assert_eq!(world.say_in(2, &group, "may I?").unwrap_err().reason, Reason::NotAllowed);
    let params = api::GroupLeave { group: group.clone(), ..api::GroupLeave::default() };
    assert_eq!(world.call(0, |cx| rpc::group::leave(cx, params)).unwrap_err().reason, Reason::LastOwner);
}

#[test]
fn in_a_large_group_a_message_is_told_again_when_the_first_has_it_and_when_the_first_has_read_it() {
    let mut world = World::new(23, 418);
    let group = world.create_group(0, "lake");
    world.come_by_ticket(0, &group, &(1..23).collect::<Vec<_>>());
    // Only so many strangers of one address are heard in one minute.
    world.pass(480_000, 5_000);
    assert_eq!(world.group(0, &group).members, 23);
    let sent = world.say_in(0, &group, "hello").unwrap();
    let states = |world: &mut World| {
        let events = api::EventsFetch { limit: Some(1_000), ..api::EventsFetch::default() };
        let events = world.call(0, |cx| rpc::events::fetch(cx, &events)).unwrap();
        let told = events.events.into_iter().filter(|event| event.kind == api::kind::MESSAGE_CHANGED);
        told.filter(|event| event.data["id"] == sent.id).map(|event| event.data["state"].clone()).collect::<Vec<_>>()
    };
    world.pass(20_000, 1_000);
    assert_eq!(states(&mut world), ["delivered"]);
    world.restart(0);
    for node in 1..23 {
        let params = api::ChannelMarkRead { channel: group.clone(), ..api::ChannelMarkRead::default() };
        world.call(node, |cx| rpc::channel::mark_read(cx, &params)).unwrap();
    }
    world.pass(60_000, 1_000);
    let params = api::MessageShow { id: sent.id.clone() };
    let summary = world.call(0, |cx| rpc::message::show(cx, &params)).unwrap().delivery_summary.unwrap();
    assert_eq!((summary.total, summary.delivered, summary.read), (22, 22, 22));
    assert_eq!(states(&mut world), ["read", "read"], "once more, and events show the message as it is");
}
