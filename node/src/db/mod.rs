//! What is done to the database as a whole: opening it with a look at its marks, checking it, repairing it, copying it
//! to a file and back. Everything but the first is done while no daemon has it.

mod archive;
mod backup;
mod errors;
mod hold;
mod open;
mod pieces;
mod repair;
mod restore;
mod verify;

pub use crate::engine::{CheckedFeed, Findings};
pub use backup::{BackedUp, backup};
pub use errors::DbError;
pub use open::{Opening, open, places};
pub use repair::{Repaired, repair};
pub use restore::{Restored, restore};
pub use verify::verify;

/// Where some long work is: what it does, how much of it is done, and how much there is (0: not known).
pub type Progress<'a> = &'a mut dyn FnMut(&'static str, u64, u64);
