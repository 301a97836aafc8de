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
    seal(&account(1).0, current(NOW), sequence, payload, NOW, &mut rng()).expect("fits")
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
    assert_eq!(validate(&record.key, &record.value, NOW), Ok(Validated { sequence: 3, expires_at: NOW + LIFETIME }));
    let opened = open(&account(1).1, current(NOW), &record.value, NOW).expect("opens");
    assert_eq!((opened.sequence, opened.payload.as_slice()), (3, b"card".as_slice()));
    // [NET-RECORD-KEY]
    assert_eq!(open(&account(2).1, current(NOW), &record.value, NOW), Err(RecordError::WrongAccount));
}

#[test]
fn records_of_two_periods_have_nothing_in_common() {
    let next = seal(&account(1).0, current(NOW) + 1, 3, b"card", NOW, &mut StdRng::seed_from_u64(8)).expect("fits");
    let record = sealed(3, b"card");
    assert_ne!(record.key, next.key);
    assert_ne!(record.value[1..33], next.value[1..33]);
    let (_, public) = account(1);
    assert!(!record.value.windows(32).any(|w| w == public));
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
    assert_eq!(seal(&account(1).0, 1, 1, &payload, NOW, &mut rng()), Err(RecordError::TooLarge));
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
fn expired_and_too_long_lived_records_are_refused() {
    // [NET-RECORD-EXPIRY]
    let old = seal(&account(1).0, current(NOW), 1, b"card", NOW - LIFETIME, &mut rng()).expect("fits");
    assert_eq!(validate(&old.key, &old.value, NOW), Err(RecordError::Expired));
    let far = seal(&account(1).0, current(NOW), 1, b"card", NOW + 3_600_000, &mut rng()).expect("fits");
    assert_eq!(validate(&far.key, &far.value, NOW), Err(RecordError::TooLong));
    let forever = seal(&account(1).0, current(NOW), 1, b"card", u64::MAX, &mut rng()).expect("fits");
    assert_eq!(validate(&forever.key, &forever.value, NOW), Err(RecordError::TooLong));
}

#[test]
fn a_record_of_a_distant_period_is_refused() {
    // [NET-RECORD-PERIOD]
    for period in [current(NOW) - 2, current(NOW) + 2, 0, u64::MAX] {
        let record = seal(&account(1).0, period, 1, b"card", NOW, &mut rng()).expect("fits");
        assert_eq!(validate(&record.key, &record.value, NOW), Err(RecordError::WrongPeriod));
        assert_eq!(open(&account(1).1, period, &record.value, NOW), Err(RecordError::WrongPeriod));
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
    let message = [b"covey card record v1\0".as_slice(), &value[..end]].concat();
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
        assert!(records.iter().map(|r| r.key).eq(keys(now)));
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
