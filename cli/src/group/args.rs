//! What the verbs of `covey group` take on the command line.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use covey_api::{GroupState, MemberState, Role};
use serde::de::DeserializeOwned;

use crate::globals::seconds;

/// A group.
#[derive(Args, Debug)]
pub struct GroupArg {
    /// The group: name, id, or the first 8 characters of the id
    pub(super) group: String,
}

/// A member of a group.
#[derive(Args, Debug)]
pub struct MemberArg {
    #[command(flatten)]
    pub(super) group: GroupArg,
    /// The member: alias, account id or the first 8 characters of it, or what they call themselves if only one does
    pub(super) member: String,
    /// Do not ask for confirmation when they are named by what they call themselves
    #[arg(long, short)]
    pub(super) yes: bool,
}

/// Somebody who asks to join.
#[derive(Args, Debug)]
pub struct RequestArg {
    #[command(flatten)]
    pub(super) group: GroupArg,
    /// Who asks: account id or its first 8 characters, alias, or what they call themselves if only one does
    pub(super) account: String,
    /// Do not ask for confirmation when they are named by what they call themselves
    #[arg(long, short)]
    pub(super) yes: bool,
}

/// Who may do what.
#[derive(Args, Debug)]
pub(super) struct PolicyFlags {
    /// The least role that may invite and make tickets: owner, admin, member or reader
    #[arg(long, value_name = "ROLE", value_parser = role)]
    pub(super) invite: Option<Role>,
    /// The least role that may rename the group
    #[arg(long, value_name = "ROLE", value_parser = role)]
    pub(super) rename: Option<Role>,
    /// The least role that may write: owner, admin or member
    #[arg(long, value_name = "ROLE", value_parser = role)]
    pub(super) write: Option<Role>,
    /// What newcomers become: member or reader
    #[arg(long, value_name = "ROLE", value_parser = role)]
    newcomers: Option<Role>,
    /// The same as --newcomers reader
    #[arg(long, conflicts_with = "newcomers")]
    reader_default: bool,
    /// Whether newcomers are hidden from readers
    #[arg(long, value_name = "BOOL")]
    pub(super) newcomers_invisible: Option<bool>,
    /// Whether an admin has to approve everybody who joins with a ticket
    #[arg(long, value_name = "BOOL")]
    pub(super) approve: Option<bool>,
}

impl PolicyFlags {
    /// What newcomers become, said in either way.
    pub(super) fn newcomers(&self) -> Option<Role> {
        self.newcomers.or(self.reader_default.then_some(Role::Reader))
    }
}

/// Arguments of `group create`.
#[derive(Args, Debug)]
pub struct CreateArgs {
    /// Its name (1 to 64 characters)
    pub(super) name: String,
    #[command(flatten)]
    pub(super) policy: PolicyFlags,
}

/// Arguments of `group invite`.
#[derive(Args, Debug)]
pub struct InviteArgs {
    #[command(flatten)]
    pub(super) group: GroupArg,
    /// The contact: alias, id, or the first 8 characters of the id
    pub(super) contact: String,
    /// Their role: admin, member or reader [default: that of newcomers]
    #[arg(long, value_parser = role)]
    pub(super) role: Option<Role>,
    /// Hide them from readers, or not [default: as newcomers]
    #[arg(long, value_name = "BOOL")]
    pub(super) invisible: Option<bool>,
    /// A note to them (at most 280 characters)
    #[arg(long)]
    pub(super) note: Option<String>,
}

/// Arguments of `group policy`.
#[derive(Args, Debug)]
pub struct PolicyArgs {
    #[command(flatten)]
    pub(super) group: GroupArg,
    #[command(flatten)]
    pub(super) policy: PolicyFlags,
}

/// Arguments of `group ticket`.
#[derive(Args, Debug)]
pub struct TicketArgs {
    #[command(flatten)]
    pub(super) group: GroupArg,
    /// How many people may join with it [default: no limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) uses: Option<u32>,
    /// How long it is valid: 3600, 12h, 7d [default: until it is revoked]
    #[arg(long, visible_alias = "expires", value_name = "SECS", value_parser = seconds)]
    pub(super) expires_in: Option<Duration>,
    /// An admin has to approve each of them
    #[arg(long)]
    pub(super) approve: bool,
    /// Their role: admin, member or reader [default: that of newcomers]
    #[arg(long, value_parser = role)]
    pub(super) role: Option<Role>,
    /// Hide them from readers, or not [default: as newcomers]
    #[arg(long, value_name = "BOOL")]
    pub(super) invisible: Option<bool>,
    /// List the tickets instead
    #[arg(long, conflicts_with_all = ["uses", "expires_in", "approve", "role", "invisible", "revoke"])]
    pub(super) list: bool,
    /// Revoke this ticket instead
    #[arg(long, value_name = "ID", conflicts_with_all = ["uses", "expires_in", "approve", "role", "invisible"])]
    pub(super) revoke: Option<String>,
}

/// Arguments of `group report`.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// The group: name or id (the start is enough if it fits only one)
    #[arg(required_unless_present = "verify")]
    pub(super) group: Option<String>,
    /// The id of the message, or its first 8 characters
    #[arg(required_unless_present = "verify")]
    pub(super) message: Option<String>,
    /// Write the proof to this file
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Check the proof in this file instead; `-` reads it from stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["group", "message", "out"])]
    pub(super) verify: Option<PathBuf>,
}

fn word<T: DeserializeOwned>(text: &str, words: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|_| format!("one of {words}"))
}

pub(super) fn role(text: &str) -> Result<Role, String> {
    word(text, "owner, admin, member, reader")
}

pub(super) fn group_state(text: &str) -> Result<GroupState, String> {
    word(text, "invited, requested, joined, left, removed, declined")
}

pub(super) fn member_state(text: &str) -> Result<MemberState, String> {
    word(text, "joined, invited, left, removed, banned")
}
