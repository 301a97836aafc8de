//! All sessions with one remote device: one active, some archived.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use super::prekeys::{BundleError, LocalDevice, PrekeyBundle, PrekeyStore};
use crate::crypto::{dh::DhPublic, secret::Secret};

/// The two ends of a session, as 32-byte ids (Ed25519 public keys).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionParties {
    /// Our account id.
    pub our_account: [u8; 32],
    /// Our device id.
    pub our_device: [u8; 32],
    /// Their account id.
    pub their_account: [u8; 32],
    /// Their device id: the key their prekeys are signed with.
    pub their_device: [u8; 32],
}

/// Why an envelope was not sealed or opened. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// There is no session to send on: get a bundle and `initiate`.
    #[error("no session with this device yet")]
    NoSession,
    /// Their prekey bundle is not usable.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Not an envelope, or of a version or suite we do not know.
    #[error("malformed envelope: {0}")]
    Malformed(String),
    /// The plaintext is over [`super::limits::MAX_PLAINTEXT`].
    #[error("plaintext is too long")]
    TooLong,
    /// The envelope belongs to a session we do not have (any more). Heal: `initiate` and ask again.
    #[error("envelope of an unknown session")]
    UnknownSession,
    /// A first message that names a prekey we do not have (any more). Heal: `initiate` and ask again.
    #[error("first message names an unknown prekey")]
    UnknownPrekey,
    /// A first message that opens a session we do not know: call `decrypt` with the prekey store.
    #[error("first message needs the prekey store")]
    NeedsPrekeys,
    /// A first message that was used before.
    #[error("first message was used before")]
    Replayed,
    /// The message key was used or evicted: a duplicate, a replay, or far too late.
    #[error("message key was used or evicted")]
    KeyGone,
    /// More messages are missing before this one than may be skipped.
    #[error("too many messages are missing before this one")]
    TooFarAhead,
    /// The envelope does not authenticate.
    #[error("envelope does not authenticate")]
    Forged,
    /// Too many first messages with the last-resort key within its lifetime.
    #[error("too many first messages from this device")]
    TooManyHandshakes,
}

/// All sessions with one remote device. Serialises with a version: one value to store per remote device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSessions {}

impl DeviceSessions {
    /// No sessions yet. `their_dh` is their device's DH identity key from the key log; `psk` the pair secret's session
    /// key (or, for group-only sessions, the group's consent secret).
    pub fn new(parties: SessionParties, their_dh: DhPublic, psk: Secret<32>) -> Self {
        todo!()
    }

    /// The two ends.
    pub fn parties(&self) -> &SessionParties {
        todo!()
    }

    /// Whether there is a session to send on. If not: get a bundle and [`DeviceSessions::initiate`].
    pub fn can_send(&self) -> bool {
        todo!()
    }

    /// Whether the active session was confirmed by a message from them (its envelopes are small then).
    pub fn is_answered(&self) -> bool {
        todo!()
    }

    /// Starts a new session from their bundle and makes it the active one; the previous one is archived.
    ///
    /// # Errors
    /// [`SessionError::Bundle`].
    pub fn initiate(
        &mut self,
        device: &LocalDevice,
        bundle: &PrekeyBundle,
        now: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), SessionError> {
        todo!()
    }

    /// Seals `plaintext` on the active session. `self` must be durable before the envelope leaves.
    ///
    /// # Errors
    /// [`SessionError::NoSession`], [`SessionError::TooLong`].
    pub fn encrypt(&mut self, plaintext: &[u8], aad: &[u8], rng: &mut impl CryptoRng) -> Result<Vec<u8>, SessionError> {
        todo!()
    }

    /// Opens an envelope of an existing session, or of a new one with `prekeys` (a used one-time pair is deleted from it).
    ///
    /// # Errors
    /// [`SessionError`]; neither `self` nor `prekeys` changed.
    pub fn decrypt(
        &mut self,
        device: &LocalDevice,
        prekeys: &mut PrekeyStore,
        envelope: &[u8],
        aad: &[u8],
        now: u64,
    ) -> Result<Vec<u8>, SessionError> {
        todo!()
    }

    /// [`DeviceSessions::decrypt`] without the prekey store: all but the first message of a session. Saves loading it.
    ///
    /// # Errors
    /// [`SessionError::NeedsPrekeys`] when the store is needed after all; else as `decrypt`. Nothing changed.
    pub fn decrypt_established(&mut self, envelope: &[u8], aad: &[u8], now: u64) -> Result<Vec<u8>, SessionError> {
        todo!()
    }

    /// After a restore from a backup: makes every session receive-only, because their sending keys may have been used
    /// already. `can_send` is false until the next `initiate` or first message from them.
    pub fn retire(&mut self) {
        todo!()
    }
}
