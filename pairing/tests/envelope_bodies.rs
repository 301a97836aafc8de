//! Bodies. `pairing/SPEC.md`, section Envelope.

use covey_pairing::{
    crypto::{aead, secret::Secret},
    envelope::{BodyError, MAX_BODY, commitment, open_body, seal_body, size_class},
};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const AAD: &[u8] = b"channel, author, incarnation, seq, backlink";

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

/// Opens under the key of 32 times 1 and under another one: two texts, one ciphertext, one tag. (The tag of Poly1305 is linear in a
/// block of the ciphertext, so one block that nobody looks at makes the two tags equal.)
const TWO_FACED: &str = "0158423efdce1b36a369db0ae2c3cd3535c9ff0061b46305b814a69b27be16d00415ac4de8f57b571c19961de8dd493faa0d28972ecd\
    83439223319eededc4c3f8cda21632bc35bea76379dd94c8e139c50000000000000000000000000000000000000000000000000000000000000000000000000000000000\
    00000000000055f3153639eee774bce0c3a5d81371d129";

/// [ENV-4]
#[test]
fn one_ciphertext_may_open_to_two_texts_and_the_commitment_tells_which_is_meant() {
    let sealed = data_encoding::HEXLOWER.decode(TWO_FACED.as_bytes()).expect("hexadecimal");
    let mut other = [2; 32];
    other[28..].copy_from_slice(&927_u32.to_le_bytes());
    let keys = [Secret::new([1; 32]), Secret::new(other)];
    let bodies = keys.each_ref().map(|key| open_body(key, b"the place", &sealed).expect("opens under both"));
    assert_eq!(bodies[0][..32], *b"Yes, I am coming tonight.       ");
    assert_eq!(bodies[1][32..64], *b"No, I am not coming. Good-bye.  ");
    assert_ne!(commitment(&keys[0]), commitment(&keys[1]));
    assert_eq!(commitment(&keys[0]), commitment(&keys[0].clone()));
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
