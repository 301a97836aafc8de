//! `message.*`: what people say to each other, and how far it has come.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Time, contract::noun};

/// Parameters of `message.send`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageSend {
    /// A contact (alias, id, unique id prefix), a group (name, id, unique id prefix) or a channel id.
    pub to: String,
    /// At most 16 KiB of UTF-8.
    pub text: String,
    /// Id or unique id prefix of the message it answers, in the same channel.
    pub reply_to: Option<String>,
    /// Give up delivery after so many seconds.
    #[schemars(range(min = 1, max = 315360000))]
    pub expires_in: Option<u64>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `message.edit`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageEdit {
    /// Id or unique id prefix of a message of ours.
    pub id: String,
    /// What it says from now on; at most 16 KiB of UTF-8.
    pub text: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `message.list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageList {
    /// A contact, a group or a channel id; all channels unless told.
    pub channel: Option<String>,
    /// Only what is ordered before this message (its id or `order_key`).
    pub before: Option<String>,
    /// Only what is ordered after this message (its id or `order_key`).
    pub after: Option<String>,
    /// At most so many (50 unless told, 1,000 at most): the newest, or with `after` the oldest of the rest.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
}

/// Parameters of `message.show`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageShow {
    /// Id or unique id prefix.
    pub id: String,
}

/// How far a message has come. For one of ours in a group: how far to those who have it; `message.show` tells of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Ours; durable here, not yet anywhere else.
    Queued,
    /// Ours; a keeper of theirs keeps it until they fetch it.
    Kept,
    /// Ours; durable at theirs.
    Delivered,
    /// Ours: they have read it. Theirs: we have.
    Read,
    /// Ours; it was not delivered in its time.
    Expired,
    /// Ours; it cannot be delivered. `message.show` says why.
    Failed,
    /// Theirs; not read yet.
    Received,
}

/// How far a message has come to one recipient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// The recipient, `cv1…`.
    pub recipient: String,
    /// Our name for them.
    pub alias: Option<String>,
    /// How far it has come.
    pub state: MessageState,
    /// Since when.
    pub at: Time,
    /// Why it failed.
    pub why: Option<String>,
    /// While it is kept: at how many keepers, and until when. That is what they promised: the message stays here until it is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptBy>,
    /// How far it has come to each of their devices; in a direct conversation. It is delivered when one has it, and read when it was read
    /// on one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceDelivery>,
}

/// Keepers that have a message for its recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptBy {
    /// How many.
    pub keepers: u32,
    /// Until when the last of them keeps it.
    pub until: Time,
}

/// How far a message has come to one device of its recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceDelivery {
    /// The device, `cvd1…`.
    pub device: String,
    /// How far it has come: `queued`, `delivered` or `read`.
    pub state: MessageState,
    /// Since when.
    pub at: Time,
}

/// Most recipients that a [`DeliverySummary`] names.
pub const MAX_MISSING: usize = 20;

/// How far a message has come in a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeliverySummary {
    /// How many recipients it has: those who were members when it was written and still are.
    pub total: u32,
    /// To how many it was delivered, those included who have read it.
    pub delivered: u32,
    /// How many have read it.
    pub read: u32,
    /// To whom it was not delivered yet, at most 20 of them.
    pub missing: Vec<Delivery>,
}

/// A message that was accepted: durable here, and it will be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    /// Its id.
    pub id: String,
    /// The channel it went to.
    pub channel: String,
    /// How far it has come.
    pub state: MessageState,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Its channel.
    pub channel: String,
    /// Who wrote it, `cv1…`.
    pub author: String,
    /// Our name for the author, or the one they gave themselves; our own display name if it is ours.
    pub author_name: Option<String>,
    /// Our name for the author. Without it `author_name` is what they call themselves, as anybody can: show that the two
    /// are not the same.
    #[serde(default)]
    pub author_alias: Option<String>,
    /// Did we write it?
    pub own: bool,
    /// What it says; if its author edited it, what they wrote last.
    pub text: String,
    /// When it was written, by the author's clock.
    pub sent_at: Time,
    /// When it came here; for our own the time it was accepted.
    pub received_at: Time,
    /// Is the author's clock more than ten minutes off?
    pub clock_suspect: bool,
    /// Sorts messages of a channel, the same for all its members; compare as text.
    pub order_key: String,
    /// How far it has come.
    pub state: MessageState,
    /// The message it answers.
    pub reply_to: Option<String>,
    /// Was it changed after it was sent?
    pub edited: bool,
    /// When it was changed last, by the author's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Time>,
    /// When it is given up or disappears.
    pub expires_at: Option<Time>,
    /// Did it come when what stands after it had been read? Its author may have written it long ago, or put it there since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// Was it deleted for everyone? Then it says nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// How far it has come to each recipient; only in `message.show` and its events, only for our own, and in a group only
    /// if it has at most 20 recipients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<Delivery>,
    /// How far it has come in a group; where `deliveries` would be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_summary: Option<DeliverySummary>,
}

noun! {
    /// Messages.
    MessageApi = "message" {
        /// Write to a contact or group. Once it answers, the message is durable and will be delivered.
        write send(MessageSend) -> Sent, needs Send in channel,
            refuses NoSuchChannel, NoSuchContact, AmbiguousContact, NoSuchGroup, AmbiguousGroup, NotPaired,
                NotAMember, Declined, RefusedByThem, Blocked, EmptyText, TooLong, NoSuchMessage, GroupClosed,
                GroupLeft, LimitReached;
        /// Replace the text of a message of ours. Everybody in the conversation is shown the new one, and that it was edited.
        /// Members whose covey is older go on seeing the first text.
        write edit(MessageEdit) -> Message, needs Send in channel,
            refuses NoSuchMessage, NotAllowed, EmptyText, TooLong, NotPaired, NotAMember, Declined, RefusedByThem, Blocked,
                GroupClosed, GroupLeft, LimitReached;
        /// Messages in their order, oldest first.
        read list(MessageList) -> Vec<Message>, needs Read in channel,
            refuses NoSuchChannel, NoSuchContact, AmbiguousContact, NoSuchGroup, AmbiguousGroup, NotPaired,
                NotAMember, NoSuchMessage;
        /// One message, and how far it has come to each recipient.
        read show(MessageShow) -> Message, needs Read in channel,
            refuses NoSuchMessage;
    }
}
