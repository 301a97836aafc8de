//! Giving space back to the disk.
//!
//! sled uses again what its log no longer needs, but its file never gets shorter. So every record is copied, sealed as it
//! is, to a new database beside the old one, which takes its place once it is known to be the same and durable:
//!
//! ```text
//! what a crash leaves           in the place of the database
//! 1  copying                    the old one
//! 2  checking, syncing          the old one
//! 3  the mark of the log's end  the old one; the mark is gone
//! 4  exchanging the names       the old or the new one (or neither: the old one is put back)
//! 5  removing the old one       the new one
//! 6  the mark of the log's end  the new one
//! ```
//!
//! What the database is guarded by stays true. The count of commits goes on, so the marks find the new one no older than the
//! old. The mark of how far the log reached belongs to one log: it is taken back before the names are exchanged, and set
//! for the new one at the end; in between a cut log is noticed by the count of commits alone, as after a repair. Second
//! copies are of records, and these stay; their file is written anew as well. The database remembers its files (`daemon/provenance.rs`), and is
//! told of its new ones.

use std::path::Path;

use rand::{make_rng, rngs::StdRng};
use rustix::fs::statvfs;

use crate::{
    daemon::{Options, Provenance},
    store::{Batch, DurableStore, Found, Marks, MarksFile, MarksState, Row, SledStore, Span, Store, Tx},
};

use super::{
    DbError, Progress,
    aside::{Aside, bytes_in, sync_all_in},
    errors::at,
    hold::Held,
};

/// Records read at a time.
const PART: usize = 256;
/// The least that the log of a database takes: a few of its segments.
const LOG_MIN: u64 = 4 << 20;

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Compacted {
    /// Records in the database.
    pub records: u64,
    /// Bytes of its files before.
    pub bytes_before: u64,
    /// Bytes of its files now.
    pub bytes_after: u64,
}

/// Where a compaction is; tests let it crash there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Copying,
    Copied,
    Checked,
    Unmarked,
    Between,
    Swapped,
    Removed,
}

/// What a test does at a step. An error ends it there, as a crash would.
pub(super) type Stop<'a> = &'a mut dyn FnMut(Step) -> Result<(), DbError>;

/// Copies what the database of a data directory that no daemon has consists of to new files, and removes the old ones. Needs
/// space for both.
///
/// # Errors
/// [`DbError`]; the database is whole then, and as before or compacted.
pub fn compact(options: &Options, progress: Progress<'_>) -> Result<Compacted, DbError> {
    compact_until(options, progress, true, &mut |_| Ok(()))
}

/// As [`compact`], with or without an exchange of names, and with crashes.
pub(super) fn compact_until(
    options: &Options,
    progress: Progress<'_>,
    exchange: bool,
    stop: Stop<'_>,
) -> Result<Compacted, DbError> {
    let held = Held::take(options)?;
    let aside = Aside::of(&options.paths);
    let mut source = whole(&held, progress)?;
    aside.clean().map_err(at(&aside.making))?;
    let bytes_before = bytes_in(&aside.database).map_err(at(&aside.database))?;
    let ended = make(&held, &source, &aside, progress, stop);
    let crashed = matches!(&ended, Err(DbError::Stopped));
    let records = ended.inspect_err(|_| {
        // What is left of a new database that was not completed is of no use; the next one to come removes it too.
        let _ = if crashed { Ok(()) } else { aside.clean() };
    })?;
    source.copy_anew()?;
    drop(source);

    let marks = MarksFile::read(&held.places.marks).map_err(at(&held.places.marks))?;
    let marks = if let Found::Marks(marks) = marks { marks } else { Marks::default() };
    let mut marks = MarksFile::begin(&held.places.marks, Marks { tip: 0, ..marks }).map_err(at(&held.places.marks))?;
    stop(Step::Unmarked)?;
    let mut stopped = None;
    let swapped = aside.swap(exchange, &mut || {
        stop(Step::Between).map_err(|error| {
            stopped = Some(error);
            std::io::Error::other("stopped")
        })
    });
    match stopped {
        Some(error) => return Err(error),
        None => swapped.inspect_err(|_| drop(aside.resume())).map_err(at(&aside.database))?,
    }
    stop(Step::Swapped)?;
    aside.clean().map_err(at(&aside.making))?;
    stop(Step::Removed)?;
    let mut store = SledStore::open(&aside.database, held.disk)?;
    if let Some(tip) = store.shut() {
        marks.change(|marks| marks.tip = tip).map_err(at(&held.places.marks))?;
    }
    let bytes_after = bytes_in(&aside.database).map_err(at(&aside.database))?;
    Ok(Compacted { records, bytes_before, bytes_after })
}

