//! What we ask of the peer and what comes of it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, btree_map},
};

use super::{
    PeerSync, Rejection, SyncEffect,
    channel::Claim,
    frame::{self, HeadClaim},
};
use crate::{
    ChannelId, EntryId, FeedId, FeedKey, RunIn,
    limits::{
        BUSY_BACKOFF, COMPARE_SOON, HEADS_INTERVAL, MAX_ASKED, MAX_CLAIMS, MAX_OWN_HINTS, MAX_RUN_BYTES,
        MAX_UNAPPLIED_BYTES, MISUSE_INVALID_RUN,
    },
};

impl PeerSync {
    pub(super) fn on_heads(&mut self, channel: ChannelId, heads: Vec<HeadClaim>) {
        if self.link(&channel).is_some() {
            return self.on_answer(channel, heads);
        }
        let lacks = self.peer_lacks(&channel, &heads);
        for HeadClaim { feed, seq, id } in heads {
            self.learn(FeedId::new(channel, feed), seq, Some(id), false);
        }
        // It asked by its heads; it may never have heard ours (its stream was not open yet, a digest was lost).
        if lacks && self.channels.get_mut(&channel).is_some_and(|shared| shared.heads_due(self.now)) {
            self.send_heads(channel);
        }
    }

    /// Whether the heads of a peer show less than we have.
    fn peer_lacks(&self, channel: &ChannelId, theirs: &[HeadClaim]) -> bool {
        let Some(ours) = self.channels.get(channel) else { return false };
        let theirs: BTreeMap<FeedKey, u64> = theirs.iter().map(|claim| (claim.feed, claim.seq)).collect();
        let state = ours.spread.state();
        state.heads().iter().any(|(feed, head)| theirs.get(feed).is_none_or(|seq| *seq < head.seq))
    }

    /// The peer says it has the feed up to `seq`, and which entry is there. `live`: it is new to the peer, too.
    pub(super) fn learn(&mut self, feed: FeedId, seq: u64, id: Option<EntryId>, live: bool) {
        let Some(channel) = self.channels.get_mut(&feed.channel) else { return };
        let key = feed.key();
        if channel.frozen.contains(&key) {
            return;
        }
        let have = channel.seq(&key);
        let same = channel.head(&key).map(|head| head.id) == id;
        if seq == have && same {
            self.peer_has(feed, seq);
        } else if seq < have {
            // Which entry it has there is not compared: enough to push on from, not to call anything delivered.
            if feed.author == self.own {
                channel.peer_has(key, seq);
                id.into_iter().for_each(|id| self.behind(feed, seq, id));
            }
        } else {
            self.claimed(feed, Claim { seq, forked: seq == have && id.is_some(), live, timeouts: 0, since: self.now });
        }
    }

    /// The peer's end of an own feed is told to the caller, who has the entry to compare (SYNC-10): always the first time
    /// in a connection, then at most once in a while.
    fn behind(&mut self, feed: FeedId, seq: u64, id: EntryId) {
        let known = self.behind.get(&feed).copied();
        let due = match known {
            None => self.behind.len() < MAX_OWN_HINTS,
            Some((told, at)) => told != (seq, id) && self.now >= at.saturating_add(HEADS_INTERVAL),
        };
        if due {
            self.behind.insert(feed, ((seq, id), self.now));
            self.out.push(SyncEffect::OwnFeedBehind { feed, seq, id });
        }
    }

    pub(super) fn contested(&mut self, feed: FeedId, seq: u64) {
        if let Some(channel) = self.channels.get_mut(&feed.channel) {
            channel.contest(feed.key(), seq, self.now);
        }
    }

    /// The peer says it has something that we lack. If that is of our own feed, the caller hears of it (SYNC-10).
    fn claimed(&mut self, feed: FeedId, said: Claim) {
        let claims: usize = self.channels.values().map(|channel| channel.ahead.len()).sum();
        let Some(channel) = self.channels.get_mut(&feed.channel) else { return };
        match channel.ahead.entry(feed.key()) {
            btree_map::Entry::Occupied(mut claim) => {
                let claim = claim.get_mut();
                if said.seq > claim.seq {
                    let Claim { timeouts, live, since, .. } = *claim;
                    *claim = Claim { timeouts, since, live: live && said.live, ..said };
                }
            }
            // Beyond the limit a claim is heard again with the next heads.
            btree_map::Entry::Vacant(_) if claims >= MAX_CLAIMS => return,
            btree_map::Entry::Vacant(entry) => {
                entry.insert(said);
            }
        }
        if feed.author == self.own && self.hinted.len() < MAX_OWN_HINTS && self.hinted.insert(feed) {
            self.out.push(SyncEffect::OwnFeedAhead { feed, seq: said.seq });
        }
    }

    /// Asks for what is missing: newest channel first, within the windows (SYNC-4).
    pub(super) fn pull(&mut self) {
        let mut behind: Vec<_> = self.channels.iter().filter(|(_, channel)| !channel.ahead.is_empty()).collect();
        if behind.is_empty() {
            return;
        }
        behind.sort_by_key(|(_, channel)| Reverse(channel.activity));
        let behind: Vec<ChannelId> = behind.into_iter().map(|(id, _)| *id).collect();
        let asked: usize = self.channels.values().map(|channel| channel.asked.len()).sum();
        let room = MAX_UNAPPLIED_BYTES.saturating_sub(self.unapplied_bytes()) / MAX_RUN_BYTES;
        let mut budget = MAX_ASKED.min(room).saturating_sub(asked);
        for id in behind {
            let Some(channel) = self.channels.get_mut(&id) else { continue };
            while budget > 0 {
                let (now, is_alone) = (self.now, channel.link.is_none());
                let waits = |feed: &FeedKey, claim: &Claim| {
                    let is_pushed = is_alone && self.others.push(feed, claim).is_some_and(|until| until > now);
                    is_pushed || self.backoffs.holds(&FeedId::new(id, *feed), now)
                };
                let Some((feed, from)) = channel.next_range(waits, now) else { break };
                channel.ask(feed, from, self.now);
                self.out.push(SyncEffect::Send(frame::want(&FeedId::new(id, feed), from)));
                budget -= 1;
            }
            let waits = channel.asked.is_empty() && !channel.ahead.is_empty();
            if let Some(link) = channel.link.as_mut() {
                link.retry_at = waits.then(|| self.now.saturating_add(COMPARE_SOON));
            }
        }
    }

