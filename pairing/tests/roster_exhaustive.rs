//! Every history of a small group: three accounts with two feeds each, every choice of what an author claims to have known.
//! What SECURITY.md promises of a *Member*, a *Departed member* and a *Lying admin* holds in each.
//!
//! Two operations of every kind and three of those that give power away or take it; with `COVEY_LONG_TESTS` set, three and
//! four (with optimisation some minutes: `cargo test --release -p covey-pairing --test roster_exhaustive`).
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // the count of histories is printed

mod roster_support;

use std::collections::BTreeMap;

use covey_pairing::group::roster::{Op, OpId, OpRecord, Role, Roster};
use roster_support::{
    Group, OWNER, account, filled, gives_away,
    model::{Model, Voids},
    pasts, rename, role,
    view::View,
};

const ADMIN: u16 = 1;
const MEMBER: u16 = 2;
/// Device and incarnation: two feeds of each account.
const FEEDS: [(u8, u64); 2] = [(0, 0), (1, 3)];

/// The owner, an admin and a member; all know of each other.
fn base() -> Group {
    let mut group = Group::new();
    group.admit(ADMIN, Role::Admin);
    group.admit(MEMBER, Role::Member);
    group
}

fn remove(n: u16) -> Op {
    Op::Remove { account: account(n), cut: vec![] }
}

fn transfer(n: u16) -> Op {
    Op::Transfer { to: account(n) }
}

/// What `n` might do: all of it, or what gives power away or takes it.
fn alphabet(n: u16, all: bool) -> Vec<Op> {
    let others: Vec<u16> = [OWNER, ADMIN, MEMBER].into_iter().filter(|other| *other != n).collect();
    let mut ops = vec![Op::Depart { cut: vec![] }];
    if all {
        ops.extend(others.iter().flat_map(|other| [remove(*other), transfer(*other)]));
        ops.extend([role(MEMBER, Role::Admin), role(ADMIN, Role::Reader), rename(["o", "a", "m"][usize::from(n)])]);
        return ops;
    }
    match n {
        OWNER => ops.extend([transfer(ADMIN), transfer(MEMBER), remove(ADMIN)]),
        ADMIN => ops.push(remove(MEMBER)),
        _ => {}
    }
    ops
}

/// One history: what it is built on, and what the group was when each was written.
struct History<'a> {
    base: &'a Roster,
    ids: Vec<OpId>,
    records: Vec<OpRecord>,
    /// After each operation, by one who got them in the order of writing.
    rosters: Vec<Roster>,
}

/// How many histories were looked at, and which things happened in them: a check that checks nothing would be seen.
#[derive(Default)]
struct Seen {
    histories: u64,
    happened: BTreeMap<&'static str, u64>,
}

impl Seen {
    fn saw(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
    }
}

fn explore(group: &Group, base: &Roster, depth: usize, all: bool, seen: &mut Seen) {
    let known = group.records.last().unwrap().id;
    let mut history = History { base, ids: vec![known], records: Vec::new(), rosters: Vec::new() };
    step(&mut group.clone(), &mut history, depth, all, seen);
}

fn step(group: &mut Group, history: &mut History<'_>, depth: usize, all: bool, seen: &mut Seen) {
    if depth == 0 {
        return;
    }
    for n in [OWNER, ADMIN, MEMBER] {
        for (which, incarnation) in FEEDS {
            for op in alphabet(n, all) {
                // Bit 0 is what all know in the beginning: it is named if nothing else is.
                for deps in 0..1usize << history.records.len() {
                    let chosen = |at: &usize| deps >> (at - 1) & 1 == 1;
                    let mut named: Vec<OpId> =
                        (1..history.ids.len()).filter(chosen).map(|at| history.ids[at]).collect();
                    if named.is_empty() {
                        named.push(history.ids[0]);
                    }
                    let mut longer = group.clone();
                    let id = longer.write_in((n, which, incarnation), named, op.clone());
                    let record = longer.records.last().unwrap().clone();
                    let mut roster = history.rosters.last().unwrap_or(history.base).clone();
                    roster.insert(record.clone());
                    history.ids.push(id);
                    history.records.push(record);
                    history.rosters.push(roster);
                    seen.histories += 1;
                    check(&longer, history, seen);
                    step(&mut longer, history, depth - 1, all, seen);
                    history.ids.pop();
                    history.records.pop();
                    history.rosters.pop();
                }
            }
        }
    }
}

