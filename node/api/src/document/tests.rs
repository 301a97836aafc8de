//! The documents against the code: every kind, every method, every example.
#![allow(clippy::panic)]

use std::collections::BTreeSet;

use serde_json::Value;

use super::{asyncapi, examples::Examples, openrpc};
use crate::{EventKind, methods};

fn names<'v>(values: impl IntoIterator<Item = &'v Value>) -> BTreeSet<&'v str> {
    values.into_iter().filter_map(Value::as_str).collect()
}

#[test]
fn both_documents_describe_exactly_the_kinds_of_events_that_there_are() {
    let known: BTreeSet<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(known.len(), EventKind::ALL.len(), "two kinds of one name");
    let openrpc = openrpc();
    let variants = openrpc["components"]["schemas"]["Event"]["oneOf"].as_array().expect("variants");
    assert_eq!(names(variants.iter().map(|variant| &variant["properties"]["kind"]["const"])), known);
    let asyncapi = asyncapi();
    for place in ["/components/messages", "/channels/events/messages"] {
        let messages = asyncapi.pointer(place).and_then(Value::as_object).expect("messages");
        assert_eq!(messages.keys().map(String::as_str).collect::<BTreeSet<_>>(), known, "{place}");
    }
    for kind in EventKind::ALL {
        let wire = serde_json::to_value(kind).expect("serialises");
        assert_eq!(wire, kind.as_str(), "the name on the wire");
    }
}

#[test]
fn all_references_of_the_documents_lead_somewhere() {
    for document in [openrpc(), asyncapi()] {
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap_or_default();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}

#[test]
fn every_method_has_an_example_that_it_takes_and_gives() {
    let examples = Examples::read();
    for method in methods() {
        let pairing = &examples.of(method.name)[0];
        let params = pairing["params"].as_array().unwrap_or_else(|| panic!("{} has no example", method.name));
        let field = |param: &Value| (param["name"].as_str().unwrap_or_default().to_owned(), param["value"].clone());
        let params = Value::Object(params.iter().map(field).collect());
        if let Err(error) = (method.example)(params, pairing["result"]["value"].clone()) {
            panic!("the example of {}: {error}", method.name);
        }
    }
}

#[test]
fn every_kind_of_event_has_an_example() {
    let examples = Examples::read();
    for kind in EventKind::ALL {
        let example = examples.event(kind.as_str()).unwrap_or_else(|| panic!("{kind:?} has no example"));
        assert_eq!(example["params"]["result"]["kind"], kind.as_str());
    }
}
