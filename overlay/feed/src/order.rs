//! The one order in which the entries of a channel are shown.

use serde::{Deserialize, Serialize};

use crate::{Author, Header};

/// (lamport, author, incarnation, seq): total, and an entry always comes after everything its author had seen.
///
/// [`to_bytes`](Self::to_bytes) sorts the same way, for use as a key in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderKey {
    /// Logical time of the entry.
    pub lamport: u64,
    /// Its author.
    pub author: Author,
    /// The author's incarnation: two feeds of one device are told apart.
    pub incarnation: u64,
    /// Its position in the feed.
    pub seq: u64,
}

impl OrderKey {
    /// Length of [`to_bytes`](Self::to_bytes).
    pub const LEN: usize = 56;

    /// Big-endian concatenation of the fields: compares like the key itself.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&self.lamport.to_be_bytes());
        bytes[8..40].copy_from_slice(self.author.as_bytes());
        bytes[40..48].copy_from_slice(&self.incarnation.to_be_bytes());
        bytes[48..].copy_from_slice(&self.seq.to_be_bytes());
        bytes
    }
}

impl From<&Header> for OrderKey {
    fn from(header: &Header) -> Self {
        Self {
            lamport: header.lamport,
            author: header.feed.author,
            incarnation: header.feed.incarnation,
            seq: header.position.seq,
        }
    }
}
