//! What the records of a database mean to each other: checked, and made to agree again.
//!
//! The engine trusts its store. This is for when there is doubt: after damage, after a step back in time, and when the
//! operator asks. Nothing here runs while the engine does.

mod decode;
mod feeds;
mod findings;
mod floors;
mod groups;
mod indices;
mod kept;
mod mail;
mod mend_feeds;
mod mend_messages;
mod mending;
mod messages;
mod people;
mod progress;
mod rebuild;
mod verify;

pub use findings::{CheckedFeed, Findings};
pub(crate) use floors::{floors, raise_floors};
pub(crate) use kept::take_kept;
pub(crate) use rebuild::rebuild;
pub(crate) use verify::verify;