fn check(group: &Group, history: &History<'_>, seen: &mut Seen) {
    let records = &history.records;
    let roster = history.rosters.last().unwrap();
    let told = || format!("{records:#?}");
    let counts = |at: usize| roster.reason(&records[at].id).is_none();
    let pasts = pasts(records);
    let aside = |one: usize, other: usize| !pasts[one].contains(&other) && !pasts[other].contains(&one);

    // Whoever gets them in another order has the same roster.
    if records.len() > 1 {
        let mut other = history.base.clone();
        records.iter().rev().for_each(|record| drop(other.insert(record.clone())));
        assert_eq!(other.hash(), roster.hash(), "{}", told());
        assert_eq!(other.owner(), roster.owner(), "{}", told());
    }
    if seen.histories.is_multiple_of(997) {
        assert_eq!(View::of(roster), Model::of(&group.records, &Voids::new()).view(), "{}", told());
    }

    // The departed, and who handed the group over: nothing counts that they did without knowing of it.
    for (gift, record) in
        records.iter().enumerate().filter(|(at, record)| gives_away(&record.operation.op) && counts(*at))
    {
        for (other, theirs) in records.iter().enumerate() {
            if gift == other || theirs.operation.account != record.operation.account || !counts(other) {
                continue;
            }
            let leaves = matches!(record.operation.op, Op::Depart { .. });
            let of_owner = gives_away(&theirs.operation.op)
                || matches!(&theirs.operation.op, Op::Role { grant, .. } if grant.role == Role::Admin);
            // What the owner knew when handing the group over, or leaving it, stands.
            let sealed = records.iter().enumerate().any(|(at, record)| {
                let knew = pasts[at].contains(&other) && !pasts[at].contains(&gift);
                knew && at != gift && counts(at) && gives_away(&record.operation.op)
            });
            assert!(sealed || !aside(gift, other) || !(leaves || of_owner), "{}", told());
            if leaves && pasts[other].contains(&gift) {
                panic!("who left goes on: {}", told());
            }
            seen.saw("one account gives away and does something else");
        }
    }

    // The owner is whom the owner before made it, or who inherited from one who left: nobody deposes them.
    let mut owner = account(OWNER);
    let mut left = false;
    for at in 0..records.len() {
        let by_owner = |at: &usize| {
            counts(*at) && records[*at].operation.account == owner && gives_away(&records[*at].operation.op)
        };
        let Some(gift) = (at..records.len()).find(by_owner) else { break };
        match &records[gift].operation.op {
            Op::Transfer { to } => owner = *to,
            _ => left = true,
        }
        if left {
            break;
        }
    }
    match (left, roster.owner()) {
        (false, now) if !handed_between(records, &counts) => assert_eq!(now, Some(&owner), "{}", told()),
        (true, _) => seen.saw("an owner left"),
        _ => {}
    }
    let owners = roster.members(None).filter(|(_, member)| member.role == Role::Owner).count();
    assert_eq!(owners, usize::from(!roster.is_empty()), "{}", told());

    let is_first =
        |record: &OpRecord| (record.device, record.incarnation) == (roster_support::device(number(record), 0), 0);
    // What was given away in a first feed stays given away, whatever is written later.
    for (at, record) in records.iter().enumerate() {
        let then = &history.rosters[at];
        let counted = then.reason(&record.id).is_none();
        if !is_first(record) || !counted || !gives_away(&record.operation.op) {
            continue;
        }
        // Of what was given away in a later feed this is not promised, nor of what rests on it.
        let rests = |&other: &usize| gives_away(&records[other].operation.op) && !is_first(&records[other]);
        if pasts[at].iter().any(rests) {
            seen.saw("an heir of a later feed hands over");
            continue;
        }
        // Nor of what may rest on something that its author wrote beside it in a later feed, and takes back.
        let beside = |other: usize| {
            let same = records[other].operation.account == record.operation.account;
            same && !is_first(&records[other]) && aside(at, other)
        };
        if (0..at).any(beside) {
            seen.saw("a gift beside what its author wrote elsewhere");
            continue;
        }
        match &record.operation.op {
            Op::Transfer { to } => {
                // The heir may have gone by itself meanwhile.
                let went = |other: usize| {
                    let operation = &records[other].operation;
                    operation.account == *to && matches!(operation.op, Op::Depart { .. }) && aside(at, other)
                };
                let heir_went = (0..records.len()).any(|other| went(other) && counts(other));
                assert!(counts(at) || heir_went, "a transfer was undone: {}", told());
                seen.saw("a transfer stands");
            }
            // The gone may turn out to have been removed; they are gone.
            _ => {
                let gone = roster.member(&record.operation.account).is_none();
                let spared = handed_to(records, &record.operation.account);
                assert!(gone || spared, "who left is back: {}", told());
                seen.saw("a departure stands");
            }
        }
    }

    // A member alone does nothing to others.
    if records.iter().all(|record| number(record) == MEMBER) {
        for n in [OWNER, ADMIN] {
            assert_eq!(roster.member(&account(n)), history.base.member(&account(n)), "{}", told());
        }
        assert_eq!((roster.name(), roster.owner()), ("garden", Some(&account(OWNER))), "{}", told());
        seen.saw("a member alone");
    }
    // An admin alone, or with a member, does nothing to the owner.
    if records.iter().all(|record| number(record) != OWNER) {
        assert_eq!(roster.owner(), Some(&account(OWNER)), "{}", told());
        assert_eq!(roster.member(&account(OWNER)).unwrap().role, Role::Owner, "{}", told());
        seen.saw("without the owner");
    }
    if records.iter().any(|record| matches!(record.operation.op, Op::Remove { .. })) && roster.len() < 3 {
        seen.saw("somebody was removed");
    }
}

