//! What this reader finds against what sled finds.
#![allow(clippy::panic)]

use std::{collections::BTreeMap, fs, path::Path};

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use super::{Reach, reach, salvage};
use crate::store::{Batch, DiskOptions, SledStore, Store};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Rows of many sizes that come, change and go, over several runs.
fn write(dir: &Path, rng: &mut ChaCha20Rng, runs: usize, rounds: u32) {
    for _ in 0..runs {
        let mut store = SledStore::open(dir, DiskOptions::default()).expect("opens");
        for round in 0..rounds {
            let mut batch = Batch::new();
            for _ in 0..=rng.next_u32() % 4 {
                let key =
                    [&[1 + u8::try_from(rng.next_u32() % 3).unwrap_or(0)], &(rng.next_u32() % 700).to_be_bytes()[..]];
                let len = [20, 300, 3_000, 9_000][usize::try_from(rng.next_u32() % 4).unwrap_or(0)];
                match rng.next_u32() % 5 {
                    0 => batch.delete(key.concat()),
                    _ => batch.put(key.concat(), vec![u8::try_from(round % 256).unwrap_or(0); len]),
                }
            }
            store.apply(batch).expect("applies");
            if round % 10 == 0 {
                store.flush().expect("flushes");
            }
        }
        store.flush().expect("flushes");
    }
}

fn by_sled(dir: &Path) -> Rows {
    let db = sled::Config::new().path(dir).flush_every_ms(None).open().expect("opens");
    db.iter().map(|row| row.map(|(key, row)| (key.to_vec(), row.to_vec())).expect("reads")).collect()
}

fn salvaged(dir: &Path) -> Rows {
    let mut rows = Rows::new();
    let found = salvage(
        dir,
        |_, _| {},
        |key, row| {
            assert!(rows.insert(key, row).is_none(), "a key twice");
            Ok(())
        },
    );
    assert_eq!(found.expect("reads").torn, 0);
    rows
}

#[test]
fn an_undamaged_log_yields_what_sled_finds_in_it() {
    for seed in 0..4 {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let dir = tempfile::tempdir().expect("temp dir");
        write(dir.path(), &mut rng, 3, 600);
        let here = salvaged(dir.path());
        let there = by_sled(dir.path());
        assert!(here == there, "seed {seed}: {} rows here, {} there", here.len(), there.len());
        assert!(here.len() > 300);
    }
}

#[test]
fn the_log_reaches_as_far_before_an_opening_as_after_the_close_before_it() {
    let mut rng = ChaCha20Rng::seed_from_u64(77);
    let dir = tempfile::tempdir().expect("temp dir");
    assert_eq!(reach(dir.path()).expect("reads"), Reach::Nothing);
    let mut last = 0;
    for round in 0..12 {
        let rounds = 1 + rng.next_u32() % 150;
        write(dir.path(), &mut rng, 1, rounds);
        let Reach::Up(lsn, _) = reach(dir.path()).expect("reads") else { panic!("no log") };
        assert!(lsn > last, "round {round}: {lsn} after {last}");
        last = lsn;
        // Opening and closing alone loses nothing either.
        drop(SledStore::open(dir.path(), DiskOptions::default()).expect("opens"));
        let Reach::Up(again, _) = reach(dir.path()).expect("reads") else { panic!("no log") };
        assert!(again >= lsn, "round {round}: {again} after {lsn}");
    }
}

#[test]
fn a_damaged_page_costs_no_more_than_itself() {
    for seed in 0..12 {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let dir = tempfile::tempdir().expect("temp dir");
        write(dir.path(), &mut rng, 2, 300);
        let before = salvaged(dir.path());
        let log = dir.path().join("db");
        let mut bytes = fs::read(&log).expect("reads");
        let used = bytes.iter().rposition(|byte| *byte != 0).expect("not empty");
        let at = usize::try_from(rng.next_u64() % u64::try_from(used).unwrap_or(1)).unwrap_or(0);
        bytes[at] ^= 1;
        fs::write(&log, &bytes).expect("writes");
        let after = salvaged(dir.path());
        let lost = before.iter().filter(|(key, row)| after.get(*key) != Some(row)).count();
        assert!(lost <= 40, "seed {seed}: {lost} of {} rows by one bit", before.len());
    }
}
