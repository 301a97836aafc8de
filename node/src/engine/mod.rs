//! The engine: a state machine that handles one input against one transaction.
//!
//! Pure: no clock, network, file or global randomness. [`handle`] reads and writes through a `Tx` and leaves
//! [`Effect`]s that the runtime releases only after the transaction is durable. So a crash falls either before an
//! input, which is then retried by whoever sent it, or after it, and its effects are rebuilt from what is stored.

mod alerts;
mod arrivals;
mod asker;
pub mod audit;
mod authors;
mod card;
mod channels;
pub(crate) mod check;
mod contacts;
mod control;
mod counters;
#[cfg(any(test, feature = "bench"))]
#[doc(hidden)]
pub mod crowd;
mod custody;
mod cx;
mod delivery;
mod ended;
mod feeds;
#[doc(hidden)]
pub mod fuzzing;
mod group;
pub mod idempotency;
mod input;
mod journal;
mod live;
mod me;
mod members;
mod messages;
#[cfg(any(test, feature = "hostile"))]
mod mischief;
mod misuse;
mod names;
mod notices;
mod outbox;
mod pacts;
mod pairing;
mod parcels;
mod parked;
mod payload;
mod policy;
mod quota;
mod repeats;
mod requests;
mod rollback;
pub mod rpc;
mod selection;
mod sessions;
mod sync;
mod tables;
mod take;
mod tally;
pub mod tokens;

pub use asker::Asker;
pub(crate) use check::floors;
pub use check::{CheckedFeed, Findings};
pub use cx::{Cx, EngineError};
pub use feeds::Appended;
pub use input::{Command, Effect, Input, PeerKey, Protocol, Verdict, handle, settle};
pub use live::Live;
pub use me::Me;
pub use outbox::next_wake;
pub use policy::{Policy, Quota};
pub use selection::Selection;
pub use tally::Tally;

#[cfg(test)]
mod tests;
