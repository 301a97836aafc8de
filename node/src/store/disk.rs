//! The disk store: sled 0.34.7, guarded and really synced.

use std::path::{Path, PathBuf};

use super::{Batch, Op, Row, Span, Store, StoreError};

/// How to open a [`SledStore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskOptions {
    /// Memory for cached pages, in bytes.
    pub cache_bytes: u64,
}

impl Default for DiskOptions {
    fn default() -> Self {
        // Small boxes first: an idle node is to stay within 40 MiB.
        Self { cache_bytes: 8 << 20 }
    }
}

/// The database in a directory of its own. Clones share it, so a reader on another thread sees what was applied
/// (not only what was flushed).
#[derive(Debug, Clone)]
pub struct SledStore {
    db: sled::Db,
    dir: PathBuf,
}

impl SledStore {
    /// Opens the database in `dir`, creating both if absent.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the files are not what sled wrote, also where sled itself would panic.
    pub fn open(dir: &Path, options: DiskOptions) -> Result<Self, StoreError> {
        let db = sled::Config::new()
            .path(dir)
            .cache_capacity(options.cache_bytes)
            .flush_every_ms(None)
            .open()
            .map_err(|e| StoreError::Damaged { path: dir.to_path_buf(), detail: e.to_string() })?;
        Ok(Self { db, dir: dir.to_path_buf() })
    }

    /// The directory of the database.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn error(&self, error: &sled::Error) -> StoreError {
        StoreError::Damaged { path: self.dir.clone(), detail: error.to_string() }
    }
}

impl Store for SledStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get(key).map_err(|e| self.error(&e))?.map(|v| v.to_vec()))
    }

    fn scan(&self, span: &Span, limit: usize, reverse: bool) -> Result<Vec<Row>, StoreError> {
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let iter = match &span.to {
            Some(to) => self.db.range(span.from.as_slice()..to.as_slice()),
            None => self.db.range(span.from.as_slice()..),
        };
        let owned = |row: sled::Result<(sled::IVec, sled::IVec)>| {
            row.map(|(k, v)| (k.to_vec(), v.to_vec())).map_err(|e| self.error(&e))
        };
        if reverse { iter.rev().take(limit).map(owned).collect() } else { iter.take(limit).map(owned).collect() }
    }

    fn apply(&mut self, batch: Batch) -> Result<(), StoreError> {
        let mut out = sled::Batch::default();
        for op in batch.into_ops() {
            match op {
                Op::Put(key, value) => out.insert(key, value),
                Op::Delete(key) => out.remove(key),
            }
        }
        self.db.apply_batch(out).map_err(|e| self.error(&e))
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.db.flush().map_err(|e| self.error(&e))?;
        self.sync_to_disk()
    }
}

impl SledStore {
    /// sled's own flush ends in `sync_file_range`, which does not survive a power cut: this is the fsync.
    fn sync_to_disk(&self) -> Result<(), StoreError> {
        std::fs::File::open(self.dir.join("db"))
            .and_then(|file| file.sync_all())
            .map_err(|source| StoreError::Io { path: self.dir.clone(), source })
    }
}