fn number(record: &OpRecord) -> u16 {
    [OWNER, ADMIN, MEMBER].into_iter().find(|n| account(*n) == record.operation.account).unwrap()
}

/// Did the group go through more than one hand? Then the chain is followed by the model alone.
fn handed_between(records: &[OpRecord], counts: &impl Fn(usize) -> bool) -> bool {
    let gifts = records.iter().enumerate().filter(|(at, record)| counts(*at) && gives_away(&record.operation.op));
    gifts.count() > 1
}

/// Did anybody hand the group to this account? Then it may have left as a member what it did not know it owned.
fn handed_to(records: &[OpRecord], account: &covey_pairing::ids::AccountId) -> bool {
    records.iter().any(|record| matches!(&record.operation.op, Op::Transfer { to } if to == account))
}

#[test]
fn in_every_small_history_what_is_promised_holds() {
    let group = base();
    let roster = filled(&group.records);
    let mut seen = Seen::default();
    let long = std::env::var_os("COVEY_LONG_TESTS").is_some();
    explore(&group, &roster, if long { 3 } else { 2 }, true, &mut seen);
    explore(&group, &roster, if long { 4 } else { 3 }, false, &mut seen);
    for what in [
        "one account gives away and does something else",
        "an owner left",
        "a transfer stands",
        "a departure stands",
        "an heir of a later feed hands over",
        "a gift beside what its author wrote elsewhere",
        "a member alone",
        "without the owner",
        "somebody was removed",
    ] {
        assert!(seen.happened.contains_key(what), "{what}: never");
    }
}
