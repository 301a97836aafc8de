//! What all rows of the disk store must add up to: read when it is opened, kept with every batch, compared a part at a time.

use super::SledStore;
use crate::store::{
    StoreError,
    chunks::Rows,
    digest::{self, Digest, Sum},
    pages,
    replaced::Replaced,
    scrub::Scrub,
};

/// A row of up to so many bytes is compared as fast as any: what it costs to find it and to hash it are alike then.
const SHORT: usize = 512;

impl SledStore {
    /// The digest; made from what is there if there is none, as in a new database.
    pub(super) fn read_digest(&self, db: &sled::Db) -> Result<(Digest, bool), StoreError> {
        if let Some(row) = db.get(digest::KEY).map_err(|e| self.sled(&e))? {
            let digest = Digest::decode(&row)?.ok_or_else(|| self.damaged("its digest is malformed".to_owned()))?;
            return Ok((digest, false));
        }
        let mut sum = Sum::default();
        for row in db.iter() {
            let (key, row) = row.map_err(|e| self.sled(&e))?;
            sum.add(&key, &row);
        }
        Ok((Digest { commit: 0, sum }, true))
    }

    /// Whether there are rows, but no digest that they could be compared with.
    pub(crate) fn lacks_digest(&self) -> bool {
        self.adopted && self.digest.commit == 0 && self.digest.sum.rows > 0
    }

    /// Batches applied so far, over all runs; grows with each.
    pub fn commit(&self) -> u64 {
        self.digest.commit
    }

    /// Counts on from at least `commit`: another copy may have counted so far.
    pub(crate) fn skip_to(&mut self, commit: u64) {
        self.digest.commit = self.digest.commit.max(commit);
    }

    /// Rows compared with the digest since the database was opened.
    pub(crate) fn compared(&self) -> u64 {
        self.scrub.walked().rows
    }

    /// Rows stored, parts of long values among them.
    pub fn rows(&self) -> u64 {
        self.digest.sum.rows
    }

    /// Compares up to `rows` further rows with the digest, or fewer long ones: a row counts once more for each 512 bytes of it.
    /// `true`: all of them were, and they agree.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if rows are missing, or old versions of themselves, or cannot be read.
    pub fn scrub(&mut self, rows: usize) -> Result<bool, StoreError> {
        if self.scrub.done() {
            return Ok(true);
        }
        // Row by row: together they would be megabytes.
        let (scrub, ended) = self.read(|db| {
            let mut scrub = self.scrub.clone();
            let mut left = db.range(scrub.next()..);
            let mut seen = 0;
            while seen < rows {
                let Some(row) = left.next() else { return Ok((scrub, true)) };
                let (key, row) = row.map_err(|e| self.sled(&e))?;
                pages::weigh(db, &key, row.len()).map_err(|e| self.sled(&e))?;
                scrub.walk(&key, &row);
                seen += 1 + row.len() / SHORT;
            }
            Ok((scrub, false))
        })?;
        self.scrub = scrub;
        if ended && !self.scrub.end(&self.digest.sum) {
            let (is, was) = (self.scrub.walked().rows, self.digest.sum.rows);
            let detail = match is.cmp(&was) {
                std::cmp::Ordering::Equal => "some of its records are old versions of themselves".to_owned(),
                _ => format!("it has {is} rows instead of {was}"),
            };
            return Err(self.damaged(detail));
        }
        Ok(ended)
    }

    /// Works out what `rows` do to the digest, from what they replace. Also gives the new digest row.
    pub(super) fn digested(&self, rows: &Rows) -> Result<(Digest, Scrub, sled::Batch), StoreError> {
        self.read(|db| {
            let (mut digest, mut scrub) = (self.digest, self.scrub.clone());
            let mut batch = sled::Batch::default();
            let mut stored = Replaced::default();
            let mut rows = rows.iter().peekable();
            while let Some((key, row)) = rows.next() {
                if let Some(old) = stored.by(db, key, rows.peek().map(|(next, _)| *next)).map_err(|e| self.sled(&e))? {
                    digest.sum.remove(key, &old);
                    scrub.removed(key, &old);
                }
                match row {
                    Some(row) => {
                        digest.sum.add(key, row);
                        scrub.added(key, row);
                        batch.insert(key.as_slice(), row.as_slice());
                    }
                    None => batch.remove(key.as_slice()),
                }
            }
            digest.commit += 1;
            batch.insert(&digest::KEY, digest.encode());
            Ok((digest, scrub, batch))
        })
    }
}
