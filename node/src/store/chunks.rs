//! Large values as rows of bounded size.
//!
//! sled 0.34 splits a leaf by the number of its items (16), not by their size, and writes a leaf of more than
//! 128 KiB to a file of its own that nobody ever syncs, while it deletes the file with the previous state of the
//! same leaf. In a power cut that loses records that were acknowledged long ago. Rows that are short enough keep
//! every leaf inside the log, which we do sync.
//!
//! A value longer than [`CHUNK`] therefore becomes: a head row under its key that says how many chunks there are,
//! the chunks under `0xff || key || number`, and an index row under `0xfe || key`, from which the set of such keys is
//! read at start, so that ordinary writes need not look at what they replace.

use std::collections::{BTreeMap, HashMap};

use super::{Batch, Op};

/// Longest row: with their keys, 30 of them fit into 128 KiB. Leaves have 16, and for a moment the few of a neighbour
/// that was merged in; the first ones outside of the log were seen with rows of 6,600 bytes.
pub(crate) const CHUNK: usize = 4_000;
/// Keys from this first byte on belong to this module.
pub(crate) const RESERVED: u8 = INDEX;

const INDEX: u8 = 0xfe;
const PIECE: u8 = 0xff;
/// Last byte of a head row that holds its value.
const WHOLE: u8 = 0;
/// Last byte of a head row that holds a chunk count.
const SPLIT: u8 = 1;

/// What stands for a key in memory: the start of its BLAKE3 hash. A node that keeps a GiB for others has tens of thousands of long values, whose
/// keys are several times as long. Two keys with one name would take 2^64 attempts, and the keys of tables are hashed under a key of the node.
type Name = [u8; 16];

fn name(key: &[u8]) -> Name {
    let mut name = [0; 16];
    name.copy_from_slice(&blake3::hash(key).as_bytes()[..16]);
    name
}

/// The keys whose values are chunked, with their chunk counts.
#[derive(Debug, Default)]
pub(crate) struct Chunked(HashMap<Name, u16>);

impl Chunked {
    /// The prefix of index rows.
    pub(crate) const PREFIX: [u8; 1] = [INDEX];

    /// Takes up one index row, as read at start. False if it is malformed.
    pub(crate) fn load(&mut self, key: &[u8], value: &[u8]) -> bool {
        let (Some((&INDEX, key)), Ok(count)) = (key.split_first(), value.try_into()) else { return false };
        self.0.insert(name(key), u16::from_be_bytes(count));
        true
    }

    /// The rows that carry out `batch`, and what becomes of the set once they are applied.
    pub(crate) fn rows(&self, batch: Batch) -> (Rows, Changes) {
        let mut rows = Rows::new();
        let mut changes = Changes::default();
        for op in batch.into_ops() {
            let (key, value) = match op {
                Op::Put(key, value) => (key, Some(value)),
                Op::Delete(key) => (key, None),
            };
            let name = name(&key);
            let before = changes.0.get(&name).or_else(|| self.0.get(&name)).copied().unwrap_or(0);
            let pieces = value.as_deref().filter(|v| v.len() > CHUNK).map(|v| v.chunks(CHUNK));
            let after = pieces.as_ref().map_or(0, |p| u16::try_from(p.len()).unwrap_or(u16::MAX));
            for (number, piece) in (0..after).zip(pieces.into_iter().flatten()) {
                rows.insert(piece_key(&key, number), Some(piece.to_vec()));
            }
            for number in after..before {
                rows.insert(piece_key(&key, number), None);
            }
            if after > 0 {
                rows.insert(index_key(&key), Some(after.to_be_bytes().to_vec()));
            } else if before > 0 {
                rows.insert(index_key(&key), None);
            }
            if after != before {
                changes.0.insert(name, after);
            }
            let row = value.map(|mut value| {
                if after > 0 {
                    return [after.to_be_bytes().as_slice(), &[SPLIT]].concat();
                }
                value.push(WHOLE);
                value
            });
            rows.insert(key, row);
        }
        (rows, changes)
    }

    /// Takes over the changes of rows that were applied.
    pub(crate) fn commit(&mut self, changes: Changes) {
        for (name, count) in changes.0 {
            if count == 0 {
                self.0.remove(&name)
            } else {
                self.0.insert(name, count)
            };
        }
    }
}

/// Rows by key: what each becomes, or `None` if it goes.
pub(crate) type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// New chunk counts.
#[derive(Debug, Default)]
pub(crate) struct Changes(HashMap<Name, u16>);

/// A head row, as read.
pub(crate) enum Head {
    /// The value itself.
    Whole(Vec<u8>),
    /// The value is in so many chunks.
    Split(u16),
}

/// Reads a head row; `None` if it is malformed.
pub(crate) fn head(row: &[u8]) -> Option<Head> {
    match row.split_last()? {
        (&WHOLE, value) => Some(Head::Whole(value.to_vec())),
        (&SPLIT, count) => Some(Head::Split(u16::from_be_bytes(count.try_into().ok()?))),
        _ => None,
    }
}

/// A row as sled has it.
pub(crate) enum RawRow {
    /// A record with its value.
    Whole(Vec<u8>, Vec<u8>),
    /// A record whose value is in so many parts.
    Long(Vec<u8>, u16),
    /// A part of a value.
    Part(Vec<u8>, Vec<u8>),
    /// A row that follows from others.
    Internal,
    /// No row of ours.
    Malformed,
}

impl RawRow {
    /// What a row is.
    pub(crate) fn of(key: Vec<u8>, row: Vec<u8>) -> Self {
        match key.first() {
            None => Self::Malformed,
            Some(&INDEX) => Self::Internal,
            Some(&PIECE) => Self::Part(key, row),
            Some(_) if key == super::digest::KEY => Self::Internal,
            Some(_) => match head(&row) {
                Some(Head::Whole(value)) => Self::Whole(key, value),
                Some(Head::Split(count)) => Self::Long(key, count),
                None => Self::Malformed,
            },
        }
    }

    /// Where a part of the value of `key` is.
    pub(crate) fn part_key(key: &[u8], number: u16) -> Vec<u8> {
        piece_key(key, number)
    }
}

/// Where chunk `number` of the value of `key` is.
pub(crate) fn piece_key(key: &[u8], number: u16) -> Vec<u8> {
    [&[PIECE], key, &number.to_be_bytes()].concat()
}

fn index_key(key: &[u8]) -> Vec<u8> {
    [&[INDEX], key].concat()
}
