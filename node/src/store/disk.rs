//! The disk store: sled 0.34.7, guarded against its panics and really synced.

mod digested;

use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread,
};

use super::{
    Batch, Row, Span, Store, StoreError,
    api::check_keys,
    chunks::{self, Chunked, Head, RESERVED},
    digest::Digest,
    guard,
    log::{self, Reach},
    opening::{is_lock, open_patiently, write_through},
    pages,
    scrub::Scrub,
};
use crate::files;

/// Most bytes of values applied between two syncs; beyond it, an apply syncs first. Where [`write_through`] is not to
/// be had, this keeps the log from getting far ahead of the disk.
const UNSYNCED_MAX: usize = 256 << 10;

/// First key of the tables: what is before belongs to the store itself.
const FIRST: [u8; 1] = [1];

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

/// The database in a directory of its own: one sled tree, no background flush.
///
/// After an error of [`Store::apply`] or [`Store::flush`] the store refuses to write until [`SledStore::reopen`]:
/// what was applied since the last successful flush is then either there or not, as after a crash.
#[derive(Debug)]
pub struct SledStore {
    dir: PathBuf,
    options: DiskOptions,
    open: Option<Open>,
    /// Why it was closed.
    failure: Option<StoreError>,
    chunked: Chunked,
    /// What all rows must add up to.
    digest: Digest,
    /// There was no digest: it was made from what was there.
    adopted: bool,
    scrub: Scrub,
    /// Bytes applied since the last sync; `None` when nothing was.
    unsynced: Option<usize>,
}

#[derive(Debug)]
struct Open {
    db: sled::Db,
    /// The log, opened here as well because sled cannot be asked to sync it.
    log: File,
}

impl SledStore {
    /// Opens the database in `dir`, creating both (0700, 0600) if absent.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the files are not what sled wrote, also where sled itself would panic.
    pub fn open(dir: &Path, options: DiskOptions) -> Result<Self, StoreError> {
        let dir = dir.to_path_buf();
        let mut store = Self {
            dir,
            options,
            open: None,
            failure: None,
            chunked: Chunked::default(),
            digest: Digest::default(),
            adopted: false,
            scrub: Scrub::default(),
            unsynced: None,
        };
        store.reopen()?;
        Ok(store)
    }

    /// The directory of the database.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// True if the store refuses writes until [`SledStore::reopen`].
    pub fn has_failed(&self) -> bool {
        self.open.is_none()
    }

    /// Closes the database and opens it again, for instance when a full disk has space again. The caller starts over
    /// from what the store then holds, as after a restart.
    ///
    /// # Errors
    /// As [`SledStore::open`].
    pub fn reopen(&mut self) -> Result<(), StoreError> {
        self.close();
        files::create_private_dir(&self.dir).map_err(|e| self.io(e))?;
        let (dir, cache) = (self.dir.clone(), self.options.cache_bytes);
        // A thread of its own: a panic half-way through recovery leaves nothing behind on ours.
        let opening = thread::Builder::new().name("covey-open".to_owned());
        let opening = opening.spawn(move || guard::catch(|| open_patiently(&dir, cache))).map_err(|e| self.io(e))?;
        let db = match opening.join() {
            Ok(Ok(result)) => result.map_err(|e| self.sled(&e))?,
            Ok(Err(message)) => return Err(self.damaged(message)),
            Err(_) => return Err(self.damaged("panic while opening".to_owned())),
        };
        let log = self.sync_new_files().map_err(|e| self.io(e))?;
        let loaded = guard::catch(|| {
            let mut chunked = Chunked::default();
            db.scan_prefix(Chunked::PREFIX)
                .try_for_each(|row| row.map(|(k, v)| chunked.load(&k, &v)).map(drop))
                .map_err(|e| self.sled(&e))?;
            Ok((chunked, self.read_digest(&db)?))
        });
        let (chunked, (digest, adopted)) = loaded.unwrap_or_else(|message| Err(self.damaged(message)))?;
        self.chunked = chunked;
        (self.digest, self.adopted) = (digest, adopted);
        self.scrub = Scrub::default();
        self.unsynced = None;
        self.failure = None;
        self.open = Some(Open { db, log });
        Ok(())
    }

    /// The files that sled made must be found again after a power cut, and only their owner may read them.
    fn sync_new_files(&self) -> io::Result<File> {
        let log = File::open(self.dir.join("db"))?;
        let conf = File::open(self.dir.join("conf"))?;
        for file in [&log, &conf] {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            file.sync_all()?;
        }
        if !write_through(&log) {
            tracing::info!(dir = %self.dir.display(), "the file system has no synchronous files");
        }
        files::sync_dir(&self.dir)?;
        Ok(log)
    }

