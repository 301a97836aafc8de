//! Assembling a run from the store, to serve a range.

use crate::{
    Entry, Run,
    limits::{MAX_RUN_BYTES, MAX_RUN_ENTRIES},
};

/// How much one run may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunLimits {
    /// Entries, at most [`MAX_RUN_ENTRIES`].
    pub entries: usize,
    /// Header and payload bytes, at most [`MAX_RUN_BYTES`].
    pub bytes: usize,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self { entries: MAX_RUN_ENTRIES, bytes: MAX_RUN_BYTES }
    }
}

/// Packs the entries of one feed, given in order from the first one wanted, into the longest run that is within
/// `limits` and ends at a signed entry (FEED-8). Reads no further than it needs to.
///
/// `None` when there is no signed entry in reach: the store has none from there on, or it has lost entries. With
/// the default limits every stored range can be served, because signatures are never further apart than one run.
pub fn assemble(entries: impl IntoIterator<Item = Entry>, limits: RunLimits) -> Option<Run> {
    let (max_entries, max_bytes) = (limits.entries.min(MAX_RUN_ENTRIES), limits.bytes.min(MAX_RUN_BYTES));
    let mut taken: Vec<Entry> = Vec::new();
    let mut size = 0;
    for entry in entries.into_iter().take(max_entries) {
        size += entry.size();
        let follows = taken.last().is_none_or(|before| {
            before.seq() + 1 == entry.seq() && entry.header().position.backlink == Some(before.id())
        });
        if size > max_bytes || !follows {
            break;
        }
        taken.push(entry);
    }
    let signed = taken.iter().rposition(|entry| entry.signature().is_some())?;
    Run::of(&taken[..=signed])
}