    fn unapplied_bytes(&self) -> usize {
        self.channels.values().map(super::channel::Channel::unapplied_bytes).sum()
    }

    /// A run, asked for or pushed, goes to the node if it continues what is here or already with the node.
    pub(super) fn on_run(&mut self, feed: FeedId, run: RunIn) {
        let Some(channel) = self.channels.get_mut(&feed.channel) else { return };
        let key = feed.key();
        let asked = channel.unask(&key);
        let frozen = channel.frozen.contains(&key);
        let unwanted = frozen || self.backoffs.holds(&feed, self.now);
        let paused = !frozen && self.backoffs.pauses(&feed, self.now);
        let claim = channel.ahead.get(&key).copied();
        let forked = claim.is_some_and(|claim| claim.forked);
        let live = asked.is_none() || claim.is_some_and(|claim| claim.live);
        if let Some(link) = channel.link.as_mut() {
            link.heard(key, run.last());
        }
        let reached = channel.reached(&key);
        let proves = forked && asked.is_some_and(|asked| (run.first()..=run.last()).contains(&asked.from));
        if unwanted || (run.last() <= reached && !proves) {
            match asked {
                // The peer cannot know. That it has more is remembered.
                None if paused => self.learn(feed, run.last(), None, live),
                None if unwanted => self.misused(1),
                None => self.duplicate(feed.channel),
                Some(_) => {}
            }
            return;
        }
        self.last_run = self.now;
        self.learn(feed, run.last(), None, live);
        if run.first() > reached + 1 {
            if asked.is_none() && self.saw(&feed.channel, key, run.last()) {
                self.duplicate(feed.channel);
            }
            return;
        }
        if self.unapplied_bytes().saturating_add(run.size()) > MAX_UNAPPLIED_BYTES {
            return;
        }
        if let Some(channel) = self.channels.get_mut(&feed.channel) {
            channel.delivered(key, run.last(), run.size());
            if channel.link.is_some() {
                channel.spread.state().arrives(key, live);
            }
            self.out.push(SyncEffect::Deliver { feed, run });
        }
    }

    /// The peer cannot serve what it claimed.
    pub(super) fn on_nothing(&mut self, feed: FeedId) {
        let Some(channel) = self.channels.get_mut(&feed.channel) else { return };
        if channel.unask(&feed.key()).is_some() {
            channel.ahead.remove(&feed.key());
            self.backoffs.grow(feed, self.now);
            self.caught_up(feed.channel);
        } else {
            self.misused(1);
        }
    }

    /// The node did not take a delivered run: it is not asked for again in a loop (SYNC-8).
    pub(super) fn rejected(&mut self, feed: FeedId, reason: Rejection) {
        if reason == Rejection::Fork {
            self.freeze(&feed);
            return;
        }
        let delivered = self.forget(&feed);
        match reason {
            // The answer to a later run of the same feed: the first one said it all.
            _ if self.up && delivered == 0 => {}
            Rejection::Busy => self.paused(feed, self.now.saturating_add(BUSY_BACKOFF)),
            Rejection::Unwanted => self.backoffs.grow(feed, self.now),
            Rejection::Invalid | Rejection::Fork => {
                self.backoffs.grow(feed, self.now);
                self.misused(MISUSE_INVALID_RUN);
            }
        }
    }

    /// The feed is not asked for until then (SYNC-16).
    pub(super) fn paused(&mut self, feed: FeedId, until: u64) {
        self.backoffs.pause(feed, until, self.now);
    }

    /// Nothing more of the feed is asked for or taken (SYNC-11).
    pub(super) fn freeze(&mut self, feed: &FeedId) {
        self.forget(feed);
        if let Some(channel) = self.channels.get_mut(&feed.channel) {
            channel.ahead.remove(&feed.key());
            channel.frozen.insert(feed.key());
        }
    }

    /// Forgets what is asked for and delivered of a feed; how many runs were delivered.
    fn forget(&mut self, feed: &FeedId) -> usize {
        let Some(channel) = self.channels.get_mut(&feed.channel) else { return 0 };
        channel.unask(&feed.key());
        channel.answered(&feed.key(), u64::MAX).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Author, Heads, SyncInput, sync::SharedChannel};

    #[test]
    fn the_memory_that_claims_cost_is_bounded() {
        let (own, channel) = (Author::from_bytes([1; 32]), ChannelId::from_bytes([2; 32]));
        let mut sync = PeerSync::new(own);
        sync.handle(SyncInput::Connected { channels: vec![SharedChannel::new(channel, Heads::new(), 0)] }, 0);
        let id = EntryId::from_bytes([3; 32]);
        let claims = (0..MAX_CLAIMS as u64 + 100).map(|incarnation| {
            let feed = FeedKey { author: Author::from_bytes([4; 32]), incarnation };
            HeadClaim { feed, seq: 1, id }
        });
        for frame in frame::heads(channel, claims) {
            sync.handle(SyncInput::Frame(frame), 1);
        }
        assert_eq!(sync.channels[&channel].ahead.len(), MAX_CLAIMS);
    }
}
