//! Tickets, joins, forks, devices and what members see of each other.

use crate::roster_support::{
    Group, OWNER, account, ban, changes, device, filled, garden, invite, is_member, join, join_at, remove, rename,
    renew, role, the_group, ticket, ticket_id,
};
use covey_pairing::group::roster::{
    Change, Denied, Exit, Grant, Ground, Inserted, Op, Policy, Reason, Right, Role, Roster, VerifiedDevices, Vouched,
};

use crate::{denied, missing};

/// [GROUP-7]
#[test]
fn a_ticket_lets_in_no_more_than_it_says_and_the_same_ones_everywhere() {
    let mut group = garden();
    group.next(1, ticket(1, Some(2), false));
    let tips = group.tips();
    let joins = [(0, 6), (1, 7), (2, 8)]
        .map(|(carrier, n)| group.write(carrier, 0, tips.clone(), join(n, Ground::Ticket(ticket_id(1)))));
    let roster = group.in_every_order(3);
    assert_eq!(roster.len(), 8);
    assert_eq!(roster.ticket(&ticket_id(1)).unwrap().used, 2);
    assert_eq!(joins.iter().filter(|id| roster.reason(id).is_some()).count(), 1);
    let again = group.next(1, join(9, Ground::Ticket(ticket_id(1))));
    assert_eq!(denied(&group.roster(), again), Denied::TicketUsed);
}

/// [GROUP-6]
#[test]
fn a_ticket_is_worth_nothing_revoked_expired_unknown_or_in_the_wrong_hands() {
    let mut group = garden();
    let unknown = group.next(1, join(6, Ground::Ticket(ticket_id(9))));
    group.next(1, ticket(1, None, false));
    let expired = group.next(1, join_at(6, Ground::Ticket(ticket_id(1)), 5_000));
    let carried_by_none = group.next(3, join(6, Ground::Ticket(ticket_id(1))));
    group.next(1, ticket(2, None, true));
    group.next(OWNER, Op::Policy { policy: Policy { invite: Role::Member, ..Policy::default() }, cut: None });
    let not_approved = group.next(3, join(6, Ground::Ticket(ticket_id(2))));
    let tips = group.tips();
    group.next(1, Op::RevokeTicket { id: ticket_id(1) });
    let revoked = group.next(1, join(6, Ground::Ticket(ticket_id(1))));
    let meanwhile = group.write(3, 0, tips, join(7, Ground::Ticket(ticket_id(1))));
    let roster = group.in_every_order(1);
    assert_eq!(denied(&roster, unknown), Denied::NoTicket);
    assert_eq!(denied(&roster, expired), Denied::TicketExpired);
    assert_eq!(denied(&roster, carried_by_none), missing(Right::Invite, Role::Admin));
    assert_eq!(denied(&roster, not_approved), missing(Right::Approve, Role::Admin));
    assert_eq!(denied(&roster, revoked), Denied::TicketRevoked);
    assert_eq!(roster.reason(&meanwhile), None, "who joined before hearing of it is in");
}

/// [GROUP-6]
#[test]
fn a_join_needs_a_ground_of_its_own_and_a_statement_that_verifies() {
    let mut group = garden();
    let invited = group.next(1, invite(6, Role::Reader));
    let borrowed = group.next(1, join(7, Ground::Invite(invited)));
    let not_an_invite = group.next(1, join(7, Ground::Invite(group.creation())));
    let (op, _) = join(6, Ground::Invite(invited));
    let unverified = group.next(1, (op, Vouched::Nothing));
    let (op, vouched) = join(6, Ground::Invite(invited));
    let Vouched::Join(mut statement) = vouched else { panic!() };
    statement.devices = VerifiedDevices { devices: vec![], log: 1 };
    let without_devices = group.next(1, (op.clone(), Vouched::Join(statement.clone())));
    statement.devices = VerifiedDevices { devices: vec![device(6, 0), device(3, 0)], log: 1 };
    let with_the_device_of_another = group.next(1, (op, Vouched::Join(statement)));
    let asked = group.next(3, join(6, Ground::Request));
    let roster = group.roster();
    for (id, reason) in [
        (borrowed, Denied::NotInvited),
        (not_an_invite, Denied::NotInvited),
        (unverified, Denied::Unverified),
        (without_devices, Denied::Unverified),
        (with_the_device_of_another, Denied::DeviceTaken),
        (asked, missing(Right::Approve, Role::Admin)),
    ] {
        assert_eq!(denied(&roster, id), reason);
    }
    assert_eq!(roster.invited().map(|(account, _)| *account).collect::<Vec<_>>(), vec![account(6)]);
    group.next(3, join(6, Ground::Invite(invited)));
    let roster = group.roster();
    let member = roster.member(&account(6)).unwrap();
    assert_eq!((member.role, member.by), (Role::Reader, account(3)));
    assert_eq!(roster.invited().count(), 0);
    let replayed = group.next(3, join(6, Ground::Invite(invited)));
    assert_eq!(denied(&group.roster(), replayed), Denied::AlreadyAMember);
}

