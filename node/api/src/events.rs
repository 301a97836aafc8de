//! `events.*`: the journal of what happened, with cursors and acks, so that a client never misses anything.

use futures::stream::BoxStream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ApiError, Done, Method, Request, Scope, Time, contract::noun};

/// The method of the notifications that a subscription sends.
pub const EVENT_NOTIFICATION: &str = "events.event";
pub(crate) const UNSUBSCRIBE: &str = "events.unsubscribe";

/// Kinds of events. Clients ignore the kinds they do not know.
pub mod kind {
    /// A contact changed its state, or anything else that `pair.show` tells; data: [`Contact`](crate::Contact).
    pub const CONTACT: &str = "contact";
    /// Something about a contact that a thief of their keys would do, too: look at `alerts` and compare safety numbers; data:
    /// [`Contact`](crate::Contact), which is no longer `verified`.
    pub const CONTACT_ALERT: &str = "contact.alert";
    /// A message arrived; data: [`Message`](crate::Message).
    pub const MESSAGE_RECEIVED: &str = "message.received";
    /// A message of our own was accepted for sending; data: [`Message`](crate::Message).
    pub const MESSAGE_SENT: &str = "message.sent";
    /// A message changed: delivery state, read, edited; data: [`Message`](crate::Message) with its deliveries.
    pub const MESSAGE_CHANGED: &str = "message.changed";
    /// A channel changed; data: [`Channel`](crate::Channel).
    pub const CHANNEL: &str = "channel";
    /// Our own account changed; data: [`Account`](crate::Account).
    pub const ACCOUNT: &str = "account";
    /// A group invited us; data: [`Group`](crate::Group).
    pub const GROUP_INVITED: &str = "group.invited";
    /// Somebody became a member, or we did; data: [`GroupEvent`](crate::GroupEvent).
    pub const GROUP_JOINED: &str = "group.joined";
    /// Somebody left, or we did; data: [`GroupEvent`](crate::GroupEvent).
    pub const GROUP_LEFT: &str = "group.left";
    /// Somebody was removed or banned, or we were; data: [`GroupEvent`](crate::GroupEvent).
    pub const GROUP_REMOVED: &str = "group.removed";
    /// Anything else that `group.show` tells changed, or the role or state of a member; data:
    /// [`GroupEvent`](crate::GroupEvent).
    pub const GROUP_CHANGED: &str = "group.changed";
    /// Somebody asks to be let in, or that was answered; data: [`JoinRequest`](crate::JoinRequest).
    pub const GROUP_REQUEST: &str = "group.request";
    /// A contact's device came or went (transient); data: [`Peer`](crate::Peer) with `connected`.
    pub const PEER: &str = "peer";
    /// Events before this one are no longer kept; data: `{"from", "oldest"}`, cursors.
    pub const JOURNAL_TRUNCATED: &str = "journal_truncated";
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its place in the journal; hand it back to go on after it. Transient events have none.
    pub cursor: Option<String>,
    /// What happened, see [`kind`].
    pub kind: String,
    /// When.
    pub at: Time,
    /// The object it happened to, in the shape that `show` returns.
    pub data: Value,
}

/// A page of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventPage {
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// Go on from here: after the last event of the page, or the end of the journal.
    pub cursor: String,
    /// Is there more after this page already?
    pub more: bool,
}

/// Parameters of `events.fetch`. Neither `from` nor `consumer` nor `last`: from the oldest event kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsFetch {
    /// After this cursor.
    pub from: Option<String>,
    /// After what this consumer has acknowledged.
    pub consumer: Option<String>,
    /// Only the newest so many instead (0 = none: just tell the cursor of the end).
    pub last: Option<u32>,
    /// At most so many (100 unless told, 1,000 at most).
    pub limit: Option<u32>,
}

/// Parameters of `events.subscribe`. Neither `from` nor `consumer`: what happens from now on.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsSubscribe {
    /// After this cursor.
    pub from: Option<String>,
    /// After what this consumer has acknowledged.
    pub consumer: Option<String>,
}

/// Parameters of `events.ack`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsAck {
    /// A name the client chose; made on first use.
    pub consumer: String,
    /// Everything up to and including this event is dealt with.
    pub cursor: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

noun! {
    /// The journal.
    EventsApi = "events" {
        /// A page of what happened.
        read fetch(EventsFetch) -> EventPage, needs Read in channel;
        /// Remember how far a consumer has come; an older cursor changes nothing.
        write ack(EventsAck) -> Done, needs Read in channel;
    }
}

/// The journal, live.
pub trait EventSource: Send + Sync + 'static {
    /// Events after the requested place and then as they happen. At least once; pulled as fast as the client reads.
    fn subscribe(
        &self,
        params: EventsSubscribe,
    ) -> impl Future<Output = Result<BoxStream<'static, Event>, ApiError>> + Send;
}

impl Request for EventsSubscribe {
    type Answer = Event;
    const METHOD: &'static str = "events.subscribe";
    const CHANGES: bool = false;
    const SCOPE: Option<Scope> = Some(Scope::Read);
    const IN_CHANNEL: bool = true;
}

pub(crate) const SUBSCRIPTIONS: &[Method] = &[Method {
    subscription: true,
    ..Method::of::<EventsSubscribe>("What happens, as it happens, as notifications; `events.unsubscribe` ends it.")
}];
