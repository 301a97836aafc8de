//! [KEYLOG-12] Which of two logs outranks the other.

use super::*;

fn rotated(log: &KeyLog, keys: &AccountSecret, fresh: u8) -> (KeyLog, AccountSecret) {
    let device = device(fresh);
    log.rotate(keys, &Rotation { add: vec![&device], ..Rotation::default() }, NOW).expect("by the owner")
}

#[test]
fn a_rotation_outranks_any_number_of_operations_and_two_outrank_one() {
    let base = log(1);
    let (once, keys) = rotated(&base, &account(), 50);
    let (twice, _) = rotated(&once, &keys, 51);
    let mut long = base;
    for n in 0..5 {
        long = long.add_device(&account(), &device(n + 100), NOW).expect("room");
    }
    for (higher, lower) in [(&once, &long), (&twice, &long), (&twice, &once)] {
        assert_eq!(higher.compare(lower), Ok(LogOrder::Rotates));
        assert_eq!(lower.compare(higher), Ok(LogOrder::Behind));
        assert!(higher.extends(lower) && !lower.extends(higher));
    }
    assert_eq!(twice.compare(&twice), Ok(LogOrder::Same));
}

#[test]
fn two_rotations_of_one_log_are_a_proof_against_the_account_and_nobody_else() {
    let base = log(1);
    let (ours, keys) = rotated(&base, &account(), 50);
    let (theirs, their_keys) = rotated(&base, &account(), 66);
    let fork = ours.compare(&theirs).expect_err("two rotations");
    for log in [&base, &ours, &theirs] {
        assert!(fork.is_proof_against(log));
    }
    assert!(!fork.is_proof_against(&log_of_before()), "it does not lead to the recovery key");
    let other = AccountSecret::from_seed([2; 32]);
    assert!(!fork.is_proof_against(&KeyLog::create(&other, NOW)));
    // Nothing that comes later heals it, and it is found wherever it is in the logs.
    let ours = rotated(&ours, &keys, 51).0;
    let theirs = rotated(&rotated(&theirs, &their_keys, 67).0, &account().after_rotations(2).expect("seed"), 68).0;
    let (parting, fork) = ours.part(&theirs).expect_err("two rotations");
    assert_eq!(parting, Parting::Rotation(0));
    assert!(fork.is_proof_against(&ours) && fork.is_proof_against(&theirs) && fork.is_proof_against(&base));
    let stored = covey_codec::encode(&fork).expect("encodes");
    assert_eq!(covey_codec::decode::<Fork>(&stored, 64 * 1024).expect("decodes"), *fork);
}

#[test]
fn operations_after_a_rotation_that_part_are_a_proof_against_the_new_key() {
    let (base, keys) = rotated(&log(1), &account(), 50);
    let ours = base.add_device(&keys, &device(60), NOW).expect("room");
    let theirs = base.add_device(&keys, &device(61), NOW).expect("room");
    let (parting, fork) = ours.part(&theirs).expect_err("two histories");
    assert_eq!(parting, Parting::Operation(base.next_place()));
    assert!(fork.is_proof_against(&base));
    assert!(!fork.is_proof_against(&log(1)), "it does not lead to the new key");
}

#[test]
fn a_log_of_another_root_is_told_from_one_that_parts_later() {
    let other_genesis = KeyLog::create(&account(), NOW + 1);
    let (parting, fork) = log(1).part(&other_genesis).expect_err("another beginning");
    assert_eq!(parting, Parting::Root);
    assert!(fork.is_proof_against(&log(1)));
    let old = log_of_before();
    let committed = old.commit_recovery(&account()).expect("none yet");
    let next = AccountSecret::from_seed([66; 32]).recovery(0).expect("seed").commitment();
    let thief = signed(2, old.head(), Operation::Commit { next });
    let later = tampered(&old, |ops| ops.push(thief)).expect("by who has the first key");
    assert_eq!(committed.part(&later).map_err(|(parting, _)| parting), Err(Parting::Root));
    let added = old.add_device(&account(), &device(60), NOW).expect("room");
    let other = old.add_device(&account(), &device(61), NOW).expect("room");
    assert_eq!(added.part(&other).map_err(|(parting, _)| parting), Err(Parting::Operation(2)));
    let (after, _) = rotated(&committed, &account(), 50);
    assert_eq!(after.compare(&old), Ok(LogOrder::Rotates));
    assert_eq!(after.ops().len(), 4, "the root stays whole");
}
