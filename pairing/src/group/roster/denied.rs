//! Why an operation does not count, or a command would not.

use super::policy::Role;

/// A right that somebody lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// Write content.
    Write,
    /// Invite, and take invites back that others made.
    Invite,
    /// Make tickets and take them back.
    Ticket,
    /// Let those in who ask.
    Approve,
    /// Remove members.
    Remove,
    /// Ban, and lift bans.
    Ban,
    /// Change that role, or give that role.
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

/// Why an operation is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The author is not a member, or not with this device.
    #[error("the author is not a member")]
    NotAMember,
    /// The author's role does not carry the right.
    #[error("the right to {right:?} is missing (it takes {least:?})")]
    Missing {
        /// The right.
        right: Right,
        /// The least role that has it.
        least: Role,
    },
    /// The account it is done to is not a member.
    #[error("they are not a member")]
    SubjectNotAMember,
    /// The account it is done to is a member already.
    #[error("they are a member already")]
    AlreadyAMember,
    /// The account is invited already (commands only) or by too many.
    #[error("they are invited already")]
    AlreadyInvited,
    /// The account is not invited.
    #[error("they are not invited")]
    NotInvited,
    /// The account is banned.
    #[error("they are banned")]
    Banned,
    /// The account is banned already.
    #[error("they are banned already")]
    AlreadyBanned,
    /// The account is not banned.
    #[error("they are not banned")]
    NotBanned,
    /// The owner can not be removed, banned or given another role.
    #[error("that is the owner")]
    IsOwner,
    /// The author and the subject are the same: leave instead.
    #[error("not to oneself")]
    Oneself,
    /// They have that role already.
    #[error("that changes nothing")]
    NoChange,
    /// The group has [`super::MEMBERS_MAX`] members.
    #[error("the group is full")]
    Full,
    /// There is a group already.
    #[error("the group exists already")]
    Exists,
    /// Not the creation of this group: its id says another founder, device or nonce.
    #[error("this does not make this group")]
    Foreign,
    /// No such ticket.
    #[error("no such ticket")]
    NoTicket,
    /// A ticket with this id exists.
    #[error("such a ticket exists already")]
    TicketExists,
    /// The ticket was taken back.
    #[error("the ticket was revoked")]
    TicketRevoked,
    /// The ticket was used as often as it may be.
    #[error("the ticket is used up")]
    TicketUsed,
    /// The ticket had expired when the joiner used it, or when the join was carried.
    #[error("the ticket has expired")]
    TicketExpired,
    /// The card or statement in it does not verify, or lists no or too many devices.
    #[error("its card or statement does not verify")]
    Unverified,
    /// The statement is not newer than the one they joined with, or than their leaving: nobody is brought back with it.
    #[error("that statement was used, or is from before they left")]
    OldStatement,
    /// A newer list of the account's devices is known.
    #[error("a newer list of devices is known")]
    OldDevices,
    /// A device belongs to another member.
    #[error("a device belongs to another member")]
    DeviceTaken,
}
