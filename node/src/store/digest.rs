//! A running digest of all rows: tells a complete database from one that lost or kept an old version of some.
//!
//! sled answers damage to its log by leaving out what it cannot read, without a word. So every batch also updates one
//! row that says how many rows there are and what their hashes add up to: the sum can be kept up to date change by
//! change, and a walk over all rows must come to the same one (`scrub`).

use super::StoreError;

/// The key of the row: before every table.
pub(crate) const KEY: [u8; 1] = [0];
/// Version of the row.
const VERSION: u8 = 1;
/// Length of the row: version, commit, rows, sum.
const LEN: usize = 1 + 8 + 8 + 32;

/// What a set of rows adds up to, whatever their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// Number of rows.
    pub(crate) rows: u64,
    lanes: [u64; 4],
}

impl Sum {
    /// Takes a row up.
    pub(crate) fn add(&mut self, key: &[u8], row: &[u8]) {
        self.rows = self.rows.wrapping_add(1);
        for (lane, part) in self.lanes.iter_mut().zip(hash(key, row)) {
            *lane = lane.wrapping_add(part);
        }
    }

    /// Takes a row out.
    pub(crate) fn remove(&mut self, key: &[u8], row: &[u8]) {
        self.rows = self.rows.wrapping_sub(1);
        for (lane, part) in self.lanes.iter_mut().zip(hash(key, row)) {
            *lane = lane.wrapping_sub(part);
        }
    }
}

fn hash(key: &[u8], row: &[u8]) -> [u64; 4] {
    let length = u64::try_from(key.len()).unwrap_or(u64::MAX);
    let hash = blake3::Hasher::new().update(&length.to_be_bytes()).update(key).update(row).finalize();
    let lane = |at: usize| hash.as_bytes()[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    [lane(0), lane(8), lane(16), lane(24)]
}

/// The digest row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    /// Batches applied since the database was made: grows by one with each.
    pub(crate) commit: u64,
    /// All rows but this one.
    pub(crate) sum: Sum,
}

impl Digest {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LEN);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.commit.to_be_bytes());
        bytes.extend_from_slice(&self.sum.rows.to_be_bytes());
        self.sum.lanes.iter().for_each(|lane| bytes.extend_from_slice(&lane.to_be_bytes()));
        bytes
    }

    /// Reads the row.
    ///
    /// # Errors
    /// [`StoreError::Version`] for one of a later covey; `None` inside: malformed.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Option<Self>, StoreError> {
        match bytes.first() {
            Some(&VERSION) if bytes.len() == LEN => {}
            Some(&found) if found > VERSION => {
                return Err(StoreError::Version { table: KEY[0], found, known: VERSION });
            }
            _ => return Ok(None),
        }
        let number = |at: usize| bytes[at..].first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        let sum = Sum { rows: number(9), lanes: [number(17), number(25), number(33), number(41)] };
        Ok(Some(Self { commit: number(1), sum }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_depends_on_the_rows_and_not_on_their_order() {
        let (mut one, mut other) = (Sum::default(), Sum::default());
        for key in [b"a", b"b", b"c"] {
            one.add(key, b"row");
        }
        for key in [b"c", b"x", b"a", b"b"] {
            other.add(key, b"row");
        }
        assert_ne!(one, other);
        other.remove(b"x", b"row");
        assert_eq!(one, other);
        other.remove(b"a", b"row");
        other.add(b"a", b"an older row");
        assert_ne!(one, other);
        assert_eq!(one.rows, other.rows);
    }

    #[test]
    fn the_row_reads_back_and_a_later_version_is_refused() {
        let mut digest = Digest { commit: 7, ..Digest::default() };
        digest.sum.add(b"key", b"row");
        let mut bytes = digest.encode();
        assert_eq!(Digest::decode(&bytes).ok().flatten(), Some(digest));
        assert_eq!(Digest::decode(&bytes[..20]).ok(), Some(None));
        bytes[0] = 2;
        assert!(matches!(Digest::decode(&bytes), Err(StoreError::Version { found: 2, .. })));
    }
}
