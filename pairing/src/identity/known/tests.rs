//! [KEYLOG-12] [KEYLOG-13] [KEYLOG-14] What readers make of logs, and attacks on it.

mod attacks;
mod property;

use super::*;
use crate::identity::{AccountSecret, DeviceSecret, Rotation};

const NOW: u64 = 1_800_000_000_000;
const HOUR: u64 = 60 * 60 * 1000;

fn account() -> AccountSecret {
    AccountSecret::from_seed([1; 32])
}

fn device(n: u8) -> DeviceSecret {
    DeviceSecret::from_seed([n; 32])
}

/// Genesis and one device.
fn base() -> KeyLog {
    KeyLog::create(&account(), NOW).add_device(&account(), &device(10), NOW).expect("room")
}

fn with(log: &KeyLog, keys: &AccountSecret, n: u8) -> KeyLog {
    log.add_device(keys, &device(n), NOW).expect("room")
}

fn rotated(log: &KeyLog, keys: &AccountSecret, fresh: u8) -> (KeyLog, AccountSecret) {
    let device = device(fresh);
    log.rotate(keys, &Rotation { add: vec![&device], ..Rotation::default() }, NOW).expect("by the owner")
}

fn why(result: Result<LogOrder, Refusal>) -> Result<LogOrder, NotTaken> {
    result.map_err(|refusal| refusal.why)
}

/// [KEYLOG-7] [KEYLOG-12] [KEYLOG-15]
#[test]
fn each_log_has_one_clear_outcome() {
    let base = base();
    let longer = with(&base, &account(), 11);
    let (after, keys) = rotated(&longer, &account(), 50);
    let mut known = KnownLog::new(&base, NOW);
    assert_eq!(why(known.learn(&base, NOW)), Ok(LogOrder::Same));
    assert_eq!(why(known.learn(&longer, NOW)), Ok(LogOrder::Extends));
    assert_eq!(why(known.learn(&base, NOW)), Err(NotTaken::Older));
    assert_eq!(known.rotated_at(), None);
    assert_eq!(why(known.learn(&after, NOW + 5)), Ok(LogOrder::Rotates));
    assert_eq!(known.rotated_at(), Some(NOW + 5));
    assert_eq!(why(known.learn(&longer, NOW)), Err(NotTaken::Older), "it lacks the rotation");
    assert_eq!(why(known.learn(&with(&after, &keys, 60), NOW)), Ok(LogOrder::Extends));
    let other = KeyLog::create(&AccountSecret::from_seed([2; 32]), NOW);
    assert_eq!(why(known.learn(&other, NOW)), Err(NotTaken::OtherAccount));
    let forged = KeyLog::create(&account(), NOW + 1);
    let refusal = known.learn(&forged, NOW).expect_err("another genesis");
    assert_eq!(refusal.why, NotTaken::OtherRoot);
    assert!(refusal.proof.expect("the two beginnings").is_proof_against(known.log()));
    assert_eq!(known.standing(), Standing::Sound);
    assert_eq!(known.in_force().as_ref(), Some(known.log()));
}

#[test]
fn an_account_that_is_split_keeps_what_both_histories_have_until_it_is_rotated() {
    let base = with(&base(), &account(), 11);
    let (ours, theirs) = (with(&base, &account(), 20), with(&base, &account(), 21));
    let mut known = KnownLog::new(&ours, NOW);
    let refusal = known.learn(&theirs, NOW).expect_err("two histories");
    assert_eq!(refusal.why, NotTaken::Forked);
    assert_eq!(refusal.to_string(), "the account's operational key signed two histories");
    assert!(matches!(known.standing(), Standing::Split(proof) if proof.is_proof_against(&base)));
    assert_eq!(known.in_force().as_ref(), Some(&base));
    // One that parts earlier leaves less; one that parts later changes nothing.
    let earlier = with(&self::base(), &account(), 22);
    assert_eq!(why(known.learn(&earlier, NOW)), Err(NotTaken::Forked));
    assert_eq!(known.in_force(), Some(self::base()));
    assert_eq!(why(known.learn(&with(&theirs, &account(), 23), NOW)), Err(NotTaken::Forked));
    assert_eq!(known.in_force(), Some(self::base()));
    // The words end it.
    let (after, _) = rotated(&theirs, &account(), 50);
    assert_eq!(why(known.learn(&after, NOW)), Ok(LogOrder::Rotates));
    assert_eq!((known.standing(), known.in_force()), (Standing::Sound, Some(after)));
}

