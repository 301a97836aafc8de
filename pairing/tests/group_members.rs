//! Who gets which chain, and when a new one begins. `pairing/SPEC.md`, section Groups.

mod group_support;

use std::collections::{BTreeMap, BTreeSet};

use covey_pairing::{
    group::cipher::{
        Change, Distribution, DistributionWork, GroupCipher, ReceiverChains, RotationPolicy, SealError, SenderKeys,
        limits::{MAX_NEWCOMERS, MAX_PAST_BYTES, MAX_PAST_CHAINS, MAX_WORK_BYTES, ROTATION_AGE_MS, ROTATION_MESSAGES},
    },
    ids::DeviceId,
};
use group_support::{Ada, DAY, Entry, device, encode, open, place, reads, speaker, stranger};
use proptest::prelude::*;

fn numbered(n: u32) -> DeviceId {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&n.wrapping_mul(0x9e37_79b9).to_be_bytes());
    bytes[31] = 1;
    DeviceId::from_bytes(bytes)
}

fn devices(served: &[covey_pairing::group::cipher::Handout]) -> Vec<DeviceId> {
    served.iter().map(|handout| handout.device).collect()
}

/// [ROTATE-1]
#[test]
fn nothing_is_sealed_before_the_first_chain_begins() {
    let mut ada = Ada::new(2, 1);
    assert_eq!(SenderKeys::seal(&mut ada.own, b"", &place(1)), Err(SealError::Exhausted));
    assert!(ada.is_due());
    assert!(ada.serve(10).is_empty() || ada.own.chain().is_none());
    ada.say("first");
    assert_eq!(ada.own.chain().expect("a chain").epoch(), 7);
    assert!(!ada.is_due());
}

/// [ROTATE-2]
#[test]
fn a_removal_rotates_before_the_next_message() {
    let mut ada = Ada::new(3, 2);
    ada.say("hello");
    let before = ada.own.chain().expect("a chain").key_id();
    ada.change(Change::Removed(device(2)));
    assert!(ada.is_due());
    ada.say("without them");
    assert_ne!(ada.own.chain().expect("a chain").key_id(), before);
    assert!(!ada.is_due());
}

/// [ROTATE-3]
#[test]
fn leaves_and_revocations_share_one_rotation_after_the_delay() {
    let mut ada = Ada::new(6, 3);
    ada.policy = RotationPolicy { delay_ms: 10_000, ..RotationPolicy::default() };
    ada.say("hello");
    ada.change(Change::Left(device(2)));
    ada.now += 9_000;
    ada.change(Change::Revoked(device(3)));
    ada.change(Change::Left(device(4)));
    assert!(!ada.is_due());
    ada.now += 1_000;
    assert!(ada.is_due(), "counted from the first");
    ada.say("without all of them");
    ada.now += 60_000;
    assert!(!ada.is_due());
    assert_eq!(devices(&ada.serve(10)), [device(1), device(5), device(6)]);
    // A clock that goes back does not put it off.
    ada.change(Change::Left(device(5)));
    ada.now -= 40_000;
    ada.change(Change::Left(device(6)));
    ada.now += 10_000;
    assert!(ada.is_due());
}

/// [ROTATE-7]
#[test]
fn healed_sessions_share_one_rotation_after_the_delay_and_nobody_is_left_out() {
    let mut ada = Ada::new(3, 4);
    ada.policy = RotationPolicy { delay_ms: 10_000, ..RotationPolicy::default() };
    ada.change(Change::Healed);
    ada.say("there was no chain yet");
    ada.serve(10);
    ada.change(Change::Healed);
    ada.now += 9_000;
    ada.change(Change::Healed);
    assert!(!ada.is_due());
    ada.now += 1_000;
    assert!(ada.is_due());
    ada.say("under the new root keys");
    assert_eq!(devices(&ada.serve(10)), [device(1), device(2), device(3)]);
    ada.now += 60_000;
    assert!(!ada.is_due());
}

