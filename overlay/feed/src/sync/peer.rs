//! The machine itself: connection, channels, dispatch of inputs, time.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    SharedChannel, SyncEffect, SyncInput, Violation,
    channel::Channel,
    frame::{self, Frame},
    misuse::{Backoffs, Misuse},
    others::Others,
};
use crate::{
    Author, ChannelId, EntryId, FeedId,
    limits::{ASK_TIMEOUT, MAX_TIMEOUTS, REPAIR_INTERVAL},
};

/// Synchronisation with one peer device. Keep it across reconnections: it remembers back-offs.
#[derive(Debug)]
pub struct PeerSync {
    pub(super) own: Author,
    /// Other devices of our own account, of whose feeds the caller wants to know how far the peer has them.
    pub(super) kin: BTreeSet<Author>,
    pub(super) others: Others,
    pub(super) up: bool,
    pub(super) now: u64,
    pub(super) channels: BTreeMap<ChannelId, Channel>,
    pub(super) backoffs: Backoffs,
    pub(super) misuse: Misuse,
    /// What the peer is known to have of our own feeds, over all connections.
    pub(super) acked: BTreeMap<FeedId, u64>,
    /// Own feeds the peer claimed to be longer, in this connection.
    pub(super) hinted: BTreeSet<FeedId>,
    /// What the peer last said about own feeds that are longer here, and when the caller was told.
    pub(super) behind: BTreeMap<FeedId, ((u64, EntryId), u64)>,
    /// Ranges the peer asked for and the node has not answered yet.
    pub(super) serving: BTreeMap<FeedId, u64>,
    /// Runs to be pushed that the node has not given yet.
    pub(super) pushing: BTreeMap<FeedId, u64>,
    /// When a run last arrived: as long as some do, the others are only waiting in line.
    pub(super) last_run: u64,
    next_repair: u64,
    /// See [`PeerSync::next_timeout`]; looked up once per input, and asked for at every input of any peer.
    timeout: Option<u64>,
    pub(super) out: Vec<SyncEffect>,
}

impl PeerSync {
    /// A machine for one peer; `own` is our device, the author of our feeds.
    pub fn new(own: Author) -> Self {
        Self {
            own,
            kin: BTreeSet::new(),
            others: Others::default(),
            up: false,
            now: 0,
            channels: BTreeMap::new(),
            backoffs: Backoffs::default(),
            misuse: Misuse::default(),
            acked: BTreeMap::new(),
            hinted: BTreeSet::new(),
            behind: BTreeMap::new(),
            serving: BTreeMap::new(),
            pushing: BTreeMap::new(),
            last_run: 0,
            next_repair: 0,
            timeout: None,
            out: Vec::new(),
        }
    }

    /// What the peer has of feeds of these authors is told from now on as if they were our own: they are other devices of our account.
    pub fn set_kin(&mut self, kin: BTreeSet<Author>) {
        self.kin = kin;
    }

    /// The device of the peer, and all devices to which there are streams: outside of groups their entries are expected of them (SYNC-17).
    pub fn set_connected(&mut self, peer: Author, connected: Arc<BTreeSet<Author>>) {
        self.others = Others::new(peer, connected);
    }

    /// Whether the caller is told how far the peer has the feeds of an author.
    pub(super) fn is_told_of(&self, author: &Author) -> bool {
        *author == self.own || self.kin.contains(author)
    }

