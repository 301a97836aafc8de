//! Why a request is refused: the stable strings, and how a process ends because of each.

use jsonrpsee::types::error::{INTERNAL_ERROR_CODE, INVALID_PARAMS_CODE, INVALID_REQUEST_CODE, METHOD_NOT_FOUND_CODE};
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_stable_snake_case_string_and_a_nonzero_exit() {
        for reason in Reason::ALL {
            let text = reason.as_str();
            assert!(text.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{text}");
            assert_ne!(text, "unknown");
            assert_ne!(reason.exit(), Exit::Done);
        }
    }
}
