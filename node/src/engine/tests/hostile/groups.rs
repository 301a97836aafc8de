//! A member of a group who lies, one who was removed, and strangers who come with a ticket: what they do has the same
//! outcome on every member, and nobody else notices.

use covey_api as api;
use covey_feed::run::RunLimits;
use covey_feed::{Author, ChannelId, FeedId, FeedKey, Kind};
use covey_pairing::group::cipher::{GroupCipher, OwnChain, ReceiverChains, SenderKeys};
use covey_pairing::group::roster::{Op, OpId, Operation};
use serde_bytes::ByteBuf;

use super::super::world::World;
use super::den::{ALICE, BOB, CAROL, Den, MALLORY};
use super::mallory::run_frame;
use crate::engine::members::{rights, rosters};
use crate::engine::names::pick::Purpose;
use crate::engine::outbound::{control, notes};
use crate::engine::records::{channels, devices, feeds};
use crate::engine::replication::take;
use crate::engine::wire::note::Note;
use crate::engine::{Protocol, names, rpc, tables};

#[test]
fn operations_of_a_member_who_may_not_count_for_nobody_and_the_doctor_says_so() {
    let mut den = Den::new(601);
    let (alice, bob) = (den.world.nodes[ALICE].account(), den.world.nodes[BOB].account());
    let elsewhere = den.world.group_of(&[MALLORY, CAROL], "elsewhere");
    let before = den.world.group(ALICE, &den.group.clone());
    den.world.puppet = Some(MALLORY);
    // The owner is not hers to ban; nobody is made owner but by the owner; a join without a statement joins nobody.
    let ops = [
        Op::Ban { account: alice, cut: Vec::new() },
        Op::Transfer { to: bob },
        Op::Join { statement: ByteBuf::from(vec![1; 64]), card: ByteBuf::from(vec![2; 64]) },
        Op::Remove { account: alice, cut: Vec::new() },
    ];
    for op in ops {
        let (head, lamport) = den.next();
        let batch = den.operation(head, lamport, op);
        den.show(BOB, &batch);
        den.world.settle();
    }
    // What she wrote in another group, entry and all.
    let id = ChannelId::from_bytes(data_encoding::HEXLOWER.decode(elsewhere.as_bytes()).unwrap().try_into().unwrap());
    let author = Author::from_bytes(*den.world.nodes[MALLORY].me.device_id().as_bytes());
    let foreign = den.world.look(MALLORY, |cx| {
        let channel = channels::by_id(cx.tx, &id).unwrap().unwrap();
        let feed = feeds::load(cx.tx, channel.no, &FeedKey { author, incarnation: 0 }).unwrap().unwrap();
        feeds::serve(cx.tx, &feed, 1, RunLimits::default()).unwrap().unwrap()
    });
    let frame = run_frame(FeedId::new(id, FeedKey { author, incarnation: 0 }), &foreign);
    den.world.replay(MALLORY, ALICE, Protocol::Sync, frame);
    let (head, lamport) = den.next();
    let payload = foreign_operation(&mut den, id);
    let batch = den.entry(head, lamport, Kind::Control, payload);
    den.show(CAROL, &batch);
    den.world.settle();
    den.world.pass(10_000, 500);
    let after = den.world.group(ALICE, &den.group.clone());
    assert_eq!((after.members, &after.name), (before.members, &before.name));
    for member in [ALICE, BOB, CAROL] {
        let ignored = den.checks(member).iter().filter(|check| check.contains("does not count")).count();
        assert!(ignored >= 4, "member {member}: {:?}", den.checks(member));
    }
    den.nobody_notices(&[ALICE, BOB, CAROL]);
}

/// The payload of the first operation of mallory's feed in another group.
fn foreign_operation(den: &mut Den, id: ChannelId) -> Vec<u8> {
    let author = Author::from_bytes(*den.world.nodes[MALLORY].me.device_id().as_bytes());
    den.world.look(MALLORY, |cx| {
        let channel = channels::by_id(cx.tx, &id).unwrap().unwrap();
        let feed = feeds::load(cx.tx, channel.no, &FeedKey { author, incarnation: 0 }).unwrap().unwrap();
        feeds::entry(cx.tx, feed.fid, 1).unwrap().unwrap().payload().unwrap().to_vec()
    })
}

