//! Damaged files end in a typed error or in a store that works, never in a panic.

use std::fs;

use rand_chacha::rand_core::Rng;

use super::{open, rng};
use crate::store::{Batch, DiskOptions, SledStore, Span, Store, StoreError, opening::open_waiting};

/// A database with a few hundred rows of several sizes, closed.
fn write(dir: &std::path::Path) {
    let mut store = open(dir);
    for number in 0..400u32 {
        let mut batch = Batch::new();
        let len = if number % 50 == 0 { 9_000 } else { 300 };
        batch.put([&[1], number.to_be_bytes().as_slice()].concat(), vec![7; len]);
        store.apply(batch).expect("applies");
        if number % 20 == 0 {
            store.flush().expect("flushes");
        }
    }
    store.flush().expect("flushes");
}

#[test]
fn a_damaged_database_is_an_error_and_never_a_panic() {
    let seed = 23;
    let mut rng = rng(seed);
    let original = tempfile::tempdir().expect("temp dir");
    write(original.path());
    let names: Vec<_> = fs::read_dir(original.path())
        .expect("lists")
        .filter_map(|entry| entry.ok().filter(|e| e.path().is_file()).map(|e| e.file_name()))
        .collect();
    for round in 0..40 {
        let copy = tempfile::tempdir().expect("temp dir");
        for name in &names {
            fs::copy(original.path().join(name), copy.path().join(name)).expect("copies");
        }
        fs::create_dir(copy.path().join("blobs")).expect("creates");
        let log = copy.path().join("db");
        let mut bytes = fs::read(&log).expect("reads");
        let used = bytes.iter().rposition(|b| *b != 0).expect("not empty");
        let at = usize::try_from(rng.next_u64()).unwrap_or(0) % used;
        match round % 4 {
            0 | 1 => bytes[at] ^= 1 << (rng.next_u32() % 8),
            2 => bytes.truncate(at),
            _ => bytes[at..(at + 4_096).min(used)].fill(0),
        }
        fs::write(&log, &bytes).expect("writes");
        let result = SledStore::open(copy.path(), DiskOptions::default()).and_then(|mut store| {
            let rows = store.scan(&Span::all(), usize::MAX, false)?.len();
            let mut batch = Batch::new();
            batch.put(vec![2], vec![1]);
            store.apply(batch)?;
            store.flush()?;
            Ok(rows)
        });
        match result {
            Ok(rows) => assert!(rows <= 400, "seed {seed} round {round}"),
            Err(StoreError::Damaged { .. }) => {}
            Err(other) => assert!(matches!(other, StoreError::Damaged { .. }), "seed {seed} round {round}: {other}"),
        }
    }
}

#[test]
fn a_snapshot_that_a_full_disk_left_half_written_is_no_damage() {
    let dir = tempfile::tempdir().expect("temp dir");
    write(dir.path());
    fs::write(dir.path().join("snap.00000000000FFFFF.generating"), [7; 40]).expect("writes");
    let store = SledStore::open(dir.path(), DiskOptions::default()).expect("opens");
    assert_eq!(store.scan(&Span::all(), usize::MAX, false).expect("scan").len(), 400);
}

/// The workers of a database that was just closed hold its lock for a moment.
#[test]
fn a_half_written_snapshot_is_no_damage_when_the_lock_becomes_free_late() {
    let dir = tempfile::tempdir().expect("temp dir");
    write(dir.path());
    fs::write(dir.path().join("snap.00000000000FFFFF.generating"), [7; 40]).expect("writes");
    let held = fs::File::open(dir.path().join("db")).expect("opens");
    held.lock().expect("locks");
    let mut held = Some(held);
    let opened = open_waiting(dir.path(), 1 << 20, || {
        held = None;
        true
    });
    assert_eq!(opened.err(), None);
    assert!(held.is_none(), "nobody waited for the lock");
}

#[test]
fn the_error_of_a_damaged_database_names_the_repair() {
    let dir = tempfile::tempdir().expect("temp dir");
    write(dir.path());
    fs::write(dir.path().join("conf"), "not what sled wrote").expect("writes");
    let error = SledStore::open(dir.path(), DiskOptions::default()).expect_err("refused");
    assert!(error.to_string().contains("covey db repair"), "{error}");
}