    /// Handles one input at `now` (Unix milliseconds) and returns what to do, in order.
    pub fn handle(&mut self, input: SyncInput, now: u64) -> Vec<SyncEffect> {
        self.now = now;
        match input {
            SyncInput::Connected { channels } => self.connect(channels),
            SyncInput::Rejected { feed, reason } => self.rejected(feed, reason),
            SyncInput::Paused { feed, until } => self.paused(feed, until),
            _ if !self.up => {}
            SyncInput::Disconnected => self.disconnect(),
            SyncInput::ChannelAdded(shared) => self.add_channel(shared),
            SyncInput::ChannelRemoved(channel) => self.remove_channel(&channel),
            SyncInput::Frame(bytes) => self.receive(&bytes),
            SyncInput::Applied { feed, head } => self.applied(feed, head),
            SyncInput::Appended { feed, head, run } => self.appended(feed, head, &run),
            SyncInput::Served { feed, from, run } => self.served(feed, from, run.as_ref()),
            SyncInput::Contested { feed, seq } => self.contested(feed, seq),
            SyncInput::GroupAdded(shared) => self.add_group(shared),
            SyncInput::Neighbour { channel, neighbour } => self.neighbour(channel, neighbour),
            SyncInput::Frozen(feed) => self.freeze(&feed),
            SyncInput::Tick => self.tick(),
        }
        if self.up {
            self.pull();
        }
        self.timeout = self.first_timeout();
        std::mem::take(&mut self.out)
    }

    /// Whether the peer told where it is in a group so lately, by `now` (Unix milliseconds), that it must share the group still.
    pub fn speaks_of(&self, group: &ChannelId, now: u64) -> bool {
        let link = self.channels.get(group).and_then(|channel| channel.link.as_ref());
        let told = link.and_then(|link| link.told_at);
        told.is_some_and(|at| at.abs_diff(now) <= 2 * REPAIR_INTERVAL + REPAIR_INTERVAL / 2)
    }

    /// When [`SyncInput::Tick`] is due (Unix milliseconds); `None` while disconnected. Earlier ticks do no harm.
    pub fn next_timeout(&self) -> Option<u64> {
        self.timeout
    }

    fn first_timeout(&self) -> Option<u64> {
        if !self.up {
            return None;
        }
        let asked = self.channels.values().flat_map(|channel| channel.asked.values());
        let asked = asked.map(|asked| self.deadline(asked.at)).min();
        let alone = self.channels.values().filter(|channel| channel.link.is_none());
        let pushed = alone.flat_map(|channel| &channel.ahead).filter_map(|(feed, claim)| self.others.push(feed, claim));
        let pushed = pushed.filter(|at| *at > self.now).min();
        let links = self.channels.values().filter_map(|channel| channel.link.as_ref()?.next_timeout()).min();
        [Some(self.next_repair), asked, pushed, links, self.backoffs.next_end(self.now)].into_iter().flatten().min()
    }

    fn connect(&mut self, channels: Vec<SharedChannel>) {
        self.disconnect();
        self.up = true;
        self.channels = channels.into_iter().map(|shared| (shared.id, Channel::new(shared))).collect();
        self.send_digests();
    }

    fn disconnect(&mut self) {
        self.up = false;
        self.channels.clear();
        self.serving.clear();
        self.pushing.clear();
        self.hinted.clear();
        self.behind.clear();
        self.last_run = 0;
    }

    /// The peer broke the protocol: nothing more of it is looked at until it connects again.
    pub(super) fn violated(&mut self, violation: Violation) {
        self.disconnect();
        self.out.push(SyncEffect::Violation(violation));
    }

    /// Counts useless frames.
    pub(super) fn misused(&mut self, weight: u32) {
        if self.misuse.add(weight, self.now) && self.up {
            self.violated(Violation::Misuse);
        }
    }

    fn add_channel(&mut self, shared: SharedChannel) {
        let id = shared.id;
        self.remove_channel(&id);
        let channel = Channel::new(shared);
        let digest = channel.digest();
        self.channels.insert(id, channel);
        self.out.extend(frame::digests(&[(id, digest)]).map(SyncEffect::Send));
    }

    pub(super) fn remove_channel(&mut self, id: &ChannelId) {
        self.channels.remove(id);
        self.serving.retain(|feed, _| feed.channel != *id);
        self.pushing.retain(|feed, _| feed.channel != *id);
    }

