//! Ed25519 key blinding as in Tor's rend-spec-v3, appendix A.2.
//!
//! With h a clamped scalar that follows from the public key A and the period: A' = hA, a' = ha mod l and
//! RH' = SHA-512("Derive temporary signing key hash input" || RH)[..32], where (a, RH) is the expanded secret.
//! The functions here are exactly Tor's (and are held against its vectors); only the input of the hash that
//! gives h is covey's own.

use curve25519_dalek::{
    edwards::CompressedEdwardsY,
    scalar::{Scalar, clamp_integer},
    traits::IsIdentity,
};
use ed25519_dalek::hazmat::ExpandedSecretKey;
use sha2::Sha512;
use sha3::{Digest, Sha3_256};

/// Domain of covey's blinding factors; ends in NUL as Tor's BLIND_STRING does.
const BLIND_STRING: &[u8] = b"covey card record blinding v1\0";
/// Tor's B: the Ed25519 base point as decimal text (RFC 8032, 5.1).
const BASE_POINT: &[u8] = b"(15112221349535400772501151409588531511454012693041857206046113283949847762202, \
46316835694926478169428394003475163141307993866256225615783033603165251855960)";
/// Tor's prefix for the hash that gives RH'.
const NONCE_STRING: &[u8] = b"Derive temporary signing key hash input";

/// The bytes are not the encoding of a point of the prime-order group other than its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a usable Ed25519 public key")]
pub struct BlindError;

/// Clamps 32 hash bytes into a blinding factor (Tor: `h[0] &= 248; h[31] &= 63; h[31] |= 64`).
#[must_use]
pub fn clamp(h: [u8; 32]) -> [u8; 32] {
    clamp_integer(h)
}

/// A' = hA. `h` is [`clamp`]ed first.
///
/// # Errors
/// [`BlindError`] when `public` is not canonical, not a point, or outside of the prime-order group (where A'
/// would depend on how h is reduced).
pub fn blind_public(public: &[u8; 32], h: [u8; 32]) -> Result<[u8; 32], BlindError> {
    let point = CompressedEdwardsY(*public).decompress().ok_or(BlindError)?;
    if point.is_identity() || !point.is_torsion_free() || point.compress().0 != *public {
        return Err(BlindError);
    }
    Ok((point * Scalar::from_bytes_mod_order(clamp(h))).compress().0)
}

/// (a', RH') of (a, RH). `h` is [`clamp`]ed first.
#[must_use]
pub fn blind_secret(secret: &ExpandedSecretKey, h: [u8; 32]) -> ExpandedSecretKey {
    let nonce = Sha512::new().chain_update(NONCE_STRING).chain_update(secret.hash_prefix).finalize();
    let mut hash_prefix = [0; 32];
    hash_prefix.copy_from_slice(&nonce[..32]);
    ExpandedSecretKey { scalar: secret.scalar * Scalar::from_bytes_mod_order(clamp(h)), hash_prefix }
}

/// covey's blinding factor, before clamping: SHA3-256(BLIND_STRING || A || B || "key-blind" || period || length).
pub(super) fn factor(public: &[u8; 32], period: u64) -> [u8; 32] {
    Sha3_256::new()
        .chain_update(BLIND_STRING)
        .chain_update(public)
        .chain_update(BASE_POINT)
        .chain_update(b"key-blind")
        .chain_update(period.to_be_bytes())
        .chain_update(super::PERIOD.to_be_bytes())
        .finalize()
        .into()
}
