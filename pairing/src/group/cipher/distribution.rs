//! What one device tells another about its chain, inside a session of the two.

use serde::{Deserialize, Serialize};

use super::{
    keys::{ChainKey, ChainName, KeyId, Speaker},
    limits::MAX_DISTRIBUTION,
    receiver::LearnError,
};
use crate::version::Version;

/// A chain from one of its messages on. Reads nothing that was sealed before that message.
///
/// Secret: travels only inside an authenticated session from the very device it speaks for, never in an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    #[serde(rename = "v")]
    version: Version<1>,
    #[serde(rename = "s")]
    pub(super) speaker: Speaker,
    #[serde(rename = "c")]
    pub(super) name: ChainName,
    /// Number of the message `key` is for.
    #[serde(rename = "i")]
    pub(super) index: u64,
    #[serde(rename = "q")]
    pub(super) key: ChainKey,
}

impl Distribution {
    pub(super) fn new(speaker: Speaker, name: ChainName, index: u64, key: ChainKey) -> Self {
        Self { version: Version, speaker, name, index, key }
    }

    /// The form inside a session, at most [`MAX_DISTRIBUTION`] bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        covey_codec::encode(self).expect("plain data encodes")
    }

    /// Parses [`Distribution::to_bytes`]. Whether it may be believed is decided by who sent it and by
    /// [`super::ReceiverChains::learn`].
    ///
    /// # Errors
    /// [`LearnError::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LearnError> {
        covey_codec::decode(bytes, MAX_DISTRIBUTION).map_err(|_| LearnError::Malformed)
    }

    /// Whose chain it claims to be.
    pub fn speaker(&self) -> &Speaker {
        &self.speaker
    }

    /// Name of the chain.
    pub fn key_id(&self) -> KeyId {
        self.name.key_id
    }

    /// Generation of the chain: grows with every chain of the device.
    pub fn generation(&self) -> u64 {
        self.name.generation
    }

    /// Epoch of the roster in which the chain began.
    pub fn epoch(&self) -> u64 {
        self.name.epoch
    }

    /// First message it can open.
    pub fn index(&self) -> u64 {
        self.index
    }
}
