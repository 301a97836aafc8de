//! What a store is: four methods over an ordered map of byte strings, and a way back after a failure.

use std::{io, path::PathBuf};

use super::{Floors, chunks::RESERVED, digest};

/// A key and its value, as stored (values are sealed).
pub type Row = (Vec<u8>, Vec<u8>);

/// One ordered key space with atomic batches. Keys are not empty and start with a byte of 0x01 to 0xfd. Two implementations: [`super::SledStore`] and [`super::MemoryStore`].
pub trait Store: Send {
    /// Makes a store that failed usable again if what was in the way is gone. What it then holds is what a restart would
    /// find. A store that has not failed stays as it is.
    ///
    /// # Errors
    /// What is still in the way.
    fn recover(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Takes note of numbers that others were given or will be given when the next flush succeeds: they are kept apart
    /// from the database, if the store does that.
    fn floors(&mut self, _floors: Floors) {}

    /// What the suspicion of being an old copy calls for is durable.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be noted.
    fn settled(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Does a little of the upkeep that can be done while nothing else waits. Whether there is more of it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when damage is found; the store can be used further.
    fn tend(&mut self) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// The value under `key`, or `None`. Sees every applied batch, flushed or not.
    ///
    /// # Errors
    /// [`StoreError`] when the medium fails or is damaged.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// At most `limit` rows of `span`, in ascending key order, or from its end in descending order if `reverse`.
    ///
    /// # Errors
    /// [`StoreError`] when the medium fails or is damaged.
    fn scan(&self, span: &Span, limit: usize, reverse: bool) -> Result<Vec<Row>, StoreError>;

    /// Applies all of `batch` or none of it. Visible to reads at once, durable only after [`Store::flush`].
    ///
    /// # Errors
    /// [`StoreError`]; nothing of the batch was applied.
    fn apply(&mut self, batch: Batch) -> Result<(), StoreError>;

    /// Returns once every applied batch would survive a power cut.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing applied since the last successful flush may be acknowledged.
    fn flush(&mut self) -> Result<(), StoreError>;
}

/// A range of keys: `from` included, `to` excluded (`None`: to the end of the key space).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// First key that may be in the range.
    pub from: Vec<u8>,
    /// First key past the range.
    pub to: Option<Vec<u8>>,
}

impl Span {
    /// The whole key space.
    pub fn all() -> Self {
        Self { from: Vec::new(), to: None }
    }

    /// All keys that start with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        Self { from: prefix.to_vec(), to: successor(prefix) }
    }

    /// True if no key can be in the range.
    pub fn is_empty(&self) -> bool {
        self.to.as_ref().is_some_and(|to| *to <= self.from)
    }
}

/// The smallest byte string greater than everything that starts with `prefix`.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|b| *b != u8::MAX)?;
    let mut next = prefix[..=last].to_vec();
    next[last] += 1;
    Some(next)
}

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Sets the value of a key.
    Put(Vec<u8>, Vec<u8>),
    /// Removes a key; no error if it is absent.
    Delete(Vec<u8>),
}

/// Changes that become visible and durable together, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    ops: Vec<Op>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a put.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.ops.push(Op::Put(key, value));
    }

    /// Appends a removal.
    pub fn delete(&mut self, key: Vec<u8>) {
        self.ops.push(Op::Delete(key));
    }

    /// True if it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Number of changes.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// The changes, in order.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Bytes of keys and values.
    pub fn bytes(&self) -> usize {
        self.ops
            .iter()
            .map(|op| match op {
                Op::Put(key, value) => key.len() + value.len(),
                Op::Delete(key) => key.len(),
            })
            .sum()
    }

    /// The changes, in order.
    pub fn into_ops(self) -> Vec<Op> {
        self.ops
    }
}

/// Refuses keys that the disk store needs for itself (no table has such a number), in both stores alike.
pub(crate) fn check_keys(batch: &Batch) -> Result<(), StoreError> {
    let reserved = |op: &Op| {
        let (Op::Put(key, _) | Op::Delete(key)) = op;
        key.first().is_none_or(|first| *first == digest::KEY[0] || *first >= RESERVED)
    };
    if batch.ops.iter().any(reserved) { Err(StoreError::ReservedKey) } else { Ok(()) }
}

/// Why the store could not do what was asked. Every text says what the operator can do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full. Nothing that was not acknowledged is kept; everything acknowledged is.
    #[error("the disk that holds {path} is full; free some space there")]
    Full {
        /// Where the database is.
        path: PathBuf,
    },
    /// The file system is mounted read-only (it often is after a disk error).
    #[error("the file system that holds {path} is read-only; remount it writable (check the disk first)")]
    ReadOnly {
        /// Where the database is.
        path: PathBuf,
    },
    /// Any other failure of the medium.
    #[error("cannot use the database in {path}: {source}")]
    Io {
        /// Where the database is.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The files are not what was written; the guard caught it.
    #[error("the database in {path} is damaged ({detail}); run `covey db repair`")]
    Damaged {
        /// Where the database is.
        path: PathBuf,
        /// What was noticed.
        detail: String,
    },
    /// Another process has the database open (the single-instance lock should have said so first).
    #[error("the database in {path} is in use by another process; stop it first")]
    InUse {
        /// Where the database is.
        path: PathBuf,
    },
    /// A record does not open: damaged, moved from another key, or sealed by another vault.
    #[error("a record of table {table:#04x} does not authenticate; run `covey db verify`")]
    BadRecord {
        /// First byte of the record's key.
        table: u8,
    },
    /// A record of a schema version this build does not know.
    #[error("a record of table {table:#04x} has schema version {found}, this covey knows {known}; use a newer covey")]
    Version {
        /// First byte of the record's key.
        table: u8,
        /// The version byte of the record.
        found: u8,
        /// The newest version this build can read.
        known: u8,
    },
    /// A record that authenticates but is not an object of the expected type: a bug, not input.
    #[error("a record of table {table:#04x} is not what this covey expects: {source}")]
    Decode {
        /// First byte of the record's key.
        table: u8,
        /// What the decoder said.
        source: covey_codec::DecodeError,
    },
    /// A value that cannot be encoded: a bug.
    #[error(transparent)]
    Encode(#[from] covey_codec::EncodeError),
    /// A key that is empty or begins with a byte that no table has: a bug.
    #[error("a record key is outside of all tables")]
    ReservedKey,
    /// A fault injected by a test.
    #[error("injected fault: {0}")]
    Injected(&'static str),
}

impl StoreError {
    /// True if waiting or freeing space can help; false if the data themselves are at fault.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::ReadOnly { .. } | Self::Io { .. } | Self::Injected(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_span_ends_right_after_its_last_key() {
        assert_eq!(Span::prefix(&[1, 2]).to, Some(vec![1, 3]));
        assert_eq!(Span::prefix(&[1, 0xff]).to, Some(vec![2]));
        assert_eq!(Span::prefix(&[0xff, 0xff]).to, None);
        assert_eq!(Span::prefix(&[]), Span::all());
    }
}
