//! A second copy of the few records that nobody else could give us back: who we are and whom we are paired with.
//!
//! One bad sector can hit the only copy of any record. A lost message comes back from the contact who has it, but not
//! if what was lost is the contact. So those records are appended to a file of their own as well, sealed as they are in
//! the database, in the same flush. It is read only to repair a database.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{File, OpenOptions},
    io::{self, BufWriter, Read, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{Batch, Op, Row, Table};
use crate::files;

const MAGIC: &[u8; 16] = b"covey kept v1\0\0\0";
/// Checksum, length of the key, length of the value.
const HEAD: usize = 8 + 4 + 4;
/// In place of the length of the value: the record is gone.
const GONE: u32 = u32::MAX;
/// Longest key or value that is taken for one.
const LONGEST: u32 = 16 << 20;
/// The file is written anew when it is twice as long as what counts in it, and this much.
const SLACK: u64 = 4 << 20;

/// Names in [`Table::Meta`] that are kept.
const NAMES: [&[u8]; 2] = [b"identity", b"own name"];

/// Whether a record under this key is kept twice.
pub(crate) fn keeps(key: &[u8]) -> bool {
    match key.split_first() {
        Some((table, name)) if *table == Table::Meta.byte() => NAMES.contains(&name),
        Some((table, _)) => tables().contains(table),
        None => false,
    }
}

/// Tables all of which is kept, as first bytes of keys.
fn tables() -> [u8; 4] {
    [Table::Ticket.byte(), Table::Contact.byte(), Table::Card.byte(), Table::Group.byte()]
}

/// Beginnings of the keys that are kept.
pub(crate) fn prefixes() -> Vec<Vec<u8>> {
    let names = NAMES.iter().map(|name| [&[Table::Meta.byte()], *name].concat());
    names.chain(tables().map(|table| vec![table])).collect()
}

/// Where a record is in the file.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    length: u64,
    checksum: [u8; 8],
}

