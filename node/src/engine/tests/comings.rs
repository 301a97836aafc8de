//! Who comes into a group and who goes: told to everybody, also to those who were away.

use covey_api as api;
use covey_api::{GroupState, Reason};
use covey_feed::Entry;
use serde_bytes::ByteBuf;

use super::world::World;
use crate::engine::group::ops;
use crate::engine::names::pick::Purpose;
use crate::engine::records::{channels, devices, feeds};
use crate::engine::said::own_feed;
use crate::engine::sealing::sessions;
use crate::engine::wire::knock::{self, INTRODUCED, Introduced, Membership, QUESTION, Wire};
use crate::engine::{Cx, Protocol, names, rpc, tables};
use crate::store::MemoryStore;

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

/// Node 2 came by a ticket of the founder, node 0, and has linked node 3, which is away.
fn with_another_device(seed: u64) -> (World, String, MemoryStore) {
    let mut world = World::new(4, seed);
    let group = world.group_of(&[0, 1], "lake");
    world.come_by_ticket(0, &group, &[2]);
    world.pass(60_000, 1_000);
    let before = world.nodes[0].store.clone();
    world.link(2, 3);
    world.pass(300_000, 5_000);
    assert_eq!(world.group(3, &group).state, GroupState::Joined);
    world.stop(3);
    (world, group, before)
}

/// [KNOCK-5] Regression: household, seed 6. The founder went on from a copy of before it knew the device that asks.
#[test]
fn a_device_that_the_founder_does_not_know_says_with_its_card_whose_it_is() {
    let (mut world, group, before) = with_another_device(446);
    [1, 2].into_iter().for_each(|node| world.stop(node));
    world.go_back(0, before);
    world.remove_from(0, &group, 2).unwrap();
    world.pass(60_000, 1_000);
    world.restart(3);
    world.pass(300_000, 5_000);
    assert_eq!(world.group(3, &group).state, GroupState::Removed);
}

/// [KNOCK-5] The card of a former member, which is no secret, with the question of a machine that is not its.
#[test]
fn a_card_is_no_introduction_for_another_machine() {
    let (mut world, group, before) = with_another_device(448);
    let (account, card) = (world.nodes[2].account(), ByteBuf::from(world.card(2)));
    let membership = world.look(1, |cx| {
        let group = cx.live.groups.by_no.values().next().unwrap();
        Membership(channels::channel_id(&group.id), group.own(&account).unwrap().joined)
    });
    let device = world.nodes[0].me.device_id();
    [1, 2].into_iter().for_each(|node| world.stop(node));
    world.go_back(0, before);
    world.remove_from(0, &group, 2).unwrap();
    let said = Introduced(membership, card);
    for asks in [1, 2] {
        world.restart(asks);
        let of = world.nodes[0].account();
        let ask = |cx: &mut Cx<'_, '_>| {
            let to = devices::device(cx.tx, &of, &device)?.unwrap();
            let bound = knock::prologue(QUESTION, INTRODUCED, &device);
            Ok(sessions::seal_parcel(cx, &to, &bound, &covey_codec::encode(&said).unwrap())?)
        };
        let sealed = ByteBuf::from(world.call(asks, ask).unwrap());
        world.settle();
        world.record = Some(Vec::new());
        let frame = covey_codec::encode(&Wire::Member(INTRODUCED, device, sealed)).unwrap();
        world.replay(asks, 0, Protocol::Pair, frame);
        world.settle();
        let answers = world.record.take().unwrap().into_iter().filter(|(from, to, ..)| (*from, *to) == (0, asks));
        let removed = answers.filter(|(.., frame)| matches!(covey_codec::decode(frame, 4_096), Ok(Wire::Removed(..))));
        assert_eq!(removed.count(), usize::from(asks == 2), "node {asks}");
        world.stop(asks);
    }
}

/// [KNOCK-5]
#[test]
fn a_card_of_before_gets_no_answer_for_a_device_that_its_account_has_lost() {
    let (mut world, group, _) = with_another_device(447);
    world.revoke(2, 3);
    world.pass(120_000, 5_000);
    world.stop(2);
    world.remove_from(0, &group, 2).unwrap();
    world.pass(60_000, 1_000);
    world.record = Some(Vec::new());
    world.restart(3);
    world.pass(300_000, 5_000);
    let said = world.record.take().unwrap();
    let is_between =
        |a, b| said.iter().any(|(from, to, protocol, _)| (*from, *to, *protocol) == (a, b, Protocol::Pair));
    assert!(is_between(3, 0), "it asks");
    assert!(!is_between(0, 3));
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
