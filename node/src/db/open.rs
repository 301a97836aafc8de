//! Opening a database for use.

use rand_core::CryptoRng;
use tracing::warn;

use crate::{
    engine::{EngineError, check},
    paths::Paths,
    store::{Behind, DiskOptions, DurableStore, MarksState, Places, Store, Tx},
    vault::Vault,
};

/// A database in use.
#[derive(Debug)]
pub struct Opening {
    /// It.
    pub store: DurableStore,
    /// It may be an older state of itself: what it would continue, somebody may have continued already.
    pub suspect: bool,
}

/// Where the files of a node's database are.
pub fn places(paths: &Paths) -> Places {
    Places { database: paths.database(), marks: paths.marks_file(), kept: paths.kept_file() }
}

/// Opens the database of a node. If it is behind its marks, that is said, and it takes from what was kept apart
/// whatever is newer.
///
/// # Errors
/// [`crate::store::StoreError::Damaged`] names the command that repairs it.
pub fn open(
    places: &Places,
    disk: DiskOptions,
    vault: &Vault,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Opening, EngineError> {
    let (mut store, state) = DurableStore::open(places, disk)?;
    let MarksState::Behind(behind) = state else { return Ok(Opening { store, suspect: false }) };
    let (database, why) = (places.database.display(), &behind.why);
    warn!(
        "the database in {database} is an older state of itself: {why}; what contacts have is fetched from them again"
    );
    catch_up(&mut store, &behind, vault, rng)?;
    Ok(Opening { store, suspect: true })
}

/// Takes over what was kept apart.
pub(super) fn catch_up(
    store: &mut DurableStore,
    behind: &Behind,
    vault: &Vault,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(), EngineError> {
    let mut tx = Tx::new(store, vault);
    check::take_kept(&mut tx, &behind.kept)?;
    check::raise_floors(&mut tx, behind.floors)?;
    let batch = tx.into_batch(rng)?;
    store.apply(batch)?;
    store.flush()?;
    Ok(store.agree()?)
}
