//! Keys, key logs and contests, computed a second time by `scripts/vectors.py` from the specification alone; and what older versions
//! made. `pairing/SPEC.md`, sections Identities and Key log.

use covey_pairing::{
    identity::{
        AccountSecret, ContactCard, Contest, Cutoff, DeviceSecret, KeyLog, KnownLog, LogOrder, Rotation, SignedOp,
    },
    ids::AccountId,
};
use serde_json::Value;

const MAX: usize = 64 * 1024;

fn golden() -> Value {
    serde_json::from_str(include_str!("vectors/identity.json")).expect("JSON")
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a string")).expect("hex")
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().expect("of this length")
}

fn encoded(log: &KeyLog) -> String {
    hex::encode(covey_codec::encode(log).expect("plain data"))
}

/// [KEYLOG-8]
#[test]
fn the_keys_of_both_ranks_are_those_of_the_independent_computation() {
    let golden = golden();
    let account = AccountSecret::from_seed(array(&golden["seed"]));
    assert_eq!(account.id(), AccountId::from_bytes(array(&golden["account"])));
    for (n, wanted) in (0..).zip(golden["keys"].as_array().expect("a list")) {
        let keys = account.after_rotations(n).expect("not sealed");
        let recovery = keys.recovery(n).expect("not sealed");
        assert_eq!(keys.signing().expect("a holder").expose_seed(), &array(&wanted["signing"]));
        assert_eq!(keys.dh().public().as_bytes(), &array(&wanted["dh"]));
        assert_eq!(keys.kem_key().hash().as_bytes(), &array(&wanted["kem_hash"]));
        assert_eq!(recovery.public().as_bytes(), &array(&wanted["recovery"]));
        assert_eq!(recovery.commitment().as_bytes(), &array(&wanted["commitment"]));
    }
}

/// [KEYLOG-2] [KEYLOG-9] [KEYLOG-11] [KEYLOG-13]
#[test]
fn logs_and_contests_are_byte_for_byte_those_of_the_independent_computation() {
    let golden = golden();
    let now = golden["now"].as_u64().expect("a number");
    let account = AccountSecret::from_seed(array(&golden["seed"]));
    let device = |n: usize| DeviceSecret::from_seed(array(&golden["devices"][n]));
    let (desk, phone, thief, fresh) = (&device(0), &device(1), &device(2), &device(3));
    let cutoffs = vec![Cutoff { channel: array(&golden["channel"]), incarnation: 2, seq: 41 }];

    let before = [desk, phone, thief]
        .into_iter()
        .fold(KeyLog::create(&account, now), |log, device| log.add_device(&account, device, now).expect("room"));
    let plan = Rotation {
        supersedes: Some(3),
        keep: vec![desk.id()],
        add: vec![fresh],
        cutoffs: [(phone.id(), cutoffs.clone())].into(),
        successor: None,
    };
    let (once, keys) = before.rotate(&account, &plan, now).expect("by the owner");
    let contest = Contest::sign(&before, &once, phone).expect("it was active");
    let plan = Rotation { keep: vec![fresh.id()], ..Rotation::default() };
    let (twice, keys) = once.rotate(&keys, &plan, now).expect("by the owner");
    let on = twice.revoke_device(&keys, fresh.id(), cutoffs, now).expect("active");

    assert_eq!(golden["logs"], Value::from([&before, &once, &twice, &on].map(encoded).to_vec()));
    assert_eq!(golden["contest"], hex::encode(contest.to_bytes()));
    assert_eq!(golden["head"], hex::encode(on.head()));
    let rotations: Vec<String> = on.rotations().map(|id| id.to_string()).collect();
    assert_eq!(golden["rotations"], Value::from(rotations));

    for log in [&before, &once, &twice, &on] {
        let back: KeyLog = covey_codec::decode(&hex::decode(encoded(log)).expect("hex"), MAX).expect("decodes");
        assert_eq!(&back, log);
    }
    assert_eq!(Contest::open(&bytes(&golden["contest"])), Ok(contest));
}

/// [KEYLOG-8]
#[test]
fn a_log_and_a_card_of_an_older_version_are_valid_and_keep_their_bytes() {
    let old: Value = serde_json::from_str(include_str!("vectors/identity_v1.json")).expect("JSON");
    let account = AccountSecret::from_seed([1; 32]);
    let ops: Vec<SignedOp> = covey_codec::decode(&bytes(&old["log"]), MAX).expect("decodes");
    assert_eq!(covey_codec::encode(&ops), Ok(bytes(&old["log"])));
    let log = KeyLog::verify(ops).expect("valid");
    assert_eq!((log.account(), log.commitment(), log.devices().len()), (account.id(), None, 2));
    assert_eq!(log.devices().iter().map(|device| device.number).collect::<Vec<_>>(), [1, 2]);
    let now = 1_800_000_000_000;
    let card = ContactCard::open_of(&account.id(), &bytes(&old["card"]), now).expect("valid");
    assert_eq!(log.compare(card.log()), Ok(LogOrder::Extends));
    // Its account goes on: it commits, and then it may rotate.
    let committed = log.commit_recovery(&account).expect("it has none");
    let device = DeviceSecret::from_seed([50; 32]);
    let plan = Rotation { add: vec![&device], ..Rotation::default() };
    let (rotated, _) = committed.rotate(&account, &plan, now).expect("by the owner");
    let mut known = KnownLog::new(card.log(), now);
    assert_eq!(known.learn(&committed, now), Ok(LogOrder::Extends));
    assert_eq!(known.learn(&rotated, now), Ok(LogOrder::Rotates));
    assert_eq!(KnownLog::new(card.log(), now).learn(&rotated, now), Ok(LogOrder::Rotates));
}
