//! Known answers of the blinding and hostile records.

use ed25519_dalek::hazmat::ExpandedSecretKey;
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use super::*;

/// Seed, blinding parameter, expanded secret, public, blinded secret, blinded public:
/// the vectors of the Tor project's `ed25519_exts_ref.py`.
const TOR: &str = include_str!("../../tests/vectors/tor_ed25519_blinding.txt");

const NOW: u64 = 20_000 * PERIOD + PERIOD / 2;

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

fn account(seed: u8) -> ([u8; 32], [u8; 32]) {
    let secret = [seed; 32];
    (secret, ed25519_dalek::SigningKey::from_bytes(&secret).verifying_key().to_bytes())
}

fn sealed(sequence: u64, payload: &[u8]) -> Sealed {
    seal(&account(1).0, current(NOW), sequence, payload, &mut rng()).expect("fits")
}

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).expect("hex").try_into().expect("length")
}

#[test]
fn blinding_agrees_with_the_tor_projects_vectors() {
    let mut count = 0;
    for line in TOR.lines().filter(|l| !l.starts_with('#')) {
        let [seed, param, expanded, public, blinded_secret, blinded_public] =
            line.split_whitespace().collect::<Vec<_>>().try_into().expect("six columns");
        let secret = ExpandedSecretKey::from(&bytes::<32>(seed));
        assert_eq!(secret.hash_prefix, bytes::<64>(expanded)[32..]);
        let blinded = blind_secret(&secret, bytes(param));
        assert_eq!([blinded.scalar.to_bytes(), blinded.hash_prefix].concat(), bytes::<64>(blinded_secret));
        assert_eq!(blind_public(&bytes(public), bytes(param)), Ok(bytes(blinded_public)));
        count += 1;
    }
    assert_eq!(count, 10);
}

#[test]
fn keys_outside_of_the_prime_order_group_are_not_blinded() {
    let identity = {
        let mut k = [0; 32];
        k[0] = 1;
        k
    };
    let order_two = {
        let mut k = [0xff; 32];
        k[0] = 0xec;
        k[31] = 0x7f;
        k
    };
    let not_canonical = {
        let mut k = [0xff; 32];
        k[0] = 0xee;
        k[31] = 0x7f;
        k
    };
    let not_a_point = {
        let mut k = [0; 32];
        k[0] = 2;
        k
    };
    for key in [identity, order_two, not_canonical, not_a_point, [0; 32]] {
        assert_eq!(blind_public(&key, [9; 32]), Err(BlindError), "{key:02x?}");
        assert_eq!(open(&key, current(NOW), &sealed(1, b"card").value, NOW), Err(RecordError::WrongAccount));
    }
}

#[test]
fn a_record_opens_for_those_who_know_the_account() {
    let record = sealed(3, b"card");
    let validated = validate(&record.key, &record.value, NOW).expect("valid");
    assert_eq!(validated.expires_at, (current(NOW) + 2) * PERIOD);
    let opened = open(&account(1).1, current(NOW), &record.value, NOW).expect("opens");
    assert_eq!((opened.sequence, opened.payload.as_slice()), (3, b"card".as_slice()));
    // [NET-RECORD-KEY]
    assert_eq!(open(&account(2).1, current(NOW), &record.value, NOW), Err(RecordError::WrongAccount));
}

#[test]
fn records_of_two_periods_have_nothing_in_common() {
    let next = seal(&account(1).0, current(NOW) + 1, 3, b"card", &mut StdRng::seed_from_u64(8)).expect("fits");
    let record = sealed(3, b"card");
    assert_ne!(record.key, next.key);
    assert_ne!(record.value[1..33], next.value[1..33]);
    let (_, public) = account(1);
    assert!(!record.value.windows(32).any(|w| w == public));
}

