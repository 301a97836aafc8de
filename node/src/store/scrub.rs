//! A walk over all rows, a part at a time, while the store is in use.

use super::digest::Sum;

/// How far the walk has come and what it has seen. Rows behind it that change are followed, so that at the end it has
/// seen all rows as they are then.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scrub {
    /// The last key seen.
    at: Option<Vec<u8>>,
    walked: Sum,
    done: bool,
}

impl Scrub {
    /// Whether the walk has ended.
    pub(crate) fn done(&self) -> bool {
        self.done
    }

    /// What the rows seen so far add up to.
    pub(crate) fn walked(&self) -> &Sum {
        &self.walked
    }

    /// The first key not seen yet: the one after the digest's own at first.
    pub(crate) fn next(&self) -> Vec<u8> {
        [self.at.as_deref().unwrap_or(&super::digest::KEY), &[0]].concat()
    }

    /// Sees the next row.
    pub(crate) fn walk(&mut self, key: &[u8], row: &[u8]) {
        self.walked.add(key, row);
        self.at = Some(key.to_vec());
    }

    /// There are no further rows. Whether they come to `expected`; if not, it is found again at every further try.
    pub(crate) fn end(&mut self, expected: &Sum) -> bool {
        self.done = self.walked == *expected;
        self.done
    }

    /// A row came.
    pub(crate) fn added(&mut self, key: &[u8], row: &[u8]) {
        if self.is_behind(key) {
            self.walked.add(key, row);
        }
    }

    /// A row went.
    pub(crate) fn removed(&mut self, key: &[u8], row: &[u8]) {
        if self.is_behind(key) {
            self.walked.remove(key, row);
        }
    }

    fn is_behind(&self, key: &[u8]) -> bool {
        !self.done && self.at.as_deref().is_some_and(|at| key <= at)
    }
}
