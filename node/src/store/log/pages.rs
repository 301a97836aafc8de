//! What the pages of a log held last, as far as it can be read.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    ops::Bound::{Included, Unbounded},
    os::unix::fs::FileExt,
    path::Path,
};

use super::{
    format::{Kind, Link, Lsn, Message, Node, RED_ZONE, SEGMENT, SEGMENT_HEADER},
    tail,
};

/// What was found in a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Salvaged {
    /// Rows yielded.
    pub(crate) rows: u64,
    /// Batches at the end that were not written to their end, and so were never acknowledged.
    pub(crate) torn: u64,
}

/// One message in the file.
#[derive(Debug, Clone, Copy)]
struct Place {
    page: u64,
    lsn: Lsn,
    kind: Kind,
    offset: u64,
    length: usize,
}

/// A page that holds rows: its newest whole state and the changes after it.
struct Leaf {
    low: Vec<u8>,
    high: Vec<u8>,
    /// Position of the whole state.
    lsn: Lsn,
    /// Where it and its changes are among the places.
    places: std::ops::Range<usize>,
}

/// Yields to `row` what the log of the database in `dir` says of each key last. Where a part of it cannot be read, an
/// older state of that part is taken if there is one. Changes nothing. `progress` is called with the parts done, and
/// how many there are.
///
/// # Errors
/// What the operating system says, and what `row` says.
pub(crate) fn salvage(
    dir: &Path,
    mut progress: impl FnMut(u64, u64),
    mut row: impl FnMut(Vec<u8>, Vec<u8>) -> io::Result<()>,
) -> io::Result<Salvaged> {
    let file = File::open(dir.join("db"))?;
    let segments = file.metadata()?.len().div_ceil(tail::length());
    let mut log = Log::default();
    for segment in 0..segments {
        log.take(&file, segment)?;
        progress(segment + 1, segments * 2);
    }
    let torn = log.drop_torn();
    let mut found = log.places;
    found.sort_unstable_by_key(|place| (place.page, place.lsn));
    let mut leaves = leaves(&file, &found)?;
    // Pages may claim the same keys if a newer state of one could not be read: then the newest state counts.
    leaves.sort_unstable_by_key(|leaf| std::cmp::Reverse(leaf.lsn));
    let (count, mut covered, mut rows) = (leaves.len(), Covered::default(), 0);
    for (number, leaf) in leaves.into_iter().enumerate() {
        for (key, value) in rows_of(&file, &found[leaf.places])? {
            if !covered.has(&key) {
                rows += 1;
                row(key, value)?;
            }
        }
        covered.add(leaf.low, leaf.high);
        let done = segments + segments * u64::try_from(number + 1).unwrap_or(0) / u64::try_from(count).unwrap_or(1);
        progress(done, segments * 2);
    }
    Ok(Salvaged { rows, torn })
}

/// What was found in the segments.
#[derive(Default)]
struct Log {
    /// Messages about pages.
    places: Vec<Place>,
    /// Where batches begin, and the position that the log must have reached for each to be whole.
    batches: Vec<(Lsn, Lsn)>,
    /// The last position of any message.
    end: Lsn,
}

impl Log {
    /// Finds the messages of one segment, also behind parts that cannot be read, and those that are left of an earlier
    /// use of the segment.
    fn take(&mut self, file: &File, segment: u64) -> io::Result<()> {
        let base = segment * tail::length();
        let bytes = tail::read(file, base)?;
        let mut at = SEGMENT_HEADER;
        while at + RED_ZONE <= SEGMENT && at < bytes.len() {
            let Some(message) = Message::read(&bytes[at..]) else {
                at += 1;
                continue;
            };
            let offset = u64::try_from(at).unwrap_or(0);
            let lsn = message.segment.saturating_mul(tail::length()).saturating_add(offset);
            let Message { kind, page, length, .. } = message;
            match kind {
                Kind::Manifest => {
                    let whole = message.body.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
                    self.batches.push((lsn, Lsn::try_from(whole).unwrap_or(0)));
                }
                Kind::Free | Kind::Node | Kind::Link => {
                    self.places.push(Place { page, lsn, kind, offset: base + offset, length });
                }
                Kind::Canceled | Kind::Cap | Kind::Other | Kind::Outside => {}
            }
            at += length;
            self.end = self.end.max(lsn.saturating_add(u64::try_from(length).unwrap_or(0)));
        }
        Ok(())
    }

