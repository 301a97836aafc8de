//! `group.*`: conversations of many. Who is a member, who may do what, and who asks to come in.
//!
//! A group is named by its id (which is the id of its channel too), a unique prefix of it, or its name if no other group of
//! ours has that name. A member is named by our alias for them, their account id, a unique prefix of it, or the name they
//! gave themselves if no other member has it.

mod doctor;
mod objects;
mod params;
mod proof;
mod refusal;
mod tickets;

pub use doctor::{GroupHealth, MemberHealth};
pub use objects::{Group, GroupCreated, GroupEvent, GroupState, Member, MemberState, Policy, Role};
pub use params::{
    GroupAccept, GroupBan, GroupCreate, GroupDecline, GroupDelete, GroupDoctor, GroupInvite, GroupLeave, GroupList,
    GroupMembers, GroupPolicy, GroupRemove, GroupRename, GroupRole, GroupShow, GroupUnban,
};
pub use proof::{GroupReport, GroupVerifyReport, MessageProof, ProofVerdict};
pub use refusal::{GroupRefusal, Right};
pub use tickets::{
    GroupApprove, GroupJoin, GroupReject, GroupRequests, GroupRevokeTicket, GroupTicket, GroupTickets, JoinRequest,
    JoinRequestState, JoinTicket, JoinTicketInfo,
};

use crate::{Message, contract::noun};

/// The most members that one answer of `group.members` holds.
pub const MAX_MEMBERS_PAGE: u32 = 1_000;

noun! {
    /// Groups.
    GroupApi = "group" {
        /// Make a group; we are its owner.
        write create(GroupCreate) -> GroupCreated, needs Group,
            refuses TooLong, LimitReached;
        /// Our groups, those that invited us and those that we left, newest change first.
        read list(GroupList) -> Vec<Group>, needs Read;
        /// One of them.
        read show(GroupShow) -> Group, needs Read,
            refuses NoSuchGroup, AmbiguousGroup;
        /// Invite a contact. They decide; until then they see the group's name and who invites them. The same invite once more is sent again.
        write invite(GroupInvite) -> Member, needs Group,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed, NoSuchContact, AmbiguousContact,
                NotPaired, AlreadyMember, Banned, GroupFull, TooLong;
        /// Ask to come in with a ticket: we are in at once, or when one who may has approved it.
        write join(GroupJoin) -> Group, needs Group,
            refuses BadGroupTicket, AlreadyMember, Banned, GroupFull, OwnAccount, TooLong, LimitReached;
        /// Say yes to an invite.
        write accept(GroupAccept) -> Group, needs Group,
            refuses NoSuchGroup, AmbiguousGroup, WrongState, Banned, GroupFull;
        /// Say no to an invite, or take our request to join back. Declined invites stay declined.
        write decline(GroupDecline) -> Group, needs Group,
            refuses NoSuchGroup, AmbiguousGroup, WrongState;
        /// Leave; what was written stays here. The owner names the next one first.
        write leave(GroupLeave) -> Group, needs Group,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed, AmbiguousMember, LastOwner,
                WrongState;
        /// Remove a member, or take an invite back. The very next message is not for them any more.
        write remove(GroupRemove) -> Member, needs Group,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed, AmbiguousMember, OwnAccount;
        /// Remove somebody and let them in no more.
        write ban(GroupBan) -> Member, needs Group,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed, AmbiguousMember, OwnAccount;
        /// Lift a ban. It does not bring them back: they need an invite or a ticket.
        write unban(GroupUnban) -> Member, needs Group,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed, AmbiguousMember, WrongState;
        /// Give a member another role, or hand the group over.
        write role(GroupRole) -> Member, needs Group,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed, AmbiguousMember, OwnAccount;
        /// Change the group's name, for everybody.
        write rename(GroupRename) -> Group, needs Group,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed, TooLong;
        /// Change who may do what. What is not named stays as it is.
        write policy(GroupPolicy) -> Group, needs Group,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed;
        /// Make a ticket with which others can join.
        write ticket(GroupTicket) -> JoinTicket, needs Group,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed, LimitReached;
        /// The tickets of a group.
        read tickets(GroupTickets) -> Vec<JoinTicketInfo>, needs Read,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed;
        /// Take a ticket back. Who joined with it stays.
        write revoke_ticket(GroupRevokeTicket) -> JoinTicketInfo, needs Group,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed, NoSuchTicket;
        /// Who waits to be let in.
        read requests(GroupRequests) -> Vec<JoinRequest>, needs Read,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed;
        /// Let somebody in who asked.
        write approve(GroupApprove) -> JoinRequest, needs Group,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed, NoSuchRequest, Banned, GroupFull;
        /// Do not let them in.
        write reject(GroupReject) -> JoinRequest, needs Group,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed, NoSuchRequest;
        /// The members in the order of their account ids, a page at a time.
        read members(GroupMembers) -> Vec<Member>, needs Read,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed;
        /// Compare what we know of a group with every member that can be reached, and name the first difference.
        read doctor(GroupDoctor) -> GroupHealth, needs Read,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed;
        /// Make a proof that a member wrote a message, for somebody else in the group to check.
        read report(GroupReport) -> MessageProof, needs Read,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed, NoSuchMessage;
        /// Check such a proof.
        read verify_report(GroupVerifyReport) -> ProofVerdict, needs Read;
        /// Delete a message for everyone: our own, or with the right to it anybody's.
        write delete(GroupDelete) -> Message, needs Group,
            refuses NoSuchGroup, AmbiguousGroup, NotAMember, GroupLeft, GroupClosed, NoSuchMessage;
    }
}
