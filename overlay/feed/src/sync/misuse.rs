//! Counting what a peer does in vain: bursts are forgiven over time, floods are not; back-off of single feeds.

use std::collections::BTreeMap;

use crate::{
    FeedId,
    limits::{BACKOFF_MAX, BACKOFF_MIN, MAX_BACKOFFS, MISUSE_BURST, MISUSE_PER_SECOND},
};

/// A leaky bucket of useless frames, in thousandths.
#[derive(Debug, Default)]
pub(crate) struct Misuse {
    level: u64,
    at: u64,
}

impl Misuse {
    /// Counts `weight` useless frames; whether that is too many (SYNC-9).
    pub(crate) fn add(&mut self, weight: u32, now: u64) -> bool {
        let leaked = now.saturating_sub(self.at).saturating_mul(MISUSE_PER_SECOND.into());
        self.level = self.level.saturating_sub(leaked).saturating_add(u64::from(weight) * 1000);
        self.at = self.at.max(now);
        self.level > u64::from(MISUSE_BURST) * 1000
    }
}

/// Feeds that are not asked of this peer for a while (SYNC-8). Survives reconnection, or a reconnecting peer could
/// make us fetch a poisoned run in a loop.
#[derive(Debug, Default)]
pub(crate) struct Backoffs(BTreeMap<FeedId, Backoff>);

#[derive(Debug, Clone, Copy)]
struct Backoff {
    until: u64,
    /// Length of the last one that was the peer's doing, in milliseconds.
    length: u64,
    /// This one is not.
    innocent: bool,
}

impl Backoffs {
    /// Backs the feed off, twice as long as the last time.
    pub(crate) fn grow(&mut self, feed: FeedId, now: u64) {
        let last = self.0.get(&feed).map_or(0, |backoff| backoff.length);
        let length = last.saturating_mul(2).clamp(BACKOFF_MIN, BACKOFF_MAX);
        self.put(feed, Backoff { until: now.saturating_add(length), length, innocent: false });
    }

    /// Lets the feed rest until then: the node cannot take more of it, which is not the peer's doing.
    pub(crate) fn pause(&mut self, feed: FeedId, until: u64, now: u64) {
        let last = self.0.get(&feed).copied().unwrap_or(Backoff { until: 0, length: 0, innocent: true });
        let innocent = last.innocent || last.until <= now;
        self.put(feed, Backoff { until: last.until.max(until), length: last.length, innocent });
    }

    /// Whether the feed rests now, and the peer need not know.
    pub(crate) fn pauses(&self, feed: &FeedId, now: u64) -> bool {
        self.0.get(feed).is_some_and(|backoff| backoff.until > now && backoff.innocent)
    }

    /// The feed works again.
    pub(crate) fn clear(&mut self, feed: &FeedId) {
        self.0.remove(feed);
    }

    /// Whether the feed is backed off now.
    pub(crate) fn holds(&self, feed: &FeedId, now: u64) -> bool {
        self.0.get(feed).is_some_and(|backoff| backoff.until > now)
    }

    /// When the next one ends after `now`.
    pub(crate) fn next_end(&self, now: u64) -> Option<u64> {
        self.0.values().map(|backoff| backoff.until).filter(|until| *until > now).min()
    }

    fn put(&mut self, feed: FeedId, backoff: Backoff) {
        self.0.insert(feed, backoff);
        if self.0.len() > MAX_BACKOFFS {
            let first = self.0.iter().min_by_key(|(_, backoff)| backoff.until).map(|(feed, _)| *feed);
            first.and_then(|feed| self.0.remove(&feed));
        }
    }
}