#[test]
fn of_two_who_remove_each_other_the_senior_stays_for_everyone() {
    let mut den = Den::new(604);
    let group = den.group.clone();
    let params = api::GroupRole {
        group: group.clone(),
        member: den.world.id(BOB),
        role: api::Role::Admin,
        ..api::GroupRole::default()
    };
    den.world.call(ALICE, |cx| rpc::group::role(cx, &params)).unwrap();
    den.world.pass(5_000, 500);
    for member in [ALICE, BOB, CAROL] {
        den.world.disconnect(MALLORY, member);
    }
    den.world.disconnect(BOB, CAROL);
    den.world.remove_from(BOB, &group, MALLORY).unwrap();
    den.world.remove_from(MALLORY, &group, BOB).unwrap();
    den.world.connect(MALLORY, CAROL);
    den.world.settle();
    den.world.connect(BOB, CAROL);
    den.world.pass(60_000, 1_000);
    for member in [ALICE, BOB, CAROL] {
        assert_eq!(den.world.group(member, &group).members, 3, "member {member}");
    }
    den.nobody_notices(&[ALICE, BOB, CAROL]);
}

/// [ENTRY-7] [REPAIR-4]
#[test]
fn what_a_removed_member_wrote_in_time_for_some_is_told_to_those_who_missed_it() {
    let mut den = Den::new(605);
    let group = den.group.clone();
    let params = api::GroupRole {
        group: group.clone(),
        member: den.world.id(BOB),
        role: api::Role::Admin,
        ..api::GroupRole::default()
    };
    den.world.call(ALICE, |cx| rpc::group::role(cx, &params)).unwrap();
    den.world.pass(5_000, 500);
    for member in [BOB, CAROL, MALLORY] {
        den.world.disconnect(ALICE, member);
    }
    let renamed = |name: &str| api::GroupRename { group: group.clone(), name: name.into(), client_id: None };
    let params = renamed("pond");
    den.world.call(MALLORY, |cx| rpc::group::rename(cx, &params)).unwrap();
    den.world.settle();
    // Bob's operation follows mallory's, which alice never sees in mallory's feed: she has cut it.
    let params = renamed("sea");
    den.world.call(BOB, |cx| rpc::group::rename(cx, &params)).unwrap();
    den.world.settle();
    den.world.remove_from(ALICE, &group, MALLORY).unwrap();
    for member in [BOB, CAROL] {
        den.world.connect(ALICE, member);
    }
    den.world.pass(90_000, 1_000);
    assert_eq!(den.world.group(ALICE, &group).name, "sea");
    den.nobody_notices(&[ALICE, BOB, CAROL]);
}

#[test]
fn who_was_removed_is_served_like_a_stranger_and_what_they_write_on_is_not_taken() {
    let mut den = Den::new(606);
    let group = den.group.clone();
    let (head, lamport) = den.next();
    den.world.remove_from(ALICE, &group, MALLORY).unwrap();
    den.world.say_in(BOB, &group, "they are gone").unwrap();
    let feed = den.feed_of(BOB);
    for who in [MALLORY, 4] {
        let account = den.world.nodes[who].account();
        let run = den.world.look(ALICE, |cx| take::serve(cx, &account, &feed, 1, RunLimits::default()).unwrap());
        assert!(run.is_none(), "{who} is given nothing");
    }
    den.world.puppet = Some(MALLORY);
    let own = den.feed_of(MALLORY);
    let kept = den.head(BOB, own).map(|head| head.id);
    // Also within the time in which she is still told that she is out.
    for at in [0, 20_000] {
        den.world.pass(at, 1_000);
        let entry = den.operation(head, lamport, Op::Rename { name: "mine".into() });
        den.show(ALICE, &entry);
        den.show(BOB, &entry);
        den.world.settle();
        assert_eq!(den.head(BOB, own).map(|head| head.id), kept);
    }
    assert_eq!(den.world.group(BOB, &group).name, "lake");
    den.nobody_notices(&[ALICE, BOB, CAROL]);
}

/// [CTRL-7] [PARCEL-12]
#[test]
fn a_chain_counts_only_from_the_device_it_is_of() {
    let mut den = Den::new(607);
    let group = den.group.clone();
    den.world.say_in(BOB, &group, "first").unwrap();
    den.world.pass(5_000, 500);
    let no = den.no(BOB);
    let chain = den.world.look(BOB, |cx| {
        let chain: OwnChain = cx.tx.get(&tables::own_chain(no)).unwrap().unwrap();
        SenderKeys::handout(&chain, 0).unwrap()
    });
    let (bob, mallory) = (den.world.nodes[BOB].me.device_id(), den.world.nodes[MALLORY].me.device_id());
    let at_alice = den.no(ALICE);
    let chains = |den: &mut Den, of| {
        den.world.look(ALICE, |cx| {
            let chains: Option<ReceiverChains> = cx.tx.get(&tables::chains_of(at_alice, of)).unwrap();
            chains.map(|chains| covey_codec::encode(&chains).unwrap())
        })
    };
    let before = (chains(&mut den, &bob), chains(&mut den, &mallory));
    // Mallory's session with alice, and bob's chain in it.
    let (account, device) = (den.world.nodes[ALICE].account(), den.world.nodes[ALICE].me.device_id());
    let no = den.no(MALLORY);
    den.world
        .call(MALLORY, |cx| {
            let device = devices::device(cx.tx, &account, &device).unwrap().unwrap();
            control::give_chain(cx, no, &account, &device, chain).unwrap();
            Ok(())
        })
        .unwrap();
    den.world.settle();
    assert_eq!((chains(&mut den, &bob), chains(&mut den, &mallory)), before);
    den.world.puppet = Some(MALLORY);
    den.nobody_notices(&[ALICE, BOB, CAROL]);
}

