//! What a transaction sees, and what it leaves behind.

use std::{cell::RefCell, collections::BTreeMap};

use proptest::prelude::*;

use super::{rng, vault};
use crate::store::{Faults, Key, MemoryStore, Reader, Store, StoreError, Table, Tx};

#[derive(Debug, Clone)]
enum Change {
    Put(u8, u64, u32),
    Delete(u8, u64),
    /// Everything so far is committed and a new transaction begins.
    Commit,
    /// A savepoint.
    Keep,
    /// Back to the savepoint.
    Undo,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        5 => (0..3u8, 0..12u64, any::<u32>()).prop_map(|(id, n, v)| Change::Put(id, n, v)),
        3 => (0..3u8, 0..12u64).prop_map(|(id, n)| Change::Delete(id, n)),
        1 => Just(Change::Commit),
        1 => Just(Change::Keep),
        1 => Just(Change::Undo),
    ]
}

fn key(id: u8, number: u64) -> Key {
    Key::table(Table::Entry).id([id]).u64(number)
}

/// What a scan should give: numbers and values of one id.
fn expected(
    model: &BTreeMap<(u8, u64), u32>,
    id: u8,
    after: Option<u64>,
    limit: usize,
    reverse: bool,
) -> Vec<(u64, u32)> {
    let beyond = |n: u64| after.is_none_or(|after| if reverse { n < after } else { n > after });
    let mut rows: Vec<_> =
        model.iter().filter(|((i, n), _)| *i == id && beyond(*n)).map(|((_, n), v)| (*n, *v)).collect();
    if reverse {
        rows.reverse();
    }
    rows.truncate(limit);
    rows
}

proptest! {
    #[test]
    fn a_transaction_sees_its_own_changes_over_what_was_committed(
        changes in proptest::collection::vec(change(), 0..60),
        id in 0..3u8,
        after in proptest::option::of(0..13u64),
        limit in 0..15usize,
        reverse in any::<bool>(),
    ) {
        let (vault, mut rng, mut store, cache) = (vault(), rng(1), MemoryStore::new(), RefCell::default());
        let (mut model, mut pending) = (BTreeMap::new(), Vec::new());
        // At the last savepoint, or when the transaction began.
        let mut saved = model.clone();
        for change in &changes {
            if matches!(change, Change::Commit) {
                let mut tx = Tx::with_cache(&store, &vault, &cache);
                tx.may_hold(&Key::table(Table::Entry).id([id])).expect("may hold");
                replay(&mut tx, &pending);
                let (batch, decoded) = tx.into_parts(&mut rng).expect("encodes");
                store.apply(batch).expect("applies");
                cache.borrow_mut().applied(decoded);
                pending.clear();
            } else {
                pending.push(change.clone());
            }
            match change {
                Change::Put(id, n, v) => { model.insert((*id, *n), *v); }
                Change::Delete(id, n) => { model.remove(&(*id, *n)); }
                Change::Commit | Change::Keep => saved = model.clone(),
                Change::Undo => model = saved.clone(),
            }
        }
        let mut tx = Tx::with_cache(&store, &vault, &cache);
        replay(&mut tx, &pending);
        for number in 0..12 {
            let value = model.get(&(id, number)).copied();
            prop_assert_eq!(tx.load::<u32>(&key(id, number)).expect("load"), value);
            prop_assert_eq!(tx.get::<u32>(&key(id, number)).expect("get"), value);
            prop_assert_eq!(tx.contains(&key(id, number)).expect("contains"), value.is_some());
        }
        let prefix = Key::table(Table::Entry).id([id]);
        let holds = model.keys().any(|(of, _)| *of == id);
        prop_assert!(tx.may_hold(&prefix).expect("may hold") || !holds);
        let from = after.map(|n| key(id, n));
        let rows = tx.scan::<u32>(&prefix, from.as_ref(), limit, reverse).expect("scan");
        let rows: Vec<_> = rows.into_iter().map(|(key, value)| (key.tail_u64(), value)).collect();
        let expected = expected(&model, id, after, limit, reverse);
        prop_assert_eq!(&rows, &expected);

        let batch = tx.into_batch(&mut rng).expect("encodes");
        store.apply(batch).expect("applies");
        let reader = Reader::new(&store, &vault);
        let rows = reader.scan::<u32>(&prefix, from.as_ref(), limit, reverse).expect("scan");
        let rows: Vec<_> = rows.into_iter().map(|(key, value)| (key.tail_u64(), value)).collect();
        prop_assert_eq!(&rows, &expected);
    }
}

fn replay(tx: &mut Tx<'_>, changes: &[Change]) {
    for change in changes {
        match change {
            // Both ways, and what was there is looked at before.
            Change::Put(id, n, v) if v % 2 == 0 => {
                tx.load::<u32>(&key(*id, *n)).expect("load");
                tx.save(&key(*id, *n), v);
            }
            Change::Put(id, n, v) => tx.put(&key(*id, *n), v).expect("encodes"),
            Change::Delete(id, n) => tx.delete(&key(*id, *n)),
            Change::Keep => tx.keep(),
            Change::Undo => tx.undo(),
            Change::Commit => {}
        }
    }
}

