//! The in-memory twin of the disk store, for tests and simulations: same results, and faults on demand.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Included, Unbounded},
    sync::Arc,
};

use super::{Batch, Op, Row, Span, Store, StoreError, api::check_keys};

/// Which calls are to fail, each counted from 1 over the life of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// The flush that fails (its batches stay applied but not durable).
    pub fail_flush: Option<u64>,
    /// The apply that fails (nothing of it is applied).
    pub fail_apply: Option<u64>,
}

/// Keys of one batch with the values they had before it.
type Undo = Vec<(Vec<u8>, Option<Arc<[u8]>>)>;

/// A map in memory with the semantics of a disk: what was not flushed is lost in a power cut.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    rows: BTreeMap<Vec<u8>, Arc<[u8]>>,
    /// What each batch since the last flush replaced, oldest first.
    undo: Vec<Undo>,
    faults: Faults,
    applies: u64,
    flushes: u64,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Arms `faults`; the counts are those of [`MemoryStore::applies`] and [`MemoryStore::flushes`].
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Applies so far, failed ones included.
    pub fn applies(&self) -> u64 {
        self.applies
    }

    /// Flushes so far, failed ones included.
    pub fn flushes(&self) -> u64 {
        self.flushes
    }

    /// Batches that a power cut now could lose.
    pub fn unflushed(&self) -> usize {
        self.undo.len()
    }

    /// A power cut: loses every batch since the last flush, except that the first `keep` of them reached the disk
    /// by chance (a disk may hold more than was promised, in order).
    pub fn power_cut(&mut self, keep: usize) {
        while self.undo.len() > keep {
            for (key, old) in self.undo.pop().into_iter().flatten().rev() {
                match old {
                    Some(value) => self.rows.insert(key, value),
                    None => self.rows.remove(&key),
                };
            }
        }
        self.undo.clear();
    }

    /// Takes over some rows of another store, durably: values are shared, so that thousands of stores may have the same.
    pub fn copy(&mut self, from: &Self, which: impl Fn(&[u8]) -> bool) {
        let rows = from.rows.iter().filter(|(key, _)| which(key));
        self.rows.extend(rows.map(|(key, value)| (key.clone(), Arc::clone(value))));
    }

    /// Every row, for comparing two stores.
    pub fn rows(&self) -> &BTreeMap<Vec<u8>, Arc<[u8]>> {
        &self.rows
    }
}

impl Store for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.rows.get(key).map(|value| value.to_vec()))
    }

    fn scan(&self, span: &Span, limit: usize, reverse: bool) -> Result<Vec<Row>, StoreError> {
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let to = span.to.as_deref().map_or(Unbounded, Excluded);
        let rows = self.rows.range::<[u8], _>((Included(span.from.as_slice()), to));
        let owned = |(k, v): (&Vec<u8>, &Arc<[u8]>)| (k.clone(), v.to_vec());
        Ok(if reverse { rows.rev().take(limit).map(owned).collect() } else { rows.take(limit).map(owned).collect() })
    }

    fn apply(&mut self, batch: Batch) -> Result<(), StoreError> {
        check_keys(&batch)?;
        self.applies += 1;
        if self.faults.fail_apply == Some(self.applies) {
            return Err(StoreError::Injected("apply"));
        }
        let mut undo = Vec::with_capacity(batch.len());
        for op in batch.into_ops() {
            let (key, old) = match op {
                Op::Put(key, value) => (key.clone(), self.rows.insert(key, value.into())),
                Op::Delete(key) => {
                    let old = self.rows.remove(&key);
                    (key, old)
                }
            };
            undo.push((key, old));
        }
        self.undo.push(undo);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.flushes += 1;
        if self.faults.fail_flush == Some(self.flushes) {
            return Err(StoreError::Injected("flush"));
        }
        self.undo.clear();
        Ok(())
    }
}
