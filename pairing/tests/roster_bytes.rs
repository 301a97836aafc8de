//! Operations as bytes. `pairing/SPEC.md`, GROUP-2 and GROUP-3.
#![allow(clippy::unwrap_used, clippy::panic)]

mod roster_support;

use covey_pairing::group::roster::{
    CUT_MAX, Cut, DEPS_MAX, EntryId, Grant, Op, OpError, OpId, Operation, Policy, Role, is_group_name,
};
use proptest::prelude::*;
use roster_support::{account, create, device, join, rename, renew, ticket, ticket_id};
use serde_bytes::ByteBuf;

fn operation(op: Op) -> Operation {
    Operation { account: account(1), at: 1_767_225_600_000, deps: vec![OpId::from_bytes([1; 32])], op }
}

fn cut(feeds: usize) -> Vec<Cut> {
    (0..feeds).map(|n| Cut { device: device(1, 0), incarnation: n as u64, seq: u64::MAX }).collect()
}

/// [GROUP-2]
#[test]
fn every_operation_survives_its_bytes() {
    let who = account(7);
    let ops = [
        create().0,
        Op::Invite { account: who, grant: Grant { role: Role::Reader, invisible: true } },
        Op::Uninvite { account: who },
        join(3, covey_pairing::group::roster::Ground::Request).0,
        Op::Leave,
        Op::Depart { cut: cut(3) },
        Op::Remove { account: who, cut: cut(CUT_MAX) },
        Op::Ban { account: who, cut: vec![] },
        Op::Unban { account: who },
        Op::Role { account: who, grant: Grant::visible(Role::Admin), cut: None },
        Op::Role { account: who, grant: Grant::visible(Role::Admin), cut: Some(cut(2)) },
        Op::Transfer { to: who },
        rename("garden 🌱"),
        Op::Policy { policy: Policy { approve: true, ..Policy::default() }, cut: None },
        Op::Policy { policy: Policy::default(), cut: Some(vec![]) },
        ticket(1, None, true),
        Op::RevokeTicket { id: ticket_id(1) },
        renew(1, &[0], 1).0,
        Op::Delete { entry: EntryId::from_bytes([3; 32]), device: device(1, 1) },
    ];
    for op in ops {
        let operation = operation(op);
        let bytes = operation.encode().unwrap();
        assert_eq!(Operation::decode(&bytes).unwrap(), operation);
        for len in 0..bytes.len().min(200) {
            assert!(Operation::decode(&bytes[..len]).is_err());
        }
    }
}

/// [GROUP-2]: the bytes that version 1 writes.
#[test]
fn the_bytes_of_version_1_stay() {
    let operation = Operation { deps: vec![], ..operation(rename("a")) };
    let bytes = operation.encode().unwrap();
    let expected =
        format!("85015820{}1b0000019b76daa80080a16672656e616d65a1646e616d656161", hex::encode(account(1).as_bytes()));
    assert_eq!(hex::encode(&bytes), expected);
    let mut newer = bytes;
    newer[1] = 2;
    assert!(matches!(Operation::decode(&newer), Err(OpError::Malformed(_))));
}

/// [GROUP-3]
#[test]
fn what_is_outside_the_limits_is_neither_written_nor_read() {
    let grant = Grant::visible(Role::Owner);
    let big = |len| ByteBuf::from(vec![1; len]);
    let ops = [
        rename(""),
        rename(&"n".repeat(129)),
        rename("a\u{202e}b"),
        rename("\u{1b}[2J"),
        Op::Remove { account: account(2), cut: cut(CUT_MAX + 1) },
        Op::Ban { account: account(2), cut: cut(CUT_MAX + 1) },
        Op::Role { account: account(2), grant, cut: None },
        Op::Invite { account: account(2), grant },
        ticket(1, Some(0), false),
        Op::Join { statement: big(4 * 1024 + 1), card: big(1) },
        Op::Join { statement: big(1), card: big(12 * 1024 + 1) },
        Op::Devices { card: big(0) },
        Op::Policy { policy: Policy { write: Role::Reader, ..Policy::default() }, cut: None },
        Op::Policy { policy: Policy { newcomers: Grant::visible(Role::Admin), ..Policy::default() }, cut: None },
    ];
    for op in ops {
        assert!(matches!(operation(op.clone()).encode(), Err(OpError::Limit(_))), "{op:?}");
    }
    let deps = vec![OpId::from_bytes([1; 32]); DEPS_MAX + 1];
    assert!(matches!(Operation { deps, ..operation(Op::Leave) }.encode(), Err(OpError::Limit(_))));
    assert!(is_group_name(&"é".repeat(64)) && !is_group_name(&"é".repeat(65)) && !is_group_name(" \t"));
    assert!(matches!(Operation::decode(&vec![0x80; 64 * 1024]), Err(OpError::Malformed(_))));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_an_operation_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(operation) = Operation::decode(&bytes) {
            prop_assert!(operation.encode().is_ok());
        }
    }

    #[test]
    fn a_changed_byte_never_panics(at in 0..200usize, to: u8) {
        let mut bytes = operation(create().0).encode().unwrap();
        let len = bytes.len();
        bytes[at % len] = to;
        let _ = Operation::decode(&bytes);
    }
}
