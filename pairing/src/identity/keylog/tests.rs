//! [KEYLOG-*] of `pairing/SPEC.md`.

mod contests;
mod order;
mod rotations;

use super::{op::OpContent, *};
use crate::{
    crypto::sign::Context,
    identity::{AccountSecret, DeviceSecret},
};

const NOW: u64 = 1_800_000_000_000;

fn account() -> AccountSecret {
    AccountSecret::from_seed([1; 32])
}

fn device(n: u8) -> DeviceSecret {
    DeviceSecret::from_seed([n; 32])
}

fn log(devices: u8) -> KeyLog {
    let account = account();
    (0..devices).fold(KeyLog::create(&account, NOW), |log, n| {
        log.add_device(&account, &device(n + 10), NOW).expect("within limits")
    })
}

fn tampered(log: &KeyLog, change: impl FnOnce(&mut Vec<SignedOp>)) -> Result<KeyLog, KeyLogError> {
    let mut ops = log.ops().to_vec();
    change(&mut ops);
    KeyLog::verify(ops)
}

/// A log of before there were recovery keys: a device with a name, no commitment.
fn log_of_before() -> KeyLog {
    let (account, device) = (account(), device(10));
    let genesis = signed(0, [0; 32], Operation::Genesis { dh: account.dh().public(), next: None });
    let (keys, proof) = (device.keys(), device.join_proof(&account.id()));
    let name = Some("first device".to_owned());
    let add = signed(1, blake3(genesis.bytes()), Operation::Add { device: keys, name, number: None, proof });
    KeyLog::verify(vec![genesis, add]).expect("valid")
}

/// An operation signed by the account that the API would not make.
fn signed(seq: u64, prev: [u8; 32], operation: Operation) -> SignedOp {
    OpContent::new(account().id(), seq, prev, NOW, operation).sign(account().signing().expect("a holder"))
}

#[test]
fn a_log_survives_storage_and_names_its_devices() {
    let log = log(2);
    let bytes = covey_codec::encode(&log).expect("encodes");
    let back: KeyLog = covey_codec::decode(&bytes, 64 * 1024).expect("decodes");
    assert_eq!(back, log);
    assert_eq!(back.account(), account().id());
    assert_eq!(back.dh(), account().dh().public());
    assert_eq!(back.active().count(), 2);
    assert!(back.is_active(&device(10).id()) && !back.is_active(&device(12).id()));
}

/// A record that was verified once is not verified for every message; whoever checks a database looks again.
#[test]
fn what_is_read_from_storage_keeps_its_chain_and_is_found_out_by_whoever_verifies_again() {
    #[derive(Deserialize)]
    struct Record {
        #[serde(deserialize_with = "super::stored::deserialize")]
        log: Option<KeyLog>,
    }
    let read = |ops: Vec<SignedOp>| {
        let bytes = covey_codec::encode(&std::collections::BTreeMap::from([("log", ops)])).expect("encodes");
        covey_codec::decode::<Record>(&bytes, 64 * 1024).map(|record| record.log)
    };
    let good = log(2);
    assert_eq!(read(good.ops().to_vec()).expect("decodes"), Some(good.clone()));
    assert_eq!(good.verify_again(), Ok(()));
    let forged = SignedOp::from_parts(good.ops()[2].bytes().to_vec(), [7; 64]);
    let changed = read([&good.ops()[..2], &[forged]].concat()).expect("decodes").expect("its chain holds");
    assert_eq!(changed.verify_again(), Err(KeyLogError::Signature(2)));
    let torn = read([&good.ops()[..1], &good.ops()[2..]].concat());
    assert!(torn.is_err(), "the chain is torn");
}

