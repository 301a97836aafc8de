//! `events.*`: the journal of what happened, with cursors and acks, so that a client never misses anything.

use futures::stream::BoxStream;
use std::borrow::Cow;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use crate::{ApiError, Done, EventKind, Method, Reason, Request, Scope, Time, contract::noun};

/// The method of the notifications that a subscription sends.
pub const EVENT_NOTIFICATION: &str = "events.event";
pub(crate) const UNSUBSCRIBE: &str = "events.unsubscribe";

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the journal; hand it back to go on after it. Transient events have none.
    pub cursor: Option<String>,
    /// What happened: an [`EventKind`], or one of a newer daemon.
    pub kind: String,
    /// When.
    pub at: Time,
    /// The object it happened to, in the shape that `show` returns; a message as it is when the event is read.
    pub data: Value,
}

/// An [`Event`] as JSON: made once, for however many subscribers.
#[derive(Clone, Debug)]
pub struct EventText(Arc<RawValue>);

impl EventText {
    /// The event at this place of the journal, if it has one.
    ///
    /// # Errors
    /// `data` is no JSON.
    pub fn new(cursor: Option<u64>, kind: &str, at: Time, data: &impl Serialize) -> Result<Self, serde_json::Error> {
        #[derive(Serialize)]
        struct Parts<'a, D> {
            cursor: Option<String>,
            kind: &'a str,
            at: Time,
            data: &'a D,
        }
        let parts = Parts { cursor: cursor.map(|cursor| cursor.to_string()), kind, at, data };
        Ok(Self(serde_json::value::to_raw_value(&parts)?.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl Serialize for EventText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (*self.0).serialize(serializer)
    }
}

impl From<&Event> for EventText {
    fn from(event: &Event) -> Self {
        Self(serde_json::value::to_raw_value(event).expect("texts, numbers and values are JSON").into())
    }
}

/// One variant for each kind, with the shape of its data.
impl JsonSchema for Event {
    fn schema_name() -> Cow<'static, str> {
        "Event".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        let at = schemas.subschema_for::<Time>();
        let variants = EventKind::ALL.iter().map(|kind| {
            let described = kind.described();
            let cursor = if described.transient {
                json!({ "type": "null", "description": "A transient event has none." })
            } else {
                json!({ "type": "string", "description": "Its place in the journal; hand it back to go on after it." })
            };
            json!({
                "title": format!("{} event", described.name),
                "description": described.docs.trim().replace('\n', " "),
                "type": "object",
                "required": ["cursor", "kind", "at", "data"],
                "properties": {
                    "cursor": cursor,
                    "kind": { "type": "string", "const": described.name },
                    "at": at,
                    "data": (described.data)(schemas),
                },
            })
        });
        let variants: Vec<Value> = variants.collect();
        json_schema!({
            "description": "Something that happened. Kinds that a client does not know are to be ignored.",
            "oneOf": variants,
        })
    }
}

/// A page of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventPage {
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// Go on from here: after the last event of the page, or the end of the journal.
    pub cursor: String,
    /// Is there more after this page already? A page may be empty and say so when few events are selected.
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
    /// How many events, 1 to 1,000; the default is 100.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// Only events of these kinds.
    pub kinds: Option<Vec<EventKind>>,
    /// Only what happened in these channels (channel id, contact or group).
    pub channels: Option<Vec<String>>,
    /// Only what these contacts did, and what happened in the conversations with them alone.
    pub contacts: Option<Vec<String>>,
}

/// Parameters of `events.subscribe`. Neither `from` nor `consumer`: what happens from now on.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsSubscribe {
    /// After this cursor.
    pub from: Option<String>,
    /// After what this consumer has acknowledged. Its older subscription, if there is one, ends.
    pub consumer: Option<String>,
    /// Only events of these kinds.
    pub kinds: Option<Vec<EventKind>>,
    /// Only what happened in these channels (channel id, contact or group).
    pub channels: Option<Vec<String>>,
    /// Only what these contacts did, and what happened in the conversations with them alone.
    pub contacts: Option<Vec<String>>,
    /// Transient events too, such as who connects; yes unless told.
    pub transient: Option<bool>,
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
        read fetch(EventsFetch) -> EventPage, needs Read in channel,
            refuses InvalidCursor;
        /// Remember how far a consumer has come; an older cursor changes nothing.
        write ack(EventsAck) -> Done, needs Read in channel,
            refuses InvalidCursor;
    }
}

/// Events; an error is the last one, and says why there are no more.
pub type EventStream = BoxStream<'static, Result<EventText, ApiError>>;

/// The journal, live.
pub trait EventSource: Send + Sync + 'static {
    /// Events after the requested place and then as they happen. At least once; pulled as fast as the client reads.
    fn subscribe(&self, params: EventsSubscribe) -> impl Future<Output = Result<EventStream, ApiError>> + Send;
}

impl Request for EventsSubscribe {
    type Answer = Event;
    const METHOD: &'static str = "events.subscribe";
    const CHANGES: bool = false;
    const SCOPE: Option<Scope> = Some(Scope::Read);
    const IN_CHANNEL: bool = true;
    const REFUSES: &'static [Reason] = &[Reason::InvalidCursor, Reason::LimitReached];
}

pub(crate) const SUBSCRIPTIONS: &[Method] = &[Method {
    subscription: true,
    // It answers with a number, and then come the events.
    example: |params, number| serde_json::from_value::<(EventsSubscribe, u64)>(json!([params, number])).map(drop),
    ..Method::of::<EventsSubscribe>(
        "What happens, as it happens, as notifications; `events.unsubscribe` ends it.\n\
         Needs a WebSocket, and a request of its own there. Without `from` and `consumer`: what happens from now on. When the node is locked, \
         it ends with the error `locked`.",
    )
}];
