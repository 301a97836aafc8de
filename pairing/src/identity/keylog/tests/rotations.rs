//! Commitments and rotations: what owners make, and what receivers refuse.

mod length;

use proptest::prelude::*;

use super::*;
use crate::{
    crypto::sign::SigningSecret,
    identity::{
        JOIN_PROOF_LEN, RecoverySecret,
        keylog::rotation::{Draft, Ended, Restated},
    },
};

fn only(device: &DeviceSecret) -> Rotation<'_> {
    Rotation { add: vec![device], ..Rotation::default() }
}

/// A rotation as somebody makes it who has the operational key and what else is given.
struct Forger<'a> {
    log: &'a KeyLog,
    index: u32,
    recovery: RecoverySecret,
    draft: Draft,
}

impl<'a> Forger<'a> {
    /// What is good as it is, until a test changes something.
    fn new(log: &'a KeyLog) -> Self {
        let index = log.next_index();
        let draft = Draft {
            seq: log.next_place(),
            after: log.last_id(),
            next: account().recovery(index + 1).expect("seed").commitment(),
            prev: log.head(),
            at: NOW,
            numbers: 100,
            devices: Vec::new(),
            out: Vec::new(),
        };
        Self { log, index, recovery: account().recovery(index).expect("seed"), draft }
    }

    fn verify(self) -> Result<KeyLog, KeyLogError> {
        let keys = account().after_rotations(self.index + 1).expect("seed");
        let op = self.draft.sign(self.index, &self.recovery, (keys.signing().expect("a holder"), keys.dh()));
        let root = self.log.ops().iter().take(self.log.root).cloned();
        let older = self.log.ops().iter().filter(|op| op.is_rotation()).map(SignedOp::folded);
        KeyLog::verify(root.chain(older).chain([op]).collect())
    }

    fn restating(mut self, device: &DeviceSecret, number: u32, proof: [u8; JOIN_PROOF_LEN]) -> Self {
        let proof = serde_bytes::ByteArray::new(proof);
        self.draft.devices.push(Restated(device.keys(), number, NOW, proof));
        self
    }
}

/// [KEYLOG-8]
#[test]
fn a_new_log_commits_at_its_genesis_and_an_old_one_once_when_it_can() {
    let recovery = account().recovery(0).expect("seed").commitment();
    assert_eq!(log(0).commitment(), Some(recovery));
    assert_eq!(log(0).commit_recovery(&account()), Err(KeyLogError::Committed(1)));
    let old = log_of_before();
    assert_eq!((old.commitment(), old.devices()[0].number), (None, 1));
    let committed = old.commit_recovery(&account()).expect("it has none");
    assert_eq!(committed.commitment(), Some(recovery));
    assert_eq!(committed.compare(&old), Ok(LogOrder::Extends));
    assert_eq!(old.commit_recovery(&account()).as_ref(), Ok(&committed), "a copy of the node writes the same");
    assert_eq!(old.commit_recovery(&account().sealed()), Err(KeyLogError::Sealed));
    assert_eq!(committed.commit_recovery(&account()), Err(KeyLogError::Committed(3)));
    assert_eq!(committed.ops()[..2], *old.ops());
}

