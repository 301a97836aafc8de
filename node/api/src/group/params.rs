//! What the verbs of `group.*` take; those about tickets and proofs are with their objects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::objects::{GroupState, MemberState, Role};

/// Parameters of `group.create`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupCreate {
    /// What it is called, 1 to 64 characters; names need not be unique.
    pub name: String,
    /// The least role that may invite and make tickets; `admin` unless told.
    pub invite: Option<Role>,
    /// The least role that may rename it; `admin` unless told.
    pub rename: Option<Role>,
    /// The least role that may write; `member` unless told. With `admin` it is a group to read.
    pub write: Option<Role>,
    /// What newcomers become: `member` unless told, or `reader`.
    pub newcomers: Option<Role>,
    /// Are newcomers left out of what readers see? Not unless told.
    pub newcomers_invisible: Option<bool>,
    /// Does an admin have to let everybody in who comes with a ticket? Not unless told.
    pub approve: Option<bool>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `group.list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupList {
    /// Only groups in this state.
    pub state: Option<GroupState>,
}

/// Parameters of `group.show`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupShow {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
}

/// Parameters of `group.invite`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupInvite {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// Alias, id or unique id prefix of a paired contact.
    pub contact: String,
    /// What they become, `admin` at most; what newcomers become unless told.
    pub role: Option<Role>,
    /// Are they left out of what readers see? As newcomers are unless told.
    pub invisible: Option<bool>,
    /// What we say to them, at most 280 characters.
    pub note: Option<String>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `group.accept`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupAccept {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `group.decline`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupDecline {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `group.leave`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupLeave {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// The member who becomes owner; needed if we are the owner and others are in it.
    pub transfer_to: Option<String>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `group.remove`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRemove {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// Alias, account id, unique prefix of it, or name of a member.
    pub member: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `group.ban`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupBan {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// Alias, account id, unique prefix of it, or name of a member; a full account id may also be unknown so far.
    pub member: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `group.unban`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupUnban {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// Alias, account id or unique prefix of it.
    pub member: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `group.role`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRole {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// Alias, account id, unique prefix of it, or name of a member.
    pub member: String,
    /// The new role. With `owner` the owner hands the group over and becomes an admin.
    pub role: Role,
    /// Is the member left out of what readers see? Unchanged unless told.
    pub invisible: Option<bool>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `group.rename`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRename {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// The new name, 1 to 64 characters.
    pub name: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `group.policy`. What is not set stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupPolicy {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// The least role that may invite and make tickets.
    pub invite: Option<Role>,
    /// The least role that may rename it.
    pub rename: Option<Role>,
    /// The least role that may write. With `admin` it is a group to read.
    pub write: Option<Role>,
    /// What newcomers become: `member` or `reader`.
    pub newcomers: Option<Role>,
    /// Are newcomers left out of what readers see?
    pub newcomers_invisible: Option<bool>,
    /// Does an admin have to let everybody in who comes with a ticket?
    pub approve: Option<bool>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `group.members`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupMembers {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// Only those in this state; `joined` and `invited` unless told.
    pub state: Option<MemberState>,
    /// Only those after this account id: the last one of the page before.
    pub after: Option<String>,
    /// At most so many (1,000 unless told, and at most).
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
}

/// Parameters of `group.doctor`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupDoctor {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
}

/// Parameters of `group.delete`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupDelete {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// Id or unique id prefix of a message of the group.
    pub message: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}