    fn receive(&mut self, bytes: &[u8]) {
        match Frame::decode(bytes) {
            Err(violation) => self.violated(violation),
            Ok(Frame::Digests(digests)) => self.on_digests(digests),
            Ok(Frame::Heads(channel, heads)) if self.shares(&channel) => self.on_heads(channel, heads),
            Ok(Frame::Want(feed, from)) if self.shares(&feed.channel) => self.on_want(feed, from),
            Ok(Frame::Run(feed, run)) if self.shares(&feed.channel) => self.on_run(feed, run),
            Ok(Frame::Have(channel, haves)) if self.shares(&channel) => self.on_have(channel, haves),
            Ok(Frame::Nothing(feed)) if self.shares(&feed.channel) => self.on_nothing(feed),
            Ok(Frame::Summaries(summaries)) => self.on_summaries(summaries),
            Ok(Frame::Compare(channel, buckets)) if self.shares(&channel) => self.on_compare(channel, &buckets),
            Ok(Frame::Announce(channel, heads)) if self.shares(&channel) => self.on_announce(channel, heads),
            Ok(Frame::Graft(channel)) if self.shares(&channel) => self.on_graft(channel),
            Ok(Frame::Prune(channel)) if self.shares(&channel) => self.on_prune(channel),
            Ok(Frame::Compare(..) | Frame::Announce(..) | Frame::Graft(_) | Frame::Prune(_)) => self.refuse(),
            Ok(Frame::Heads(..) | Frame::Want(..) | Frame::Run(..) | Frame::Have(..) | Frame::Nothing(..)) => {
                self.refuse();
            }
            // The peer may have not (or no longer) the channel; what was asked of it times out.
            Ok(Frame::Refused | Frame::Unknown) => self.misused(1),
        }
    }

    fn shares(&self, channel: &ChannelId) -> bool {
        self.channels.contains_key(channel)
    }

    /// The one answer to anything about a channel that is not shared, whether we have it or not (SYNC-2).
    pub(super) fn refuse(&mut self) {
        self.out.push(SyncEffect::Send(frame::refused()));
        self.misused(1);
    }

    fn send_digests(&mut self) {
        self.next_repair = self.now.saturating_add(REPAIR_INTERVAL);
        // The peer answers in this order, so the newest channel is also compared first.
        let mut newest: Vec<_> = self.channels.iter().collect();
        newest.sort_by_key(|(_, channel)| Reverse(channel.activity));
        let (groups, direct): (Vec<_>, Vec<_>) = newest.into_iter().partition(|(_, channel)| channel.link.is_some());
        let groups: Vec<ChannelId> = groups.into_iter().map(|(id, _)| *id).collect();
        let digests: Vec<_> = direct.into_iter().map(|(id, channel)| (*id, channel.digest())).collect();
        self.out.extend(frame::digests(&digests).map(SyncEffect::Send));
        self.send_summaries(&groups);
    }

    fn tick(&mut self) {
        self.expire();
        self.tick_groups();
        if self.now >= self.next_repair {
            self.recruit();
            self.send_digests();
        }
    }

    /// Gives up ranges that were not answered; a feed that never is gets backed off.
    fn expire(&mut self) {
        let overdue: Vec<FeedId> = self
            .channels
            .iter()
            .flat_map(|(id, channel)| channel.asked.iter().map(|(feed, asked)| (FeedId::new(*id, *feed), asked.at)))
            .filter(|(_, at)| self.now >= self.deadline(*at))
            .map(|(feed, _)| feed)
            .collect();
        for feed in overdue {
            let Some(channel) = self.channels.get_mut(&feed.channel) else { continue };
            channel.unask(&feed.key());
            let Some(claim) = channel.ahead.get_mut(&feed.key()) else { continue };
            claim.timeouts += 1;
            if claim.timeouts >= MAX_TIMEOUTS {
                claim.timeouts = 0;
                self.backoffs.grow(feed, self.now);
            }
        }
    }

    /// A range waits for the runs before it on the stream, but not for ever.
    fn deadline(&self, at: u64) -> u64 {
        let limit = at.saturating_add(ASK_TIMEOUT * u64::from(MAX_TIMEOUTS));
        at.max(self.last_run).saturating_add(ASK_TIMEOUT).min(limit)
    }
}
