//! The database with what watches over it: high-water marks, and a second copy of the records that matter most.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    Batch, DiskOptions, Row, SledStore, Span, Store, StoreError,
    keepsafe::{self, Keepsafe},
    log::{self, Beyond, Reach},
    marks::{Floors, Found, Marks, MarksFile},
};

/// Rows that are compared with the digest before the database is used, or fewer long ones. Larger ones are compared while they are in use.
const SCRUB_AT_START: usize = 200_000;
/// Rows compared at a time while the store is in use: about two milliseconds.
const SCRUB_PART: usize = 2_000;
/// Rows read at a time to see whether the second copies are as they should be.
const KEPT_PART: usize = 64;

/// Where the files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The directory of the database.
    pub database: PathBuf,
    /// The high-water marks.
    pub marks: PathBuf,
    /// The second copies.
    pub kept: PathBuf,
}

/// What the marks say about a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarksState {
    /// There was no database, or none that had marks.
    Fresh,
    /// It holds everything that was acknowledged.
    Consistent,
    /// It may be an older state of itself.
    Behind(Behind),
}

/// How a database is behind its marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// For people: what was noticed.
    pub why: String,
    /// It was put there as an old copy, or repaired: nothing is wrong with it.
    pub expected: bool,
    /// Numbers that were given to others, perhaps after this state.
    pub floors: Floors,
    /// The records that are kept twice, sealed, as they last were: newer than those of the database perhaps.
    pub kept: Vec<Row>,
}

/// The database in use. Marks what is durable with every flush.
#[derive(Debug)]
pub struct DurableStore {
    database: SledStore,
    marks: MarksFile,
    kept: Keepsafe,
    floors: Floors,
    /// The walk over all rows has not ended.
    walking: bool,
}

impl DurableStore {
    /// Opens the database, creating everything if there is nothing.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the database is not whole: its log is shorter than it was, rows are missing or cannot
    /// be read. What sled can still make of it is kept for a repair.
    pub fn open(places: &Places, options: DiskOptions) -> Result<(Self, MarksState), StoreError> {
        Self::open_after(places, options, SCRUB_AT_START)
    }

    /// As [`DurableStore::open`], after so many rows were compared.
    pub(super) fn open_after(
        places: &Places,
        options: DiskOptions,
        rows: usize,
    ) -> Result<(Self, MarksState), StoreError> {
        let io = |source| storage_error(&places.database, source);
        let found = MarksFile::read(&places.marks).map_err(io)?;
        check_log(&places.database, &found)?;
        let mut database = SledStore::open(&places.database, options)?;
        if database.lacks_digest() || (database.commit() == 0 && committed(&found)) {
            return Err(damaged(&places.database, "records are missing"));
        }
        let walking = !walked(&mut database, rows)?;
        let why = suspicion(&database, &found);
        let marks = match found {
            Found::Marks(marks) => marks,
            Found::Missing | Found::Unreadable => Marks::default(),
        };
        database.skip_to(marks.commit);
        let (fresh, floors) = (found == Found::Missing && why.is_none(), marks.floors);
        let marks = Marks { suspect: marks.suspect || why.is_some(), commit: database.commit(), ..marks };
        let marks = MarksFile::begin(&places.marks, marks).map_err(io)?;
        // As they are: opening the file gives up what follows a torn record.
        let before = if why.is_some() { read_kept(&places.kept).map_err(io)? } else { Vec::new() };
        let kept = Keepsafe::open(&places.kept).map_err(io)?;
        let mut store = Self { database, marks, kept, floors, walking };
        if let Some((why, expected)) = why {
            return Ok((store, MarksState::Behind(Behind { why, expected, floors, kept: before })));
        }
        store.agree()?;
        Ok((store, if fresh { MarksState::Fresh } else { MarksState::Consistent }))
    }

    /// Makes the second copies those of the database, if they are not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn agree(&mut self) -> Result<(), StoreError> {
        let mut count = 0;
        let mut same = true;
        for row in kept_rows(&self.database) {
            count += 1;
            same &= self.kept.has(&row?);
        }
        if same && count == self.kept.len() { Ok(()) } else { self.copy_anew() }
    }

    /// Writes the file of second copies anew, without what it still holds of records that were replaced.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn copy_anew(&mut self) -> Result<(), StoreError> {
        let mut failure = None;
        let mut rows = kept_rows(&self.database).map(|row| {
            row.map_err(|error| {
                let text = error.to_string();
                failure = Some(error);
                io::Error::other(text)
            })
        });
        let replaced = self.kept.replace(&mut rows);
        drop(rows);
        match (replaced, failure) {
            (_, Some(error)) => Err(error),
            (replaced, None) => replaced.map_err(|e| storage_error(self.database.dir(), e)),
        }
    }

    /// The database itself.
    pub fn database(&self) -> &SledStore {
        &self.database
    }

    /// What is marked.
    pub fn marks(&self) -> &Marks {
        self.marks.marks()
    }

    /// Compares all rows with the digest. `progress` is called with the rows done.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn scrub_all(&mut self, mut progress: impl FnMut(u64)) -> Result<(), StoreError> {
        while !self.database.scrub(SCRUB_PART)? {
            progress(self.database.compared());
        }
        self.walking = false;
        Ok(())
    }

    /// Marks that the database may be an old copy, or that what follows from it has been done.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_suspect(&mut self, suspect: bool) -> Result<(), StoreError> {
        self.marks.change(|marks| marks.suspect = suspect).map_err(|e| storage_error(self.database.dir(), e))
    }
}

