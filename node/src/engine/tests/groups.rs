//! Groups between whole engines: coming in, talking, going out.

use covey_api as api;
use covey_api::{ApiError, GroupState, MemberState, Reason, Role};
use covey_feed::Entry;
use serde_bytes::ByteBuf;

use super::world::World;
use crate::engine::group::ops;
use crate::engine::names::pick::Purpose;
use crate::engine::outbound::post;
use crate::engine::records::{devices, feeds};
use crate::engine::said::own_feed;
use crate::engine::wire::parcel::Content;
use crate::engine::{Protocol, names, rpc, tables};

impl World {
    pub(super) fn create_group(&mut self, node: usize, name: &str) -> String {
        let params = api::GroupCreate { name: name.into(), ..api::GroupCreate::default() };
        let made = self.call(node, |cx| rpc::group::create(cx, &params)).unwrap();
        self.settle();
        made.group
    }

    pub(super) fn invite_to(&mut self, node: usize, group: &str, whom: usize) -> Result<api::Member, ApiError> {
        let contact = self.id(whom);
        let params = api::GroupInvite { group: group.into(), contact, ..api::GroupInvite::default() };
        let invited = self.call(node, |cx| rpc::group::invite(cx, params));
        self.settle();
        invited
    }

    pub(super) fn accept_group(&mut self, node: usize, group: &str) -> Result<api::Group, ApiError> {
        let params = api::GroupAccept { group: group.into(), client_id: None };
        let accepted = self.call(node, |cx| rpc::group::accept(cx, &params));
        self.settle();
        accepted
    }

    pub(super) fn group(&mut self, node: usize, group: &str) -> api::Group {
        let params = api::GroupShow { group: group.into() };
        self.call(node, |cx| rpc::group::show(cx, &params)).unwrap()
    }

    pub(super) fn say_in(&mut self, node: usize, group: &str, text: &str) -> Result<api::Sent, ApiError> {
        let params = api::MessageSend { to: group.into(), text: text.into(), ..api::MessageSend::default() };
        let sent = self.call(node, |cx| rpc::message::send(cx, params));
        self.settle();
        sent
    }

    pub(super) fn texts_in(&mut self, node: usize, group: &str) -> Vec<String> {
        let params =
            api::MessageList { channel: Some(group.into()), limit: Some(1_000), ..api::MessageList::default() };
        let messages = self.call(node, |cx| rpc::message::list(cx, &params)).unwrap();
        messages.into_iter().map(|message| message.text).collect()
    }

    pub(super) fn remove_from(&mut self, node: usize, group: &str, whom: usize) -> Result<api::Member, ApiError> {
        let params = api::GroupRemove { group: group.into(), member: self.id(whom), client_id: None };
        let removed = self.call(node, |cx| rpc::group::remove(cx, &params));
        self.settle();
        removed
    }

    /// The first of `nodes` made a group, and all others are in it by invite.
    pub(super) fn group_of(&mut self, nodes: &[usize], name: &str) -> String {
        let (first, others) = nodes.split_first().unwrap();
        let group = self.create_group(*first, name);
        others.iter().for_each(|other| self.bring_in(*first, &group, *other));
        group
    }

    /// `founder` pairs with `other`, invites it into its group, and it is in.
    pub(super) fn bring_in(&mut self, founder: usize, group: &str, other: usize) {
        self.pair(founder, other);
        self.invite_to(founder, group, other).unwrap();
        let invited = self.group(other, group);
        assert_eq!((invited.state, invited.founder), (GroupState::Invited, None), "who invites may be no founder");
        self.accept_group(other, group).unwrap();
        self.pass(10_000, 500);
        let joined = self.group(other, group);
        assert_eq!((joined.state, joined.founder), (GroupState::Joined, Some(self.id(founder))), "{other} is in");
    }

    /// `nodes` ask to be let in with a ticket of `founder`.
    fn come_by_ticket(&mut self, founder: usize, group: &str, nodes: &[usize]) {
        let params = api::GroupTicket { group: group.into(), ..api::GroupTicket::default() };
        let ticket = self.call(founder, |cx| rpc::group::ticket(cx, &params)).unwrap().ticket;
        for node in nodes {
            let params = api::GroupJoin { ticket: ticket.clone(), ..api::GroupJoin::default() };
            self.call(*node, |cx| rpc::group::join(cx, params)).unwrap();
            self.settle();
        }
    }

    pub(super) fn assert_alike(&mut self, nodes: &[usize], group: &str) {
        let hashes: Vec<_> = nodes.iter().map(|node| self.group(*node, group).roster_hash.clone()).collect();
        assert!(hashes.windows(2).all(|two| two[0] == two[1]), "rosters differ: {hashes:?}");
    }
}

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