/// The file, open for appending.
#[derive(Debug)]
pub(crate) struct Keepsafe {
    path: PathBuf,
    file: File,
    length: u64,
    index: HashMap<Vec<u8>, Place>,
    /// Records that are not in the file yet.
    pending: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Keepsafe {
    /// Opens or makes the file; it need not agree with the database yet.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let readable = File::open(path).and_then(|mut file| {
            let mut magic = [0; MAGIC.len()];
            file.read_exact(&mut magic).map(|()| magic == *MAGIC)
        });
        if !matches!(readable, Ok(true)) {
            files::write_private(path, MAGIC)?;
        }
        let mut keepsafe = Self {
            path: path.to_path_buf(),
            file: OpenOptions::new().read(true).write(true).mode(0o600).open(path)?,
            length: 0,
            index: HashMap::new(),
            pending: Vec::new(),
        };
        let (index, end, whole) = walk(&mut File::open(path)?, |_, _| {})?;
        keepsafe.index = index;
        keepsafe.length = end;
        if !whole {
            // What follows a torn record is not found again.
            keepsafe.compact()?;
        }
        Ok(keepsafe)
    }

    /// What the file at `path` holds, as much of it as can be read; nothing if there is none.
    pub(crate) fn read(path: &Path) -> io::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
        let mut kept = BTreeMap::new();
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(kept),
            other => other?,
        };
        let mut magic = [0; MAGIC.len()];
        if file.read_exact(&mut magic).is_err() {
            return Ok(kept);
        }
        walk(&mut File::open(path)?, |key, value| {
            match value {
                Some(value) => kept.insert(key.to_vec(), value.to_vec()),
                None => kept.remove(key),
            };
        })?;
        Ok(kept)
    }

    /// Whether the file has this very record.
    pub(crate) fn has(&self, (key, value): &Row) -> bool {
        self.index.get(key).is_some_and(|place| place.checksum == checksum(key, Some(value)))
    }

    /// Records in the file.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Takes note of what a batch changes of the records that are kept.
    pub(crate) fn note(&mut self, batch: &Batch) {
        for op in batch.ops() {
            match op {
                Op::Put(key, value) if keeps(key) => self.pending.push((key.clone(), Some(value.clone()))),
                Op::Delete(key) if keeps(key) => self.pending.push((key.clone(), None)),
                _ => {}
            }
        }
    }

    /// Changes that were noted and not written.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Forgets all of them but the first `count`: they were not applied.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.pending.truncate(count);
    }

    /// Makes what was noted durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        for (key, value) in &self.pending {
            let record = record(key, value.as_deref());
            let offset = self.length + u64::try_from(bytes.len()).unwrap_or(0);
            let length = u64::try_from(record.len()).unwrap_or(0);
            let checksum = record.first_chunk().copied().unwrap_or_default();
            places.push((key.clone(), value.is_some().then_some(Place { offset, length, checksum })));
            bytes.extend_from_slice(&record);
        }
        self.file.write_all_at(&bytes, self.length)?;
        self.file.sync_data()?;
        self.length += u64::try_from(bytes.len()).unwrap_or(0);
        for (key, place) in places {
            match place {
                Some(place) => self.index.insert(key, place),
                None => self.index.remove(&key),
            };
        }
        self.pending.clear();
        let live: u64 = self.index.values().map(|place| place.length).sum();
        if self.length > 2 * live + SLACK { self.compact() } else { Ok(()) }
    }

    /// Makes the file agree with `rows`, all the records there are to keep.
    pub(crate) fn replace(&mut self, rows: &mut dyn Iterator<Item = io::Result<Row>>) -> io::Result<()> {
        self.rewrite(rows.map(|row| row.map(|(key, value)| record(&key, Some(&value)))))
    }

    /// Writes anew what counts in the file.
    fn compact(&mut self) -> io::Result<()> {
        let mut places: Vec<Place> = self.index.values().copied().collect();
        places.sort_by_key(|place| place.offset);
        let file = self.file.try_clone()?;
        self.rewrite(places.into_iter().map(|place| {
            let mut bytes = vec![0; usize::try_from(place.length).unwrap_or(0)];
            file.read_exact_at(&mut bytes, place.offset).map(|()| bytes)
        }))
    }

    fn rewrite(&mut self, records: impl Iterator<Item = io::Result<Vec<u8>>>) -> io::Result<()> {
        let temporary = files::private_beside(&self.path)?;
        let mut out = BufWriter::new(temporary.as_file());
        out.write_all(MAGIC)?;
        for record in records {
            out.write_all(&record?)?;
        }
        out.flush()?;
        drop(out);
        files::put_in_place(temporary, &self.path)?;
        let (index, length, _) = walk(&mut File::open(&self.path)?, |_, _| {})?;
        self.file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        (self.index, self.length) = (index, length);
        Ok(())
    }
}

fn checksum(key: &[u8], value: Option<&[u8]>) -> [u8; 8] {
    let lengths = lengths(key, value);
    let hash = blake3::Hasher::new().update(&lengths).update(key).update(value.unwrap_or_default()).finalize();
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

fn lengths(key: &[u8], value: Option<&[u8]>) -> [u8; 8] {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(LONGEST);
    let [a, b, c, d] = length(key).to_be_bytes();
    let [e, f, g, h] = value.map_or(GONE, length).to_be_bytes();
    [a, b, c, d, e, f, g, h]
}

fn record(key: &[u8], value: Option<&[u8]>) -> Vec<u8> {
    [&checksum(key, value), lengths(key, value).as_slice(), key, value.unwrap_or_default()].concat()
}

type Walked = (HashMap<Vec<u8>, Place>, u64, bool);

/// Goes through the records of a file, those behind damaged ones too. Yields where the newest of each key is, where to
/// append, and whether all of the file was records.
fn walk(file: &mut File, mut see: impl FnMut(&[u8], Option<&[u8]>)) -> io::Result<Walked> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let (mut index, mut at, mut whole) = (HashMap::new(), MAGIC.len().min(bytes.len()), true);
    while at < bytes.len() {
        let Some((length, key, value)) = parse(&bytes[at..]) else {
            (at, whole) = (at + 1, false);
            continue;
        };
        see(key, value);
        let place = Place {
            offset: u64::try_from(at).unwrap_or(0),
            length: u64::try_from(length).unwrap_or(0),
            checksum: bytes[at..].first_chunk().copied().unwrap_or_default(),
        };
        match value {
            Some(_) => index.insert(key.to_vec(), place),
            None => index.remove(key),
        };
        at += length;
    }
    Ok((index, u64::try_from(at).unwrap_or(0), whole))
}

