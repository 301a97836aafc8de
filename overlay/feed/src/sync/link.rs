//! What one machine remembers of its peer's part in one group.

use std::collections::BTreeMap;

use super::{SharedGroup, frame::HeadClaim};
use crate::{
    Author, Digest, EntryId, FeedKey, Head,
    limits::{
        ANNOUNCE_DELAY, COMPARE_BURST, COMPARE_INTERVAL, COMPARE_LATEST, COMPARE_SOON, GRAFT_DELAY, MAX_ANNOUNCED,
        PRUNE_GRACE, RELAY_BYTES, RELAY_PERIOD, SUMMARY_DELAY, SUMMARY_INTERVAL,
    },
    spread::{Seat, put},
};

/// What the peer gets of new entries.
///
/// ```text
///            graft, either way           prune, either way
///   Far ────────────────────────> Eager ──────────────────> Lazy
///                                   ▲ <─────────────────────┘
///   a new neighbour begins here ────┘         graft
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    /// The entries.
    Eager,
    /// Word of them.
    Lazy,
    /// Neither: only heads are compared.
    Far,
}

/// An entry that the peer announced and that we lack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Missing {
    pub(crate) seq: u64,
    pub(crate) id: EntryId,
    due: u64,
}

/// What was collected for the peer.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) heads: Vec<HeadClaim>,
    pub(crate) haves: Vec<(FeedKey, u64)>,
}

/// The comparisons one side may ask for: so many at once, and one more every so often.
#[derive(Debug)]
struct Tokens {
    left: u64,
    at: u64,
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) peer: Author,
    pub(crate) seat: Seat,
    pub(crate) push: Push,
    /// When the peer last changed what it gets.
    changed: Option<u64>,
    pruned: u64,
    /// How far the peer is, or was told to be able to get, in feeds that lately moved.
    knows: BTreeMap<FeedKey, u64>,
    queued: BTreeMap<FeedKey, HeadClaim>,
    haves: BTreeMap<FeedKey, u64>,
    flush_at: Option<u64>,
    missing: BTreeMap<FeedKey, Missing>,
    missing_at: Option<u64>,
    summary_at: Option<u64>,
    summary_sent: Option<u64>,
    /// When the peer last told where it is: then it shared the group, and what we told since the first time, it heard.
    pub(crate) told_at: Option<u64>,
    /// The digest of the peer's heads when it last sent one that is not ours.
    pub(crate) theirs: Option<Digest>,
    pub(crate) compare_at: Option<u64>,
    /// The answer to a comparison is awaited.
    pub(crate) comparing: bool,
    /// It was as long as an answer gets, and taught us something: the next may, too.
    pub(crate) more: bool,
    /// Comparisons in a row that taught us nothing.
    pub(crate) useless: usize,
    asking: Tokens,
    answering: Tokens,
    /// Where the next answer begins.
    pub(crate) leaf: u8,
    relayed: (u64, usize),
    /// When to look again for feeds that other peers were being asked for.
    pub(crate) retry_at: Option<u64>,
    announce_delay: u64,
}

impl Link {
    pub(crate) fn new(shared: &SharedGroup, own: &Author, now: u64) -> Self {
        // Two neighbours have most entries at about the same time: if one speaks first, the other need not.
        let announce_delay = if *own < shared.peer { ANNOUNCE_DELAY / 2 } else { ANNOUNCE_DELAY };
        let tokens = || Tokens { left: COMPARE_BURST, at: now };
        Self {
            peer: shared.peer,
            seat: Seat::new(shared.spread.clone(), shared.neighbour),
            push: if shared.neighbour { Push::Eager } else { Push::Far },
            changed: None,
            pruned: 0,
            knows: BTreeMap::new(),
            queued: BTreeMap::new(),
            haves: BTreeMap::new(),
            flush_at: None,
            missing: BTreeMap::new(),
            missing_at: None,
            summary_at: None,
            summary_sent: None,
            told_at: None,
            theirs: None,
            compare_at: None,
            comparing: false,
            more: false,
            useless: 0,
            asking: tokens(),
            answering: tokens(),
            leaf: 0,
            relayed: (0, 0),
            retry_at: None,
            announce_delay,
        }
    }

