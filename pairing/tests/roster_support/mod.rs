//! A group whose members write operations, and the naive model to hold the roster against.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "every test binary uses its part, and tests may stop")]

pub(crate) mod mirror;
pub(crate) mod model;
pub(crate) mod reach;
pub(crate) mod view;
pub(crate) mod world;

use std::collections::{BTreeMap, BTreeSet};

use covey_pairing::{
    group::roster::{
        Change, Cut, Grant, Ground, Inserted, Op, OpId, OpRecord, Operation, Policy, Role, Roster, TicketId,
        VerifiedDevices, VerifiedJoin, Vouched, group_id,
    },
    ids::{AccountId, DeviceId, GroupId},
};
use serde_bytes::ByteBuf;

pub(crate) const NONCE: [u8; 32] = [42; 32];
pub(crate) const OWNER: u16 = 0;

pub(crate) fn account(n: u16) -> AccountId {
    let mut bytes = [0xA0; 32];
    // Not in the order of the numbers, so that nothing holds by accident.
    bytes[..2].copy_from_slice(&(n.wrapping_mul(40_503)).to_be_bytes());
    AccountId::from_bytes(bytes)
}

/// Device `which` of account `n`.
pub(crate) fn device(n: u16, which: u8) -> DeviceId {
    let mut bytes = [0xD0; 32];
    bytes[..2].copy_from_slice(&(n.wrapping_mul(25_717)).to_be_bytes());
    bytes[2] = which;
    DeviceId::from_bytes(bytes)
}

pub(crate) fn the_group() -> GroupId {
    group_id(&account(OWNER), &device(OWNER, 0), &NONCE)
}

pub(crate) fn devices(n: u16, which: &[u8], log: u64) -> VerifiedDevices {
    VerifiedDevices { devices: which.iter().map(|which| device(n, *which)).collect(), log }
}

pub(crate) fn create() -> (Op, Vouched) {
    let op = Op::Create { nonce: NONCE, name: "garden".into(), policy: Policy::default(), card: ByteBuf::from([1]) };
    (op, Vouched::Devices(devices(OWNER, &[0, 1], 1)))
}

pub(crate) fn join(n: u16, ground: Ground) -> (Op, Vouched) {
    join_at(n, ground, 1_000)
}

pub(crate) fn join_at(n: u16, ground: Ground, at: u64) -> (Op, Vouched) {
    let op = Op::Join { statement: ByteBuf::from([1]), card: ByteBuf::from([1]) };
    (op, Vouched::Join(VerifiedJoin { account: account(n), devices: devices(n, &[0, 1], 1), ground, at }))
}

pub(crate) fn renew(n: u16, which: &[u8], log: u64) -> (Op, Vouched) {
    (Op::Devices { card: ByteBuf::from([1]) }, Vouched::Devices(devices(n, which, log)))
}

pub(crate) fn invite(n: u16, role: Role) -> Op {
    Op::Invite { account: account(n), grant: Grant::visible(role) }
}

pub(crate) fn role(n: u16, role: Role) -> Op {
    Op::Role { account: account(n), grant: Grant::visible(role), cut: None }
}

pub(crate) fn remove(n: u16) -> Op {
    Op::Remove { account: account(n), cut: vec![Cut { device: device(n, 0), incarnation: 0, seq: 3 }] }
}

pub(crate) fn ban(n: u16) -> Op {
    Op::Ban { account: account(n), cut: vec![] }
}

pub(crate) fn rename(name: &str) -> Op {
    Op::Rename { name: name.into() }
}

pub(crate) fn ticket(which: u8, uses: Option<u32>, approve: bool) -> Op {
    Op::Ticket { id: ticket_id(which), grant: Grant::visible(Role::Member), uses, expires_at: Some(5_000), approve }
}

pub(crate) fn ticket_id(which: u8) -> TicketId {
    TicketId::from_bytes([which; 16])
}

/// Everything that was ever written in the group, in the order of writing.
#[derive(Clone, Default)]
pub(crate) struct Group {
    pub(crate) records: Vec<OpRecord>,
    positions: BTreeMap<(DeviceId, u64), u64>,
}

impl Group {
    /// With its creation.
    pub(crate) fn new() -> Self {
        let mut group = Self::default();
        group.write(OWNER, 0, vec![], create());
        group
    }

    pub(crate) fn creation(&self) -> OpId {
        self.records[0].id
    }

    /// An operation of a device, with these dependencies.
    pub(crate) fn write(&mut self, n: u16, which: u8, deps: Vec<OpId>, what: impl Into<What>) -> OpId {
        self.write_in((n, which, 0), deps, what)
    }

    /// In a feed of the author's choice: account, device, incarnation.
    pub(crate) fn write_in(&mut self, feed: (u16, u8, u64), deps: Vec<OpId>, what: impl Into<What>) -> OpId {
        let seq = self.positions.get(&(device(feed.0, feed.1), feed.2)).copied().unwrap_or(0) + 1;
        self.write_at(feed, seq, deps, what)
    }

