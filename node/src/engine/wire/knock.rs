//! What strangers who come with a ticket of a group leave, on the protocol of pairing, and what they hear.

use covey_feed::ChannelId;
use covey_pairing::group::roster::OpId;
use covey_pairing::ids::DeviceId;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Longest knock in bytes: a card and a statement.
pub(in crate::engine) const MAX_KNOCK: usize = 24 * 1024;

/// Longest note in characters.
pub(in crate::engine) const MAX_NOTE: usize = 280;

pub(in crate::engine) const VERSION: u8 = 1;

/// Version of a [`Wire::Member`] that brings the card of who asks.
pub(in crate::engine) const INTRODUCED: u8 = 2;

/// What travels on the pairing protocol: for which device, and what is sealed to it.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) enum Wire {
    #[serde(rename = "group join")]
    Join(u8, DeviceId, ByteBuf),
    /// The answer to one who is not let in.
    #[serde(rename = "group refused")]
    Refused(u8, DeviceId, ByteBuf),
    /// See [`crate::engine::group::membership`].
    #[serde(rename = "group member")]
    Member(u8, DeviceId, ByteBuf),
    #[serde(rename = "group removed")]
    Removed(u8, DeviceId, ByteBuf),
}

/// What is sealed into it.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) struct Wish(
    pub(in crate::engine) ChannelId,
    pub(in crate::engine) ByteBuf,
    pub(in crate::engine) ByteBuf,
    pub(in crate::engine) String,
);

/// What binds something sealed to what it is, as named on the wire, in which version, and to whom it is for.
pub(in crate::engine) fn prologue(kind: &str, version: u8, to: &DeviceId) -> Vec<u8> {
    [format!("covey {kind} v{version}\0").as_bytes(), to.as_bytes()].concat()
}

/// Longest question and answer in bytes.
pub(in crate::engine) const MAX_MEMBERSHIP: usize = 256;

/// In which group, and the operation by which the asking account became a member; the answer repeats it.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(in crate::engine) struct Membership(pub(in crate::engine) ChannelId, pub(in crate::engine) OpId);

/// A question with the card of who asks: whoever is asked may have forgotten the device.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) struct Introduced(pub(in crate::engine) Membership, pub(in crate::engine) ByteBuf);

/// What question and answer are called on the wire.
pub(in crate::engine) const QUESTION: &str = "group member";

pub(in crate::engine) const ANSWER: &str = "group removed";