#[test]
fn an_account_that_was_rotated_twice_counts_for_nobody_until_people_have_compared() {
    let base = base();
    let ((ours, keys), (theirs, _)) = (rotated(&base, &account(), 50), rotated(&base, &account(), 66));
    for (first, second, right) in [(&ours, &theirs, &ours), (&theirs, &ours, &ours), (&ours, &theirs, &theirs)] {
        let mut known = KnownLog::new(first, NOW);
        let refusal = known.learn(second, NOW).expect_err("two rotations");
        assert_eq!(refusal.why, NotTaken::Contested);
        assert!(
            matches!(known.standing(), Standing::Contested(Dispute::Rotations(fork)) if fork.is_proof_against(&base))
        );
        assert_eq!(known.in_force(), None);
        // Neither a later rotation nor the passing of time ends it.
        let next = rotated(&ours, &keys, 51).0;
        let _ = known.learn(&next, NOW + 1000 * HOUR);
        assert_eq!(known.in_force(), None);
        known.settle(0, right.rotations().next().expect("one"));
        let _ = known.learn(right, NOW);
        let _ = known.learn(if right == &ours { &theirs } else { &ours }, NOW);
        assert_eq!(known.standing(), Standing::Sound);
        assert_eq!(known.in_force().and_then(|log| log.rotations().next()), right.rotations().next());
        let wrong = if right == &ours { &theirs } else { &ours };
        assert_eq!(why(known.learn(wrong, NOW)), Err(NotTaken::Rejected));
    }
}

#[test]
fn a_contest_counts_for_72_hours_after_the_reader_saw_the_rotation() {
    let base = base();
    let (after, _) = rotated(&base, &account(), 50);
    let contest = Contest::sign(&base, &after, &device(10)).expect("it was active");
    let mut in_time = KnownLog::new(&base, NOW);
    in_time.learn(&after, NOW + HOUR).expect("rotates");
    let mut late = in_time.clone();
    assert_eq!(in_time.contest(&contest, NOW + 73 * HOUR), Ok(()));
    assert_eq!(in_time.in_force(), None);
    assert!(matches!(in_time.standing(), Standing::Contested(Dispute::Contest(by)) if by.device() == device(10).id()));
    assert_eq!(late.contest(&contest, NOW + 73 * HOUR + 1).map_err(|r| r.why), Err(NotTaken::Late));
    assert_eq!(late.standing(), Standing::Sound);
    // Compared once, it is settled.
    in_time.settle(0, after.rotations().next().expect("one"));
    assert_eq!(in_time.in_force().as_ref(), Some(&after));
    assert_eq!(in_time.contest(&contest, NOW + 2 * HOUR).map_err(|r| r.why), Err(NotTaken::Settled));
    assert_eq!(in_time.in_force(), Some(after));
}

#[test]
fn a_contest_that_arrives_before_its_rotation_holds_the_rotation_back() {
    let base = base();
    let (after, _) = rotated(&base, &account(), 50);
    let contest = Contest::sign(&base, &after, &device(10)).expect("it was active");
    let mut known = KnownLog::new(&base, NOW);
    assert_eq!(known.contest(&contest, NOW), Ok(()));
    assert_eq!(known.in_force(), None);
    known.learn(&after, NOW).expect("rotates");
    assert_eq!(known.in_force(), None);
    let other = KeyLog::create(&AccountSecret::from_seed([2; 32]), NOW);
    assert_eq!(KnownLog::new(&other, NOW).contest(&contest, NOW).map_err(|r| r.why), Err(NotTaken::OtherAccount));
}

#[test]
fn what_a_reader_knows_survives_storage() {
    let base = base();
    let (ours, _) = rotated(&base, &account(), 50);
    let mut known = KnownLog::new(&with(&base, &account(), 20), NOW);
    let _ = known.learn(&with(&base, &account(), 21), NOW);
    let split = known.clone();
    known.learn(&ours, NOW).expect("rotates");
    known.contest(&Contest::sign(&base, &ours, &device(10)).expect("active"), NOW).expect("in time");
    for known in [split, known] {
        let bytes = covey_codec::encode(&known).expect("encodes");
        assert_eq!(covey_codec::decode::<KnownLog>(&bytes, 64 * 1024).expect("decodes"), known);
    }
}
