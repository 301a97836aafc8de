//! Frames of `/covey/parcel/1`, and what the parcels in them carry.

use covey_feed::limits::MAX_FORK_PROOF;
use covey_feed::{ChannelId, FeedKey};
use covey_pairing::group::roster::OpId;
use covey_pairing::ids::DeviceId;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use crate::engine::EngineError;
use crate::engine::wire::transfer::MAX_CHUNK;

/// Longest frame that is read: a parcel of the largest payload with its framing.
pub(in crate::engine) const MAX_FRAME: usize = 128 * 1024;

/// Only the proof of a fork may be longer: its author chose how long.
pub(in crate::engine) const MAX_FORK_FRAME: usize = MAX_FORK_PROOF + 1024;

/// And a chunk of history.
pub(in crate::engine) const MAX_HISTORY_FRAME: usize = MAX_CHUNK + 1024;

/// Version of every encoding here.
pub(in crate::engine) const VERSION: u8 = 1;

/// A frame of `/covey/parcel/1`.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) struct Wire(pub(in crate::engine) u8, pub(in crate::engine) Frame);

#[derive(Serialize, Deserialize)]
pub(in crate::engine) enum Frame {
    /// The sender's number for it, and the sealed content.
    #[serde(rename = "p")]
    Parcel(u64, ByteBuf),
    /// It is durable here (or was before).
    #[serde(rename = "a")]
    Ack(u64),
    /// Keep this for that device, which is not connected: see [`crate::engine::outbound::custody`].
    #[serde(rename = "k")]
    Keep(DeviceId, u64, ByteBuf),
    /// From that device, for that device: pass it on to the first of these, or keep it if none is left.
    #[serde(rename = "t")]
    Pass(DeviceId, DeviceId, u64, ByteBuf, Vec<DeviceId>),
    /// This was kept for you; it is from that device.
    #[serde(rename = "b")]
    Brought(DeviceId, u64, ByteBuf),
    /// What was kept of that device has arrived.
    #[serde(rename = "g")]
    Got(DeviceId, u64),
    /// How a group looks here: see [`crate::engine::group::doctor`].
    #[serde(rename = "d")]
    Doctor(ByteBuf),
    /// A feed of the group is forked, with the proof.
    #[serde(rename = "f")]
    Forked(ChannelId, ByteBuf),
    /// These feeds are known to be forked, and where: see [`crate::engine::replication::forks`]. The flag is set in answers.
    #[serde(rename = "l")]
    Forks(ChannelId, bool, Vec<(FeedKey, ForkRank)>),
    /// These operations of the group are missing here.
    #[serde(rename = "w")]
    Wanted(ChannelId, Vec<OpId>),
    /// One of them, in its entry.
    #[serde(rename = "o")]
    Operation(ChannelId, ByteBuf),
    /// [WITNESS-1] What is known here of the key log of the receiver's account: how many operations were ever written, and the newest.
    #[serde(rename = "h")]
    Head(u64, ByteArray<32>),
    /// [WITNESS-2] The receiver knows a key log of the sender's account that the sender does not know: which?
    #[serde(rename = "y")]
    LogWanted,
    /// [WITNESS-2] It: the operations of a key log.
    #[serde(rename = "z")]
    Log(ByteBuf),
    /// [TRANSFER-3] A chunk of history: see [`super::transfer`].
    #[serde(rename = "x")]
    History(ByteBuf),
    /// [TRANSFER-8] How far the sender is with its history: whether it has ended, entries, of how many, bytes.
    #[serde(rename = "v")]
    Progress(bool, u64, u64, u64),
}

/// What a parcel carries.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) enum Content {
    /// The sender's signed contact card.
    #[serde(rename = "c")]
    Card(ByteBuf),
    /// An envelope of the session of two contacts' devices, with a [`super::control`] message in it.
    #[serde(rename = "s")]
    Session(ByteBuf),
    /// An envelope of the session of two members' devices in a group, likewise.
    #[serde(rename = "m")]
    Member(ChannelId, ByteBuf),
    /// An envelope of the session of two devices of one account, likewise.
    #[serde(rename = "o")]
    Own(ByteBuf),
    /// About being a member of a group: see [`super::note`].
    #[serde(rename = "g")]
    Group(ByteBuf),
}

pub(in crate::engine) fn prologue(to: &DeviceId) -> Vec<u8> {
    [b"covey parcel v1\0".as_slice(), to.as_bytes()].concat()
}

pub(in crate::engine) fn encode(frame: Frame) -> Result<Vec<u8>, EngineError> {
    covey_codec::encode(&Wire(VERSION, frame)).map_err(EngineError::bug)
}

/// What a proof says, in the order in which proofs are believed: the earlier position, and of the same position one that
/// leaves no question open. Of others any will do, but all members have to choose the same, or they would tell each other for
/// ever: they are told apart by a hash.
pub(in crate::engine) type ForkRank = (u64, Option<ByteArray<16>>);
