//! A group, its members, and who may do what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

/// How we stand to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupState {
    /// It invited us; it is our turn.
    Invited,
    /// We asked to come in; no answer yet.
    Requested,
    /// We are a member.
    Joined,
    /// We left.
    Left,
    /// We were removed or banned.
    Removed,
    /// We declined the invite, or our request was rejected.
    Declined,
}

/// What a member may do. Each may do what the ones after it may; in their order the greater right comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, and make admins. Exactly one in a group that has members.
    Owner,
    /// Remove, ban, let in, change the policy, delete messages of others.
    Admin,
    /// Write.
    #[default]
    Member,
    /// Read.
    Reader,
}

/// How an account stands to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// A member.
    Joined,
    /// Invited; no answer that we know of.
    Invited,
    /// Left.
    Left,
    /// Removed.
    Removed,
    /// Removed, and let in no more.
    Banned,
}

/// Who may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    /// The least role that may invite and make tickets.
    pub invite: Role,
    /// The least role that may rename the group.
    pub rename: Role,
    /// The least role that may write.
    pub write: Role,
    /// What newcomers become.
    pub newcomers: Role,
    /// Are newcomers left out of what readers see?
    pub newcomers_invisible: bool,
    /// Does an admin have to let everybody in who comes with a ticket, whatever the ticket says?
    pub approve: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            invite: Role::Admin,
            rename: Role::Admin,
            write: Role::Member,
            newcomers: Role::Member,
            newcomers_invisible: false,
            approve: false,
        }
    }
}

/// A group that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupCreated {
    /// Its id.
    pub group: String,
    /// Its channel; the same id.
    pub channel: String,
}

/// A group and how we stand to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// Its id.
    pub group: String,
    /// Its channel; the same id.
    pub channel: String,
    /// What it is called. Not verified, not unique.
    pub name: String,
    /// How we stand to it.
    pub state: GroupState,
    /// What we are in it, or are invited to be; none if we are neither.
    pub role: Option<Role>,
    /// How many members it has, as far as we know.
    pub members: u32,
    /// Since when we stand like this to it.
    pub since: Time,
    /// Who founded it, `cv1…`; none before its roster is here.
    pub founder: Option<String>,
    /// Who invited, approved or removed us, `cv1…`; none if nobody did.
    pub by: Option<String>,
    /// Our name for them, or the one they gave themselves.
    pub by_name: Option<String>,
    /// Our name for them. Without it `by_name` is what they call themselves, as anybody can.
    #[serde(default)]
    pub by_alias: Option<String>,
    /// What the inviter says; none unless we are invited.
    pub note: Option<String>,
    /// When the invite or our request expires; none unless it is open.
    pub expires_at: Option<Time>,
    /// Who may do what.
    pub policy: Policy,
    /// How many wait to be let in and are known to us.
    pub requests: u32,
    /// The fingerprint of the roster, the same on every member that knows the same; none before we are in.
    pub roster_hash: Option<String>,
}

/// A member of a group, or somebody who was or is asked to be one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// The account, `cv1…`.
    pub account: String,
    /// Our name for them, if they are a contact.
    pub alias: Option<String>,
    /// The name they gave themselves; not verified, not unique.
    pub name: Option<String>,
    /// What they may do.
    pub role: Role,
    /// How they stand to the group.
    pub state: MemberState,
    /// Are they left out of what readers see?
    pub invisible: bool,
    /// Is it us?
    pub own: bool,
    /// Since when they stand like this to the group, by the clock of who made it so.
    pub since: Time,
    /// Is a device of theirs connected now?
    pub online: bool,
}

/// What `group.*` events carry: the group as `group.show` tells it, and the member it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupEvent {
    /// The group.
    #[serde(flatten)]
    pub group: Group,
    /// Whom it is about; none if it is about the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
    /// Who did it, `cv1…`; none if it was us or nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Our name for them, or the one they gave themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_name: Option<String>,
    /// Our name for them. Without it `actor_name` is what they call themselves, as anybody can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_alias: Option<String>,
}
