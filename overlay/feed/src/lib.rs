//! Signed, append-only feeds and their synchronisation: entries, runs, heads, order, anti-entropy.
//!
//! Everything here is pure: inputs are bytes and `now` (Unix milliseconds), outputs are values and effects. This
//! crate never touches a clock, a random source, a file or a socket, does not know what payloads mean, and does not
//! know who is a member of a channel: the caller decides which channels it shares with which peer.
//!
//! The specification is the chapter *Feeds and sync* of `overlay/SPEC.md`; its check ids (`FEED-…`, `SYNC-…`) are
//! named at the code and at the tests.
//!
//! | module | subject |
//! |---|---|
//! | [`header`], [`entry`] | one entry: signed header, separate payload |
//! | [`run`] | batches an author commits, runs a peer sends: build, verify, assemble |
//! | [`fork`] | two entries at one position, proven |
//! | [`heads`] | how far each feed of a channel goes, digests, what is missing |
//! | [`order`] | the one order in which entries of a channel are shown |
//! | [`sync`] | the state machine for one connected peer |
//! | [`spread`] | groups: who is whose neighbour, and what the machines of one group's peers share |
//!
//! # Groups
//! The caller keeps one [`Spread`] per group, and shares the group with each connected member by
//! [`sync::SyncInput::GroupAdded`], saying whether the member is a neighbour ([`spread::neighbours`]). From there on a
//! group is driven like a direct channel: own entries by `Appended` (and [`Spread::advance`], for the time when nobody
//! is connected), taken runs by `Applied` to the machines of all peers. Which peers are sent the entries, which only
//! word of them, and which one peer is asked for what is missing, the machines decide among themselves.

pub mod entry;
pub mod fork;
pub mod header;
pub mod heads;
mod ids;
pub mod limits;
pub mod order;
pub mod run;
pub mod spread;
pub mod sync;
mod wire;

pub use entry::Entry;
pub use fork::ForkProof;
pub use header::{Header, Kind};
pub use heads::{Digest, Head, Heads};
pub use ids::{Author, ChannelId, EntryId, FeedId, FeedKey, Signature};
pub use order::OrderKey;
pub use run::{Run, RunIn, VerifiedRun};
pub use spread::Spread;
pub use sync::{PeerSync, SyncEffect, SyncInput};
