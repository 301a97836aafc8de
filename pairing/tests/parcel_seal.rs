//! Parcels. `pairing/SPEC.md`, section Parcels.

use covey_pairing::{
    crypto::{
        dh::{DhPublic, DhSecret},
        kem::KemSecret,
    },
    parcel::{HYBRID_OVERHEAD, MAX_PAYLOAD, OVERHEAD, ParcelError, ToKem, kem_id, open, seal},
};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const PROLOGUE: &[u8] = b"where it belongs";

fn alice() -> DhSecret {
    DhSecret::from_bytes([1; 32])
}

fn bob() -> DhSecret {
    DhSecret::from_bytes([2; 32])
}

fn parcel(payload: &[u8]) -> Vec<u8> {
    seal(&alice(), &bob().public(), None, PROLOGUE, payload, &mut ChaCha20Rng::seed_from_u64(1)).expect("short enough")
}

/// [PAR-1] [PAR-2]
#[test]
fn a_parcel_opens_for_its_device_and_names_its_sender() {
    for payload in [&b""[..], b"payload", &[7; MAX_PAYLOAD]] {
        let parcel = parcel(payload);
        assert_eq!(parcel.len(), payload.len() + OVERHEAD);
        assert_eq!(open(&bob(), None, PROLOGUE, &parcel), Ok((alice().public(), payload.to_vec())));
    }
}

/// [PAR-2]
#[test]
fn a_parcel_shows_neither_sender_nor_payload() {
    let parcel = parcel(b"a payload long enough to be found");
    for secret in [&alice().public().as_bytes()[..], bob().public().as_bytes(), b"a payload long enough"] {
        assert!(!parcel.windows(secret.len()).any(|w| w == secret));
    }
}

/// [PAR-3]
#[test]
fn a_parcel_opens_for_nobody_else_and_nowhere_else() {
    let parcel = parcel(b"payload");
    assert_eq!(open(&alice(), None, PROLOGUE, &parcel), Err(ParcelError::Forged));
    assert_eq!(open(&bob(), None, b"elsewhere", &parcel), Err(ParcelError::Forged));
    let mut other_version = parcel.clone();
    other_version[0] = 3;
    assert_eq!(open(&bob(), None, PROLOGUE, &other_version), Err(ParcelError::Malformed));
}

/// [PAR-3]
#[test]
fn a_changed_parcel_does_not_open() {
    let parcel = parcel(b"payload");
    for at in 0..parcel.len() {
        for bit in 0..8 {
            let mut forged = parcel.clone();
            forged[at] ^= 1 << bit;
            assert!(open(&bob(), None, PROLOGUE, &forged).is_err(), "byte {at} bit {bit}");
        }
        assert!(open(&bob(), None, PROLOGUE, &parcel[..at]).is_err(), "{at} bytes");
    }
}

/// [PAR-4]
#[test]
fn an_ephemeral_key_of_low_order_is_refused() {
    for first in [0, 1] {
        let mut forged = parcel(b"payload");
        forged[1..33].fill(0);
        forged[1] = first;
        assert_eq!(open(&bob(), None, PROLOGUE, &forged), Err(ParcelError::Forged));
    }
}

/// [PAR-5]
#[test]
fn an_overlong_parcel_is_refused_on_both_sides() {
    let sealed = seal(&alice(), &bob().public(), None, b"", &[0; MAX_PAYLOAD + 1], &mut ChaCha20Rng::seed_from_u64(1));
    assert_eq!(sealed, Err(ParcelError::TooLong));
    assert_eq!(open(&bob(), None, b"", &vec![1; MAX_PAYLOAD + OVERHEAD + 1]), Err(ParcelError::TooLong));
}

fn kem() -> KemSecret {
    KemSecret::from_seed([3; 64])
}

fn hybrid(payload: &[u8]) -> Vec<u8> {
    let key = kem().public();
    let to = Some(ToKem { id: 7, key: &key });
    seal(&alice(), &bob().public(), to, PROLOGUE, payload, &mut ChaCha20Rng::seed_from_u64(1)).expect("short enough")
}

