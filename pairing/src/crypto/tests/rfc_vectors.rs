//! The vectors printed in the RFCs.

use super::{array, bytes};
use crate::crypto::{
    aead,
    dh::{DhPublic, DhSecret},
    kdf::{hkdf, hmac},
    secret::Secret,
    sign::SigningSecret,
};

fn x25519(scalar: [u8; 32], u: [u8; 32]) -> [u8; 32] {
    let public = DhPublic::from_bytes(u).expect("canonical and not of low order");
    *DhSecret::from_bytes(scalar).agree(&public).expect("not zero").expose()
}

/// [CRYPTO-1] RFC 7748, section 5.2. The second vector of the RFC sets the top bit of u: our wrapper refuses
/// encodings that are not canonical, so it is fed with that bit cleared, as the RFC masks it.
#[test]
fn x25519_as_in_rfc_7748() {
    let out = x25519(
        array("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
        array("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
    );
    assert_eq!(out, array("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"));
    let scalar = array("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d");
    let mut u: [u8; 32] = array("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493");
    assert!(DhPublic::from_bytes(u).is_err());
    u[31] &= 0x7f;
    let expected = array("95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
    assert_eq!(x25519(scalar, u), expected);
}

/// [CRYPTO-1] RFC 7748, section 5.2, iterated.
#[test]
fn x25519_iterated_as_in_rfc_7748() {
    let mut nine = [0; 32];
    nine[0] = 9;
    let (mut k, mut u) = (nine, nine);
    for n in 1..=1000 {
        let mut masked = u;
        masked[31] &= 0x7f;
        (k, u) = (x25519(k, masked), k);
        if n == 1 {
            assert_eq!(k, array("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"));
        }
    }
    assert_eq!(k, array("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"));
}

/// [CRYPTO-1] RFC 7748, section 6.1.
#[test]
fn diffie_hellman_as_in_rfc_7748() {
    let alice = DhSecret::from_bytes(array("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
    let bob = DhSecret::from_bytes(array("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
    let publics = [
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    ];
    assert_eq!([alice.public(), bob.public()].map(|key| *key.as_bytes()), publics.map(array));
    let shared = Secret::new(array("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"));
    assert_eq!(alice.agree(&bob.public()), Ok(shared.clone()));
    assert_eq!(bob.agree(&alice.public()), Ok(shared));
}

/// [CRYPTO-2] RFC 8032, section 7.1, TEST 1 to 3 and SHA(abc).
#[test]
fn ed25519_as_in_rfc_8032() {
    let vectors = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
             5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
        (
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589
             09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
        ),
    ];
    for (seed, public, message, signature) in vectors {
        let key = SigningSecret::from_seed(array(seed));
        assert_eq!(key.public().as_bytes(), &array(public));
        assert_eq!(key.sign_bytes(&bytes(message)), array(signature));
        assert_eq!(key.public().verify_bytes(&bytes(message), &array(signature)), Ok(()));
    }
}

/// [CRYPTO-4] RFC 8439, section 2.8.2.
#[test]
fn chacha20_poly1305_as_in_rfc_8439() {
    let plaintext = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                      sunscreen would be it.";
    let key = Secret::new(array("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"));
    let (nonce, aad) = (array("070000004041424344454647"), bytes("50515253c0c1c2c3c4c5c6c7"));
    let sealed = bytes(
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6
         3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36
         92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc
         3ff4def08e4b7a9de576d26586cec64b6116 1ae10b594f09e26a7e902ecbd0600691",
    );
    assert_eq!(aead::seal(&key, &nonce, &aad, plaintext), sealed);
    assert_eq!(aead::open(&key, &nonce, &aad, &sealed), Ok(plaintext.to_vec()));
}

/// [CRYPTO-5] RFC 5869, appendix A.1 to A.3.
#[test]
fn hkdf_sha_256_as_in_rfc_5869() {
    let okm = hkdf::<42>(&bytes("000102030405060708090a0b0c"), &[0x0b; 22], &bytes("f0f1f2f3f4f5f6f7f8f9"));
    let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    assert_eq!(*okm.expose(), array(expected));

    let range = |from: u8, to: u8| (from..=to).collect::<Vec<u8>>();
    let okm = hkdf::<82>(&range(0x60, 0xaf), &range(0x00, 0x4f), &range(0xb0, 0xff));
    let expected = "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c
                    59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71
                    cc30c58179ec3e87c14c01d5c1f3434f1d87";
    assert_eq!(*okm.expose(), array(expected));

    let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
    assert_eq!(*hkdf::<42>(&[], &[0x0b; 22], &[]).expose(), array(expected));
}

/// [CRYPTO-6] RFC 4231, section 4.2 and 4.3.
#[test]
fn hmac_sha_256_as_in_rfc_4231() {
    let mac = hmac(&[0x0b; 20], b"Hi There");
    assert_eq!(*mac.expose(), array("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"));
    let mac = hmac(b"Jefe", b"what do ya want for nothing?");
    assert_eq!(*mac.expose(), array("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
}
