//! Names of channels, authors, feeds and entries. All are fixed-size byte strings on the wire.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! bytes_newtype {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(with = "serde_bytes")] [u8; $len]);

        impl $name {
            /// From its bytes.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// The first four bytes in hexadecimal, for logs.
            pub fn fmt_short(&self) -> String {
                self.0[..4].iter().map(|b| format!("{b:02x}")).collect()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.fmt_short())
            }
        }
    };
}

bytes_newtype!(
    /// A channel: a direct conversation or a group.
    ChannelId,
    32
);
bytes_newtype!(
    /// The author of a feed: the Ed25519 public key of one device.
    Author,
    32
);
bytes_newtype!(
    /// BLAKE3 of the header bytes of an entry.
    EntryId,
    32
);
bytes_newtype!(
    /// Ed25519 signature over [`SIGNATURE_CONTEXT`](crate::header::SIGNATURE_CONTEXT) and the header bytes.
    Signature,
    64
);

/// A feed within its channel. A device that may have lost part of its own feed opens the next incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FeedKey {
    /// The device that writes it.
    pub author: Author,
    /// How many feeds the device gave up before this one.
    pub incarnation: u64,
}

/// A feed: (channel, author, incarnation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FeedId {
    /// The channel it belongs to.
    pub channel: ChannelId,
    /// The device that writes it.
    pub author: Author,
    /// How many feeds the device gave up before this one.
    pub incarnation: u64,
}

impl FeedId {
    /// The feed `key` of `channel`.
    pub fn new(channel: ChannelId, key: FeedKey) -> Self {
        Self { channel, author: key.author, incarnation: key.incarnation }
    }

    /// Its name within the channel.
    pub fn key(&self) -> FeedKey {
        FeedKey { author: self.author, incarnation: self.incarnation }
    }
}
