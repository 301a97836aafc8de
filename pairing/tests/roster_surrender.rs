//! What an account gave away it has no more, whatever feed it writes in afterwards and whatever it claims to have known:
//! who left does nothing, a group is handed over once, and nothing of before undoes the heir.
//! `pairing/SPEC.md`, GROUP-7, GROUP-8 and GROUP-13.
#![allow(clippy::unwrap_used, clippy::panic)]

mod roster_support;

use covey_pairing::group::roster::{Cut, Ground, Op, OpId, Reason, Role, Roster};
use roster_support::{
    Group, OWNER, account, ban, device, garden, invite, is_member, join, rename, renew, role, ticket, ticket_id,
};

fn remove(n: u16) -> Op {
    Op::Remove { account: account(n), cut: vec![] }
}

fn hand_to(n: u16) -> Op {
    Op::Transfer { to: account(n) }
}

/// Everything that the group knew once, the oldest first: what somebody may claim to have known last.
fn pasts(group: &Group) -> Vec<OpId> {
    group.records.iter().map(|record| record.id).collect()
}

/// One more operation by somebody who forgets, from another device and from another incarnation, naming any of `known`.
fn late(group: &Group, n: u16, known: &[OpId], what: &Op) -> Vec<(OpId, Roster)> {
    let feeds = [(n, 1, 0), (n, 0, 1), (n, 1, 7)];
    let cases = feeds.into_iter().flat_map(|feed| known.iter().map(move |old| (feed, *old)));
    let tried = cases.map(|(feed, old)| {
        let mut group = group.clone();
        let id = group.write_in(feed, vec![old], what.clone());
        (id, group.in_every_order(1))
    });
    tried.collect()
}

/// [GROUP-8]
#[test]
fn who_left_does_nothing_that_their_leaving_did_not_know() {
    for leaving in [Op::Leave, Op::Depart { cut: vec![] }] {
        let mut group = garden();
        let known = pasts(&group);
        let left = group.next(1, leaving);
        group.next(2, rename("later"));
        let before = group.roster().hash();
        for what in
            [remove(3), ban(3), invite(6, Role::Member), rename("x"), role(3, Role::Reader), ticket(1, None, false)]
        {
            for (id, roster) in late(&group, 1, &known, &what) {
                assert!(is_member(&roster, 3) && !is_member(&roster, 1));
                assert_eq!(roster.hash(), before);
                let reason = roster.reason(&id).unwrap();
                assert!(matches!(reason, Reason::Denied(_)) || *reason == Reason::Outweighed { by: left });
            }
        }
    }
}

/// [GROUP-8]: nor is there a dispute, of those who remove each other, that makes their removal count although they left.
#[test]
fn who_left_removes_nobody_by_removing_who_removes_them() {
    for (fill, first) in (0..4).flat_map(|fill| [0, 1, 2].map(|first| (fill, first))) {
        let mut group = garden();
        let old = group.tips();
        for n in 0..fill {
            group.next(OWNER, rename(&n.to_string()));
        }
        let now = group.tips();
        // Ids decide between equals, and follow from the order of writing.
        let mut ids = [None; 3];
        for which in (0..3).map(|n| (n + first) % 3) {
            ids[which] = Some(match which {
                0 => group.write(1, 0, now.clone(), Op::Depart { cut: vec![] }),
                1 => group.write(1, 1, old.clone(), remove(2)),
                _ => group.write(2, 0, old.clone(), remove(1)),
            });
        }
        let roster = group.in_every_order(3);
        let counts = ids.map(|id| roster.reason(&id.unwrap()).is_none());
        assert!(!is_member(&roster, 1), "{fill} {first}");
        assert!(!counts[1], "a removal by who left counts: {fill} {first} {counts:?}");
    }
}

/// [GROUP-8]: neither by leaving a second time, nor with a list of devices.
#[test]
fn who_left_undoes_nothing_of_what_they_did_before() {
    let mut group = garden();
    group.admit(6, Role::Member);
    group.next(1, ban(7));
    let invited = group.next(1, invite(8, Role::Member));
    group.next(1, join(8, Ground::Invite(invited)));
    let known = pasts(&group);
    group.next(1, Op::Depart { cut: vec![] });
    let before = group.roster().hash();
    for what in [Op::Leave, Op::Depart { cut: vec![] }] {
        for (_, roster) in late(&group, 1, &known, &what) {
            assert_eq!(roster.hash(), before);
        }
    }
}

