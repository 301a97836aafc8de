//! Who had the right to write what: alike for everybody, whatever the author claims. `pairing/SPEC.md`, GROUP-14.
#![allow(clippy::unwrap_used, clippy::panic)]

mod roster_support;

use covey_pairing::group::roster::{Change, Cut, Ground, Op, Policy, Role, Roster, Written};
use roster_support::{Group, OWNER, account, changes, device, garden, role};

fn cut(n: u16, which: u8, incarnation: u64, seq: u64) -> Cut {
    Cut { device: device(n, which), incarnation, seq }
}

fn role_listing(n: u16, role: Role, cut: Vec<Cut>) -> Op {
    let Op::Role { account, grant, .. } = roster_support::role(n, role) else { panic!() };
    Op::Role { account, grant, cut: Some(cut) }
}

fn policy(write: Role, cut: Option<Vec<Cut>>) -> Op {
    Op::Policy { policy: Policy { write, ..Policy::default() }, cut }
}

/// May `n` have written that, in incarnation and at a position of its first device?
fn counts(roster: &Roster, n: u16, incarnation: u64, seq: u64, lamport: u64) -> bool {
    let device = device(n, 0);
    roster.may_have_written(&account(n), &Written { device, incarnation, seq, lamport })
}

/// The logical time of the newest operation.
fn now(group: &Group) -> u64 {
    group.records.last().unwrap().lamport
}

/// [GROUP-14]
#[test]
fn readers_and_strangers_never_wrote_and_members_did_from_their_joining_on() {
    let roster = garden().roster();
    for (n, may) in [(OWNER, true), (1, true), (3, true), (5, false), (6, false)] {
        assert_eq!(counts(&roster, n, 0, 1, 1_000), may, "{n}");
    }
    assert!(!counts(&roster, 3, 0, 1, 1), "dated before it was a member");
}

/// [GROUP-14]: the demoted have what the admin had of theirs, and no more: neither in the feeds that it had, nor in others,
/// however they are dated.
#[test]
fn what_the_demoted_wrote_counts_up_to_where_the_admin_had_it() {
    let mut group = garden();
    let joined = now(&group);
    group.next(1, role_listing(3, Role::Reader, vec![cut(3, 0, 0, 7)]));
    let demoted = now(&group);
    let roster = group.in_every_order(1);
    for lamport in [joined, demoted - 1, demoted + 1] {
        assert!(counts(&roster, 3, 0, 7, lamport));
        assert!(!counts(&roster, 3, 0, 8, lamport));
        assert!(!counts(&roster, 3, 4, 1, lamport));
    }
    // Raised again: what was written meanwhile stays hidden.
    group.next(OWNER, role_listing(3, Role::Member, vec![cut(3, 0, 0, 9), cut(3, 0, 4, 2)]));
    let roster = group.in_every_order(2);
    let shown = [(0, 7), (0, 8), (0, 9), (0, 10), (4, 2), (4, 3), (5, 1)];
    let shown = shown.map(|(incarnation, seq)| counts(&roster, 3, incarnation, seq, demoted + 1));
    assert_eq!(shown, [true, false, false, true, false, true, true]);
}

/// [GROUP-14]: the old form of a demotion lists nothing; then the time that the author signed decides.
#[test]
fn without_a_list_the_logical_time_decides() {
    let mut group = garden();
    group.next(1, role(3, Role::Reader));
    let roster = group.roster();
    assert!(counts(&roster, 3, 0, 4, now(&group) - 1) && !counts(&roster, 3, 0, 4, now(&group)));
}

/// [GROUP-14]
#[test]
fn a_stricter_policy_keeps_what_was_there() {
    let mut group = garden();
    let before = now(&group);
    group.next(1, policy(Role::Admin, Some(vec![cut(3, 0, 0, 5), cut(1, 0, 0, 2)])));
    let roster = group.in_every_order(1);
    assert!(counts(&roster, 3, 0, 5, before) && !counts(&roster, 3, 0, 6, before));
    assert!(!counts(&roster, 4, 0, 1, before), "nobody had anything of that feed");
    assert!(counts(&roster, 1, 0, 3, now(&group) + 1), "admins go on");
    group.next(OWNER, policy(Role::Member, None));
    let roster = group.in_every_order(1);
    assert!(counts(&roster, 4, 0, 1, now(&group)) && !counts(&roster, 4, 0, 1, now(&group) - 1));
    assert!(!counts(&roster, 5, 0, 1, now(&group)), "readers never write");
}

