//! Numbers that must never be given twice.

use crate::engine::counters::Counter;
use crate::engine::{EngineError, tables};
use crate::store::{Floors, Tx};

/// What an older state may lack: after a power cut the marks are behind by up to a thousand commits of a few events
/// each.
const SLACK: u64 = 1_000_000;

/// The numbers that others know of.
pub(crate) fn floors(tx: &Tx<'_>) -> Result<Floors, EngineError> {
    Ok(Floors { journal: Counter::Journal.get(tx)?, card: Counter::Card.get(tx)? })
}

/// Counts on where nobody can have counted before.
pub(crate) fn raise_floors(tx: &mut Tx<'_>, floors: Floors) -> Result<(), EngineError> {
    let raised = |known: u64, floor: u64| known.max(floor).saturating_add(SLACK);
    let journal = raised(Counter::Journal.get(tx)?, floors.journal);
    Counter::Journal.set(tx, journal)?;
    let card = raised(Counter::Card.get(tx)?, floors.card);
    Counter::Card.set(tx, card)?;
    // It is made anew, with a number that contacts take.
    tx.delete(&tables::own_card());
    Ok(())
}