/// [ROTATE-4]
#[test]
fn age_and_count_rotate() {
    let mut ada = Ada::new(3, 4);
    ada.say("hello");
    ada.now += ROTATION_AGE_MS - 1;
    assert!(!ada.is_due());
    ada.now += 1;
    assert!(ada.is_due());
    ada.say("a week later");
    let first = ada.own.chain().expect("a chain").key_id();
    for _ in 1..ROTATION_MESSAGES {
        assert!(!ada.is_due());
        ada.say("again");
    }
    assert!(ada.is_due());
    assert_eq!(ada.own.chain().expect("a chain").key_id(), first);
    ada.policy.max_messages = u64::MAX;
    assert!(!ada.is_due());
}

/// [ROTATE-5]
#[test]
fn a_restored_copy_rotates_at_once() {
    let mut ada = Ada::new(3, 5);
    ada.say("hello");
    let copy = ada.clone();
    let lost = ada.say("said by the device that was lost");
    let mut restored = copy;
    restored.change(Change::Restored);
    assert!(restored.is_due());
    // Even at the same place it uses none of the keys of the other one.
    let again = restored.say("said by its restored copy");
    assert_eq!(again.place, lost.place);
    assert_ne!(again.sealed.content_key, lost.sealed.content_key);
    let mut bob = stranger();
    bob.learn(&ada.distribution(0)).expect("her own chain");
    bob.learn(&restored.distribution(0)).expect("her own chain");
    reads(&mut bob, &again);
    reads(&mut bob, &lost);
}

/// [ROTATE-6]
#[test]
fn a_newcomer_rotates_nothing_and_reads_from_then_on() {
    let mut ada = Ada::new(2, 6);
    let before = ada.say("before");
    assert_eq!(devices(&ada.serve(10)), [device(1), device(2)]);
    ada.change(Change::Joined(device(3)));
    assert!(!ada.is_due());
    let after = ada.say("after");
    let served = ada.serve(10);
    let handout = served[0];
    assert_eq!((served.len(), handout.device, handout.from), (1, device(3), 1));
    let mut carol = stranger();
    carol.learn(&ada.distribution(handout.from)).expect("her own chain");
    reads(&mut carol, &after);
    assert!(open(&mut carol, &before).is_err());
    // Who asks gets no more than that either.
    let answer = Distribution::from_bytes(&ada.answer(3, &before).expect("on the roster")).expect("a distribution");
    assert_eq!(answer.index(), 1);
}

/// [HANDOUT-1]
#[test]
fn ten_thousand_devices_are_served_once_each_in_batches_with_restarts() {
    let mut ada = Ada::new(0, 7);
    ada.roster.extend((0..10_000).map(numbered));
    ada.say("hello");
    let mut served = BTreeMap::new();
    let mut batches = 0;
    loop {
        let batch = ada.serve(100);
        if batch.is_empty() {
            break;
        }
        assert!(batch.len() <= 100);
        batches += 1;
        for handout in batch {
            assert_eq!(handout.from, 0);
            *served.entry(handout.device).or_insert(0) += 1;
        }
        let state = encode(&ada.work);
        assert!(state.len() < 160, "{}", state.len());
        if batches % 10 == 0 {
            ada.restart();
        }
    }
    assert_eq!((served.len(), batches), (10_000, 100));
    assert!(served.values().all(|times| *times == 1) && ada.work.is_done());
}

/// [HANDOUT-2]
#[test]
fn who_asks_is_served_at_once_and_not_again() {
    let mut ada = Ada::new(6, 8);
    ada.say("hello");
    assert_eq!(devices(&ada.serve(2)), [device(1), device(2)]);
    let roster = ada.roster.clone();
    for n in [5, 5, 1] {
        assert_eq!(ada.work.asked(device(n), &roster).map(|handout| handout.from), Some(0));
    }
    assert_eq!(ada.work.asked(device(99), &roster), None, "not on the roster");
    assert_eq!(ada.work.asked(device(0), &roster), None, "ourselves");
    ada.restart();
    assert_eq!(devices(&ada.serve(10)), [device(3), device(4), device(6)]);
    assert!(ada.work.is_done() && ada.serve(10).is_empty());
}

