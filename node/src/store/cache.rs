//! Records as they were decoded. The few that every message needs are read, opened and decoded once, not for each.
//!
//! What is here is what the store holds: changes of a transaction come in when its batch was applied.

use std::{
    any::Any,
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

use serde::Serialize;
use zeroize::Zeroizing;

use super::{StoreError, schema};

/// Encoded bytes of what is kept in one generation. What was not asked for in a whole generation is forgotten.
const GENERATION: usize = 4 << 20;

/// A value that can be kept decoded.
pub(super) trait Value: 'static {
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
    fn encode(&self, table: u8) -> Result<Zeroizing<Vec<u8>>, StoreError>;
}

impl<V: Serialize + 'static> Value for V {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn encode(&self, table: u8) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        schema::encode(table, self)
    }
}

#[derive(Clone)]
struct Kept {
    value: Rc<dyn Value>,
    /// Bytes when encoded.
    size: usize,
}

/// What became of a record in a transaction: its new value if that is known decoded.
pub(super) type Change = (Vec<u8>, Option<(Rc<dyn Value>, usize)>);

/// Changes that come in once their batch was applied.
#[derive(Default)]
pub struct Decoded(pub(super) Vec<Change>);

/// Prefixes of keys of which it is known whether there are any.
const PREFIXES: usize = 4_096;

/// Decoded records, the ones used last.
#[derive(Default)]
pub struct Cache {
    young: HashMap<Vec<u8>, Kept>,
    old: HashMap<Vec<u8>, Kept>,
    /// Of the young ones, encoded.
    bytes: usize,
    /// Prefixes of keys, and whether there may be a record whose key begins so.
    prefixes: HashMap<Vec<u8>, bool>,
    /// How long they are.
    lengths: BTreeSet<usize>,
}

impl Cache {
    /// A copy of the record under a resolved key.
    pub(super) fn get<V: Clone + 'static>(&mut self, key: &[u8]) -> Option<V> {
        // A key is always read as one type, or it would not decode either.
        (*self.shared(key)?).as_any().downcast_ref::<V>().cloned()
    }

    /// The record under a resolved key.
    pub(super) fn shared(&mut self, key: &[u8]) -> Option<Rc<dyn Value>> {
        if !self.young.contains_key(key) {
            let (key, kept) = self.old.remove_entry(key)?;
            self.put(key, kept);
        }
        Some(Rc::clone(&self.young.get(key)?.value))
    }

    pub(super) fn learn(&mut self, key: Vec<u8>, value: Rc<dyn Value>, size: usize) {
        self.put(key, Kept { value, size });
    }

    /// Whether there may be records whose resolved keys begin with `prefix`, if that is known.
    pub(super) fn may_hold(&self, prefix: &[u8]) -> Option<bool> {
        self.prefixes.get(prefix).copied()
    }

    pub(super) fn learn_prefix(&mut self, prefix: Vec<u8>, may_hold: bool) {
        if self.prefixes.len() >= PREFIXES {
            self.prefixes.clear();
            self.lengths.clear();
        }
        self.lengths.insert(prefix.len());
        self.prefixes.insert(prefix, may_hold);
    }

    /// The batch of these changes was applied.
    pub fn applied(&mut self, decoded: Decoded) {
        for (key, change) in decoded.0 {
            for length in &self.lengths {
                if let Some(may_hold) = key.get(..*length).and_then(|prefix| self.prefixes.get_mut(prefix)) {
                    *may_hold = true;
                }
            }
            match change {
                Some((value, size)) => self.learn(key, value, size),
                None => self.forget(&key),
            }
        }
    }

    /// What is stored is not known any more.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn forget(&mut self, key: &[u8]) {
        self.old.remove(key);
        if let Some(kept) = self.young.remove(key) {
            self.bytes -= kept.size;
        }
    }

    fn put(&mut self, key: Vec<u8>, kept: Kept) {
        self.forget(&key);
        if self.bytes + kept.size > GENERATION {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += kept.size;
        self.young.insert(key, kept);
    }
}
