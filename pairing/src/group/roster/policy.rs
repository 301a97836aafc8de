//! Roles, what newcomers are given, and who may do what.

use serde::{Deserialize, Serialize};

/// What a member may do. Greater roles compare greater; each may do what the lesser ones may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Reads.
    #[serde(rename = "r")]
    Reader,
    /// Writes.
    #[serde(rename = "m")]
    Member,
    /// Removes, bans, admits, renames, sets the policy, deletes messages of others.
    #[serde(rename = "a")]
    Admin,
    /// Everything, and makes admins; exactly one in a group that has members.
    #[serde(rename = "o")]
    Owner,
}

/// What somebody is given: a role below [`Role::Owner`], and whether other readers see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// The role.
    #[serde(rename = "r")]
    pub role: Role,
    /// Not shown to readers. Hides in lists only: every member holds the whole roster.
    #[serde(rename = "i")]
    pub invisible: bool,
}

impl Grant {
    /// The role, visible.
    pub const fn visible(role: Role) -> Self {
        Self { role, invisible: false }
    }
}

/// Who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Policy {
    /// The least role that may invite, make tickets and carry the joins of direct tickets.
    #[serde(rename = "i")]
    pub invite: Role,
    /// The least role that may rename the group.
    #[serde(rename = "n")]
    pub rename: Role,
    /// The least role that may write content; at least [`Role::Member`].
    #[serde(rename = "w")]
    pub write: Role,
    /// What those become whom an admin admits without invite or ticket, and what the commands offer by default.
    #[serde(rename = "g")]
    pub newcomers: Grant,
    /// Do all tickets need the approval of an admin, whatever they say?
    #[serde(rename = "a")]
    pub approve: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            invite: Role::Admin,
            rename: Role::Admin,
            write: Role::Member,
            newcomers: Grant::visible(Role::Member),
            approve: false,
        }
    }
}

impl Policy {
    /// Is it one that can be: newcomers are readers or members, and readers never write?
    pub fn is_sane(&self) -> bool {
        self.write >= Role::Member && self.newcomers.role <= Role::Member
    }
}