/// [KNOCK-1] [NOTE-4]
#[test]
fn strangers_with_a_worthless_ticket_are_told_so_and_leave_nothing_behind() {
    let mut den = Den::new(609);
    let group = den.group.clone();
    let params = api::GroupTicket { group: group.clone(), ..api::GroupTicket::default() };
    let ticket = den.world.call(ALICE, |cx| rpc::group::ticket(cx, &params)).unwrap();
    let params = api::GroupRevokeTicket { group: group.clone(), id: ticket.id, client_id: None };
    den.world.call(ALICE, |cx| rpc::group::revoke_ticket(cx, &params)).unwrap();
    den.world.settle();
    let params = api::GroupJoin { ticket: ticket.ticket, ..api::GroupJoin::default() };
    den.world.call(4, |cx| rpc::group::join(cx, params)).unwrap();
    den.world.pass(130_000, 5_000);
    let (account, device) = (den.world.nodes[4].account(), den.world.nodes[4].me.device_id());
    for member in [ALICE, BOB, CAROL] {
        den.world.look(member, |cx| {
            assert!(devices::card(cx.tx, &account).unwrap().is_none(), "no card at {member}");
            assert!(cx.tx.keys(&tables::parcels(&device)).unwrap().is_empty(), "no parcel at {member}");
        });
    }
    den.nobody_notices(&[ALICE, BOB, CAROL, MALLORY]);
}

/// [ENTRY-6]
#[test]
fn a_member_who_drives_the_time_keeps_no_newcomer_out() {
    let mut den = Den::new(610);
    let group = den.group.clone();
    den.world.puppet = Some(MALLORY);
    for _ in 0..4 {
        let (head, lamport) = den.next();
        let entry = den.entry(head, lamport + (1 << 20) - 1, Kind::Content, vec![0; 40]);
        den.show(ALICE, &entry);
        den.world.settle();
        assert_eq!(den.next().0.map(|head| head.id), entry.entries.last().map(covey_feed::Entry::id));
    }
    den.world.say_in(BOB, &group, "in the far future").unwrap();
    den.world.pair(ALICE, 4);
    den.world.invite_to(ALICE, &group, 4).unwrap();
    den.world.accept_group(4, &group).unwrap();
    den.world.pass(30_000, 1_000);
    den.nobody_notices(&[ALICE, BOB, CAROL, 4]);
    // The end of time is out of reach.
    let (head, _) = den.next();
    let entry = den.entry(head, (1 << 53) - 3, Kind::Content, vec![0; 40]);
    den.show(ALICE, &entry);
    den.world.settle();
    assert_eq!(den.next().0.map(|head| head.id), head.map(|head| head.id));
}

/// [NOTE-5] [KNOCK-5]
#[test]
fn word_of_a_removal_that_comes_after_a_return_is_not_believed() {
    let mut den = Den::new(611);
    let (group, no) = (den.group.clone(), den.no(ALICE));
    let (account, device) = (den.world.nodes[CAROL].account(), den.world.nodes[CAROL].me.device_id());
    let joined = |den: &mut Den| {
        den.world.look(ALICE, |cx| rosters::get(cx, no).unwrap().roster.member(&account).unwrap().joined)
    };
    let first = joined(&mut den);
    den.world.remove_from(ALICE, &group, CAROL).unwrap();
    den.world.pass(20_000, 1_000);
    den.world.invite_to(ALICE, &group, CAROL).unwrap();
    den.world.accept_group(CAROL, &group).unwrap();
    den.world.pass(30_000, 1_000);
    let second = joined(&mut den);
    assert_ne!(first, second);
    let id = den.channel;
    let tell = |den: &mut Den, of| {
        den.world
            .call(ALICE, |cx| {
                let device = devices::device(cx.tx, &account, &device).unwrap().unwrap();
                notes::post(cx, &device, &Note::Removed(id, of), None).unwrap();
                Ok(())
            })
            .unwrap();
        den.world.settle();
        den.world.group(CAROL, &group).state
    };
    assert_eq!(tell(&mut den, first), api::GroupState::Joined);
    den.world.puppet = Some(MALLORY);
    den.nobody_notices(&[ALICE, BOB, CAROL]);
    assert_eq!(tell(&mut den, second), api::GroupState::Removed);
}

