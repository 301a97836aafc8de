//! Whether the database's files are the very files that the last start left, or a copy of them.
//!
//! A copy may be an older state whose original went on. File systems give a copied or restored file another inode and
//! another time of birth; the database itself remembers which ones it had. A snapshot of the whole disk is not noticed
//! here: contacts notice it, by what they know of our feeds.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use covey_api::ApiError;
use serde::{Deserialize, Serialize};

use crate::engine::EngineError;
use crate::runtime::EngineHandle;
use crate::store::{Key, StoreError, Table, Tx};

/// What tells a file from its copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Provenance {
    inode: u64,
    /// Nanoseconds since 1970; 0 where the file system does not know.
    born: u64,
}

fn key() -> Key {
    Key::table(Table::Meta).raw("provenance")
}

impl Provenance {
    /// Of the database in `dir`; nothing if its file cannot be looked at (opening it has told why then).
    pub(crate) fn of(dir: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(dir.join("db")).ok()?;
        let born = metadata.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let born = born.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0);
        Some(Self { inode: metadata.ino(), born })
    }

    /// Whether the database remembers other files than these.
    pub(crate) fn is_copy(&self, tx: &Tx<'_>) -> Result<bool, EngineError> {
        Ok(tx.get::<Self>(&key())?.is_some_and(|known| known != *self))
    }

    /// Goes on remembering when everything in the files of `self` was put into those of `new`. A copy that was not noticed
    /// yet is noticed all the same: what it remembers stays then.
    pub(crate) fn moved_to(&self, new: Self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        if tx.get::<Self>(&key())? == Some(*self) { tx.put(&key(), &new) } else { Ok(()) }
    }

    /// Remembers these files. To be called once everything that a copy calls for is durable.
    pub(super) async fn remember(self, engine: &EngineHandle) -> Result<(), ApiError> {
        engine.call(move |cx| Ok(self.note(cx.tx)?)).await
    }

    /// Writes these files down.
    pub(crate) fn note(self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        if tx.get::<Self>(&key())? == Some(self) { Ok(()) } else { tx.put(&key(), &self) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copied_database_is_not_the_same_files() {
        let dir = tempfile::tempdir().expect("a temp dir");
        let (original, copy) = (dir.path().join("a"), dir.path().join("b"));
        for dir in [&original, &copy] {
            std::fs::create_dir(dir).expect("a directory");
        }
        std::fs::write(original.join("db"), "log").expect("a file");
        std::fs::copy(original.join("db"), copy.join("db")).expect("a copy");
        let of = |dir: &Path| Provenance::of(dir).expect("a file to look at");
        assert_ne!(of(&original), of(&copy));
        std::fs::write(original.join("db"), "log and more").expect("a write");
        assert_eq!(of(&original), of(&original));
        assert_eq!(Provenance::of(&dir.path().join("nowhere")), None);
    }
}
