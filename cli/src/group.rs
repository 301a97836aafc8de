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

/// Groups: who is in, who may do what, who asks to come in
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
        /// Only those in this state
        #[arg(long, value_parser = group_state, value_name = "STATE")]
        state: Option<GroupState>,
    },
    /// Show one group
    #[command(after_help = "Example:\n  covey group show Lake")]
    Show(GroupArg),
    /// Invite a contact into a group
    #[command(
        long_about = "Invite a contact into a group\n\nThey see the group's name and who invites them, and decide. Until they accept, they are not in it. \
                      To take an invite back: covey group remove GROUP MEMBER.",
        after_help = "Examples:\n  covey group invite Lake bob\n  covey group invite Lake bob --role admin --note 'We sing on Sunday'"
    )]
    Invite(InviteArgs),
    /// Come in with a ticket
    #[command(
        long_about = "Come in with a ticket\n\nDepending on the ticket you are in at once, or when somebody has let you in. All members get to know \
                      your account and your name, and you get to know theirs.",
        after_help = "Examples:\n  covey group join covey-group:…\n  covey group join covey-group:… --note 'Bob, from the lake'"
    )]
    Join {
        /// The ticket (covey-group:…)
        ticket: String,
        /// What you say about yourself to those who let people in (at most 280 characters)
        #[arg(long)]
        note: Option<String>,
    },
    /// Say yes to the invite of a group
    #[command(after_help = "Example:\n  covey group accept Lake")]
    Accept(GroupArg),
    /// Say no to the invite of a group, or take your request to come in back
    #[command(after_help = "Example:\n  covey group decline Lake")]
    Decline(GroupArg),
    /// Leave a group; what was written stays here
    #[command(
        long_about = "Leave a group; what was written stays here\n\nThe owner has to name the next one with --transfer-to.",
        after_help = "Examples:\n  covey group leave Lake\n  covey group leave Lake --transfer-to bob"
    )]
    Leave {
        #[command(flatten)]
        group: GroupArg,
        /// The member who becomes owner
        #[arg(long, value_name = "MEMBER")]
        transfer_to: Option<String>,
    },
    /// Remove a member, or take an invite back
    #[command(
        long_about = "Remove a member, or take an invite back\n\nThe very next message of everybody who knows of it is not for them any more. What they have, they keep.",
        after_help = "Example:\n  covey group remove Lake mallory"
    )]
    Remove(MemberArg),
    /// Remove somebody and let them in no more
    #[command(after_help = "Example:\n  covey group ban Lake mallory")]
    Ban(MemberArg),
    /// Lift a ban; they need an invite or a ticket to come back
    #[command(after_help = "Example:\n  covey group unban Lake mallory")]
    Unban(MemberArg),
    /// Give a member another role; with owner, hand the group over
    #[command(
        after_help = "Examples:\n  covey group role Lake bob admin\n  covey group role Lake bob reader --invisible true"
    )]
    Role {
        #[command(flatten)]
        member: MemberArg,
        /// owner, admin, member or reader
        #[arg(value_parser = role)]
        role: Role,
        /// Leave them out of what readers see, or not
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
    /// Say who may do what
    #[command(
        after_help = "Examples:\n  covey group policy Lake --invite member\n  covey group policy News --write admin --newcomers reader"
    )]
    Policy(PolicyArgs),
    /// Make a ticket with which others can come in
    #[command(
        long_about = "Make a ticket with which others can come in\n\nWhoever has it can come in, or with --approve ask to. Limit it with --uses and \
                      --expires-in, and take it back with --revoke.",
        after_help = "Examples:\n  covey group ticket Lake --uses 5 --expires-in 7d\n  covey group ticket Lake --approve\n  \
                      covey group ticket Lake --list\n  covey group ticket Lake --revoke 5f1c2a90"
    )]
    Ticket(TicketArgs),
    /// List the tickets of a group
    #[command(after_help = "Example:\n  covey group tickets Lake")]
    Tickets(GroupArg),
    /// Take a ticket of a group back; who came in with it stays
    #[command(after_help = "Example:\n  covey group revoke-ticket Lake 5f1c2a90")]
    RevokeTicket {
        #[command(flatten)]
        group: GroupArg,
        /// The id of the ticket, from `covey group tickets` (the start is enough)
        id: String,
    },
    /// List who waits to be let in
    #[command(after_help = "Examples:\n  covey group requests\n  covey group requests Lake")]
    Requests {
        /// The group: name or id (the start is enough); all of them unless told
        group: Option<String>,
    },
    /// Let somebody in who asked
    #[command(after_help = "Example:\n  covey group approve Lake cv1bob")]
    Approve(RequestArg),
    /// Do not let somebody in who asked
    #[command(after_help = "Example:\n  covey group reject Lake cv1bob")]
    Reject(RequestArg),
    /// List the members of a group
    #[command(after_help = "Examples:\n  covey group members Lake\n  covey group members Lake --state banned")]
    Members {
        #[command(flatten)]
        group: GroupArg,
        /// Only those in this state (joined and invited ones unless told)
        #[arg(long, value_parser = member_state, value_name = "STATE")]
        state: Option<MemberState>,
    },
    /// Compare what you know of a group with every member that can be reached
    #[command(
        after_help = "Example:\n  covey group doctor Lake\n\nEnds with exit code 0 if all that could be reached know the same, else with 1."
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
        long_about = "Delete a message for everyone: your own, or as an admin anybody's\n\nEvery member's node erases it when it hears of it. Who read it \
                      before has read it.",
        after_help = "Example:\n  covey group delete Lake 1f2e3d4c"
    )]
    Delete {
        #[command(flatten)]
        group: GroupArg,
        /// The id of the message (the start is enough)
        message: String,
    },
}
