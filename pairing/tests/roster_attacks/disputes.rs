//! Who prevails when several act at once.

use crate::roster_support::{
    OWNER, account, ban, changes, device, garden, invite, is_member, join, remove, rename, renew, role,
};
use covey_pairing::group::roster::{Cut, Denied, EntryId, Exit, Ground, Op, Reason, Right, Role};

use crate::{denied, missing};

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
