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
//!
//! # The place of group dissemination
//! [`sync::PeerSync`] already lets every member serve every feed of a channel, pulls what heads announce and pushes
//! *own* new entries. Choosing *which* connected members get an eager push and which only an announcement
//! (neighbourhoods, lazy links, grafting) is a decision across peers. It belongs in a module `spread` beside
//! [`sync`], fed by the same inputs, that decides per peer between [`sync::SyncInput::Appended`] (push) and
//! [`sync::SyncInput::Applied`] (announce); `sync/push.rs` is the only code that turns those into frames.

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
