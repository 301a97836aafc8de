//! The prekey bundle: what a device publishes so that others can start a session while it is away.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::{
    error::BundleError,
    limits::{BUNDLE_MAX_AGE_MS, MAX_BUNDLE},
};
use crate::{
    crypto::{
        dh::DhPublic,
        kem::KemPublic,
        sign::{Context, SigningSecret, VerifyingKey},
    },
    parcel::ToKem,
    version::Version,
};

/// Name of a prekey: random, unique within the store of its device.
pub(super) type PrekeyId = u32;

/// A device's prekeys as they travel: the signed prekey and a KEM key, and perhaps the DH half of a one-time pair, whose
/// KEM half then is the KEM key. 1.4 KB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrekeyBundle {
    #[serde(rename = "v")]
    version: Version<1>,
    #[serde(rename = "s")]
    pub(super) signed: SignedPrekey,
    #[serde(rename = "k")]
    pub(super) kem: KemPublic,
    #[serde(rename = "o")]
    pub(super) one_time: Option<OneTimePrekey>,
    /// Over [`kem_message`].
    #[serde(rename = "g")]
    signature: ByteArray<64>,
}

/// Id, time made (Unix ms), key, signature over [`signed_message`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SignedPrekey(pub(super) PrekeyId, pub(super) u64, pub(super) DhPublic, pub(super) ByteArray<64>);

/// Id of the pair and its DH half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OneTimePrekey(pub(super) PrekeyId, pub(super) DhPublic);

impl SignedPrekey {
    pub(super) fn sign(id: PrekeyId, made_at: u64, key: DhPublic, device: &SigningSecret) -> Self {
        let signature = device.sign(Context::SignedPrekey, &signed_message(id, made_at, &key));
        Self(id, made_at, key, ByteArray::new(signature))
    }
}

impl PrekeyBundle {
    pub(super) fn sign(
        signed: SignedPrekey,
        kem: KemPublic,
        one_time: Option<OneTimePrekey>,
        device: &SigningSecret,
    ) -> Self {
        let message = kem_message(one_time.as_ref(), signed.0, &kem);
        let signature = ByteArray::new(device.sign(Context::KemPrekey, &message));
        Self { version: Version, signed, kem, one_time, signature }
    }

    /// The wire form, at most [`MAX_BUNDLE`] bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        covey_codec::encode(self).expect("plain data encodes")
    }

    /// Parses the wire form. [`PrekeyBundle::verify`] checks who made it (and so does initiating a session).
    ///
    /// # Errors
    /// [`BundleError::Malformed`]; a bundle without its KEM part or with an unusable key is one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        let bundle: Self = covey_codec::decode(bytes, MAX_BUNDLE)?;
        KemPublic::from_bytes(bundle.kem.as_bytes()).map_err(|e| BundleError::Malformed(e.to_string()))?;
        Ok(bundle)
    }

    /// Checks both signatures by `device` (an Ed25519 public key) and the age.
    ///
    /// # Errors
    /// [`BundleError::BadSignature`], [`BundleError::Stale`].
    pub fn verify(&self, device: &[u8; 32], now: u64) -> Result<(), BundleError> {
        let device = VerifyingKey::from_bytes(*device);
        let SignedPrekey(id, made_at, key, signature) = &self.signed;
        device
            .verify(Context::SignedPrekey, &signed_message(*id, *made_at, key), signature)
            .map_err(|_| BundleError::BadSignature)?;
        device
            .verify(Context::KemPrekey, &kem_message(self.one_time.as_ref(), *id, &self.kem), &self.signature)
            .map_err(|_| BundleError::BadSignature)?;
        if now.saturating_sub(*made_at) > BUNDLE_MAX_AGE_MS { Err(BundleError::Stale) } else { Ok(()) }
    }

    /// The last-resort KEM key and its name, for parcels; none in a bundle with a one-time pair, whose key is good once.
    pub fn last_resort(&self) -> Option<ToKem<'_>> {
        (!self.is_one_time()).then_some(ToKem { id: self.signed.0, key: &self.kem })
    }

    /// Whether it carries a one-time pair: then it starts one session and is spent.
    pub fn is_one_time(&self) -> bool {
        self.one_time.is_some()
    }
}

/// `id (4, big endian) || made_at (8, big endian) || key (32)`.
fn signed_message(id: PrekeyId, made_at: u64, key: &DhPublic) -> Vec<u8> {
    [&id.to_be_bytes()[..], &made_at.to_be_bytes(), key.as_bytes()].concat()
}

/// `0 || signed prekey id (4) || KEM key` or `1 || signed prekey id (4) || pair id (4) || DH half (32) || KEM key`.
/// Naming the signed prekey keeps the two halves of different bundles from being recombined.
fn kem_message(one_time: Option<&OneTimePrekey>, signed: PrekeyId, kem: &KemPublic) -> Vec<u8> {
    let signed = signed.to_be_bytes();
    match one_time {
        None => [&[0], &signed[..], kem.as_bytes()].concat(),
        Some(OneTimePrekey(id, dh)) => [&[1], &signed[..], &id.to_be_bytes(), dh.as_bytes(), kem.as_bytes()].concat(),
    }
}
