//! HKDF-SHA-256 (RFC 5869) and HMAC-SHA-256 (RFC 2104), where the Signal specifications use them.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::secret::Secret;

/// HKDF-SHA-256 extract and expand to `N` bytes (`N` <= 8,160).
pub fn hkdf<const N: usize>(salt: &[u8], ikm: &[u8], info: &[u8]) -> Secret<N> {
    let mut okm = [0; N];
    Hkdf::<Sha256>::new(Some(salt), ikm).expand(info, &mut okm).expect("N is a constant within 255 hash lengths");
    Secret::new(okm)
}

/// HMAC-SHA-256, 32 bytes.
pub fn hmac(key: &[u8], message: &[u8]) -> Secret<32> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    Secret::new(mac.finalize().into_bytes().into())
}
