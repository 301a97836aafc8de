//! Bodies: encrypted once under a fresh content key, padded to size classes.
#![allow(clippy::todo, unused_variables)] // while the skeleton is filled in

use rand_core::CryptoRng;

use crate::crypto::secret::Secret;

/// Longest body in bytes.
pub const MAX_BODY: usize = 60 * 1024 - 1;

/// Why a body was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Over [`MAX_BODY`].
    #[error("body is too long")]
    TooLong,
    /// Wrong key, associated data or ciphertext, or padding that is not ours.
    #[error("body does not authenticate")]
    Forged,
}

/// Seals `body` under a fresh content key.
///
/// # Errors
/// [`BodyError::TooLong`].
pub fn seal_body(body: &[u8], aad: &[u8], rng: &mut impl CryptoRng) -> Result<(Secret<32>, Vec<u8>), BodyError> {
    todo!()
}

/// Opens [`seal_body`].
///
/// # Errors
/// [`BodyError::Forged`], [`BodyError::TooLong`].
pub fn open_body(key: &Secret<32>, aad: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, BodyError> {
    todo!()
}
