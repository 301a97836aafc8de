//! Ed25519 signatures (RFC 8032, `verify_strict`), always over `context || message`.

use std::fmt;

use ed25519_dalek::{
    SigningKey,
    hazmat::{ExpandedSecretKey, raw_sign},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use sha2::Sha512;

use super::secret::Secret;

/// A signature that does not verify, or a public key that is not a usable Ed25519 point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signature does not verify")]
pub struct BadSignature;

/// What a signature is about. Every kind of signed object has its own, so none can stand in for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Context {
    /// An operation in an account's key log.
    KeyLogOp,
    /// A rotation in an account's key log, by the recovery key.
    KeyLogRotation,
    /// The same rotation, by the operational key that it brings.
    KeyLogSuccessor,
    /// A device's objection to a rotation of its account.
    KeyLogContest,
    /// A contact card.
    ContactCard,
    /// A pairing offer (inside an invite).
    Offer,
    /// Withdrawal of an invite.
    CancelInvite,
    /// A signed prekey (X25519).
    SignedPrekey,
    /// A KEM prekey (ML-KEM-768).
    KemPrekey,
    /// A device's agreement to belong to an account.
    DeviceJoin,
    /// The header of a feed entry.
    FeedEntry,
    /// A device's wish to become a member of a group.
    GroupJoin,
    /// The use of a ticket for a group, by the ticket's own key.
    GroupTicket,
    /// What a parcel in a keeper's slot carries.
    KeeperDeposit,
    /// A keeper's receipt for a parcel.
    KeeperReceipt,
    /// A question for one's own account.
    AccountWanted,
}

impl Context {
    /// Every kind, for the test that no two verify for each other.
    pub const ALL: [Self; 16] = [
        Self::KeyLogOp,
        Self::KeyLogRotation,
        Self::KeyLogSuccessor,
        Self::KeyLogContest,
        Self::ContactCard,
        Self::Offer,
        Self::CancelInvite,
        Self::SignedPrekey,
        Self::KemPrekey,
        Self::DeviceJoin,
        Self::FeedEntry,
        Self::GroupJoin,
        Self::GroupTicket,
        Self::KeeperDeposit,
        Self::KeeperReceipt,
        Self::AccountWanted,
    ];

    /// The bytes put before the message: none is a prefix of another (each ends in NUL).
    pub fn prefix(self) -> &'static [u8] {
        match self {
            Self::KeyLogOp => b"covey key log op v1\0",
            Self::KeyLogRotation => b"covey key log rotation v1\0",
            Self::KeyLogSuccessor => b"covey key log successor v1\0",
            Self::KeyLogContest => b"covey key log contest v1\0",
            Self::ContactCard => b"covey contact card v1\0",
            Self::Offer => b"covey offer v1\0",
            Self::CancelInvite => b"covey cancel invite v1\0",
            Self::SignedPrekey => b"covey signed prekey v1\0",
            Self::KemPrekey => b"covey kem prekey v1\0",
            Self::DeviceJoin => b"covey device join v1\0",
            Self::FeedEntry => b"covey feed entry v1\0",
            Self::GroupJoin => b"covey group join v1\0",
            Self::GroupTicket => b"covey group ticket v1\0",
            Self::KeeperDeposit => b"covey keeper deposit v1\0",
            Self::KeeperReceipt => b"covey keeper receipt v1\0",
            Self::AccountWanted => b"covey account wanted v1\0",
        }
    }
}

/// Ed25519 signing key: erased on drop, compared in constant time, serialised as its seed.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Secret<32>", into = "Secret<32>")]
pub struct SigningSecret {
    /// Holds the public key too, which costs as much to compute as a signature.
    key: SigningKey,
    /// What RFC 8032 makes of the seed for every signature, made once.
    expanded: ExpandedSecretKey,
}

impl SigningSecret {
    /// From the 32-byte seed of RFC 8032.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self::from(Secret::new(seed))
    }

    /// The public key.
    pub fn public(&self) -> VerifyingKey {
        VerifyingKey(self.key.verifying_key().to_bytes())
    }

    /// Signs `context || message`; 64 bytes.
    pub fn sign(&self, context: Context, message: &[u8]) -> [u8; 64] {
        self.sign_bytes(&[context.prefix(), message].concat())
    }

    /// Plain Ed25519: only under [`SigningSecret::sign`], and against published vectors.
    pub(super) fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        raw_sign::<Sha512>(&self.expanded, bytes, self.key.as_ref()).to_bytes()
    }

    /// The seed, for the few places that need the raw key (network identity, key blinding).
    pub fn expose_seed(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }
}

impl Clone for SigningSecret {
    fn clone(&self) -> Self {
        let ExpandedSecretKey { scalar, hash_prefix } = self.expanded;
        Self { key: self.key.clone(), expanded: ExpandedSecretKey { scalar, hash_prefix } }
    }
}

impl From<Secret<32>> for SigningSecret {
    fn from(seed: Secret<32>) -> Self {
        Self { key: SigningKey::from_bytes(seed.expose()), expanded: ExpandedSecretKey::from(seed.expose()) }
    }
}

impl From<SigningSecret> for Secret<32> {
    fn from(secret: SigningSecret) -> Self {
        Self::new(*secret.expose_seed())
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningSecret({:?})", self.public())
    }
}

/// Ed25519 public key, 32 bytes. Whether it is a usable point is found when it first verifies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifyingKey([u8; 32]);

impl VerifyingKey {
    /// From the 32-byte encoding.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32-byte encoding.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Verifies `context || message` strictly (no small-order keys, canonical S).
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, context: Context, message: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
        self.verify_bytes(&[context.prefix(), message].concat(), signature)
    }

    /// Plain Ed25519: only under [`VerifyingKey::verify`], and against published vectors.
    pub(super) fn verify_bytes(&self, bytes: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(&self.0).map_err(|_| BadSignature)?;
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        key.verify_strict(bytes, &signature).map_err(|_| BadSignature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

impl Serialize for VerifyingKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for VerifyingKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteArray::<32>::deserialize(deserializer).map_err(D::Error::custom)?;
        Ok(Self(bytes.into_array()))
    }
}