/// [HANDOUT-3]
#[test]
fn who_is_gone_is_dropped_and_who_comes_back_is_new() {
    let mut ada = Ada::new(6, 9);
    ada.policy.delay_ms = 1_000_000;
    ada.say("hello");
    let roster = ada.roster.clone();
    ada.work.asked(device(4), &roster);
    ada.change(Change::Joined(device(7)));
    for gone in [7, 4, 2] {
        ada.change(Change::Left(device(gone)));
    }
    ada.say("while they were gone");
    ada.change(Change::Joined(device(4)));
    let served: Vec<_> = ada.serve(10).iter().map(|handout| (handout.device, handout.from)).collect();
    assert_eq!(served, [(device(4), 2), (device(1), 0), (device(3), 0), (device(5), 0), (device(6), 0)]);
}

/// [HANDOUT-4]
#[test]
fn more_newcomers_than_are_kept_apart_begin_a_new_chain() {
    let mut ada = Ada::new(1, 10);
    ada.say("hello");
    ada.serve(10);
    for n in 0..MAX_NEWCOMERS {
        ada.change(Change::Joined(numbered(u32::try_from(n).expect("small"))));
    }
    assert!(!ada.is_due() && encode(&ada.work).len() < MAX_WORK_BYTES);
    let one_more = numbered(5_000);
    ada.change(Change::Joined(one_more));
    assert!(ada.is_due());
    let roster = ada.roster.clone();
    assert!(ada.serve(10).is_empty() && ada.work.asked(one_more, &roster).is_none(), "nobody by mistake");
    let entry = ada.say("for all of them");
    assert_eq!(ada.serve(10_000).len(), MAX_NEWCOMERS + 2);
    assert_eq!(ada.answer(1, &entry).map(|bytes| bytes.len() > 100), Some(true));
}

/// [HANDOUT-5]
#[test]
fn who_was_away_for_long_asks_for_chains_that_were_replaced() {
    let mut ada = Ada::new(3, 11);
    let mut told: Vec<Entry> = Vec::new();
    for n in 0..8 {
        told.push(ada.say(&format!("week {n}")));
        if n == 3 {
            ada.change(Change::Joined(device(4)));
            told.push(ada.say("now you are four"));
        }
        ada.now += 7 * DAY;
        ada.restart();
    }
    let mut bob = stranger();
    for entry in told.iter().rev() {
        if open(&mut bob, entry).is_err() {
            let answer = ada.answer(1, entry).expect("a member from the beginning");
            SenderKeys::learn(&mut bob, &answer).expect("her own chain");
            reads(&mut bob, entry);
        }
    }
    // A newcomer gets what was replaced since, and of the chain of that time what came after.
    let mut dora = stranger();
    let may = |entry: &Entry| told.iter().position(|other| other.place == entry.place).expect("one of them") >= 4;
    for entry in &told {
        if let Some(answer) = ada.answer(4, entry) {
            SenderKeys::learn(&mut dora, &answer).expect("her own chain");
        }
        assert_eq!(open(&mut dora, entry).is_ok(), may(entry));
    }
    assert!(encode(&ada.past).len() < 4_000 && MAX_PAST_BYTES > 4_000);
    for _ in 0..2 * MAX_PAST_CHAINS {
        ada.rotate();
    }
    assert_eq!(ada.answer(1, &told[7]), None, "only so many are kept");
    assert!(encode(&ada.past).len() < 4_000);
    ada.past.clear();
    assert!(encode(&ada.past).len() < 20);
}

/// One thing that happens in a group.
#[derive(Debug, Clone)]
enum Step {
    Say,
    Join(u8),
    Remove(u8),
    Leave(u8),
    Serve(u8),
    Ask(u8),
    Rotate,
}

