//! What one machine remembers of one channel while connected.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Bound::{Excluded, Included, Unbounded},
};

use super::{SharedChannel, SharedGroup, link::Link};
use crate::{
    Author, Digest, FeedKey, Head, Spread,
    limits::{HEADS_INTERVAL, MAX_ASKED, MAX_ASKED_PER_CHANNEL, PUSH_WINDOW},
};

/// A channel shared with the peer.
#[derive(Debug)]
pub(crate) struct Channel {
    /// The heads; in a group those that the machines of all its peers share.
    pub(crate) spread: Spread,
    /// The peer's part, if the channel is a group.
    pub(crate) link: Option<Link>,
    pub(crate) frozen: BTreeSet<FeedKey>,
    pub(crate) activity: u64,
    heads_sent: Option<(u64, Digest)>,
    /// Feeds in which the peer says to be ahead of us, or to have another head.
    pub(crate) ahead: BTreeMap<FeedKey, Claim>,
    /// Ranges asked for.
    pub(crate) asked: BTreeMap<FeedKey, Asked>,
    /// Runs delivered to the node and not answered yet: last position and size of each.
    unapplied: BTreeMap<FeedKey, VecDeque<(u64, usize)>>,
    /// What the peer has of our own feeds.
    own: BTreeMap<FeedKey, OwnFeed>,
    /// The feed asked for last: the next one comes after it.
    cursor: Option<FeedKey>,
}

/// What the peer says about a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) seq: u64,
    /// Its entry at our head is another one than ours.
    pub(crate) forked: bool,
    /// New, as opposed to found in a comparison of heads.
    pub(crate) live: bool,
    pub(crate) timeouts: u8,
    /// When the peer first said so, or we last got on with the feed since.
    pub(crate) since: u64,
}

/// A range asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) from: u64,
    pub(crate) at: u64,
}

/// What the peer has of one of our own feeds.
#[derive(Debug, Default)]
struct OwnFeed {
    /// Known to have.
    known: u64,
    /// Known to have, or on its way.
    sent: u64,
    /// Runs on their way: last position and size.
    flying: VecDeque<(u64, usize)>,
}

impl Channel {
    pub(crate) fn new(shared: SharedChannel) -> Self {
        let SharedChannel { id, heads, frozen, activity } = shared;
        Self::with(Spread::new(id, heads), None, frozen, activity)
    }

    pub(crate) fn of_group(shared: SharedGroup, own: &Author, now: u64) -> Self {
        let link = Link::new(&shared, own, now);
        Self::with(shared.spread, Some(link), shared.frozen, shared.activity)
    }

    fn with(spread: Spread, link: Option<Link>, frozen: BTreeSet<FeedKey>, activity: u64) -> Self {
        Self {
            spread,
            link,
            frozen,
            activity,
            heads_sent: None,
            ahead: BTreeMap::new(),
            asked: BTreeMap::new(),
            unapplied: BTreeMap::new(),
            own: BTreeMap::new(),
            cursor: None,
        }
    }

    pub(crate) fn digest(&self) -> Digest {
        self.spread.state().flat()
    }

    pub(crate) fn head(&self, feed: &FeedKey) -> Option<Head> {
        self.spread.state().heads().get(feed).copied()
    }

    pub(crate) fn seq(&self, feed: &FeedKey) -> u64 {
        self.spread.state().heads().seq(feed)
    }

    pub(crate) fn advance(&mut self, feed: FeedKey, head: Head) {
        let mut state = self.spread.state();
        if self.link.is_some() { state.advance(feed, head) } else { state.advance_alone(feed, head) }
    }

    /// Whether the feed is being asked of another peer.
    fn leased(&self, feed: &FeedKey, now: u64) -> bool {
        self.link.as_ref().is_some_and(|link| link.seat.spread.state().leased(feed, link.seat.number, now))
    }

    /// A range is no longer asked for; what was.
    pub(crate) fn unask(&mut self, feed: &FeedKey) -> Option<Asked> {
        if let Some(link) = &self.link {
            link.seat.spread.state().release(feed, link.seat.number);
        }
        self.asked.remove(feed)
    }

    /// Whether our heads are to be sent to a peer that lacks them; notes that they are.
    pub(crate) fn heads_due(&mut self, now: u64) -> bool {
        let digest = self.digest();
        let due = self.heads_sent.is_none_or(|(at, sent)| sent != digest || now >= at.saturating_add(HEADS_INTERVAL));
        if due {
            self.heads_sent = Some((now, digest));
        }
        due
    }

    /// The position up to which runs of the feed are here or with the node.
    pub(crate) fn reached(&self, feed: &FeedKey) -> u64 {
        let delivered = self.unapplied.get(feed).and_then(VecDeque::back).map_or(0, |(last, _)| *last);
        delivered.max(self.seq(feed))
    }