/// [GROUP-7]: neither the statement that was used, nor another one from before.
#[test]
fn nobody_is_brought_back_with_a_statement_from_before_they_left() {
    let mut group = garden();
    group.next(1, ticket(1, None, false));
    group.next(1, join_at(6, Ground::Ticket(ticket_id(1)), 5));
    group.next(6, Op::Leave);
    let left_at = group.records.last().unwrap().operation.at;
    let used = group.next(1, join_at(6, Ground::Ticket(ticket_id(1)), 5));
    let unused = group.next(2, join_at(6, Ground::Ticket(ticket_id(1)), left_at));
    let by_request = group.next(2, join_at(6, Ground::Request, 7));
    for id in [used, unused, by_request] {
        assert_eq!(denied(&group.roster(), id), Denied::OldStatement);
    }
    group.next(2, join_at(6, Ground::Ticket(ticket_id(1)), left_at + 1));
    assert!(is_member(&group.roster(), 6));
}

/// [GROUP-7]: the same statement carried twice by members who did not know, and its author left in between.
#[test]
fn a_statement_carried_twice_counts_once() {
    let mut group = garden();
    group.next(1, ticket(1, None, false));
    let tips = group.tips();
    let joined = group.write(1, 0, tips.clone(), join(6, Ground::Ticket(ticket_id(1))));
    group.write(6, 0, vec![joined], Op::Leave);
    let aside = group.write(2, 0, tips, rename("x"));
    let aside = group.write(2, 0, vec![aside], rename("y"));
    let again = group.write(2, 0, vec![aside], join(6, Ground::Ticket(ticket_id(1))));
    let roster = group.in_every_order(5);
    assert!(!is_member(&roster, 6));
    assert_eq!(denied(&roster, again), Denied::OldStatement);
}

/// [GROUP-9]
#[test]
fn two_operations_at_one_position_make_the_feed_void_from_there_on_every_member() {
    let mut group = garden();
    let tips = group.tips();
    let honest = group.write_at((1, 0, 0), 1, tips.clone(), rename("before"));
    let one = group.write_at((1, 0, 0), 2, vec![honest], remove(3));
    let other = group.write_at((1, 0, 0), 2, vec![honest], remove(4));
    let after = group.write_at((1, 0, 0), 3, vec![other], rename("after"));
    let roster = group.in_every_order(4);
    assert!(is_member(&roster, 3) && is_member(&roster, 4));
    assert_eq!(roster.name(), "before");
    for id in [one, other, after] {
        assert_eq!(roster.reason(&id), Some(&Reason::Forked));
    }
}

/// [GROUP-9] [GROUP-11]
#[test]
fn a_fork_proven_late_undoes_what_the_forked_feed_did() {
    let mut group = garden();
    group.next(1, remove(3));
    group.next(2, rename("after"));
    let mut roster = group.roster();
    let undone = roster.void(device(1, 0), 0, 1);
    assert!(
        matches!(&undone[..], [Change::MemberJoined { account: back, .. }, Change::CutChanged { .. }, Change::WritingChanged { .. }, Change::EpochChanged { .. }] if *back == account(3))
    );
    assert_eq!(roster.name(), "after");
    let mut early = Roster::new(the_group());
    assert_eq!(early.void(device(1, 0), 0, 1), vec![]);
    group.records.iter().for_each(|record| drop(early.insert(record.clone())));
    assert_eq!((early.hash(), early.epoch()), (roster.hash(), roster.epoch()));
    assert_eq!(early.void(device(1, 0), 0, 5), vec![]);
}

