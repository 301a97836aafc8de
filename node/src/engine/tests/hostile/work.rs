//! [NODE-WORK] What a member's operations and proofs make others do is bounded, whoever hands them in.

use covey_feed::fork::SignedChain;
use covey_feed::run::{self, Batch};
use covey_feed::{EntryId, ForkProof, Head, Kind};
use covey_pairing::crypto::sign::Context;
use covey_pairing::group::roster::{Op, Operation};
use serde::de::IgnoredAny;
use serde_bytes::ByteBuf;

use super::den::{ALICE, BOB, CAROL, Den, MALLORY};
use crate::engine::members::rosters;
use crate::engine::{Protocol, Quota};

/// A run of operations that name nothing that came before.
fn rootless(den: &mut Den, count: u64, head: Option<Head>, lamport: u64) -> Batch {
    let account = den.world.nodes[MALLORY].account();
    let at = den.world.now;
    let rename = |n: u64| Operation { account, at, deps: Vec::new(), op: Op::Rename { name: format!("name {n}") } };
    let items = (0..count).map(|n| (Kind::Control, rename(n).encode().unwrap())).collect();
    let feed = den.feed_of(MALLORY);
    let device = &den.world.nodes[MALLORY].me.device;
    let sign = |header: &[u8]| device.signing().sign(Context::FeedEntry, header);
    run::build(feed, head.as_ref(), lamport, Vec::new(), items, sign).unwrap()
}

fn evaluated(den: &mut Den, member: usize) -> u64 {
    let no = den.no(member);
    den.world.look(member, |cx| rosters::get(cx, no).unwrap().roster.work().evaluated)
}

#[test]
fn a_run_of_operations_costs_one_pass_and_who_caused_too_much_waits_while_others_do_not() {
    let mut den = Den::new(730);
    for node in &mut den.world.nodes {
        node.policy.work = Quota { burst: 1_000, per_second: 20 };
    }
    den.world.puppet = Some(MALLORY);
    let feed = den.feed_of(MALLORY);
    let mut before = evaluated(&mut den, ALICE);
    let began = (before, den.world.now);
    let (mut taken, mut waited) = (0, 0);
    let (mut head, mut lamport) = den.next();
    for _ in 0..40 {
        let batch = rootless(&mut den, 64, head, lamport);
        den.show(ALICE, &batch);
        den.world.settle();
        let now = evaluated(&mut den, ALICE);
        // Each is evaluated a few times in one pass, and not again for each of the run.
        let pass = 4 * 64 * (taken + 2);
        assert!(now - before <= pass, "one pass over what there is: {} after {taken} runs", now - before);
        before = now;
        let last = batch.entries.last().unwrap();
        if den.head(ALICE, feed).map(|head| head.id) == Some(last.id()) {
            (head, lamport) = (Some(last.head()), last.lamport());
            taken += 1;
        } else {
            waited += 1;
            den.world.pass(5_000, 1_000);
        }
        let spent = before - began.0;
        assert!(spent <= 1_000 + pass + (den.world.now - began.1) / 50, "{spent} evaluations");
        let (group, text) = (den.group.clone(), format!("still here {taken} {waited}"));
        den.world.say_in(BOB, &group, &text).unwrap();
        assert!(den.world.texts_in(ALICE, &group).contains(&text), "nobody else waits");
    }
    assert!(taken > 4 && waited > 4, "{taken} {waited}");
    let before = evaluated(&mut den, ALICE);
    den.world.restart(ALICE);
    den.world.settle();
    let start = evaluated(&mut den, ALICE);
    assert!(start <= before && start < 4 * 64 * (taken + 8), "a start costs one pass: {start}");
    den.nobody_notices(&[ALICE, BOB, CAROL]);
}

/// A proof that mallory forked her incarnation 9 at `seq`, or right before it.
fn proof(den: &mut Den, seq: u64) -> Vec<u8> {
    let feed = den.incarnation(9);
    let device = &den.world.nodes[MALLORY].me.device;
    let chain = |before: u8| {
        let head = Head { seq: seq - 1, id: EntryId::from_bytes([before; 32]), lamport: seq };
        let sign = |header: &[u8]| device.signing().sign(Context::FeedEntry, header);
        let items = vec![(Kind::Content, vec![before])];
        let batch = run::build(feed, Some(&head), seq, Vec::new(), items, sign).unwrap();
        let entry = batch.entries.first().unwrap();
        SignedChain { headers: vec![entry.header_bytes().to_vec()], signature: *entry.signature().unwrap() }
    };
    let proof = ForkProof::new(chain(1), chain(2));
    assert!(proof.verify().is_ok());
    proof.encode()
}

/// [REPAIR-3]
#[test]
fn a_fork_that_is_proven_ever_earlier_is_told_on_a_few_times_only() {
    let mut den = Den::new(731);
    den.world.puppet = Some(MALLORY);
    den.world.record = Some(Vec::new());
    for seq in (2..200).rev() {
        let frame = std::collections::BTreeMap::from([("f", (den.channel, ByteBuf::from(proof(&mut den, seq))))]);
        den.world.say(BOB, Protocol::Parcel, covey_codec::encode(&(1u8, frame)).unwrap());
    }
    let sent = den.world.record.take().unwrap();
    let told = |from: usize| {
        let of = sent.iter().filter(|(by, to, ..)| *by == from && *to != MALLORY);
        of.filter(|(_, _, protocol, frame)| *protocol == Protocol::Parcel && is_fork(frame)).count()
    };
    assert!((1..=16).contains(&told(BOB)), "{} to two others", told(BOB));
    assert!(told(ALICE) + told(CAROL) <= 32);
    // They come to the same all the same.
    den.world.pass(600_000, 5_000);
    den.assert_alike(&[ALICE, BOB, CAROL]);
    den.nobody_notices(&[ALICE, BOB, CAROL]);
}

fn is_fork(frame: &[u8]) -> bool {
    let decoded = covey_codec::decode::<(u8, std::collections::BTreeMap<String, IgnoredAny>)>(frame, 1 << 20);
    decoded.is_ok_and(|(_, content)| content.contains_key("f"))
}
