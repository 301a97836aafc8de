//! A device as a key log has it.

use serde::{Deserialize, Serialize};

use crate::identity::{DeviceKeys, JOIN_PROOF_LEN};

/// The last valid entry of one feed of a revoked device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cutoff {
    /// The channel of the feed.
    #[serde(with = "serde_bytes")]
    pub channel: [u8; 32],
    /// The incarnation of the feed.
    pub incarnation: u64,
    /// Sequence number of the last valid entry.
    pub seq: u64,
}

/// A device as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its public keys.
    pub keys: DeviceKeys,
    /// What others call it: they see a number, not a name.
    pub number: u32,
    /// When it was added, Unix milliseconds by its owner's clock.
    pub added_at: u64,
    /// Set once revoked.
    pub revoked: Option<Revocation>,
    /// Its agreement to belong to the account, which a rotation that keeps it shows again.
    pub(super) proof: [u8; JOIN_PROOF_LEN],
}

/// The end of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// When, Unix milliseconds by the owner's clock.
    pub at: u64,
    /// The last valid sequence number of its feeds. A feed not listed ends with what the reader has already
    /// applied when it learns of the revocation.
    pub cutoffs: Vec<Cutoff>,
}
