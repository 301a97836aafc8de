//! Names of operations, tickets and entries, and how a group gets its id.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    crypto::hash,
    ids::{AccountId, DeviceId, GroupId},
};

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
                data_encoding::HEXLOWER.encode(&self.0[..4])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.fmt_short())
            }
        }
    };
}

bytes_newtype!(
    /// An operation: the id of the feed entry that carries it.
    OpId,
    32
);
bytes_newtype!(
    /// An entry of a feed, where the roster only passes it on.
    EntryId,
    32
);
bytes_newtype!(
    /// A group ticket: public, the token that goes with it is secret.
    TicketId,
    16
);

/// Context of the id of a group.
const GROUP_CONTEXT: &str = "covey group id v1";

/// The id of the group that `founder` makes on `device` with `nonce`: it commits to all three. `pairing/SPEC.md`, GROUP-1.
pub fn group_id(founder: &AccountId, device: &DeviceId, nonce: &[u8; 32]) -> GroupId {
    let material = [*founder.as_bytes(), *device.as_bytes(), *nonce].concat();
    GroupId::from_bytes(*hash::derive_key(GROUP_CONTEXT, &material).expose())
}
