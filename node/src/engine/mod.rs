//! The engine: a state machine that handles one input against one transaction.
//!
//! Pure: no clock, network, file or global randomness. [`handle`] reads and writes through a `Tx` and leaves
//! [`Effect`]s that the runtime releases only after the transaction is durable. So a crash falls either before an
//! input, which is then retried by whoever sent it, or after it, and its effects are rebuilt from what is stored.

mod appended;
mod asker;
pub mod audit;
mod card;
mod charge;
pub(crate) mod check;
mod clock;
mod consent;
mod contacts;
mod counters;
#[cfg(any(test, feature = "bench"))]
#[doc(hidden)]
pub mod crowd;
mod cx;
mod devices;
mod effect;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod group;
pub mod idempotency;
mod inbound;
mod input;
mod journal;
mod keepers;
mod live;
mod me;
mod members;
#[cfg(any(test, feature = "hostile"))]
mod mischief;
mod names;
mod notices;
mod outbound;
mod own;
mod policy;
mod records;
mod replication;
pub mod rpc;
mod said;
mod sealing;
mod selection;
mod sharing;
mod shown;
mod tables;
pub mod tokens;
mod transfer;
mod wire;

pub use appended::Appended;
pub use asker::Asker;
pub(crate) use check::floors;
pub use check::{CheckedFeed, Findings};
pub use clock::next_wake;
pub use cx::Cx;
pub(crate) use devices::{joining, kept};
pub use effect::{Effect, PeerKey, Protocol, Written};
pub use error::EngineError;
pub use input::{Command, Input, Verdict, handle, settle};
pub use live::Live;
pub use live::tally::Tally;
pub use me::{Me, seed_is_erased, seed_may_be_left};
#[cfg(any(test, feature = "hostile"))]
pub use policy::Mischief;
pub use policy::{Policy, Quota};
pub use selection::{Selection, Subject};
pub(crate) use wire::account;

#[cfg(test)]
mod tests;