/// [KEYLOG-1]
#[test]
fn an_operation_of_another_signer_is_refused() {
    let thief = AccountSecret::from_seed([66; 32]);
    let log = log(1);
    let op = OpContent::new(
        account().id(),
        2,
        log.head(),
        NOW,
        Operation::Revoke { device: device(10).id(), cutoffs: Vec::new() },
    )
    .sign(thief.signing().expect("a holder"));
    assert_eq!(tampered(&log, |ops| ops.push(op)), Err(KeyLogError::Signature(2)));
    assert_eq!(log.add_device(&thief, &device(11), NOW), Err(KeyLogError::Signature(2)));
}

/// [KEYLOG-1]
#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let log = log(1);
    for at in 0..2 {
        for byte in [0, 10, 40] {
            let result = tampered(&log, |ops| {
                let mut bytes = ops[at].bytes().to_vec();
                bytes[byte] ^= 1;
                ops[at] = SignedOp::from_parts(bytes, *ops[at].signature());
            });
            assert!(result.is_err());
        }
    }
}

/// [KEYLOG-2]
#[test]
fn a_missing_repeated_or_reordered_operation_is_refused() {
    let log = log(3);
    assert_eq!(tampered(&log, |ops| drop(ops.remove(2))), Err(KeyLogError::Chain(2)));
    assert_eq!(tampered(&log, |ops| ops.swap(1, 2)), Err(KeyLogError::Chain(1)));
    assert_eq!(tampered(&log, |ops| ops.push(ops[3].clone())), Err(KeyLogError::Chain(4)));
    assert_eq!(tampered(&log, |ops| drop(ops.remove(0))), Err(KeyLogError::Chain(0)));
    assert_eq!(tampered(&log, Vec::clear), Err(KeyLogError::Empty));
}

/// [KEYLOG-2]
#[test]
fn a_log_of_two_accounts_is_refused() {
    let other = KeyLog::create(&AccountSecret::from_seed([2; 32]), NOW);
    assert_eq!(tampered(&log(1), |ops| ops[0] = other.ops()[0].clone()), Err(KeyLogError::Signature(1)));
}

/// [KEYLOG-3]
#[test]
fn a_second_genesis_is_refused() {
    let log = log(1);
    let again =
        signed(2, log.head(), Operation::Genesis { dh: AccountSecret::from_seed([5; 32]).dh().public(), next: None });
    assert_eq!(tampered(&log, |ops| ops.push(again)), Err(KeyLogError::Genesis(2)));
}

/// [KEYLOG-4]
#[test]
fn a_device_cannot_be_claimed_without_its_agreement() {
    let log = log(0);
    let victim = device(99);
    let proof = victim.join_proof(&AccountId::from_bytes([3; 32]));
    let claim = signed(1, log.head(), Operation::Add { device: victim.keys(), name: None, number: Some(1), proof });
    assert_eq!(tampered(&log, |ops| ops.push(claim)), Err(KeyLogError::Proof(1)));
}

/// [KEYLOG-5]
#[test]
fn a_revoked_device_stays_out() {
    let (account, log) = (account(), log(2));
    let cutoff = Cutoff { channel: [8; 32], incarnation: 1, seq: 41 };
    let revoked = log.revoke_device(&account, device(10).id(), vec![cutoff], NOW + 1).expect("was active");
    assert!(!revoked.is_active(&device(10).id()));
    assert_eq!(
        revoked.device(&device(10).id()).and_then(|d| d.revoked.clone()),
        Some(Revocation { at: NOW + 1, cutoffs: vec![cutoff] })
    );
    assert_eq!(revoked.add_device(&account, &device(10), NOW), Err(KeyLogError::Known(4)));
    assert_eq!(revoked.revoke_device(&account, device(10).id(), Vec::new(), NOW), Err(KeyLogError::NotActive(4)));
}

