//! How a device that was linked is given the content keys of what stood in conversations before: requests in a session, and the
//! chunks that answer them (`node/SPEC.md`, *History*).

use covey_codec::{DecodeError, EncodeError};
use covey_feed::{ChannelId, FeedKey};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::DeviceId;
use serde::{Deserialize, Serialize};

/// [TRANSFER-2] Entries whose keys are asked for at a time: the device that answers reads each of them and its message, which takes
/// some ten milliseconds for all.
pub(in crate::engine) const MAX_WANTED: usize = 512;

/// [TRANSFER-2] Ranges in one request.
pub(in crate::engine) const MAX_RANGES: usize = 64;

/// [TRANSFER-2] Longest chunk in bytes: an overview of [`MAX_CHANNELS`] conversations takes about 190 KiB.
pub(in crate::engine) const MAX_CHUNK: usize = 256 * 1024;

/// [TRANSFER-2] Conversations in an overview, those that were active last.
pub(in crate::engine) const MAX_CHANNELS: usize = 4_096;

/// Version of a chunk.
const VERSION: u8 = 1;

/// Consecutive entries of a feed: channel, feed, the first one, how many.
pub(in crate::engine) type Range = (ChannelId, FeedKey, u64, u16);

/// What is given of one entry: its content key and when the account received it (Unix milliseconds); or no key, and why.
pub(in crate::engine) type Given = (Option<Secret<32>>, u64);

/// In place of the time: the entry, or its key, is not here.
pub(in crate::engine) const UNKNOWN: u64 = 0;
/// In place of the time: there is no key for the device that asks. It is older than what the device is to read, or deleted.
pub(in crate::engine) const WITHHELD: u64 = 1;

/// The plaintext of a chunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) enum Chunk {
    /// The conversations that are shared, the one that was active last first, and how many entries each has.
    #[serde(rename = "o")]
    Overview(Vec<(ChannelId, u64)>),
    /// What is given of the entries that were asked for, in the order of the request.
    #[serde(rename = "k")]
    Keys(Vec<Given>),
}

impl Chunk {
    pub(in crate::engine) fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        covey_codec::encode(&(VERSION, self))
    }

    pub(in crate::engine) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match covey_codec::decode(bytes, MAX_CHUNK)? {
            (VERSION, chunk) => Ok(chunk),
            _ => Err(DecodeError::Malformed("chunk of an unknown version")),
        }
    }
}

/// [TRANSFER-3] What a chunk is bound to beside its key: who gives it, and who asked for it.
pub(in crate::engine) fn associated_data(from: &DeviceId, to: &DeviceId) -> Vec<u8> {
    [b"covey history v1\0".as_slice(), from.as_bytes(), to.as_bytes()].concat()
}
