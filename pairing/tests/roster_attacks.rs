//! What members try who may not, and what happens when several do at once: the same outcome on every member, in every
//! order of arrival, held against the naive model. `pairing/SPEC.md`, section Groups: the roster.
#![allow(clippy::unwrap_used, clippy::panic)]

mod roster_support;

use covey_pairing::{
    group::roster::{
        Change, Cut, Denied, EntryId, Exit, Grant, Ground, Inserted, Op, OpId, Policy, Reason, Right, Role, Roster,
        VerifiedDevices, Vouched, WAITING_PER_DEVICE, group_id,
    },
    ids::GroupId,
};
use roster_support::{
    Group, NONCE, OWNER, account, ban, changes, create, device, devices, filled, garden, invite, is_member, join,
    join_at, remove, rename, renew, role, the_group, ticket, ticket_id,
};

fn denied(roster: &Roster, id: OpId) -> Denied {
    match roster.reason(&id) {
        Some(Reason::Denied(denied)) => denied.clone(),
        other => panic!("{other:?}"),
    }
}

fn missing(right: Right, least: Role) -> Denied {
    Denied::Missing { right, least }
}

/// [GROUP-1]
#[test]
fn only_the_founder_that_the_id_names_makes_the_group() {
    assert_ne!(group_id(&account(0), &device(0, 0), &NONCE), group_id(&account(0), &device(0, 1), &NONCE));
    for (n, which, nonce) in [(1, 0, NONCE), (0, 1, NONCE), (0, 0, [1; 32])] {
        let mut group = Group::default();
        let (mut op, _) = create();
        if let Op::Create { nonce: written, .. } = &mut op {
            *written = nonce;
        }
        let id = group.write(n, which, vec![], (op, Vouched::Devices(devices(n, &[0, 1], 1))));
        assert_eq!(denied(&group.roster(), id), Denied::Foreign);
        assert!(group.roster().is_empty());
    }
}

/// [GROUP-1]
#[test]
fn a_group_is_made_once() {
    let mut group = garden();
    let again = group.next(OWNER, create());
    let aside = group.write(OWNER, 1, vec![], create());
    let roster = group.in_every_order(2);
    assert_eq!(denied(&roster, again), Denied::Exists);
    assert_eq!(denied(&roster, aside), Denied::Foreign);
    assert_eq!(roster.len(), 6);
}

/// [GROUP-4]
#[test]
fn operations_of_another_group_wait_for_what_never_comes_or_do_not_count() {
    let mut other = Group::new();
    for _ in 0..3 {
        other.next(OWNER, rename("other"));
    }
    let mut roster = Roster::new(GroupId::from_bytes([9; 32]));
    assert_eq!(changes(roster.insert(other.records[0].clone())), vec![]);
    assert_eq!(roster.reason(&other.creation()), Some(&Reason::Denied(Denied::Foreign)));
    let stranded = &other.records[2];
    let missing = stranded.operation.deps.clone();
    assert_eq!(roster.insert(stranded.clone()), Inserted::Waiting { missing: missing.clone() });
    assert_eq!(roster.missing(), missing);
    assert!(roster.is_empty());
}

/// [GROUP-3]
#[test]
fn a_flood_of_operations_without_their_past_is_bounded_per_device() {
    let mut group = garden();
    let unknown = OpId::from_bytes([7; 32]);
    let flood: Vec<_> = (0..=WAITING_PER_DEVICE).map(|_| group.write(5, 0, vec![unknown], Op::Leave)).collect();
    let honest = group.write(3, 0, vec![unknown], Op::Leave);
    let mut roster = garden().roster();
    for id in &flood[..WAITING_PER_DEVICE] {
        assert_eq!(roster.insert(group.record(*id)), Inserted::Waiting { missing: vec![unknown] });
    }
    let last = group.record(flood[WAITING_PER_DEVICE]);
    assert_eq!(roster.insert(last.clone()), Inserted::Full);
    assert_eq!(roster.insert_all(vec![last.clone()]), (vec![], vec![last]));
    assert_eq!(roster.insert(group.record(honest)), Inserted::Waiting { missing: vec![unknown] });
    assert_eq!(roster.operations().1, WAITING_PER_DEVICE + 1);
}

