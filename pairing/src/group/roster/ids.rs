//! Names of operations, tickets and entries, and how a group gets its id.

use crate::{
    crypto::hash,
    ids::{AccountId, DeviceId, GroupId, bytes_id, hex_id},
};

bytes_id!(
    /// An operation: the id of the feed entry that carries it.
    OpId,
    32
);
bytes_id!(
    /// An entry of a feed, where the roster only passes it on.
    EntryId,
    32
);
bytes_id!(
    /// A group ticket: public, the token that goes with it is secret.
    TicketId,
    16
);

hex_id!(OpId);
hex_id!(EntryId);
hex_id!(TicketId);

/// Context of the id of a group.
const GROUP_CONTEXT: &str = "covey group id v1";

/// The id of the group that `founder` makes on `device` with `nonce`: it commits to all three. `pairing/SPEC.md`, GROUP-1.
pub fn group_id(founder: &AccountId, device: &DeviceId, nonce: &[u8; 32]) -> GroupId {
    let material = [*founder.as_bytes(), *device.as_bytes(), *nonce].concat();
    GroupId::from_bytes(*hash::derive_key(GROUP_CONTEXT, &material).expose())
}
