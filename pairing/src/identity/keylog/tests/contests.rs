//! [KEYLOG-13] Contests: who may object to a rotation.

use super::*;

fn rotated(log: &KeyLog) -> KeyLog {
    let fresh = device(50);
    log.rotate(&account(), &Rotation { add: vec![&fresh], ..Rotation::default() }, NOW).expect("by the owner").0
}

#[test]
fn a_device_of_before_a_rotation_may_contest_it() {
    let before = log(2);
    let after = rotated(&before);
    let contest = Contest::sign(&before, &after, &device(10)).expect("it was active");
    let back = Contest::open(&contest.to_bytes()).expect("opens");
    assert_eq!(back, contest);
    assert_eq!((back.account(), back.device()), (account().id(), device(10).id()));
    assert_eq!(after.rotations().next(), Some(back.rotation()));
    assert_eq!(back.before(), &before);
    let stored = covey_codec::encode(&contest).expect("encodes");
    assert_eq!(covey_codec::decode::<Contest>(&stored, 64 * 1024).expect("decodes"), contest);
}

#[test]
fn others_may_not() {
    let before = log(2);
    let after = rotated(&before);
    let by = |device: &DeviceSecret| Contest::sign(&before, &after, device).map(|_| ());
    assert_eq!(by(&device(50)), Err(ContestError::NotActive), "the device that came with the rotation");
    assert_eq!(by(&device(99)), Err(ContestError::NotActive));
    let revoked = before.revoke_device(&account(), device(10).id(), Vec::new(), NOW).expect("active");
    assert_eq!(Contest::sign(&revoked, &after, &device(10)).map(|_| ()), Err(ContestError::NotActive));
    assert_eq!(Contest::sign(&after, &after, &device(50)).map(|_| ()), Err(ContestError::Rotation));
    assert_eq!(Contest::sign(&before, &before, &device(10)).map(|_| ()), Err(ContestError::Rotation));
    let stranger = KeyLog::create(&AccountSecret::from_seed([2; 32]), NOW);
    assert_eq!(Contest::sign(&stranger, &after, &device(10)).map(|_| ()), Err(ContestError::Rotation));
}

#[test]
fn a_changed_contest_is_refused() {
    let before = log(1);
    let bytes = Contest::sign(&before, &rotated(&before), &device(10)).expect("it was active").to_bytes();
    for at in (0..bytes.len()).step_by(7) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        assert!(Contest::open(&flipped).is_err(), "byte {at}");
    }
    assert_eq!(Contest::open(&[]).map(|_| ()), Err(ContestError::Malformed));
    assert_eq!(Contest::open(&vec![0; 20_000]).map(|_| ()), Err(ContestError::Malformed));
}
