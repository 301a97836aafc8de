//! ML-KEM-768 (FIPS 203): the post-quantum half of every key agreement.

use std::fmt;

use ml_kem::{Ciphertext, Decapsulate, DecapsulationKey, Encapsulate, EncapsulationKey, KeyExport, MlKem768, Seed};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{hash::blake3, secret::Secret};

/// Length of an encapsulation key in bytes.
pub const PUBLIC_LEN: usize = 1184;
/// Length of a ciphertext in bytes.
pub const CIPHERTEXT_LEN: usize = 1088;

/// An encapsulation key or ciphertext of the wrong length or (key) outside the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid ML-KEM-768 key or ciphertext")]
pub struct InvalidKem;

/// Encapsulation (public) key as it travels: checked (FIPS 203 section 7.2) when used.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KemPublic(ByteBuf);

impl KemPublic {
    /// Accepts a key that passes the modulus check of FIPS 203.
    ///
    /// # Errors
    /// [`InvalidKem`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidKem> {
        let key = Self(ByteBuf::from(bytes));
        key.parse().map(|_| key)
    }

    /// The encoded key.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Encapsulates to this key: `(ciphertext, shared secret)`.
    ///
    /// # Errors
    /// [`InvalidKem`].
    pub fn encapsulate(&self, rng: &mut impl CryptoRng) -> Result<(Vec<u8>, Secret<32>), InvalidKem> {
        let (ciphertext, shared) = self.parse()?.encapsulate_with_rng(rng);
        Ok((ciphertext.to_vec(), Secret::new(shared.into())))
    }

    /// What names the key where there is no room for it.
    pub fn hash(&self) -> KemHash {
        KemHash(ByteArray::new(blake3(&self.0)))
    }

    fn parse(&self) -> Result<EncapsulationKey<MlKem768>, InvalidKem> {
        let bytes = self.0.as_slice().try_into().map_err(|_| InvalidKem)?;
        EncapsulationKey::new(bytes).map_err(|_| InvalidKem)
    }
}

impl fmt::Debug for KemPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KemPublic({} bytes)", self.0.len())
    }
}

/// The BLAKE3 hash of an encapsulation key: 32 bytes that commit to 1,184.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KemHash(ByteArray<32>);

impl KemHash {
    /// From the bytes of the hash.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(ByteArray::new(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KemHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KemHash({})", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

/// Decapsulation key, kept as its 64-byte seed (d || z).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KemSecret(Secret<64>);

impl KemSecret {
    /// A fresh key.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(Secret::random(rng))
    }

    /// From the seed d || z of FIPS 203.
    pub fn from_seed(seed: [u8; 64]) -> Self {
        Self(Secret::new(seed))
    }

    /// The encapsulation key.
    pub fn public(&self) -> KemPublic {
        KemPublic(ByteBuf::from(self.key().encapsulation_key().to_bytes().to_vec()))
    }

    /// The shared secret of `ciphertext` (implicit rejection: a forged one gives an unrelated secret).
    ///
    /// # Errors
    /// [`InvalidKem`] when the length is wrong.
    pub fn decapsulate(&self, ciphertext: &[u8]) -> Result<Secret<32>, InvalidKem> {
        let ciphertext: &Ciphertext<MlKem768> = ciphertext.try_into().map_err(|_| InvalidKem)?;
        Ok(Secret::new(self.key().decapsulate(ciphertext).into()))
    }

    fn key(&self) -> DecapsulationKey<MlKem768> {
        DecapsulationKey::from_seed(Seed::from(*self.0.expose()))
    }
}
