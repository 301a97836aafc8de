//! What the records of a database mean to each other: checked, and made to agree again.
//!
//! The engine trusts its store. This is for when there is doubt: after damage, after a step back in time, and when the
//! operator asks. Nothing here runs while the engine does.

mod floors;
mod indices;
mod kept;

pub(crate) use floors::{floors, raise_floors};
pub(crate) use kept::take_kept;