fn step() -> impl Strategy<Value = Step> {
    let who = 1u8..6;
    prop_oneof![
        4 => Just(Step::Say),
        2 => who.clone().prop_map(Step::Join),
        1 => who.clone().prop_map(Step::Remove),
        1 => who.clone().prop_map(Step::Leave),
        2 => (1u8..4).prop_map(Step::Serve),
        2 => who.prop_map(Step::Ask),
        1 => Just(Step::Rotate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// [HANDOUT-6] Whatever happens in a group: who was a member when something was said, and still is, reads it, and who was
    /// not does not.
    #[test]
    fn exactly_the_members_of_the_moment_read_a_message(steps in prop::collection::vec(step(), 1..80)) {
        let mut ada = Ada::new(3, 12);
        ada.policy.delay_ms = 0;
        let mut readers: BTreeMap<u8, ReceiverChains> = (1..6).map(|n| (n, stranger())).collect();
        // Each message, and for each device whether it was a member then and has been ever since.
        let mut said: Vec<(Entry, BTreeSet<u8>, BTreeSet<u8>)> = Vec::new();
        let members = |ada: &Ada| (1..6u8).filter(|n| ada.roster.contains(&device(*n))).collect::<BTreeSet<u8>>();
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Say => {
                    let entry = ada.say(&format!("message {n}"));
                    said.push((entry, members(&ada), members(&ada)));
                }
                Step::Join(who) if !ada.roster.contains(&device(who)) => ada.change(Change::Joined(device(who))),
                Step::Remove(who) | Step::Leave(who) if ada.roster.contains(&device(who)) => {
                    let gone = device(who);
                    ada.change(if matches!(step, Step::Leave(_)) { Change::Left(gone) } else { Change::Removed(gone) });
                    said.iter_mut().for_each(|(_, _, since)| since.retain(|still| *still != who));
                }
                Step::Serve(count) if ada.own.chain().is_some() => for handout in ada.serve(count.into()) {
                    let who = handout.device.as_bytes()[0];
                    let distribution = ada.distribution(handout.from);
                    readers.get_mut(&who).expect("one of them").learn(&distribution).expect("her own chain");
                },
                Step::Ask(who) => for (entry, ..) in &said {
                    let reader = readers.get_mut(&who).expect("one of them");
                    if let Some(answer) = ada.answer(who, entry) {
                        SenderKeys::learn(reader, &answer).expect("her own chain");
                    }
                },
                Step::Rotate if ada.own.chain().is_some() => ada.rotate(),
                _ => {}
            }
            if n % 9 == 0 {
                ada.restart();
            }
        }
        for (entry, then, since) in &said {
            for (who, reader) in &mut readers {
                let mut result = open(reader, entry);
                if let (Err(_), Some(answer)) = (&result, ada.answer(*who, entry)) {
                    SenderKeys::learn(reader, &answer).expect("her own chain");
                    result = open(reader, entry);
                }
                prop_assert!(result.is_err() || then.contains(who), "{} was not a member", who);
                prop_assert!(result.is_ok() || !since.contains(who), "{} has been a member all the time", who);
            }
        }
    }
}

/// [HANDOUT-1]
#[test]
fn work_of_a_stored_device_begins_empty() {
    let mut work = DistributionWork::new(speaker(0).device, 1);
    assert!(!work.is_done());
    assert!(work.next(5, &BTreeSet::from([device(0)])).is_empty());
    assert!(work.is_done());
}

/// [SENDER-20]
#[test]
fn the_key_of_a_deleted_message_is_forgotten_by_its_sender_in_this_chain_and_in_those_before() {
    for rotates in [false, true] {
        let mut ada = Ada::new(3, 21);
        let said: Vec<Entry> = (0..4).map(|n| ada.say(&format!("message {n}"))).collect();
        if rotates {
            ada.rotate();
            ada.say("under the next chain");
        }
        assert!(SenderKeys::forget(&mut ada.own, &mut ada.past, &said[1].sealed.payload));
        ada.restart();
        assert!(!SenderKeys::forget(&mut ada.own, &mut ada.past, &said[0].sealed.payload), "it went with it");
        let mut late = stranger();
        SenderKeys::learn(&mut late, &ada.answer(1, &said[0]).expect("is on the roster")).expect("her own chain");
        assert_eq!(open(&mut late, &said[1]), Err(covey_pairing::group::cipher::OpenError::Earlier));
        reads(&mut late, &said[2]);
        reads(&mut late, &said[3]);
    }
}