    pub(crate) fn delivered(&mut self, feed: FeedKey, last: u64, size: usize) {
        self.unapplied.entry(feed).or_default().push_back((last, size));
    }

    /// Forgets delivered runs of the feed that end at or before `seq`; how many and how many bytes they were.
    pub(crate) fn answered(&mut self, feed: &FeedKey, seq: u64) -> (usize, usize) {
        let Some(runs) = self.unapplied.get_mut(feed) else { return (0, 0) };
        let (mut count, mut bytes) = (0, 0);
        while let Some((_, size)) = runs.pop_front_if(|(last, _)| *last <= seq) {
            count += 1;
            bytes += size;
        }
        if runs.is_empty() {
            self.unapplied.remove(feed);
        }
        (count, bytes)
    }

    pub(crate) fn unapplied_bytes(&self) -> usize {
        self.unapplied.values().flatten().map(|(_, size)| size).sum()
    }

    /// Forgets what the peer said about a feed unless it is still ahead of us.
    pub(crate) fn settle(&mut self, feed: &FeedKey) {
        if self.ahead.get(feed).is_some_and(|claim| claim.seq <= self.seq(feed)) {
            self.ahead.remove(feed);
        }
    }

    /// The peer's entry at `seq`, at or below our head, is another one than ours: the run from there is to prove it.
    pub(crate) fn contest(&mut self, feed: FeedKey, seq: u64, now: u64) {
        let head = self.seq(&feed);
        // A claim that we have overtaken ourselves asks for nothing more.
        let free = self.ahead.get(&feed).is_none_or(|claim| claim.seq <= head && !claim.forked);
        if (1..=head).contains(&seq) && !self.frozen.contains(&feed) && free {
            self.ahead.insert(feed, Claim { seq, forked: true, live: false, timeouts: 0, since: now });
        }
    }

    /// The next range worth asking for: feeds take turns, one range of each at a time.
    pub(crate) fn next_range(&self, waits: impl Fn(&FeedKey, &Claim) -> bool, now: u64) -> Option<(FeedKey, u64)> {
        // The feeds of a group are many and short.
        if self.asked.len() >= if self.link.is_some() { MAX_ASKED } else { MAX_ASKED_PER_CHANNEL } {
            return None;
        }
        let after = self.cursor.map_or(Unbounded, Excluded);
        let before = self.cursor.map(|cursor| self.ahead.range((Unbounded, Included(cursor))));
        self.ahead
            .range((after, Unbounded))
            .chain(before.into_iter().flatten())
            .filter(|(feed, claim)| !self.asked.contains_key(feed) && !waits(feed, claim) && !self.leased(feed, now))
            .find_map(|(feed, claim)| self.range_of(feed, claim).map(|from| (*feed, from)))
    }

    /// While a run is with the node one more may be on its way.
    fn range_of(&self, feed: &FeedKey, claim: &Claim) -> Option<u64> {
        let unapplied = self.unapplied.get(feed).map_or(0, VecDeque::len);
        let reached = self.reached(feed);
        if claim.seq > reached && unapplied < 2 {
            return Some(reached + 1);
        }
        (claim.forked && unapplied == 0 && claim.seq <= reached).then_some(claim.seq)
    }

    pub(crate) fn ask(&mut self, feed: FeedKey, from: u64, now: u64) {
        self.asked.insert(feed, Asked { from, at: now });
        if let Some(link) = &self.link {
            link.seat.spread.state().lease(feed, link.seat.number, now);
        }
        self.cursor = Some(feed);
    }

    /// The peer has our own feed up to `seq`.
    pub(crate) fn peer_has(&mut self, feed: FeedKey, seq: u64) {
        let own = self.own.entry(feed).or_default();
        own.known = own.known.max(seq);
        own.sent = own.sent.max(own.known);
        while own.flying.pop_front_if(|(last, _)| *last <= own.known).is_some() {}
    }

    /// A run of our own feed was sent.
    pub(crate) fn sent(&mut self, feed: FeedKey, last: u64, size: usize) {
        let own = self.own.entry(feed).or_default();
        if last > own.sent {
            own.sent = last;
            own.flying.push_back((last, size));
        }
    }

    /// Whether a new run of our own feed that begins at `first` is to be pushed: the peer is at its start, and the
    /// window has room (a single run always has).
    pub(crate) fn may_push(&self, feed: &FeedKey, first: u64, size: usize) -> bool {
        let Some(own) = self.own.get(feed) else { return first == 1 };
        let flying: usize = own.flying.iter().map(|(_, size)| size).sum();
        own.sent + 1 == first && (own.flying.is_empty() || flying.saturating_add(size) <= PUSH_WINDOW)
    }

    pub(crate) fn own_known(&self, feed: &FeedKey) -> u64 {
        self.own.get(feed).map_or(0, |own| own.known)
    }
}
