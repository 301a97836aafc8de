//! The directories beside the database while it is compacted, and what a crash may have left of them.
//!
//! The new database is made in [`MAKING`] and takes the place of the old one when it is complete and durable: by an
//! exchange of the two names, after which the old one is in [`MAKING`], or on file systems that cannot do that by way of
//! [`BEFORE`]. So whenever there is a database in its place, it is a whole one, and what is beside it is of no use. Only
//! between the two renames of the second way there is none; then the old one is put back.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tracing::{info, warn};

use crate::{files, paths::Paths};

/// The new database until it is in its place; the old one after an exchange.
const MAKING: &str = ".db-compacting";
/// The old database, where names cannot be exchanged.
const BEFORE: &str = ".db-before";

/// A place that a compaction uses, and the database.
#[derive(Debug, Clone)]
pub(super) struct Aside {
    dir: PathBuf,
    pub(super) database: PathBuf,
    pub(super) making: PathBuf,
    before: PathBuf,
}

impl Aside {
    pub(super) fn of(paths: &Paths) -> Self {
        let dir = paths.data_dir().to_owned();
        Self { database: paths.database(), making: dir.join(MAKING), before: dir.join(BEFORE), dir }
    }

    /// Puts the old database back if it was on its way out and there is no new one in its place.
    pub(super) fn resume(&self) -> io::Result<()> {
        if self.database.exists() || !self.before.exists() {
            return Ok(());
        }
        info!(database = %self.database.display(), "a compaction was interrupted; the database of before is put back");
        fs::rename(&self.before, &self.database)?;
        files::sync_dir(&self.dir)
    }

    /// Removes what a compaction left. To be called with a database in its place that was found whole.
    pub(super) fn clean(&self) -> io::Result<()> {
        for place in [&self.making, &self.before] {
            if place.exists() {
                fs::remove_dir_all(place)?;
                files::sync_dir(&self.dir)?;
            }
        }
        Ok(())
    }

    /// Puts the new database in the place of the old one. `between` is called where there is neither, if that happens.
    pub(super) fn swap(&self, exchange: bool, between: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
        let flags = RenameFlags::EXCHANGE;
        if !exchange || renameat_with(CWD, &self.making, CWD, &self.database, flags).is_err() {
            fs::rename(&self.database, &self.before)?;
            between()?;
            fs::rename(&self.making, &self.database)?;
        }
        files::sync_dir(&self.dir)
    }
}

/// Makes good what a compaction that was interrupted did to the names in a data directory, if there was one. To be called before the
/// database is looked at.
///
/// # Errors
/// What the operating system says; nothing is lost.
pub fn resume_compaction(paths: &Paths) -> io::Result<()> {
    Aside::of(paths).resume()
}

/// Removes what a compaction that was interrupted left. To be called once the database was opened.
pub fn end_compaction(paths: &Paths) {
    if let Err(error) = Aside::of(paths).clean() {
        warn!(%error, "what an interrupted compaction left cannot be removed");
    }
}

/// Makes everything in a directory durable, and the directory.
pub(super) fn sync_all_in(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_all_in(&path)?;
        } else {
            fs::File::open(&path)?.sync_all()?;
        }
    }
    files::sync_dir(dir)
}

/// Bytes of all files in a directory.
pub(super) fn bytes_in(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_in(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
