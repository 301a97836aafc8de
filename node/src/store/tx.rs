//! Transactions: typed reads and writes over a store, sealed into one batch at the end.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::{
        Bound::{Excluded, Included, Unbounded},
        Deref,
    },
};

use rand_core::CryptoRng;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{Batch, Key, Span, Store, StoreError, schema};
use crate::vault::Vault;

/// Changes on top of a store, visible to their own transaction at once and to everyone else only when
/// [`Tx::into_batch`] was applied.
pub struct Tx<'a> {
    store: &'a dyn Store,
    vault: &'a Vault,
    /// Resolved key -> plain value (schema byte first), `None` for a removal.
    changes: BTreeMap<Vec<u8>, Option<Zeroizing<Vec<u8>>>>,
}

/// Bytes of a row.
fn len_of(key: &[u8], value: usize) -> u64 {
    u64::try_from(key.len() + value).unwrap_or(u64::MAX)
}

/// A look at a store without the means to change it: everything a [`Tx`] can read.
pub struct Reader<'a>(Tx<'a>);

impl<'a> Reader<'a> {
    /// Reads `store`.
    pub fn new(store: &'a dyn Store, vault: &'a Vault) -> Self {
        Self(Tx::new(store, vault))
    }
}

impl<'a> Deref for Reader<'a> {
    type Target = Tx<'a>;
    fn deref(&self) -> &Tx<'a> {
        &self.0
    }
}

impl<'a> Tx<'a> {
    /// Begins a transaction over `store`, whose values `vault` opens and seals.
    pub fn new(store: &'a dyn Store, vault: &'a Vault) -> Self {
        Self { store, vault, changes: BTreeMap::new() }
    }

    /// The value under `key`, or `None`.
    ///
    /// # Errors
    /// [`StoreError`]; `BadRecord`, `Version` or `Decode` name the table of a record that is not usable.
    pub fn get<V: DeserializeOwned>(&self, key: &Key) -> Result<Option<V>, StoreError> {
        let key = key.resolve(self.vault);
        self.plain(&key)?.map(|plain| schema::decode(key[0], &plain)).transpose()
    }

