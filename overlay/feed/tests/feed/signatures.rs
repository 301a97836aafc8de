//! FEED-4: a signature is valid exactly when Ed25519's `verify_strict` says so.

use covey_feed::{
    Author, Signature,
    header::{SIGNATURE_CONTEXT, signature_is_valid},
};
use curve25519_dalek::{EdwardsPoint, Scalar, constants::EIGHT_TORSION};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use proptest::prelude::*;

fn strict(author: &[u8; 32], header: &[u8], signature: &[u8; 64]) -> bool {
    let signed = [SIGNATURE_CONTEXT, header].concat();
    let signature = ed25519_dalek::Signature::from_bytes(signature);
    VerifyingKey::from_bytes(author).is_ok_and(|key| key.verify_strict(&signed, &signature).is_ok())
}

fn ours(author: &[u8; 32], header: &[u8], signature: &[u8; 64]) -> bool {
    signature_is_valid(&Author::from_bytes(*author), header, &Signature::from_bytes(*signature))
}

fn joined(r: [u8; 32], s: [u8; 32]) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(&s);
    signature
}

/// k of RFC 8032, as the verifier computes it.
fn challenge(r: &[u8; 32], author: &[u8; 32], header: &[u8]) -> Scalar {
    let hashed = [r.as_slice(), author, SIGNATURE_CONTEXT, header].concat();
    Scalar::from_bytes_mod_order_wide(&<[u8; 64]>::from(<sha2::Sha512 as sha2::Digest>::digest(hashed)))
}

/// Both equations hold for these, and only their small order speaks against them.
#[test]
fn signatures_whose_r_or_key_has_a_small_order_are_refused() {
    let secret = Scalar::from(7u64);
    for torsion in EIGHT_TORSION {
        let r = torsion.compress().to_bytes();
        // Under a good key: s = k a makes s B - k A the neutral element, and one key in eight fits another R.
        for part in EIGHT_TORSION {
            let author = (EdwardsPoint::mul_base(&secret) + part).compress().to_bytes();
            for header in 0..32u8 {
                let s = challenge(&r, &author, &[header]) * secret;
                let signature = joined(r, s.to_bytes());
                assert!(!ours(&author, &[header], &signature));
                assert!(!strict(&author, &[header], &signature));
            }
        }
        // Under a key of small order anybody can sign.
        for header in 0..32u8 {
            let nonce = Scalar::from(11u64);
            let signature = joined(EdwardsPoint::mul_base(&nonce).compress().to_bytes(), nonce.to_bytes());
            assert!(!ours(&r, &[header], &signature));
            assert!(!strict(&r, &[header], &signature));
        }
    }
}

proptest! {
    #[test]
    fn signatures_are_valid_exactly_when_strict_ed25519_says_so(
        seed: [u8; 32],
        header in proptest::collection::vec(any::<u8>(), 0..200),
        torsion in 0..8usize,
        at in 0..96usize,
        mask in any::<u8>(),
    ) {
        let key = SigningKey::from_bytes(&seed);
        let author = key.verifying_key().to_bytes();
        let good = key.sign(&[SIGNATURE_CONTEXT, &header].concat()).to_bytes();
        prop_assert!(ours(&author, &header, &good));

        // A flipped bit somewhere, or none.
        let (mut bad_author, mut bad) = (author, good);
        if at < 64 { bad[at] ^= mask } else { bad_author[at - 64] ^= mask }
        prop_assert_eq!(ours(&bad_author, &header, &bad), strict(&bad_author, &header, &bad));

        // The same signature by a key with a part of small order: valid for one challenge in some.
        let mixed = (EdwardsPoint::mul_base(&Scalar::from(5u64)) + EIGHT_TORSION[torsion]).compress().to_bytes();
        let r = (EdwardsPoint::mul_base(&Scalar::from(9u64)) + EIGHT_TORSION[at % 8]).compress().to_bytes();
        let s = challenge(&r, &mixed, &header) * Scalar::from(5u64) + Scalar::from(9u64);
        let signature = joined(r, s.to_bytes());
        prop_assert_eq!(ours(&mixed, &header, &signature), strict(&mixed, &header, &signature));
    }
}
