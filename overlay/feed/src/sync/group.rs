//! Groups: announcements, grafts and prunes, and the comparison of heads bucket by bucket.

use super::{
    PeerSync, SharedGroup, SyncEffect,
    channel::Channel,
    frame::{self, HeadClaim, Summary},
    link::{Duplicate, Link, Push},
};
use crate::{
    ChannelId, FeedId, FeedKey, Head, Run,
    limits::{COMPARE_LATE, COMPARE_SOON, MAX_ANSWER, MAX_BUCKETS, MAX_HEADS_PER_FRAME, MAX_SERVING, MIN_NEIGHBOURS},
    run::RunLimits,
    spread::Bucket,
};

impl PeerSync {
    pub(super) fn add_group(&mut self, shared: SharedGroup) {
        let id = shared.id;
        self.remove_channel(&id);
        self.channels.insert(id, Channel::of_group(shared, &self.own, self.now));
        self.send_summaries(&[id]);
    }

    pub(super) fn neighbour(&mut self, id: ChannelId, neighbour: bool) {
        let Some(link) = self.link(&id) else { return };
        match (neighbour, link.push) {
            (true, Push::Far) => link.set_push(Push::Eager),
            (false, _) => link.set_push(Push::Far),
            (true, _) => {}
        }
    }

    pub(super) fn link(&mut self, id: &ChannelId) -> Option<&mut Link> {
        self.channels.get_mut(id)?.link.as_mut()
    }

    /// Tells the peer where we are in these groups.
    pub(super) fn send_summaries(&mut self, ids: &[ChannelId]) {
        let now = self.now;
        let mut summaries = Vec::new();
        for id in ids {
            let Some(link) = self.link(id) else { continue };
            link.summary_sent(now);
            let mut state = link.seat.spread.state();
            summaries.push(Summary { channel: *id, entries: state.entries(), digest: state.root() });
        }
        self.out.extend(frame::summaries(&summaries).map(SyncEffect::Send));
    }

    /// Own new entries: pushed to a peer in the tree, announced to other neighbours (SPREAD-3).
    pub(super) fn publish(&mut self, feed: FeedId, head: Head, run: &Run) {
        let now = self.now;
        let Some(channel) = self.channels.get_mut(&feed.channel) else { return };
        let Some(link) = channel.link.as_mut() else { return };
        if link.known(&feed.key()) >= head.seq || link.push == Push::Far {
            return;
        }
        link.heard(feed.key(), head.seq);
        if link.push == Push::Eager && link.may_relay(now) {
            link.relayed(run.size(), now);
            channel.sent(feed.key(), run.last(), run.size());
            self.out.push(SyncEffect::Send(frame::run(&feed, run)));
        } else {
            link.queue(feed.key(), head, now);
        }
    }

    /// Entries became durable here: passed on to a peer in the tree, announced to other neighbours, acknowledged to
    /// their author (SPREAD-3, SPREAD-7).
    pub(super) fn relay(&mut self, feed: FeedId, head: Head) {
        let (now, key) = (self.now, feed.key());
        let Some(link) = self.link(&feed.channel) else { return };
        link.arrived(&key, head.seq);
        if feed.author == link.peer {
            link.acknowledge(key, head.seq, now);
            return;
        }
        let fresh = link.seat.spread.state().fresh(&key);
        let Some(fresh) = fresh.filter(|fresh| fresh.to == head.seq) else { return };
        if !fresh.live {
            link.summary_soon(now);
            return;
        }
        let known = link.known(&key);
        if known >= head.seq || link.push == Push::Far {
            return;
        }
        link.heard(key, head.seq);
        let eager = link.push == Push::Eager && link.may_relay(now);
        if eager && self.push_later(feed, fresh.from.max(known + 1)) {
            return;
        }
        if let Some(link) = self.link(&feed.channel) {
            link.queue(key, head, now);
        }
    }

    /// Has the node fetch entries to be pushed.
    fn push_later(&mut self, feed: FeedId, from: u64) -> bool {
        let free =
            self.pushing.len() < MAX_SERVING && !self.serving.contains_key(&feed) && !self.pushing.contains_key(&feed);
        if free {
            self.pushing.insert(feed, from);
            self.out.push(SyncEffect::Serve { feed, from, limits: RunLimits::default() });
        }
        free
    }

    /// The entries to be pushed, if that is what the node was asked for.
    pub(super) fn pushed(&mut self, feed: FeedId, from: u64, run: Option<&Run>) -> bool {
        if self.pushing.get(&feed) != Some(&from) {
            return false;
        }
        self.pushing.remove(&feed);
        let now = self.now;
        if let (Some(run), Some(link)) = (run, self.link(&feed.channel)) {
            link.relayed(run.size(), now);
            self.out.push(SyncEffect::Send(frame::run(&feed, run)));
        }
        true
    }

