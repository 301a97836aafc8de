//! A group of 10,000: what an operation costs does not follow from how many members there are. Work is counted, not
//! timed. `pairing/SPEC.md`, GROUP-12.
#![allow(clippy::unwrap_used, clippy::panic)]

mod roster_support;

use covey_pairing::group::roster::{Change, Denied, Ground, MEMBERS_MAX, Op, OpRecord, Role, Roster, Work};
use roster_support::{
    Group, OWNER, account, changes, device, filled, invite, join, remove, rename, role, the_group, ticket, ticket_id,
};

/// Valid however long the growing takes.
fn lasting_ticket() -> Op {
    let Op::Ticket { id, grant, uses, approve, .. } = ticket(1, None, false) else { panic!() };
    Op::Ticket { id, grant, uses, expires_at: None, approve }
}

/// The owner, and joins by a ticket, each carried by the owner who saw all.
fn grown(members: u16) -> (Group, Roster) {
    let mut group = Group::new();
    let mut roster = group.roster();
    let write = |group: &mut Group, roster: &mut Roster, what| {
        let deps = roster.deps();
        let id = group.write(OWNER, 0, deps, what);
        roster.insert(group.records.last().unwrap().clone());
        id
    };
    write(&mut group, &mut roster, roster_support::What::from(lasting_ticket()));
    write(&mut group, &mut roster, join(1, Ground::Ticket(ticket_id(1))).into());
    write(&mut group, &mut roster, role(1, Role::Admin).into());
    for n in 2..members {
        write(&mut group, &mut roster, join(n, Ground::Ticket(ticket_id(1))).into());
    }
    assert_eq!(roster.len(), usize::from(members));
    (group, roster)
}

fn more(after: Work, before: Work) -> (u64, u64) {
    (after.evaluated - before.evaluated, after.merged - before.merged)
}

/// What one more operation costs whose author saw all but the last `unseen`.
fn cost(group: &Group, roster: &Roster, unseen: usize, what: Op) -> (u64, u64) {
    let mut group = group.clone();
    let seen = group.records[group.records.len() - 1 - unseen].id;
    group.write(1, 0, vec![seen], what);
    let mut roster = roster.clone();
    let before = roster.work();
    changes(roster.insert(group.records.last().unwrap().clone()));
    more(roster.work(), before)
}

/// [GROUP-12]
#[test]
fn an_operation_in_a_group_of_ten_thousand_costs_what_it_costs_in_one_of_two_hundred() {
    let (small, small_roster) = grown(200);
    let (large, large_roster) = grown(10_000);
    assert_eq!(large_roster.work().evaluated, large.records.len() as u64, "every operation was evaluated once");
    assert_eq!(large_roster.work().merged, 0);
    for (group, roster) in [(&small, &small_roster), (&large, &large_roster)] {
        for what in [Op::Leave, rename("x"), remove(2), role(2, Role::Reader)] {
            assert_eq!(cost(group, roster, 0, what), (1, 0));
        }
        for what in [Op::Leave, rename("x"), remove(2)] {
            // From the checkpoint before: 64 operations lie between two.
            let (evaluated, merged) = cost(group, roster, 3, what);
            assert!(evaluated <= 70 && merged == 0, "{evaluated} {merged}");
        }
    }
}

/// [GROUP-12]: late by a month: the whole way back is gone once, not once for each operation after it.
#[test]
fn an_operation_that_is_late_by_thousands_costs_one_pass_over_them() {
    let (mut group, roster) = grown(4_000);
    let (evaluated, merged) = cost(&group, &roster, 3_000, Op::Leave);
    assert!(evaluated <= 6_000 && merged <= 1, "{evaluated} {merged}");
    let (evaluated, _) = cost(&group, &roster, 3_000, remove(2));
    assert!(evaluated <= 12_000, "{evaluated}");
    // Who saw it ends that: the next costs one evaluation again.
    let old = group.records[500].id;
    group.write(1, 0, vec![old], Op::Leave);
    let mut roster = filled(&group.records);
    assert_eq!(roster.tips().len(), 2);
    for _ in 0..2 {
        let before = roster.work();
        group.write(OWNER, 0, roster.deps(), rename("x"));
        changes(roster.insert(group.records.last().unwrap().clone()));
        assert_eq!(more(roster.work(), before), (1, 0));
    }
}

/// [GROUP-12]: at start all comes at once, in whatever order.
#[test]
fn a_replay_evaluates_every_operation_once() {
    let (group, roster) = grown(3_000);
    for records in [group.records.clone(), group.records.iter().rev().cloned().collect::<Vec<OpRecord>>()] {
        let mut replayed = Roster::new(the_group());
        let (told, refused) = replayed.insert_all(records);
        assert!(refused.is_empty());
        assert_eq!(told.iter().filter(|change| matches!(change, Change::MemberJoined { .. })).count(), 3_000);
        assert_eq!(replayed.work().evaluated, group.records.len() as u64);
        assert_eq!((replayed.hash(), replayed.epoch()), (roster.hash(), roster.epoch()));
    }
}

/// [GROUP-7]
#[test]
fn a_full_group_takes_nobody_until_somebody_leaves() {
    let (mut group, mut roster) = grown(10_000);
    assert_eq!(roster.len(), MEMBERS_MAX);
    let mut next = |roster: &mut Roster, n, what: roster_support::What| {
        let id = group.write(n, 0, roster.deps(), what);
        roster.insert(group.records.last().unwrap().clone());
        id
    };
    assert_eq!(roster.allowed(&account(OWNER), &invite(20_000, Role::Member)), Err(Denied::Full));
    let refused = next(&mut roster, OWNER, join(20_000, Ground::Ticket(ticket_id(1))).into());
    assert_eq!(roster.reason(&refused), Some(&Denied::Full.into()));
    next(&mut roster, 77, Op::Leave.into());
    next(&mut roster, OWNER, join(20_000, Ground::Ticket(ticket_id(1))).into());
    assert_eq!((roster.len(), roster.by_device(&device(20_000, 1)).unwrap().0), (MEMBERS_MAX, &account(20_000)));
}

/// [GROUP-11]
#[test]
fn members_come_in_pages_by_account_and_all_by_rank() {
    let (mut group, _) = grown(500);
    group.next(OWNER, role(77, Role::Admin));
    let roster = group.roster();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page: Vec<_> = roster.members(after.as_ref()).take(64).map(|(account, _)| *account).collect();
        let Some(last) = page.last() else { break };
        after = Some(*last);
        seen.extend(page);
    }
    assert!(seen.len() == 500 && seen.is_sorted());
    let ranked: Vec<_> = roster.by_rank().map(|(account, _)| *account).collect();
    assert_eq!(ranked[..3], [account(OWNER), account(1), account(77)]);
}
