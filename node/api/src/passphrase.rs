//! A passphrase on its way to the node.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zeroize::Zeroizing;

/// A passphrase as text. Erased on drop, never printed, and no part of an error.
#[derive(Clone, PartialEq, Eq)]
pub struct PassphraseText(Zeroizing<String>);

impl PassphraseText {
    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for PassphraseText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for PassphraseText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassphraseText(…)")
    }
}

impl Serialize for PassphraseText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// What is no text is not repeated in the error, as serde would: it may be a passphrase all the same.
impl<'de> Deserialize<'de> for PassphraseText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from).map_err(|_| D::Error::custom("the passphrase is not a text"))
    }
}

impl JsonSchema for PassphraseText {
    fn schema_name() -> Cow<'static, str> {
        "PassphraseText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "password", "minLength": 1, "maxLength": 1024 })
    }

    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::NodeUnlock;

    #[test]
    fn a_passphrase_is_never_printed_nor_repeated_in_an_error() {
        let asked: NodeUnlock = serde_json::from_str(r#"{"passphrase": "hunter2"}"#).expect("parses");
        assert_eq!(asked.passphrase.expose(), "hunter2");
        assert!(!format!("{asked:?}").contains("hunter2"));
        for wrong in [r#"{"passphrase": 4711}"#, r#"{"passphrase": ["4711"]}"#, r#"{"passphrase": {"4711": 1}}"#] {
            let error = serde_json::from_str::<NodeUnlock>(wrong).expect_err("no text").to_string();
            assert!(error.contains("not a text") && !error.contains("4711"), "{error}");
        }
    }
}
