//! The database and what watches over it: what each kind of loss is noticed as.
#![allow(clippy::panic)]

use std::{fs, path::Path};

use rand_chacha::rand_core::Rng;

use super::rng;
use crate::files;
use crate::store::{
    Batch, Behind, DiskOptions, DurableStore, Floors, MarksState, Places, Span, Store, StoreError, Table,
};

fn places(dir: &Path) -> Places {
    Places { database: dir.join("db"), marks: dir.join("marks"), kept: dir.join("kept") }
}

fn open(dir: &Path) -> Result<(DurableStore, MarksState), StoreError> {
    DurableStore::open(&places(dir), DiskOptions::default())
}

/// `count` batches of an entry each, and a contact now and then.
fn write(store: &mut DurableStore, from: u64, count: u64) {
    for number in from..from + count {
        let mut batch = Batch::new();
        let length = if number % 9 == 0 { 5_000 } else { 200 };
        batch.put([&[Table::Entry.byte()], number.to_be_bytes().as_slice()].concat(), vec![3; length]);
        if number % 10 == 0 {
            batch.put(vec![Table::Contact.byte(), u8::try_from(number % 250).unwrap_or(0)], vec![4; 300]);
        }
        store.apply(batch).expect("applies");
        store.floors(Floors { journal: number, card: 5 });
        store.flush().expect("flushes");
    }
}

fn behind(state: MarksState) -> Behind {
    match state {
        MarksState::Behind(behind) => behind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_database_that_was_closed_or_killed_is_consistent() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (mut store, state) = open(dir.path()).expect("opens");
    assert_eq!(state, MarksState::Fresh);
    write(&mut store, 1, 60);
    drop(store);
    let (mut store, state) = open(dir.path()).expect("opens");
    assert_eq!(state, MarksState::Consistent);
    write(&mut store, 61, 30);
    let killed = tempfile::tempdir().expect("temp dir");
    files::copy_all(dir.path(), killed.path());
    let (again, state) = open(killed.path()).expect("opens");
    assert_eq!(state, MarksState::Consistent);
    assert_eq!(again.marks().commit, 90);
    assert_eq!(again.marks().floors, Floors { journal: 90, card: 5 });
}

#[test]
fn an_older_database_under_newer_marks_is_behind_and_told_what_was_kept() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (mut store, _) = open(dir.path()).expect("opens");
    write(&mut store, 1, 50);
    drop(store);
    let old = tempfile::tempdir().expect("temp dir");
    files::copy_all(&dir.path().join("db"), old.path());
    let (mut store, _) = open(dir.path()).expect("opens");
    write(&mut store, 51, 30);
    drop(store);
    fs::remove_dir_all(dir.path().join("db")).expect("removes");
    files::copy_all(old.path(), &dir.path().join("db"));
    let (mut store, state) = open(dir.path()).expect("opens");
    let behind = behind(state);
    assert!(behind.why.contains("30 changes"), "{}", behind.why);
    assert_eq!(behind.floors.journal, 80);
    assert!(behind.kept.iter().any(|(key, _)| *key == [Table::Contact.byte(), 80]), "kept: {}", behind.kept.len());
    assert!(store.marks().suspect);
    write(&mut store, 100, 1);
    assert_eq!(store.marks().commit, 81, "counts on where nobody counted");
    drop(store);
    let (mut store, state) = open(dir.path()).expect("opens");
    assert!(matches!(state, MarksState::Behind(_)), "until what follows from it is done");
    store.settled().expect("notes");
    drop(store);
    assert_eq!(open(dir.path()).expect("opens").1, MarksState::Consistent);
}

#[test]
fn marks_that_are_gone_or_unreadable_are_a_reason_for_suspicion() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (mut store, _) = open(dir.path()).expect("opens");
    write(&mut store, 1, 5);
    drop(store);
    fs::remove_file(dir.path().join("marks")).expect("removes");
    assert!(behind(open(dir.path()).expect("opens").1).why.contains("gone"));
    fs::write(dir.path().join("marks"), [0; 9_000]).expect("writes");
    assert!(behind(open(dir.path()).expect("opens").1).why.contains("cannot be read"));
}

#[test]
fn a_database_that_is_gone_is_not_taken_for_a_new_one() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (mut store, _) = open(dir.path()).expect("opens");
    write(&mut store, 1, 5);
    drop(store);
    fs::remove_dir_all(dir.path().join("db")).expect("removes");
    let error = open(dir.path()).expect_err("refused");
    assert!(error.to_string().contains("covey db repair"), "{error}");
}