/// [GROUP-11]: sender keys are rotated on what takes somebody away, and on nothing else.
#[test]
fn the_epoch_is_another_after_each_departure_and_device_change_only() {
    let mut group = garden();
    group.next(1, invite(6, Role::Member));
    let mut epoch = group.roster().epoch();
    let mut differs = |group: &Group| {
        let new = group.roster().epoch();
        std::mem::replace(&mut epoch, new) != new
    };
    for what in [rename("x"), role(4, Role::Reader), ticket(1, None, true), invite(7, Role::Member), ban(8)] {
        group.next(1, what);
        assert!(!differs(&group));
    }
    group.next(1, remove(3));
    assert!(differs(&group));
    group.next(1, ban(5));
    assert!(differs(&group));
    group.next(4, renew(4, &[0], 2));
    assert!(differs(&group));
    group.next(4, renew(4, &[0], 2));
    assert!(!differs(&group), "a new card of the same devices");
    group.next(4, Op::Leave);
    assert!(differs(&group));
}

/// [GROUP-6]
#[test]
fn an_older_list_of_devices_does_not_replace_a_newer_one() {
    let mut group = garden();
    group.next(3, renew(3, &[0, 2], 3));
    let older = group.next(3, renew(3, &[0, 1], 2));
    let without_the_author = group.next(3, renew(3, &[1], 4));
    let of_another = {
        let (op, _) = renew(3, &[0], 4);
        let devices = VerifiedDevices { devices: vec![device(3, 0), device(4, 0)], log: 4 };
        group.next(3, (op, Vouched::Devices(devices)))
    };
    let roster = group.roster();
    assert_eq!(denied(&roster, older), Denied::OldDevices);
    assert_eq!(denied(&roster, without_the_author), Denied::Unverified);
    assert_eq!(denied(&roster, of_another), Denied::DeviceTaken);
    assert_eq!(&*roster.member(&account(3)).unwrap().devices, &[device(3, 0), device(3, 2)]);
}

/// [GROUP-6]
#[test]
fn readers_do_not_see_invisible_members_and_others_do() {
    let mut group = garden();
    group
        .next(OWNER, Op::Role { account: account(4), grant: Grant { role: Role::Reader, invisible: true }, cut: None });
    let roster = group.roster();
    let sees = |viewer| roster.shows(&account(viewer), &account(4));
    assert_eq!([OWNER, 3, 4, 5].map(sees), [true, true, true, false]);
    assert!(roster.shows(&account(5), &account(3)));
}

/// [GROUP-11]
#[test]
fn changes_tell_what_happened_and_late_ones_what_did_not() {
    let mut group = garden();
    let tips = group.tips();
    let mut roster = group.roster();
    let removal = group.write(1, 0, tips.clone(), remove(3));
    let told = changes(roster.insert(group.record(removal)));
    assert!(matches!(&told[..], [
        Change::MemberLeft { account: gone, exit: Some(Exit::Removed), .. },
        Change::CutChanged { .. },
        Change::WritingChanged { .. },
        Change::EpochChanged { .. },
    ] if *gone == account(3)));
    let late = group.write(OWNER, 0, tips, remove(1));
    let told = changes(roster.insert(group.record(late)));
    assert!(
        told.iter().any(|change| matches!(change, Change::MemberJoined { account: back, .. } if *back == account(3)))
    );
    assert!(
        told.iter().any(|change| matches!(change, Change::MemberLeft { account: gone, .. } if *gone == account(1)))
    );
    assert_eq!(roster.insert(group.record(late)), Inserted::Known);
}

/// [GROUP-4]
#[test]
fn operations_wait_for_their_past_and_count_when_it_is_there() {
    let mut group = garden();
    let first = group.next(1, rename("one"));
    let second = group.write(2, 0, vec![first], rename("two"));
    let third = group.write(1, 0, vec![second], rename("three"));
    let mut roster = garden().roster();
    assert_eq!(roster.insert(group.record(third)), Inserted::Waiting { missing: vec![second] });
    assert_eq!(roster.insert(group.record(second)), Inserted::Waiting { missing: vec![first] });
    assert_eq!(roster.missing(), vec![first]);
    assert_eq!(changes(roster.insert(group.record(first))), vec![Change::Renamed { name: "three".into() }]);
    assert_eq!((roster.missing(), roster.tips()), (vec![], vec![third]));
    assert_eq!(roster.hash(), filled(&group.records).hash());
}
