//! Records whose keys begin alike, in their order: those of the store with the changes of the transaction on top.

use std::{borrow::Cow, collections::BTreeSet};

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::Tx;
use crate::store::{Key, Span, StoreError, schema};

impl Tx<'_> {
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

    /// Whether there may be records whose keys start with `prefix`: looked up once, and true ever after there was one. For what hardly
    /// anybody has and everybody is asked for.
    ///
    /// # Errors
    /// [`StoreError`] when the medium fails or is damaged.
    pub fn may_hold(&self, prefix: &Key) -> Result<bool, StoreError> {
        let span = self.span(prefix, None, false);
        if !self.changed(&span).is_empty() {
            return Ok(true);
        }
        if let Some(known) = self.cache.and_then(|cache| cache.borrow().may_hold(&span.from)) {
            return Ok(known);
        }
        let may_hold = !self.store.scan(&span, 1, false)?.is_empty();
        if let Some(cache) = self.cache {
            cache.borrow_mut().learn_prefix(span.from, may_hold);
        }
        Ok(may_hold)
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
