//! Rows of a salvaged log put together to the values they were.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
};

use crate::{
    store::{Batch, RawRow, SledStore, Store, StoreError},
    vault::Vault,
};

/// Records written in one transaction.
const PART: usize = 500;

/// Puts records that authenticate into a new database.
pub(super) struct Collector<'a> {
    store: &'a mut SledStore,
    vault: &'a Vault,
    batch: Batch,
    /// Parts of long values, until all of them are there.
    parts: Parts,
    long: Vec<(Vec<u8>, u16)>,
    /// Records that did not authenticate, or of which a part is missing.
    pub(super) unusable: u64,
}

impl<'a> Collector<'a> {
    pub(super) fn new(store: &'a mut SledStore, vault: &'a Vault, scratch: File) -> Self {
        let parts = Parts { file: scratch, length: 0, index: HashMap::new() };
        Self { store, vault, batch: Batch::new(), parts, long: Vec::new(), unusable: 0 }
    }

    /// Takes one row of the log.
    pub(super) fn take(&mut self, key: Vec<u8>, row: Vec<u8>) -> io::Result<()> {
        match RawRow::of(key, row) {
            RawRow::Whole(key, value) => self.record(key, value),
            RawRow::Long(key, parts) => {
                self.long.push((key, parts));
                Ok(())
            }
            RawRow::Part(key, bytes) => self.parts.keep(key, &bytes),
            RawRow::Internal => Ok(()),
            RawRow::Malformed => {
                self.unusable += 1;
                Ok(())
            }
        }
    }

    /// Ends it: long values now have all the parts that there are.
    pub(super) fn end(mut self) -> io::Result<u64> {
        for (key, count) in std::mem::take(&mut self.long) {
            let parts = (0..count).map(|number| self.parts.read(&RawRow::part_key(&key, number)));
            match parts.collect::<io::Result<Option<Vec<_>>>>()? {
                Some(parts) => self.record(key, parts.concat())?,
                None => self.unusable += 1,
            }
        }
        self.write()?;
        Ok(self.unusable)
    }

    fn record(&mut self, key: Vec<u8>, sealed: Vec<u8>) -> io::Result<()> {
        if self.vault.open(&key, &sealed).is_err() {
            self.unusable += 1;
            return Ok(());
        }
        self.batch.put(key, sealed);
        if self.batch.len() >= PART { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        self.store.apply(batch).map_err(|error| match error {
            StoreError::Io { source, .. } => source,
            StoreError::Full { .. } => io::ErrorKind::StorageFull.into(),
            other => io::Error::other(other.to_string()),
        })
    }
}

/// Parts of long values, in a file.
struct Parts {
    file: File,
    length: u64,
    index: HashMap<Vec<u8>, (u64, usize)>,
}

impl Parts {
    fn keep(&mut self, key: Vec<u8>, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.index.insert(key, (self.length, bytes.len()));
        self.length += u64::try_from(bytes.len()).unwrap_or(0);
        Ok(())
    }

    fn read(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let Some((offset, length)) = self.index.get(key) else { return Ok(None) };
        let mut bytes = vec![0; *length];
        self.file.read_exact_at(&mut bytes, *offset).map(|()| Some(bytes))
    }
}