    /// The peer has entries that we may lack (SPREAD-4).
    pub(super) fn on_announce(&mut self, id: ChannelId, heads: Vec<HeadClaim>) {
        for claim in heads {
            let HeadClaim { feed, seq, id: entry } = claim;
            let now = self.now;
            let Some(channel) = self.channels.get_mut(&id) else { return };
            let ahead = seq > channel.seq(&feed) && !channel.frozen.contains(&feed);
            match channel.link.as_mut() {
                Some(link) if ahead => {
                    link.heard(feed, seq);
                    link.miss(claim, now);
                }
                Some(link) => {
                    link.heard(feed, seq);
                    self.learn(FeedId::new(id, feed), seq, Some(entry), true);
                }
                None => self.learn(FeedId::new(id, feed), seq, Some(entry), true),
            }
        }
    }

    /// The peer wants new entries themselves from now on (SPREAD-5).
    pub(super) fn on_graft(&mut self, id: ChannelId) {
        let now = self.now;
        let Some(link) = self.link(&id) else { return self.misused(1) };
        let useless = link.push == Push::Eager || link.changed(now);
        link.set_push(Push::Eager);
        if useless {
            self.misused(1);
        }
    }

    /// The peer gets entries elsewhere: word of them is enough (SPREAD-5).
    pub(super) fn on_prune(&mut self, id: ChannelId) {
        let now = self.now;
        let Some(link) = self.link(&id) else { return self.misused(1) };
        let useless = link.push != Push::Eager || link.changed(now);
        if link.push == Push::Eager {
            link.set_push(Push::Lazy);
        }
        if useless {
            self.misused(1);
        }
    }

    /// A run came that we have.
    pub(super) fn duplicate(&mut self, id: ChannelId) {
        let now = self.now;
        let Some(link) = self.link(&id) else { return self.misused(1) };
        match link.duplicate(now) {
            Duplicate::Prune => self.out.push(SyncEffect::Send(frame::prune(&id))),
            Duplicate::Forgiven => {}
            Duplicate::Misuse => self.misused(1),
        }
    }

    /// Where the peer is: the same, behind us, or somewhere we should look (SYNC-12).
    pub(super) fn on_summaries(&mut self, summaries: Vec<Summary>) {
        let now = self.now;
        let (mut all_shared, mut answers) = (true, Vec::new());
        for Summary { channel: id, entries, digest } in summaries {
            let Some(link) = self.link(&id) else {
                all_shared = false;
                continue;
            };
            let mut state = link.seat.spread.state();
            let (same, passed) = (state.root() == digest, state.was_at(&digest));
            let (more, nothing) = (entries >= state.entries(), state.entries() == 0);
            let busy = state.catches_up(now);
            drop(state);
            if same || passed {
                (link.theirs, link.compare_at) = (None, None);
            } else {
                link.theirs = Some(digest);
                // Nothing is on its way to who has nothing yet.
                let soon = if nothing { 0 } else { COMPARE_SOON };
                let delay = if more { soon } else { COMPARE_LATE };
                link.compare_later(delay, now);
            }
            if !same && (passed || !more) {
                // It may never have heard ours: if this is its first, it perhaps shares the group only now.
                if !busy && link.told_at.is_none() {
                    answers.push(id);
                } else {
                    link.summary_soon(now);
                }
            }
            link.told_at = Some(now);
            if same {
                self.has_all(id);
            }
        }
        self.send_summaries(&answers);
        if !all_shared {
            self.refuse();
        }
    }

    /// Answers with our heads in the buckets that differ (SYNC-13).
    pub(super) fn on_compare(&mut self, id: ChannelId, theirs: &[Bucket]) {
        let now = self.now;
        let Some(link) = self.link(&id) else { return self.misused(1) };
        if !link.may_answer(now) {
            // It compares again when nothing comes.
            return self.misused(1);
        }
        let mut state = link.seat.spread.state();
        let ours = state.level(theirs.len());
        let each = MAX_BUCKETS / theirs.len();
        let mut heads = Vec::new();
        let mut next = link.leaf;
        for n in (link.leaf..=u8::MAX).chain(0..link.leaf) {
            let bucket = usize::from(n) / each;
            if ours.get(bucket) == theirs.get(bucket) {
                continue;
            }
            if heads.len() >= MAX_ANSWER {
                break;
            }
            next = n.wrapping_add(1);
            let leaf = state.heads().leaf(n).take(MAX_HEADS_PER_FRAME - heads.len());
            heads.extend(leaf.map(|(feed, head)| HeadClaim { feed: *feed, seq: head.seq, id: head.id }));
        }
        drop(state);
        link.leaf = next;
        self.out.push(SyncEffect::Send(frame::answer(id, heads)));
    }