#[test]
fn a_storer_of_both_days_cannot_pair_the_records_of_one_publication() {
    let edge = (current(NOW) + 1) * PERIOD - 1_234;
    for sequence in [0, 1, 7, 1_000_000] {
        let records = seal_current(&account(1).0, sequence, b"card", edge, &mut rng()).expect("fits");
        let [today, tomorrow] = [&records[0], &records[1]].map(|r| validate(&r.key, &r.value, edge).expect("valid"));
        assert_ne!(today.revision, tomorrow.revision);
        assert_eq!(tomorrow.expires_at - today.expires_at, PERIOD, "as of everybody's records");
        // Nothing but the length is the same, wherever one looks in them.
        let shared = |from: usize, to: usize| records[0].value[from..to] == records[1].value[from..to];
        assert!(!shared(1, 33) && !shared(41, 49) && !shared(49, 73));
        for r in &records {
            let clear = &r.value[..49];
            assert!(!clear.windows(8).any(|w| w == sequence.to_be_bytes()));
        }
    }
}

#[test]
fn revisions_grow_with_the_sequence_and_by_another_step_each_day() {
    let revision = |period: u64, sequence: u64| {
        let r = seal(&account(1).0, period, sequence, b"card", &mut rng()).expect("fits");
        validate(&r.key, &r.value, period * PERIOD).expect("valid").revision
    };
    let mut steps = Vec::new();
    for period in [20_000, 20_001, 20_002] {
        let all = [0, 1, 2, 3, 1_000, 1 << 40, 1 << 46].map(|sequence| revision(period, sequence));
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
        assert_eq!(revision(period, u64::MAX), all[6], "no sequence overflows");
        steps.push(all[1] - all[0]);
    }
    assert!(steps[0] != steps[1] && steps[1] != steps[2], "{steps:?}");
}

#[test]
fn the_size_of_a_record_tells_little_of_the_payload() {
    assert_eq!(sealed(1, b"").value.len(), sealed(1, &[1; 1000]).value.len());
    let largest = sealed(1, &[1; MAX_PAYLOAD]);
    assert_eq!(largest.value.len(), MAX_VALUE);
    assert_eq!(open(&account(1).1, current(NOW), &largest.value, NOW).map(|o| o.payload.len()), Ok(MAX_PAYLOAD));
}

#[test]
fn oversized_records_are_refused() {
    // [NET-RECORD-SIZE]
    let payload = [0; MAX_PAYLOAD + 1];
    assert_eq!(seal(&account(1).0, 1, 1, &payload, &mut rng()), Err(RecordError::TooLarge));
    assert_eq!(validate(&[0; 32], &[1; MAX_VALUE + 1], NOW), Err(RecordError::TooLarge));
}

#[test]
fn a_record_under_another_key_is_refused() {
    // [NET-RECORD-KEY]
    let record = sealed(1, b"card");
    assert_eq!(validate(&[0; 32], &record.value, NOW), Err(RecordError::WrongKey));
    assert_eq!(validate(&record.key[..31], &record.value, NOW), Err(RecordError::WrongKey));
}

#[test]
fn a_record_ends_with_the_period_after_its_own() {
    // [NET-RECORD-EXPIRY]
    let (record, end) = (sealed(1, b"card"), (current(NOW) + 2) * PERIOD);
    assert!(validate(&record.key, &record.value, end - 1).is_ok());
    assert!(validate(&second_key(&record.key), &record.value, end - 1).is_ok());
    assert_eq!(validate(&second_key(&second_key(&record.key)), &record.value, end - 1), Err(RecordError::WrongKey));
    assert_eq!(validate(&record.key, &record.value, end), Err(RecordError::Expired));
    assert_eq!(open(&account(1).1, current(NOW), &record.value, end), Err(RecordError::Expired));
    assert_eq!(validate(&record.key, &record.value, u64::MAX), Err(RecordError::Expired));
}

