//! What became different, as a difference of two states.

use super::{
    account::{Exit, Invited, Ticket},
    ids::{EntryId, OpId, TicketId},
    op::Cut,
    policy::{Grant, Policy},
};
use crate::ids::{AccountId, DeviceId};

/// A difference between the roster before and after. What a late operation undoes is reported as a change back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The group has a name and an owner; first of all changes.
    Created,
    /// Somebody is a member.
    MemberJoined {
        /// Who.
        account: AccountId,
        /// As what.
        grant: Grant,
        /// With which devices.
        devices: Vec<DeviceId>,
    },
    /// Somebody is not a member any more. `exit` is none if it turned out that they never were one.
    MemberLeft {
        /// Who.
        account: AccountId,
        /// The operation by which they had come in.
        joined: OpId,
        /// How.
        exit: Option<Exit>,
        /// The devices they had.
        devices: Vec<DeviceId>,
    },
    /// Their feeds end here (all cuts known of the account).
    CutChanged {
        /// Who.
        account: AccountId,
        /// Where.
        cuts: Vec<Cut>,
    },
    /// Somebody is banned, member before or not.
    Banned {
        /// Who.
        account: AccountId,
    },
    /// A ban does not hold any more.
    Unbanned {
        /// Who.
        account: AccountId,
    },
    /// The open invites of somebody are these; none if they became a member or it was taken back.
    InvitesChanged {
        /// Who.
        account: AccountId,
        /// The invites.
        invites: Vec<Invited>,
    },
    /// A member has another role or visibility.
    RoleChanged {
        /// Who.
        account: AccountId,
        /// Before.
        from: Grant,
        /// Now.
        to: Grant,
    },
    /// A member has other devices.
    DevicesChanged {
        /// Who.
        account: AccountId,
        /// New ones.
        added: Vec<DeviceId>,
        /// Those that do not count any more.
        dropped: Vec<DeviceId>,
    },
    /// A member's newest card is in another operation; always after a join, sometimes alone.
    CardChanged {
        /// Who.
        account: AccountId,
    },
    /// Another name.
    Renamed {
        /// The name.
        name: String,
    },
    /// Another policy.
    PolicyChanged {
        /// The policy.
        policy: Policy,
    },
    /// A ticket was made, used or revoked; none if it turned out never to have been made.
    TicketChanged {
        /// Which.
        id: TicketId,
        /// What it is now.
        ticket: Option<Ticket>,
    },
    /// An entry is deleted for everyone.
    Deleted {
        /// The entry.
        entry: EntryId,
        /// Who wrote it, as claimed: to be compared with the entry.
        device: DeviceId,
    },
    /// A deletion turned out not to count.
    Undeleted {
        /// The entry.
        entry: EntryId,
        /// Who wrote it, as claimed.
        device: DeviceId,
    },
    /// It may be another answer than before whether somebody had the right to write what they wrote.
    WritingChanged {
        /// Who; none if it may be anybody.
        account: Option<AccountId>,
    },
    /// The epoch is another one: sender keys are to be rotated.
    EpochChanged {
        /// The new one.
        epoch: [u8; 32],
    },
}
