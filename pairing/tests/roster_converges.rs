//! Whatever the members write, and in whatever order, however often and with whatever gaps it arrives: all compute the
//! same roster, and it is the one that the specification says. `pairing/SPEC.md`, section Groups: the roster.
//!
//! 256 histories per property; with `COVEY_LONG_TESTS` set, 10,000.
#![allow(clippy::unwrap_used, clippy::panic)]

mod roster_support;

use std::collections::BTreeSet;

use covey_pairing::group::roster::{Inserted, OpRecord, Reason, Role, Roster};
use proptest::{collection::vec, prelude::*, sample::Index, strategy::ValueTree, test_runner::TestRunner};
use roster_support::{
    OWNER, account, device, filled, invite,
    mirror::Mirror,
    model::{Model, Voids},
    the_group,
    view::View,
    world::{PEOPLE, World, history, step},
};

fn cases() -> ProptestConfig {
    let cases = if std::env::var_os("COVEY_LONG_TESTS").is_some() { 10_000 } else { 256 };
    ProptestConfig { cases, ..ProptestConfig::default() }
}

fn shuffled(records: &[OpRecord], by: &[Index]) -> Vec<OpRecord> {
    let mut records = records.to_vec();
    for (at, other) in by.iter().enumerate() {
        let len = records.len();
        records.swap(at % len, other.index(len));
    }
    records
}

/// One who gets these records, one by one, and whoever hears of nothing but the changes.
fn follow(records: &[OpRecord]) -> (Roster, Mirror) {
    let (mut roster, mut mirror) = (Roster::new(the_group()), Mirror::default());
    for record in records {
        match roster.insert(record.clone()) {
            Inserted::Applied(changes) => mirror.take(changes),
            Inserted::Known | Inserted::Idle | Inserted::Waiting { .. } => {}
            Inserted::Full => panic!("no room"),
        }
    }
    (roster, mirror)
}

proptest! {
    #![proptest_config(cases())]

    /// [GROUP-4] [GROUP-10] [GROUP-11]
    #[test]
    fn any_order_any_duplication_and_any_partition_converge(
        steps in vec(step(), 1..40),
        orders in vec(vec(any::<Index>(), 70), 2),
        split: Index,
        twice in vec(any::<Index>(), 10),
    ) {
        let group = history(&steps);
        let expected = group.roster();
        for order in &orders {
            let mut records = shuffled(&group.records, order);
            let again: Vec<OpRecord> = twice.iter().map(|at| records[at.index(records.len())].clone()).collect();
            records.extend(again);
            let (roster, mirror) = follow(&records);
            prop_assert_eq!(roster.hash(), expected.hash());
            prop_assert_eq!(roster.epoch(), expected.epoch());
            prop_assert_eq!(roster.tips(), expected.tips());
            prop_assert_eq!(roster.ignored(), expected.ignored());
            prop_assert_eq!(View::of(&roster), View::of(&expected));
            prop_assert_eq!(mirror, Mirror::of(&roster));
        }
        let records = shuffled(&group.records, &orders[0]);
        let (one, other) = records.split_at(split.index(records.len()));
        let (mut roster, mut mirror) = (Roster::new(the_group()), Mirror::default());
        for half in [one, other] {
            let (changes, refused) = roster.insert_all(half.to_vec());
            mirror.take(changes);
            prop_assert!(refused.is_empty());
        }
        prop_assert_eq!(roster.hash(), expected.hash());
        prop_assert_eq!(roster.epoch(), expected.epoch());
        prop_assert_eq!(View::of(&roster), View::of(&expected));
        prop_assert_eq!(mirror, Mirror::of(&roster));
    }

    /// [GROUP-4] to [GROUP-9]: at every moment, not only when all is there.
    #[test]
    fn the_roster_is_what_the_naive_model_says(steps in vec(step(), 1..40), order in vec(any::<Index>(), 70)) {
        let group = history(&steps);
        for records in [group.records.clone(), shuffled(&group.records, &order)] {
            for some in [records.len() / 2, records.len() - 1, records.len()] {
                let some = &records[..some];
                prop_assert_eq!(View::of(&filled(some)), Model::of(some, &Voids::new()).view());
            }
        }
    }

    /// [GROUP-9]
    #[test]
    fn a_fork_is_void_whenever_it_becomes_known(
        steps in vec(step(), 1..40),
        who in 0..PEOPLE,
        from in 1..4u64,
        known_at: Index,
        order in vec(any::<Index>(), 70),
    ) {
        let group = history(&steps);
        let feed = (device(who, 0), 0);
        let records = shuffled(&group.records, &order);
        let (mut roster, mut mirror) = (Roster::new(the_group()), Mirror::default());
        for (at, record) in records.iter().enumerate() {
            if at == known_at.index(records.len()) {
                mirror.take(roster.void(feed.0, feed.1, from));
                prop_assert!(roster.void(feed.0, feed.1, from).is_empty());
            }
            if let Inserted::Applied(changes) = roster.insert(record.clone()) {
                mirror.take(changes);
            }
        }
        let model = Model::of(&records, &Voids::from([(feed, from)]));
        prop_assert_eq!(View::of(&roster), model.view());
        prop_assert_eq!(&mirror, &Mirror::of(&roster));
    }
}

/// The properties above hold of histories in which everything happens that can.
#[test]
fn the_histories_of_these_tests_hold_every_kind_of_outcome() {
    let mut runner = TestRunner::deterministic();
    let (mut counted, mut kinds) = (0, BTreeSet::new());
    for _ in 0..300 {
        let steps = vec(step(), 1..40).new_tree(&mut runner).unwrap().current();
        let group = history(&steps);
        let roster = group.roster();
        let ignored = roster.ignored();
        counted += group.records.len() - ignored.len();
        kinds.extend(ignored.into_iter().map(|ignored| match ignored.reason {
            Reason::Denied(denied) => format!("{denied:?}").split(' ').next().unwrap().to_owned(),
            Reason::Outweighed { .. } => "Outweighed".to_owned(),
            other => format!("{other:?}"),
        }));
    }
    assert!(counted > 300 * (13 + 3), "{counted}");
    for kind in [
        "Outweighed",
        "Forked",
        "NotAMember",
        "Missing",
        "AlreadyAMember",
        "Banned",
        "TicketUsed",
        "OldDevices",
        "OldStatement",
    ] {
        assert!(kinds.contains(kind), "{kind} is not among {kinds:?}");
    }
}

#[test]
fn the_world_of_these_tests_is_one_where_something_happens() {
    let group = World::new().group;
    let roster = group.roster();
    assert_eq!(roster.len(), 6);
    assert_eq!(roster.owner(), Some(&account(OWNER)));
    assert!(roster.ignored().is_empty());
    assert_eq!(roster.allowed(&account(OWNER), &invite(6, Role::Member)), Ok(()));
}
