//! The OpenRPC document of the contract, generated from the types.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{examples::Examples, limits};
use crate::{
    API_VERSION, EVENT_NOTIFICATION, Event, MAX_SUBSCRIPTION, Method, Reason, Scope, error::ErrorData, events, methods,
};

/// What holds for all methods.
const DESCRIPTION: &str = "The local JSON-RPC 2.0 of a covey node: `POST /rpc`, or a WebSocket at `/rpc`, on a loopback port and on a \
    Unix socket. `rpc.json` in the data directory of the node says where (`url`, `socket`). Parameters are passed by name; unknown ones and \
    such that are out of range are refused.\n\n\
    Authentication: see `x-authentication`. Limits: see `x-limits`. The events of `events.subscribe` and `events.fetch` are \
    described by the AsyncAPI document that `rpc.asyncapi` answers with, and by the schema `Event`.\n\n\
    Order: requests that arrive on one connection, or in one batch, are applied in the order in which they arrived. \
    Answers come as they are ready; match them by `id`. A client that sends very many requests must read answers while it \
    writes, or it is not read any further. Requests without an `id` (notifications) are ignored.\n\n\
    Errors: `data.reason` is a stable string, `data.details` has a shape that depends on it, `message` is for people. \
    Beside those that a method lists, each may be refused for a reason in `x-errors.common`, and one that changes something for \
    one in `x-errors.changing`.\n\n\
    Locked: a node that needs its passphrase has no keys in memory and no network. It answers the methods with `x-while-locked`, and all others \
    with `locked`; subscriptions end with `params.error` that begins with `locked`. Its owner unlocks it with `node.unlock`. A frontend asks \
    `node.status` (`locked`) now and then, and subscribes again from its last cursor when it is false.\n\n\
    Idempotency: a method that changes something (`x-changes`) takes a `client_id`. The same id with the same request gives the \
    same answer, and the change is made once; answers are remembered for 7 days.";

/// Any method may be refused for these.
pub(crate) const COMMON: &[Reason] = &[
    Reason::InvalidRequest,
    Reason::InvalidParams,
    Reason::NotAllowed,
    Reason::Unauthorized,
    Reason::TokenExpired,
    Reason::TokenRevoked,
    Reason::ForeignOrigin,
    Reason::Locked,
    Reason::ShuttingDown,
    Reason::Storage,
    Reason::Corrupt,
    Reason::Internal,
];

/// And a method that changes something for these.
pub(crate) const CHANGING: &[Reason] = &[Reason::ClientIdReused, Reason::LimitReached];

/// The OpenRPC 1.3 document.
#[must_use]
pub fn openrpc() -> Value {
    let mut schemas =
        SchemaSettings::draft07().with(|s| s.definitions_path = "/components/schemas".into()).into_generator();
    let examples = Examples::read();
    let mut described: Vec<Value> = methods().iter().map(|method| describe(method, &examples, &mut schemas)).collect();
    described.push(unsubscribe());
    let error_data = schemas.subschema_for::<ErrorData>();
    schemas.subschema_for::<Event>();
    schemas.subschema_for::<Scope>();
    let definitions = schemas.take_definitions(true);
    let names = |reasons: &[Reason]| reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>();
    let listed: Vec<Value> = Reason::ALL
        .iter()
        .map(|reason| json!({ "reason": reason.as_str(), "code": reason.code(), "exit": reason.exit().code() }))
        .collect();
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "covey",
            "description": DESCRIPTION,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
            "x-api-version": API_VERSION,
        },
        "servers": servers(),
        "methods": described,
        "components": { "schemas": definitions, "errors": errors(&definitions) },
        "x-errors": { "data": error_data, "reasons": listed, "common": names(COMMON), "changing": names(CHANGING) },
        "x-authentication": limits::authentication(),
        "x-limits": limits::limits(),
    })
}

fn servers() -> Value {
    json!([
        {
            "name": "HTTP",
            "url": "http://127.0.0.1:7420/rpc",
            "summary": "Requests and batches; no subscriptions. `url` in `rpc.json` has the port if it is another one.",
        },
        {
            "name": "WebSocket",
            "url": "ws://127.0.0.1:7420/rpc",
            "summary": "Requests, batches and subscriptions. `url` in `rpc.json` has the port if it is another one.",
        },
    ])
}

