//! Engines on a virtual network: real handlers, in-memory stores, no clock but the test's.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // the seed is printed

mod asking;
mod blocking;
mod bound;
mod comings;
mod consent;
mod conversation;
mod device_cuts;
mod edits;
mod fan_out;
mod first_contact;
mod group_proofs;
mod group_tickets;
mod groups;
mod healing;
mod hostile;
mod keepers;
mod linking;
mod mending;
mod node;
mod own_channel;
mod own_devices;
mod own_groups;
mod pacts;
mod quota;
mod recovery;
mod rollback;
mod rollback_groups;
mod silence;
mod sim;
mod sim_group;
mod transfer;
mod world;
mod world_devices;
mod world_groups;
