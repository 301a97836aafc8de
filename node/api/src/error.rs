//! How a request is refused: a JSON-RPC error whose `data` is `{"reason": stable string, "details": typed by the reason}`.

use jsonrpsee::types::{
    ErrorObjectOwned,
    error::{INTERNAL_ERROR_CODE, INVALID_PARAMS_CODE, INVALID_REQUEST_CODE, METHOD_NOT_FOUND_CODE, PARSE_ERROR_CODE},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Exit;

/// Why a request was refused. The strings are stable: clients may match on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// What was sent is no JSON, or no JSON-RPC 2.0 request, or cannot be asked in this way.
    InvalidRequest,
    /// A parameter is missing, unknown, malformed or out of range.
    InvalidParams,
    /// The daemon does not know the method (another version, usually).
    MethodNotFound,
    /// The configuration cannot be read, or names an unknown key.
    InvalidConfig,

    /// No contact has that alias or id. Those who gave themselves that name, if any did, are in the details:
    /// `{"candidates": [{"contact", "name", "state", "note"}]}`.
    NoSuchContact,
    /// Several contacts match; details: `{"candidates": [{"contact", "alias"}]}`.
    AmbiguousContact,
    /// Contacts and groups match; details: `{"candidates": [{"contact", "alias"} or {"group", "name"}]}`.
    AmbiguousName,
    /// No channel has that id.
    NoSuchChannel,
    /// No message has that id.
    NoSuchMessage,
    /// No ticket has that id.
    NoSuchTicket,
    /// Consent is missing; details: `{"state": …}`.
    NotPaired,
    /// We declined them; `pair.forget` lifts it.
    Declined,
    /// They declined us.
    RefusedByThem,
    /// We blocked them; `pair.unblock` lifts it.
    Blocked,
    /// Not possible in the present state, of a contact usually; details: `{"state": …}`.
    WrongState,
    /// The text is not a ticket or account id.
    InvalidTicket,
    /// The ticket was valid once.
    TicketExpired,
    /// One cannot invite or write to oneself.
    OwnAccount,
    /// The alias is empty, too long, looks like an id or a flag, or has characters that cannot be seen.
    InvalidAlias,
    /// Another contact has that alias, or a group that name.
    AliasTaken,
    /// A text, note or name is longer than allowed; details: `{"bytes", "limit"}`.
    TooLong,
    /// A text has nothing in it.
    EmptyText,
    /// The safety numbers differ.
    SafetyNumberMismatch,
    /// The same consumer subscribed again: this older subscription has ended.
    ConsumerTaken,
    /// The cursor is not one of this journal.
    InvalidCursor,
    /// The same `client_id` was used for a different request.
    ClientIdReused,
    /// A limit is reached; try later.
    LimitReached,
    /// The request came without a token, or with one that this node does not know.
    Unauthorized,
    /// The token's time is over.
    TokenExpired,
    /// The token was revoked.
    TokenRevoked,
    /// Host or Origin are not this server's own: a page of another site calls.
    ForeignOrigin,
    /// No token has that name or id.
    NoSuchToken,
    /// Another token in use has that name.
    TokenNameTaken,
    /// The caller's token does not cover this; details: `{"needs", "scopes"}`. Or our role in a group does not; then details:
    /// `{"right", "role", "needs"}`. Or only the author of a message may; without details.
    NotAllowed,

    /// No group has that name or id.
    NoSuchGroup,
    /// Several groups match; details: `{"candidates": [{"group", "name"}]}`.
    AmbiguousGroup,
    /// We are not in the group, or the one who is meant is not.
    NotAMember,
    /// Several members match; details: `{"candidates": [{"account", "alias", "name"}]}`.
    AmbiguousMember,
    /// They are in the group already, or invited.
    AlreadyMember,
    /// They are banned from the group, or we are.
    Banned,
    /// The group has as many members as it may; details: `{"limit"}`.
    GroupFull,
    /// Nobody is left in the group who could do that.
    GroupClosed,
    /// We left the group or were removed.
    GroupLeft,
    /// The owner leaves without naming the next one, and others are in it.
    LastOwner,
    /// The text is not a group ticket, or it cannot be used any more.
    BadGroupTicket,
    /// Nobody of that name asks to be let in.
    NoSuchRequest,

    /// No device of ours has that name or id.
    NoSuchDevice,
    /// This device cannot be meant: it cannot link or revoke itself.
    OwnDevice,
    /// This device was linked without the right to link and revoke others.
    NotHolder,
    /// The device was revoked; a revoked device never comes back.
    DeviceRevoked,
    /// No keeper of ours is called that, and mail is kept for nobody of that name.
    NoSuchKeeper,
    /// The text is not a link of a new machine, or one of another network.
    BadLink,
    /// The link came to nothing; details: `{"end": "expired" | "used" | "digits" | "cancelled" | "full" | "not_added" | "hand_over"}`.
    LinkEnded,
    /// The digits differ from those that this device computed; details: `{"left": 2}`.
    WrongDigits,

    /// The setting cannot change in this way; details: `{"setting", "because": "restart" | "environment" | "flag"}`.
    SettingFixed,
    /// An address is taken by another program.
    AddressInUse,
    /// The data directory is initialised already.
    AlreadyInitialised,

    /// The daemon needs its passphrase first.
    Locked,
    /// The passphrase is wrong.
    WrongPassphrase,
    /// No daemon answers (clients only).
    Unreachable,
    /// The daemon is about to stop.
    ShuttingDown,

    /// It took longer than allowed.
    TimedOut,

    /// The disk is full, read-only or failing.
    Storage,
    /// Stored data is damaged.
    Corrupt,
    /// Another process has the data directory.
    DataInUse,

    /// A bug in covey.
    Internal,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Reason {
    /// Every reason a daemon of this version may give, for the specification.
    pub const ALL: &[Self] = &[
        Self::InvalidRequest,
        Self::InvalidParams,
        Self::MethodNotFound,
        Self::InvalidConfig,
        Self::NoSuchContact,
        Self::AmbiguousContact,
        Self::AmbiguousName,
        Self::NoSuchChannel,
        Self::NoSuchMessage,
        Self::NoSuchTicket,
        Self::NotPaired,
        Self::Declined,
        Self::RefusedByThem,
        Self::Blocked,
        Self::WrongState,
        Self::InvalidTicket,
        Self::TicketExpired,
        Self::OwnAccount,
        Self::InvalidAlias,
        Self::AliasTaken,
        Self::TooLong,
        Self::EmptyText,
        Self::SafetyNumberMismatch,
        Self::ConsumerTaken,
        Self::InvalidCursor,
        Self::ClientIdReused,
        Self::LimitReached,
        Self::Unauthorized,
        Self::TokenExpired,
        Self::TokenRevoked,
        Self::ForeignOrigin,
        Self::NoSuchToken,
        Self::TokenNameTaken,
        Self::NotAllowed,
        Self::NoSuchGroup,
        Self::AmbiguousGroup,
        Self::NotAMember,
        Self::AmbiguousMember,
        Self::AlreadyMember,
        Self::Banned,
        Self::GroupFull,
        Self::GroupClosed,
        Self::GroupLeft,
        Self::LastOwner,
        Self::BadGroupTicket,
        Self::NoSuchRequest,
        Self::NoSuchDevice,
        Self::OwnDevice,
        Self::NotHolder,
        Self::DeviceRevoked,
        Self::NoSuchKeeper,
        Self::BadLink,
        Self::LinkEnded,
        Self::WrongDigits,
        Self::SettingFixed,
        Self::AddressInUse,
        Self::AlreadyInitialised,
        Self::Locked,
        Self::WrongPassphrase,
        Self::Unreachable,
        Self::ShuttingDown,
        Self::TimedOut,
        Self::Storage,
        Self::Corrupt,
        Self::DataInUse,
        Self::Internal,
    ];

    /// The exit code class of a process that ends because of it.
    #[must_use]
    pub fn exit(self) -> Exit {
        match self {
            Self::InvalidRequest
            | Self::InvalidParams
            | Self::InvalidAlias
            | Self::MethodNotFound
            | Self::InvalidConfig => Exit::Usage,
            Self::Unreachable | Self::ShuttingDown => Exit::Unreachable,
            Self::TimedOut => Exit::TimedOut,
            Self::Storage | Self::Corrupt | Self::DataInUse => Exit::Data,
            Self::Internal => Exit::Bug,
            _ => Exit::Refused,
        }
    }

    /// The JSON-RPC error code: the standard ones where they exist, else the exit code.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::InvalidRequest => INVALID_REQUEST_CODE,
            Self::InvalidParams => INVALID_PARAMS_CODE,
            Self::MethodNotFound => METHOD_NOT_FOUND_CODE,
            Self::Internal => INTERNAL_ERROR_CODE,
            other => i32::from(other.exit().code()),
        }
    }

    /// The stable string.
    #[must_use]
    pub fn as_str(self) -> String {
        match serde_json::to_value(self) {
            Ok(Value::String(text)) => text,
            _ => String::from("unknown"),
        }
    }
}

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
    fn every_reason_has_a_stable_snake_case_string_and_a_nonzero_exit() {
        for reason in Reason::ALL {
            let text = reason.as_str();
            assert!(text.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{text}");
            assert_ne!(text, "unknown");
            assert_ne!(reason.exit(), Exit::Done);
        }
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
