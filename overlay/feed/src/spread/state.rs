//! What is known about a group across its peers.

use std::collections::{BTreeMap, VecDeque};

use super::buckets::{Bucket, Buckets};
use crate::{
    ChannelId, Digest, FeedKey, Head, Heads,
    limits::{LEASE, MAX_ANNOUNCED, MAX_HISTORY, SOURCE_TIMEOUT},
};

/// What last became durable of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fresh {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Worth being pushed on; else it was caught up on, and most have it.
    pub(crate) live: bool,
}

#[derive(Debug)]
pub(crate) struct State {
    buckets: Buckets,
    history: VecDeque<Digest>,
    fresh: BTreeMap<FeedKey, Fresh>,
    /// Runs that are with the node: whether they are live.
    arriving: BTreeMap<FeedKey, bool>,
    /// How far feeds are said to go by what was pushed ahead of what we have.
    seen: BTreeMap<FeedKey, u64>,
    leases: BTreeMap<FeedKey, (u64, u64)>,
    /// The one peer that is compared with, and until when.
    source: Option<(u64, u64)>,
    pub(super) seats: u64,
    /// Connected neighbours.
    pub(super) near: usize,
}

impl State {
    pub(super) fn new(channel: ChannelId, heads: Heads) -> Self {
        Self {
            buckets: Buckets::new(channel, heads),
            history: VecDeque::new(),
            fresh: BTreeMap::new(),
            arriving: BTreeMap::new(),
            seen: BTreeMap::new(),
            leases: BTreeMap::new(),
            source: None,
            seats: 0,
            near: 0,
        }
    }

    pub(crate) fn heads(&self) -> &Heads {
        self.buckets.heads()
    }

    pub(crate) fn entries(&self) -> u64 {
        self.buckets.entries()
    }

    pub(crate) fn flat(&mut self) -> Digest {
        self.buckets.flat()
    }

    pub(crate) fn root(&mut self) -> Digest {
        self.buckets.root()
    }

    /// Digests to compare by: as many as our heads are worth.
    pub(crate) fn comparison(&mut self) -> Vec<Bucket> {
        let width = self.buckets.width();
        self.buckets.level(width)
    }

    pub(crate) fn level(&mut self, width: usize) -> Vec<Bucket> {
        self.buckets.level(width)
    }

    /// A feed became longer in a channel that is not a group.
    pub(crate) fn advance_alone(&mut self, feed: FeedKey, head: Head) {
        self.buckets.advance(feed, head);
    }

    /// A feed became longer; only the first of the machines to say so does.
    pub(crate) fn advance(&mut self, feed: FeedKey, head: Head) {
        let from = self.heads().seq(&feed) + 1;
        if head.seq < from {
            return;
        }
        let before = self.root();
        self.remember(before);
        self.buckets.advance(feed, head);
        let live = self.arriving.remove(&feed).unwrap_or(true);
        put(&mut self.fresh, feed, Fresh { from, to: head.seq, live });
        if self.seen.get(&feed).is_some_and(|seen| *seen <= head.seq) {
            self.seen.remove(&feed);
        }
    }

    pub(super) fn cut(&mut self, feed: FeedKey, head: Option<Head>) {
        self.buckets.set(feed, head);
        self.history.clear();
        self.fresh.remove(&feed);
        self.seen.remove(&feed);
    }

    fn remember(&mut self, digest: Digest) {
        if self.history.len() == MAX_HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(digest);
    }

    /// Whether we once had exactly the heads of this digest.
    pub(crate) fn was_at(&self, digest: &Digest) -> bool {
        self.history.contains(digest)
    }

    pub(crate) fn fresh(&self, feed: &FeedKey) -> Option<Fresh> {
        self.fresh.get(feed).copied()
    }

    pub(crate) fn arrives(&mut self, feed: FeedKey, live: bool) {
        put(&mut self.arriving, feed, live);
    }

    /// A run up to `seq` was pushed that we cannot use yet; whether one of the kind was seen before.
    pub(crate) fn saw(&mut self, feed: FeedKey, seq: u64) -> bool {
        let again = self.seen.get(&feed).is_some_and(|seen| seq <= *seen);
        if !again {
            put(&mut self.seen, feed, seq);
        }
        again
    }

    /// Whether another peer than that of `seat` is being asked for the feed.
    pub(crate) fn leased(&self, feed: &FeedKey, seat: u64, now: u64) -> bool {
        self.leases.get(feed).is_some_and(|(holder, until)| *holder != seat && *until > now)
    }

    pub(crate) fn lease(&mut self, feed: FeedKey, seat: u64, now: u64) {
        self.leases.insert(feed, (seat, now.saturating_add(LEASE)));
    }

    pub(crate) fn release(&mut self, feed: &FeedKey, seat: u64) {
        if self.leases.get(feed).is_some_and(|(holder, _)| *holder == seat) {
            self.leases.remove(feed);
        }
    }

    /// Makes the peer of `seat` the one that is compared with, unless another is.
    pub(crate) fn take_source(&mut self, seat: u64, now: u64) -> bool {
        let free = self.source.is_none_or(|(holder, until)| holder == seat || until <= now);
        if free {
            self.source = Some((seat, now.saturating_add(SOURCE_TIMEOUT)));
        }
        free
    }

    /// Whether somebody is compared with now.
    pub(crate) fn catches_up(&self, now: u64) -> bool {
        self.source.is_some_and(|(_, until)| until > now)
    }

    pub(crate) fn is_source(&self, seat: u64) -> bool {
        self.source.is_some_and(|(holder, _)| holder == seat)
    }

    /// Whether the peer of `seat` is, and made progress lately.
    pub(crate) fn holds_source(&self, seat: u64, now: u64) -> bool {
        self.source.is_some_and(|(holder, until)| holder == seat && until > now)
    }

    pub(crate) fn leave_source(&mut self, seat: u64) {
        if self.is_source(seat) {
            self.source = None;
        }
    }

    /// Frees what the peer of `seat` held.
    pub(super) fn vacate(&mut self, seat: u64) {
        self.leave_source(seat);
        self.leases.retain(|_, (holder, _)| *holder != seat);
    }
}

/// Remembers one of a bounded number of feeds; which one is forgotten does not matter.
pub(crate) fn put<T>(map: &mut BTreeMap<FeedKey, T>, feed: FeedKey, value: T) {
    if map.len() >= MAX_ANNOUNCED && !map.contains_key(&feed) {
        map.pop_first();
    }
    map.insert(feed, value);
}
