//! High-water marks: what is known to be durable, in a small file of its own beside the database.
//!
//! A database cannot notice that it went back in time; this file can. It is written in place after every flush and
//! before anything of that flush is acknowledged, without waiting for the disk: so after a killed process it is exact.
//! It is synced every [`SYNC_EVERY`] commits, so after a power cut it is a lower bound. Either way a database that is
//! behind its marks has lost something that was acknowledged.
//!
//! There are two copies with a number and a checksum each, written in turn: a torn write leaves the one before.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::files;

/// Commits between two syncs of the file: one small fsync per so many of the database.
const SYNC_EVERY: u64 = 1_000;
/// Distance of the two copies: no disk tears two blocks that are so far apart.
const STRIDE: u64 = 4_096;
/// Length of one copy.
const LEN: usize = 112;
const MAGIC: &[u8; 16] = b"covey marks v1\0\0";

/// Numbers given to others that must never be given again, whatever becomes of the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Floors {
    /// Newest cursor of the journal: clients continue from theirs.
    pub journal: u64,
    /// Sequence of our own card: contacts take none that is not newer.
    pub card: u64,
}

/// The content of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// The database held this commit, flushed. Every entry of our own feeds that was acknowledged or sent is part of a
    /// commit up to this one, so no number per feed is needed.
    pub commit: u64,
    /// The log of the database went at least this far when it was last closed in order.
    pub tip: u64,
    /// See [`Floors`].
    pub floors: Floors,
    /// The database may be an old copy, and what follows from that has not been done yet.
    pub suspect: bool,
    /// Damage was noticed while it was in use.
    pub damaged: bool,
}

/// What is where the marks should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// No file.
    Missing,
    /// A file without a copy that is whole.
    Unreadable,
    /// The newest copy.
    Marks(Marks),
}

/// The file, open for writing.
#[derive(Debug)]
pub struct MarksFile {
    path: PathBuf,
    file: File,
    marks: Marks,
    number: u64,
    synced: u64,
}

impl MarksFile {
    /// Reads what there is at `path`; changes nothing.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn read(path: &Path) -> io::Result<Found> {
        match File::open(path) {
            Ok(file) => Ok(newest(&file)?.map_or(Found::Unreadable, |(_, marks)| Found::Marks(marks))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Missing),
            Err(error) => Err(error),
        }
    }

    /// Opens or makes the file, which from then on durably says `marks`.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn begin(path: &Path, marks: Marks) -> io::Result<Self> {
        if newest_at(path)?.is_none() {
            // Both copies exist from the first moment, so that later writes need no space.
            let mut both = vec![0; usize::try_from(STRIDE).unwrap_or(LEN) + LEN];
            both[..LEN].copy_from_slice(&encode(0, &marks));
            let second = both.len() - LEN;
            both[second..].copy_from_slice(&encode(1, &marks));
            files::write_private(path, &both)?;
        }
        let file = OpenOptions::new().read(true).write(true).mode(0o600).open(path)?;
        let (number, _) = newest(&file)?.ok_or(io::ErrorKind::InvalidData)?;
        let mut opened = Self { path: path.to_path_buf(), file, marks, number, synced: 0 };
        opened.write_synced()?;
        Ok(opened)
    }

    /// What it says.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database durably holds `commit`.
    ///
    /// # Errors
    /// What the operating system says; nothing of that commit may be acknowledged then.
    pub fn committed(&mut self, commit: u64, floors: Floors) -> io::Result<()> {
        self.marks.commit = self.marks.commit.max(commit);
        self.marks.floors.journal = self.marks.floors.journal.max(floors.journal);
        self.marks.floors.card = self.marks.floors.card.max(floors.card);
        if self.marks.commit >= self.synced.saturating_add(SYNC_EVERY) { self.write_synced() } else { self.write() }
    }

    /// Changes what it says, durably.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn change(&mut self, change: impl FnOnce(&mut Marks)) -> io::Result<()> {
        let before = self.marks;
        change(&mut self.marks);
        if self.marks == before { Ok(()) } else { self.write_synced() }
    }

    fn write_synced(&mut self) -> io::Result<()> {
        self.write()?;
        self.file.sync_data()?;
        self.synced = self.marks.commit;
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let number = self.number + 1;
        self.file.write_all_at(&encode(number, &self.marks), (number % 2) * STRIDE)?;
        self.number = number;
        Ok(())
    }
}

