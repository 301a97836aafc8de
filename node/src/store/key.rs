//! Keys: a table and parts whose byte order is the order of what they mean.

use std::borrow::Cow;

use super::Table;
use crate::vault::Vault;

/// Name of a record. Ids are put into it in clear and replaced by the vault's keyed hashes on use, so that neither
/// accounts nor peers can be read off the database's keys.
///
/// ```
/// # use covey_node::store::{Key, Table};
/// let head = Key::table(Table::Entry).id(b"feed id").u64(17);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    bytes: Vec<u8>,
    /// (start, length) of the parts of `bytes` that are still ids in clear.
    ids: Vec<(usize, usize)>,
}

impl Key {
    /// All records of `table`, or the beginning of one record's key.
    pub fn table(table: Table) -> Self {
        Self { bytes: vec![table.byte()], ids: Vec::new() }
    }

    /// Appends an id of any length; 16 bytes of keyed hash in the stored key.
    #[must_use]
    pub fn id(mut self, id: impl AsRef<[u8]>) -> Self {
        let id = id.as_ref();
        self.ids.push((self.bytes.len(), id.len()));
        self.bytes.extend_from_slice(id);
        self
    }

    /// Appends a number, ordered by value.
    #[must_use]
    pub fn u64(mut self, number: u64) -> Self {
        self.bytes.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Appends a small number, ordered by value.
    #[must_use]
    pub fn u8(mut self, number: u8) -> Self {
        self.bytes.push(number);
        self
    }

    /// Appends bytes as they are. They are readable in the database: no names, no ids.
    #[must_use]
    pub fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.bytes.extend_from_slice(bytes.as_ref());
        self
    }

    /// The key as found in the store (its ids are hashes already).
    pub(crate) fn stored(bytes: Vec<u8>) -> Self {
        Self { bytes, ids: Vec::new() }
    }

    /// The bytes under which the store holds the record.
    pub fn resolve(&self, vault: &Vault) -> Cow<'_, [u8]> {
        if self.ids.is_empty() {
            return Cow::Borrowed(&self.bytes);
        }
        let mut out = Vec::with_capacity(self.bytes.len() + 16 * self.ids.len());
        let mut done = 0;
        for &(start, len) in &self.ids {
            out.extend_from_slice(&self.bytes[done..start]);
            done = start + len;
            out.extend_from_slice(&vault.id_hash(self.bytes[0], &self.bytes[start..done]));
        }
        out.extend_from_slice(&self.bytes[done..]);
        Cow::Owned(out)
    }

    /// The number a key ends with (the last part was [`Key::u64`]); 0 if the key is too short to hold one.
    pub fn tail_u64(&self) -> u64 {
        self.bytes.last_chunk().map_or(0, |tail| u64::from_be_bytes(*tail))
    }

    /// The last `len` bytes of a key that a scan returned, or all of it if it is shorter.
    pub fn tail(&self, len: usize) -> &[u8] {
        &self.bytes[self.bytes.len().saturating_sub(len)..]
    }
}
