//! From a data directory to an open store, an open vault and the account in them.

use covey_pairing::identity::AccountSecret;
use rand::rngs::StdRng;
use tracing::info;

use super::{Options, StartError};
use crate::db;
use crate::engine::Me;
use crate::lock::InstanceLock;
use crate::paths::Paths;
use crate::runtime;
use crate::store::{DiskOptions, DurableStore, Reader, Store as _, Tx};
use crate::vault::{Vault, VaultFiles};

/// An opened data directory, its vault open.
pub(super) struct Opened {
    /// Held by this process; none if it was held before.
    pub(super) lock: Option<InstanceLock>,
    pub(super) store: DurableStore,
    pub(super) vault: Vault,
    pub(super) me: Me,
    pub(super) new_account: bool,
    /// The database may be an older state of itself.
    pub(super) suspect: bool,
}

/// Takes and opens the data directory. `create`: makes an account if there is none.
pub(super) fn open(options: &Options, create: bool, rng: &mut StdRng) -> Result<Opened, StartError> {
    let paths = &options.paths;
    if !create && !VaultFiles::new(paths.data_dir()).exist() {
        return Err(StartError::NotInitialised { dir: paths.data_dir().to_owned() });
    }
    let lock = InstanceLock::acquire(paths.data_dir())?;
    Ok(Opened { lock: Some(lock), ..open_held(options, create, rng)? })
}

/// Opens the data directory, which this process holds.
pub(super) fn open_held(options: &Options, create: bool, rng: &mut StdRng) -> Result<Opened, StartError> {
    let paths = &options.paths;
    let (mut store, vault, suspect) = open_store(options, rng)?;
    let loaded = Me::load(&Reader::new(&store, &vault))?;
    if let Some(mut me) = loaded {
        // A crash may have come between the account and its mark.
        mark_initialised(paths)?;
        if !me.key_log.is_active(&me.device_id()) {
            return Err(StartError::Revoked { dir: paths.data_dir().to_owned() });
        }
        let mut tx = Tx::new(&store, &vault);
        if me.commit_recovery(&mut tx)? {
            let batch = tx.into_batch(rng)?;
            store.apply(batch)?;
            store.flush()?;
            info!("the account committed to its recovery key");
        }
        return Ok(Opened { lock: None, store, vault, me, new_account: false, suspect });
    }
    if !create {
        return Err(StartError::NotInitialised { dir: paths.data_dir().to_owned() });
    }
    // An unreadable log looks empty to sled: what had an account once never gets another one by itself.
    if paths.initialised_file().exists() {
        return Err(StartError::AccountMissing { dir: paths.data_dir().to_owned() });
    }
    let account = AccountSecret::generate(rng);
    let mut tx = Tx::new(&store, &vault);
    let me = Me::create(&mut tx, account, runtime::now(), rng)?;
    let batch = tx.into_batch(rng)?;
    store.apply(batch)?;
    store.flush()?;
    mark_initialised(paths)?;
    Ok(Opened { lock: None, store, vault, me, new_account: true, suspect })
}

/// Opens database and vault of a data directory that this process holds; makes them if there are none. Also tells whether the
/// database may be an older state of itself.
pub(super) fn open_store(options: &Options, rng: &mut StdRng) -> Result<(DurableStore, Vault, bool), StartError> {
    let paths = &options.paths;
    db::resume_compaction(paths).map_err(StartError::Mark)?;
    let files = VaultFiles::new(paths.data_dir());
    let vault = files.open_or_create(options.passphrase.as_ref(), paths.database().exists(), rng)?;
    let disk = DiskOptions { cache_bytes: options.config.storage.cache_bytes() };
    let db::Opening { store, suspect } = db::open(&db::places(paths), disk, &vault, rng)?;
    db::end_compaction(paths);
    Ok((store, vault, suspect))
}

/// Remembers outside of the database that this directory has an account.
pub(super) fn mark_initialised(paths: &Paths) -> Result<(), StartError> {
    let file = paths.initialised_file();
    if file.exists() { Ok(()) } else { crate::files::write_private(&file, b"").map_err(StartError::Mark) }
}