    /// sled's own flush ends in `sync_file_range`, which a power cut does not respect: this is the fsync that every
    /// acknowledgement and every send waits for.
    fn sync_to_disk(log: &File) -> io::Result<()> {
        log.sync_all()
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            // sled flushes when it is dropped, and panics if it cannot.
            let _ = guard::catch(move || drop(open));
        }
    }

    /// Closes it for good, durably. How far its log goes then, if that is known.
    pub(crate) fn shut(&mut self) -> Option<u64> {
        let log = self.open.as_ref()?.log.try_clone().ok()?;
        self.close();
        log.sync_all().ok()?;
        match log::reach(&self.dir) {
            Ok(Reach::Up(tip, _)) => Some(tip),
            Ok(Reach::Nothing | Reach::Severed) | Err(_) => None,
        }
    }

    /// Runs a read against the open database.
    fn read<T>(&self, f: impl FnOnce(&sled::Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let open = self.open.as_ref().ok_or_else(|| self.closed())?;
        guard::catch(|| f(&open.db)).unwrap_or_else(|message| Err(self.damaged(message)))
    }

    /// Runs a write against the open database, which is closed for good if it fails.
    fn write(&mut self, f: impl FnOnce(&Open) -> sled::Result<()>) -> Result<(), StoreError> {
        let open = self.open.as_ref().ok_or_else(|| self.closed())?;
        let error = match guard::catch(|| f(open)) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(e)) => self.sled(&e),
            Err(message) => self.damaged(message),
        };
        self.close();
        self.failure = Some(self.again(&error));
        Err(error)
    }

    /// The value that belongs to a head row.
    fn value(&self, db: &sled::Db, key: &[u8], row: &[u8]) -> Result<Vec<u8>, StoreError> {
        let count = match chunks::head(row) {
            Some(Head::Whole(value)) => return Ok(value),
            Some(Head::Split(count)) => count,
            None => return Err(self.damaged("malformed row".to_owned())),
        };
        let mut value = Vec::with_capacity(usize::from(count) * chunks::CHUNK);
        for number in 0..count {
            let place = chunks::piece_key(key, number);
            let piece = db.get(&place).map_err(|e| self.sled(&e))?;
            let piece = piece.ok_or_else(|| self.damaged("a part of a value is missing".to_owned()))?;
            pages::weigh(db, &place, piece.len()).map_err(|e| self.sled(&e))?;
            value.extend_from_slice(&piece);
        }
        Ok(value)
    }

    /// What every call gets after a failure: the reason of the first.
    fn closed(&self) -> StoreError {
        match &self.failure {
            Some(error) => self.again(error),
            None => self.io(io::Error::other("it is not open")),
        }
    }

    fn again(&self, error: &StoreError) -> StoreError {
        let path = self.dir.clone();
        match error {
            StoreError::Full { .. } => StoreError::Full { path },
            StoreError::ReadOnly { .. } => StoreError::ReadOnly { path },
            StoreError::Damaged { detail, .. } => StoreError::Damaged { path, detail: detail.clone() },
            StoreError::Io { source, .. } => self.io(io::Error::new(source.kind(), source.to_string())),
            other => self.io(io::Error::other(other.to_string())),
        }
    }

    fn damaged(&self, detail: String) -> StoreError {
        StoreError::Damaged { path: self.dir.clone(), detail }
    }

    fn sled(&self, error: &sled::Error) -> StoreError {
        match error {
            sled::Error::Io(e) if is_lock(e) => StoreError::InUse { path: self.dir.clone() },
            sled::Error::Io(e) => self.io(io::Error::new(e.kind(), e.to_string())),
            sled::Error::Corruption { .. } => self.damaged("a part of its files cannot be read".to_owned()),
            other => self.damaged(other.to_string()),
        }
    }

    fn io(&self, source: io::Error) -> StoreError {
        let path = self.dir.clone();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { path },
            io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly { path },
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => self.damaged(source.to_string()),
            _ => StoreError::Io { path, source },
        }
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl Store for SledStore {
    fn recover(&mut self) -> Result<(), StoreError> {
        if self.has_failed() { self.reopen() } else { Ok(()) }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|db| {
            let row = db.get(key).map_err(|e| self.sled(&e))?;
            row.map(|row| self.value(db, key, &row)).transpose()
        })
    }

    fn scan(&self, span: &Span, limit: usize, reverse: bool) -> Result<Vec<Row>, StoreError> {
        let to = span.to.as_deref().unwrap_or(&[RESERVED]);
        let from = span.from.as_slice().max(&FIRST);
        if to <= from {
            return Ok(Vec::new());
        }
        self.read(|db| {
            let iter = db.range(from..to);
            let owned = |row: sled::Result<(sled::IVec, sled::IVec)>| {
                let (key, row) = row.map_err(|e| self.sled(&e))?;
                Ok((key.to_vec(), self.value(db, &key, &row)?))
            };
            if reverse { iter.rev().take(limit).map(owned).collect() } else { iter.take(limit).map(owned).collect() }
        })
    }

    fn apply(&mut self, batch: Batch) -> Result<(), StoreError> {
        check_keys(&batch)?;
        if self.unsynced.is_some_and(|bytes| bytes > UNSYNCED_MAX) {
            self.flush()?;
        }
        let bytes = batch.bytes();
        let (rows, changes) = self.chunked.rows(batch);
        let (digest, scrub, rows) = self.digested(&rows)?;
        self.write(|open| open.db.apply_batch(rows))?;
        self.chunked.commit(changes);
        (self.digest, self.scrub) = (digest, scrub);
        self.unsynced = Some(self.unsynced.unwrap_or(0) + bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.unsynced.is_none() && self.open.is_some() {
            return Ok(());
        }
        self.write(|open| {
            open.db.flush()?;
            Self::sync_to_disk(&open.log).map_err(Into::into)
        })?;
        self.unsynced = None;
        Ok(())
    }
}
