//! Compacting and measuring real databases, with a crash at every step.

use std::{collections::BTreeSet, fs, path::Path};

use super::{
    DbError, aside,
    compact::{Compacted, Step, compact, compact_until},
    open, places, stats, verify,
};
use crate::files;
use crate::{
    config::{Config, Overrides},
    daemon::{self, Options, Provenance},
    paths::Paths,
    store::{Batch, DiskOptions, DurableStore, Floors, MarksState, Row, SledStore, Span, Store, Table},
    vault::VaultFiles,
};

fn options(dir: &Path) -> Options {
    let paths = Paths::resolve(Some(dir), None, |_| None).expect("paths");
    Options { paths, config: Config::default(), passphrase: None, flags: Overrides::new(), log: None }
}

/// A data directory with an account, and a database that was written over and over.
fn used(dir: &Path) -> Options {
    let options = options(dir);
    daemon::init(&options).map_err(|e| e.to_string()).expect("initialises");
    let mut store = opened(&options);
    for round in 0..40u8 {
        let mut batch = Batch::new();
        for number in 0..60u8 {
            let length = if number % 9 == 0 { 9_000 } else { 400 };
            batch.put(vec![Table::Parked.byte(), number], vec![round; length]);
            batch.put(vec![Table::Parked.byte(), number, round], vec![number; 500]);
            if round > 3 {
                batch.delete(vec![Table::Parked.byte(), number, round - 3]);
            }
        }
        store.apply(batch).expect("applies");
        store.floors(Floors { journal: u64::from(round), card: 7 });
        store.flush().expect("flushes");
    }
    drop(store);
    options
}

/// The database, which has to be what the marks know.
fn opened(options: &Options) -> DurableStore {
    let (store, state) = DurableStore::open(&places(&options.paths), DiskOptions::default()).expect("opens");
    assert!(matches!(state, MarksState::Fresh | MarksState::Consistent), "{state:?}");
    store
}

fn rows(options: &Options) -> Vec<Row> {
    opened(options).scan(&Span::all(), usize::MAX, false).expect("scans")
}

fn compacted(options: &Options) -> Compacted {
    compact(options, &mut |_, _, _| {}).map_err(|e| e.to_string()).expect("compacts")
}

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).expect("lists").map_while(Result::ok);
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Opens it as a start does.
fn started(options: &Options) {
    aside::resume_compaction(&options.paths).expect("resumes");
    let vault = VaultFiles::new(options.paths.data_dir()).open(None).expect("opens");
    let mut rng: rand::rngs::StdRng = rand::make_rng();
    let opening = open(&places(&options.paths), DiskOptions::default(), &vault, &mut rng).expect("opens");
    assert!(!opening.suspect, "it is taken for an old copy");
    drop(opening);
    aside::end_compaction(&options.paths);
}

#[test]
fn a_compacted_database_is_smaller_and_has_every_record_as_it_was_sealed() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let options = used(dir.path());
    let (before, commit) = (rows(&options), opened(&options).marks().commit);
    let there = names(dir.path());
    let made = compacted(&options);
    assert_eq!(made.records, u64::try_from(before.len()).unwrap_or(0));
    assert!(made.bytes_after * 3 < made.bytes_before * 2, "{made:?}");
    assert_eq!(rows(&options), before);
    assert_eq!(names(dir.path()), there, "nothing is left beside it");
    let store = opened(&options);
    assert!(store.marks().commit >= commit && !store.marks().suspect && store.marks().tip > 0);
    assert_eq!(store.marks().floors, Floors { journal: 39, card: 7 });
    drop(store);
    let again = compacted(&options);
    assert!(again.bytes_after <= made.bytes_after + (1 << 20), "{again:?} after {made:?}");
    assert_eq!(rows(&options), before);
}

#[test]
fn a_crash_at_any_step_leaves_a_whole_database_and_the_next_start_or_compaction_goes_on() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let original = used(dir.path());
    let before = rows(&original);
    let steps =
        [Step::Copying, Step::Copied, Step::Checked, Step::Unmarked, Step::Between, Step::Swapped, Step::Removed];
    for (exchange, step) in [true, false].into_iter().flat_map(|exchange| steps.map(|step| (exchange, step))) {
        let copied = tempfile::tempdir().expect("a temp dir");
        let crashed = tempfile::tempdir().expect("a temp dir");
        files::copy_all(dir.path(), copied.path());
        let ended = compact_until(&options(copied.path()), &mut |_, _, _| {}, exchange, &mut |at| {
            if at != step {
                return Ok(());
            }
            // What a killed process leaves, and not what is left when everything is closed in order.
            files::copy_all(copied.path(), crashed.path());
            Err(DbError::Stopped)
        });
        if exchange && step == Step::Between {
            assert!(ended.is_ok(), "names are exchanged at once");
            continue;
        }
        assert!(matches!(ended, Err(DbError::Stopped)), "{step:?}: {ended:?}");
        let (again, other) = (tempfile::tempdir().expect("a temp dir"), names(dir.path()));
        files::copy_all(crashed.path(), again.path());

        let options_of = options(crashed.path());
        started(&options_of);
        assert_eq!(rows(&options_of), before, "{step:?} {exchange}: a start");
        assert_eq!(names(crashed.path()), other, "{step:?} {exchange}: left after a start");

        let options_of = options(again.path());
        let made = compacted(&options_of);
        assert_eq!(rows(&options_of), before, "{step:?} {exchange}: a compaction");
        assert_eq!(names(again.path()), other, "{step:?} {exchange}: left after a compaction");
        assert!(made.bytes_after < 8 << 20, "{step:?}: {made:?}");
        let found = verify(&options_of, &mut |_, _, _| {}).map_err(|e| e.to_string()).expect("verifies");
        // The rows that this test wrote are none that a node writes.
        assert!(found.problems.iter().all(|problem| !problem.contains("older state")), "{:?}", found.problems);
    }
}

