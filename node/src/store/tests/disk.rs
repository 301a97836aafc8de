//! What is particular to the disk store.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use rand_chacha::rand_core::Rng;
use rustix::fs::{IFlags, ioctl_setflags};

use super::{open, put, rng};
use crate::store::{Batch, DiskOptions, SledStore, Span, Store, StoreError};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("exists").permissions().mode() & 0o777
}

#[test]
fn only_the_owner_may_read_the_database() {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("new/db");
    let mut store = open(&path);
    put(&mut store, b"\x01key", b"value");
    store.flush().expect("flushes");
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join("db")), 0o600);
    assert_eq!(mode(&path.join("conf")), 0o600);
}

/// Leaves over 128 KiB would leave the log for files that are never synced: see `chunks`.
#[test]
fn large_values_never_leave_the_log() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    let mut rng = rng(11);
    for round in 0..4_000u32 {
        let key = [&[1][..], &(rng.next_u32() % 300).to_be_bytes()].concat();
        let mut batch = Batch::new();
        match round % 4 {
            0 => batch.put(key, vec![1; 65_536]),
            1 => batch.put(key, vec![2; 3_999]),
            2 => batch.put(key, vec![3; 4_001]),
            _ => batch.delete(key),
        }
        store.apply(batch).expect("applies");
        if round % 50 == 0 {
            store.flush().expect("flushes");
        }
    }
    store.flush().expect("flushes");
    let blobs: Vec<_> = fs::read_dir(dir.path().join("blobs")).expect("lists").collect();
    assert!(blobs.is_empty(), "{blobs:?}");
}

#[test]
fn the_log_is_written_through_wherever_the_file_system_can() {
    let dir = tempfile::tempdir().expect("temp dir");
    let sync = |name: &str| {
        let file = fs::File::open(dir.path().join(name)).expect("opens");
        rustix::fs::ioctl_getflags(&file).map(|flags| (file, flags))
    };
    fs::write(dir.path().join("other"), "").expect("writes");
    let possible = sync("other").is_ok_and(|(file, flags)| ioctl_setflags(&file, flags | IFlags::SYNC).is_ok());
    let _store = open(&dir.path().join("store"));
    let done = sync("store/db").is_ok_and(|(_, flags)| flags.contains(IFlags::SYNC));
    assert_eq!(done, possible);
}

#[test]
fn a_value_that_shrinks_leaves_no_parts_behind() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    for len in [50_000, 13_000, 10, 50_000] {
        put(&mut store, b"\x01key", &vec![9; len]);
        assert_eq!(store.get(b"\x01key").expect("get").map(|v| v.len()), Some(len));
    }
    store.reopen().expect("reopens");
    let mut batch = Batch::new();
    batch.delete(b"\x01key".to_vec());
    store.apply(batch).expect("applies");
    store.flush().expect("flushes");
    drop(store);
    let rows = sled::open(dir.path()).expect("opens").iter().count();
    assert_eq!(rows, 1, "nothing but the digest");
}

#[test]
fn a_second_opening_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().expect("temp dir");
    let _first = open(dir.path());
    let second = SledStore::open(dir.path(), DiskOptions::default()).expect_err("in use");
    assert!(matches!(second, StoreError::InUse { .. }), "{second}");
}

#[test]
fn a_store_in_place_of_a_file_is_an_error() {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("db");
    fs::write(&path, "text").expect("write");
    let error = SledStore::open(&path, DiskOptions::default()).expect_err("refused");
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

#[test]
fn unflushed_batches_are_seen_by_reads_and_kept_by_an_orderly_close() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    put(&mut store, b"\x01a", b"1");
    assert_eq!(store.get(b"\x01a").expect("get"), Some(b"1".to_vec()));
    drop(store);
    assert_eq!(open(dir.path()).scan(&Span::all(), 9, false).expect("scan").len(), 1);
}
