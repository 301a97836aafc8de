//! Whatever the members write, and in whatever order, however often and with whatever gaps it arrives: all compute the
//! same roster, and it is the one that the specification says. `pairing/SPEC.md`, section Groups: the roster.
//!
//! 256 histories per property; with `COVEY_LONG_TESTS` set, 10,000.
#![allow(clippy::unwrap_used, clippy::panic)]

mod roster_support;

use std::collections::{BTreeMap, BTreeSet};

use covey_pairing::group::roster::{
    Cut, EntryId, Grant, Ground, Inserted, Op, OpId, OpRecord, Policy, Reason, Role, Roster,
};
use proptest::{collection::vec, prelude::*, sample::Index, strategy::ValueTree, test_runner::TestRunner};
use roster_support::{
    Group, OWNER, account, device, filled, invite, join_at,
    mirror::Mirror,
    model::{Model, Voids},
    renew, the_group, ticket, ticket_id,
    view::View,
};

const PEOPLE: u16 = 9;

fn cases() -> ProptestConfig {
    let cases = if std::env::var_os("COVEY_LONG_TESTS").is_some() { 10_000 } else { 256 };
    ProptestConfig { cases, ..ProptestConfig::default() }
}

/// What somebody does next.
#[derive(Debug, Clone)]
struct Step {
    who: u16,
    which: u8,
    whom: u16,
    what: u8,
    choice: u8,
    pick: Index,
    /// What the author's device learns before.
    learns: Learns,
    /// Names only the creation as seen.
    backdated: bool,
    /// Writes at a position that it used before.
    forks: bool,
}

#[derive(Debug, Clone)]
enum Learns {
    Nothing,
    All,
    From(u16, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let who = prop_oneof![5 => 0..3u16, 2 => 3..5u16, 1 => 0..PEOPLE];
    let learns = prop_oneof![
        2 => Just(Learns::Nothing),
        2 => Just(Learns::All),
        2 => (0..PEOPLE, 0..2u8).prop_map(|(n, which)| Learns::From(n, which)),
    ];
    let rare = |weight| prop_oneof![weight => Just(false), 1 => Just(true)];
    (who, 0..2u8, 0..PEOPLE, 0..20u8, any::<u8>(), any::<Index>(), learns, rare(12), rare(60)).prop_map(
        |(who, which, whom, what, choice, pick, learns, backdated, forks)| Step {
            who,
            which,
            whom,
            what,
            choice,
            pick,
            learns,
            backdated,
            forks,
        },
    )
}

/// What each device knows.
struct World {
    group: Group,
    known: BTreeMap<(u16, u8), BTreeSet<OpId>>,
    invites: Vec<(u16, OpId)>,
}

impl World {
    /// Of an owner, two admins, two members, a reader and three strangers, with two tickets.
    fn new() -> Self {
        let mut group = Group::new();
        for (n, role) in [(1, Role::Admin), (2, Role::Admin), (3, Role::Member), (4, Role::Member), (5, Role::Reader)] {
            group.admit(n, role);
        }
        group.next(OWNER, ticket(0, Some(1), false));
        group.next(1, ticket(1, Some(2), true));
        let all: BTreeSet<OpId> = group.records.iter().map(|record| record.id).collect();
        let known = (0..PEOPLE).flat_map(|n| [(n, 0), (n, 1)]).map(|who| (who, all.clone())).collect();
        Self { group, known, invites: Vec::new() }
    }

    fn tips(&self, known: &BTreeSet<OpId>) -> Vec<OpId> {
        let records = || self.group.records.iter().filter(|record| known.contains(&record.id));
        let named: BTreeSet<OpId> = records().flat_map(|record| record.operation.deps.clone()).collect();
        records().map(|record| record.id).filter(|id| !named.contains(id)).take(16).collect()
    }

    fn take(&mut self, step: &Step) {
        let author = (step.who, step.which);
        let learned = match step.learns {
            Learns::Nothing => BTreeSet::new(),
            Learns::All => self.group.records.iter().map(|record| record.id).collect(),
            Learns::From(n, which) => self.known[&(n, which)].clone(),
        };
        self.known.get_mut(&author).unwrap().extend(learned);
        let deps = if step.backdated { vec![self.group.creation()] } else { self.tips(&self.known[&author]) };
        let own = self.group.records.iter().filter(|r| r.device == device(step.who, step.which)).map(|r| r.seq).max();
        let seq = own.map_or(1, |last| if step.forks { last } else { last + 1 });
        let id = self.write(step, seq, deps);
        self.known.get_mut(&author).unwrap().insert(id);
        if step.what <= 2 {
            self.invites.push((step.whom, id));
        }
    }

    fn write(&mut self, step: &Step, seq: u64, deps: Vec<OpId>) -> OpId {
        let Step { who, which, whom, choice, .. } = *step;
        let role = [Role::Reader, Role::Member, Role::Admin][usize::from(choice % 3)];
        let grant = Grant { role, invisible: choice % 5 == 0 };
        let cut = vec![Cut { device: device(whom, choice % 2), incarnation: 0, seq: u64::from(choice % 7) }];
        let whom_account = account(whom);
        let op = match step.what {
            0..=2 => Op::Invite { account: whom_account, grant },
            3..=5 => {
                let ground = match (choice % 3, self.invites.is_empty()) {
                    (0, _) => Ground::Ticket(ticket_id(choice % 4)),
                    (1, _) if choice % 2 == 0 => Ground::Ticket(ticket_id(choice % 2)),
                    (1, _) | (_, true) => Ground::Request,
                    _ => {
                        let (invited, op) = self.invites[step.pick.index(self.invites.len())];
                        let what = join_at(invited, Ground::Invite(op), 25 * u64::from(choice));
                        return self.group.write_at((who, which, 0), seq, deps, what);
                    }
                };
                let what = join_at(whom, ground, 25 * u64::from(choice));
                return self.group.write_at((who, which, 0), seq, deps, what);
            }
            6..=8 => Op::Remove { account: whom_account, cut },
            9 => Op::Ban { account: whom_account, cut },
            10 => Op::Unban { account: whom_account },
            11..=12 => Op::Role { account: whom_account, grant, cut: None },
            13 => Op::Transfer { to: whom_account },
            14 => Op::Leave,
            15 => ticket(choice % 4, Some(u32::from(choice % 3) + 1), choice % 2 == 0),
            16 => Op::RevokeTicket { id: ticket_id(choice % 4) },
            17 => {
                let devices: &[u8] = [&[0, 1][..], &[0], &[1], &[0, 1, 2]][usize::from(choice % 4)];
                return self.group.write_at((who, which, 0), seq, deps, renew(who, devices, u64::from(choice / 4 % 4)));
            }
            18 => {
                let write = role.max(Role::Member);
                let policy = Policy { invite: role, write, approve: choice % 2 == 0, ..Policy::default() };
                Op::Policy { policy, cut: (choice % 4 == 0).then_some(cut) }
            }
            _ if choice % 3 == 0 => Op::Uninvite { account: whom_account },
            _ if choice % 3 == 1 => {
                Op::Delete { entry: EntryId::from_bytes([choice % 4; 32]), device: device(whom, choice % 2) }
            }
            _ => Op::Rename { name: format!("name {choice}") },
        };
        self.group.write_at((who, which, 0), seq, deps, op)
    }
}

fn history(steps: &[Step]) -> Group {
    let mut world = World::new();
    steps.iter().for_each(|step| world.take(step));
    world.group
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
