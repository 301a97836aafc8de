//! How far the log goes.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::Path,
};

use super::format::{Kind, Lsn, Message, RED_ZONE, SEGMENT, SEGMENT_HEADER, SegmentHeader};

/// How far the log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// There is no log.
    Nothing,
    /// The header of the segment that sled would go on in cannot be read. sled would write there all the same, and not find
    /// it the next time.
    Severed,
    /// sled would take it up to this position, and cut off or overwrite what is beyond, if anything is.
    Up(Lsn, Beyond),
}

/// What is in a log where it does not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// Nothing.
    Nothing,
    /// Messages that can be read.
    More,
}

/// How far the log of the database in `dir` goes, found as sled does it. Changes nothing.
///
/// # Errors
/// What the operating system says.
pub(crate) fn reach(dir: &Path) -> io::Result<Reach> {
    let file = match File::open(dir.join("db")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Reach::Nothing),
        other => other?,
    };
    let segments = headers(&file)?;
    let (length, snapshot) = (length(), snapshot(dir)?.unwrap_or(0));
    // Its place may have been used again since, for one that comes later.
    if !snapshot.is_multiple_of(length) && segments.range(snapshot / length * length..).next().is_none() {
        return Ok(Reach::Severed);
    }
    let stable = segments.values().map(|(header, _)| header.stable).max().unwrap_or(0).max(snapshot);
    // What is stable is not looked at again: from there on every segment must follow the one before.
    let mut expected = stable / length * length;
    let (mut reach, mut beyond) = (expected, Beyond::Nothing);
    for (lsn, (_, offset)) in segments.range(expected..) {
        if *lsn != expected {
            break;
        }
        expected += length;
        let bytes = read(&file, *offset)?;
        let (end, capped) = end_of(&bytes, lsn / length);
        reach = if capped { expected } else { lsn + u64::try_from(end).unwrap_or(0) };
        if !capped {
            if goes_on(&bytes, end, lsn / length) {
                beyond = Beyond::More;
            }
            break;
        }
    }
    if segments.range(expected..).next().is_some() {
        beyond = Beyond::More;
    }
    Ok(Reach::Up(reach, beyond))
}

/// The headers of all segments with their places, by position.
pub(super) fn headers(file: &File) -> io::Result<BTreeMap<Lsn, (SegmentHeader, u64)>> {
    let length = length();
    let count = file.metadata()?.len().div_ceil(length);
    let mut found = BTreeMap::new();
    for number in 0..count {
        let mut bytes = [0; SEGMENT_HEADER];
        match file.read_exact_at(&mut bytes, number * length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => continue,
            other => other?,
        }
        if let Some(header) = SegmentHeader::read(&bytes) {
            found.insert(header.lsn, (header, number * length));
        }
    }
    Ok(found)
}

/// One segment, shorter if the file is.
pub(super) fn read(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; SEGMENT];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + u64::try_from(filled).unwrap_or(0))? {
            0 => break,
            more => filled += more,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Where the unbroken messages of a segment end, and whether that is the end of the segment.
fn end_of(bytes: &[u8], number: u64) -> (usize, bool) {
    let mut at = SEGMENT_HEADER;
    loop {
        if at + RED_ZONE > SEGMENT {
            return (at, true);
        }
        match bytes.get(at..).and_then(Message::read) {
            Some(message) if message.segment == number => {
                at += message.length;
                if message.kind == Kind::Cap {
                    return (at, true);
                }
            }
            _ => return (at, false),
        }
    }
}

/// Whether a segment has further messages of its own after `at`.
fn goes_on(bytes: &[u8], at: usize, number: u64) -> bool {
    let last = bytes.len().min(SEGMENT - RED_ZONE);
    (at + 1..last).any(|at| Message::read(&bytes[at..]).is_some_and(|message| message.segment == number))
}

/// The position of the newest snapshot, by its name.
fn snapshot(dir: &Path) -> io::Result<Option<Lsn>> {
    let mut newest = None;
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let lsn =
            name.to_str().and_then(|name| name.strip_prefix("snap.")).and_then(|hex| Lsn::from_str_radix(hex, 16).ok());
        newest = newest.max(lsn);
    }
    Ok(newest)
}

/// [`SEGMENT`] as a position.
pub(super) fn length() -> u64 {
    u64::try_from(SEGMENT).unwrap_or(u64::MAX)
}
