//! Bodies. `pairing/SPEC.md`, section Envelope.

use covey_pairing::{
    crypto::{aead, secret::Secret},
    envelope::{BodyError, MAX_BODY, open_body, seal_body, size_class},
};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const AAD: &[u8] = b"channel, author, incarnation, seq, backlink";

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

proptest! {
    /// [ENV-1] [ENV-2]
    #[test]
    fn a_body_opens_and_only_its_size_class_shows(body in proptest::collection::vec(any::<u8>(), 0..6_000), seed: u64) {
        let (key, sealed) = seal_body(&body, AAD, &mut ChaCha20Rng::seed_from_u64(seed)).expect("short enough");
        prop_assert_eq!(sealed.len(), 1 + size_class(body.len()).expect("short enough") + 16);
        prop_assert_eq!(open_body(&key, AAD, &sealed), Ok(body));
    }

    /// [ENV-3]
    #[test]
    fn a_changed_body_does_not_open(body in proptest::collection::vec(any::<u8>(), 0..300), at: prop::sample::Index, by in 1..=255u8) {
        let (key, sealed) = seal_body(&body, AAD, &mut rng()).expect("short enough");
        let mut forged = sealed.clone();
        let at = at.index(forged.len());
        forged[at] ^= by;
        prop_assert!(open_body(&key, AAD, &forged).is_err());
        prop_assert!(open_body(&key, AAD, &sealed[..at]).is_err());
    }

    /// [ENV-3]
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(open_body(&Secret::new([1; 32]), AAD, &bytes).is_err());
    }
}

/// [ENV-2]
#[test]
fn size_classes_are_those_of_the_specification() {
    let classes: Vec<_> = [0, 127, 128, 255, 256, 511, 512, 1_024, 2_048, 4_095, 4_096, 8_191, 8_192, 16_384, MAX_BODY]
        .map(|len| size_class(len).expect("short enough"))
        .into();
    let expected = [128, 128, 256, 256, 512, 512, 1_024, 2_048, 4_096, 4_096, 8_192, 8_192, 12_288, 20_480, 61_440];
    assert_eq!(classes, expected);
    assert_eq!(size_class(MAX_BODY + 1), Err(BodyError::TooLong));
    assert_eq!(size_class(usize::MAX), Err(BodyError::TooLong));
}

/// [ENV-1]
#[test]
fn bodies_that_look_like_padding_survive() {
    for body in [&[][..], &[0; 200], &[0x80; 127], &[0x80, 0, 0], &[1; MAX_BODY]] {
        let (key, sealed) = seal_body(body, AAD, &mut rng()).expect("short enough");
        assert_eq!(open_body(&key, AAD, &sealed).as_deref(), Ok(body));
    }
    assert_eq!(seal_body(&[1; MAX_BODY + 1], AAD, &mut rng()).map(drop), Err(BodyError::TooLong));
}

/// [ENV-3]
#[test]
fn padding_of_another_size_class_is_refused() {
    let key = Secret::new([3; 32]);
    let aad = [b"covey body v1\0", AAD].concat();
    let sealed = |padded: &[u8]| [&[1], aead::seal(&key, &[0; 12], &aad, padded).as_slice()].concat();
    let mut good = [0; 128];
    good[..5].copy_from_slice(b"body\x80");
    assert_eq!(open_body(&key, AAD, &sealed(&good)).as_deref(), Ok(&b"body"[..]));
    let larger = [good.as_slice(), &[0; 128]].concat();
    for padded in [&good[..5], &good[..4], &[], &[0; 128], &[7; 128], &larger] {
        assert_eq!(open_body(&key, AAD, &sealed(padded)), Err(BodyError::Forged));
    }
}

/// [ENV-3]
#[test]
fn a_body_opens_only_where_it_was_sealed_for() {
    let (key, sealed) = seal_body(b"body", AAD, &mut rng()).expect("short enough");
    assert_eq!(open_body(&key, b"elsewhere", &sealed), Err(BodyError::Forged));
    assert_eq!(open_body(&Secret::new([0; 32]), AAD, &sealed), Err(BodyError::Forged));
    let mut other_version = sealed.clone();
    other_version[0] = 2;
    assert_eq!(open_body(&key, AAD, &other_version), Err(BodyError::Version));
    assert_eq!(open_body(&key, AAD, &vec![1; 70_000]), Err(BodyError::TooLong));
}