#[test]
fn a_node_whose_database_was_compacted_is_not_taken_for_a_copy_and_a_copy_of_it_is() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let options_of = used(dir.path());
    let vault = VaultFiles::new(dir.path()).open(None).expect("opens");
    let remember = |options: &Options| {
        let files = Provenance::of(&options.paths.database()).expect("there are files");
        let mut store = opened(options);
        let mut tx = crate::store::Tx::new(&store, &vault);
        files.note(&mut tx).expect("writes");
        let batch = tx.into_batch(&mut rand::make_rng::<rand::rngs::StdRng>()).expect("seals");
        store.apply(batch).expect("applies");
        store.flush().expect("flushes");
    };
    let is_copy = |options: &Options| {
        let files = Provenance::of(&options.paths.database()).expect("there are files");
        let store = opened(options);
        files.is_copy(&crate::store::Reader::new(&store, &vault)).expect("reads")
    };
    remember(&options_of);
    compacted(&options_of);
    assert!(!is_copy(&options_of));
    let copied = tempfile::tempdir().expect("a temp dir");
    files::copy_all(dir.path(), copied.path());
    let copied = options(copied.path());
    assert!(is_copy(&copied));
    compacted(&copied);
    assert!(is_copy(&copied), "compacting a copy does not hide that it is one");
}

#[test]
fn a_damaged_database_an_old_one_and_one_in_use_are_refused_and_left_as_they_are() {
    let refused = |options: &Options| match compact(options, &mut |_, _, _| {}) {
        Ok(made) => format!("compacted: {made:?}"),
        Err(error) => error.to_string(),
    };
    let dir = tempfile::tempdir().expect("a temp dir");
    let options_of = used(dir.path());
    let log = dir.path().join("db/db");
    let bytes = fs::read(&log).expect("reads");
    let mut damaged = bytes.clone();
    damaged.iter_mut().skip(600_000).step_by(5_000).for_each(|byte| *byte ^= 1);
    fs::write(&log, &damaged).expect("writes");
    let there = names(dir.path());
    let sentence = refused(&options_of);
    assert!(sentence.contains("covey db repair"), "{sentence}");
    assert_eq!(names(dir.path()), there);
    fs::write(&log, &bytes).expect("writes");

    let old = tempfile::tempdir().expect("a temp dir");
    files::copy_all(dir.path(), old.path());
    fs::remove_file(old.path().join("marks")).expect("removes");
    let sentence = refused(&options(old.path()));
    assert!(sentence.contains("older state") && sentence.contains("covey daemon"), "{sentence}");

    let _lock = crate::lock::InstanceLock::acquire(dir.path()).expect("takes it");
    let sentence = refused(&options_of);
    assert!(sentence.contains("covey shutdown"), "{sentence}");
}

#[test]
fn a_copy_that_is_not_what_was_copied_is_given_up() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let options_of = used(dir.path());
    let (before, there) = (rows(&options_of), names(dir.path()));
    let mut done = false;
    let ended = compact_until(&options_of, &mut |_, _, _| {}, true, &mut |at| {
        if at == Step::Copied && !std::mem::replace(&mut done, true) {
            let mut store = SledStore::open(&dir.path().join(".db-compacting"), DiskOptions::default())?;
            let mut batch = Batch::new();
            batch.put(vec![Table::Parked.byte(), 1], b"something else".to_vec());
            store.apply(batch)?;
            store.flush()?;
        }
        Ok(())
    });
    assert!(matches!(ended, Err(DbError::Unequal { .. })), "{ended:?}");
    assert_eq!((rows(&options_of), names(dir.path())), (before, there));
}

#[test]
fn what_is_counted_by_table_adds_up_to_what_is_there() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let options_of = used(dir.path());
    let rows = rows(&options_of);
    let counted = stats(&options_of, &mut |_, _, _| {}).map_err(|e| e.to_string()).expect("counts");
    let bytes: usize = rows.iter().map(|(key, value)| key.len() + value.len()).sum();
    assert_eq!(counted.rows, u64::try_from(rows.len()).unwrap_or(0));
    assert_eq!(counted.key_bytes + counted.value_bytes, u64::try_from(bytes).unwrap_or(0));
    assert_eq!(counted.tables.iter().map(|table| table.rows).sum::<u64>(), counted.rows);
    assert_eq!(counted.tables[0].table, "Parked");
    assert!(counted.file_bytes > counted.key_bytes + counted.value_bytes);
}
