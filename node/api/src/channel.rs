//! `channel.*`: conversations.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Message, Role, Time, contract::noun};

/// Parameters of `channel.list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelList {
    /// Archived ones instead of the others.
    #[serde(default)]
    pub archived: bool,
    /// The requests of strangers instead (only when `pairing.required` is off).
    #[serde(default)]
    pub requests: bool,
}

/// Parameters of `channel.show`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelShow {
    /// Id, unique id prefix, the contact of a direct channel, or the name of a group.
    pub channel: String,
}

/// Parameters of `channel.archive`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelArchive {
    /// Id, unique id prefix, the contact of a direct channel, or the name of a group.
    pub channel: String,
    /// False to bring it back; true unless told.
    pub archived: Option<bool>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `channel.mute`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelMute {
    /// Id, unique id prefix, the contact of a direct channel, or the name of a group.
    pub channel: String,
    /// False to hear it again; true unless told.
    pub muted: Option<bool>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `channel.mark_read`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelMarkRead {
    /// Id, unique id prefix, the contact of a direct channel, or the name of a group.
    pub channel: String,
    /// Up to and including this message; all of them unless told.
    pub up_to: Option<String>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// What a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// Between two accounts.
    Direct,
    /// Of a group.
    Group,
}

/// A conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Channel {
    /// Its id.
    pub channel: String,
    /// What it is.
    pub kind: ChannelKind,
    /// What to call it: the contact's alias or name, or the group's name.
    pub name: String,
    /// Our name for the contact of a direct channel. Without it `name` is what they call themselves, as anybody can.
    #[serde(default)]
    pub alias: Option<String>,
    /// The other account of a direct channel, `cv1…`.
    pub contact: Option<String>,
    /// The group of a group channel; the same id as the channel's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How many members the group has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<u32>,
    /// What we are in the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Can we write to it?
    pub open: bool,
    /// Messages not read.
    pub unread: u32,
    /// Everything up to this `order_key` is read; missing while nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_up_to: Option<String>,
    /// The newest message.
    pub last_message: Option<Message>,
    /// When something last happened in it.
    pub since: Time,
    /// Do new messages stay silent?
    pub muted: bool,
    /// Is it put away?
    pub archived: bool,
    /// Did a stranger open it (only when `pairing.required` is off)?
    pub request: bool,
}

noun! {
    /// Conversations.
    ChannelApi = "channel" {
        /// Channels, the one with the newest message first.
        read list(ChannelList) -> Vec<Channel>, needs Read in channel;
        /// One of them.
        read show(ChannelShow) -> Channel, needs Read in channel,
            refuses NoSuchChannel, NoSuchContact, AmbiguousContact, NoSuchGroup, AmbiguousGroup, NotPaired, NotAMember;
        /// Put it away, or bring it back.
        write archive(ChannelArchive) -> Channel, needs Send in channel,
            refuses NoSuchChannel, NoSuchContact, AmbiguousContact, NoSuchGroup, AmbiguousGroup, NotPaired, NotAMember;
        /// Keep it silent, or hear it again.
        write mute(ChannelMute) -> Channel, needs Send in channel,
            refuses NoSuchChannel, NoSuchContact, AmbiguousContact, NoSuchGroup, AmbiguousGroup, NotPaired, NotAMember;
        /// We have read it; the others are told unless read receipts are switched off.
        write mark_read(ChannelMarkRead) -> Channel, needs Send in channel,
            refuses NoSuchChannel, NoSuchContact, AmbiguousContact, NoSuchGroup, AmbiguousGroup, NotPaired,
                NotAMember, NoSuchMessage;
    }
}