    /// When something of this link is due.
    pub(crate) fn next_timeout(&self) -> Option<u64> {
        let at = [self.flush_at, self.missing_at, self.summary_at, self.compare_at, self.retry_at];
        at.into_iter().flatten().min()
    }

    pub(crate) fn set_push(&mut self, push: Push) {
        self.push = push;
        let near = push != Push::Far;
        if self.seat.is_near() != near {
            self.seat.set_near(near);
        }
    }

    /// The peer changed what it gets; whether it did so a moment ago, too.
    pub(crate) fn changed(&mut self, now: u64) -> bool {
        let hasty = self.changed.is_some_and(|at| now < at.saturating_add(1_000));
        self.changed = Some(now);
        hasty
    }

    /// The peer sent an entry that we have: whether to take the link out of the tree, or else whether it should know
    /// better by now.
    pub(crate) fn duplicate(&mut self, now: u64) -> Duplicate {
        if self.push == Push::Eager {
            self.pruned = now;
            self.set_push(Push::Lazy);
            return Duplicate::Prune;
        }
        if now > self.pruned.saturating_add(PRUNE_GRACE) { Duplicate::Misuse } else { Duplicate::Forgiven }
    }

    pub(crate) fn known(&self, feed: &FeedKey) -> u64 {
        self.knows.get(feed).copied().unwrap_or(0)
    }

    /// The peer has the feed up to `seq`: nothing of that has to be announced.
    pub(crate) fn heard(&mut self, feed: FeedKey, seq: u64) {
        if seq > self.known(&feed) {
            put(&mut self.knows, feed, seq);
        }
        if self.queued.get(&feed).is_some_and(|claim| claim.seq <= seq) {
            self.queued.remove(&feed);
        }
    }

    /// Whether entries may be pushed to the peer now (SPREAD-6).
    pub(crate) fn may_relay(&self, now: u64) -> bool {
        let (since, bytes) = self.relayed;
        now >= since.saturating_add(RELAY_PERIOD) || bytes < RELAY_BYTES
    }

    pub(crate) fn relayed(&mut self, size: usize, now: u64) {
        if now >= self.relayed.0.saturating_add(RELAY_PERIOD) {
            self.relayed = (now, 0);
        }
        self.relayed.1 = self.relayed.1.saturating_add(size);
    }

    /// Announces a head with the next batch.
    pub(crate) fn queue(&mut self, feed: FeedKey, head: Head, now: u64) {
        if self.queued.len() >= MAX_ANNOUNCED && !self.queued.contains_key(&feed) {
            self.summary_soon(now);
            return;
        }
        self.queued.insert(feed, HeadClaim { feed, seq: head.seq, id: head.id });
        self.flush_soon(now);
    }

    /// Acknowledges the peer's own feed with the next batch.
    pub(crate) fn acknowledge(&mut self, feed: FeedKey, seq: u64, now: u64) {
        self.haves.insert(feed, seq);
        self.flush_soon(now);
    }

    fn flush_soon(&mut self, now: u64) {
        self.flush_at.get_or_insert(now.saturating_add(self.announce_delay));
    }

    /// The batch that is due.
    pub(crate) fn flush(&mut self, now: u64) -> Batch {
        if self.flush_at.take_if(|at| *at <= now).is_none() {
            return Batch::default();
        }
        let heads = std::mem::take(&mut self.queued).into_values().collect();
        Batch { heads, haves: std::mem::take(&mut self.haves).into_iter().collect() }
    }

    /// The peer announced an entry that we lack: it may come by itself.
    pub(crate) fn miss(&mut self, claim: HeadClaim, now: u64) {
        let HeadClaim { feed, seq, id } = claim;
        let due = now.saturating_add(GRAFT_DELAY);
        let full = self.missing.len() >= MAX_ANNOUNCED;
        match self.missing.get_mut(&feed) {
            Some(missing) if seq > missing.seq => (missing.seq, missing.id) = (seq, id),
            None if !full => drop(self.missing.insert(feed, Missing { seq, id, due })),
            _ => return,
        }
        self.missing_at.get_or_insert(due);
    }