    /// Bytes that were put by [`Tx::put_raw`], or `None`.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn get_raw(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let key = key.resolve(self.vault);
        self.plain(&key)?.map(|plain| schema::body(key[0], &plain).map(Cow::into_owned)).transpose()
    }

    /// True if there is a record under `key`.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        let key = key.resolve(self.vault);
        match self.changes.get(key.as_ref()) {
            Some(change) => Ok(change.is_some()),
            None => Ok(self.store.get(&key)?.is_some()),
        }
    }

    /// Sets the value under `key`.
    ///
    /// # Errors
    /// [`StoreError::Encode`].
    pub fn put<V: Serialize>(&mut self, key: &Key, value: &V) -> Result<(), StoreError> {
        let key = key.resolve(self.vault).into_owned();
        let plain = schema::encode(key[0], value)?;
        self.changes.insert(key, Some(plain));
        Ok(())
    }

    /// Sets the bytes under `key` (sealed like any value, but not CBOR): feed entries and other exact bytes.
    pub fn put_raw(&mut self, key: &Key, bytes: &[u8]) {
        let key = key.resolve(self.vault).into_owned();
        let plain = schema::encode_raw(key[0], bytes);
        self.changes.insert(key, Some(plain));
    }

    /// Removes the record under `key`, if there is one.
    pub fn delete(&mut self, key: &Key) {
        self.changes.insert(key.resolve(self.vault).into_owned(), None);
    }

    /// At most `limit` records whose keys start with `prefix`, in key order (descending if `reverse`), beginning
    /// after the key `after` (before it if `reverse`).
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn scan<V: DeserializeOwned>(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<(Key, V)>, StoreError> {
        let decode = |table, plain: Zeroizing<Vec<u8>>| schema::decode(table, &plain);
        self.scan_with(prefix, after, limit, reverse, decode)
    }

    /// [`Tx::scan`] for bytes that were put by [`Tx::put_raw`].
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn scan_raw(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        let body = |table, plain: Zeroizing<Vec<u8>>| schema::body(table, &plain).map(Cow::into_owned);
        self.scan_with(prefix, after, limit, reverse, body)
    }

    /// The first `limit` records whose keys start with `prefix`, in key order, without those that cannot be used, which
    /// are logged: one damaged record does not hide the others.
    ///
    /// # Errors
    /// [`StoreError`] when the medium fails.
    pub fn scan_intact<V: DeserializeOwned>(&self, prefix: &Key, limit: usize) -> Result<Vec<(Key, V)>, StoreError> {
        self.scan_rows(prefix, None, limit, false, |table, plain| match plain.and_then(|p| schema::decode(table, &p)) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                tracing::error!(%error, "a record is left out");
                Ok(None)
            }
        })
    }

    /// The keys that start with `prefix`, in order.
    ///
    /// # Errors
    /// [`StoreError`] when the medium fails or is damaged.
    pub fn keys(&self, prefix: &Key) -> Result<Vec<Key>, StoreError> {
        let span = self.span(prefix, None, false);
        let stored = self.store.scan(&span, usize::MAX, false)?.into_iter().map(|(key, _)| key);
        let mut keys: BTreeSet<Vec<u8>> = stored.collect();
        let to = span.to.as_deref().map_or(Unbounded, Excluded);
        for (key, change) in self.changes.range::<[u8], _>((Included(span.from.as_slice()), to)) {
            if change.is_some() {
                keys.insert(key.clone())
            } else {
                keys.remove(key)
            };
        }
        Ok(keys.into_iter().map(Key::stored).collect())
    }

    /// At most `limit` keys that start with `prefix` and come after `after`, in order. Changes are not seen.
    ///
    /// # Errors
    /// [`StoreError`] when the medium fails or is damaged.
    pub(crate) fn keys_after(&self, prefix: &Key, after: &Key, limit: usize) -> Result<Vec<Key>, StoreError> {
        let rows = self.store.scan(&self.span(prefix, Some(after), false), limit, false)?;
        Ok(rows.into_iter().map(|(key, _)| Key::stored(key)).collect())
    }

    /// The last key that starts with `prefix`. Changes are not seen.
    ///
    /// # Errors
    /// [`StoreError`] when the medium fails or is damaged.
    pub(crate) fn keys_last(&self, prefix: &Key) -> Result<Option<Key>, StoreError> {
        let rows = self.store.scan(&self.span(prefix, None, false), 1, true)?;
        Ok(rows.into_iter().next().map(|(key, _)| Key::stored(key)))
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
    pub(crate) fn stored_rows(&self, after: &[u8], limit: usize) -> Result<Vec<super::Row>, StoreError> {
        self.store.scan(&Span { from: [after, &[0]].concat(), to: None }, limit, false)
    }

    /// The bytes under which the store holds a record.
    pub(crate) fn stored_key(&self, key: &Key) -> Vec<u8> {
        key.resolve(self.vault).into_owned()
    }

    /// Sets the plain value (schema version first) under a key as stored.
    pub(crate) fn put_plain_row(&mut self, key: Vec<u8>, plain: Zeroizing<Vec<u8>>) {
        self.changes.insert(key, Some(plain));
    }

    /// Bytes that the record under `key` takes as stored: key and sealed value; 0 if there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the medium fails or is damaged.
    pub(crate) fn stored_len(&self, key: &Key) -> Result<u64, StoreError> {
        let key = key.resolve(self.vault);
        match self.changes.get(key.as_ref()) {
            Some(change) => Ok(change.as_ref().map_or(0, |plain| len_of(&key, Vault::sealed_len(plain.len())))),
            None => Ok(self.store.get(&key)?.map_or(0, |sealed| len_of(&key, sealed.len()))),
        }
    }

    /// By how many bytes the changes make the store larger: keys and sealed values, less those that they replace.
    ///
    /// # Errors
    /// [`StoreError`] when the medium fails or is damaged.
    pub(crate) fn growth(&self) -> Result<i64, StoreError> {
        let mut growth = 0i64;
        for (key, change) in &self.changes {
            let before = self.store.get(key)?.map_or(0, |sealed| len_of(key, sealed.len()));
            let after = change.as_ref().map_or(0, |plain| len_of(key, Vault::sealed_len(plain.len())));
            growth = growth.saturating_add_unsigned(after).saturating_sub_unsigned(before);
        }
        Ok(growth)
    }

    /// True if nothing was put or removed.
    pub fn is_unchanged(&self) -> bool {
        self.changes.is_empty()
    }

    /// All changes as one batch, every value sealed under its key.
    pub fn into_batch(self, rng: &mut (impl CryptoRng + ?Sized)) -> Batch {
        let mut batch = Batch::new();
        for (key, change) in self.changes {
            match change {
                Some(plain) => {
                    let sealed = self.vault.seal(&key, &plain, rng);
                    batch.put(key, sealed);
                }
                None => batch.delete(key),
            }
        }
        batch
    }

    /// The plain value under a resolved key.
    fn plain(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        if let Some(change) = self.changes.get(key) {
            return Ok(change.clone());
        }
        self.store.get(key)?.map(|sealed| self.open(key, sealed)).transpose()
    }

    fn open(&self, key: &[u8], sealed: Vec<u8>) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.vault.open(key, sealed).map(Zeroizing::new).map_err(|_| StoreError::BadRecord { table: key[0] })
    }

    fn scan_with<T>(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
        reverse: bool,
        decode: impl Fn(u8, Zeroizing<Vec<u8>>) -> Result<T, StoreError>,
    ) -> Result<Vec<(Key, T)>, StoreError> {
        self.scan_rows(prefix, after, limit, reverse, |table, plain| decode(table, plain?).map(Some))
    }

    /// The rows that `take` takes, given the table and the plain value if it opens.
    fn scan_rows<T>(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
        reverse: bool,
        take: impl Fn(u8, Result<Zeroizing<Vec<u8>>, StoreError>) -> Result<Option<T>, StoreError>,
    ) -> Result<Vec<(Key, T)>, StoreError> {
        let span = self.span(prefix, after, reverse);
        if span.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let to = span.to.as_deref().map_or(Unbounded, Excluded);
        let mut changes: Vec<_> = self.changes.range::<[u8], _>((Included(span.from.as_slice()), to)).collect();
        if reverse {
            changes.reverse();
        }
        // Each change can hide at most one stored row, so this many are enough to fill the limit.
        let mut stored = self.store.scan(&span, limit.saturating_add(changes.len()), reverse)?.into_iter().peekable();
        let mut changes = changes.into_iter().peekable();
        let mut rows = Vec::new();
        while rows.len() < limit {
            let take_change = match (changes.peek(), stored.peek()) {
                (None, None) => break,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some((changed, _)), Some((key, _))) => {
                    if *changed == key {
                        stored.next();
                        continue;
                    }
                    (*changed < key) != reverse
                }
            };
            if take_change {
                if let Some((key, Some(plain))) = changes.next()
                    && let Some(value) = take(key[0], Ok(plain.clone()))?
                {
                    rows.push((Key::stored(key.clone()), value));
                }
            } else if let Some((key, sealed)) = stored.next()
                && let Some(value) = take(key[0], self.open(&key, sealed))?
            {
                rows.push((Key::stored(key), value));
            }
        }
        Ok(rows)
    }

    /// The part of `prefix` beyond `after`, in the direction of the scan.
    fn span(&self, prefix: &Key, after: Option<&Key>, reverse: bool) -> Span {
        let mut span = Span::prefix(&prefix.resolve(self.vault));
        if let Some(after) = after.map(|key| key.resolve(self.vault).into_owned()) {
            if reverse {
                if span.to.as_ref().is_none_or(|to| after < *to) {
                    span.to = Some(after);
                }
            } else if after >= span.from {
                span.from = after;
                span.from.push(0);
            }
        }
        span
    }
}
