//! The OpenRPC document of the contract, generated from the types.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{API_VERSION, Method, Reason, error::ErrorData, methods};

/// What holds for all methods.
const DESCRIPTION: &str = "The local JSON-RPC of a covey node. Parameters are passed by name.\n\n\
    Order: requests that arrive on one connection, or in one batch, are applied in the order in which they arrived. \
    Answers come as they are ready; match them by `id`. A client that sends very many requests must read answers while it \
    writes, or it is not read any further. Requests without an `id` (notifications) are ignored.";

/// The OpenRPC 1.3 document.
#[must_use]
pub fn openrpc() -> Value {
    let mut schemas =
        SchemaSettings::draft07().with(|s| s.definitions_path = "/components/schemas".into()).into_generator();
    let methods: Vec<Value> = methods().iter().map(|method| describe(method, &mut schemas)).collect();
    let error_data = schemas.subschema_for::<ErrorData>();
    let errors: Vec<Value> = Reason::ALL
        .iter()
        .map(|reason| json!({ "reason": reason.as_str(), "code": reason.code(), "exit": reason.exit().code() }))
        .collect();
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "covey",
            "description": DESCRIPTION,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0" },
            "x-api-version": API_VERSION,
        },
        "methods": methods,
        "components": { "schemas": schemas.take_definitions(true) },
        "x-errors": { "data": error_data, "reasons": errors },
    })
}

fn describe(method: &Method, schemas: &mut SchemaGenerator) -> Value {
    let docs = method.docs.trim();
    let lines: Vec<&str> = docs.lines().map(str::trim).collect();
    let answer = if method.subscription { "subscription" } else { "answer" };
    let mut described = json!({
        "name": method.name,
        "summary": lines.first(),
        "description": lines.join("\n"),
        "paramStructure": "by-name",
        "params": params(method, schemas),
        "result": { "name": answer, "schema": (method.answer)(schemas) },
        "x-changes": method.changes,
        "x-scope": method.scope,
        "x-in-channel": method.in_channel,
    });
    if method.subscription {
        described["x-notification"] = json!(crate::EVENT_NOTIFICATION);
    }
    described
}

/// One content descriptor per field of the request.
fn params(method: &Method, schemas: &mut SchemaGenerator) -> Vec<Value> {
    let schema = (method.params)(schemas).to_value();
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let none = Map::new();
    let fields = schema["properties"].as_object().unwrap_or(&none);
    fields
        .iter()
        .map(|(name, field)| json!({ "name": name, "required": required.contains(&name.as_str()), "schema": field }))
        .collect()
}
