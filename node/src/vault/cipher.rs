//! Sealing and opening of values, hashing of ids.

use covey_pairing::crypto::{aead, hash, secret::Secret};
use rand_core::CryptoRng;

/// Length of a nonce, and of a tag, in bytes.
const NONCE: usize = 24;
const TAG: usize = 16;

/// A value that does not open under this vault and key: damaged, moved to another key, or of another vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("record does not authenticate")]
pub struct BadRecord;

/// The unlocked vault. Sealed form: `nonce (24) || XChaCha20-Poly1305 ciphertext || tag (16)`, with the record's
/// key as associated data, so that records cannot change places.
#[derive(Clone)]
pub struct Vault {
    values: Secret<32>,
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
        Self { values, id_key }
    }

    /// Seals `plaintext` as the value of `key`.
    pub fn seal(&self, key: &[u8], plaintext: &[u8], rng: &mut (impl CryptoRng + ?Sized)) -> Vec<u8> {
        aead::seal_random(&self.values, key, plaintext, rng)
    }

    /// How long a sealed value is.
    pub fn sealed_len(plaintext: usize) -> usize {
        plaintext + NONCE + TAG
    }

    /// Opens what [`Vault::seal`] made for the same `key`.
    ///
    /// # Errors
    /// [`BadRecord`].
    pub fn open(&self, key: &[u8], sealed: impl AsRef<[u8]>) -> Result<Vec<u8>, BadRecord> {
        aead::open_random(&self.values, key, sealed.as_ref()).map_err(|_| BadRecord)
    }

    /// What stands for `id` in keys of `table`: the same id cannot be recognised across tables or vaults.
    pub fn id_hash(&self, table: u8, id: &[u8]) -> [u8; 16] {
        let hash = blake3::Hasher::new_keyed(self.id_key.expose()).update(&[table]).update(id).finalize();
        *hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
    }
}
