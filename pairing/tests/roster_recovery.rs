//! Accounts that were recovered with their words come back to their groups by themselves, and thieves of before do not keep them out.
//! `pairing/SPEC.md`, GROUP-16; held against the naive model as all of it is.
#![allow(clippy::unwrap_used, clippy::panic)]

mod roster_support;

use covey_pairing::group::roster::{OpId, Role, Roster};
use roster_support::{account, device, garden, rename, renew};

/// One rotation, in the rank of a key log.
const RECOVERED: u64 = 1 << 32;

fn counts(roster: &Roster, op: OpId) -> bool {
    roster.reason(&op).is_none()
}

/// [GROUP-16]
#[test]
fn the_new_device_of_a_recovered_account_puts_itself_on_the_roster_in_its_role() {
    let mut group = garden();
    let tips = group.roster().deps();
    let back = group.write(1, 5, tips, renew(1, &[5], RECOVERED | 3));
    let roster = group.roster();
    assert!(counts(&roster, back));
    let member = roster.member(&account(1)).expect("a member as before");
    assert_eq!((&*member.devices, member.role), (&[device(1, 5)][..], Role::Admin));
    let tips = roster.deps();
    let writes_on = group.write(1, 5, tips.clone(), rename("after the fire"));
    let from_before = group.write(1, 0, tips, rename("by the thief"));
    let roster = group.roster();
    assert!(counts(&roster, writes_on) && !counts(&roster, from_before));
}

/// [GROUP-16]
#[test]
fn nobody_comes_back_without_a_later_recovery_nor_for_an_account_that_is_no_member() {
    let mut group = garden();
    let tips = group.roster().deps();
    let longer = group.write(1, 5, tips.clone(), renew(1, &[5], 40));
    let not_listed = group.write(1, 6, tips.clone(), renew(1, &[5], RECOVERED | 3));
    let stranger = group.write(8, 0, tips.clone(), renew(8, &[0], RECOVERED | 3));
    let other_op = group.write(1, 7, tips, rename("by a stranger"));
    for op in [longer, not_listed, stranger, other_op] {
        assert!(!counts(&group.roster(), op));
    }
    let roster = group.roster();
    let back = group.write(1, 5, roster.deps(), renew(1, &[5], (2 * RECOVERED) | 3));
    let again = group.write(1, 6, group.roster().deps(), renew(1, &[6], (2 * RECOVERED) | 9));
    let roster = group.roster();
    assert!(counts(&roster, back) && !counts(&roster, again), "one recovery brings one list");
}

/// [GROUP-16] Whatever its name is smaller than, and whoever wrote more.
#[test]
fn a_thief_of_before_does_not_keep_a_recovered_account_out() {
    for thief in 0..2 {
        for thieves in [&[0][..], &[1], &[0, 1]] {
            let mut group = garden();
            let tips = group.roster().deps();
            let mut theirs = vec![group.write(1, thief, tips.clone(), renew(1, thieves, 40))];
            theirs.push(group.write(1, thief, tips.clone(), rename("by the thief")));
            let back = group.write(1, 5, tips.clone(), renew(1, &[5], RECOVERED | 2));
            theirs.push(group.write(1, thief, tips, renew(1, thieves, 60)));
            let roster = group.roster();
            assert!(counts(&roster, back));
            assert!(theirs.iter().all(|op| !counts(&roster, *op)), "what did not know of the recovery does not count");
            assert_eq!(&*roster.member(&account(1)).expect("a member").devices, &[device(1, 5)]);
        }
    }
}