/// The heart of it: whatever one bit does to the files, no row is lost without a word.
#[test]
fn no_damage_to_the_log_passes_unnoticed() {
    let seed = 99;
    let mut rng = rng(seed);
    let dir = tempfile::tempdir().expect("temp dir");
    for run in 0..3 {
        let (mut store, _) = open(dir.path()).expect("opens");
        write(&mut store, 1 + 150 * run, 150);
    }
    let expected = open(dir.path()).expect("opens").0.scan(&Span::all(), usize::MAX, false).expect("scans");
    let original = fs::read(dir.path().join("db/db")).expect("reads");
    let used = original.iter().rposition(|byte| *byte != 0).expect("not empty");
    let below = |rng: &mut rand_chacha::ChaCha20Rng| {
        usize::try_from(rng.next_u64() % u64::try_from(used).unwrap_or(1)).unwrap_or(0)
    };
    let (mut whole, mut refused) = (0, 0);
    for round in 0..60 {
        let copied = tempfile::tempdir().expect("temp dir");
        files::copy_all(dir.path(), copied.path());
        let mut bytes = original.clone();
        let (one, other) = (below(&mut rng), below(&mut rng));
        match round % 3 {
            0 => bytes[one] ^= 1 << (rng.next_u32() % 8),
            1 => bytes.truncate(one),
            _ => {
                let (one, other) = (one / 4_096 * 4_096, other / 4_096 * 4_096);
                (0..4_096).filter(|at| one.max(other) + at < used).for_each(|at| bytes.swap(one + at, other + at));
            }
        }
        fs::write(copied.path().join("db/db"), &bytes).expect("writes");
        match open(copied.path()) {
            Ok((store, state)) => {
                let rows = store.scan(&Span::all(), usize::MAX, false).expect("scans");
                match state {
                    MarksState::Consistent => {
                        assert!(rows == expected, "seed {seed} round {round}: {} rows", rows.len());
                        whole += 1;
                    }
                    MarksState::Behind(_) => {
                        assert!(rows.len() < expected.len(), "seed {seed} round {round}");
                    }
                    MarksState::Fresh => panic!("seed {seed} round {round}: taken for a new one"),
                }
            }
            Err(error) => {
                assert!(matches!(error, StoreError::Damaged { .. }), "seed {seed} round {round}: {error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 20 && whole > 0, "{refused} refused, {whole} whole");
}

/// sled goes on in the segment that its snapshot names, whether or not it will find it the next time.
#[test]
fn what_is_written_to_a_database_that_lost_the_beginning_of_a_segment_is_there_the_next_time_or_it_does_not_open() {
    const SEGMENT: usize = 512 << 10;
    let seed = 5;
    let mut rng = rng(seed);
    let (mut refused, mut went_on) = (0, 0);
    for round in 0..12 {
        let (dir, killed) = (tempfile::tempdir().expect("temp dir"), tempfile::tempdir().expect("temp dir"));
        let mut number = 1;
        for run in 0..3 {
            let (mut store, _) = open(dir.path()).expect("opens");
            let count = 20 + rng.next_u64() % 200;
            write(&mut store, number, count);
            number += count;
            if run == 2 {
                files::copy_all(dir.path(), killed.path());
            }
        }
        let segments = fs::metadata(killed.path().join("db/db")).expect("is there").len().div_ceil(SEGMENT as u64);
        for segment in 0..usize::try_from(segments).expect("few") {
            let damaged = tempfile::tempdir().expect("temp dir");
            files::copy_all(killed.path(), damaged.path());
            let log = damaged.path().join("db/db");
            let mut bytes = fs::read(&log).expect("reads");
            bytes.iter_mut().skip(segment * SEGMENT).take(4_096).for_each(|byte| *byte = 0);
            fs::write(&log, &bytes).expect("writes");
            let (mut store, _) = match open(damaged.path()) {
                Ok(opened) => opened,
                Err(error) => {
                    assert!(matches!(error, StoreError::Damaged { .. }), "seed {seed} round {round}: {error}");
                    refused += 1;
                    continue;
                }
            };
            went_on += 1;
            write(&mut store, number, 1);
            let rows = store.scan(&Span::all(), usize::MAX, false).expect("scans");
            drop(store);
            let (again, _) = open(damaged.path()).expect("opens again");
            let found = again.scan(&Span::all(), usize::MAX, false).expect("scans");
            assert!(found == rows, "seed {seed} round {round} segment {segment}: {} of {}", found.len(), rows.len());
        }
    }
    assert!(refused > 10, "{refused} refused, {went_on} went on");
}

#[test]
fn rows_are_compared_while_others_are_written() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut rng = rng(3);
    let mut store = crate::store::SledStore::open(dir.path(), DiskOptions::default()).expect("opens");
    let mut ended = false;
    for round in 0..3_000u32 {
        let mut batch = Batch::new();
        let key = [&[1], (rng.next_u32() % 500).to_be_bytes().as_slice()].concat();
        if rng.next_u32().is_multiple_of(4) {
            batch.delete(key);
        } else {
            batch.put(key, vec![7; usize::try_from(rng.next_u32() % 6_000).unwrap_or(0)]);
        }
        store.apply(batch).expect("applies");
        if round >= 1_500 && !ended {
            ended = store.scrub(1).expect("agrees");
        }
    }
    assert!(ended || store.scrub(10_000).expect("agrees"));
    store.reopen().expect("reopens");
    assert!(store.scrub(100_000).expect("agrees"));
}

#[test]
fn long_rows_are_compared_a_few_at_a_time() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = crate::store::SledStore::open(dir.path(), DiskOptions::default()).expect("opens");
    for number in 0..64u8 {
        let mut batch = Batch::new();
        batch.put(vec![1, number], vec![7; 60 << 10]);
        store.apply(batch).expect("applies");
    }
    store.reopen().expect("reopens");
    let (rows, mut parts) = (store.rows(), 0);
    while !store.scrub(1_000).expect("agrees") {
        parts += 1;
    }
    assert_eq!(store.compared(), rows);
    assert!(parts >= 6, "3.75 MiB in {parts} parts, each as much as 1,000 rows of 512 bytes");
}

#[test]
fn damage_in_a_large_database_is_noticed_while_it_is_in_use_and_remembered() {
    let seed = 7;
    let mut rng = rng(seed);
    let dir = tempfile::tempdir().expect("temp dir");
    for run in 0..4 {
        let (mut store, _) = open(dir.path()).expect("opens");
        write(&mut store, 1 + 150 * run, 150);
    }
    let (mut store, _) = open(dir.path()).expect("opens");
    // Most of what was written one row at a time has been replaced since: a damage there is none.
    let mut batch = Batch::new();
    for number in 1_000..1_300u64 {
        batch.put([&[Table::Entry.byte()], number.to_be_bytes().as_slice()].concat(), vec![5; 2_500]);
    }
    store.apply(batch).expect("applies");
    store.flush().expect("flushes");
    drop(store);
    drop(open(dir.path()).expect("opens"));
    let original = fs::read(dir.path().join("db/db")).expect("reads");
    let used = u64::try_from(original.iter().rposition(|byte| *byte != 0).expect("not empty")).unwrap_or(1);
    let mut noticed = 0;
    for round in 0..400 {
        let copied = tempfile::tempdir().expect("temp dir");
        files::copy_all(dir.path(), copied.path());
        let mut bytes = original.clone();
        bytes[usize::try_from(rng.next_u64() % used).unwrap_or(0)] ^= 1;
        fs::write(copied.path().join("db/db"), &bytes).expect("writes");
        let open = || DurableStore::open_after(&places(copied.path()), DiskOptions::default(), 1);
        // Too large to be compared before it is used: so it is, but not all at once.
        let Ok((mut store, _)) = open() else { continue };
        let error = loop {
            match store.tend() {
                Ok(true) => {}
                Ok(false) => break None,
                Err(error) => break Some(error),
            }
        };
        let Some(error) = error else { continue };
        assert!(matches!(error, StoreError::Damaged { .. }), "seed {seed} round {round}: {error}");
        assert!(store.marks().damaged);
        assert!(!store.tend().expect("no further"), "it is told once");
        drop(store);
        assert!(matches!(open(), Err(StoreError::Damaged { .. })), "seed {seed} round {round}");
        noticed += 1;
        if noticed == 5 {
            return;
        }
    }
    panic!("seed {seed}: noticed late {noticed} times");
}