/// [GROUP-8]: what was done in the first feed, a leaving that is written in a later one does not undo.
#[test]
fn a_leaving_that_forgets_what_its_account_did_in_its_first_feed_does_not_count() {
    let mut group = garden();
    let invited = group.next(1, invite(8, Role::Member));
    group.next(1, join(8, Ground::Invite(invited)));
    let before = group.roster().hash();
    let known = pasts(&group);
    for (id, roster) in late(&group, 1, &known[5..known.len() - 1], &Op::Depart { cut: vec![] }) {
        assert!(is_member(&roster, 8) && is_member(&roster, 1));
        assert!(matches!(roster.reason(&id), Some(Reason::Outweighed { .. } | Reason::Denied(_))));
        assert_eq!(roster.hash(), before);
    }
}

/// [GROUP-7]
#[test]
fn feeds_of_who_left_that_nobody_listed_end() {
    let mut group = garden();
    group.next(1, Op::Leave);
    let roster = group.roster();
    assert_eq!(roster.cut(&device(1, 0), 7), Some(0));
    assert_eq!(roster.cut(&device(1, 0), 0), Some(1));
    let listed = Cut { device: device(3, 1), incarnation: 9, seq: 4 };
    group.next(3, Op::Depart { cut: vec![listed] });
    let roster = group.roster();
    assert_eq!(
        [(1, 9), (0, 0), (1, 0)].map(|(which, inc)| roster.cut(&device(3, which), inc)),
        [Some(4), Some(1), Some(0)]
    );
    // One that joins again opens new incarnations; what was listed keeps its end.
    group.admit(3, Role::Member);
    let roster = group.roster();
    assert_eq!(
        [(1, 9), (0, 0), (1, 3)].map(|(which, inc)| roster.cut(&device(3, which), inc)),
        [Some(4), Some(1), None]
    );
}

/// [GROUP-13]
#[test]
fn a_group_is_handed_over_once() {
    let mut group = garden();
    let known = pasts(&group);
    group.next(OWNER, hand_to(3));
    group.next(3, role(4, Role::Admin));
    let before = group.roster().hash();
    for what in [hand_to(2), hand_to(4), Op::Leave, Op::Depart { cut: vec![] }, role(5, Role::Admin)] {
        for (_, roster) in late(&group, OWNER, &known, &what) {
            assert_eq!(roster.owner(), Some(&account(3)));
            assert_eq!(roster.member(&account(4)).unwrap().role, Role::Admin);
            assert_eq!(roster.member(&account(5)).unwrap().role, Role::Reader);
            assert_eq!(roster.hash(), before);
        }
    }
}

/// [GROUP-13]: also who gets it from the puppet of a former owner.
#[test]
fn no_chain_of_transfers_on_the_side_undoes_the_heir() {
    let mut group = garden();
    let known = pasts(&group);
    group.next(OWNER, hand_to(3));
    for old in &known[4..] {
        let mut group = group.clone();
        let aside = group.write_in((OWNER, 0, 1), vec![*old], hand_to(2));
        let aside = group.write_in((2, 0, 1), vec![aside], hand_to(1));
        group.write_in((1, 0, 1), vec![aside], remove(3));
        let roster = group.in_every_order(3);
        assert_eq!(roster.owner(), Some(&account(3)));
    }
}

/// [GROUP-13]: not even to who was removed, and then was not, because who removed them had left.
#[test]
fn what_hands_nothing_over_by_what_its_author_knew_does_not_do_so_later() {
    let mut group = garden();
    let old = group.tips();
    group.write_in((1, 0, 0), old.clone(), Op::Depart { cut: vec![] });
    let removal = group.write_in((1, 1, 3), old, remove(2));
    let first = group.write_in((OWNER, 0, 0), vec![removal], hand_to(2));
    let roster = group.in_every_order(3);
    assert_eq!(roster.reason(&removal).map(|reason| matches!(reason, Reason::Outweighed { .. })), Some(true));
    assert!(is_member(&roster, 2));
    assert_eq!((roster.owner(), roster.reason(&first)), (Some(&account(OWNER)), Some(&Reason::Futile)));

    let second = group.write_in((OWNER, 0, 0), vec![first], hand_to(3));
    let roster = group.in_every_order(4);
    assert_eq!((roster.owner(), roster.reason(&second)), (Some(&account(3)), None));
    assert!(roster.reason(&first).is_some());
}