/// [GROUP-14]: neither is what somebody wrote while out, or dates back to when they were a member.
#[test]
fn who_comes_back_as_a_reader_wrote_nothing_since() {
    let mut group = garden();
    let member = now(&group);
    group.next(1, Op::Remove { account: account(3), cut: vec![cut(3, 0, 0, 3)] });
    group.admit(3, Role::Reader);
    let roster = group.roster();
    for lamport in [member, now(&group) + 1] {
        assert!(counts(&roster, 3, 0, 3, lamport.min(member)));
        assert!(!counts(&roster, 3, 0, 4, lamport) && !counts(&roster, 3, 9, 1, lamport));
    }
}

/// [GROUP-7] [GROUP-14]: what a leaving account lists of itself it did not write after it left.
#[test]
fn who_left_listed_no_more_than_they_had_written_by_then() {
    let mut group = garden();
    group.next(3, Op::Depart { cut: vec![cut(3, 0, 2, u64::MAX)] });
    let roster = group.roster();
    assert!(counts(&roster, 3, 2, 8, now(&group) - 1));
    assert!(!counts(&roster, 3, 2, 8, now(&group) + 1) && !counts(&roster, 3, 3, 1, now(&group) - 1));
}

/// [GROUP-14]: of two removals the longer list counts, as for the cut.
#[test]
fn what_any_remover_had_counts() {
    let mut group = garden();
    let (tips, before) = (group.tips(), now(&group));
    for (n, seq) in [(1, 4), (2, 9)] {
        group.write(n, 0, tips.clone(), Op::Remove { account: account(3), cut: vec![cut(3, 0, 0, seq)] });
    }
    let roster = group.in_every_order(2);
    assert!(counts(&roster, 3, 0, 9, before) && !counts(&roster, 3, 0, 10, before));
}

/// [GROUP-14]: whoever shows messages hears of it, also when a late operation changes what was.
#[test]
fn it_is_told_when_the_answer_may_be_another() {
    let mut group = garden();
    let tips = group.tips();
    let mut roster = group.roster();
    let tell = |roster: &mut Roster, group: &Group| {
        let told = changes(roster.insert(group.records.last().unwrap().clone()));
        let of = |change: &Change| match change {
            Change::WritingChanged { account } => Some(*account),
            _ => None,
        };
        told.iter().filter_map(of).collect::<Vec<_>>()
    };
    group.write(1, 0, tips.clone(), role_listing(3, Role::Reader, vec![]));
    assert_eq!(tell(&mut roster, &group), [Some(account(3))]);
    group.write(2, 0, tips.clone(), policy(Role::Admin, None));
    assert_eq!(tell(&mut roster, &group), [None]);
    // The demotion is undone by a removal that it did not know.
    group.write(OWNER, 0, tips, Op::Remove { account: account(1), cut: vec![] });
    let told = tell(&mut roster, &group);
    assert!(told.contains(&Some(account(3))) && told.contains(&Some(account(1))));
    assert_eq!(roster.hash(), group.roster().hash());
}

/// [GROUP-6]: neither the joiner nor the carrier makes a ticket last longer.
#[test]
fn an_expired_ticket_is_not_made_valid_by_a_statement_dated_back() {
    let mut group = garden();
    group.next(1, roster_support::ticket(1, None, false));
    for (stated, carried, in_time) in [(4_999, 4_999, true), (4_999, 5_000, false), (5_000, 4_999, false)] {
        let mut group = group.clone();
        group.next(1, roster_support::join_at(6, Ground::Ticket(roster_support::ticket_id(1)), stated));
        group.records.last_mut().unwrap().operation.at = carried;
        assert_eq!(roster_support::is_member(&group.in_every_order(1), 6), in_time);
    }
}

/// [GROUP-6]: an admin's deletion stands, whoever claims the entry.
#[test]
fn a_deletion_is_not_undone_by_a_claim() {
    let mut group = garden();
    let tips = group.tips();
    let entry = covey_pairing::group::roster::EntryId::from_bytes([7; 32]);
    group.write(1, 0, tips.clone(), Op::Delete { entry, device: device(3, 0) });
    group.write(5, 0, tips, Op::Delete { entry, device: device(5, 0) });
    let roster = group.in_every_order(2);
    assert!(roster.is_deleted(&entry, &device(3, 0)) && roster.is_deleted(&entry, &device(5, 0)));
    assert!(!roster.is_deleted(&entry, &device(4, 0)));
    assert_eq!(roster.deleted().count(), 2);
}