/// [KEYLOG-9]
#[test]
fn a_rotation_replaces_the_keys_and_says_anew_which_devices_there_are() {
    let before = log(3);
    let (kept, fresh) = (device(10), device(50));
    let cutoff = Cutoff { channel: [8; 32], incarnation: 1, seq: 41 };
    let plan = Rotation { keep: vec![kept.id()], cutoffs: [(device(11).id(), vec![cutoff])].into(), ..only(&fresh) };
    let (after, keys) = before.rotate(&account(), &plan, NOW + 5).expect("by the owner");
    assert_eq!(after.account(), account().id());
    assert_eq!((after.operational_key(), after.dh()), (keys.signing().expect("a holder").public(), keys.dh().public()));
    assert_ne!(after.operational_key(), before.operational_key());
    let active: Vec<_> = after.active().map(|device| (device.keys.id, device.number)).collect();
    assert_eq!(active, [(kept.id(), 1), (fresh.id(), 4)]);
    assert_eq!(after.revocation(&device(11).id()), Some(&Revocation { at: NOW + 5, cutoffs: vec![cutoff] }));
    assert_eq!(after.revocation(&device(12).id()), Some(&Revocation { at: NOW + 5, cutoffs: Vec::new() }));
    assert_eq!(after.compare(&before), Ok(LogOrder::Rotates));
    assert_eq!(before.compare(&after), Ok(LogOrder::Behind));
    assert_eq!(after.ops().len(), 2, "genesis and rotation are left");
    assert_eq!(after.next_place(), before.next_place() + 1);
    assert_eq!(KeyLog::verify(after.ops().to_vec()).as_ref(), Ok(&after));
    // The new key goes on, the old one does not.
    assert_eq!(after.add_device(&account(), &device(60), NOW), Err(KeyLogError::Signature(2)));
    let longer = after.add_device(&keys.sealed(), &device(60), NOW).expect("by the new key");
    assert_eq!(longer.devices().last().map(|device| device.number), Some(5));
    assert_eq!(after.add_device(&keys, &device(11), NOW), Err(KeyLogError::Known(2)), "it was left out");
}

/// [KEYLOG-9]
#[test]
fn a_rotation_supersedes_operations_back_to_the_newest_rotation_and_no_further() {
    let (base, fresh) = (log(2), device(50));
    let thief = device(66);
    let stolen = base.add_device(&account(), &thief, NOW).expect("room");
    let stolen = stolen.revoke_device(&account(), device(10).id(), Vec::new(), NOW).expect("active");
    let plan = Rotation { supersedes: Some(3), keep: vec![device(10).id()], ..only(&fresh) };
    let (after, keys) = stolen.rotate(&account(), &plan, NOW).expect("by the owner");
    assert!(after.is_active(&device(10).id()), "it was active before the thief came");
    assert!(!after.is_active(&thief.id()) && after.revocation(&thief.id()).is_some());
    let keep_thief = Rotation { supersedes: Some(3), keep: vec![thief.id()], ..only(&fresh) };
    assert_eq!(stolen.rotate(&account(), &keep_thief, NOW).map(|_| ()), Err(KeyLogError::NotActive(3)));
    for place in [0, 6] {
        let plan = Rotation { supersedes: Some(place), ..only(&fresh) };
        assert_eq!(stolen.rotate(&account(), &plan, NOW).map(|_| ()), Err(KeyLogError::Supersedes(5)), "{place}");
    }
    let again = Rotation { supersedes: Some(after.next_place() - 1), ..only(&fresh) };
    assert_eq!(after.rotate(&keys, &again, NOW).map(|_| ()), Err(KeyLogError::Supersedes(2)), "a rotation");
}

/// [KEYLOG-10]
#[test]
fn a_receiver_refuses_rotations_that_the_interface_does_not_make() {
    let base = log(1);
    assert!(Forger::new(&base).verify().is_ok());
    let mut other_key = Forger::new(&base);
    other_key.recovery = AccountSecret::from_seed([66; 32]).recovery(0).expect("seed");
    assert_eq!(other_key.verify(), Err(KeyLogError::Recovery(1)), "another key than the one committed to");
    let mut next_key = Forger::new(&base);
    next_key.recovery = account().recovery(1).expect("seed");
    assert_eq!(next_key.verify(), Err(KeyLogError::Recovery(1)), "the key of the next rotation");
    let mut skipped = Forger::new(&base);
    skipped.index = 1;
    assert_eq!(skipped.verify(), Err(KeyLogError::Chain(1)), "a number that is not its own");
    let mut too_early = Forger::new(&base);
    too_early.draft.seq = 0;
    assert_eq!(too_early.verify(), Err(KeyLogError::Supersedes(1)), "it supersedes the genesis");
    let mut elsewhere = Forger::new(&base);
    (elsewhere.draft.seq, elsewhere.draft.prev) = (1, [7; 32]);
    assert_eq!(elsewhere.verify(), Err(KeyLogError::Chain(1)), "it stands on another genesis");
    let mut other_history = Forger::new(&base);
    other_history.draft.after = [7; 32];
    assert_eq!(other_history.verify(), Err(KeyLogError::Recovery(1)), "made for another log");
}