    /// At a position of the author's choice, too.
    pub(crate) fn write_at(&mut self, feed: (u16, u8, u64), seq: u64, deps: Vec<OpId>, what: impl Into<What>) -> OpId {
        let (n, which, incarnation) = feed;
        let What(op, vouched) = what.into();
        let count = self.records.len() as u64;
        let id = OpId::from_bytes(covey_pairing::crypto::hash::blake3(&count.to_be_bytes()));
        let operation = Operation { account: account(n), at: count, deps, op };
        self.positions.insert((device(n, which), incarnation), seq);
        let (device, lamport) = (device(n, which), 10 * (count + 1));
        self.records.push(OpRecord { id, device, incarnation, seq, lamport, operation, vouched });
        id
    }

    /// By an author who has seen everything.
    pub(crate) fn next(&mut self, n: u16, what: impl Into<What>) -> OpId {
        let deps = self.roster().deps();
        self.write(n, 0, deps, what)
    }

    /// Invited by the owner with `role`, and joined.
    pub(crate) fn admit(&mut self, n: u16, granted: Role) -> OpId {
        let invited = self.next(OWNER, invite(n, granted));
        let at = 1_000 + self.records.len() as u64;
        self.next(OWNER, join_at(n, Ground::Invite(invited), at))
    }

    pub(crate) fn record(&self, id: OpId) -> OpRecord {
        self.records.iter().find(|record| record.id == id).unwrap().clone()
    }

    /// The roster of one who got everything in the order of writing.
    pub(crate) fn roster(&self) -> Roster {
        filled(&self.records)
    }

    pub(crate) fn tips(&self) -> Vec<OpId> {
        self.roster().deps()
    }

    /// Every order of the last `n` records after all others, each on a roster of its own; all are the same.
    pub(crate) fn in_every_order(&self, n: usize) -> Roster {
        let (before, last) = self.records.split_at(self.records.len() - n);
        let base = filled(before);
        let rosters: Vec<Roster> = permutations(n)
            .iter()
            .map(|order| {
                let mut roster = base.clone();
                order.iter().for_each(|&at| drop(roster.insert(last[at].clone())));
                roster
            })
            .collect();
        let expected = model::Model::of(&self.records, &BTreeMap::new());
        for roster in &rosters {
            assert_eq!(view::View::of(roster), expected.view(), "the model says otherwise");
            assert_eq!(roster.hash(), rosters[0].hash());
        }
        rosters[0].clone()
    }
}

/// An operation with what was verified of it.
pub(crate) struct What(pub(crate) Op, pub(crate) Vouched);

impl From<Op> for What {
    fn from(op: Op) -> Self {
        Self(op, Vouched::Nothing)
    }
}

impl From<(Op, Vouched)> for What {
    fn from((op, vouched): (Op, Vouched)) -> Self {
        Self(op, vouched)
    }
}

/// The owner, admins 1 and 2 (1 is the senior), members 3 and 4, reader 5; 6 and up are strangers.
pub(crate) fn garden() -> Group {
    let mut group = Group::new();
    for (n, role) in [(1, Role::Admin), (2, Role::Admin), (3, Role::Member), (4, Role::Member), (5, Role::Reader)] {
        group.admit(n, role);
    }
    assert!(group.roster().ignored().is_empty());
    group
}

pub(crate) fn is_member(roster: &Roster, n: u16) -> bool {
    roster.member(&account(n)).is_some()
}

pub(crate) fn filled(records: &[OpRecord]) -> Roster {
    let mut roster = Roster::new(the_group());
    for record in records {
        roster.insert(record.clone());
    }
    roster
}

pub(crate) fn changes(inserted: Inserted) -> Vec<Change> {
    match inserted {
        Inserted::Applied(changes) => changes,
        Inserted::Idle => vec![],
        other => panic!("{other:?}"),
    }
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![vec![]];
    }
    let shorter = permutations(n - 1);
    let with = |order: &Vec<usize>, at: usize| {
        let mut order = order.clone();
        order.insert(at, n - 1);
        order
    };
    shorter.iter().flat_map(|order| (0..n).map(move |at| with(order, at))).collect()
}

/// For each what its author had seen of the others, itself not included.
pub(crate) fn pasts(records: &[OpRecord]) -> Vec<BTreeSet<usize>> {
    let mut pasts: Vec<BTreeSet<usize>> = Vec::new();
    for (at, record) in records.iter().enumerate() {
        let mut past = BTreeSet::new();
        for (other, earlier) in records[..at].iter().enumerate() {
            let same_feed = (earlier.device, earlier.incarnation) == (record.device, record.incarnation);
            let before = same_feed && earlier.seq < record.seq;
            if before || record.operation.deps.contains(&earlier.id) {
                past.insert(other);
                past.extend(&pasts[other]);
            }
        }
        pasts.push(past);
    }
    pasts
}

pub(crate) fn gives_away(op: &Op) -> bool {
    matches!(op, Op::Leave | Op::Depart { .. } | Op::Transfer { .. })
}
