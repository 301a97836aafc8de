//! Joins applied to the roster of a large group and to that of a small one: the pure part of a join, without the
//! signatures around it.

use std::{cell::RefCell, time::Duration};

use covey_pairing::{
    crypto::hash::blake3,
    group::roster::{
        Grant, Ground, Inserted, Op, OpId, OpRecord, Operation, Policy, Role, Roster, TicketId, VerifiedDevices,
        VerifiedJoin, Vouched, group_id,
    },
    ids::{AccountId, DeviceId},
};
use serde_bytes::ByteBuf;

use crate::measure::{Bench, Contestant, timed};

const NONCE: [u8; 32] = [42; 32];
const TICKET: [u8; 16] = [1; 16];
/// Joins of a round.
const JOINS: usize = 8;

pub fn run(bench: &Bench) {
    let row = format!("roster: the {}th joins", bench.members);
    if !row.contains(&bench.only) {
        return;
    }
    let rounds = bench.rounds.min(50);
    let growing = [10, bench.members - (rounds + 1) * JOINS].map(|members| RefCell::new(Growing::new(members)));
    let [small, large] = &growing;
    bench.compare_in(
        rounds,
        &row,
        vec![
            Contestant::new("covey", JOINS, || large.borrow_mut().grow()),
            Contestant::new("the first", JOINS, || small.borrow_mut().grow()),
        ],
    );
    assert_eq!(large.borrow().roster.len(), bench.members);
}

/// A roster and its owner's feed.
struct Growing {
    roster: Roster,
    written: u64,
}

fn account(n: u64) -> AccountId {
    AccountId::from_bytes(blake3(&[b"account".as_slice(), &n.to_be_bytes()].concat()))
}

fn device(n: u64) -> DeviceId {
    DeviceId::from_bytes(blake3(&[b"device".as_slice(), &n.to_be_bytes()].concat()))
}

fn devices(n: u64) -> VerifiedDevices {
    VerifiedDevices { devices: vec![device(n)], log: 1 }
}

impl Growing {
    fn new(members: usize) -> Self {
        let mut growing = Self { roster: Roster::new(group_id(&account(0), &device(0), &NONCE)), written: 0 };
        let card = ByteBuf::from([1]);
        let create = Op::Create { nonce: NONCE, name: "bench".into(), policy: Policy::default(), card };
        let grant = Grant::visible(Role::Member);
        let id = TicketId::from_bytes(TICKET);
        let ticket = Op::Ticket { id, grant, uses: None, expires_at: None, approve: false };
        for (op, vouched) in [(create, Vouched::Devices(devices(0))), (ticket, Vouched::Nothing)] {
            let record = growing.next(op, vouched);
            growing.apply(record);
        }
        while growing.roster.len() < members {
            let record = growing.joining();
            growing.apply(record);
        }
        growing
    }

    /// The owner's next operation.
    fn next(&mut self, op: Op, vouched: Vouched) -> OpRecord {
        self.written += 1;
        let operation = Operation { account: account(0), at: self.written, deps: self.roster.deps(), op };
        let id = OpId::from_bytes(blake3(&self.written.to_be_bytes()));
        OpRecord { id, device: device(0), incarnation: 0, seq: self.written, lamport: self.written, operation, vouched }
    }

    fn joining(&mut self) -> OpRecord {
        let number = self.roster.len() as u64;
        let op = Op::Join { statement: ByteBuf::from([1]), card: ByteBuf::from([1]) };
        let ground = Ground::Ticket(TicketId::from_bytes(TICKET));
        let join = VerifiedJoin { account: account(number), devices: devices(number), ground, at: 1 };
        self.next(op, Vouched::Join(join))
    }

    fn apply(&mut self, record: OpRecord) {
        assert!(matches!(self.roster.insert(record), Inserted::Applied(_)), "it counts");
    }

    fn grow(&mut self) -> Duration {
        let mut all = Duration::ZERO;
        for _ in 0..JOINS {
            let record = self.joining();
            all += timed(|| self.apply(record));
        }
        all
    }
}