/// [KEYLOG-10]
#[test]
fn a_rotation_of_an_account_without_commitment_is_refused() {
    let old = log_of_before();
    assert_eq!(old.rotate(&account(), &only(&device(50)), NOW).map(|_| ()), Err(KeyLogError::Uncommitted(2)));
    let rotation = log(1).rotate(&account(), &only(&device(50)), NOW).expect("by the owner").0.ops()[1].clone();
    assert_eq!(tampered(&old, |ops| ops.push(rotation.clone())), Err(KeyLogError::Uncommitted(2)));
    assert_eq!(KeyLog::verify(vec![rotation]), Err(KeyLogError::Genesis(0)));
}

/// [KEYLOG-10]
#[test]
fn a_rotation_restates_no_strangers_device() {
    let base = log(1);
    let stranger = device(99);
    let claim = |proof| Forger::new(&base).restating(&stranger, 1, proof).verify().map(|_| ());
    assert_eq!(claim(stranger.join_proof(&AccountId::from_bytes([3; 32]))), Err(KeyLogError::Proof(1)));
    assert_eq!(claim(device(10).join_proof(&account().id())), Err(KeyLogError::Proof(1)));
    assert_eq!(claim(stranger.join_proof(&account().id())), Ok(()), "it agreed");
}

/// [KEYLOG-10]
#[test]
fn limits_hold_for_what_a_rotation_says() {
    let base = log(1);
    let proof = |n: u8| device(n).join_proof(&account().id());
    let mut nine = Forger::new(&base);
    for n in 0..9 {
        nine = nine.restating(&device(n + 100), u32::from(n) + 1, proof(n + 100));
    }
    assert_eq!(nine.verify(), Err(KeyLogError::Limit(1)), "nine devices");
    let twice = Forger::new(&base).restating(&device(10), 1, proof(10)).restating(&device(10), 2, proof(10));
    assert_eq!(twice.verify(), Err(KeyLogError::Known(1)));
    let same = Forger::new(&base).restating(&device(10), 1, proof(10)).restating(&device(11), 1, proof(11));
    assert_eq!(same.verify(), Err(KeyLogError::Number(1)));
    let end = |id, cutoffs: usize| Ended(id, vec![Cutoff { channel: [8; 32], incarnation: 1, seq: 1 }; cutoffs]);
    let out = |ended: Vec<Ended>| {
        let mut forger = Forger::new(&base).restating(&device(10), 1, proof(10));
        forger.draft.out = ended;
        forger.verify().map(|_| ())
    };
    assert_eq!(out(vec![end(device(10).id(), 0)]), Err(KeyLogError::Known(1)), "in and out");
    assert_eq!(out(vec![end(device(11).id(), 0), end(device(11).id(), 0)]), Err(KeyLogError::Known(1)));
    assert_eq!(out(vec![end(device(11).id(), 40), end(device(12).id(), 25)]), Err(KeyLogError::Limit(1)));
    assert_eq!(out(vec![end(device(11).id(), 40), end(device(12).id(), 24)]), Ok(()));
    let many = (0..65u8).map(|n| end(device(n + 100).id(), 0)).collect();
    assert_eq!(out(many), Err(KeyLogError::Limit(1)));
}

