//! What the rows of a batch replace, which its digest needs to know.
//!
//! Most rows are new and stand together at the end of something: entries of a feed, messages of a channel. One look at what the
//! store has next after the first of them says that there is none of them.

use sled::{Db, IVec};

/// Keys that have so many bytes in common are neighbours: table and one number.
const NEIGHBOURS: usize = 9;

/// Asked for one key after the other, in order.
#[derive(Default)]
pub(crate) struct Replaced {
    gap: Option<Gap>,
}

/// What a look at a range said.
struct Gap {
    from: Vec<u8>,
    /// The first row from there on.
    next: Option<(IVec, IVec)>,
}

impl Replaced {
    /// The row stored under `key`, if there is one. `next`: the key after it in the batch.
    ///
    /// # Errors
    /// As sled.
    pub(crate) fn by(&mut self, db: &Db, key: &[u8], next: Option<&Vec<u8>>) -> sled::Result<Option<IVec>> {
        if let Some(known) = self.in_gap(key) {
            return Ok(known);
        }
        if !next.is_some_and(|next| are_neighbours(key, next)) {
            return db.get(key);
        }
        // A look at a range copies a leaf of sled, so it has to serve for several.
        self.gap = Some(Gap { from: key.to_vec(), next: db.range(key..).next().transpose()? });
        Ok(self.in_gap(key).flatten())
    }

    /// What the last look at a range says of a key, if it says anything.
    fn in_gap(&self, key: &[u8]) -> Option<Option<IVec>> {
        let gap = self.gap.as_ref().filter(|gap| gap.from.as_slice() <= key)?;
        match &gap.next {
            Some((at, row)) if at.as_ref() == key => Some(Some(row.clone())),
            Some((at, _)) if at.as_ref() < key => None,
            Some(_) | None => Some(None),
        }
    }
}

fn are_neighbours(one: &[u8], other: &[u8]) -> bool {
    matches!((one.get(..NEIGHBOURS), other.get(..NEIGHBOURS)), (Some(one), Some(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_is_what_is_stored_wherever_it_stands() {
        let db = sled::Config::new().temporary(true).open().expect("a database");
        let key = |table: u8, number: u64, seq: u64| [&[table][..], &number.to_be_bytes(), &seq.to_be_bytes()].concat();
        // Six neighbours and keys before and after them: any of them may be stored, and all are asked for.
        let asked: Vec<Vec<u8>> =
            [(1, 7, 0), (2, 7, 0), (2, 7, 1), (2, 7, 2), (2, 7, 3), (2, 7, 4), (2, 7, 5), (2, 8, 0), (3, 1, 1)]
                .map(|(table, number, seq)| key(table, number, seq))
                .to_vec();
        for stored in 0_u32..1 << asked.len() {
            db.clear().expect("cleared");
            for (at, key) in asked.iter().enumerate().filter(|(at, _)| stored & (1 << at) != 0) {
                db.insert(key, vec![u8::try_from(at).expect("few")]).expect("stored");
            }
            let mut replaced = Replaced::default();
            for (at, key) in asked.iter().enumerate() {
                let found = replaced.by(&db, key, asked.get(at + 1)).expect("read");
                assert_eq!(found, db.get(key).expect("read"), "{stored:b} {at}");
            }
        }
    }
}