/// [GROUP-6]
#[test]
fn each_verb_takes_its_right_and_says_which_one_is_missing() {
    let mut group = garden();
    group.next(OWNER, ticket(1, None, false));
    let banned = group.next(OWNER, ban(9));
    assert!(group.roster().reason(&banned).is_none());
    let roster = group.roster();
    let by = |n: u16, op: Op| roster.allowed(&account(n), &op);
    assert_eq!(by(3, invite(6, Role::Member)), Err(missing(Right::Invite, Role::Admin)));
    assert_eq!(by(3, remove(4)), Err(missing(Right::Remove, Role::Admin)));
    assert_eq!(by(3, ban(4)), Err(missing(Right::Ban, Role::Admin)));
    assert_eq!(by(3, Op::Unban { account: account(9) }), Err(missing(Right::Ban, Role::Admin)));
    assert_eq!(by(3, role(4, Role::Reader)), Err(missing(Right::Role, Role::Admin)));
    assert_eq!(by(3, role(3, Role::Admin)), Err(missing(Right::Role, Role::Owner)));
    assert_eq!(by(3, rename("mine")), Err(missing(Right::Rename, Role::Admin)));
    assert_eq!(by(3, Op::Policy { policy: Policy::default(), cut: None }), Err(missing(Right::Policy, Role::Admin)));
    assert_eq!(by(3, ticket(2, None, true)), Err(missing(Right::Ticket, Role::Admin)));
    assert_eq!(by(3, Op::RevokeTicket { id: ticket_id(1) }), Err(missing(Right::Ticket, Role::Admin)));
    let deletion = |n| Op::Delete { entry: EntryId::from_bytes([1; 32]), device: device(n, 0) };
    assert_eq!(by(3, deletion(4)), Err(missing(Right::Delete, Role::Admin)));
    assert_eq!(by(3, deletion(3)), Ok(()));
    assert_eq!(by(1, deletion(4)), Ok(()));
    assert_eq!(by(1, role(3, Role::Admin)), Err(missing(Right::Role, Role::Owner)));
    assert_eq!(by(1, invite(6, Role::Admin)), Err(missing(Right::Role, Role::Owner)));
    assert_eq!(by(1, Op::Transfer { to: account(3) }), Err(missing(Right::Transfer, Role::Owner)));
    for op in [remove(0), ban(0), role(0, Role::Member)] {
        assert_eq!(by(1, op), Err(Denied::IsOwner));
    }
    assert_eq!(by(1, remove(1)), Err(Denied::Oneself));
    assert_eq!(by(1, remove(6)), Err(Denied::SubjectNotAMember));
    assert_eq!(by(1, invite(3, Role::Member)), Err(Denied::AlreadyAMember));
    assert_eq!(by(1, invite(9, Role::Member)), Err(Denied::Banned));
    assert_eq!(by(1, ban(9)), Err(Denied::AlreadyBanned));
    assert_eq!(by(1, Op::Unban { account: account(3) }), Err(Denied::NotBanned));
    assert_eq!(by(1, Op::Uninvite { account: account(6) }), Err(Denied::NotInvited));
    assert_eq!(by(6, rename("mine")), Err(Denied::NotAMember));
    assert_eq!(roster.may_write(&account(5)), Err(missing(Right::Write, Role::Member)));
    assert_eq!(roster.may_write(&account(3)), Ok(()));
}

/// [GROUP-6]: what a command would refuse, an operation written all the same does not do.
#[test]
fn operations_without_the_right_are_ignored_by_all_alike() {
    let mut group = garden();
    let before = group.roster().hash();
    let tips = group.tips();
    let attempts = [
        group.write(3, 0, tips.clone(), remove(1)),
        group.write(4, 0, tips.clone(), role(4, Role::Admin)),
        group.write(6, 0, tips.clone(), rename("strangers")),
        group.write(5, 0, tips, join(6, Ground::Request)),
    ];
    let roster = group.in_every_order(4);
    assert_eq!(roster.hash(), before);
    assert_eq!(roster.ignored().len(), attempts.len());
    assert_eq!(denied(&roster, attempts[2]), Denied::NotAMember);
}

