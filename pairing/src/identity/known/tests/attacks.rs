//! Attacks on an account by who stole its node, its words, or old logs of it.

use super::*;

/// Alice's laptop, known to a reader; a thief has the laptop's operational key (not the words).
struct Theft {
    before: KeyLog,
    /// The thief added a device and revoked Alice's.
    stolen: KeyLog,
    /// Alice took the account back with her words.
    recovered: KeyLog,
    keys: AccountSecret,
}

fn theft() -> Theft {
    let (before, thief) = (base(), account().sealed());
    let stolen = before.add_device(&thief, &device(66), NOW).expect("room");
    let stolen = stolen.revoke_device(&thief, device(10).id(), Vec::new(), NOW).expect("active");
    let fresh = device(50);
    let plan = Rotation { supersedes: Some(before.next_place()), add: vec![&fresh], ..Rotation::default() };
    let (recovered, keys) = stolen.rotate(&account(), &plan, NOW).expect("with the words");
    Theft { before, stolen, recovered, keys }
}

/// Attack (a)
#[test]
fn a_thief_of_a_node_is_out_everywhere_once_the_owner_rotates() {
    let Theft { before, stolen, recovered, .. } = theft();
    for seen in [&before, &stolen] {
        let mut known = KnownLog::new(seen, NOW);
        assert_eq!(why(known.learn(&recovered, NOW)), Ok(LogOrder::Rotates));
        let active: Vec<_> = known.log().active().map(|device| device.keys.id).collect();
        assert_eq!(active, [device(50).id()]);
        for out in [10, 66] {
            assert!(known.log().revocation(&device(out).id()).is_some());
        }
    }
    // All that the thief has left: the old key, which signs nothing that goes on from the rotation, and no recovery key.
    let thief = account().sealed();
    assert!(recovered.add_device(&thief, &device(67), NOW).is_err());
    assert!(stolen.rotate(&thief, &Rotation::default(), NOW).is_err());
}

/// Attack (b)
#[test]
fn a_log_of_before_the_recovery_is_refused_by_who_saw_the_rotation() {
    let Theft { before, stolen, recovered, .. } = theft();
    let mut known = KnownLog::new(&recovered, NOW);
    let longer = stolen.add_device(&account().sealed(), &device(67), NOW).expect("room");
    for replayed in [&before, &stolen, &longer] {
        assert_eq!(why(known.learn(replayed, NOW)), Err(NotTaken::Older));
        assert_eq!(known.in_force().as_ref(), Some(&recovered));
    }
    let forged = KeyLog::create(&account(), NOW + 1).add_device(&account(), &device(66), NOW).expect("room");
    assert_eq!(why(known.learn(&forged, NOW)), Err(NotTaken::OtherRoot), "a history anew, by the old key");
    assert_eq!(known.in_force().as_ref(), Some(&recovered));
}

/// Attack (c)
#[test]
fn who_did_not_see_the_rotation_takes_the_thiefs_log_until_it_does() {
    let Theft { before, stolen, recovered, .. } = theft();
    let mut known = KnownLog::new(&before, NOW);
    assert_eq!(why(known.learn(&stolen, NOW)), Ok(LogOrder::Extends));
    assert!(known.log().is_active(&device(66).id()));
    known.learn(&recovered, NOW).expect("rotates");
    assert!(!known.log().is_active(&device(66).id()));
}

/// Attack (d)
#[test]
fn two_rotations_freeze_the_account_for_whoever_has_seen_both() {
    let Theft { stolen, recovered, .. } = theft();
    let (other, _) = rotated(&stolen, &account(), 77);
    let mut known = KnownLog::new(&recovered, NOW);
    assert_eq!(why(known.learn(&other, NOW)), Err(NotTaken::Contested));
    assert_eq!(known.in_force(), None);
}

/// A thief of the words who rotates before the first device leaves nobody who was active where the rotation stands.
#[test]
fn a_thief_of_the_words_does_not_choose_who_may_contest() {
    let base = base();
    let fresh = device(66);
    let plan = Rotation { supersedes: Some(1), add: vec![&fresh], ..Rotation::default() };
    let (rotated, _) = base.rotate(&account(), &plan, NOW).expect("with the words");
    let contest = Contest::sign(&base, &rotated, &device(10)).expect("it was active in what was superseded");
    let mut known = KnownLog::new(&rotated, NOW);
    assert_eq!(known.contest(&contest, NOW), Ok(()));
    assert_eq!(known.in_force(), None);
}

/// The thief of a device that an earlier rotation left out says nothing about later ones.
#[test]
fn a_device_that_was_left_out_contests_no_later_rotation() {
    let Theft { before, recovered, keys, .. } = theft();
    let (again, _) = rotated(&recovered, &keys, 51);
    for log in [&before, &recovered] {
        let contest = Contest::sign(log, &again, &device(10));
        // Of the log of before only the first rotation can be contested.
        assert!(contest.is_err() || contest.is_ok_and(|c| Some(c.rotation()) == again.rotations().next()));
    }
    assert!(Contest::sign(&recovered, &again, &device(10)).is_err());
}
