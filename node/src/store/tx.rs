//! Transactions: typed reads and writes over a store, sealed into one batch at the end. What was done up to a savepoint is
//! kept whatever comes after it.

mod rows;
mod scan;

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::BTreeMap,
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
    /// The same, and the store holds nothing under its key: no reason to look.
    Added(Zeroizing<Vec<u8>>),
    /// Decoded: it is encoded when the transaction ends, however often it changes until then.
    Decoded(Rc<dyn Value>),
}

impl New {
    fn plain(&self, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        match self {
            Self::Plain(plain) | Self::Added(plain) => Ok(plain.clone()),
            Self::Decoded(value) => value.encode(key[0]),
        }
    }

    /// Bytes of [`New::plain`].
    fn len(&self, key: &[u8]) -> Result<usize, StoreError> {
        match self {
            Self::Plain(plain) | Self::Added(plain) => Ok(plain.len()),
            Self::Decoded(_) => Ok(self.plain(key)?.len()),
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
            New::Plain(plain) | New::Added(plain) => plain.len(),
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

    /// What `f` makes of the value under `key`, if there is one: a record of which little is needed is not copied for it.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn look<V: Clone + Serialize + DeserializeOwned + 'static, T>(
        &self,
        key: &Key,
        f: impl FnOnce(&V) -> T,
    ) -> Result<Option<T>, StoreError> {
        let resolved = key.resolve(self.vault);
        let new = self.change(&resolved);
        if let Some(Some(New::Decoded(value))) = new
            && let Some(value) = (**value).as_any().downcast_ref::<V>()
        {
            return Ok(Some(f(value)));
        }
        let kept = self.cache.filter(|_| new.is_none()).and_then(|cache| cache.borrow_mut().shared(&resolved));
        if let Some(value) = kept.as_deref().and_then(|value| value.as_any().downcast_ref::<V>()) {
            return Ok(Some(f(value)));
        }
        Ok(self.load::<V>(key)?.as_ref().map(f))
    }

    /// Changes a record of [`Tx::save`] that this transaction has written. Whether there was one; if not, nothing happened.
    ///
    /// It is copied when it first changes after a savepoint, which must keep it as it was.
    pub fn change_saved<V: Clone + Serialize + 'static>(&mut self, key: &Key, f: impl FnOnce(&mut V)) -> bool {
        let key = key.resolve(self.vault);
        if let Some(Some(New::Decoded(value))) = self.changes.get_mut(key.as_ref())
            && let Some(value) = Rc::get_mut(value)
            && let Some(value) = value.as_any_mut().downcast_mut::<V>()
        {
            f(value);
            return true;
        }
        let Some(Some(New::Decoded(value))) = self.change(&key) else { return false };
        let Some(value) = (**value).as_any().downcast_ref::<V>() else { return false };
        let mut value = value.clone();
        f(&mut value);
        self.changes.insert(key.into_owned(), Some(New::Decoded(Rc::new(value))));
        true
    }

    /// Sets the value under `key`: for records that change again and again.
    pub fn save<V: Clone + Serialize + 'static>(&mut self, key: &Key, value: &V) {
        let key = key.resolve(self.vault).into_owned();
        self.changes.insert(key, Some(New::Decoded(Rc::new(value.clone()))));
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

    /// Sets the value under a key that was never used, or whose record is gone: what is charged for it takes that for granted.
    ///
    /// # Errors
    /// [`StoreError::Encode`].
    pub fn add<V: Serialize>(&mut self, key: &Key, value: &V) -> Result<(), StoreError> {
        let key = key.resolve(self.vault).into_owned();
        let plain = schema::encode(key[0], value)?;
        self.changes.insert(key, Some(New::Added(plain)));
        Ok(())
    }

    /// [`Tx::add`] for the bytes of [`Tx::put_raw`].
    pub fn add_raw(&mut self, key: &Key, bytes: &[u8]) {
        let key = key.resolve(self.vault).into_owned();
        let plain = schema::encode_raw(key[0], bytes);
        self.changes.insert(key, Some(New::Added(plain)));
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
                Some(New::Plain(plain) | New::Added(plain)) => (Some(plain), None),
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
}
