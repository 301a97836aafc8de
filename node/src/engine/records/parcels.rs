//! Parcels that wait for their acknowledgement, and those kept for others, as stored.

use std::collections::BTreeMap;

use covey_pairing::ids::DeviceId;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::engine::wire::parcel::{Frame, MAX_FRAME, Wire};

/// A parcel that waits for its acknowledgement.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) struct Waiting {
    pub(in crate::engine) frame: ByteBuf,
    pub(in crate::engine) sent_at: u64,
    /// For whom; not said of what only the device itself may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) to: Option<DeviceId>,
    /// The channel of the group whose members may keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) group: Option<u64>,
    /// How many were asked to.
    #[serde(default)]
    pub(in crate::engine) keepers: u8,
}

impl Waiting {
    /// The channel of the group whose members should keep it, if more of them should.
    pub(in crate::engine) fn seeks_keepers(&self) -> Option<u64> {
        self.group.filter(|_| self.keepers < KEEPERS)
    }

    /// Its number and what is sealed in it.
    pub(in crate::engine) fn parcel(&self) -> Option<(u64, ByteBuf)> {
        match covey_codec::decode(&self.frame, MAX_FRAME) {
            Ok(Wire(_, Frame::Parcel(number, sealed))) => Some((number, sealed)),
            _ => None,
        }
    }
}

/// Members asked to keep one parcel: one of them is likely to meet the recipient.
pub(in crate::engine) const KEEPERS: u8 = 3;

/// A parcel kept for somebody.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) struct Kept {
    pub(in crate::engine) sender: DeviceId,
    pub(in crate::engine) to: DeviceId,
    pub(in crate::engine) number: u64,
    pub(in crate::engine) sealed: ByteBuf,
    pub(in crate::engine) since: u64,
    /// Who passed it on to us, if that was not the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) by: Option<DeviceId>,
}

/// Parcels and bytes kept, by the device that gave them to us, its own or those of others.
pub(in crate::engine) type Used = BTreeMap<(DeviceId, bool), (usize, usize)>;

impl Kept {
    /// To whose account it goes.
    pub(in crate::engine) fn charged(&self) -> (DeviceId, bool) {
        self.by.map_or((self.sender, true), |by| (by, false))
    }
}