fn describe(method: &Method, examples: &Examples, schemas: &mut SchemaGenerator) -> Value {
    let docs = method.docs.trim();
    let lines: Vec<&str> = docs.lines().map(str::trim).collect();
    let result = if method.subscription {
        json!({ "name": "subscription", "schema": subscription() })
    } else {
        json!({ "name": "answer", "schema": (method.answer)(schemas) })
    };
    let errors: Vec<Value> = method.refuses.iter().map(|reason| error_reference(*reason)).collect();
    let mut described = json!({
        "name": method.name,
        "tags": [{ "name": method.name.split('.').next().unwrap_or_default() }],
        "summary": lines.first(),
        "description": lines.join("\n"),
        "paramStructure": "by-name",
        "params": params(method, schemas),
        "result": result,
        "errors": errors,
        "examples": examples.of(method.name),
        "x-changes": method.changes,
        "x-scope": method.scope,
        "x-in-channel": method.in_channel,
        "x-while-locked": method.while_locked,
    });
    if method.subscription {
        described["x-notification"] = notification(schemas);
    }
    described
}

/// The id of a subscription.
fn subscription() -> Value {
    json!({
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_SUBSCRIPTION,
        "description": "The number of the subscription, which its notifications carry.",
    })
}

/// What a subscription sends.
fn notification(schemas: &mut SchemaGenerator) -> Value {
    json!({
        "method": EVENT_NOTIFICATION,
        "description": "A JSON-RPC notification for each event. `params.error` instead of `params.result` says that the subscription \
                        has ended, and why: nothing follows, and the client subscribes again from its last cursor.",
        "params": {
            "type": "object",
            "required": ["subscription"],
            "properties": {
                "subscription": subscription(),
                "result": schemas.subschema_for::<Event>(),
                "error": {
                    "type": "string",
                    "description": "The reason, such as `consumer_taken` when the consumer subscribed again or `locked` when the node was locked, \
                                    a colon and a sentence.",
                },
            },
        },
    })
}

/// Answered by the server itself.
fn unsubscribe() -> Value {
    json!({
        "name": events::UNSUBSCRIBE,
        "tags": [{ "name": "events" }],
        "summary": "End a subscription of this connection.",
        "description": "End a subscription of this connection.\nThe number may also be passed by position.",
        "paramStructure": "either",
        "params": [{ "name": "subscription", "required": true, "schema": subscription() }],
        "result": {
            "name": "answer",
            "schema": { "type": "boolean", "description": "Was there such a subscription?" },
        },
        "errors": [],
        "examples": [{
            "name": "as a program",
            "params": [{ "name": "subscription", "value": 4_151_263_982_u64 }],
            "result": { "name": "answer", "value": true },
        }],
        "x-changes": false,
        "x-scope": null,
        "x-in-channel": true,
        "x-while-locked": false,
    })
}

/// One content descriptor per field of the request.
fn params(method: &Method, schemas: &mut SchemaGenerator) -> Vec<Value> {
    let schema = (method.params)(schemas).to_value();
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let none = Map::new();
    let fields = schema["properties"].as_object().unwrap_or(&none);
    fields
        .iter()
        .map(|(name, field)| {
            json!({
                "name": name,
                "description": field["description"],
                "required": required.contains(&name.as_str()),
                "schema": field,
            })
        })
        .collect()
}

fn error_reference(reason: Reason) -> Value {
    json!({ "$ref": format!("#/components/errors/{}", reason.as_str()) })
}

/// Every reason as an error object, with what its documentation says.
fn errors(definitions: &Map<String, Value>) -> Value {
    let told = |reason: &str| {
        let variants = definitions["Reason"]["oneOf"].as_array().into_iter().flatten();
        let found = variants.filter(|variant| variant["const"] == reason || variant["enum"][0] == reason);
        found.filter_map(|variant| variant["description"].as_str()).next().unwrap_or(reason).to_owned()
    };
    let errors = Reason::ALL.iter().map(|reason| {
        let name = reason.as_str();
        let error = json!({ "code": reason.code(), "message": told(&name), "data": { "reason": &name } });
        (name, error)
    });
    Value::Object(errors.collect())
}
