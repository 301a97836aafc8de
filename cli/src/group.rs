//! `covey group …`: conversations of many.

mod args;
mod proof;
mod run;
mod show;
mod told;

use clap::Subcommand;
use covey_api::{GroupState, MemberState, Role};

use self::args::{
    CreateArgs, GroupArg, InviteArgs, MemberArg, PolicyArgs, ReportArgs, RequestArg, TicketArgs, group_state,
    member_state, role,
};

/// Groups: members, roles, invites and requests to join
#[derive(Subcommand, Debug)]
pub enum GroupCommand {
    /// Make a group; you are its owner
    #[command(
        after_help = "Examples:\n  covey group create Lake\n  covey group create 'Village news' --reader-default\n  covey group create Choir --invite member"
    )]
    Create(CreateArgs),
    /// List your groups and those that invite you
    #[command(after_help = "Examples:\n  covey group list\n  covey group list --state invited")]
    List {
        /// Only those in this state: invited, requested, joined, left, removed or declined
        #[arg(long, value_parser = group_state, value_name = "STATE")]
        state: Option<GroupState>,
    },
    /// Show one group
    #[command(after_help = "Example:\n  covey group show Lake")]
    Show(GroupArg),
    /// Invite a contact to a group
    #[command(
        long_about = "Invite a contact to a group\n\nThey see the group's name and who invites them, and decide. Until they accept, they are not members. \
                      To withdraw an invite: covey group remove GROUP MEMBER.",
        after_help = "Examples:\n  covey group invite Lake bob\n  covey group invite Lake bob --role admin --note 'We sing on Sunday'"
    )]
    Invite(InviteArgs),
    /// Join a group with a ticket
    #[command(
        long_about = "Join a group with a ticket\n\nDepending on the ticket, you are a member at once, or as soon as an admin has approved your request. All members see \
                      your account and your name, and you see theirs.",
        after_help = "Examples:\n  covey group join covey-group:…\n  covey group join covey-group:… --note 'Bob, from the lake'"
    )]
    Join {
        /// The ticket (covey-group:…)
        ticket: String,
        /// What you say about yourself to those who approve requests (at most 280 characters)
        #[arg(long)]
        note: Option<String>,
    },
    /// Accept an invite to a group
    #[command(after_help = "Example:\n  covey group accept Lake")]
    Accept(GroupArg),
    /// Decline an invite to a group, or withdraw your request to join
    #[command(after_help = "Example:\n  covey group decline Lake")]
    Decline(GroupArg),
    /// Leave a group; your copy of the messages stays
    #[command(
        long_about = "Leave a group; your copy of the messages stays\n\nThe owner has to name the next owner with --transfer-to.",
        after_help = "Examples:\n  covey group leave Lake\n  covey group leave Lake --transfer-to bob"
    )]
    Leave {
        #[command(flatten)]
        group: GroupArg,
        /// The member who becomes owner
        #[arg(long, value_name = "MEMBER")]
        transfer_to: Option<String>,
        /// Do not ask for confirmation when they are named by what they call themselves
        #[arg(long, short)]
        yes: bool,
    },
    /// Remove a member, or withdraw an invite
    #[command(
        long_about = "Remove a member, or withdraw an invite\n\nMembers who know of the removal send the removed member nothing more, starting with their next message. What it has already, it keeps.",
        after_help = "Example:\n  covey group remove Lake mallory"
    )]
    Remove(MemberArg),
    /// Remove a member and keep them out
    #[command(after_help = "Example:\n  covey group ban Lake mallory")]
    Ban(MemberArg),
    /// Lift a ban; they need an invite or a ticket to come back
    #[command(after_help = "Example:\n  covey group unban Lake mallory")]
    Unban(MemberArg),
    /// Change the role of a member; `owner` hands the group over
    #[command(
        after_help = "Examples:\n  covey group role Lake bob admin\n  covey group role Lake bob reader --invisible true"
    )]
    Role {
        #[command(flatten)]
        member: MemberArg,
        /// owner, admin, member or reader
        #[arg(value_parser = role)]
        role: Role,
        /// Hide them from readers, or not
        #[arg(long, value_name = "BOOL")]
        invisible: Option<bool>,
    },
    /// Change the name of a group, for everybody
    #[command(after_help = "Example:\n  covey group rename Lake 'The lake'")]
    Rename {
        #[command(flatten)]
        group: GroupArg,
        /// The new name
        name: String,
    },
    /// Set who may invite, rename and write
    #[command(
        after_help = "Examples:\n  covey group policy Lake --invite member\n  covey group policy News --write admin --newcomers reader"
    )]
    Policy(PolicyArgs),
    /// Make a ticket with which others can join
    #[command(
        long_about = "Make a ticket with which others can join\n\nWhoever has it can join, or with --approve ask to. Limit it with --uses and \
                      --expires-in, and revoke it with --revoke.",
        after_help = "Examples:\n  covey group ticket Lake --uses 5 --expires-in 7d\n  covey group ticket Lake --approve\n  \
                      covey group ticket Lake --list\n  covey group ticket Lake --revoke 5f1c2a90"
    )]
    Ticket(TicketArgs),
    /// List the tickets of a group
    #[command(after_help = "Example:\n  covey group tickets Lake")]
    Tickets(GroupArg),
    /// Revoke a ticket of a group; members who joined with it stay
    #[command(after_help = "Example:\n  covey group revoke-ticket Lake 5f1c2a90")]
    RevokeTicket {
        #[command(flatten)]
        group: GroupArg,
        /// The id of the ticket, from `covey group tickets`, or its first 8 characters
        id: String,
    },
    /// List the requests to join
    #[command(after_help = "Examples:\n  covey group requests\n  covey group requests Lake")]
    Requests {
        /// The group: name or id (the start is enough if it fits only one) [default: all your groups]
        group: Option<String>,
    },
    /// Approve a request to join
    #[command(after_help = "Example:\n  covey group approve Lake cv19jckg3qs4cg")]
    Approve(RequestArg),
    /// Reject a request to join
    #[command(after_help = "Example:\n  covey group reject Lake cv19jckg3qs4cg")]
    Reject(RequestArg),
    /// List the members of a group
    #[command(after_help = "Examples:\n  covey group members Lake\n  covey group members Lake --state banned")]
    Members {
        #[command(flatten)]
        group: GroupArg,
        /// Only those in this state: joined, invited, left, removed or banned [default: joined and invited]
        #[arg(long, value_parser = member_state, value_name = "STATE")]
        state: Option<MemberState>,
    },
    /// Compare your view of a group with that of every member that can be reached
    #[command(
        after_help = "Example:\n  covey group doctor Lake\n\nEnds with exit code 0 if all that could be reached agree, else with 1."
    )]
    Doctor(GroupArg),
    /// Make a proof that a member wrote a message, or check one
    #[command(
        long_about = "Make a proof that a member wrote a message, or check one\n\nThe proof holds the message as its author signed it, and what it says. \
                      Whoever has the proof can read that message; any member of the group can check it.",
        after_help = "Examples:\n  covey group report Lake 1f2e3d4c --out proof.txt\n  covey group report --verify proof.txt\n\n\
                      Ends with exit code 1 if a proof is not valid."
    )]
    Report(ReportArgs),
    /// Delete a message for everyone: your own, or as an admin anybody's
    #[command(
        long_about = "Delete a message for everyone: your own, or as an admin anybody's\n\nEach member's node erases it as soon as it learns of the deletion. It \
                      cannot be unread.",
        after_help = "Example:\n  covey group delete Lake 1f2e3d4c"
    )]
    Delete {
        #[command(flatten)]
        group: GroupArg,
        /// The id of the message, or its first 8 characters
        message: String,
    },
}
