//! Rows as they are stored: for checks and repairs, and how large they are.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{New, Tx, len_of};
use crate::store::{Key, Row, Span, StoreError, schema};
use crate::vault::Vault;

impl Tx<'_> {
    /// Bytes of the values that were put up to the last savepoint, without those of [`Tx::save`].
    pub fn size(&self) -> usize {
        self.size
    }

    /// The value of [`Tx::save`] that is put next is so much longer than it was: [`Tx::growth`] does not see it by itself.
    pub(crate) fn grow(&mut self, bytes: u64) {
        self.grown = self.grown.saturating_add(bytes);
    }

    /// The plain value (schema version first) of a sealed one.
    pub(crate) fn open_row(&self, key: &[u8], sealed: Vec<u8>) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.open(key, sealed)
    }

    /// The plain value (schema version first) under a key as stored.
    pub(crate) fn plain_row(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        self.plain(key)
    }

    /// What a plain value under a key as stored means.
    pub(crate) fn decode_plain<V: DeserializeOwned>(&self, key: &[u8], plain: &[u8]) -> Result<V, StoreError> {
        schema::decode(key.first().copied().unwrap_or(0), plain)
    }

    /// The bytes that were put raw as a plain value.
    pub(crate) fn plain_body<'p>(&self, key: &[u8], plain: &'p [u8]) -> Result<Cow<'p, [u8]>, StoreError> {
        schema::body(key.first().copied().unwrap_or(0), plain)
    }

    /// Sealed rows of the store after a key as stored, at most `limit`, in order. Changes are not seen.
    pub(crate) fn stored_rows(&self, after: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.store.scan(&Span { from: [after, &[0]].concat(), to: None }, limit, false)
    }

    /// The bytes under which the store holds a record.
    pub(crate) fn stored_key(&self, key: &Key) -> Vec<u8> {
        key.resolve(self.vault).into_owned()
    }

    /// Sets the plain value (schema version first) under a key as stored.
    pub(crate) fn put_plain_row(&mut self, key: Vec<u8>, plain: Zeroizing<Vec<u8>>) {
        self.changes.insert(key, Some(New::Plain(plain)));
    }

    /// Bytes that the record under `key` takes as stored: key and sealed value; 0 if there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the medium fails or is damaged.
    pub(crate) fn stored_len(&self, key: &Key) -> Result<u64, StoreError> {
        let key = key.resolve(self.vault);
        match self.change(key.as_ref()) {
            Some(None) => Ok(0),
            Some(Some(new)) => Ok(len_of(&key, Vault::sealed_len(new.len(&key)?))),
            None => Ok(self.store.get(&key)?.map_or(0, |sealed| len_of(&key, sealed.len()))),
        }
    }

    /// By how many bytes the changes since the last savepoint make the store larger: keys and sealed values, less those that
    /// they replace.
    ///
    /// # Errors
    /// [`StoreError`] when the medium fails or is damaged.
    pub(crate) fn growth(&self) -> Result<i64, StoreError> {
        let mut growth = i64::try_from(self.grown).unwrap_or(i64::MAX);
        for (key, change) in &self.changes {
            let kept = self.kept.get(key);
            // It is there already, and changes its size little: no reason to encode it now.
            if matches!((change, kept), (Some(New::Decoded(_)), Some(Some(_)))) {
                continue;
            }
            let before = match kept {
                Some(kept) => kept.as_ref().map(|new| new.len(key)).transpose()?.map(Vault::sealed_len),
                None if matches!(change, Some(New::Added(_))) => None,
                None => self.store.get(key)?.map(|sealed| sealed.len()),
            };
            let after = match change {
                Some(New::Decoded(_)) if before.is_some() => continue,
                Some(new) => Some(Vault::sealed_len(new.len(key)?)),
                None => None,
            };
            let bytes = |len: Option<usize>| len.map_or(0, |len| len_of(key, len));
            growth = growth.saturating_add_unsigned(bytes(after)).saturating_sub_unsigned(bytes(before));
        }
        Ok(growth)
    }
}