fn committed(store: &mut MemoryStore, fill: impl FnOnce(&mut Tx<'_>)) {
    let vault = vault();
    let mut tx = Tx::new(store, &vault);
    fill(&mut tx);
    let batch = tx.into_batch(&mut rng(2)).expect("encodes");
    store.apply(batch).expect("applies");
}

#[test]
fn a_transaction_that_is_dropped_changes_nothing() {
    let (store, vault) = (MemoryStore::new(), vault());
    let mut tx = Tx::new(&store, &vault);
    tx.put(&key(1, 1), &5u32).expect("encodes");
    assert!(!tx.is_unchanged());
    drop(tx);
    assert!(Tx::new(&store, &vault).is_unchanged());
    assert_eq!(Reader::new(&store, &vault).get::<u32>(&key(1, 1)).expect("get"), None);
}

#[test]
fn raw_bytes_come_back_exactly() {
    let mut store = MemoryStore::new();
    let bytes = [0xff, 0, 1];
    committed(&mut store, |tx| tx.put_raw(&key(1, 1), &bytes));
    let vault = vault();
    let tx = Reader::new(&store, &vault);
    assert_eq!(tx.get_raw(&key(1, 1)).expect("get"), Some(bytes.to_vec()));
    let rows = tx.scan_raw(&Key::table(Table::Entry), None, 9, false).expect("scan");
    assert_eq!(rows, vec![(rows[0].0.clone(), bytes.to_vec())]);
}

#[test]
fn neither_ids_nor_values_are_in_the_store_in_clear() {
    let mut store = MemoryStore::new();
    let account = b"an account that nobody should learn of";
    committed(&mut store, |tx| {
        tx.put(&Key::table(Table::Contact).id(account), &"a very private name").expect("encodes");
    });
    for (key, value) in store.rows() {
        assert_eq!(key.len(), 17);
        assert_eq!(key[0], Table::Contact.byte());
        for clear in [account.as_slice(), b"private"] {
            assert!(!key.windows(7).chain(value.windows(7)).any(|w| clear.windows(7).any(|c| c == w)));
        }
    }
}

#[test]
fn records_that_changed_places_are_noticed() {
    let mut store = MemoryStore::new();
    committed(&mut store, |tx| {
        tx.put(&key(1, 1), &1u32).expect("encodes");
        tx.put(&key(1, 2), &2u32).expect("encodes");
    });
    let rows: Vec<_> = store.rows().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut swap = crate::store::Batch::new();
    swap.put(rows[0].0.clone(), rows[1].1.to_vec());
    swap.put(rows[1].0.clone(), rows[0].1.to_vec());
    store.apply(swap).expect("applies");
    let vault = vault();
    let tx = Reader::new(&store, &vault);
    let table = Table::Entry.byte();
    assert!(matches!(tx.get::<u32>(&key(1, 1)), Err(StoreError::BadRecord { table: t }) if t == table));
    assert!(matches!(tx.scan::<u32>(&Key::table(Table::Entry), None, 9, false), Err(StoreError::BadRecord { .. })));
}

#[test]
fn an_unknown_schema_version_is_refused_by_name() {
    let (mut store, vault) = (MemoryStore::new(), vault());
    let stored = key(1, 1).resolve(&vault).into_owned();
    let sealed = vault.seal(&stored, &[9, 0x05], &mut rng(3));
    super::put(&mut store, &stored, &sealed);
    let error = Reader::new(&store, &vault).get::<u8>(&key(1, 1)).expect_err("refused");
    assert!(matches!(error, StoreError::Version { found: 9, known: 1, .. }), "{error}");
}

#[test]
fn a_record_of_another_type_is_an_error_and_not_a_guess() {
    let mut store = MemoryStore::new();
    committed(&mut store, |tx| tx.put(&key(1, 1), &"text").expect("encodes"));
    let vault = vault();
    let error = Reader::new(&store, &vault).get::<u32>(&key(1, 1)).expect_err("refused");
    assert!(matches!(error, StoreError::Decode { .. }), "{error}");
}

#[test]
fn the_tail_of_a_key_gives_its_number_back() {
    let vault = vault();
    let key = Key::table(Table::Entry).id(b"feed").u64(77);
    assert_eq!(key.tail_u64(), 77);
    assert_eq!(key.resolve(&vault).len(), 1 + 16 + 8);
    assert_eq!(Key::table(Table::Meta).tail_u64(), 0);
    assert_eq!(key.tail(8), 77u64.to_be_bytes());
}

#[test]
fn an_injected_fault_hits_the_call_it_was_meant_for() {
    let mut store = MemoryStore::new();
    store.set_faults(Faults { fail_apply: Some(2), fail_flush: Some(1) });
    super::put(&mut store, &[1], b"one");
    assert!(matches!(store.flush(), Err(StoreError::Injected("flush"))));
    let mut batch = crate::store::Batch::new();
    batch.put(vec![2], b"two".to_vec());
    assert!(matches!(store.apply(batch.clone()), Err(StoreError::Injected("apply"))));
    assert_eq!(store.get(&[2]).expect("get"), None);
    store.apply(batch).expect("applies");
    store.flush().expect("flushes");
    assert_eq!((store.applies(), store.flushes(), store.unflushed()), (3, 2, 0));
}