fn newest_at(path: &Path) -> io::Result<Option<(u64, Marks)>> {
    match File::open(path) {
        Ok(file) => newest(&file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn newest(file: &File) -> io::Result<Option<(u64, Marks)>> {
    let mut found: Option<(u64, Marks)> = None;
    for copy in 0..2 {
        let mut bytes = [0; LEN];
        match file.read_exact_at(&mut bytes, copy * STRIDE) {
            Ok(()) => {
                let newer = |(number, _): &(u64, Marks)| found.is_none_or(|(known, _)| *number > known);
                found = decode(&bytes).filter(newer).or(found);
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn encode(number: u64, marks: &Marks) -> [u8; LEN] {
    let Marks { commit, tip, floors, suspect, damaged } = marks;
    let mut bytes = [0; LEN];
    bytes[..16].copy_from_slice(MAGIC);
    for (at, value) in [number, *commit, *tip, floors.journal, floors.card].iter().enumerate() {
        bytes[16 + 8 * at..24 + 8 * at].copy_from_slice(&value.to_be_bytes());
    }
    bytes[56] = u8::from(*suspect) | u8::from(*damaged) << 1;
    let checksum = *blake3::hash(&bytes[..80]).as_bytes();
    bytes[80..].copy_from_slice(&checksum);
    bytes
}

fn decode(bytes: &[u8; LEN]) -> Option<(u64, Marks)> {
    let whole = bytes[..16] == *MAGIC && bytes[80..] == *blake3::hash(&bytes[..80]).as_bytes();
    let number = |at: usize| bytes[16 + 8 * at..].first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    let marks = Marks {
        commit: number(1),
        tip: number(2),
        floors: Floors { journal: number(3), card: number(4) },
        suspect: bytes[56] & 1 != 0,
        damaged: bytes[56] & 2 != 0,
    };
    whole.then_some((number(0), marks))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floors(journal: u64) -> Floors {
        Floors { journal, card: 3 }
    }

    #[test]
    fn what_was_marked_is_read_back_and_never_falls() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("marks");
        assert_eq!(MarksFile::read(&path).expect("reads"), Found::Missing);
        let mut file = MarksFile::begin(&path, Marks::default()).expect("begins");
        for commit in 1..2_500 {
            file.committed(commit, floors(commit * 2)).expect("writes");
        }
        file.committed(7, floors(7)).expect("writes");
        let expected = Marks { commit: 2_499, floors: floors(4_998), ..Marks::default() };
        assert_eq!(MarksFile::read(&path).expect("reads"), Found::Marks(expected));
        file.change(|marks| marks.suspect = true).expect("writes");
        let again = MarksFile::begin(&path, *file.marks()).expect("begins");
        assert!(again.marks().suspect && !again.marks().damaged);
    }

    #[test]
    fn a_torn_write_leaves_the_marks_before_it() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("marks");
        let mut file = MarksFile::begin(&path, Marks::default()).expect("begins");
        file.committed(1, floors(1)).expect("writes");
        file.committed(2, floors(2)).expect("writes");
        let at = (file.number % 2) * STRIDE;
        file.file.write_all_at(b"torn", at + 20).expect("writes");
        assert!(matches!(MarksFile::read(&path).expect("reads"), Found::Marks(Marks { commit: 1, .. })));
        file.file.write_all_at(b"torn", STRIDE - at + 20).expect("writes");
        assert_eq!(MarksFile::read(&path).expect("reads"), Found::Unreadable);
        let begun = MarksFile::begin(&path, Marks { commit: 9, ..Marks::default() }).expect("begins anew");
        assert_eq!(MarksFile::read(&path).expect("reads"), Found::Marks(*begun.marks()));
    }
}
