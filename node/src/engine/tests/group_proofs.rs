//! What members can show and tell of each other: proofs of every message, keys of what was lost, a secret that is a wrong one.

use covey_api as api;
use covey_pairing::crypto::secret::Secret;

use super::world::World;
use crate::engine::members::rosters;
use crate::engine::names::pick::Purpose;
use crate::engine::records::messages::{self, Message};
use crate::engine::records::parked::Parked;
use crate::engine::records::{channels, feeds};
use crate::engine::replication::parked;
use crate::engine::wire::payload;
use crate::engine::{Cx, Protocol, group, names, rpc, tables};

fn list(world: &mut World, node: usize, group: &str) -> Vec<api::Message> {
    let params = api::MessageList { channel: Some(group.into()), limit: Some(1_000), ..Default::default() };
    world.call(node, |cx| rpc::message::list(cx, &params)).unwrap()
}

/// [PROOF-1]
#[test]
fn every_message_that_was_fetched_in_one_run_can_be_reported() {
    let mut world = World::new(3, 760);
    let group = world.group_of(&[0, 1, 2], "lake");
    world.say_in(1, &group, "hello").unwrap();
    world.pass(5_000, 500);
    world.stop(2);
    for n in 0..5 {
        world.say_in(1, &group, &format!("rude {n}")).unwrap();
    }
    world.restart(2);
    for other in [0, 1] {
        world.connect(other, 2);
    }
    world.pass(60_000, 1_000);
    let rude: Vec<_> = list(&mut world, 2, &group).into_iter().filter(|one| one.text.starts_with("rude")).collect();
    assert_eq!(rude.len(), 5);
    for message in rude {
        let params = api::GroupReport { group: group.clone(), message: message.id.clone() };
        let proof = world.call(2, |cx| rpc::group::report(cx, &params)).unwrap().proof;
        let params = api::GroupVerifyReport { proof: proof.clone() };
        let verdict = world.call(0, |cx| rpc::group::verify_report(cx, &params)).unwrap();
        assert!(verdict.valid, "{:?}", verdict.why);
        assert_eq!((verdict.author, verdict.text), (Some(world.id(1)), Some(message.text)));
        let cut = format!("{}a{}", &proof[..200], &proof[201..]);
        let other = format!("{}b{}", &proof[..200], &proof[201..]);
        for proof in [cut, other].into_iter().filter(|changed| *changed != proof) {
            let params = api::GroupVerifyReport { proof };
            assert!(!world.call(0, |cx| rpc::group::verify_report(cx, &params)).unwrap().valid);
        }
    }
}

/// [NODE-REWRAP]
#[test]
fn what_one_member_refuses_of_our_own_lost_messages_is_asked_of_all_others() {
    let mut world = World::new(4, 761);
    let group = world.group_of(&[0, 1, 2, 3], "lake");
    world.say_in(0, &group, "mine").unwrap();
    world.pass(10_000, 500);
    let own = world.nodes[0].me.device_id();
    let (no, feed, seq) = world.look(0, |cx| {
        let channel = names::channel(cx, &group, Purpose::Change).unwrap();
        let all = cx.tx.scan::<Message>(&tables::messages(channel.no), None, 100, false).unwrap();
        let (_, message) = all.into_iter().find(|(_, message)| message.text() == Some("mine")).unwrap();
        let key = covey_feed::FeedKey { author: message.place.author, incarnation: message.place.incarnation };
        (channel.no, feeds::load(cx.tx, channel.no, &key).unwrap().unwrap(), message.place.seq)
    });
    world
        .call(0, |cx| {
            let mut channel = channels::by_no(cx.tx, no)?.unwrap();
            let entry = feeds::entry(cx.tx, feed.fid, seq)?.unwrap();
            let message = messages::at(cx.tx, no, &entry.order())?.unwrap();
            messages::remove(cx.tx, &mut channel, &message);
            channel.save(cx.tx)?;
            Ok(parked::park(cx, channel.id, &feed, &entry, payload::Unopened::NoKey, &own)?)
        })
        .unwrap();
    let waits_for = |world: &mut World, device| {
        world.look(0, |cx| cx.tx.get::<Parked>(&tables::parked(&device, feed.fid, seq)).unwrap().is_some())
    };
    let told = world.look(0, |cx| {
        let channel = channels::by_no(cx.tx, no).unwrap().unwrap();
        group::doctor::checks(cx, &channel).unwrap()
    });
    let waits = told.iter().any(|check| {
        check.name == "keys" && check.message.starts_with("1 entry of ") && check.message.ends_with("not asked for yet")
    });
    assert!(waits, "the doctor tells of it: {told:?}");
    let devices: Vec<_> = (0..4).map(|node| (world.nodes[node].account(), world.nodes[node].me.device_id())).collect();
    let group_id = group.clone();
    let ask = |world: &mut World, node: usize| {
        let (account, device) = devices[node];
        world.call(0, |cx| Ok(parked::request(cx, &account, &device)?)).unwrap();
    };
    let refuse = |world: &mut World, node: usize| {
        let device = devices[node].1;
        let refused = |cx: &mut Cx<'_, '_>| {
            let channel = names::channel(cx, &group_id, Purpose::Change)?;
            Ok(parked::refused(cx, &channel, &feed, seq, &device)?)
        };
        world.call(0, refused).unwrap();
    };
    world.drop.insert(Protocol::Parcel);
    for node in [1, 2] {
        ask(&mut world, node);
        assert!(waits_for(&mut world, devices[node].1), "{node} is asked");
        refuse(&mut world, node);
        assert!(waits_for(&mut world, own), "it is not given up");
        ask(&mut world, node);
        assert!(waits_for(&mut world, own), "{node} is not asked again before the others were");
    }
    world.drop.clear();
    world.pass(180_000, 1_000);
    assert_eq!(world.texts_in(0, &group), ["mine"], "the third one gave its key");
    assert!(world.verify(0).ok);
}

#[test]
fn the_doctor_says_whose_secret_of_the_group_is_another_one() {
    let mut world = World::new(3, 762);
    let group = world.group_of(&[0, 1, 2], "lake");
    let params = api::GroupDoctor { group: group.clone() };
    let health = |world: &mut World, node: usize| {
        world.call(node, |cx| rpc::group::begin_doctor(cx, &params)).unwrap();
        world.settle();
        world.call(node, |cx| rpc::group::doctor(cx, &params)).unwrap()
    };
    assert!(health(&mut world, 2).converged);
    let wrong = |cx: &mut Cx<'_, '_>| {
        let no = names::channel(cx, &group, Purpose::Change)?.no;
        rosters::get_mut(cx, no).unwrap().secret = Some(Secret::new([7; 32]));
        Ok(())
    };
    world.call(2, wrong).unwrap();
    let told = health(&mut world, 2);
    assert!(told.checks.iter().any(|check| check.name == "secret" && check.state == api::CheckState::Fail));
    let told = health(&mut world, 0);
    assert!(told.checks.iter().all(|check| check.name != "secret"), "it is not ours that is wrong: {:?}", told.checks);
    let differs = |member: &&api::MemberHealth| member.difference.as_ref().is_some_and(|one| one.contains("secret"));
    let wrong: Vec<_> = told.members.iter().filter(differs).map(|member| member.account.clone()).collect();
    assert_eq!(wrong, [world.id(2)]);
}
