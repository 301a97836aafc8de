//! What sessions are for, and where they are kept.

use covey_pairing::ids::DeviceId;

use crate::engine::records::channels::{Channel, Kind};
use crate::engine::tables;
use crate::store::Key;

/// What a session is for: each carries nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Scope {
    /// The pairing of two contacts.
    Pair,
    /// The group with this channel.
    Group(u64),
    /// Our own account, between two devices of it.
    Own,
}

impl Scope {
    /// What concerns a channel belongs into sessions of this scope; with another device of ours if `with_kin`.
    pub(in crate::engine) fn of(channel: &Channel, with_kin: bool) -> Self {
        match channel.kind() {
            Kind::Direct(_) if with_kin => Self::Own,
            Kind::Direct(_) => Self::Pair,
            Kind::Group(_) => Self::Group(channel.no),
            Kind::Own => Self::Own,
        }
    }

    pub(in crate::engine) fn key(self, device: &DeviceId) -> Key {
        match self {
            // A device is of one account, so the two never meet.
            Self::Pair | Self::Own => tables::session(device),
            Self::Group(no) => tables::group_session(no, device),
        }
    }
}
