//! What we tell the peer unasked: own new entries, announcements, acknowledgements; and its own acknowledgements.

use super::{
    PeerSync, SyncEffect, Violation,
    frame::{self, HeadClaim},
};
use crate::{ChannelId, FeedId, FeedKey, Head, Run, limits::MISUSE_INVALID_RUN};

impl PeerSync {
    /// Own new entries are pushed to a peer that is at their start, else announced (SYNC-6).
    pub(super) fn appended(&mut self, feed: FeedId, head: Head, run: &Run) {
        let Some(channel) = self.channels.get_mut(&feed.channel) else { return };
        channel.advance(feed.key(), head);
        channel.activity = channel.activity.max(self.now);
        if channel.link.is_some() {
            self.publish(feed, head, run);
        } else if channel.may_push(&feed.key(), run.first(), run.size()) {
            channel.sent(feed.key(), run.last(), run.size());
            self.out.push(SyncEffect::Send(frame::run(&feed, run)));
        } else {
            self.announce(&feed, head);
        }
    }

    /// Entries became durable here: acknowledged to a peer that has them, announced to one that may not (SYNC-7).
    pub(super) fn applied(&mut self, feed: FeedId, head: Head) {
        let Some(channel) = self.channels.get_mut(&feed.channel) else { return };
        let key = feed.key();
        channel.advance(key, head);
        let (answered, _) = channel.answered(&key, head.seq);
        let claim = channel.ahead.get(&key).copied();
        let peer_has_it = claim.is_some_and(|claim| claim.seq >= head.seq) || channel.own_known(&key) >= head.seq;
        // A claimed fork at our head is settled only by the run that was asked for to prove it.
        let unproven = claim.is_some_and(|claim| claim.forked && claim.seq <= head.seq);
        if answered > 0 || !unproven {
            channel.settle(&key);
        }
        if let Some(claim) = channel.ahead.get_mut(&key) {
            claim.since = self.now;
        }
        if answered > 0 && unproven {
            // It said to have another entry than ours, then sent ours.
            self.backoffs.grow(feed, self.now);
            self.misused(MISUSE_INVALID_RUN);
        } else if answered > 0 {
            self.backoffs.clear(&feed);
            if let Some(link) = self.channels.get(&feed.channel).and_then(|channel| channel.link.as_ref()) {
                link.progressed(self.now);
            }
        }
        if self.link(&feed.channel).is_some() {
            self.relay(feed, head);
            self.caught_up(feed.channel);
        } else if peer_has_it {
            self.out.push(SyncEffect::Send(frame::have(&feed, head.seq)));
        } else {
            self.announce(&feed, head);
        }
    }

    fn announce(&mut self, feed: &FeedId, head: Head) {
        let claim = HeadClaim { feed: feed.key(), seq: head.seq, id: head.id };
        let frames = frame::heads(feed.channel, std::iter::once(claim));
        self.out.extend(frames.into_iter().map(SyncEffect::Send));
    }

    /// Nobody can have durably what we never had (SYNC-7).
    pub(super) fn on_have(&mut self, channel: ChannelId, haves: Vec<(FeedKey, u64)>) {
        for (key, seq) in haves {
            if self.channels.get(&channel).is_none_or(|channel| seq > channel.seq(&key)) {
                self.violated(Violation::HaveBeyondHead);
                return;
            }
            if let Some(link) = self.link(&channel) {
                link.heard(key, seq);
            }
            self.peer_has(FeedId::new(channel, key), seq);
        }
    }

    /// Notes, and reports once, how far the peer has a feed of our own or of another device of ours; `seq` is within it.
    pub(super) fn peer_has(&mut self, feed: FeedId, seq: u64) {
        if !self.is_told_of(&feed.author) {
            return;
        }
        if feed.author == self.own
            && let Some(channel) = self.channels.get_mut(&feed.channel)
        {
            channel.peer_has(feed.key(), seq);
        }
        let acked = self.acked.entry(feed).or_default();
        if seq > *acked {
            *acked = seq;
            self.out.push(SyncEffect::PeerHas { feed, seq });
        }
    }
}
