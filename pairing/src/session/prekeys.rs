//! Prekeys: what a device publishes so that others can start a session while it is away.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::crypto::{dh::DhSecret, sign::SigningSecret};

/// The long-term secrets of our own device.
#[derive(Debug, Clone)]
pub struct LocalDevice {
    /// DH identity key (X25519).
    pub dh: DhSecret,
    /// Signing key (Ed25519); its public key is the device id.
    pub signing: SigningSecret,
}

/// Why a prekey bundle is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Not a bundle of a version we know.
    #[error("malformed prekey bundle: {0}")]
    Malformed(String),
    /// A prekey is not signed by the device the bundle is used for.
    #[error("prekey bundle is not signed by that device")]
    BadSignature,
    /// The signed prekey is so old that its owner has deleted it.
    #[error("prekey bundle is out of date")]
    Stale,
}

/// A device's prekeys as they travel: signed prekey and KEM key, with or without a one-time pair. About 1.4 KB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrekeyBundle {}

impl PrekeyBundle {
    /// The wire form (at most [`super::limits::MAX_BUNDLE`] bytes).
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }

    /// Parses the wire form. Signatures are checked by [`PrekeyBundle::verify`] (and again when a session is initiated).
    ///
    /// # Errors
    /// [`BundleError::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        todo!()
    }

    /// Checks signatures by `device` (an Ed25519 public key) and age.
    ///
    /// # Errors
    /// [`BundleError::BadSignature`], [`BundleError::Stale`].
    pub fn verify(&self, device: &[u8; 32], now: u64) -> Result<(), BundleError> {
        todo!()
    }

    /// Whether it carries a one-time pair (to be used for one session only).
    pub fn is_one_time(&self) -> bool {
        todo!()
    }
}

/// The secret halves of everything our device published. Serialises with a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrekeyStore {}

impl PrekeyStore {
    /// First signed prekey and last-resort KEM key, no one-time pairs.
    pub fn new(device: &LocalDevice, now: u64, rng: &mut impl CryptoRng) -> Self {
        todo!()
    }

    /// Replaces signed prekey and last-resort key when they are 2 days old, forgets those replaced 30 days ago.
    /// True when something changed: store it, and if the bundle changed publish the new one.
    pub fn rotate(&mut self, device: &LocalDevice, now: u64, rng: &mut impl CryptoRng) -> bool {
        todo!()
    }

    /// The public bundle with the last-resort KEM key, for the contact card.
    pub fn bundle(&self) -> PrekeyBundle {
        todo!()
    }

    /// A bundle with a fresh one-time pair, for exactly one paired device, over an authenticated channel. The store must
    /// be durable before the bundle leaves.
    pub fn one_time_bundle(&mut self, device: &LocalDevice, rng: &mut impl CryptoRng) -> PrekeyBundle {
        todo!()
    }

    /// One-time pairs handed out and not used yet.
    pub fn one_time_len(&self) -> usize {
        todo!()
    }
}
