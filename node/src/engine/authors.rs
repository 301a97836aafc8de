//! Keys of authors whose entries came lately, in the form that verifies. Who talks, talks again.

use std::collections::BTreeMap;

use covey_feed::Author;
use covey_feed::header::AuthorKey;

/// Keys kept at a time: more than talk at once, and 60 KB.
const MAX_KEYS: usize = 256;

/// Keys that were made already.
#[derive(Default)]
pub(super) struct AuthorKeys(BTreeMap<Author, AuthorKey>);

impl AuthorKeys {
    /// The key of `author`; `None` if it can sign nothing.
    pub(super) fn of(&mut self, author: &Author) -> Option<AuthorKey> {
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
