//! What is done to the database as a whole: opening it with a look at its marks, checking it, repairing it, copying it
//! to a file and back, measuring it, giving space back. Everything but the first is done while no daemon has it.

mod archive;
mod aside;
mod backup;
mod compact;
mod errors;
mod hold;
mod open;
mod pieces;
mod repair;
mod restore;
mod stats;
#[cfg(test)]
mod tests;
mod verify;

pub use crate::engine::{CheckedFeed, Findings};
pub use aside::{end_compaction, resume_compaction};
pub use backup::{BackedUp, backup};
pub use compact::{Compacted, compact};
pub use errors::DbError;
pub use open::{Opening, open, places};
pub use repair::{Repaired, repair};
pub use restore::{Restored, restore};
pub use stats::{Stats, TableStats, stats};
pub use verify::verify;

/// Where some long work is: what it does, how much of it is done, and how much there is (0: not known).
pub type Progress<'a> = &'a mut dyn FnMut(&'static str, u64, u64);
