//! What the roster knows of one account, and of one ticket.

use std::sync::Arc;

use super::{
    graph::OrderKey,
    ids::OpId,
    op::Cut,
    policy::{Grant, Role},
    writing::Roles,
};
use crate::ids::{AccountId, DeviceId};

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The role.
    pub role: Role,
    /// Not shown to readers.
    pub invisible: bool,
    /// The devices, sorted.
    pub devices: Arc<[DeviceId]>,
    /// Rank of the key log that the devices are from ([`super::log_rank`]).
    pub log: u64,
    /// The operation with the newest card: where to read it again.
    pub card: OpId,
    /// The operation that made them a member.
    pub joined: OpId,
    /// Who carried that, or the account itself for the founder.
    pub by: AccountId,
    /// When, by that author's clock, in Unix milliseconds.
    pub since: u64,
    pub(super) seniority: OrderKey,
}

/// An open invite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// The operation: what a join names as its ground.
    pub op: OpId,
    /// Who invites.
    pub by: AccountId,
    /// As what.
    pub grant: Grant,
    /// When, by the inviter's clock, in Unix milliseconds.
    pub at: u64,
}

/// How a member stopped being one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exit {
    /// By themselves.
    Left,
    /// Removed.
    Removed,
    /// Banned.
    Banned,
}

/// What the roster knows of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Set while a member.
    pub member: Option<Member>,
    /// Open invites, oldest first, at most [`super::INVITES_PER_ACCOUNT`].
    pub invites: Vec<Invited>,
    /// The operation that banned them, while banned.
    pub banned: Option<OpId>,
    /// How, by whom and when (Unix milliseconds) they stopped being a member or were banned, the last time.
    pub exit: Option<(Exit, AccountId, u64)>,
    /// Unix milliseconds by their own clock: a statement to join counts only if it is newer. The time of the statement
    /// they joined with last, or of their leaving.
    pub stated: Option<u64>,
    /// Where feeds of theirs end, by device and incarnation; kept when they join again.
    pub cuts: Vec<Cut>,
    pub(super) roles: Roles,
}

/// A ticket of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The operation that made it.
    pub op: OpId,
    /// Who made it.
    pub by: AccountId,
    /// When, by the maker's clock, in Unix milliseconds.
    pub at: u64,
    /// What those become who join with it.
    pub grant: Grant,
    /// How many may use it; none if any number.
    pub uses: Option<u32>,
    /// How many have.
    pub used: u32,
    /// From when on it is not valid, in Unix milliseconds; none if it lasts.
    pub expires_at: Option<u64>,
    /// Does an admin have to carry each join?
    pub approve: bool,
    /// Was it taken back?
    pub revoked: bool,
}