/// [GROUP-5]: an account is what the author claims; its devices are what the roster says.
#[test]
fn a_device_does_not_act_for_an_account_it_is_not_of() {
    let mut group = garden();
    let id = group.next(3, rename("mine"));
    let mut record = group.record(id);
    record.operation.account = account(OWNER);
    let mut roster = garden().roster();
    assert_eq!(changes(roster.insert(record)), vec![]);
    assert_eq!(denied(&roster, id), Denied::NotAMember);
}

/// [GROUP-8]
#[test]
fn a_removal_wins_over_what_the_removed_did_without_knowing_of_it() {
    let mut group = garden();
    let tips = group.tips();
    let removal = group.write(OWNER, 0, tips.clone(), remove(1));
    let theirs = group.write(1, 0, tips.clone(), remove(3));
    let renamed = group.write(1, 0, vec![theirs], rename("mine"));
    let roster = group.in_every_order(3);
    assert!(!is_member(&roster, 1) && is_member(&roster, 3));
    assert_eq!(roster.name(), "garden");
    for id in [theirs, renamed] {
        assert_eq!(roster.reason(&id), Some(&Reason::Outweighed { by: removal }));
    }
}

/// [GROUP-8]: and what they do, once in, counts as little.
#[test]
fn whom_a_removed_admin_lets_in_meanwhile_is_not_in() {
    let mut group = garden();
    let tips = group.tips();
    let removal = group.write(OWNER, 0, tips.clone(), remove(1));
    let invited = group.write(1, 0, tips, invite(6, Role::Member));
    let joined = group.write(1, 0, vec![invited], join(6, Ground::Invite(invited)));
    let said = group.write(6, 0, vec![joined], Op::Leave);
    let roster = group.in_every_order(4);
    assert!(!is_member(&roster, 6));
    assert_eq!(roster.reason(&invited), Some(&Reason::Outweighed { by: removal }));
    assert_eq!(denied(&roster, joined), Denied::NotInvited);
    assert_eq!(denied(&roster, said), Denied::NotAMember);
}

/// [GROUP-8]: an author cannot date an operation back behind its removal.
#[test]
fn a_backdated_operation_of_a_removed_admin_does_not_count_however_late_it_comes() {
    let mut group = garden();
    let old = group.tips();
    group.next(OWNER, remove(1));
    for n in 0..5 {
        group.next(2, rename(&format!("name {n}")));
    }
    let before = group.roster();
    let late = group.write(1, 1, old, ban(2));
    let roster = group.in_every_order(1);
    assert_eq!(roster.hash(), before.hash());
    assert_eq!(roster.name(), "name 4");
    assert!(matches!(roster.reason(&late), Some(Reason::Outweighed { .. })));
}

/// [GROUP-5]: what a device wrote before is in the past of what it writes, named or not.
#[test]
fn a_device_cannot_forget_what_it_wrote_itself() {
    let mut group = garden();
    let old = group.tips();
    group.next(1, role(1, Role::Member));
    let late = group.write(1, 0, old, remove(3));
    let roster = group.in_every_order(1);
    assert_eq!(denied(&roster, late), missing(Right::Remove, Role::Admin));
}

/// [GROUP-8]
#[test]
fn of_admins_who_remove_each_other_the_senior_stays() {
    let mut group = garden();
    let tips = group.tips();
    let by_senior = group.write(1, 0, tips.clone(), remove(2));
    let by_junior = group.write(2, 0, tips, remove(1));
    let roster = group.in_every_order(2);
    assert!(is_member(&roster, 1) && !is_member(&roster, 2));
    assert_eq!(roster.reason(&by_junior), Some(&Reason::Outweighed { by: by_senior }));
}