/// [KEYLOG-10]
#[test]
fn a_rotation_is_signed_by_both_keys_and_has_the_content_that_its_head_names() {
    let (rotated, _) = log(1).rotate(&account(), &only(&device(50)), NOW).expect("by the owner");
    let op = &rotated.ops()[1];
    let (content, successor) = op.content().expect("the newest has it");
    let with = |signature: [u8; 64], content: Vec<u8>, successor: [u8; 64]| {
        let op = SignedOp::rotation(op.bytes().to_vec(), signature, content, successor);
        tampered(&rotated, |ops| ops[1] = op).map(|_| ())
    };
    assert_eq!(with(*op.signature(), content.to_vec(), *successor), Ok(()));
    assert_eq!(with([7; 64], content.to_vec(), *successor), Err(KeyLogError::Recovery(1)));
    assert_eq!(with(*op.signature(), content.to_vec(), [7; 64]), Err(KeyLogError::Successor(1)));
    let thief = SigningSecret::from_seed([66; 32]).sign(Context::KeyLogSuccessor, &rotated.head());
    assert_eq!(with(*op.signature(), content.to_vec(), thief), Err(KeyLogError::Successor(1)));
    let mut changed = content.to_vec();
    *changed.last_mut().expect("not empty") ^= 1;
    assert_eq!(with(*op.signature(), changed, *successor), Err(KeyLogError::Malformed(1)));
}

/// [KEYLOG-4] [KEYLOG-10]
#[test]
fn numbers_and_places_at_the_end_of_their_range_are_refused_and_no_fault() {
    let base = log(1);
    let add = |log: &KeyLog, n: u8, name: Option<&str>, number: Option<u32>| {
        let proof = device(n).join_proof(&account().id());
        let (device, name) = (device(n).keys(), name.map(str::to_owned));
        let add = Operation::Add { device, name, number, proof };
        let add = signed(log.next_place(), log.head(), add);
        tampered(log, |ops| ops.push(add))
    };
    for taken in [0, 1, u32::MAX, u32::MAX - 1, LAST_NUMBER + 1] {
        assert_eq!(add(&base, 11, None, Some(taken)), Err(KeyLogError::Number(2)), "{taken}");
    }
    let last = add(&base, 11, None, Some(LAST_NUMBER)).expect("the last");
    assert_eq!(add(&last, 12, None, Some(LAST_NUMBER)), Err(KeyLogError::Number(3)));
    assert_eq!(add(&last, 12, Some("named"), None), Err(KeyLogError::Limit(3)));
    assert_eq!(add(&base, 11, Some("named"), Some(2)), Err(KeyLogError::Malformed(2)));
    assert_eq!(add(&base, 11, None, None), Err(KeyLogError::Malformed(2)));
    let fresh = device(50);
    assert_eq!(last.rotate(&account(), &only(&fresh), NOW).map(|_| ()), Err(KeyLogError::Number(1)));
    for place in [LAST_PLACE, u64::MAX - 1, u64::MAX] {
        let mut far = Forger::new(&base);
        far.draft.seq = place;
        assert_eq!(far.verify(), Err(KeyLogError::Supersedes(1)), "{place}");
    }
    let mut far = Forger::new(&base);
    far.draft.seq = LAST_PLACE - 1;
    let keys = account().after_rotations(1).expect("seed");
    let far = far.verify().expect("as far as it goes");
    assert!(far.add_device(&keys, &device(60), NOW).is_ok());
    assert_eq!(far.rotate(&keys, &only(&fresh), NOW).map(|_| ()), Err(KeyLogError::Supersedes(2)));
}

/// [KEYLOG-4]
#[test]
fn the_number_of_a_device_that_a_rotation_left_out_is_not_given_again() {
    let plan = Rotation { keep: vec![device(10).id()], ..Rotation::default() };
    let (after, keys) = log(3).rotate(&account(), &plan, NOW).expect("by the owner");
    let longer = after.add_device(&keys, &device(60), NOW).expect("room");
    assert_eq!(longer.active().map(|device| device.number).collect::<Vec<_>>(), [1, 4]);
    let (again, keys) = longer.rotate(&keys, &Rotation::default(), NOW).expect("by the owner");
    let last = again.add_device(&keys, &device(61), NOW).expect("room");
    assert_eq!(last.devices()[0].number, 5);
    let base = log(1);
    let mut lower = Forger::new(&base).restating(&device(10), 7, device(10).join_proof(&account().id()));
    lower.draft.numbers = 6;
    assert_eq!(lower.verify().map(|_| ()), Err(KeyLogError::Number(1)));
}