/// Length, key and value (or that it is gone) of a record.
type Parsed<'a> = (usize, &'a [u8], Option<&'a [u8]>);

/// The record that `bytes` begin with: its length, key and value.
fn parse(bytes: &[u8]) -> Option<Parsed<'_>> {
    let number = |at: usize| bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
    let (key, value) = (number(8)?, number(12)?);
    if key > LONGEST || (value > LONGEST && value != GONE) {
        return None;
    }
    let key_end = HEAD + usize::try_from(key).ok()?;
    let end = key_end + if value == GONE { 0 } else { usize::try_from(value).ok()? };
    let key = bytes.get(HEAD..key_end)?;
    let value = if value == GONE { None } else { Some(bytes.get(key_end..end)?) };
    (bytes.first_chunk() == Some(&checksum(key, value))).then_some((end, key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Vec<u8> {
        vec![Table::Contact.byte(), number]
    }

    fn put(keepsafe: &mut Keepsafe, number: u8, value: &[u8]) {
        let mut batch = Batch::new();
        batch.put(key(number), value.to_vec());
        batch.put(vec![Table::Entry.byte(), number], vec![1]);
        keepsafe.note(&batch);
        keepsafe.sync().expect("writes");
    }

    #[test]
    fn contacts_are_kept_as_they_last_were_and_nothing_else() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("kept");
        let mut keepsafe = Keepsafe::open(&path).expect("opens");
        for number in [1, 2, 3, 1] {
            put(&mut keepsafe, number, &[number; 100]);
        }
        put(&mut keepsafe, 1, b"newest");
        let mut batch = Batch::new();
        batch.delete(key(2));
        keepsafe.note(&batch);
        keepsafe.sync().expect("writes");
        let kept = Keepsafe::read(&path).expect("reads");
        assert_eq!(kept, BTreeMap::from([(key(1), b"newest".to_vec()), (key(3), vec![3; 100])]));
        let again = Keepsafe::open(&path).expect("opens");
        assert!(again.has(&(key(1), b"newest".to_vec())) && !again.has(&(key(3), vec![4; 100])));
        assert_eq!(again.len(), 2);
    }

    #[test]
    fn a_damaged_record_costs_itself_and_a_torn_one_nothing() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("kept");
        let mut keepsafe = Keepsafe::open(&path).expect("opens");
        (1..=5).for_each(|number| put(&mut keepsafe, number, &[number; 50]));
        let mut bytes = std::fs::read(&path).expect("reads");
        let second = MAGIC.len() + HEAD + 2 + 50 + 20;
        bytes[second] ^= 4;
        bytes.extend_from_slice(&record(&key(6), Some(&[6; 50]))[..30]);
        std::fs::write(&path, &bytes).expect("writes");
        let kept = Keepsafe::read(&path).expect("reads");
        assert_eq!(kept.keys().map(|key| key[1]).collect::<Vec<_>>(), [1, 3, 4, 5]);
        let mut keepsafe = Keepsafe::open(&path).expect("opens");
        put(&mut keepsafe, 7, b"seven");
        assert_eq!(Keepsafe::read(&path).expect("reads").len(), 5);
    }

    #[test]
    fn a_file_that_grew_is_written_anew() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("kept");
        let mut keepsafe = Keepsafe::open(&path).expect("opens");
        (0..90).for_each(|round| put(&mut keepsafe, round % 3, &vec![round; 100_000]));
        assert!(std::fs::metadata(&path).expect("exists").len() < 6_000_000);
        assert_eq!(Keepsafe::read(&path).expect("reads").len(), 3);
        keepsafe.replace(&mut [Ok((key(9), vec![9]))].into_iter()).expect("writes");
        assert_eq!(Keepsafe::read(&path).expect("reads"), BTreeMap::from([(key(9), vec![9])]));
    }
}
