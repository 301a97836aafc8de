//! Coming in by ticket: tickets, and the requests of those who wait to be let in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::objects::Role;
use crate::{TicketState, Time};

/// Parameters of `group.ticket`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupTicket {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// How many accounts may join with it; any number unless told.
    #[schemars(range(min = 1))]
    pub uses: Option<u32>,
    /// For how long it is valid, seconds; until it is taken back unless told.
    #[schemars(range(min = 1, max = 315360000))]
    pub expires_in: Option<u64>,
    /// Does somebody have to approve each one who comes with it?
    pub approve: Option<bool>,
    /// What they become, `admin` at most; what newcomers become unless told.
    pub role: Option<Role>,
    /// Are they left out of what readers see? As newcomers are unless told.
    pub invisible: Option<bool>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `group.tickets`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupTickets {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
}

/// Parameters of `group.revoke_ticket`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRevokeTicket {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// The ticket's id or a unique prefix of it.
    pub id: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `group.join`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupJoin {
    /// A group ticket, `covey-group:…`.
    pub ticket: String,
    /// What we say about ourselves to those who approve, at most 280 characters.
    pub note: Option<String>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `group.requests`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRequests {
    /// Id, unique id prefix, or name; all our groups unless told.
    pub group: Option<String>,
}

/// Parameters of `group.approve`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupApprove {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// Account id of who asks, a unique prefix of it, alias, or the name they gave.
    pub account: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `group.reject`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupReject {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// Account id of who asks, a unique prefix of it, alias, or the name they gave.
    pub account: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// A ticket with which others can join a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JoinTicket {
    /// `covey-group:…`
    pub ticket: String,
    /// Its id, for `group.revoke_ticket`.
    pub id: String,
    /// The group.
    pub group: String,
    /// How many accounts may use it; absent if any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// Until when; absent if it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// Does somebody have to approve each one who comes with it?
    pub approve: bool,
    /// What they become.
    pub role: Role,
}

/// A ticket of a group. The ticket itself is kept only where it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JoinTicketInfo {
    /// Its id.
    pub id: String,
    /// What became of it.
    pub state: TicketState,
    /// How many accounts may use it; none if any number.
    pub uses: Option<u32>,
    /// How many have.
    pub used: u32,
    /// Does somebody have to approve each one who comes with it?
    pub approve: bool,
    /// What they become.
    pub role: Role,
    /// Who made it, `cv1…`.
    pub made_by: String,
    /// When it was made.
    pub created_at: Time,
    /// Until when it is valid; none if it lasts.
    pub expires_at: Option<Time>,
}

/// What became of a request to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JoinRequestState {
    /// Nobody has answered yet.
    Waiting,
    /// They are in.
    Approved,
    /// They are not let in.
    Rejected,
    /// Nobody answered in time, or they took it back.
    Expired,
}

/// Somebody who asks to be let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JoinRequest {
    /// The group.
    pub group: String,
    /// What it is called.
    pub group_name: String,
    /// Who asks, `cv1…`.
    pub account: String,
    /// Our name for them, if they are a contact.
    pub alias: Option<String>,
    /// The name they gave themselves; not verified, not unique.
    pub name: Option<String>,
    /// What they say.
    pub note: Option<String>,
    /// What became of it.
    pub state: JoinRequestState,
    /// The id of the ticket they came with.
    pub ticket: String,
    /// What they will be.
    pub role: Role,
    /// When they asked.
    pub requested_at: Time,
}
