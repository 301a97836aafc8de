//! The one Diffie-Hellman function (X25519, RFC 7748): Noise, PQXDH and the ratchet all go through [`DhSecret::agree`].

use std::fmt;

use rand_core::CryptoRng;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use x25519_dalek::{PublicKey, StaticSecret};

use super::secret::Secret;

/// A public key that must not be used: not canonical, of low order, or giving the all-zero result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid X25519 public key")]
pub struct InvalidPublicKey;

/// X25519 public key, 32 bytes, canonical and not of low order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DhPublic([u8; 32]);

/// The canonical encodings of the points of low order (Curve25519 and its twist), u-coordinate, little endian.
/// A non-canonical encoding of them is refused as such.
const LOW_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
        0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
        0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    {
        // p - 1
        let mut b = [0xff; 32];
        b[0] = 0xec;
        b[31] = 0x7f;
        b
    },
];

impl DhPublic {
    /// Accepts a canonical encoding of a point that is not of low order.
    ///
    /// # Errors
    /// [`InvalidPublicKey`] otherwise.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, InvalidPublicKey> {
        if !is_canonical(&bytes) || LOW_ORDER.contains(&bytes) {
            return Err(InvalidPublicKey);
        }
        Ok(Self(bytes))
    }

    /// The 32 bytes of the u-coordinate.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// u < 2^255 - 19, with the top bit clear.
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let high = bytes[31] == 0x7f && bytes[1..31].iter().all(|b| *b == 0xff);
    bytes[31] < 0x80 && !(high && bytes[0] >= 0xed)
}

impl fmt::Debug for DhPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DhPublic({})", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

impl Serialize for DhPublic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for DhPublic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteArray::<32>::deserialize(deserializer)?;
        Self::from_bytes(bytes.into_array()).map_err(D::Error::custom)
    }
}

/// X25519 secret key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DhSecret(Secret<32>);

impl DhSecret {
    /// From 32 secret bytes (clamped when used).
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// A fresh key.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(Secret::random(rng))
    }

    /// The public key.
    pub fn public(&self) -> DhPublic {
        DhPublic(PublicKey::from(&StaticSecret::from(*self.0.expose())).to_bytes())
    }

    /// The shared secret, 32 bytes.
    ///
    /// # Errors
    /// [`InvalidPublicKey`] if the result is all zero (checked although a [`DhPublic`] cannot cause it).
    pub fn agree(&self, theirs: &DhPublic) -> Result<Secret<32>, InvalidPublicKey> {
        let shared = StaticSecret::from(*self.0.expose()).diffie_hellman(&PublicKey::from(theirs.0));
        if shared.was_contributory() { Ok(Secret::new(shared.to_bytes())) } else { Err(InvalidPublicKey) }
    }

    /// The secret bytes, for the Noise provider.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

impl fmt::Debug for DhSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DhSecret({:?})", self.public())
    }
}
