//! Examples of the documents: what real nodes were asked and answered (`tests/clients/python/from_the_documents.py --record`).

use serde_json::{Map, Value, json};

/// By method and by kind of event.
const TEXT: &str = include_str!("../../examples.json");

/// Read once for each document.
pub(super) struct Examples(Value);

impl Examples {
    pub(super) fn read() -> Self {
        // A test reads it as well.
        Self(serde_json::from_str(TEXT).unwrap_or_default())
    }

    /// The examples of a method, as pairings.
    pub(super) fn of(&self, method: &str) -> Value {
        let Some(example) = self.0["methods"].get(method) else { return json!([]) };
        let none = Map::new();
        let params = example["params"].as_object().unwrap_or(&none);
        let params: Vec<Value> = params.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        json!([{
            "name": "as a program",
            "params": params,
            "result": { "name": "answer", "value": example["result"] },
        }])
    }

    /// The example of a kind of event.
    pub(super) fn event(&self, kind: &str) -> Option<&Value> {
        self.0["events"].get(kind)
    }
}
