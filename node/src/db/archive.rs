//! The file of a backup: everything of a node in one file, as sealed as it is in the database.
//!
//! ```text
//! "covey backup v1\n"
//! length (4 bytes, big endian), header (JSON)
//! for each record: length of key, length of value (4 bytes each), key, value
//! two lengths of 0
//! BLAKE3 of all before (32 bytes)
//! ```

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use crate::store::Row;

const MAGIC: &[u8; 16] = b"covey backup v1\n";
/// Version of the header.
const VERSION: u8 = 1;
/// Longest header: the wrapped data key and a few numbers.
const HEADER_MAX: u32 = 256 << 10;
/// Longest key or value.
const LONGEST: u32 = 16 << 20;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) version: u8,
    /// Unix milliseconds.
    pub(super) made_at: u64,
    /// The covey that made it.
    pub(super) covey: String,
    /// The text of `vault.json`: the data key, wrapped.
    pub(super) vault: String,
    /// The count of changes that the database was at.
    pub(super) commit: u64,
}

impl Header {
    pub(super) fn new(vault: String, commit: u64, made_at: u64) -> Self {
        Self { version: VERSION, made_at, covey: env!("CARGO_PKG_VERSION").to_owned(), vault, commit }
    }
}

/// Writes a backup.
pub(super) struct Writer<W> {
    out: W,
    hasher: blake3::Hasher,
}

impl<W: Write> Writer<W> {
    pub(super) fn begin(out: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self { out, hasher: blake3::Hasher::new() };
        let header = serde_json::to_vec(header)?;
        writer.write(MAGIC)?;
        writer.write(&length(&header)?)?;
        writer.write(&header)?;
        Ok(writer)
    }

    pub(super) fn record(&mut self, (key, value): &Row) -> io::Result<()> {
        self.write(&length(key)?)?;
        self.write(&length(value)?)?;
        self.write(key)?;
        self.write(value)
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        self.write(&[0; 8])?;
        let checksum = *self.hasher.finalize().as_bytes();
        self.out.write_all(&checksum)?;
        self.out.flush()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.out.write_all(bytes)
    }
}

fn length(bytes: &[u8]) -> io::Result<[u8; 4]> {
    u32::try_from(bytes.len()).map(u32::to_be_bytes).map_err(io::Error::other)
}

/// Why a file cannot be read as a backup.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error("it is no backup of covey")]
    NoBackup,
    #[error("it is of a later covey: version {0}, this one knows {VERSION}")]
    Version(u8),
    #[error("it is damaged or not complete")]
    Damaged,
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Damaged } else { Self::Io(error) }
    }
}

/// Reads a backup.
pub(super) struct Reader<R> {
    from: R,
    hasher: blake3::Hasher,
    ended: bool,
    pub(super) header: Header,
}

impl<R: Read> Reader<R> {
    pub(super) fn begin(mut from: R) -> Result<Self, ArchiveError> {
        let mut hasher = blake3::Hasher::new();
        let magic = read(&mut from, &mut hasher, MAGIC.len()).map_err(|_| ArchiveError::NoBackup)?;
        if magic != MAGIC {
            return Err(ArchiveError::NoBackup);
        }
        let length = number(&mut from, &mut hasher, HEADER_MAX)?;
        let bytes = read(&mut from, &mut hasher, length)?;
        #[derive(Deserialize)]
        struct Probe {
            version: u8,
        }
        let probe: Probe = serde_json::from_slice(&bytes).map_err(|_| ArchiveError::Damaged)?;
        if probe.version != VERSION {
            return Err(ArchiveError::Version(probe.version));
        }
        let header = serde_json::from_slice(&bytes).map_err(|_| ArchiveError::Damaged)?;
        Ok(Self { from, hasher, ended: false, header })
    }

    /// The next record; `None` at the end, once all that was read is known to be what was written.
    pub(super) fn record(&mut self) -> Result<Option<Row>, ArchiveError> {
        if self.ended {
            return Ok(None);
        }
        let key = number(&mut self.from, &mut self.hasher, LONGEST)?;
        let value = number(&mut self.from, &mut self.hasher, LONGEST)?;
        if key == 0 {
            let mut checksum = [0; 32];
            self.from.read_exact(&mut checksum)?;
            let mut more = [0];
            let whole = checksum == *self.hasher.finalize().as_bytes() && self.from.read(&mut more)? == 0;
            self.ended = whole && value == 0;
            return if self.ended { Ok(None) } else { Err(ArchiveError::Damaged) };
        }
        let key = read(&mut self.from, &mut self.hasher, key)?;
        Ok(Some((key, read(&mut self.from, &mut self.hasher, value)?)))
    }
}

fn read(from: &mut impl Read, hasher: &mut blake3::Hasher, length: usize) -> Result<Vec<u8>, ArchiveError> {
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    hasher.update(&bytes);
    Ok(bytes)
}

fn number(from: &mut impl Read, hasher: &mut blake3::Hasher, most: u32) -> Result<usize, ArchiveError> {
    let bytes = read(from, hasher, 4)?;
    let number = bytes.first_chunk().map_or(u32::MAX, |bytes| u32::from_be_bytes(*bytes));
    if number > most {
        return Err(ArchiveError::Damaged);
    }
    usize::try_from(number).map_err(|_| ArchiveError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rows: &[Row]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let header = Header::new("{}".to_owned(), 7, 1);
        let mut writer = Writer::begin(&mut bytes, &header).expect("writes");
        rows.iter().for_each(|row| writer.record(row).expect("writes"));
        writer.end().expect("writes");
        bytes
    }

    fn read_all(bytes: &[u8]) -> Result<Vec<Row>, ArchiveError> {
        let mut reader = Reader::begin(bytes)?;
        let mut rows = Vec::new();
        while let Some(row) = reader.record()? {
            rows.push(row);
        }
        Ok(rows)
    }

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let rows = vec![(vec![1, 2], vec![3; 500]), (vec![2], Vec::new())];
        let bytes = written(&rows);
        assert_eq!(read_all(&bytes).expect("reads"), rows);
        for cut in [0, 10, 16, 30, bytes.len() - 1] {
            assert!(read_all(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(read_all(&damaged).is_err(), "a bit at {at}");
        }
        assert!(read_all(&[bytes, vec![0]].concat()).is_err(), "something follows");
    }
}
