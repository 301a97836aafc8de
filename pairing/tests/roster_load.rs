//! What one member can make the others compute: counted, not timed. `pairing/SPEC.md`, GROUP-12 and GROUP-15.
#![allow(clippy::unwrap_used, clippy::panic)]

mod roster_support;

use covey_pairing::{
    group::roster::{EntryId, Ground, Inserted, Op, OpRecord, Policy, Role, Roster},
    ids::AccountId,
};
use roster_support::{
    Group, OWNER, account, device, filled, garden, is_member, join, rename, renew, role, the_group, ticket, ticket_id,
};

/// The owner, and joins by a ticket, each carried by the owner who saw all.
fn grown(members: u16) -> (Group, Roster) {
    let mut group = Group::new();
    let mut roster = group.roster();
    for n in 0..members {
        let what = if n == 0 { ticket(1, None, false).into() } else { join(n, Ground::Ticket(ticket_id(1))).into() };
        let what: roster_support::What = what;
        group.write(OWNER, 0, roster.deps(), what);
        roster.insert(group.records.last().unwrap().clone());
    }
    (group, roster)
}

fn evaluated(roster: &Roster, before: u64) -> u64 {
    roster.work().evaluated - before
}

fn deletion(n: u16, which: u8) -> Op {
    Op::Delete { entry: EntryId::from_bytes([which; 32]), device: device(n, 0) }
}

/// [GROUP-15]
#[test]
fn a_member_who_names_nothing_does_not_make_others_work_for_ever() {
    let (mut group, mut roster) = grown(4_000);
    let (root, before) = (group.creation(), roster.work().evaluated);
    let (hash, tips) = (roster.hash(), roster.tips());
    for _ in 0..64 {
        group.write(7, 0, vec![root], rename("x"));
        assert_eq!(roster.insert(group.records.last().unwrap().clone()), Inserted::Idle);
    }
    assert_eq!(evaluated(&roster, before), 0);
    assert_eq!((roster.hash(), roster.tips()), (hash, tips), "nobody has to name them either");
    assert_eq!(roster.ignored().len(), 64);
    // Who comes after, also naming them, is evaluated once.
    let idle = group.records.last().unwrap().id;
    let deps = [roster.deps(), vec![idle]].concat();
    group.write(OWNER, 0, deps, rename("y"));
    roster.insert(group.records.last().unwrap().clone());
    assert_eq!((evaluated(&roster, before), roster.name()), (1, "y"));
    assert_eq!(filled(&group.records).hash(), roster.hash());
}

/// [GROUP-12]: a history of its own that one member writes, naming nothing of the others, and hands over at once.
#[test]
fn a_long_chain_beside_everything_costs_a_pass_and_is_kept_in_little_room() {
    for feeds in [1, 2] {
        let mut group = garden();
        let mut before = filled(&group.records);
        let work = before.work().evaluated;
        let mut last = vec![group.creation()];
        for n in 0..20_000u64 {
            // One after the other from both devices, each naming the other's last.
            let (feed, target) = (u8::try_from(n % feeds).unwrap(), u8::try_from(n % 251).unwrap());
            last = vec![group.write(3, feed, last, deletion(3, target))];
        }
        let (_, refused) = before.insert_all(group.records.clone());
        assert!(refused.is_empty());
        let spent = evaluated(&before, work);
        assert!(spent <= 3 * group.records.len() as u64, "{spent}");
        let mut replayed = Roster::new(the_group());
        replayed.insert_all(group.records.clone());
        assert!(replayed.work().evaluated <= 3 * group.records.len() as u64, "a restart does not pay more");
        assert_eq!(replayed.hash(), before.hash());
    }
}

/// [GROUP-8] [GROUP-12]: each of a thousand lists drops the device that wrote the other half.
#[test]
fn devices_that_drop_each_other_a_thousand_times_cost_a_few_passes() {
    let mut group = garden();
    let tips = group.tips();
    for which in [0, 1] {
        for n in 0..500 {
            group.write(3, which, tips.clone(), renew(3, &[which], 2 + n));
        }
    }
    let mut roster = Roster::new(the_group());
    let (_, refused) = roster.insert_all(group.records.clone());
    assert!(refused.is_empty());
    let spent = roster.work().evaluated;
    assert!(spent <= 40 * group.records.len() as u64, "{spent}");
    let mut other = Roster::new(the_group());
    other.insert_all(group.records.iter().rev().cloned().collect());
    assert_eq!(other.hash(), roster.hash());
    assert_eq!(roster.member(&account(3)).unwrap().devices.len(), 1);
}

/// [GROUP-15]: what an account may be does not depend on what came first.
#[test]
fn what_is_set_aside_counts_as_soon_as_it_may() {
    let mut group = garden();
    let tips = group.tips();
    let raised = group.write(OWNER, 0, tips.clone(), role(5, Role::Admin));
    group.write(5, 0, vec![raised], rename("raised"));
    group.write(5, 1, tips.clone(), rename("before"));
    group.write(OWNER, 1, tips, Op::Policy { policy: Policy { rename: Role::Reader, ..Policy::default() }, cut: None });
    let roster = group.in_every_order(4);
    assert_eq!((roster.name(), roster.ignored().len()), ("raised", 1));
    // An idle past does not hide what it stands between.
    let mut group = garden();
    let idle = group.next(5, rename("x"));
    let later = group.write(5, 0, vec![idle], Op::Leave);
    group.write(5, 0, vec![later], rename("y"));
    let roster = group.in_every_order(3);
    assert!(!is_member(&roster, 5) && roster.tips() == [later]);
}

/// [GROUP-15]: whoever may inherit is not set aside.
#[test]
fn when_the_owner_left_nobody_is_set_aside() {
    let mut group = garden();
    for n in [1, 2] {
        group.next(n, Op::Leave);
    }
    group.next(OWNER, Op::Leave);
    group.next(3, rename("of the heir"));
    group.next(3, role(4, Role::Admin));
    let roster = group.in_every_order(4);
    assert_eq!((roster.name(), roster.ignored().len()), ("of the heir", 0));
}

/// [GROUP-12]: the account whose operation is late pays, not whoever writes next.
#[test]
fn work_is_charged_to_whom_it_is_for() {
    let (mut group, mut roster) = grown(1_000);
    roster.take_costs();
    let old = group.records[600].id;
    let tips = roster.deps();
    let cost = |roster: &mut Roster, group: &Group| -> Vec<(AccountId, u64)> {
        roster.insert(group.records.last().unwrap().clone());
        roster.take_costs()
    };
    group.write(OWNER, 0, tips.clone(), rename("in turn"));
    assert_eq!(cost(&mut roster, &group), [(account(OWNER), 1)]);
    group.write(7, 0, vec![old], deletion(7, 1));
    let spent = cost(&mut roster, &group);
    assert!(spent.len() == 1 && spent[0].0 == account(7) && spent[0].1 > 400, "{spent:?}");
    // One who has not heard of it yet.
    group.write(OWNER, 0, tips, rename("beside"));
    let spent = cost(&mut roster, &group);
    assert!(spent.len() == 1 && spent[0].0 == account(7) && spent[0].1 > 400, "{spent:?}");
    group.write(OWNER, 0, roster.deps(), rename("all"));
    cost(&mut roster, &group);
    group.write(OWNER, 0, roster.deps(), rename("in turn again"));
    assert_eq!(cost(&mut roster, &group), [(account(OWNER), 1)]);
    let records: Vec<OpRecord> = group.records.clone();
    assert_eq!(filled(&records).hash(), roster.hash());
}
