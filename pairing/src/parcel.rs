//! Parcels: what must reach one device, sealed to it with its sender inside (Noise X).
#![allow(clippy::todo, unused_variables)] // while the skeleton is filled in

use rand_core::CryptoRng;

use crate::crypto::dh::{DhPublic, DhSecret};

/// Longest payload of a parcel in bytes.
pub const MAX_PAYLOAD: usize = 60 * 1024;

/// Why a parcel was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParcelError {
    /// The payload is over [`MAX_PAYLOAD`].
    #[error("parcel is too long")]
    TooLong,
    /// Not a parcel of a version we know.
    #[error("malformed parcel")]
    Malformed,
    /// Not for us, forged, or sealed under another prologue.
    #[error("parcel does not authenticate")]
    Forged,
}

/// Seals `payload` from the device DH key `from` to the device DH key `to`.
///
/// # Errors
/// [`ParcelError::TooLong`].
pub fn seal(
    from: &DhSecret,
    to: &DhPublic,
    prologue: &[u8],
    payload: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, ParcelError> {
    todo!()
}

/// Opens [`seal`]: the sender's device DH key, authenticated, and the payload. Replays are not detected here: what a
/// parcel carries is idempotent.
///
/// # Errors
/// [`ParcelError`].
pub fn open(me: &DhSecret, prologue: &[u8], bytes: &[u8]) -> Result<(DhPublic, Vec<u8>), ParcelError> {
    todo!()
}