/// [GROUP-13]: as an admin the former owner does what admins do, also without knowing of the heir.
#[test]
fn a_former_owner_keeps_what_an_admin_may_do() {
    let mut group = garden();
    let old = group.tips();
    group.next(OWNER, hand_to(3));
    let renamed = group.write_in((OWNER, 0, 1), old, rename("still an admin"));
    let roster = group.in_every_order(1);
    assert_eq!((roster.reason(&renamed), roster.name()), (None, "still an admin"));
}

/// [GROUP-13]: never against the owner, whatever the admin claims to have known.
#[test]
fn no_admin_of_before_reaches_the_heir() {
    let mut group = garden();
    let known = pasts(&group);
    for handing in [hand_to(3), Op::Leave] {
        let mut group = group.clone();
        group.next(OWNER, handing);
        let heir = *group.roster().owner().unwrap();
        let n = if heir == account(3) { 3 } else { 1 };
        group.next(n, rename("mine"));
        for what in [remove(n), ban(n), role(n, Role::Reader)] {
            for (_, roster) in late(&group, 2, &known, &what) {
                assert_eq!((roster.owner(), roster.name()), (Some(&heir), "mine"));
            }
        }
    }
    // Nor through the one who let the heir in: 2 removes 1, who carried the join of 6.
    let invited = group.next(1, invite(6, Role::Member));
    group.next(1, join(6, Ground::Invite(invited)));
    group.next(OWNER, hand_to(6));
    for what in [remove(1), ban(1), role(1, Role::Reader)] {
        for (_, roster) in late(&group, 2, &known, &what) {
            assert_eq!(roster.owner(), Some(&account(6)));
        }
    }
    for what in [Op::Leave, role(1, Role::Reader), renew(1, &[0], 3).0] {
        for (_, roster) in late(&group, 1, &known, &what) {
            assert_eq!(roster.owner(), Some(&account(6)));
        }
    }
}

/// [GROUP-13]: a backdated join takes neither the use of the ticket nor the place of the heir.
#[test]
fn nobody_takes_the_place_of_the_heir_afterwards() {
    let mut group = garden();
    let made = group.next(1, ticket(1, Some(1), false));
    group.next(2, rename("later"));
    group.next(1, join(6, Ground::Ticket(ticket_id(1))));
    group.next(OWNER, hand_to(6));
    group.write_in((1, 0, 1), vec![made], join(7, Ground::Ticket(ticket_id(1))));
    let roster = group.in_every_order(1);
    assert_eq!(roster.owner(), Some(&account(6)));
    assert!(!is_member(&roster, 7));
}

/// [GROUP-13]: a device that was dropped elsewhere meanwhile handed the group over all the same, if it is of the first feed;
/// the first device decides about the others.
#[test]
fn of_two_devices_the_first_decides_what_is_given_away() {
    let mut group = garden();
    let tips = group.tips();
    group.write(OWNER, 0, tips.clone(), hand_to(3));
    group.write(OWNER, 1, tips.clone(), renew(OWNER, &[1], 2));
    assert_eq!(group.in_every_order(2).owner(), Some(&account(3)));
    let mut group = garden();
    group.write(OWNER, 1, tips.clone(), hand_to(3));
    let dropped = group.write(OWNER, 0, tips, renew(OWNER, &[0], 2));
    let roster = group.in_every_order(2);
    assert_eq!(roster.owner(), Some(&account(OWNER)));
    assert_eq!(roster.reason(&dropped), None);
}

/// [GROUP-13]: given back, it can be given again.
#[test]
fn a_group_goes_from_hand_to_hand() {
    let mut group = garden();
    let known = pasts(&group);
    group.next(OWNER, hand_to(3));
    group.next(3, hand_to(OWNER));
    group.next(OWNER, hand_to(4));
    assert_eq!(group.roster().owner(), Some(&account(4)));
    for what in [hand_to(2), Op::Leave] {
        for n in [OWNER, 3] {
            for (_, roster) in late(&group, n, &known, &what) {
                assert_eq!(roster.owner(), Some(&account(4)));
            }
        }
    }
}
