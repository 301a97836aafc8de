//! `/covey/sync/1` with one peer: the pure state machine.
//!
//! One [`PeerSync`] per connected peer device. It is told what happens ([`SyncInput`]) and answers with what to do
//! ([`SyncEffect`]); it never sees payloads opened, never verifies a run itself (the node does, inside its
//! transaction) and never decides who is a member.
//!
//! ```text
//! digests ──> differ? ──> heads ──> behind? ──> want ──> run ──> Deliver … Applied ──> have
//!                                                         ▲
//! groups: summaries ──> differ? ──> compare ──> heads in the buckets that differ ──> want …
//!         new entries: run to peers in the tree, announce to the others ──> not come? ──> graft, want
//!
//! own entries: Appended ── peer is at the run's start? ───┘ (live push)   else heads
//! ```

mod channel;
mod effect;
mod frame;
mod group;
mod input;
mod link;
mod misuse;
mod others;
mod peer;
mod pull;
mod push;
mod serve;

pub use effect::{SyncEffect, Violation};
pub use frame::acknowledges;
pub use input::{Rejection, SharedChannel, SharedGroup, SyncInput};
pub use peer::PeerSync;