    pub(crate) fn arrived(&mut self, feed: &FeedKey, seq: u64) {
        if self.missing.get(feed).is_some_and(|missing| missing.seq <= seq) {
            self.missing.remove(feed);
        }
    }

    /// What is missing for too long.
    pub(crate) fn overdue(&mut self, now: u64) -> Vec<(FeedKey, Missing)> {
        if self.missing_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        let due = self.missing.extract_if(.., |_, missing| missing.due <= now).collect();
        self.missing_at = self.missing.values().map(|missing| missing.due).min();
        due
    }

    /// The peer is to be told where we are, when that is worth it.
    pub(crate) fn summary_soon(&mut self, now: u64) {
        let after = self.summary_sent.map_or(0, |at| at.saturating_add(SUMMARY_INTERVAL));
        self.summary_at.get_or_insert(after.max(now.saturating_add(SUMMARY_DELAY)));
    }

    /// Whether a summary is due; while we are catching up it waits.
    pub(crate) fn summary_due(&mut self, now: u64) -> bool {
        if self.summary_at.is_none_or(|at| at > now) {
            return false;
        }
        let busy = self.seat.spread.state().catches_up(now);
        self.summary_at = busy.then(|| now.saturating_add(SUMMARY_DELAY));
        !busy
    }

    pub(crate) fn summary_sent(&mut self, now: u64) {
        (self.summary_at, self.summary_sent) = (None, Some(now));
    }

    /// The peer is to be compared with after `delay`; later if that was in vain the last times (SYNC-14).
    pub(crate) fn compare_later(&mut self, delay: u64, now: u64) {
        let factor = 1u64.checked_shl(u32::try_from(self.useless).unwrap_or(u32::MAX)).unwrap_or(u64::MAX);
        let delay = delay.max(delay.saturating_mul(factor).min(COMPARE_LATEST));
        self.compare_at = Some(now.saturating_add(delay));
    }

    /// Whether to compare with the peer now: there is reason to, and no other peer is compared with.
    pub(crate) fn compare_due(&mut self, now: u64) -> bool {
        if self.comparing && !self.seat.spread.state().holds_source(self.seat.number, now) {
            self.comparing = false;
            self.useless += 1;
        }
        if self.compare_at.is_none_or(|at| at > now) {
            return false;
        }
        let mut state = self.seat.spread.state();
        let settled = self.theirs.is_some_and(|theirs| state.root() == theirs || state.was_at(&theirs));
        if settled {
            state.leave_source(self.seat.number);
            drop(state);
            (self.compare_at, self.theirs) = (None, None);
            return false;
        }
        let free = !self.comparing && state.take_source(self.seat.number, now);
        drop(state);
        if !free || !self.asking.take(now) {
            self.compare_at = Some(now.saturating_add(COMPARE_SOON));
            return false;
        }
        (self.compare_at, self.theirs, self.comparing) = (None, None, true);
        true
    }

    /// What the peer sent became durable: if we compare with it, it stays. (Sending is not enough: what cannot be taken before
    /// something else is here would keep the others from being asked for that.)
    pub(crate) fn progressed(&self, now: u64) {
        let mut state = self.seat.spread.state();
        if state.is_source(self.seat.number) {
            state.take_source(self.seat.number, now);
        }
    }

    /// Whether the peer may have another comparison answered.
    pub(crate) fn may_answer(&mut self, now: u64) -> bool {
        self.answering.take(now)
    }
}

/// What to do about an entry that came twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duplicate {
    Prune,
    Forgiven,
    Misuse,
}

impl Tokens {
    fn take(&mut self, now: u64) -> bool {
        let more = now.saturating_sub(self.at) / COMPARE_INTERVAL;
        if more > 0 {
            self.left = self.left.saturating_add(more).min(COMPARE_BURST);
            self.at = now;
        }
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }
}