/// [GROUP-8]
#[test]
fn of_an_owner_and_a_senior_who_remove_each_other_the_owner_stays() {
    let mut group = garden();
    group.next(OWNER, Op::Transfer { to: account(2) });
    let tips = group.tips();
    group.write(2, 0, tips, remove(1));
    // 1 removes the new owner, and had seen nothing of it: 2 was an admin then.
    // However old what 1 names is: from when 2 had just come in, or the newest.
    for old in 4..group.records.len() - 1 {
        let mut group = group.clone();
        group.write(1, 0, vec![group.records[old].id], remove(2));
        let roster = group.in_every_order(2);
        assert!(is_member(&roster, 2) && !is_member(&roster, 1));
        assert_eq!(roster.owner(), Some(&account(2)));
    }
}

/// [GROUP-8]
#[test]
fn of_removals_in_a_circle_the_highest_rank_wins_and_who_disputes_it_loses() {
    let mut group = garden();
    group.next(OWNER, role(3, Role::Admin));
    let tips = group.tips();
    group.write(1, 0, tips.clone(), remove(2));
    group.write(2, 0, tips.clone(), remove(3));
    group.write(3, 0, tips, remove(1));
    let roster = group.in_every_order(3);
    assert_eq!([1, 2, 3].map(|n| is_member(&roster, n)), [true, false, true]);
}

/// [GROUP-8]: nobody disputes that 2 is removed, so what 2 did to 1 does not count.
#[test]
fn an_undisputed_removal_is_taken_first() {
    let mut group = garden();
    let tips = group.tips();
    group.write(OWNER, 0, tips.clone(), remove(2));
    group.write(2, 0, tips.clone(), remove(1));
    group.write(1, 0, tips, remove(3));
    let roster = group.in_every_order(3);
    assert_eq!([1, 2, 3].map(|n| is_member(&roster, n)), [true, false, false]);
}

/// [GROUP-8]: 6 was let in and made an admin without knowing that whoever let 6 in was removed.
#[test]
fn a_removal_that_rests_on_what_another_one_undoes_outweighs_nothing() {
    let mut group = garden();
    let invited = group.next(1, invite(6, Role::Member));
    let tips = group.tips();
    let joined = group.write(1, 0, tips.clone(), join(6, Ground::Invite(invited)));
    let raised = group.write(OWNER, 0, vec![joined], role(6, Role::Admin));
    let unfounded = group.write(6, 0, vec![raised], remove(3));
    let deletion = Op::Delete { entry: EntryId::from_bytes([1; 32]), device: device(3, 0) };
    let kept = group.write(3, 0, tips.clone(), deletion);
    group.write(2, 0, tips, remove(1));
    let roster = group.in_every_order(5);
    assert_eq!([1, 2, 3, 6].map(|n| is_member(&roster, n)), [false, true, true, false]);
    assert_eq!(roster.owner(), Some(&account(OWNER)));
    assert_eq!((roster.reason(&kept), denied(&roster, unfounded)), (None, Denied::NotAMember));
}

/// [GROUP-8]
#[test]
fn a_demotion_wins_over_what_the_lesser_role_could_not_do() {
    let mut group = garden();
    let tips = group.tips();
    let demotion = group.write(OWNER, 0, tips.clone(), role(1, Role::Member));
    let removal = group.write(1, 0, tips.clone(), remove(3));
    let deletion = Op::Delete { entry: EntryId::from_bytes([1; 32]), device: device(1, 0) };
    let own = group.write(1, 0, vec![removal], deletion);
    let roster = group.in_every_order(3);
    assert!(is_member(&roster, 3));
    assert_eq!(roster.reason(&removal), Some(&Reason::Outweighed { by: demotion }));
    assert_eq!(roster.reason(&own), None);
}

/// [GROUP-8]
#[test]
fn a_dropped_device_does_nothing_that_the_drop_did_not_know() {
    let mut group = garden();
    let tips = group.tips();
    let dropped = group.write(1, 0, tips.clone(), renew(1, &[0], 2));
    let stolen = group.write(1, 1, tips.clone(), remove(3));
    let returning = group.write(1, 1, tips, renew(1, &[0, 1], 1));
    let roster = group.in_every_order(3);
    assert!(is_member(&roster, 3));
    for id in [stolen, returning] {
        assert_eq!(roster.reason(&id), Some(&Reason::Outweighed { by: dropped }));
    }
    assert_eq!(roster.by_device(&device(1, 1)), None);
    assert_eq!(roster.by_device(&device(1, 0)).unwrap().0, &account(1));
}

