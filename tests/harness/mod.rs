//! Boots real daemons in temporary directories, speaks to them as a user does, and takes them away in many ways.
//!
//! Nothing here sleeps for luck: it waits for events of the journal, or asks again until a condition holds. [`PATIENCE`]
//! only bounds how long a failure takes.

mod cli;
mod groups;
mod journal;
mod linking;
mod mallory;
mod memory;
mod node;
mod people;
mod rpc;
mod socket;
mod wait;
mod wire;

use std::time::Duration;

pub(crate) use cli::{Ran, covey, run};
pub(crate) use groups::{bring_in, lake_of, make_group, same_group, say_to_all, until_converged};
pub(crate) use linking::{NewMachine, link, link_on};
pub(crate) use mallory::Mallory;
pub(crate) use memory::{found_in, may_look};
pub(crate) use node::{Launch, Node};
pub(crate) use people::{befriend, contact_of, invite, same_conversation, texts};
pub(crate) use rpc::{Client, Refused};
pub(crate) use socket::Socket;
pub(crate) use wait::{eventually, settled, within};
pub(crate) use wire::{Wire, contains, files_below};

/// How long anything may take on a machine that has much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
