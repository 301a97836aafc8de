//! Checks every record of a database, by itself and against the others.

use crate::engine::check::findings::Findings;
use crate::engine::check::progress::Progress;
use crate::engine::check::{decode, feeds, groups, mail, messages, people};
use crate::engine::{EngineError, Me};
use crate::store::Tx;

/// Rows read at a time.
const PART: usize = 256;

/// Checks everything. Problems are findings; only a store that fails is an error.
pub(crate) fn verify(tx: &Tx<'_>, rows: u64, progress: Progress<'_>) -> Result<Findings, EngineError> {
    let mut found = Findings::default();
    records(tx, rows, &mut found, progress)?;
    if found.problems.is_empty() {
        let me = match Me::load(tx) {
            Ok(Some(me)) => me,
            Ok(None) => {
                found.problem("there is no account");
                found.end();
                return Ok(found);
            }
            Err(error) => return Err(error),
        };
        people::check(tx, &mut found)?;
        let feeds = feeds::check(tx, &me, &mut found, progress)?;
        messages::check(tx, &feeds, &mut found, progress)?;
        groups::check(tx, &mut found)?;
        mail::check(tx, &mut found)?;
        people::check_counters(tx, &feeds, &mut found)?;
    } else {
        found.note("what the records mean to each other was not checked, since some are not usable");
    }
    found.end();
    Ok(found)
}

/// Every record authenticates and is what its table says.
fn records(tx: &Tx<'_>, rows: u64, found: &mut Findings, progress: Progress<'_>) -> Result<(), EngineError> {
    let mut after = Vec::new();
    loop {
        let part = tx.stored_rows(&after, PART)?;
        let ended = part.len() < PART;
        for (key, sealed) in part {
            found.records += 1;
            if let Err(why) = decode::usable(tx, &key, sealed) {
                found.problem(format!("a record of table {:#04x} {why}", key.first().copied().unwrap_or(0)));
            }
            after = key;
        }
        progress("records", found.records, rows);
        if ended {
            return Ok(());
        }
    }
}