impl Drop for DurableStore {
    fn drop(&mut self) {
        let Some(tip) = self.database.shut() else { return };
        // Not knowing how far the log went costs a check at the next start, nothing else.
        let _ = self.marks.change(|marks| marks.tip = marks.tip.max(tip));
    }
}

impl Store for DurableStore {
    fn recover(&mut self) -> Result<(), StoreError> {
        if self.database.has_failed() {
            self.database.recover()?;
            self.database.skip_to(self.marks.marks().commit);
            self.walking = true;
        }
        self.kept.truncate(0);
        self.agree()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.database.get(key)
    }

    fn scan(&self, span: &Span, limit: usize, reverse: bool) -> Result<Vec<Row>, StoreError> {
        self.database.scan(span, limit, reverse)
    }

    fn apply(&mut self, batch: Batch) -> Result<(), StoreError> {
        let noted = self.kept.pending();
        self.kept.note(&batch);
        self.database.apply(batch).inspect_err(|_| self.kept.truncate(noted))
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.database.flush()?;
        let commit = self.database.commit();
        let written = self.kept.sync().and_then(|()| self.marks.committed(commit, self.floors));
        written.map_err(|e| storage_error(self.database.dir(), e))
    }

    fn floors(&mut self, floors: Floors) {
        self.floors = floors;
    }

    fn settled(&mut self) -> Result<(), StoreError> {
        self.set_suspect(false)
    }

    fn tend(&mut self) -> Result<bool, StoreError> {
        if !self.walking {
            return Ok(false);
        }
        match self.database.scrub(SCRUB_PART) {
            Ok(ended) => self.walking = !ended,
            Err(error) => {
                self.walking = false;
                if matches!(error, StoreError::Damaged { .. }) {
                    // The next start says so at once.
                    let _ = self.marks.change(|marks| marks.damaged = true);
                }
                return Err(error);
            }
        }
        Ok(self.walking)
    }
}

/// Compares up to `rows` rows with the digest. Whether those are all.
fn walked(database: &mut SledStore, mut rows: usize) -> Result<bool, StoreError> {
    while rows > 0 {
        let part = rows.min(SCRUB_PART);
        if database.scrub(part)? {
            return Ok(true);
        }
        rows -= part;
    }
    Ok(false)
}

/// Looks at the log before sled does, which would cut off what it cannot read.
fn check_log(database: &Path, found: &Found) -> Result<(), StoreError> {
    let Found::Marks(marks) = found else { return Ok(()) };
    if marks.damaged {
        return Err(damaged(database, "this was noticed while it was in use"));
    }
    match log::reach(database).map_err(|e| storage_error(database, e))? {
        Reach::Nothing if marks.commit > 0 => Err(damaged(database, "it is gone")),
        Reach::Severed => Err(damaged(database, "where it would be written on cannot be read")),
        Reach::Up(reach, Beyond::More) if reach < marks.tip => Err(damaged(database, "its end cannot be read")),
        _ => Ok(()),
    }
}

fn committed(found: &Found) -> bool {
    matches!(found, Found::Marks(marks) if marks.commit > 0)
}

fn damaged(database: &Path, detail: &str) -> StoreError {
    StoreError::Damaged { path: database.to_path_buf(), detail: detail.to_owned() }
}

/// Why a database that is whole may yet be an old one, and whether it is so on purpose.
fn suspicion(database: &SledStore, found: &Found) -> Option<(String, bool)> {
    let commit = database.commit();
    match found {
        Found::Marks(marks) if commit < marks.commit => {
            let lost = marks.commit - commit;
            Some((format!("its last {lost} changes, which were acknowledged, are not there"), false))
        }
        Found::Marks(marks) if marks.suspect => Some(("it was put back from elsewhere, or repaired".to_owned(), true)),
        Found::Missing if commit > 0 => Some(("its high-water marks are gone".to_owned(), false)),
        Found::Unreadable => Some(("its high-water marks cannot be read".to_owned(), false)),
        Found::Marks(_) | Found::Missing => None,
    }
}

/// The second copies in the file at `path`, as far as they can be read.
///
/// # Errors
/// What the operating system says.
pub(crate) fn read_kept(path: &Path) -> io::Result<Vec<Row>> {
    Ok(Keepsafe::read(path)?.into_iter().collect())
}

/// All records of the database that are kept twice.
fn kept_rows(database: &SledStore) -> impl Iterator<Item = Result<Row, StoreError>> + '_ {
    keepsafe::prefixes().into_iter().flat_map(|prefix| rows_below(database, Span::prefix(&prefix)))
}

/// The rows of a span, read in parts.
fn rows_below(database: &SledStore, mut span: Span) -> impl Iterator<Item = Result<Row, StoreError>> + '_ {
    let mut ended = false;
    let parts = std::iter::from_fn(move || {
        if ended {
            return None;
        }
        Some(match database.scan(&span, KEPT_PART, false) {
            Ok(rows) => {
                ended = rows.len() < KEPT_PART;
                if let Some((last, _)) = rows.last() {
                    span.from = [last.as_slice(), &[0]].concat();
                }
                rows.into_iter().map(Ok).collect::<Vec<_>>()
            }
            Err(error) => {
                ended = true;
                vec![Err(error)]
            }
        })
    });
    // `Meta` names are whole keys: what only begins with one is not kept.
    parts.flatten().filter(|row| row.as_ref().map_or(true, |(key, _)| keepsafe::keeps(key)))
}

/// The error of an operation beside the database.
fn storage_error(path: &Path, source: io::Error) -> StoreError {
    let path = path.to_path_buf();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { path },
        io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly { path },
        _ => StoreError::Io { path, source },
    }
}
