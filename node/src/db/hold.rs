//! Taking hold of a data directory that no daemon has.

use crate::{
    daemon::{Options, StartError},
    lock::InstanceLock,
    store::{DiskOptions, Places},
    vault::{Vault, VaultFiles},
};

use super::{DbError, aside::resume_compaction, errors::at, places};

/// A data directory that is ours until this is dropped.
pub(super) struct Held {
    _lock: InstanceLock,
    pub(super) vault: Vault,
    pub(super) places: Places,
    pub(super) disk: DiskOptions,
}

impl Held {
    /// Takes it and opens its vault.
    pub(super) fn take(options: &Options) -> Result<Self, DbError> {
        let dir = options.paths.data_dir();
        let files = VaultFiles::new(dir);
        if !files.exist() {
            return Err(StartError::NotInitialised { dir: dir.to_owned() }.into());
        }
        let lock = InstanceLock::acquire(dir)?;
        resume_compaction(&options.paths).map_err(at(dir))?;
        let vault = files.open(options.passphrase.as_ref())?;
        let disk = DiskOptions { cache_bytes: options.config.storage.cache_bytes() };
        Ok(Self { _lock: lock, vault, places: places(&options.paths), disk })
    }
}
