//! Keys of authors whose entries came lately, in the form that verifies. Who talks, talks again.

use std::collections::BTreeMap;

use covey_feed::Author;
use covey_feed::header::AuthorKey;

/// Keys kept at a time: more than talk at once, and 60 KB.
const MAX_KEYS: usize = 256;

/// Keys that were made already.
#[derive(Default)]
pub(in crate::engine) struct AuthorKeys(BTreeMap<Author, AuthorKey>);

impl AuthorKeys {
    /// The key of `author`; `None` if it can sign nothing.
    pub(in crate::engine) fn of(&mut self, author: &Author) -> Option<AuthorKey> {
        if let Some(key) = self.0.get(author) {
            return Some(key.clone());
        }
        let key = AuthorKey::new(author)?;
        if self.0.len() == MAX_KEYS {
            self.0.clear();
        }
        self.0.insert(*author, key.clone());
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author(n: u16) -> Author {
        let mut seed = [0; 32];
        seed[..2].copy_from_slice(&n.to_be_bytes());
        Author::from_bytes(*covey_pairing::crypto::sign::SigningSecret::from_seed(seed).public().as_bytes())
    }

    #[test]
    fn a_crowd_of_authors_takes_no_more_memory_than_a_few() {
        let mut keys = AuthorKeys::default();
        for n in 0..3 * 256 {
            assert!(keys.of(&author(n)).is_some());
            assert!(keys.0.len() <= MAX_KEYS);
            assert!(keys.0.contains_key(&author(n)), "the next entry finds it");
        }
    }

    #[test]
    fn what_is_no_key_is_not_kept() {
        let mut keys = AuthorKeys::default();
        // A point of small order, and no point at all.
        let mut none = [0; 32];
        none[0] = 2;
        for bytes in [[0; 32], none] {
            assert!(keys.of(&Author::from_bytes(bytes)).is_none());
        }
        assert!(keys.0.is_empty());
    }
}
