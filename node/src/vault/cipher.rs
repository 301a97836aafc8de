//! Sealing and opening of values, hashing of ids.

use chacha20poly1305::{AeadInOut, KeyInit, XChaCha20Poly1305};
use covey_pairing::crypto::{
    aead::{TAG_LEN, XNONCE_LEN},
    hash,
    secret::Secret,
};
use rand_core::CryptoRng;

/// A value that does not open under this vault and key: damaged, moved to another key, or of another vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("record does not authenticate")]
pub struct BadRecord;

/// The unlocked vault. Sealed form: `nonce (24) || XChaCha20-Poly1305 ciphertext || tag (16)`, with the record's
/// key as associated data, so that records cannot change places.
#[derive(Clone)]
pub struct Vault {
    cipher: XChaCha20Poly1305,
    id_key: Secret<32>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl Vault {
    /// The vault of a data key. Values and id hashes use keys derived from it, never the data key itself.
    pub fn new(data_key: &Secret<32>) -> Self {
        let values = hash::derive_key("covey vault v1 values", data_key.expose());
        let id_key = hash::derive_key("covey vault v1 ids", data_key.expose());
        Self { cipher: XChaCha20Poly1305::new(values.expose().into()), id_key }
    }

    /// Seals `plaintext` as the value of `key`.
    pub fn seal(&self, key: &[u8], plaintext: &[u8], rng: &mut (impl CryptoRng + ?Sized)) -> Vec<u8> {
        let mut nonce = [0; XNONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let mut sealed = Vec::with_capacity(XNONCE_LEN + plaintext.len() + TAG_LEN);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let tag = self
            .cipher
            .encrypt_inout_detached(&nonce.into(), key, (&mut sealed[XNONCE_LEN..]).into())
            .expect("values are bounded far below the 256 GiB limit of RFC 8439");
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// Opens what [`Vault::seal`] made for the same `key`.
    ///
    /// # Errors
    /// [`BadRecord`].
    pub fn open(&self, key: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>, BadRecord> {
        let end = sealed.len().checked_sub(TAG_LEN).filter(|end| *end >= XNONCE_LEN).ok_or(BadRecord)?;
        let nonce: [u8; XNONCE_LEN] = sealed[..XNONCE_LEN].try_into().map_err(|_| BadRecord)?;
        let tag: [u8; TAG_LEN] = sealed[end..].try_into().map_err(|_| BadRecord)?;
        self.cipher
            .decrypt_inout_detached(&nonce.into(), key, (&mut sealed[XNONCE_LEN..end]).into(), &tag.into())
            .map_err(|_| BadRecord)?;
        sealed.truncate(end);
        sealed.drain(..XNONCE_LEN);
        Ok(sealed)
    }

    /// What stands for `id` in keys of `table`: the same id cannot be recognised across tables or vaults.
    pub fn id_hash(&self, table: u8, id: &[u8]) -> [u8; 16] {
        let hash = blake3::Hasher::new_keyed(self.id_key.expose()).update(&[table]).update(id).finalize();
        *hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
    }
}
