//! How a request is refused: a JSON-RPC error whose `data` is `{"reason": stable string, "details": typed by the reason}`.

use jsonrpsee::types::{
    ErrorObjectOwned,
    error::{INTERNAL_ERROR_CODE, INVALID_PARAMS_CODE, INVALID_REQUEST_CODE, METHOD_NOT_FOUND_CODE, PARSE_ERROR_CODE},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Exit, Reason};

/// A refusal: what happened and what to do about it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The JSON-RPC error code, see [`Reason::code`].
    pub code: i32,
    /// The stable reason.
    pub reason: Reason,
    /// A sentence for people that says what to do.
    pub message: String,
    /// Details whose shape depends on the reason; `Null` if there are none.
    pub data: Value,
}

/// The `data` member of a JSON-RPC error.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct ErrorData {
    reason: Reason,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    details: Value,
}

impl ApiError {
    /// A refusal with a sentence that says what to do.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { code: reason.code(), reason, message: message.into(), data: Value::Null }
    }

    /// The same with details, e.g. `json!({"candidates": […]})`.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }

    /// A parameter is wrong.
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(Reason::InvalidParams, message)
    }

    /// What was sent is not even JSON.
    pub fn no_json(message: impl Into<String>) -> Self {
        Self { code: PARSE_ERROR_CODE, ..Self::new(Reason::InvalidRequest, message) }
    }

    /// Our own fault. The sentence must not carry secrets or message texts.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Reason::Internal, message)
    }

    /// The exit code class of a process that ends because of it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.reason != Reason::Unknown {
            return self.reason.exit();
        }
        match self.code {
            2 | PARSE_ERROR_CODE | INVALID_REQUEST_CODE | METHOD_NOT_FOUND_CODE | INVALID_PARAMS_CODE => Exit::Usage,
            3 => Exit::Unreachable,
            4 => Exit::TimedOut,
            5 => Exit::Data,
            70 | INTERNAL_ERROR_CODE => Exit::Bug,
            _ => Exit::Refused,
        }
    }
}

/// What an error says, as a sentence for people: errors that are parts of others begin small and have no full stop.
///
/// A first word that is not plain (a setting, a path, a command) stays as it is.
#[must_use]
pub fn sentence(text: &str) -> String {
    let text = text.trim();
    let first = text.split_whitespace().next().unwrap_or_default();
    let is_plain = first.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'\'');
    let mut sentence = match text.chars().next().filter(|_| is_plain) {
        Some(initial) => format!("{}{}", initial.to_ascii_uppercase(), &text[initial.len_utf8()..]),
        None => text.to_owned(),
    };
    if !sentence.ends_with(['.', '?', '!', '…']) {
        sentence.push('.');
    }
    sentence
}

impl From<ApiError> for ErrorObjectOwned {
    fn from(error: ApiError) -> Self {
        let data = ErrorData { reason: error.reason, details: error.data };
        Self::owned(error.code, error.message, Some(data))
    }
}

impl From<ErrorObjectOwned> for ApiError {
    fn from(error: ErrorObjectOwned) -> Self {
        let data = error.data().and_then(|raw| serde_json::from_str::<ErrorData>(raw.get()).ok());
        let (reason, data) = match data {
            Some(ErrorData { reason, details }) => (reason, details),
            None => (bare_reason(error.code()), Value::Null),
        };
        Self { code: error.code(), reason, message: error.message().to_owned(), data }
    }
}

/// The reason of an error that the RPC library made by itself, without our `data`.
fn bare_reason(code: i32) -> Reason {
    match code {
        METHOD_NOT_FOUND_CODE => Reason::MethodNotFound,
        PARSE_ERROR_CODE | INVALID_REQUEST_CODE => Reason::InvalidRequest,
        INVALID_PARAMS_CODE => Reason::InvalidParams,
        INTERNAL_ERROR_CODE => Reason::Internal,
        _ => Reason::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_survives_the_wire_with_reason_and_details() {
        let sent = ApiError::new(Reason::AmbiguousContact, "\"al\" may be alice or alan; give more characters.")
            .with_data(json!({"candidates": [{"contact": "cv1a", "alias": "alice"}]}));
        let wire = ErrorObjectOwned::from(sent.clone());
        assert_eq!(wire.code(), 1);
        assert_eq!(ApiError::from(wire), sent);
    }

    #[test]
    fn a_reason_of_a_newer_daemon_still_gives_the_right_exit_code() {
        let newer = ErrorObjectOwned::owned(4, "Later.", Some(json!({"reason": "quantum_foam"})));
        let error = ApiError::from(newer);
        assert_eq!(error.reason, Reason::Unknown);
        assert_eq!(error.exit(), Exit::TimedOut);
    }

    #[test]
    fn an_error_without_our_data_is_classed_by_its_code() {
        let error = ApiError::from(ErrorObjectOwned::owned(METHOD_NOT_FOUND_CODE, "Method not found", None::<()>));
        assert_eq!((error.reason, error.exit()), (Reason::MethodNotFound, Exit::Usage));
    }

    #[test]
    fn an_error_becomes_a_sentence_and_names_stay_as_they_are() {
        for (text, told) in [
            ("cannot read it", "Cannot read it."),
            ("it's full; free some space", "It's full; free some space."),
            ("rpc.listen: no port", "rpc.listen: no port."),
            ("/tmp/x exists already", "/tmp/x exists already."),
            ("\"x\" is none; did you mean y?", "\"x\" is none; did you mean y?"),
            ("Done.", "Done."),
        ] {
            assert_eq!(sentence(text), told);
        }
    }
}
