//! Bodies: encrypted once under a fresh content key, padded to size classes. Knows nothing of what a body means.
//!
//! `pairing/SPEC.md`, section Envelope.

use std::sync::LazyLock;

use rand_core::CryptoRng;

use crate::crypto::{aead, hash::KeyContext, secret::Secret};

/// Longest body in bytes: the largest size class less its end mark. Texts are at most 16 KiB.
pub const MAX_BODY: usize = MAX_PADDED - 1;

/// Largest size class, below the 64 KiB of a feed entry.
const MAX_PADDED: usize = 60 * 1024;
/// Smallest size class: most chat messages are indistinguishable in it.
const MIN_PADDED: usize = 128;
/// Up to here classes double, above they grow by this: at most 4 KiB are wasted.
const STEP: usize = 4096;
/// Ends the body; zeros follow (ISO/IEC 7816-4).
const END: u8 = 0x80;
/// First byte of every sealed body.
const VERSION: u8 = 1;
/// A content key seals exactly one body, so the nonce can be constant.
const NONCE: [u8; 12] = [0; 12];

static COMMITMENT: LazyLock<KeyContext> = LazyLock::new(|| KeyContext::new("covey 2026 direct content commitment v1"));

/// Why a body was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// Over [`MAX_BODY`].
    #[error("body is too long")]
    TooLong,
    /// Sealed by a version we do not know.
    #[error("body of an unknown version")]
    Version,
    /// Wrong key, associated data or ciphertext, or padding that is not ours.
    #[error("body does not authenticate")]
    Forged,
}

/// Bytes a body of `len` bytes is padded to: 128, 256, 512, 1024, 2048, 4096, then multiples of 4096 up to 60 KiB.
///
/// # Errors
/// [`BodyError::TooLong`].
pub fn size_class(len: usize) -> Result<usize, BodyError> {
    match len.saturating_add(1) {
        marked if marked > MAX_PADDED => Err(BodyError::TooLong),
        marked if marked > STEP => Ok(marked.next_multiple_of(STEP)),
        marked => Ok(marked.next_power_of_two().max(MIN_PADDED)),
    }
}

/// Seals `body` under a fresh content key, bound to `aad`: version, then ciphertext and tag of a size class.
///
/// # Errors
/// [`BodyError::TooLong`].
pub fn seal_body(
    body: &[u8],
    aad: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(Secret<32>, Vec<u8>), BodyError> {
    let key = Secret::random(rng);
    let sealed = seal_body_with(&key, body, aad)?;
    Ok((key, sealed))
}

/// [`seal_body`] under a key the caller derived: `key` MUST NOT seal anything else.
///
/// # Errors
/// [`BodyError::TooLong`].
pub fn seal_body_with(key: &Secret<32>, body: &[u8], aad: &[u8]) -> Result<Vec<u8>, BodyError> {
    if body.len() > MAX_BODY {
        return Err(BodyError::TooLong);
    }
    let padded = size_class(body.len())?;
    // Sealed where it is put together, so that no copy of the body is left behind.
    let mut sealed = Vec::with_capacity(1 + padded + aead::TAG_LEN);
    sealed.push(VERSION);
    sealed.extend_from_slice(body);
    sealed.push(END);
    sealed.resize(1 + padded, 0);
    let tag = aead::seal_in_place(key, &NONCE, &bind(aad), &mut sealed[1..]);
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// [ENV-4] Commits to a content key: ChaCha20-Poly1305 alone lets an author make a ciphertext that opens under two keys, to two bodies.
pub fn commitment(key: &Secret<32>) -> [u8; 32] {
    *COMMITMENT.derive(key.expose()).expose()
}

/// Opens [`seal_body`].
///
/// # Errors
/// [`BodyError`].
pub fn open_body(key: &Secret<32>, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, BodyError> {
    if sealed.len() > 1 + MAX_PADDED + aead::TAG_LEN {
        return Err(BodyError::TooLong);
    }
    let (version, ciphertext) = sealed.split_first().ok_or(BodyError::Forged)?;
    if *version != VERSION {
        return Err(BodyError::Version);
    }
    let mut body = aead::open(key, &NONCE, &bind(aad), ciphertext).map_err(|_| BodyError::Forged)?;
    let end = body.iter().rposition(|b| *b != 0).filter(|at| body[*at] == END).ok_or(BodyError::Forged)?;
    if size_class(end) != Ok(body.len()) {
        return Err(BodyError::Forged);
    }
    body.truncate(end);
    Ok(body)
}

fn bind(aad: &[u8]) -> Vec<u8> {
    [b"covey body v1\0", aad].concat()
}