/// [KEYLOG-6]
#[test]
fn limits_hold_for_devices_names_cutoffs_and_length() {
    let (account, full) = (account(), log(8));
    assert_eq!(full.add_device(&account, &device(50), NOW), Err(KeyLogError::Limit(9)));
    let proof = device(50).join_proof(&account.id());
    let named = |name: &str| {
        let (device, name) = (device(50).keys(), Some(name.to_owned()));
        let add = signed(1, log(0).head(), Operation::Add { device, name, number: None, proof });
        tampered(&log(0), |ops| ops.push(add)).map(|log| log.devices()[0].number)
    };
    assert_eq!(named("\u{1b}[2J"), Err(KeyLogError::Limit(1)));
    assert_eq!(named("laptop"), Ok(1));
    let cutoffs = vec![Cutoff { channel: [8; 32], incarnation: 1, seq: 41 }; 65];
    assert_eq!(full.revoke_device(&account, device(10).id(), cutoffs, NOW), Err(KeyLogError::Limit(9)));
    let mut long = log(0);
    for n in 0..31 {
        long = long.add_device(&account, &device(n + 100), NOW).expect("room");
        long = long.revoke_device(&account, device(n + 100).id(), Vec::new(), NOW).expect("active");
    }
    long = long.add_device(&account, &device(1), NOW).expect("the 64th operation");
    assert_eq!(long.add_device(&account, &device(2), NOW), Err(KeyLogError::TooLong));
}

/// [KEYLOG-7]
#[test]
fn only_extensions_are_taken_and_a_conflict_is_proof() {
    let account = account();
    let base = log(1);
    let longer = base.add_device(&account, &device(20), NOW).expect("room");
    assert_eq!(longer.compare(&base), Ok(LogOrder::Extends));
    assert_eq!(base.compare(&longer), Ok(LogOrder::Behind));
    assert_eq!(base.compare(&base), Ok(LogOrder::Same));
    assert!(longer.extends(&base) && !base.extends(&longer));

    let other = base.add_device(&account, &device(21), NOW).expect("room");
    assert!(!other.extends(&longer));
    let fork = other.compare(&longer).expect_err("two histories");
    assert!(fork.is_proof_against(&base));
    assert!(!fork.is_proof_against(&KeyLog::create(&AccountSecret::from_seed([2; 32]), NOW)));
}

/// [KEYLOG-7]
#[test]
fn operations_of_different_positions_prove_nothing() {
    let log = log(2);
    assert!(!Fork::of_operations(&log.ops()[1], &log.ops()[2]).is_proof_against(&log));
    assert!(!Fork::of_operations(&log.ops()[1], &log.ops()[1]).is_proof_against(&log));
}

#[test]
fn a_signature_of_another_kind_is_not_an_operation() {
    let (account, log) = (account(), log(1));
    let bytes = log.ops()[1].bytes().to_vec();
    let signature = account.signing().expect("a holder").sign(Context::ContactCard, &bytes);
    let result = tampered(&log, |ops| ops[1] = SignedOp::from_parts(bytes, signature));
    assert_eq!(result, Err(KeyLogError::Signature(1)));
}

/// [KEYLOG-16]
#[test]
fn a_plain_device_neither_adds_nor_revokes() {
    let (plain, log) = (account().plain(), log(1));
    assert_eq!(log.add_device(&plain, &device(50), NOW), Err(KeyLogError::NotHolder));
    assert_eq!(log.revoke_device(&plain, device(10).id(), Vec::new(), NOW), Err(KeyLogError::NotHolder));
}

/// [KEYLOG-4]
#[test]
fn a_device_that_runs_elsewhere_joins_by_its_public_keys_and_its_agreement() {
    let (base, joining) = (log(1), device(50));
    let proof = joining.join_proof(&base.account());
    let added = base.add_joining(&account().sealed(), joining.keys(), proof, NOW).expect("it agreed");
    assert_eq!(added, base.add_device(&account(), &joining, NOW).expect("the same"));
    let elsewhere = joining.join_proof(&AccountSecret::from_seed([2; 32]).id());
    assert_eq!(base.add_joining(&account(), joining.keys(), elsewhere, NOW), Err(KeyLogError::Proof(2)));
    assert_eq!(base.add_joining(&account(), device(51).keys(), proof, NOW), Err(KeyLogError::Proof(2)));
}
