//! What is done to the database as a whole: opening it with a look at its marks, checking it, repairing it, copying it
//! to a file and back. Everything but the first is done while no daemon has it.

mod open;

pub use open::{Opening, open, places};
