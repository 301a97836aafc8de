//! What the peer asks of us: comparison of heads, and ranges.

use super::{
    PeerSync, SyncEffect,
    frame::{self, HeadClaim},
};
use crate::{ChannelId, Digest, FeedId, Run, limits::MAX_SERVING, run::RunLimits};

impl PeerSync {
    /// Equal digests settle a channel; different ones are answered with our heads, each way (SYNC-3).
    pub(super) fn on_digests(&mut self, digests: Vec<(ChannelId, Digest)>) {
        let mut all_shared = true;
        for (id, digest) in digests {
            let Some(channel) = self.channels.get_mut(&id) else {
                all_shared = false;
                continue;
            };
            if channel.digest() == digest {
                self.has_all(id);
            } else if channel.heads_due(self.now) {
                self.send_heads(id);
            }
        }
        if !all_shared {
            self.refuse();
        }
    }

    /// The peer's heads are ours: it has all of our own feeds, and of those of our other devices what we have.
    pub(super) fn has_all(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.get(&id) else { return };
        let state = channel.spread.state();
        let authors = self.kin.iter().copied().chain([self.own]);
        let own: Vec<_> = authors
            .flat_map(|author| state.heads().of_author(author).map(|(feed, head)| (FeedId::new(id, *feed), head.seq)))
            .collect();
        drop(state);
        for (feed, seq) in own {
            self.peer_has(feed, seq);
        }
    }

    pub(super) fn send_heads(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.get(&id) else { return };
        let state = channel.spread.state();
        let heads = state.heads().iter().map(|(feed, head)| HeadClaim { feed: *feed, seq: head.seq, id: head.id });
        self.out.extend(frame::heads(id, heads).into_iter().map(SyncEffect::Send));
    }

    /// A range is served only within what we have, one of each feed at a time (SYNC-5).
    pub(super) fn on_want(&mut self, feed: FeedId, from: u64) {
        let have = self.channels.get(&feed.channel).map_or(0, |channel| channel.seq(&feed.key()));
        if from > have {
            self.out.push(SyncEffect::Send(frame::nothing(&feed)));
            self.misused(1);
        } else if self.serving.len() >= MAX_SERVING || self.serving.contains_key(&feed) {
            // It asks again when nothing comes.
            self.misused(1);
        } else {
            self.serving.insert(feed, from);
            self.out.push(SyncEffect::Serve { feed, from, limits: RunLimits::default() });
        }
    }

    pub(super) fn served(&mut self, feed: FeedId, from: u64, run: Option<&Run>) {
        if self.pushed(feed, from, run) || self.serving.get(&feed) != Some(&from) {
            return;
        }
        self.serving.remove(&feed);
        let Some(run) = run else {
            self.out.push(SyncEffect::Send(frame::nothing(&feed)));
            return;
        };
        if feed.author == self.own
            && let Some(channel) = self.channels.get_mut(&feed.channel)
        {
            channel.sent(feed.key(), run.last(), run.size());
        }
        self.out.push(SyncEffect::Send(frame::run(&feed, run)));
    }
}
