//! BLAKE3, used for ids and for deriving independent keys from one seed.

use super::secret::Secret;

/// BLAKE3 hash, 32 bytes.
pub fn blake3(bytes: &[u8]) -> [u8; 32] {
    *::blake3::hash(bytes).as_bytes()
}

/// BLAKE3 in its key derivation mode: `context` is a constant string, unique per use; 32 bytes.
pub fn derive_key(context: &str, material: &[u8]) -> Secret<32> {
    Secret::new(::blake3::derive_key(context, material))
}
