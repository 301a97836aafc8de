//! How members compare a group.

use covey_feed::{ChannelId, FeedKey};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

/// Feeds told in one report: of larger groups the digest has to do.
pub(in crate::engine) const MAX_HEADS: usize = 512;

/// Longest frame read, in bytes.
pub(in crate::engine) const MAX_FRAME: usize = 64 * 1024;

/// What is asked and answered.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) enum Wire {
    #[serde(rename = "q")]
    Question(u8, ChannelId),
    #[serde(rename = "a")]
    Answer(u8, ChannelId, ByteArray<32>, ByteArray<32>, Vec<(FeedKey, u64)>, ByteArray<16>),
}

/// How a group looks from one device.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Report {
    pub(in crate::engine) roster: [u8; 32],
    pub(in crate::engine) heads: [u8; 32],
    pub(in crate::engine) feeds: Vec<(FeedKey, u64)>,
    /// Tells apart what sessions of the group start from, without telling what it is.
    pub(in crate::engine) secret: [u8; 16],
}
