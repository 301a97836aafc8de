//! Parcels. `pairing/SPEC.md`, section Parcels.

use covey_pairing::{
    crypto::dh::{DhPublic, DhSecret},
    parcel::{MAX_PAYLOAD, OVERHEAD, ParcelError, open, seal},
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
    seal(&alice(), &bob().public(), PROLOGUE, payload, &mut ChaCha20Rng::seed_from_u64(1)).expect("short enough")
}

/// [PAR-1] [PAR-2]
#[test]
fn a_parcel_opens_for_its_device_and_names_its_sender() {
    for payload in [&b""[..], b"payload", &[7; MAX_PAYLOAD]] {
        let parcel = parcel(payload);
        assert_eq!(parcel.len(), payload.len() + OVERHEAD);
        assert_eq!(open(&bob(), PROLOGUE, &parcel), Ok((alice().public(), payload.to_vec())));
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
    assert_eq!(open(&alice(), PROLOGUE, &parcel), Err(ParcelError::Forged));
    assert_eq!(open(&bob(), b"elsewhere", &parcel), Err(ParcelError::Forged));
    let mut other_version = parcel.clone();
    other_version[0] = 2;
    assert_eq!(open(&bob(), PROLOGUE, &other_version), Err(ParcelError::Malformed));
}

/// [PAR-3]
#[test]
fn a_changed_parcel_does_not_open() {
    let parcel = parcel(b"payload");
    for at in 0..parcel.len() {
        for bit in 0..8 {
            let mut forged = parcel.clone();
            forged[at] ^= 1 << bit;
            assert!(open(&bob(), PROLOGUE, &forged).is_err(), "byte {at} bit {bit}");
        }
        assert!(open(&bob(), PROLOGUE, &parcel[..at]).is_err(), "{at} bytes");
    }
}

/// [PAR-4]
#[test]
fn an_ephemeral_key_of_low_order_is_refused() {
    for first in [0, 1] {
        let mut forged = parcel(b"payload");
        forged[1..33].fill(0);
        forged[1] = first;
        assert_eq!(open(&bob(), PROLOGUE, &forged), Err(ParcelError::Forged));
    }
}

/// [PAR-5]
#[test]
fn an_overlong_parcel_is_refused_on_both_sides() {
    let sealed = seal(&alice(), &bob().public(), b"", &[0; MAX_PAYLOAD + 1], &mut ChaCha20Rng::seed_from_u64(1));
    assert_eq!(sealed, Err(ParcelError::TooLong));
    assert_eq!(open(&bob(), b"", &vec![1; MAX_PAYLOAD + OVERHEAD + 1]), Err(ParcelError::TooLong));
}

proptest! {
    /// [PAR-5]
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), version in 0..3u8) {
        prop_assert!(open(&bob(), PROLOGUE, &bytes).is_err());
        prop_assert!(open(&bob(), PROLOGUE, &[&[version][..], &bytes].concat()).is_err());
    }

    #[test]
    fn any_payload_survives(payload in proptest::collection::vec(any::<u8>(), 0..2_000), from: [u8; 32], to: [u8; 32], seed: u64) {
        let (from, to) = (DhSecret::from_bytes(from), DhSecret::from_bytes(to));
        let sealed = seal(&from, &to.public(), PROLOGUE, &payload, &mut ChaCha20Rng::seed_from_u64(seed)).expect("short enough");
        prop_assert_eq!(open(&to, PROLOGUE, &sealed), Ok::<(DhPublic, Vec<u8>), ParcelError>((from.public(), payload)));
    }
}
