//! The content of `vault.json`: the data key, wrapped once for each way to unlock it.

use argon2::{Algorithm, Argon2, Params, Version};
use covey_pairing::crypto::{aead, secret::Secret};
use data_encoding::HEXLOWER;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use super::Passphrase;

/// The version this build writes and reads.
const VERSION: u8 = 1;

/// The work that Argon2id makes of a passphrase: for whoever opens the vault, and for each guess of a thief.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
}

impl Work {
    /// RFC 9106's second recommended option: 64 MiB, 3 passes. One lane: a box with a single core should not take four times as long
    /// as an attacker's.
    pub(crate) const TODAY: Self = Self { memory_kib: 64 << 10, passes: 3, lanes: 1 };

    /// Whether a thief has less work with it than with [`Work::TODAY`].
    fn is_less_than_today(self) -> bool {
        self.memory_kib < Self::TODAY.memory_kib || self.passes < Self::TODAY.passes
    }
}

/// More memory than this (in KiB) a header may not demand: it may have been tampered with.
const MEMORY_KIB_MAX: u32 = 1 << 20;
/// More passes than this a header may not demand.
const PASSES_MAX: u32 = 64;

/// `vault.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    version: u8,
    slots: Vec<Slot>,
}

/// One way to the data key. Byte strings are hexadecimal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "unlock", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Slot {
    /// Wrapped under the key in the key file.
    KeyFile {
        /// Nonce, wrapped data key, tag.
        wrapped: String,
    },
    /// Wrapped under Argon2id of a passphrase.
    Passphrase {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over it.
        passes: u32,
        /// Lanes.
        lanes: u32,
        /// 16 bytes.
        salt: String,
        /// Nonce, wrapped data key, tag.
        wrapped: String,
    },
}

impl Header {
    /// A header that opens in one way.
    pub(crate) fn new(slot: Slot) -> Self {
        Self { version: VERSION, slots: vec![slot] }
    }

    /// Reads a header.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Probe {
            version: u64,
        }
        let probe: Probe = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        if probe.version != u64::from(VERSION) {
            return Err(format!("it has version {}, this covey knows {VERSION}", probe.version));
        }
        let header: Self = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        if header.slots.is_empty() {
            return Err("it has no way to unlock it".to_owned());
        }
        Ok(header)
    }

    /// The text of the file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("strings and numbers are JSON");
        text.push(b'\n');
        text
    }

    /// The ways to unlock it.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

impl Slot {
    /// Wraps `data_key` for the key of a key file.
    pub(crate) fn key_file(data_key: &Secret<32>, key: &Secret<32>, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let wrapped = aead::seal_random(key, b"covey vault v1 key file", data_key.expose(), rng);
        Self::KeyFile { wrapped: HEXLOWER.encode(&wrapped) }
    }

    /// Wraps `data_key` for a passphrase, under a fresh salt.
    pub(crate) fn passphrase(
        data_key: &Secret<32>,
        passphrase: &Passphrase,
        work: Work,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, String> {
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        let key = stretch(passphrase, &salt, work)?;
        let wrapped = aead::seal_random(&key, &parameters(&salt, work), data_key.expose(), rng);
        let Work { memory_kib, passes, lanes } = work;
        let (salt, wrapped) = (HEXLOWER.encode(&salt), HEXLOWER.encode(&wrapped));
        Ok(Self::Passphrase { memory_kib, passes, lanes, salt, wrapped })
    }

    /// Whether it is wrapped under a passphrase with less work than today's.
    pub(crate) fn is_outdated(&self) -> bool {
        match self {
            Self::KeyFile { .. } => false,
            Self::Passphrase { memory_kib, passes, lanes, .. } => {
                Work { memory_kib: *memory_kib, passes: *passes, lanes: *lanes }.is_less_than_today()
            }
        }
    }

    /// The data key, if this is a key file slot and `key` its key. `Err`: the slot is malformed.
    pub(crate) fn open_with_key(&self, key: &Secret<32>) -> Result<Option<Secret<32>>, String> {
        let Self::KeyFile { wrapped } = self else { return Ok(None) };
        unwrap(key, b"covey vault v1 key file", wrapped)
    }

    /// The data key, if this is a passphrase slot and `passphrase` the right one. `Err`: the slot is malformed.
    pub(crate) fn open_with_passphrase(&self, passphrase: &Passphrase) -> Result<Option<Secret<32>>, String> {
        let Self::Passphrase { memory_kib, passes, lanes, salt, wrapped } = self else { return Ok(None) };
        if *memory_kib > MEMORY_KIB_MAX || *passes > PASSES_MAX || *lanes > 16 {
            return Err("it demands more work than any covey would".to_owned());
        }
        let salt = HEXLOWER.decode(salt.as_bytes()).map_err(|e| e.to_string())?;
        let work = Work { memory_kib: *memory_kib, passes: *passes, lanes: *lanes };
        let key = stretch(passphrase, &salt, work)?;
        unwrap(&key, &parameters(&salt, work), wrapped)
    }
}

fn stretch(passphrase: &Passphrase, salt: &[u8], work: Work) -> Result<Secret<32>, String> {
    let params = Params::new(work.memory_kib, work.passes, work.lanes, Some(32)).map_err(|e| e.to_string())?;
    let mut key = zeroize::Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose(), salt, key.as_mut())
        .map_err(|e| e.to_string())?;
    Ok(Secret::new(*key))
}

/// Associated data of a passphrase slot: its parameters cannot be weakened without it being noticed.
fn parameters(salt: &[u8], work: Work) -> Vec<u8> {
    let mut aad = b"covey vault v1 passphrase".to_vec();
    for number in [work.memory_kib, work.passes, work.lanes] {
        aad.extend_from_slice(&number.to_be_bytes());
    }
    aad.extend_from_slice(salt);
    aad
}

fn unwrap(key: &Secret<32>, aad: &[u8], wrapped: &str) -> Result<Option<Secret<32>>, String> {
    let wrapped = HEXLOWER.decode(wrapped.as_bytes()).map_err(|e| e.to_string())?;
    let Ok(data_key) = aead::open_random(key, aad, &wrapped) else { return Ok(None) };
    let data_key = zeroize::Zeroizing::new(data_key);
    let data_key: [u8; 32] = data_key.as_slice().try_into().map_err(|_| "its data key is not of 32 bytes")?;
    Ok(Some(Secret::new(data_key)))
}
