//! Entries of our own that wait for their signature: one for all that a group of inputs appends to a feed.

use std::sync::Arc;

use covey_feed::limits::{MAX_BATCH_BYTES, MAX_BATCH_ENTRIES};
use covey_feed::run::{self, RunLimits};
use covey_feed::{Entry, FeedKey, Head, Run};
use covey_pairing::crypto::sign::Context;

use crate::engine::records::feeds::{self, Feed};
use crate::engine::{EngineError, Me, tables};
use crate::store::Tx;

/// Entries of our own that a group of inputs has appended and that are not signed and pushed yet: see
/// [`crate::engine::input::settle`].
#[derive(Debug, Clone, Default)]
pub struct Appended(Vec<Tail>);

/// Those of one feed.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    /// Number of the channel.
    pub(super) channel: u64,
    pub(super) key: FeedKey,
    fid: u64,
    /// As they were stored, in their order.
    pub(super) entries: Vec<Arc<Entry>>,
    /// The last ones that no signature covers: how many, and their bytes.
    unsigned: (usize, usize),
}

impl Appended {
    /// True if everything is signed and pushed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self) -> Vec<Tail> {
        std::mem::take(&mut self.0)
    }

    pub(super) fn tail(&mut self, channel: u64, key: FeedKey) -> Option<&mut Tail> {
        self.0.iter_mut().find(|tail| (tail.channel, tail.key) == (channel, key))
    }

    pub(super) fn add(&mut self, channel: u64, feed: &Feed, entry: &Entry) {
        let (key, fid, entry) = (feed.key, feed.fid, Arc::new(entry.clone()));
        let size = entry.size();
        match self.tail(channel, key) {
            Some(tail) => {
                tail.entries.push(entry);
                tail.unsigned = (tail.unsigned.0 + 1, tail.unsigned.1 + size);
            }
            None => self.0.push(Tail { channel, key, fid, entries: vec![entry], unsigned: (1, size) }),
        }
    }
}

impl Tail {
    /// Whether an entry of that size may stand under one signature with those before it.
    pub(super) fn has_room(&self, size: usize) -> bool {
        let (entries, bytes) = self.unsigned;
        entries == 0 || entries < MAX_BATCH_ENTRIES && bytes + size <= MAX_BATCH_BYTES
    }

    /// Signs the last entry, and with it those before it, unless it is signed.
    pub(super) fn sign(&mut self, me: &Me, tx: &mut Tx<'_>) {
        let Some(last) = self.entries.last_mut().filter(|last| last.signature().is_none()) else { return };
        let signed = run::sign(Entry::clone(last), |header| me.device.signing().sign(Context::FeedEntry, header));
        tx.put_raw(&tables::entry(self.fid, signed.seq()), &signed.to_stored());
        *last = Arc::new(signed);
        self.unsigned = (0, 0);
    }

    /// Leaves out what was taken back since, and signs the rest: the runs to push, each with the head of the feed after it.
    pub(super) fn runs(&mut self, me: &Me, tx: &mut Tx<'_>) -> Result<Vec<(Run, Head)>, EngineError> {
        while let Some(last) = self.entries.last()
            && feeds::entry(tx, self.fid, last.seq())?.is_none_or(|stored| stored.id() != last.id())
        {
            self.entries.pop();
        }
        self.sign(me, tx);
        let (mut runs, mut rest) = (Vec::new(), self.entries.as_slice());
        while let Some(run) = run::assemble(rest.iter().map(|entry| Entry::clone(entry)), RunLimits::default()) {
            let (done, more) = rest.split_at(rest.partition_point(|entry| entry.seq() <= run.last()));
            let Some(last) = done.last() else { break };
            runs.push((run, last.head()));
            rest = more;
        }
        Ok(runs)
    }
}
