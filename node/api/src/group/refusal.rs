//! How the verbs of groups refuse: one sentence each, the same wherever it is said.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::objects::Role;
use crate::{ApiError, Reason};

/// A right in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Write messages.
    Write,
    /// Invite.
    Invite,
    /// Make tickets and take them back.
    Ticket,
    /// Let those in who ask.
    Approve,
    /// Remove members.
    Remove,
    /// Ban, and lift bans.
    Ban,
    /// Give or take that role.
    Role,
    /// Hand the group over.
    Transfer,
    /// Change the name.
    Rename,
    /// Change who may do what.
    Policy,
    /// Delete messages of others.
    Delete,
}

impl Right {
    fn to(self) -> &'static str {
        match self {
            Self::Write => "write to it",
            Self::Invite => "invite",
            Self::Ticket => "make or revoke tickets",
            Self::Approve => "let people in",
            Self::Remove => "remove them",
            Self::Ban => "ban them or lift the ban",
            Self::Role => "give or take that role",
            Self::Transfer => "hand it over",
            Self::Rename => "rename it",
            Self::Policy => "change its policy",
            Self::Delete => "delete messages of others",
        }
    }
}

/// Why a verb about groups is refused. The texts are names as the caller knows them: of a group, of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupRefusal<'a> {
    /// No group has that name or id.
    #[error("No group is called \"{0}\". `covey group list` shows yours.")]
    NoSuchGroup(&'a str),
    /// The account that is meant is not a member.
    #[error("{member} is not a member of {group}. `covey group members` shows who is.")]
    NotAMember {
        /// The group.
        group: &'a str,
        /// Who.
        member: &'a str,
    },
    /// We are not a member, and never were.
    #[error("You are not a member of {0}. Accept its invite, or join with a ticket.")]
    WeAreNotAMember(&'a str),
    /// We asked to join, or accepted an invite, and wait.
    #[error("You are not a member of {0} yet: nobody there has answered your request. `covey group list` shows it.")]
    NotYet(&'a str),
    /// We are invited.
    #[error("You are invited to {0} and have not answered. Accept first: `covey group accept`.")]
    Unanswered(&'a str),
    /// Our role does not cover it.
    #[error("In {group} you are {}, and that takes the right to {}. Ask {needs}.", article(*role), right.to(), needs = asks(*needs))]
    NotAllowed {
        /// The group.
        group: &'a str,
        /// What is missing.
        right: Right,
        /// What we are.
        role: Role,
        /// The least role that may.
        needs: Role,
    },
    /// They are in already, or invited.
    #[error("{member} is in {group} already, or invited. `covey group members` shows it.")]
    AlreadyMember {
        /// The group.
        group: &'a str,
        /// Who.
        member: &'a str,
    },
    /// The one who is meant is the owner.
    #[error("{member} is the owner of {group}, who can neither be removed nor given another role, only hand it over.")]
    IsOwner {
        /// The group.
        group: &'a str,
        /// Who.
        member: &'a str,
        /// What cannot be done to them.
        right: Right,
    },
    /// The one who is meant is the caller.
    #[error("That is you. To go, leave: `covey group leave`.")]
    Oneself,
    /// They are not banned.
    #[error("{member} is not banned from {group}.")]
    NotBanned {
        /// The group.
        group: &'a str,
        /// Who.
        member: &'a str,
    },
    /// There is no invite of the group to answer.
    #[error("{0} does not invite you, or not any more. `covey group list --state invited` shows who does.")]
    NotInvited(&'a str),
    /// No ticket of the group has that id.
    #[error("{group} has no ticket {id}. `covey group tickets` shows them.")]
    NoSuchTicket {
        /// The group.
        group: &'a str,
        /// What was looked for.
        id: &'a str,
    },
    /// They are banned.
    #[error("{member} is banned from {group}. Lift it first with `covey group unban`.")]
    Banned {
        /// The group.
        group: &'a str,
        /// Who.
        member: &'a str,
    },
    /// We are banned.
    #[error("You are banned from {0}; only its admins can lift that.")]
    WeAreBanned(&'a str),
    /// It has as many members as it may have.
    #[error("{group} is full: it has {limit} members, and no group can have more.")]
    Full {
        /// The group.
        group: &'a str,
        /// The limit.
        limit: u32,
    },
    /// It takes nobody in and nothing can be changed: nobody is left who could.
    #[error("{0} is closed: nobody is left in it who could do that.")]
    Closed(&'a str),
    /// We left or were removed.
    #[error("You are no longer in {0}. What was written stays readable; to come back you need an invite or a ticket.")]
    Left(&'a str),
    /// We are the owner and others are in it.
    #[error("You are the owner of {0}. Name the next one: `covey group leave GROUP --transfer-to MEMBER`.")]
    LastOwner(&'a str),
    /// The ticket cannot be read, or is of something else.
    #[error("That is not a group ticket. It begins with covey-group: and has to be copied whole.")]
    BadTicket,
    /// The ticket is used up, expired or taken back.
    #[error("That group ticket cannot be used any more. Ask for a new one.")]
    SpentTicket,
    /// Nobody of that name waits to be let in.
    #[error("Nobody called \"{account}\" waits to be let into {group}. `covey group requests` shows who does.")]
    NoSuchRequest {
        /// The group.
        group: &'a str,
        /// Who.
        account: &'a str,
    },
    /// Several members match.
    #[error("\"{0}\" may be several members; give more of the account id.")]
    AmbiguousMember(&'a str),
    /// Several groups match.
    #[error("\"{0}\" may be several groups; give the start of the id.")]
    AmbiguousGroup(&'a str),
}

impl GroupRefusal<'_> {
    /// The stable reason.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::NoSuchGroup(_) => Reason::NoSuchGroup,
            Self::NotAMember { .. } | Self::WeAreNotAMember(_) | Self::NotYet(_) | Self::Unanswered(_) => {
                Reason::NotAMember
            }
            Self::NotAllowed { .. } | Self::IsOwner { .. } => Reason::NotAllowed,
            Self::Oneself => Reason::OwnAccount,
            Self::NotBanned { .. } | Self::NotInvited(_) => Reason::WrongState,
            Self::NoSuchTicket { .. } => Reason::NoSuchTicket,
            Self::AlreadyMember { .. } => Reason::AlreadyMember,
            Self::Banned { .. } | Self::WeAreBanned(_) => Reason::Banned,
            Self::Full { .. } => Reason::GroupFull,
            Self::Closed(_) => Reason::GroupClosed,
            Self::Left(_) => Reason::GroupLeft,
            Self::LastOwner(_) => Reason::LastOwner,
            Self::BadTicket | Self::SpentTicket => Reason::BadGroupTicket,
            Self::NoSuchRequest { .. } => Reason::NoSuchRequest,
            Self::AmbiguousMember(_) => Reason::AmbiguousMember,
            Self::AmbiguousGroup(_) => Reason::AmbiguousGroup,
        }
    }
}

impl From<GroupRefusal<'_>> for ApiError {
    fn from(refusal: GroupRefusal<'_>) -> Self {
        let error = Self::new(refusal.reason(), refusal.to_string());
        match refusal {
            GroupRefusal::NotAllowed { right, role, needs, .. } => {
                error.with_data(json!({"right": right, "role": role, "needs": needs}))
            }
            GroupRefusal::IsOwner { right, .. } => error.with_data(json!({"right": right})),
            GroupRefusal::Full { limit, .. } => error.with_data(json!({"limit": limit})),
            _ => error,
        }
    }
}

fn article(role: Role) -> &'static str {
    match role {
        Role::Owner => "an owner",
        Role::Admin => "an admin",
        Role::Member => "a member",
        Role::Reader => "a reader",
    }
}

fn asks(role: Role) -> &'static str {
    match role {
        Role::Owner => "an owner",
        Role::Admin => "an admin or owner",
        Role::Member | Role::Reader => "an admin to change your role",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_a_sentence_with_a_reason_that_ends_a_process_with_1() {
        let (group, member) = ("lake", "bob");
        for refusal in [
            GroupRefusal::NoSuchGroup(group),
            GroupRefusal::NotAMember { group, member },
            GroupRefusal::WeAreNotAMember(group),
            GroupRefusal::NotYet(group),
            GroupRefusal::Unanswered(group),
            GroupRefusal::NotAllowed { group, right: Right::Ban, role: Role::Member, needs: Role::Admin },
            GroupRefusal::AlreadyMember { group, member },
            GroupRefusal::IsOwner { group, member, right: Right::Ban },
            GroupRefusal::Oneself,
            GroupRefusal::NotBanned { group, member },
            GroupRefusal::NotInvited(group),
            GroupRefusal::NoSuchTicket { group, id: "5f1c" },
            GroupRefusal::Banned { group, member },
            GroupRefusal::WeAreBanned(group),
            GroupRefusal::Full { group, limit: 10_000 },
            GroupRefusal::Closed(group),
            GroupRefusal::Left(group),
            GroupRefusal::LastOwner(group),
            GroupRefusal::BadTicket,
            GroupRefusal::SpentTicket,
            GroupRefusal::NoSuchRequest { group, account: member },
            GroupRefusal::AmbiguousMember(member),
            GroupRefusal::AmbiguousGroup(group),
        ] {
            let error = ApiError::from(refusal);
            assert!(error.message.ends_with('.') && !error.message.contains('{'), "{}", error.message);
            assert_eq!(error.code, 1, "{refusal:?}");
            assert!(Reason::ALL.contains(&error.reason), "{refusal:?}");
        }
    }

    #[test]
    fn what_is_not_allowed_names_the_missing_right() {
        let error = ApiError::from(GroupRefusal::NotAllowed {
            group: "lake",
            right: Right::Invite,
            role: Role::Member,
            needs: Role::Admin,
        });
        assert_eq!(
            error.message,
            "In lake you are a member, and that takes the right to invite. Ask an admin or owner."
        );
        assert_eq!(error.data, json!({"right": "invite", "role": "member", "needs": "admin"}));
    }
}
