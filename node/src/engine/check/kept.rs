//! Taking over records that were kept apart from the database.

use tracing::warn;

use crate::engine::EngineError;
use crate::engine::check::indices;
use crate::store::{Row, Tx};

/// Takes over the records of `kept` (sealed, as stored) that differ, and makes what follows from contacts and cards
/// follow from them again. How many did.
pub(crate) fn take_kept(tx: &mut Tx<'_>, kept: &[Row]) -> Result<usize, EngineError> {
    let mut taken = 0;
    for (key, sealed) in kept {
        let Ok(plain) = tx.open_row(key, sealed.clone()) else {
            warn!(table = key[0], "a record that was kept apart does not open");
            continue;
        };
        if tx.plain_row(key).ok().flatten().as_ref() != Some(&plain) {
            tx.put_plain_row(key.clone(), plain);
            taken += 1;
        }
    }
    if taken > 0 {
        indices::rebuild(tx)?;
    }
    Ok(taken)
}