/// Opens the database, all of which must be there: a damaged one is to be repaired, and an old one started, first.
fn whole(held: &Held, progress: Progress<'_>) -> Result<DurableStore, DbError> {
    let (mut store, state) = DurableStore::open(&held.places, held.disk)?;
    if let MarksState::Behind(behind) = state {
        return Err(DbError::Behind { why: behind.why });
    }
    let rows = store.database().rows();
    store.scrub_all(|done| progress("rows", done, rows))?;
    Ok(store)
}

/// Makes the new database, complete, compared with the old one and durable. How many records it has.
fn make(
    held: &Held,
    source: &DurableStore,
    aside: &Aside,
    progress: Progress<'_>,
    stop: Stop<'_>,
) -> Result<u64, DbError> {
    let rows = source.database().rows();
    let there = Sum::of(source, |done| progress("measured", done, rows))?;
    has_room(&aside.database, there.bytes)?;
    let mut new = SledStore::open(&aside.making, held.disk)?;
    new.skip_to(source.database().commit());
    let mut records = 0;
    each_part(source, |part| {
        let mut batch = Batch::new();
        records += u64::try_from(part.len()).unwrap_or(0);
        part.into_iter().for_each(|(key, value)| batch.put(key, value));
        new.apply(batch)?;
        progress("copied", records, there.records);
        stop(Step::Copying)
    })?;
    new.flush()?;
    let _ = new.shut();
    stop(Step::Copied)?;

    // From its files, not from memory.
    let mut new = SledStore::open(&aside.making, held.disk)?;
    let all = new.rows();
    while !new.scrub(PART)? {}
    let here = Sum::of(&new, |done| progress("compared", done, all))?;
    if here != there {
        return Err(DbError::Unequal { records: there.records, copied: here.records });
    }
    if let (Some(old), Some(files)) = (Provenance::of(&aside.database), Provenance::of(&aside.making)) {
        let mut rng: StdRng = make_rng();
        let mut tx = Tx::new(&new, &held.vault);
        old.moved_to(files, &mut tx)?;
        let batch = tx.into_batch(&mut rng)?;
        if !batch.is_empty() {
            new.apply(batch)?;
        }
    }
    new.flush()?;
    let _ = new.shut();
    sync_all_in(&aside.making).map_err(at(&aside.making))?;
    stop(Step::Checked)?;
    Ok(there.records)
}

/// Refuses if the disk has less room than a copy of the records takes: about twice what they are, since sled cleans up parts of
/// its log that are less than half in use.
fn has_room(database: &Path, bytes: u64) -> Result<(), DbError> {
    let needed = 2 * bytes + LOG_MIN;
    let found = statvfs(database).map_err(|error| at(database)(error.into()))?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    if free < needed { Err(DbError::NoRoom { path: database.to_owned(), needed, free }) } else { Ok(()) }
}

/// What the records of a database are, to compare two.
#[derive(PartialEq, Eq)]
struct Sum {
    records: u64,
    bytes: u64,
    hash: blake3::Hash,
}

impl Sum {
    fn of(store: &dyn Store, mut progress: impl FnMut(u64)) -> Result<Self, DbError> {
        let (mut hasher, mut records, mut bytes) = (blake3::Hasher::new(), 0u64, 0u64);
        each_part(store, |part| {
            for (key, value) in part {
                let lengths = [key.len(), value.len()].map(|length| u64::try_from(length).unwrap_or(u64::MAX));
                lengths.iter().for_each(|length| {
                    hasher.update(&length.to_be_bytes());
                });
                hasher.update(&key).update(&value);
                bytes += lengths.iter().sum::<u64>();
                records += 1;
            }
            progress(records);
            Ok(())
        })?;
        Ok(Self { records, bytes, hash: hasher.finalize() })
    }
}

/// Goes through all records in the order of their keys.
pub(super) fn each_part(
    store: &dyn Store,
    mut see: impl FnMut(Vec<Row>) -> Result<(), DbError>,
) -> Result<(), DbError> {
    let mut span = Span::all();
    loop {
        let part = store.scan(&span, PART, false)?;
        let last = part.last().map(|(key, _)| [key.as_slice(), &[0]].concat());
        let full = part.len() == PART;
        if !part.is_empty() {
            see(part)?;
        }
        match last {
            Some(next) if full => span.from = next,
            _ => return Ok(()),
        }
    }
}