#[test]
fn what_somebody_removed_has_to_be_told_does_not_wait_for_ever_after_a_restart() {
    let mut world = World::new(4, 440);
    let group = world.group_of(&[0, 1, 2, 3], "lake");
    let waiting = |world: &mut World, node: usize, of: usize| {
        let device = world.nodes[of].me.device_id();
        world.look(node, |cx| cx.tx.keys(&tables::parcels(&device)).unwrap().len())
    };
    // The two are no contacts: only the group brought them together.
    world.stop(3);
    world.remove_from(0, &group, 3).unwrap();
    assert!(waiting(&mut world, 1, 3) > 0, "there is something to tell");
    world.restart(1);
    world.pass(2_000, 500);
    assert!(waiting(&mut world, 1, 3) > 0, "there is still time for it");
    world.pass(30_000, 1_000);
    assert_eq!(waiting(&mut world, 1, 3), 0);
    assert_eq!(world.look(1, |cx| cx.tx.keys(&tables::partings()).unwrap().len()), 0);
    assert!(world.verify(1).ok);
}

/// [KNOCK-3] [NOTE-3]
#[test]
fn a_stranger_who_was_rejected_while_away_hears_it_at_the_next_knock_and_may_ask_anew() {
    let mut world = World::new(3, 441);
    let group = world.group_of(&[0, 1], "lake");
    let params = api::GroupTicket { group: group.clone(), approve: Some(true), ..api::GroupTicket::default() };
    let ticket = world.call(0, |cx| rpc::group::ticket(cx, &params)).unwrap().ticket;
    let ask = api::GroupJoin { ticket, ..api::GroupJoin::default() };
    let params = ask.clone();
    world.call(2, |cx| rpc::group::join(cx, params)).unwrap();
    world.pass(5_000, 500);
    world.stop(2);
    let asking =
        |world: &mut World| world.call(0, |cx| rpc::group::requests(cx, &api::GroupRequests::default())).unwrap();
    let account = asking(&mut world)[0].account.clone();
    let params = api::GroupReject { group: group.clone(), account, client_id: None };
    world.call(0, |cx| rpc::group::reject(cx, &params)).unwrap();
    world.restart(0);
    world.restart(2);
    world.pass(130_000, 1_000);
    assert!(asking(&mut world).is_empty(), "nobody is asked again");
    assert_eq!(world.group(2, &group).state, GroupState::Declined);
    assert!(world.verify(0).ok);
    world.call(2, |cx| rpc::group::join(cx, ask)).unwrap();
    world.pass(5_000, 500);
    assert_eq!(asking(&mut world).len(), 1);
}

/// [KNOCK-4] [KNOCK-5]
#[test]
fn who_was_removed_while_away_and_is_nobodys_contact_hears_it_when_it_is_back() {
    let mut world = World::new(3, 442);
    let group = world.group_of(&[0, 1], "lake");
    world.come_by_ticket(0, &group, &[2]);
    world.pass(60_000, 1_000);
    assert_eq!(world.group(2, &group).state, GroupState::Joined);
    world.stop(2);
    world.remove_from(0, &group, 2).unwrap();
    // Nobody keeps what it would have to be told.
    world.pass(120_000, 1_000);
    world.restart(0);
    world.record = Some(Vec::new());
    world.restart(2);
    world.pass(120_000, 1_000);
    assert_eq!(world.group(2, &group).state, GroupState::Removed);
    assert_eq!(world.say_in(2, &group, "is anybody here?").unwrap_err().reason, Reason::GroupLeft);
    let told = world.record.take().unwrap();
    assert!(told.iter().all(|(from, to, ..)| (*from, *to) != (1, 2)), "who could not remove them says nothing");

    world.come_by_ticket(0, &group, &[2]);
    world.pass(60_000, 1_000);
    for (from, to, protocol, frame) in
        told.into_iter().filter(|(_, to, protocol, _)| (*to, *protocol) == (2, Protocol::Pair))
    {
        world.replay(from, to, protocol, frame);
    }
    world.pass(60_000, 1_000);
    assert_eq!(world.group(2, &group).state, GroupState::Joined, "the old answer is about another membership");
    world.say_in(2, &group, "back").unwrap();
    world.pass(10_000, 500);
    assert_eq!(world.texts_in(0, &group), ["back"]);
}

#[test]
fn whom_a_member_blocked_it_lets_into_no_group() {
    let mut world = World::new(3, 443);
    let group = world.group_of(&[0, 1], "lake");
    world.pair(0, 2);
    let params = api::PairBlock { contact: world.id(2), ..api::PairBlock::default() };
    world.call(0, |cx| rpc::pair::block(cx, &params)).unwrap();
    world.come_by_ticket(0, &group, &[2]);
    world.pass(180_000, 1_000);
    assert_eq!(world.group(2, &group).state, GroupState::Requested, "a block is not told");
    let params = api::PairUnblock { contact: world.id(2), ..api::PairUnblock::default() };
    world.call(0, |cx| rpc::pair::unblock(cx, &params)).unwrap();
    world.pass(300_000, 1_000);
    assert_eq!(world.group(2, &group).state, GroupState::Joined);
}

