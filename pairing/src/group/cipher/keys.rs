//! Chain, message and content keys, and whose they are.

use std::{fmt, sync::LazyLock};

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::{
    crypto::{
        hash::KeyContext,
        kdf::{hmac, hmac_pair, hmac_parts},
        secret::Secret,
    },
    ids::{DeviceId, GroupId},
};

const CONTENT_LABEL: &[u8] = b"covey group content v1\0";
static COMMITMENT: LazyLock<KeyContext> = LazyLock::new(|| KeyContext::new("covey 2026 group content commitment v1"));

/// Whose chain it is: a device in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Speaker {
    /// The group.
    #[serde(rename = "g")]
    pub group: GroupId,
    /// The device.
    #[serde(rename = "d")]
    pub device: DeviceId,
}

/// Name of a chain: 16 random bytes. Text form: hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(ByteArray<16>);

impl KeyId {
    /// From its bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(ByteArray::new(bytes))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub(super) fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Self::from_bytes(bytes)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(self.as_bytes()))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.as_bytes()[..4]))
    }
}

/// What is the same for all messages of a chain. Every content key is bound to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChainName {
    #[serde(rename = "k")]
    pub(super) key_id: KeyId,
    #[serde(rename = "n")]
    pub(super) generation: u64,
    /// Epoch of the roster in which the chain began.
    #[serde(rename = "e")]
    pub(super) epoch: u64,
}

/// ck. Steps once per message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ChainKey(Secret<32>);

/// mk: for exactly one message, wherever it ends up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct MessageKey(Secret<32>);

impl ChainKey {
    pub(super) fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(Secret::random(rng))
    }

    /// The key of this message and the chain key after it.
    pub(super) fn step(&self) -> (MessageKey, Self) {
        let [message, next] = hmac_pair(self.0.expose(), [&[1], &[2]]);
        (MessageKey(message), Self(next))
    }

    pub(super) fn next(&self) -> Self {
        Self(hmac(self.0.expose(), &[2]))
    }

    /// `count` steps on; the caller bounds it.
    pub(super) fn after(&self, count: u64) -> Self {
        (0..count).fold(self.clone(), |key, _| key.next())
    }
}

impl MessageKey {
    /// The key of the body at `place`: a message key that is used at two places gives two unrelated keys.
    ///
    /// `HMAC(mk, label || group || device || key id || generation || epoch || index || place)`, integers 8 bytes big endian.
    pub(super) fn content_key(&self, speaker: &Speaker, name: &ChainName, index: u64, place: &[u8]) -> Secret<32> {
        let message = [
            CONTENT_LABEL,
            speaker.group.as_bytes(),
            speaker.device.as_bytes(),
            name.key_id.as_bytes(),
            &name.generation.to_be_bytes(),
            &name.epoch.to_be_bytes(),
            &index.to_be_bytes(),
            place,
        ];
        hmac_parts(self.0.expose(), &message)
    }
}

/// Commits to a content key: ChaCha20-Poly1305 alone lets its author make a ciphertext that opens under two keys.
pub(super) fn commitment(content_key: &Secret<32>) -> Secret<32> {
    COMMITMENT.derive(content_key.expose())
}
