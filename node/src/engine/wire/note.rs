//! What devices tell each other about being a member, in parcels.

use covey_feed::ChannelId;
use covey_pairing::group::roster::OpId;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// One thing told.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) enum Note {
    /// You are invited.
    #[serde(rename = "i")]
    Invite(ByteBuf),
    /// No, thank you.
    #[serde(rename = "n")]
    Decline(ChannelId),
    /// Let me in: statement, card, what I say about myself.
    #[serde(rename = "j")]
    Join(ChannelId, ByteBuf, ByteBuf, String),
    /// You are in.
    #[serde(rename = "w")]
    Welcome(ByteBuf),
    /// You are not let in.
    #[serde(rename = "r")]
    Refused(ChannelId),
    /// You are no more the member that you became by this operation.
    #[serde(rename = "o")]
    Removed(ChannelId, OpId),
}