#[test]
fn a_block_or_the_end_of_a_pairing_leaves_the_groups_of_the_two_as_they_are() {
    let mut world = World::new(3, 444);
    let group = world.group_of(&[0, 1, 2], "lake");
    let params = api::PairBlock { contact: world.id(1), ..api::PairBlock::default() };
    world.call(0, |cx| rpc::pair::block(cx, &params)).unwrap();
    let params = api::PairRemove { contact: world.id(2), ..api::PairRemove::default() };
    world.call(0, |cx| rpc::pair::remove(cx, &params)).unwrap();
    world.pass(60_000, 1_000);
    for (node, text) in [(0, "one"), (1, "two"), (2, "three")] {
        world.say_in(node, &group, text).unwrap();
        world.pass(10_000, 500);
    }
    (0..3).for_each(|node| world.restart(node));
    world.say_in(1, &group, "four").unwrap();
    world.pass(60_000, 1_000);
    for node in 0..3 {
        assert_eq!(world.texts_in(node, &group), ["one", "two", "three", "four"], "node {node}");
        assert!(world.verify(node).ok);
    }
    assert!(world.write(1, 0, "do you hear me?").is_ok(), "a block is not told");
    assert_eq!(world.write(2, 0, "and me?").unwrap_err().reason, Reason::NotPaired);
    world.pass(60_000, 1_000);
    assert!(!world.messages(0, 1).iter().any(|message| message.text == "do you hear me?"));
    world.assert_alike(&[0, 1, 2], &group);
}

/// [KNOCK-2]
#[test]
fn so_many_knocks_of_one_source_are_looked_at_in_a_minute_and_the_others_come_in_later() {
    let mut world = World::new(14, 445);
    let group = world.create_group(0, "lake");
    let params = api::GroupTicket { group, approve: Some(true), ..api::GroupTicket::default() };
    let ticket = world.call(0, |cx| rpc::group::ticket(cx, &params)).unwrap().ticket;
    for node in 1..14 {
        let params = api::GroupJoin { ticket: ticket.clone(), ..api::GroupJoin::default() };
        world.call(node, |cx| rpc::group::join(cx, params)).unwrap();
    }
    world.settle();
    let asking =
        |world: &mut World| world.call(0, |cx| rpc::group::requests(cx, &api::GroupRequests::default())).unwrap().len();
    assert_eq!(asking(&mut world), 10);
    // Who asks again, because no admin has decided, leaves room for those who were not heard.
    world.pass(900_000, 1_000);
    assert_eq!(asking(&mut world), 13);
}

#[test]
fn who_accepts_an_invite_is_in_at_once() {
    let mut world = World::new(3, 446);
    let group = world.create_group(0, "lake");
    for other in [1, 2] {
        world.pair(0, other);
        world.pass(10_000, 500);
        world.invite_to(0, &group, other).unwrap();
        world.accept_group(other, &group).unwrap();
        world.pass(20, 10);
        assert_eq!(world.group(other, &group).state, GroupState::Joined, "{other}");
    }
}

#[test]
fn who_is_let_in_again_is_in_also_if_the_removal_is_the_last_that_they_hear_of() {
    let mut world = World::new(3, 450);
    let group = world.group_of(&[0, 1, 2], "lake");
    world.stop(2);
    world.remove_from(0, &group, 2).unwrap();
    // All that comes to them is the word of it, and then the welcome.
    world.drop.insert(Protocol::Sync);
    world.restart(2);
    world.pass(20_000, 1_000);
    assert_eq!(world.group(2, &group).state, GroupState::Removed);
    world.come_by_ticket(0, &group, &[2]);
    world.pass(20_000, 1_000);
    assert_eq!(world.group(2, &group).state, GroupState::Requested);
    let author = world.nodes[0].account();
    let mut unknown: Vec<Entry> = world.look(0, |cx| {
        let channel = names::channel(cx, &group, Purpose::Change).unwrap();
        let next = own_feed::next(cx, &channel).unwrap();
        (1..next.seq).filter_map(|seq| feeds::entry(cx.tx, next.feed.fid, seq).unwrap()).collect()
    });
    unknown.reverse();
    for entry in unknown {
        world
            .call(2, |cx| {
                let mut channel = names::channel(cx, &group, Purpose::Change).unwrap();
                ops::take(cx, &mut channel, &[&entry], author).unwrap();
                Ok(())
            })
            .unwrap();
    }
    assert_eq!(world.group(2, &group).state, GroupState::Joined);
    world.drop.clear();
    world.say_in(2, &group, "back").unwrap();
    world.pass(240_000, 1_000);
    assert_eq!(world.texts_in(1, &group), ["back"]);
    world.assert_alike(&[0, 1, 2], &group);
}