#[test]
fn a_record_of_a_distant_period_is_refused() {
    // [NET-RECORD-PERIOD]
    let outcomes = [(current(NOW) - 2, RecordError::Expired), (0, RecordError::Expired)];
    let ahead = [current(NOW) + 2, u64::MAX].map(|period| (period, RecordError::WrongPeriod));
    for (period, error) in outcomes.into_iter().chain(ahead) {
        let record = seal(&account(1).0, period, 1, b"card", &mut rng()).expect("fits");
        assert_eq!(validate(&record.key, &record.value, NOW), Err(error));
        assert_eq!(open(&account(1).1, period, &record.value, NOW), Err(error));
    }
}

#[test]
fn any_changed_bit_is_noticed() {
    // [NET-RECORD-SIGNATURE]
    let record = sealed(1, b"card");
    for position in 0..record.value.len() {
        let mut value = record.value.clone();
        value[position] ^= 1;
        assert!(validate(&record.key, &value, NOW).is_err(), "byte {position}");
        assert!(open(&account(1).1, current(NOW), &value, NOW).is_err(), "byte {position}");
    }
}

#[test]
fn a_record_signed_by_the_unblinded_account_key_is_refused() {
    // [NET-RECORD-SIGNATURE]
    use ed25519_dalek::Signer;
    let record = sealed(1, b"card");
    let mut value = record.value.clone();
    let end = value.len() - 64;
    let message = [b"covey card record v2\0".as_slice(), &value[..end]].concat();
    let signature = ed25519_dalek::SigningKey::from_bytes(&account(1).0).sign(&message);
    value[end..].copy_from_slice(&signature.to_bytes());
    assert_eq!(validate(&record.key, &value, NOW), Err(RecordError::BadSignature));
}

#[test]
fn a_storers_copy_under_a_key_of_small_order_is_refused() {
    // [NET-RECORD-SIGNATURE] With A' of small order, R = A' and s = 0 verify for many messages when not strict.
    let small = {
        let mut k = [0; 32];
        k[0] = 1;
        k
    };
    let mut value = sealed(1, b"card").value;
    value[1..33].copy_from_slice(&small);
    let end = value.len() - 64;
    value[end..end + 32].copy_from_slice(&small);
    value[end + 32..].fill(0);
    assert_eq!(validate(&record_key(&small, current(NOW)), &value, NOW), Err(RecordError::BadSignature));
}

#[test]
fn both_periods_are_published_near_an_edge_and_one_in_between() {
    let day = 20_000;
    assert_eq!(current_and_neighbour(day * PERIOD), [day, day - 1]);
    assert_eq!(current_and_neighbour(day * PERIOD + EDGE), [day]);
    assert_eq!(current_and_neighbour((day + 1) * PERIOD - EDGE), [day, day + 1]);
    assert_eq!(current_and_neighbour(0), [0]);
    let keys = |now| lookup_keys(&account(1).1, now).expect("a key").into_iter().map(|(_, k)| k);
    for now in [day * PERIOD, day * PERIOD + EDGE, (day + 1) * PERIOD - 1] {
        let records = seal_current(&account(1).0, 1, b"card", now, &mut rng()).expect("fits");
        assert!(records.iter().flat_map(Sealed::at_both_places).map(|r| r.key).eq(keys(now)));
        assert!(records.iter().all(|r| validate(&r.key, &r.value, now).is_ok()));
    }
}

proptest! {
    #[test]
    fn arbitrary_values_are_refused_without_panic(
        key in any::<[u8; 32]>(), value in proptest::collection::vec(any::<u8>(), 0..400), now: u64,
    ) {
        prop_assert!(validate(&key, &value, now).is_err());
        prop_assert!(open(&key, current(now), &value, now).is_err());
    }

    #[test]
    fn every_truncation_is_refused(len in 0usize..1200) {
        let record = sealed(1, b"card");
        let len = len.min(record.value.len() - 1);
        prop_assert!(validate(&record.key, &record.value[..len], NOW).is_err());
    }
}
