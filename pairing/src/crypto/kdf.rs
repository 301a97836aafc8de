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
    finish(keyed(key), &[message])
}

/// HMAC-SHA-256 of all parts in a row.
pub fn hmac_parts(key: &[u8], parts: &[&[u8]]) -> Secret<32> {
    finish(keyed(key), parts)
}

/// HMAC-SHA-256 of two messages under one key, which takes half the work of a short message to set up.
pub fn hmac_pair(key: &[u8], messages: [&[u8]; 2]) -> [Secret<32>; 2] {
    let mac = keyed(key);
    messages.map(|message| finish(mac.clone(), &[message]))
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn finish(mut mac: Hmac<Sha256>, parts: &[&[u8]]) -> Secret<32> {
    parts.iter().for_each(|part| mac.update(part));
    Secret::new(mac.finalize().into_bytes().into())
}
