//! BLAKE3, used for ids and for deriving independent keys from one seed.

use ::blake3::{
    Hasher,
    hazmat::{ContextKey, HasherExt, hash_derive_key_context},
};

use zeroize::Zeroizing;

use super::secret::Secret;

/// BLAKE3 hash, 32 bytes.
pub fn blake3(bytes: &[u8]) -> [u8; 32] {
    *::blake3::hash(bytes).as_bytes()
}

/// BLAKE3 in its key derivation mode: `context` is a constant string, unique per use; 32 bytes.
pub fn derive_key(context: &str, material: &[u8]) -> Secret<32> {
    Secret::new(::blake3::derive_key(context, material))
}

/// [`derive_key`] with `N` bytes of output.
pub fn derive_bytes<const N: usize>(context: &str, material: &[u8]) -> Secret<N> {
    let mut out = Zeroizing::new([0; N]);
    Hasher::new_derive_key(context).update(material).finalize_xof().fill(out.as_mut());
    Secret::new(*out)
}

/// A context of [`derive_key`], hashed: for what is derived for every message.
pub struct KeyContext(ContextKey);

impl KeyContext {
    /// Of a constant string, unique per use.
    pub fn new(context: &str) -> Self {
        Self(hash_derive_key_context(context))
    }

    /// What [`derive_key`] gives in this context.
    pub fn derive(&self, material: &[u8]) -> Secret<32> {
        Secret::new(*Hasher::new_from_context_key(&self.0).update(material).finalize().as_bytes())
    }
}