#[test]
fn operations_that_wait_for_others_that_never_come_keep_nobody_elses_waiting() {
    let mut den = Den::new(613);
    den.world.puppet = Some(MALLORY);
    let (account, at) = (den.world.nodes[MALLORY].account(), den.world.now);
    let (mut head, mut lamport) = den.next();
    for number in 0..100u8 {
        let deps = vec![OpId::from_bytes([number; 32])];
        let operation = Operation { account, at, deps, op: Op::Rename { name: "never".into() } };
        let batch = den.entry(head, lamport, Kind::Control, operation.encode().unwrap());
        den.show(ALICE, &batch);
        den.world.settle();
        let last = batch.entries.last().unwrap();
        (head, lamport) = (Some(last.head()), last.lamport());
    }
    den.world.pass(60_000, 1_000);
    den.nobody_notices(&[ALICE, BOB, CAROL]);
    let params = api::GroupRename { group: den.group.clone(), name: "pond".into(), client_id: None };
    den.world.call(ALICE, |cx| rpc::group::rename(cx, &params)).unwrap();
    den.world.pass(10_000, 500);
    for member in [ALICE, BOB, CAROL] {
        let no = den.no(member);
        let waiting = den.world.look(member, |cx| rosters::get(cx, no).unwrap().roster.operations().1);
        assert_eq!(waiting, 64, "member {member}");
        assert!(den.checks(member).iter().any(|check| check.contains("64 operations wait")), "member {member}");
        assert_eq!(den.world.group(member, &den.group.clone()).name, "pond");
        assert!(den.world.verify(member).ok, "member {member}");
    }
}

/// [CTRL-6]
#[test]
fn what_was_written_beyond_the_cut_stays_closed_when_its_key_comes_after_a_return() {
    let mut den = Den::new(614);
    let group = den.group.clone();
    den.world.drop.insert(Protocol::Parcel);
    den.world.say_in(CAROL, &group, "before").unwrap();
    den.world.pass(5_000, 500);
    for other in [BOB, CAROL, MALLORY] {
        den.world.disconnect(ALICE, other);
    }
    den.world.say_in(CAROL, &group, "beyond").unwrap();
    den.world.pass(5_000, 500);
    let carol = den.world.nodes[CAROL].me.device_id();
    let parked = |den: &mut Den| den.world.look(BOB, |cx| cx.tx.keys(&tables::parked_by(&carol)).unwrap().len());
    assert_eq!(parked(&mut den), 2, "bob has the entries, and not their key");
    den.world.remove_from(ALICE, &group, CAROL).unwrap();
    den.world.connect(ALICE, BOB);
    den.world.pass(5_000, 500);
    den.world.drop.clear();
    den.world.connect(ALICE, CAROL);
    den.world.pass(20_000, 1_000);
    den.world.invite_to(ALICE, &group, CAROL).unwrap();
    den.world.accept_group(CAROL, &group).unwrap();
    den.world.pass(60_000, 1_000);
    den.world.connect(BOB, CAROL);
    den.world.connect(ALICE, MALLORY);
    den.nobody_notices(&[ALICE, BOB, CAROL, MALLORY]);
    let texts = den.world.texts_in(BOB, &group);
    assert!(texts.contains(&"before".to_owned()), "the key came: {texts:?}");
    assert!(!texts.contains(&"beyond".to_owned()));
    assert_eq!(parked(&mut den), 0, "nobody asks for it any more");
    assert!(den.world.verify(BOB).ok);
}

/// Whoever lets somebody in says when that was. An admin who dates it back would have everyone give the newcomer the keys of
/// what was written before.
/// [CTRL-3]
#[test]
fn a_join_that_is_dated_back_opens_nothing_that_was_written_before() {
    let mut world = World::new(3, 731);
    let group = world.group_of(&[0, 1], "lake");
    world.say_in(0, &group, "before").unwrap();
    world.bring_in(0, &group, 2);
    world.say_in(0, &group, "after").unwrap();
    let newcomer = world.nodes[2].account();
    let readable = world.look(0, |cx| {
        let channel = names::channel(cx, &group, Purpose::Change).unwrap();
        let of = cx.live.groups.by_no.get_mut(&channel.no).unwrap();
        let joined = of.roster.member(&newcomer).unwrap().joined;
        of.lamports.insert(joined, 0);
        let own = Author::from_bytes(*cx.me.device_id().as_bytes());
        let feed = FeedKey { author: own, incarnation: channel.incarnation };
        let feed = feeds::load(cx.tx, channel.no, &feed).unwrap().unwrap();
        let entries = (1..=feed.head.unwrap().seq).map(|seq| feeds::entry(cx.tx, feed.fid, seq).unwrap().unwrap());
        let messages = entries.filter(|entry| entry.header().kind == Kind::Content);
        messages.map(|entry| rights::may_read(cx, &channel, &newcomer, &entry).unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(readable, [false, true]);
}
