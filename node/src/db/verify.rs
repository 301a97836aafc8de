//! Checking a database.

use crate::{
    daemon::Options,
    engine::{Findings, check},
    store::{DurableStore, MarksState, Reader, StoreError},
};

use super::{DbError, Progress, hold::Held};

/// Checks everything in the database of a data directory that no daemon has: that all records are there and are what
/// they should be, that feeds are unbroken, that indices and counters agree, that nothing acknowledged is missing.
///
/// # Errors
/// [`DbError`] if it cannot be checked. That it is damaged is a finding.
pub fn verify(options: &Options, progress: Progress<'_>) -> Result<Findings, DbError> {
    let held = Held::take(options)?;
    let (mut store, state) = match DurableStore::open(&held.places, held.disk) {
        Ok(opened) => opened,
        Err(error) => return damaged(error),
    };
    let rows = store.database().rows();
    if let Err(error) = store.scrub_all(|done| progress("rows", done, rows)) {
        return damaged(error);
    }
    let mut found = examine(&held, &store, progress)?;
    if let MarksState::Behind(behind) = state {
        let older = format!("the database is an older state of itself: {}", behind.why);
        if behind.expected {
            found.note(older);
        } else {
            found.problem(older);
        }
        found.end();
    }
    Ok(found)
}

/// Checks what the records of an open store say.
pub(super) fn examine(held: &Held, store: &DurableStore, progress: Progress<'_>) -> Result<Findings, DbError> {
    Ok(check::verify(&Reader::new(store, &held.vault), store.database().rows(), progress)?)
}

/// A database that cannot be opened because it is damaged is a finding as well.
fn damaged(error: StoreError) -> Result<Findings, DbError> {
    if error.is_transient() || matches!(error, StoreError::InUse { .. } | StoreError::Version { .. }) {
        return Err(error.into());
    }
    let mut found = Findings::default();
    found.problem(error.to_string());
    found.end();
    Ok(found)
}