    /// Drops batches whose last message never reached the disk.
    fn drop_torn(&mut self) -> u64 {
        let torn: Vec<Lsn> = self.batches.iter().filter(|(_, whole)| *whole >= self.end).map(|(lsn, _)| *lsn).collect();
        if let Some(first) = torn.iter().min() {
            self.places.retain(|place| place.lsn < *first);
        }
        u64::try_from(torn.len()).unwrap_or(u64::MAX)
    }
}

/// The pages that hold rows.
fn leaves(file: &File, found: &[Place]) -> io::Result<Vec<Leaf>> {
    let mut leaves = Vec::new();
    let mut start = 0;
    while start < found.len() {
        let end = start + found[start..].iter().take_while(|place| place.page == found[start].page).count();
        let whole = found[start..end].iter().rposition(|place| matches!(place.kind, Kind::Node | Kind::Free));
        if let Some(whole) = whole.map(|at| start + at).filter(|at| found[*at].kind == Kind::Node) {
            let bytes = bytes_of(file, &found[whole])?;
            let node = Message::read(&bytes).and_then(|message| Node::read(message.body));
            if let Some(Node { low, high, rows: Some(_), .. }) = node {
                let (low, high) = (low.to_vec(), high.to_vec());
                leaves.push(Leaf { low, high, lsn: found[whole].lsn, places: whole..end });
            }
        }
        start = end;
    }
    Ok(leaves)
}

/// The rows of a page: those of its whole state, and what the changes after it made of them.
fn rows_of(file: &File, places: &[Place]) -> io::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut rows = BTreeMap::new();
    let mut prefix = Vec::new();
    for place in places {
        let bytes = bytes_of(file, place)?;
        let Some(message) = Message::read(&bytes) else { continue };
        let full = |prefix: &[u8], key: &[u8]| [prefix, key].concat();
        match place.kind {
            Kind::Node => {
                if let Some(node) = Node::read(message.body) {
                    prefix = node.prefix.to_vec();
                    let whole = node.rows.unwrap_or_default().into_iter();
                    rows = whole.map(|(key, value)| (full(&prefix, key), value.to_vec())).collect();
                }
            }
            Kind::Link => match Link::read(message.body) {
                Some(Link::Set(key, value)) => drop(rows.insert(full(&prefix, key), value.to_vec())),
                Some(Link::Del(key)) => drop(rows.remove(&full(&prefix, key))),
                Some(Link::Shape) | None => {}
            },
            _ => {}
        }
    }
    Ok(rows)
}

fn bytes_of(file: &File, place: &Place) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; place.length];
    file.read_exact_at(&mut bytes, place.offset)?;
    Ok(bytes)
}

/// Ranges of keys.
#[derive(Default)]
struct Covered {
    /// First key to first key past the range (`None`: the end). They do not touch each other.
    ranges: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Covered {
    fn has(&self, key: &[u8]) -> bool {
        let before = self.ranges.range::<[u8], _>((Unbounded, Included(key))).next_back();
        before.is_some_and(|(_, end)| end.as_deref().is_none_or(|end| key < end))
    }

    /// Adds the keys from `low` up to `high`; an empty `high` is the end of all keys.
    fn add(&mut self, low: Vec<u8>, high: Vec<u8>) {
        let mut low = low;
        let mut high = (!high.is_empty()).then_some(high);
        let reaches = |end: &Option<Vec<u8>>, low: &Vec<u8>| end.as_ref().is_none_or(|end| end >= low);
        if let Some((start, end)) = self.ranges.range(..=low.clone()).next_back()
            && reaches(end, &low)
        {
            low.clone_from(start);
        }
        let within: Vec<Vec<u8>> = self
            .ranges
            .range(low.clone()..)
            .take_while(|(start, _)| high.as_ref().is_none_or(|high| *start <= high))
            .map(|(start, _)| start.clone())
            .collect();
        for start in within {
            let end = self.ranges.remove(&start).flatten();
            high = high.and_then(|high| end.map(|end| end.max(high)));
        }
        self.ranges.insert(low, high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_join() {
        let mut covered = Covered::default();
        let add = |covered: &mut Covered, low: &str, high: &str| covered.add(low.into(), high.into());
        add(&mut covered, "b", "d");
        add(&mut covered, "f", "h");
        assert!(covered.has(b"b") && covered.has(b"czz") && !covered.has(b"d") && !covered.has(b"a"));
        add(&mut covered, "c", "f");
        assert_eq!(covered.ranges.len(), 1);
        assert!(covered.has(b"e") && covered.has(b"g") && !covered.has(b"h"));
        add(&mut covered, "x", "");
        assert!(covered.has(b"zzz") && !covered.has(b"m"));
        add(&mut covered, "", "");
        assert!(covered.has(b"") && covered.has(b"m"));
        assert_eq!(covered.ranges.len(), 1);
    }
}
