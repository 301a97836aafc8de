//! Random operations on both stores and on a `BTreeMap` give the same answers, also across reopening.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Included, Unbounded},
};

use proptest::prelude::*;

use super::open;
use crate::store::{Batch, MemoryStore, Row, Span, Store, StoreError};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// Puts a value (a byte and how often it is repeated) or deletes.
type Change = (Vec<u8>, Option<(u8, usize)>);

#[derive(Debug, Clone)]
enum Operation {
    Apply(Vec<Change>),
    Flush,
    Reopen,
    Scan(Span, usize, bool),
}

/// Short keys from a small alphabet, so that they collide and are prefixes of one another.
fn key() -> impl Strategy<Value = Vec<u8>> {
    (1..4u8, proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0xfe), Just(0xff)], 0..3))
        .prop_map(|(table, rest)| [&[table], rest.as_slice()].concat())
}

/// Lengths around the ones at which values are split.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..200usize, 1 => 3_998..4_003usize, 1 => 7_999..8_002usize, 1 => 60_000..70_000usize]
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        Just(Span::all()),
        key().prop_map(|key| Span::prefix(&key)),
        (key(), key()).prop_map(|(from, to)| Span { from, to: Some(to) }),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let change = (key(), proptest::option::weighted(0.7, (any::<u8>(), length())));
    prop_oneof![
        6 => proptest::collection::vec(change, 0..8).prop_map(Operation::Apply),
        2 => Just(Operation::Flush),
        1 => Just(Operation::Reopen),
        4 => (span(), 0..6usize, any::<bool>()).prop_map(|(span, limit, reverse)| Operation::Scan(span, limit, reverse)),
    ]
}

fn batch(changes: &[Change]) -> Batch {
    let mut batch = Batch::new();
    for (key, value) in changes {
        match value {
            Some((byte, len)) => batch.put(key.clone(), vec![*byte; *len]),
            None => batch.delete(key.clone()),
        }
    }
    batch
}

fn apply(model: &mut Model, changes: &[Change]) {
    for (key, value) in changes {
        match value {
            Some((byte, len)) => model.insert(key.clone(), vec![*byte; *len]),
            None => model.remove(key),
        };
    }
}

fn scan(model: &Model, span: &Span, limit: usize, reverse: bool) -> Vec<Row> {
    if span.is_empty() {
        return Vec::new();
    }
    let to = span.to.clone().map_or(Unbounded, Excluded);
    let mut rows: Vec<Row> =
        model.range((Included(span.from.clone()), to)).map(|(k, v)| (k.clone(), v.clone())).collect();
    if reverse {
        rows.reverse();
    }
    rows.truncate(limit);
    rows
}

fn check(store: &dyn Store, model: &Model) -> Result<(), TestCaseError> {
    let rows: Vec<Row> = model.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    prop_assert_eq!(store.scan(&Span::all(), usize::MAX, false).expect("scan"), rows);
    for (key, value) in model {
        prop_assert_eq!(store.get(key).expect("get"), Some(value.clone()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_stores_do_what_a_map_does(operations in proptest::collection::vec(operation(), 1..30)) {
        let dir = tempfile::tempdir().expect("temp dir");
        let (mut disk, mut memory, mut model) = (open(dir.path()), MemoryStore::new(), Model::new());
        for operation in &operations {
            match operation {
                Operation::Apply(changes) => {
                    disk.apply(batch(changes)).expect("disk");
                    memory.apply(batch(changes)).expect("memory");
                    apply(&mut model, changes);
                }
                Operation::Flush => {
                    disk.flush().expect("disk");
                    memory.flush().expect("memory");
                }
                Operation::Reopen => disk.reopen().expect("reopen"),
                Operation::Scan(span, limit, reverse) => {
                    let expected = scan(&model, span, *limit, *reverse);
                    prop_assert_eq!(&disk.scan(span, *limit, *reverse).expect("disk"), &expected);
                    prop_assert_eq!(&memory.scan(span, *limit, *reverse).expect("memory"), &expected);
                }
            }
        }
        check(&disk, &model)?;
        check(&memory, &model)?;
        disk.reopen().expect("reopen");
        check(&disk, &model)?;
    }

    #[test]
    fn a_power_cut_leaves_a_prefix_that_holds_everything_flushed(
        before in proptest::collection::vec(proptest::collection::vec((key(), proptest::option::of((any::<u8>(), 0..9usize))), 0..5), 0..5),
        after in proptest::collection::vec(proptest::collection::vec((key(), proptest::option::of((any::<u8>(), 0..9usize))), 0..5), 0..5),
        keep in 0..6usize,
    ) {
        let (mut store, mut model) = (MemoryStore::new(), Model::new());
        for changes in &before {
            store.apply(batch(changes)).expect("applies");
            apply(&mut model, changes);
        }
        store.flush().expect("flushes");
        for changes in &after {
            store.apply(batch(changes)).expect("applies");
        }
        store.power_cut(keep);
        for changes in after.iter().take(keep) {
            apply(&mut model, changes);
        }
        let rows: Model = store.rows().iter().map(|(key, value)| (key.clone(), value.to_vec())).collect();
        prop_assert_eq!(rows, model);
    }
}

#[test]
fn a_key_outside_of_all_tables_is_refused_by_both() {
    let dir = tempfile::tempdir().expect("temp dir");
    let stores: [&mut dyn Store; 2] = [&mut open(dir.path()), &mut MemoryStore::new()];
    for store in stores {
        for key in [vec![], vec![0xfe, 1], vec![0xff]] {
            let mut batch = Batch::new();
            batch.put(key, vec![1]);
            assert!(matches!(store.apply(batch), Err(StoreError::ReservedKey)));
        }
        assert_eq!(store.scan(&Span::all(), 9, false).expect("scan"), Vec::new());
    }
}
