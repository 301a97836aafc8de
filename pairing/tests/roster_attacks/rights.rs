//! What members try who may not, and what their past lets them do.

use crate::roster_support::{
    Group, NONCE, OWNER, account, ban, changes, create, device, devices, garden, invite, join, remove, rename, role,
    ticket, ticket_id,
};
use covey_pairing::{
    group::roster::{
        Denied, EntryId, Ground, Inserted, Op, OpId, Policy, Reason, Right, Role, Roster, Vouched, WAITING_PER_DEVICE,
        group_id,
    },
    ids::GroupId,
};

use crate::{denied, missing};

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
