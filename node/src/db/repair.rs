//! Repairing a database.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use covey_api::Exit;
use rand::{make_rng, rngs::StdRng};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::{
    daemon::Options,
    engine::{Findings, check},
    files,
    store::{
        DurableStore, Found, Marks, MarksFile, MarksState, Reader, Row, SledStore, StoreError, read_kept, salvage,
    },
};

use super::{
    DbError, Progress,
    errors::{at, sync_dir},
    hold::Held,
    open::catch_up,
    pieces::Collector,
    verify::examine,
};

/// What came of a repair.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Repaired {
    /// The database was not as it should be.
    pub damaged: bool,
    /// What was wrong, for people.
    pub problems: Vec<String>,
    /// Where the damaged database is now.
    pub moved_to: Option<PathBuf>,
    /// Records in the database now.
    pub records: u64,
    /// What is lost, for people.
    pub lost: Vec<String>,
    /// What comes back from contacts when they are connected, for people.
    pub returning: Vec<String>,
}

impl Repaired {
    /// How a process ends that did this.
    pub fn exit(&self) -> Exit {
        Exit::Done
    }
}

/// Puts everything that can still be read of a damaged database into a new one, in which the records agree, and moves the
/// damaged one aside. The next start begins anew where the lost part may have gone on, and fetches from contacts what
/// they have.
///
/// # Errors
/// [`DbError`]; the database is as before then.
pub fn repair(options: &Options, progress: Progress<'_>) -> Result<Repaired, DbError> {
    let held = Held::take(options)?;
    let mut rng: StdRng = make_rng();
    let problems = match look(&held, &mut rng, progress)? {
        Looked::Whole(repaired) => return Ok(repaired),
        Looked::Damaged(problems) => problems,
    };
    let dir = options.paths.data_dir();
    let new = dir.join(".db-repaired");
    let made = rebuild(&held, dir, &new, &mut rng, progress);
    let made = made.and_then(|made| put_in_place(&held, dir, &new).map(|moved_to| Repaired { moved_to, ..made }));
    // What is left of a repair that failed is of no use.
    let _ = fs::remove_dir_all(&new);
    Ok(Repaired { damaged: true, problems, ..made? })
}

enum Looked {
    /// There is nothing to repair, or it has been done.
    Whole(Repaired),
    /// What is wrong.
    Damaged(Vec<String>),
}

/// Looks whether there is anything to repair.
fn look(held: &Held, rng: &mut StdRng, progress: Progress<'_>) -> Result<Looked, DbError> {
    let (mut store, state) = match DurableStore::open(&held.places, held.disk) {
        Ok(opened) => opened,
        Err(error) => return damaged(error),
    };
    let rows = store.database().rows();
    if let Err(error) = store.scrub_all(|done| progress("rows", done, rows)) {
        return damaged(error);
    }
    let found = examine(held, &store, progress)?;
    if !found.ok {
        return Ok(Looked::Damaged(found.problems));
    }
    let mut repaired = Repaired { records: found.records, ..Repaired::default() };
    if let MarksState::Behind(behind) = state {
        catch_up(&mut store, &behind, &held.vault, rng)?;
        if !behind.expected {
            repaired.damaged = true;
            repaired.problems.push(format!("the database is an older state of itself: {}", behind.why));
            repaired.returning.push("what contacts have is fetched from them again".to_owned());
        }
    }
    Ok(Looked::Whole(repaired))
}

fn damaged(error: StoreError) -> Result<Looked, DbError> {
    if error.is_transient() || matches!(error, StoreError::InUse { .. } | StoreError::Version { .. }) {
        return Err(error.into());
    }
    Ok(Looked::Damaged(vec![error.to_string()]))
}

/// Makes the new database in `new`.
fn rebuild(held: &Held, dir: &Path, new: &Path, rng: &mut StdRng, progress: Progress<'_>) -> Result<Repaired, DbError> {
    let marks = marks_of(held)?;
    let kept: Vec<Row> = read_kept(&held.places.kept).map_err(at(&held.places.kept))?;
    if new.exists() {
        fs::remove_dir_all(new).map_err(at(new))?;
    }
    let mut store = SledStore::open(new, held.disk)?;
    store.skip_to(marks.commit);
    let unusable = collect(held, dir, &mut store, progress)?;
    let rebuilt = check::rebuild(&mut store, &held.vault, rng, &kept, marks.floors, progress)?;
    let Some(rebuilt) = rebuilt else { return Err(DbError::AccountLost { dir: dir.to_owned() }) };
    let rows = store.rows();
    let found: Findings = check::verify(&Reader::new(&store, &held.vault), rows, progress)?;
    if let Some(problem) = found.problems.into_iter().next() {
        return Err(DbError::Unrepaired { problem });
    }
    let mut lost = rebuilt.lost;
    if unusable > 0 {
        lost.push(format!("{unusable} further records that cannot be read"));
    }
    Ok(Repaired { records: found.records, lost, returning: rebuilt.returning, ..Repaired::default() })
}

/// Puts every record that can be read of the damaged log into `store`. How many could not.
fn collect(held: &Held, dir: &Path, store: &mut SledStore, progress: Progress<'_>) -> Result<u64, DbError> {
    let scratch = tempfile::tempfile_in(dir).map_err(at(dir))?;
    let mut collector = Collector::new(store, &held.vault, scratch);
    let rows = |key, row| collector.take(key, row);
    match salvage(&held.places.database, |done, of| progress("salvage", done, of), rows) {
        // A database that is gone leaves the second copies.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => drop(other.map_err(at(&held.places.database))?),
    }
    collector.end().map_err(at(dir))
}

fn marks_of(held: &Held) -> Result<Marks, DbError> {
    let found = MarksFile::read(&held.places.marks).map_err(at(&held.places.marks))?;
    Ok(match found {
        Found::Marks(marks) => marks,
        Found::Missing | Found::Unreadable => Marks::default(),
    })
}

/// Puts the new database in the place of the damaged one, which gets another name. Yields that.
fn put_in_place(held: &Held, dir: &Path, new: &Path) -> Result<Option<PathBuf>, DbError> {
    let database = &held.places.database;
    // From now on the marks are those of the new one; the old one would still be found damaged.
    let marks = Marks { suspect: true, damaged: false, tip: 0, ..marks_of(held)? };
    drop(MarksFile::begin(&held.places.marks, marks).map_err(at(&held.places.marks))?);
    if !database.exists() {
        fs::rename(new, database).map_err(at(database))?;
        sync_dir(dir)?;
        return Ok(None);
    }
    let aside = (1..).map(|number| dir.join(format!("db.damaged-{number}"))).find(|path| !path.exists());
    let aside = aside.unwrap_or_else(|| dir.join("db.damaged"));
    // At once where the file system can; there is always a database then.
    if renameat_with(CWD, new, CWD, database, RenameFlags::EXCHANGE).is_ok() {
        fs::rename(new, &aside).map_err(at(&aside))?;
    } else {
        fs::rename(database, &aside).map_err(at(&aside))?;
        fs::rename(new, database).map_err(at(database))?;
    }
    sync_dir(dir)?;
    // Its owner alone may read it, whatever it was before.
    files::create_private_dir(&aside).map_err(at(&aside))?;
    Ok(Some(aside))
}