/// [GROUP-8]
#[test]
fn a_ban_keeps_out_whom_somebody_lets_in_meanwhile() {
    let mut group = garden();
    let invited = group.next(1, invite(6, Role::Member));
    let tips = group.tips();
    group.write(OWNER, 0, tips.clone(), ban(6));
    group.write(1, 0, tips, join(6, Ground::Invite(invited)));
    let roster = group.in_every_order(2);
    assert!(!is_member(&roster, 6));
    assert_eq!(roster.banned().collect::<Vec<_>>(), vec![&account(6)]);
}

/// [GROUP-7]
#[test]
fn one_who_was_removed_comes_back_by_invite_one_who_was_banned_after_the_ban_is_lifted() {
    let mut group = garden();
    group.next(1, remove(3));
    group.admit(3, Role::Reader);
    let roster = group.roster();
    assert_eq!(roster.member(&account(3)).unwrap().role, Role::Reader);
    assert_eq!(roster.cut(&device(3, 0), 0), Some(3));
    assert_eq!(roster.cut(&device(3, 0), 1), None);
    group.next(1, ban(3));
    let refused = group.next(1, invite(3, Role::Member));
    let roster = group.roster();
    assert_eq!(denied(&roster, refused), Denied::Banned);
    assert_eq!((roster.cut(&device(3, 0), 0), roster.cut(&device(3, 0), 1)), (Some(3), Some(0)));
    group.next(2, Op::Unban { account: account(3) });
    assert!(!is_member(&group.roster(), 3));
    group.admit(3, Role::Member);
    assert!(is_member(&group.roster(), 3));
}

/// [GROUP-7]: no member is cut shorter than any remover had seen.
#[test]
fn of_two_cuts_the_longer_counts() {
    let mut group = garden();
    let tips = group.tips();
    let cut = |seq| vec![Cut { device: device(3, 0), incarnation: 0, seq }];
    group.write(1, 0, tips.clone(), Op::Remove { account: account(3), cut: cut(4) });
    group.write(2, 0, tips, Op::Remove { account: account(3), cut: cut(9) });
    let roster = group.in_every_order(2);
    assert_eq!(roster.cut(&device(3, 0), 0), Some(9));
    assert_eq!(roster.cut(&device(3, 1), 0), Some(0));
    assert_eq!(roster.cut(&device(4, 0), 0), None);
}

/// [GROUP-7]
#[test]
fn when_the_owner_leaves_the_most_senior_admin_inherits_then_the_most_senior_member() {
    let mut group = garden();
    group.next(OWNER, Op::Leave);
    assert_eq!(group.roster().owner(), Some(&account(1)));
    for n in [1, 2] {
        group.next(n, Op::Leave);
    }
    assert_eq!(group.roster().owner(), Some(&account(3)));
    for n in [3, 4, 5] {
        group.next(n, Op::Leave);
    }
    let mut roster = group.roster();
    assert!(roster.is_empty() && roster.owner().is_none());
    assert_eq!(roster.standing(&account(5)).unwrap().exit.unwrap().0, Exit::Left);
    // Nobody is left who could do anything.
    let late = group.write(OWNER, 0, group.tips(), rename("mine"));
    assert_eq!(changes(roster.insert(group.record(late))), vec![]);
    assert_eq!(denied(&roster, late), Denied::NotAMember);
}

/// [GROUP-7]
#[test]
fn there_is_one_owner_whatever_happens_at_the_same_time() {
    let mut group = garden();
    let tips = group.tips();
    group.write(OWNER, 0, tips.clone(), Op::Transfer { to: account(3) });
    group.write(OWNER, 1, tips.clone(), Op::Transfer { to: account(4) });
    group.write(1, 0, tips.clone(), remove(3));
    group.write(2, 0, tips, remove(4));
    let roster = group.in_every_order(4);
    let owners = roster.members(None).filter(|(_, member)| member.role == Role::Owner).count();
    assert_eq!(owners, 1);
    assert!(is_member(&roster, 3) && !is_member(&roster, 4));
    assert_eq!(roster.owner(), Some(&account(3)));
}

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
