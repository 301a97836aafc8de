//! Transactions: typed reads and writes over a store, sealed into one batch at the end. What was done up to a savepoint is
//! kept whatever comes after it.

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ops::{
        Bound::{Excluded, Included, Unbounded},
        Deref,
    },
    rc::Rc,
};

use rand_core::CryptoRng;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{
    Batch, Key, Span, Store, StoreError,
    cache::{Cache, Decoded, Value},
    schema,
};
use crate::vault::Vault;

/// Resolved key -> new value, `None` for a removal.
type Changes = BTreeMap<Vec<u8>, Option<New>>;

/// A value that was put.
#[derive(Clone)]
enum New {
    /// Plain (schema byte first).
    Plain(Zeroizing<Vec<u8>>),
    /// Decoded: it is encoded when the transaction ends, however often it changes until then.
    Decoded(Rc<dyn Value>),
}

impl New {
    fn plain(&self, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        match self {
            Self::Plain(plain) => Ok(plain.clone()),
            Self::Decoded(value) => value.encode(key[0]),
        }
    }
}

/// Changes on top of a store, visible to their own transaction at once and to everyone else only when
/// [`Tx::into_batch`] was applied.
pub struct Tx<'a> {
    store: &'a dyn Store,
    vault: &'a Vault,
    cache: Option<&'a RefCell<Cache>>,
    /// Up to the last savepoint.
    kept: Changes,
    /// Bytes of the values that were put by then.
    size: usize,
    /// Since then.
    changes: Changes,
    /// Bytes that were added to values of [`Tx::save`] since then.
    grown: u64,
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
        Self { store, vault, cache: None, kept: BTreeMap::new(), size: 0, changes: BTreeMap::new(), grown: 0 }
    }

    /// The same with records that were decoded before, by [`Tx::load`].
    pub fn with_cache(store: &'a dyn Store, vault: &'a Vault, cache: &'a RefCell<Cache>) -> Self {
        Self { cache: Some(cache), ..Self::new(store, vault) }
    }

    /// Makes a savepoint: what was changed so far is kept.
    pub fn keep(&mut self) {
        let plain = self.changes.values().flatten().map(|new| match new {
            New::Plain(plain) => plain.len(),
            New::Decoded(_) => 0,
        });
        self.size += plain.sum::<usize>();
        self.grown = 0;
        if self.kept.is_empty() {
            std::mem::swap(&mut self.kept, &mut self.changes);
        } else {
            // Not `append`, which builds the whole tree anew: one input changes little of what a group of them did.
            self.kept.extend(std::mem::take(&mut self.changes));
        }
    }

    /// Goes back to the last savepoint.
    pub fn undo(&mut self) {
        self.changes.clear();
        self.grown = 0;
    }

    /// Bytes of the values that were put up to the last savepoint, without those of [`Tx::save`].
    pub fn size(&self) -> usize {
        self.size
    }

    /// What this transaction did to a record, if it did anything.
    fn change(&self, key: &[u8]) -> Option<&Option<New>> {
        self.changes.get(key).or_else(|| self.kept.get(key))
    }

    /// What it did to records of a span, in order.
    fn changed(&self, span: &Span) -> BTreeMap<&[u8], Option<&New>> {
        let to = span.to.as_deref().map_or(Unbounded, Excluded);
        let range = (Included(span.from.as_slice()), to);
        let both = self.kept.range::<[u8], _>(range).chain(self.changes.range::<[u8], _>(range));
        both.map(|(key, change)| (key.as_slice(), change.as_ref())).collect()
    }

    /// The value under `key`, or `None`.
    ///
    /// # Errors
    /// [`StoreError`]; `BadRecord`, `Version` or `Decode` name the table of a record that is not usable.
    pub fn get<V: DeserializeOwned>(&self, key: &Key) -> Result<Option<V>, StoreError> {
        let key = key.resolve(self.vault);
        self.plain(&key)?.map(|plain| schema::decode(key[0], &plain)).transpose()
    }

    /// The value under `key`, or `None`: for records that are read again and again, and always as this type.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn load<V: Clone + Serialize + DeserializeOwned + 'static>(&self, key: &Key) -> Result<Option<V>, StoreError> {
        let key = key.resolve(self.vault);
        match self.change(&key) {
            Some(Some(new)) => {
                if let New::Decoded(value) = new
                    && let Some(value) = (**value).as_any().downcast_ref::<V>()
                {
                    return Ok(Some(value.clone()));
                }
                return schema::decode(key[0], &new.plain(&key)?).map(Some);
            }
            Some(None) => return Ok(None),
            None => {}
        }
        if let Some(value) = self.cache.and_then(|cache| cache.borrow_mut().get::<V>(&key)) {
            return Ok(Some(value));
        }
        let Some(plain) = self.plain(&key)? else { return Ok(None) };
        let value: V = schema::decode(key[0], &plain)?;
        if let Some(cache) = self.cache {
            cache.borrow_mut().learn(key.into_owned(), Rc::new(value.clone()), plain.len());
        }
        Ok(Some(value))
    }

    /// Sets the value under `key`: for records that change again and again.
    pub fn save<V: Clone + Serialize + 'static>(&mut self, key: &Key, value: &V) {
        let key = key.resolve(self.vault).into_owned();
        self.changes.insert(key, Some(New::Decoded(Rc::new(value.clone()))));
    }

    /// The value of [`Tx::save`] that is put next is so much longer than it was: [`Tx::growth`] does not see it by itself.
    pub(crate) fn grow(&mut self, bytes: u64) {
        self.grown = self.grown.saturating_add(bytes);
    }

    /// Whether this transaction put the record under `key`.
    pub(crate) fn has_written(&self, key: &Key) -> bool {
        matches!(self.change(&key.resolve(self.vault)), Some(Some(_)))
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
        match self.change(key.as_ref()) {
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
        self.changes.insert(key, Some(New::Plain(plain)));
        Ok(())
    }

    /// Sets the bytes under `key` (sealed like any value, but not CBOR): feed entries and other exact bytes.
    pub fn put_raw(&mut self, key: &Key, bytes: &[u8]) {
        let key = key.resolve(self.vault).into_owned();
        let plain = schema::encode_raw(key[0], bytes);
        self.changes.insert(key, Some(New::Plain(plain)));
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
        for (key, change) in self.changed(&span) {
            if change.is_some() {
                keys.insert(key.to_vec())
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
            Some(Some(new)) => Ok(len_of(&key, Vault::sealed_len(new.plain(&key)?.len()))),
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
                Some(kept) => {
                    kept.as_ref().map(|new| new.plain(key)).transpose()?.map(|plain| Vault::sealed_len(plain.len()))
                }
                None => self.store.get(key)?.map(|sealed| sealed.len()),
            };
            let after = match change {
                Some(New::Decoded(_)) if before.is_some() => continue,
                Some(new) => Some(Vault::sealed_len(new.plain(key)?.len())),
                None => None,
            };
            let bytes = |len: Option<usize>| len.map_or(0, |len| len_of(key, len));
            growth = growth.saturating_add_unsigned(bytes(after)).saturating_sub_unsigned(bytes(before));
        }
        Ok(growth)
    }

    /// True if nothing was put or removed.
    pub fn is_unchanged(&self) -> bool {
        self.kept.is_empty() && self.changes.is_empty()
    }

    /// All changes as one batch, every value sealed under its key.
    ///
    /// # Errors
    /// [`StoreError::Encode`].
    pub fn into_batch(self, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Batch, StoreError> {
        Ok(self.into_parts(rng)?.0)
    }

    /// The same, and what the cache takes in when it was applied.
    ///
    /// # Errors
    /// As [`Tx::into_batch`].
    pub fn into_parts(mut self, rng: &mut (impl CryptoRng + ?Sized)) -> Result<(Batch, Decoded), StoreError> {
        self.keep();
        let (mut batch, mut decoded) = (Batch::new(), Decoded::default());
        for (key, change) in self.kept {
            let (plain, known) = match change {
                Some(New::Plain(plain)) => (Some(plain), None),
                Some(New::Decoded(value)) => {
                    let plain = value.encode(key[0])?;
                    let size = plain.len();
                    (Some(plain), Some((value, size)))
                }
                None => (None, None),
            };
            match plain {
                Some(plain) => batch.put(key.clone(), self.vault.seal(&key, &plain, rng)),
                None => batch.delete(key.clone()),
            }
            decoded.0.push((key, known));
        }
        Ok((batch, decoded))
    }

    /// The plain value under a resolved key.
    fn plain(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        if let Some(change) = self.change(key) {
            return change.as_ref().map(|new| new.plain(key)).transpose();
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
        let mut changes: Vec<_> = self.changed(&span).into_iter().collect();
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
                    if *changed == key.as_slice() {
                        stored.next();
                        continue;
                    }
                    (*changed < key.as_slice()) != reverse
                }
            };
            if take_change {
                if let Some((key, Some(new))) = changes.next()
                    && let Some(value) = take(key[0], new.plain(key))?
                {
                    rows.push((Key::stored(key.to_vec()), value));
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
