//! The AsyncAPI 3 document of the events.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{examples::Examples, limits};
use crate::{API_VERSION, EVENT_NOTIFICATION, EventKind, Time};

/// What holds for all events.
const DESCRIPTION: &str = "The events of a covey node. `events.subscribe` on a WebSocket (see the OpenRPC document, `rpc.discover`) \
    begins a subscription; from then on each event comes as one JSON-RPC notification. `events.fetch` answers with pages of the same \
    events.\n\n\
    Every change that can be shown is an event in a durable journal and has a `cursor`. A client hands the last one back in \
    `from`, or acknowledges it (`events.ack`) under a name of its own and subscribes as that `consumer`: then it misses nothing. Events come \
    in order and at least once. A transient event has no cursor and is lost for whoever does not listen. Kinds that a client does \
    not know are to be ignored.";

/// The AsyncAPI 3.0 document.
#[must_use]
pub fn asyncapi() -> Value {
    let mut schemas =
        SchemaSettings::draft07().with(|s| s.definitions_path = "/components/schemas".into()).into_generator();
    let time = schemas.subschema_for::<Time>();
    let examples = Examples::read();
    let (mut messages, mut references, mut listed) = (Map::new(), Map::new(), Vec::new());
    for kind in EventKind::ALL {
        let described = kind.described();
        let data = (described.data)(&mut schemas);
        let message =
            message(described.name, described.docs, described.transient, &data.to_value(), &time.clone().to_value());
        let mut message = message;
        if let Some(example) = examples.event(described.name) {
            message["examples"] = json!([{ "payload": example }]);
        }
        messages.insert(described.name.to_owned(), message);
        references
            .insert(described.name.to_owned(), json!({ "$ref": format!("#/components/messages/{}", described.name) }));
        listed.push(json!({ "$ref": format!("#/channels/events/messages/{}", described.name) }));
    }
    json!({
        "asyncapi": "3.0.0",
        "id": "urn:covey:events",
        "info": {
            "title": "covey events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
            "x-api-version": API_VERSION,
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "127.0.0.1:{port}",
                "pathname": "/rpc",
                "protocol": "ws",
                "description": "The loopback port; the same on the Unix socket, without a token.",
                "variables": { "port": { "default": "7420", "description": "From `url` in `rpc.json`." } },
                "security": [{ "$ref": "#/components/securitySchemes/token" }],
            },
        },
        "channels": {
            "events": {
                "address": null,
                "title": "The events of a subscription",
                "description": "Begun by `events.subscribe`, ended by `events.unsubscribe`.",
                "messages": references,
            },
        },
        "operations": {
            "receiveEvent": {
                "action": "receive",
                "channel": { "$ref": "#/channels/events" },
                "summary": "What happens, as it happens.",
                "messages": listed,
            },
        },
        "components": {
            "messages": messages,
            "schemas": schemas.take_definitions(true),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The content of `rpc.cookie`, or a token of `token.create` with the scope `read`.",
                },
            },
        },
        "x-authentication": limits::authentication(),
        "x-limits": limits::limits(),
    })
}

/// An event as it comes: a JSON-RPC notification.
fn message(name: &str, docs: &str, transient: bool, data: &Value, time: &Value) -> Value {
    let lines: Vec<&str> = docs.trim().lines().map(str::trim).collect();
    let cursor = if transient { json!({ "type": "null" }) } else { json!({ "type": "string" }) };
    json!({
        "name": name,
        "title": name,
        "summary": lines.join(" "),
        "contentType": "application/json",
        "x-transient": transient,
        "payload": {
            "type": "object",
            "required": ["jsonrpc", "method", "params"],
            "properties": {
                "jsonrpc": { "const": "2.0" },
                "method": { "const": EVENT_NOTIFICATION },
                "params": {
                    "type": "object",
                    "required": ["subscription", "result"],
                    "properties": {
                        "subscription": { "type": "integer", "description": "What `events.subscribe` answered." },
                        "result": {
                            "type": "object",
                            "required": ["cursor", "kind", "at", "data"],
                            "properties": { "cursor": cursor, "kind": { "const": name }, "at": time, "data": data },
                        },
                    },
                },
            },
        },
    })
}