proptest! {
    /// [KEYLOG-10] A flipped bit anywhere in a rotated log is noticed.
    #[test]
    fn a_flipped_bit_in_a_rotated_log_is_refused(at in 0usize..4000, bit in 0u8..8) {
        let (first, keys) = log(1).rotate(&account(), &only(&device(50)), NOW).expect("by the owner");
        let (second, keys) = first.rotate(&keys, &only(&device(51)), NOW).expect("by the owner");
        let log = second.add_device(&keys, &device(52), NOW).expect("room");
        let mut bytes = covey_codec::encode(&log).expect("encodes");
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        // There are two ways to write the absence of what is folded.
        let read = covey_codec::decode::<KeyLog>(&bytes, 64 * 1024);
        prop_assert!(read.is_err() || read == Ok(log), "byte {at} bit {bit}");
    }
}

/// [KEYLOG-8] Other words take over with a rotation, and those of before make none any more.
#[test]
fn a_rotation_can_hand_the_account_to_other_words() {
    let device = DeviceSecret::from_seed([71; 32]);
    let (log, words) = (KeyLog::create(&account(), NOW), AccountSecret::from_seed([77; 32]));
    let plan = Rotation { add: vec![&device], successor: Some(&words), ..Rotation::default() };
    let (log, keys) = log.rotate(&account(), &plan, NOW).expect("the words of before make it");
    assert_eq!((keys.id(), keys.rotations(), keys.dh().public()), (account().id(), 1, log.dh()));
    assert_eq!(KeyLog::verify(log.ops().to_vec()).expect("as any other"), log);
    let before = log.rotate(&account(), &only(&device), NOW);
    assert!(matches!(before, Err(KeyLogError::Recovery(_))), "{before:?}");
    // The new words alone, as somebody types them.
    let typed = AccountSecret::from_phrase(&words.phrase().expect("seed")).expect("words");
    let typed = typed.of_account(log.account(), 0).expect("seed");
    let (again, keys) = log.rotate(&typed, &only(&device), NOW).expect("they are the account's words now");
    assert_eq!((again.rotations().len(), keys.rotations()), (2, 2));
    let stored: AccountSecret = covey_codec::decode(&covey_codec::encode(&keys).expect("plain"), 4096).expect("stored");
    assert_eq!(stored, keys, "with the seed of the new words");
}

/// [KEYLOG-9] A thief of a holder puts the owner's devices out; what was written from there on is superseded.
#[test]
fn a_device_that_a_thief_revoked_is_kept_by_a_rotation_that_stands_before_that() {
    let (before, thief) = (log(2), device(66));
    let (one, other) = (device(10).id(), device(11).id());
    let stolen = before.revoke_device(&account(), other, Vec::new(), NOW).expect("active");
    let stolen = stolen.add_device(&account(), &thief, NOW).expect("room");
    assert_eq!(before.newest_place_with(&[one, other]), Some(before.next_place()));
    assert_eq!(stolen.newest_place_with(&[one, other]), Some(before.next_place()));
    assert_eq!(stolen.newest_place_with(&[one, thief.id()]), Some(stolen.next_place()));
    assert_eq!(stolen.newest_place_with(&[other, thief.id()]), None);
    let fresh = device(20);
    let (supersedes, keep) = (stolen.newest_place_with(&[other]), vec![other]);
    let plan = Rotation { supersedes, keep, add: vec![&fresh], ..Rotation::default() };
    let (rotated, _) = stolen.rotate(&account(), &plan, NOW).expect("may be kept");
    let active: Vec<_> = rotated.active().map(|device| device.keys.id).collect();
    assert_eq!(active, [other, fresh.id()]);
    assert!(rotated.names(&thief.id()), "its entries end");
}
