//! Authenticated encryption: ChaCha20-Poly1305 (RFC 8439) under keys used once or counted,
//! XChaCha20-Poly1305 under keys that meet random nonces.

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit, XChaCha20Poly1305,
    aead::{Aead, AeadInOut, Payload},
};
use rand_core::CryptoRng;

use super::secret::Secret;

/// Bytes a sealed message is longer than its plaintext.
pub const TAG_LEN: usize = 16;
/// Bytes of the random nonce in front of [`seal_random`]'s output.
pub const XNONCE_LEN: usize = 24;

/// A ciphertext that does not open under this key, nonce and associated data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("ciphertext does not authenticate")]
pub struct BadCiphertext;

/// ChaCha20-Poly1305. The caller makes sure that `(key, nonce)` is never used twice.
pub fn seal(key: &Secret<32>, nonce: &[u8; 12], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    ChaCha20Poly1305::new(key.expose().into())
        .encrypt(nonce.into(), Payload { msg: plaintext, aad })
        .expect("plaintexts are bounded far below the 256 GiB limit of RFC 8439")
}

/// [`seal`] where the plaintext is: `buffer` becomes the ciphertext. Returns the tag.
pub fn seal_in_place(key: &Secret<32>, nonce: &[u8; 12], aad: &[u8], buffer: &mut [u8]) -> [u8; TAG_LEN] {
    ChaCha20Poly1305::new(key.expose().into())
        .encrypt_inout_detached(nonce.into(), aad, buffer.into())
        .expect("plaintexts are bounded far below the 256 GiB limit of RFC 8439")
        .into()
}

/// Opens [`seal`].
///
/// # Errors
/// [`BadCiphertext`].
pub fn open(key: &Secret<32>, nonce: &[u8; 12], aad: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, BadCiphertext> {
    ChaCha20Poly1305::new(key.expose().into())
        .decrypt(nonce.into(), Payload { msg: ciphertext, aad })
        .map_err(|_| BadCiphertext)
}

/// XChaCha20-Poly1305 with a fresh random nonce: `nonce (24) || ciphertext || tag (16)`.
pub fn seal_random(key: &Secret<32>, aad: &[u8], plaintext: &[u8], rng: &mut (impl CryptoRng + ?Sized)) -> Vec<u8> {
    let mut nonce = [0; XNONCE_LEN];
    rng.fill_bytes(&mut nonce);
    seal_under(key, &nonce, aad, plaintext)
}

/// Apart from [`seal_random`], which is compiled where it is used: this crate is optimised in development too.
fn seal_under(key: &Secret<32>, nonce: &[u8; XNONCE_LEN], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let sealed = XChaCha20Poly1305::new(key.expose().into())
        .encrypt(nonce.into(), Payload { msg: plaintext, aad })
        .expect("plaintexts are bounded far below the 256 GiB limit of RFC 8439");
    [nonce.as_slice(), &sealed].concat()
}

/// Opens [`seal_random`].
///
/// # Errors
/// [`BadCiphertext`], also when `sealed` is too short to hold a nonce.
pub fn open_random(key: &Secret<32>, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, BadCiphertext> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<XNONCE_LEN>().ok_or(BadCiphertext)?;
    XChaCha20Poly1305::new(key.expose().into())
        .decrypt(nonce.into(), Payload { msg: ciphertext, aad })
        .map_err(|_| BadCiphertext)
}