/// [PAR-6]: both secrets are needed, and neither is enough.
#[test]
fn a_hybrid_parcel_opens_with_both_keys_and_with_neither_alone() {
    for payload in [&b""[..], b"payload", &[7; MAX_PAYLOAD]] {
        let parcel = hybrid(payload);
        assert_eq!(parcel.len(), payload.len() + HYBRID_OVERHEAD);
        assert_eq!(kem_id(&parcel), Some(7));
        assert_eq!(open(&bob(), Some(&kem()), PROLOGUE, &parcel), Ok((alice().public(), payload.to_vec())));
        assert_eq!(open(&bob(), None, PROLOGUE, &parcel), Err(ParcelError::UnknownKey));
        let other = KemSecret::from_seed([4; 64]);
        assert_eq!(open(&bob(), Some(&other), PROLOGUE, &parcel), Err(ParcelError::Forged));
        assert_eq!(open(&alice(), Some(&kem()), PROLOGUE, &parcel), Err(ParcelError::Forged));
        assert_eq!(open(&bob(), Some(&kem()), b"elsewhere", &parcel), Err(ParcelError::Forged));
    }
    let parcel = hybrid(b"a payload long enough to be found");
    for secret in [&alice().public().as_bytes()[..], bob().public().as_bytes(), b"a payload long enough"] {
        assert!(!parcel.windows(secret.len()).any(|w| w == secret));
    }
}

/// [PAR-6]
#[test]
fn a_hybrid_parcel_that_was_changed_or_made_classical_does_not_open() {
    let parcel = hybrid(b"payload");
    for at in 0..parcel.len() {
        let mut forged = parcel.clone();
        forged[at] ^= 1 << (at % 8);
        assert!(open(&bob(), Some(&kem()), PROLOGUE, &forged).is_err(), "byte {at}");
        if at % 50 == 0 {
            assert!(open(&bob(), Some(&kem()), PROLOGUE, &parcel[..at]).is_err(), "{at} bytes");
        }
    }
    // Somebody who broke ML-KEM takes the outer seal off: what is inside is bound to it.
    for version in [1, 2] {
        let stripped = [&[version], &parcel[1 + 4 + 1_088..]].concat();
        assert!(open(&bob(), Some(&kem()), PROLOGUE, &stripped).is_err());
    }
    let long = [&[2][..], &vec![1; MAX_PAYLOAD + HYBRID_OVERHEAD]].concat();
    assert_eq!(open(&bob(), Some(&kem()), PROLOGUE, &long), Err(ParcelError::TooLong));
    assert_eq!(open(&bob(), Some(&kem()), PROLOGUE, &long[..HYBRID_OVERHEAD - 1]), Err(ParcelError::Malformed));
}

proptest! {
    /// [PAR-5]
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..1_500), version in 0..3u8) {
        prop_assert!(open(&bob(), None, PROLOGUE, &bytes).is_err());
        let versioned = [&[version][..], &bytes].concat();
        prop_assert!(open(&bob(), None, PROLOGUE, &versioned).is_err());
        prop_assert!(open(&bob(), Some(&kem()), PROLOGUE, &versioned).is_err());
    }

    #[test]
    fn any_payload_survives(payload in proptest::collection::vec(any::<u8>(), 0..2_000), from: [u8; 32], to: [u8; 32], seed: u64) {
        let (from, to) = (DhSecret::from_bytes(from), DhSecret::from_bytes(to));
        let sealed = seal(&from, &to.public(), None, PROLOGUE, &payload, &mut ChaCha20Rng::seed_from_u64(seed)).expect("short enough");
        prop_assert_eq!(open(&to, None, PROLOGUE, &sealed), Ok::<(DhPublic, Vec<u8>), ParcelError>((from.public(), payload)));
    }
}