    /// The answer to a comparison: what the peer has more of is asked for.
    pub(super) fn on_answer(&mut self, id: ChannelId, heads: Vec<HeadClaim>) {
        let now = self.now;
        let Some(link) = self.link(&id) else { return };
        let expected = std::mem::take(&mut link.comparing);
        let full = heads.len() >= MAX_ANSWER;
        for HeadClaim { feed, seq, id: entry } in heads {
            self.learn(FeedId::new(id, feed), seq, Some(entry), false);
        }
        let useful = self.channels.get(&id).is_some_and(|channel| !channel.ahead.is_empty());
        let Some(link) = self.link(&id) else { return };
        link.useless = if useful { 0 } else { link.useless + 1 };
        let mut state = link.seat.spread.state();
        link.more = full && link.useless * MAX_ANSWER <= state.heads().len();
        if expected {
            state.take_source(link.seat.number, now);
        }
        drop(state);
        if !expected {
            self.misused(1);
        }
        self.caught_up(id);
    }

    /// When everything that a comparison showed is here: on with the rest, or let another peer be compared with.
    pub(super) fn caught_up(&mut self, id: ChannelId) {
        let now = self.now;
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let Some(link) = channel.link.as_mut() else { return };
        if !channel.ahead.is_empty() || link.comparing {
            return;
        }
        let mut state = link.seat.spread.state();
        if !state.is_source(link.seat.number) {
            return;
        }
        if std::mem::take(&mut link.more) {
            link.compare_at = Some(now);
        } else {
            state.leave_source(link.seat.number);
        }
    }

    /// What is due in groups.
    pub(super) fn tick_groups(&mut self) {
        let now = self.now;
        let is_due = |link: &Link| link.next_timeout().is_some_and(|at| at <= now);
        let due = self.channels.iter().filter(|(_, channel)| channel.link.as_ref().is_some_and(is_due));
        let due: Vec<ChannelId> = due.map(|(id, _)| *id).collect();
        let mut summaries = Vec::new();
        for id in due {
            let Some(link) = self.link(&id) else { continue };
            let batch = link.flush(now);
            link.retry_at.take_if(|at| *at <= now);
            let overdue = link.overdue(now);
            if link.summary_due(now) {
                summaries.push(id);
            }
            if link.compare_due(now) {
                let buckets = link.seat.spread.state().comparison();
                self.out.push(SyncEffect::Send(frame::compare(id, &buckets)));
            }
            self.out.extend(frame::announce(id, batch.heads).into_iter().map(SyncEffect::Send));
            self.out.extend(frame::haves(id, &batch.haves).into_iter().map(SyncEffect::Send));
            for (feed, missing) in overdue {
                self.graft(id, HeadClaim { feed, seq: missing.seq, id: missing.id });
            }
        }
        self.send_summaries(&summaries);
    }

    /// An announced entry did not come by itself: it is asked for, and the link taken into the tree (SPREAD-4).
    fn graft(&mut self, id: ChannelId, claim: HeadClaim) {
        let (now, feed) = (self.now, FeedId::new(id, claim.feed));
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let have = channel.seq(&claim.feed);
        let unwanted = channel.frozen.contains(&claim.feed) || self.backoffs.holds(&feed, now);
        let Some(link) = channel.link.as_mut() else { return };
        if have >= claim.seq || unwanted {
            return;
        }
        if link.seat.spread.state().leased(&claim.feed, link.seat.number, now) {
            // Another peer is asked already.
            return link.miss(claim, now);
        }
        if link.push != Push::Eager {
            self.send_graft(id);
        }
        self.learn(feed, claim.seq, Some(claim.id), true);
    }

    fn send_graft(&mut self, id: ChannelId) {
        if let Some(link) = self.link(&id) {
            link.set_push(Push::Eager);
            self.out.push(SyncEffect::Send(frame::graft(&id)));
        }
    }

    /// With too few neighbours other connected members take their place (SPREAD-8).
    pub(super) fn recruit(&mut self) {
        let lonely = |link: &Link| link.push == Push::Far && link.seat.spread.connected_neighbours() < MIN_NEIGHBOURS;
        let lonely = self.channels.iter().filter(|(_, channel)| channel.link.as_ref().is_some_and(lonely));
        let lonely: Vec<ChannelId> = lonely.map(|(id, _)| *id).collect();
        for id in lonely {
            self.send_graft(id);
        }
    }

    /// Whether a run of a feed that the peer pushed is one that others pushed before and that we cannot use yet.
    pub(super) fn saw(&mut self, id: &ChannelId, feed: FeedKey, last: u64) -> bool {
        self.link(id).is_some_and(|link| link.seat.spread.state().saw(feed, last))
    }
}
