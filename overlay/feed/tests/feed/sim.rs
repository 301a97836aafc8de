//! A seeded virtual network of nodes that synchronise: loss, duplication, delay and reorder, disconnection, restart.
//!
//! The seed is part of every proptest case and printed when a check fails. The network is worse than the real one,
//! whose streams are reliable: only frames of an earlier connection never arrive.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use covey_feed::{
    Author, ChannelId, Entry, EntryId, FeedId, ForkProof, Heads, Kind, PeerSync, RunIn, SyncEffect, SyncInput,
    limits::MAX_FRAME,
    run::{Known, RunError, assemble, build, verify},
    sync::{SharedChannel, Violation},
};
use ed25519_dalek::SigningKey;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::common::{author, channel, key, sign};

/// What a node has on its disk.
pub(crate) struct Node {
    key: SigningKey,
    pub(crate) author: Author,
    pub(crate) incarnation: u64,
    pub(crate) feeds: BTreeMap<FeedId, Vec<Entry>>,
    pub(crate) frozen: BTreeSet<FeedId>,
    pub(crate) proofs: Vec<ForkProof>,
    pub(crate) hints: Vec<(FeedId, u64)>,
    pub(crate) peer_has: BTreeMap<(usize, FeedId), u64>,
    pub(crate) violations: Vec<(usize, Violation)>,
    pub(crate) errors: Vec<RunError>,
    pub(crate) delivered_runs: usize,
    sync: BTreeMap<usize, PeerSync>,
}

pub(crate) struct World {
    pub(crate) seed: u64,
    rng: ChaCha8Rng,
    pub(crate) now: u64,
    pub(crate) nodes: Vec<Node>,
    members: BTreeMap<ChannelId, BTreeSet<usize>>,
    /// Connected pairs and the number of their connection.
    links: BTreeMap<(usize, usize), u64>,
    connections: u64,
    queue: BTreeMap<(u64, u64), Packet>,
    pub(crate) frames: u64,
    pub(crate) bytes: usize,
    pub(crate) loss_per_mille: u64,
    pub(crate) duplicates_per_mille: u64,
    pub(crate) max_delay: u64,
}

struct Packet {
    from: usize,
    to: usize,
    connection: u64,
    frame: Vec<u8>,
}

impl Known for Node {
    fn entry(&self, feed: &FeedId, seq: u64) -> Option<Entry> {
        self.feeds.get(feed)?.get(usize::try_from(seq).ok()?.checked_sub(1)?).cloned()
    }

    fn lamport(&self, id: &EntryId) -> Option<u64> {
        self.feeds.values().flatten().find(|entry| entry.id() == *id).map(Entry::lamport)
    }
}

impl Node {
    pub(crate) fn new(n: u8) -> Self {
        Self {
            key: key(n),
            author: author(n),
            incarnation: 0,
            feeds: BTreeMap::new(),
            frozen: BTreeSet::new(),
            proofs: Vec::new(),
            hints: Vec::new(),
            peer_has: BTreeMap::new(),
            violations: Vec::new(),
            errors: Vec::new(),
            delivered_runs: 0,
            sync: BTreeMap::new(),
        }
    }

    pub(crate) fn seq(&self, feed: &FeedId) -> u64 {
        self.feeds.get(feed).map_or(0, |entries| entries.len() as u64)
    }

    pub(crate) fn heads(&self, channel: ChannelId) -> Heads {
        let feeds = self.feeds.iter().filter(|(feed, entries)| feed.channel == channel && !entries.is_empty());
        feeds.map(|(feed, entries)| (feed.key(), entries.last().unwrap().head())).collect()
    }

    fn shared(&self, id: ChannelId, activity: u64) -> SharedChannel {
        let frozen = self.frozen.iter().filter(|feed| feed.channel == id).map(FeedId::key).collect();
        SharedChannel { frozen, ..SharedChannel::new(id, self.heads(id), activity) }
    }

    /// Appends a batch to our own feed.
    fn write(&mut self, channel: ChannelId, payloads: Vec<Vec<u8>>) -> (FeedId, covey_feed::run::Batch) {
        let feed = FeedId { channel, author: self.author, incarnation: self.incarnation };
        let head = self.feeds.get(&feed).and_then(|entries| entries.last()).map(Entry::head);
        let heads = self.heads(channel);
        let others = heads.iter().filter(|(key, _)| key.author != self.author);
        let refs = others.map(|(_, head)| head.id).take(8).collect();
        let items = payloads.into_iter().map(|payload| (Kind::Content, payload)).collect();
        let batch = build(feed, head.as_ref(), heads.lamport(), refs, items, |h| sign(&self.key, h)).unwrap();
        self.feeds.entry(feed).or_default().extend(batch.entries.clone());
        (feed, batch)
    }

    /// What a node does with a run: verify, commit or not.
    fn take(&mut self, feed: FeedId, run: RunIn) -> SyncInput {
        self.delivered_runs += 1;
        let head = self.feeds.get(&feed).and_then(|entries| entries.last()).map(Entry::head);
        match verify(&feed, head.as_ref(), run, self) {
            Ok(run) => {
                assert!(run.void_refs().is_empty(), "honest refs are in the past");
                let entries = self.feeds.entry(feed).or_default();
                entries.extend(run.into_entries());
                SyncInput::Applied { feed, head: entries.last().unwrap().head() }
            }
            Err(error) => {
                let reason = error.rejection();
                if let RunError::Fork(proof) = &error {
                    self.frozen.insert(feed);
                    self.proofs.push((**proof).clone());
                }
                self.errors.push(error);
                SyncInput::Rejected { feed, reason }
            }
        }
    }
}

impl World {
    /// `nodes` nodes that are all members of channels 1 to `channels`.
    pub(crate) fn new(seed: u64, nodes: u8, channels: u8) -> Self {
        let everyone: BTreeSet<usize> = (0..usize::from(nodes)).collect();
        Self {
            seed,
            rng: ChaCha8Rng::seed_from_u64(seed),
            now: 1_000_000,
            nodes: (1..=nodes).map(Node::new).collect(),
            members: (1..=channels).map(|n| (channel(n), everyone.clone())).collect(),
            links: BTreeMap::new(),
            connections: 0,
            queue: BTreeMap::new(),
            frames: 0,
            bytes: 0,
            loss_per_mille: 0,
            duplicates_per_mille: 0,
            max_delay: 20,
        }
    }

    pub(crate) fn random(&mut self, below: u64) -> u64 {
        self.rng.next_u64() % below
    }

    pub(crate) fn connect(&mut self, a: usize, b: usize) {
        self.connections += 1;
        self.links.insert((a.min(b), a.max(b)), self.connections);
        for (n, peer) in [(a, b), (b, a)] {
            let channels = self.members.iter().filter(|(_, members)| members.contains(&n) && members.contains(&peer));
            let channels = channels.map(|(id, _)| self.nodes[n].shared(*id, 0)).collect();
            self.input(n, peer, SyncInput::Connected { channels });
        }
    }

    pub(crate) fn disconnect(&mut self, a: usize, b: usize) {
        if self.links.remove(&(a.min(b), a.max(b))).is_some() {
            self.input(a, b, SyncInput::Disconnected);
            self.input(b, a, SyncInput::Disconnected);
        }
    }

    /// The node forgets everything that is not on its disk.
    pub(crate) fn restart(&mut self, n: usize) {
        for peer in 0..self.nodes.len() {
            self.disconnect(n, peer);
        }
        self.nodes[n].sync.clear();
        self.nodes[n].peer_has.clear();
    }

    /// Puts the node's disk back to where its own feed had `seq` entries.
    pub(crate) fn roll_back(&mut self, n: usize, feed: FeedId, seq: usize) {
        self.restart(n);
        self.nodes[n].feeds.get_mut(&feed).unwrap().truncate(seq);
    }

    /// The channel is shared by one more node.
    pub(crate) fn join(&mut self, id: ChannelId, n: usize) {
        self.members.get_mut(&id).unwrap().insert(n);
        for peer in self.members[&id].clone() {
            if self.links.contains_key(&(n.min(peer), n.max(peer))) {
                for (a, b) in [(n, peer), (peer, n)] {
                    let shared = self.nodes[a].shared(id, self.now);
                    self.input(a, b, SyncInput::ChannelAdded(shared));
                }
            }
        }
    }

    pub(crate) fn leave(&mut self, id: ChannelId, n: usize) {
        self.members.get_mut(&id).unwrap().remove(&n);
        for peer in 0..self.nodes.len() {
            self.input(n, peer, SyncInput::ChannelRemoved(id));
            self.input(peer, n, SyncInput::ChannelRemoved(id));
        }
    }

    pub(crate) fn write(&mut self, n: usize, id: ChannelId, payloads: Vec<Vec<u8>>) {
        let (feed, batch) = self.nodes[n].write(id, payloads);
        let run = Arc::new(batch.run());
        for peer in self.connected_members(n, id) {
            self.input(n, peer, SyncInput::Appended { feed, head: batch.head, run: Arc::clone(&run) });
        }
    }

    /// Puts entries on the node's disk that it has from before.
    pub(crate) fn preload(&mut self, n: usize, feed: FeedId, entries: &[Entry]) {
        self.nodes[n].feeds.insert(feed, entries.to_vec());
    }

    /// A frame that the node never decided to send.
    pub(crate) fn inject(&mut self, from: usize, to: usize, frame: Vec<u8>) {
        self.input(to, from, SyncInput::Frame(frame));
    }

    /// Lets time pass.
    pub(crate) fn run_for(&mut self, milliseconds: u64) {
        let end = self.now + milliseconds;
        while self.step(end) {}
        self.now = end;
    }

    /// Lets time pass until all members of every channel have the same; the milliseconds that took.
    pub(crate) fn converge_within(&mut self, milliseconds: u64) -> u64 {
        let start = self.now;
        while !self.converged() {
            assert!(
                self.step(start + milliseconds),
                "seed {}: not converged after {milliseconds} ms: {:?}",
                self.seed,
                self.state()
            );
        }
        self.now - start
    }

    pub(crate) fn converged(&self) -> bool {
        self.members.iter().all(|(id, members)| {
            let mut heads = members.iter().map(|n| self.nodes[*n].heads(*id));
            let Some(first) = heads.next() else { return true };
            heads.all(|heads| heads == first)
        })
    }

    fn state(&self) -> Vec<Vec<(FeedId, usize)>> {
        let of = |node: &Node| node.feeds.iter().map(|(feed, entries)| (*feed, entries.len())).collect();
        self.nodes.iter().map(of).collect()
    }

    /// Every feed on every disk is one unbroken chain.
    pub(crate) fn check_disks(&self) {
        for (feed, entries) in self.nodes.iter().flat_map(|node| &node.feeds) {
            for (n, entry) in entries.iter().enumerate() {
                assert_eq!(entry.header().feed, *feed, "seed {}", self.seed);
                assert_eq!(entry.seq(), n as u64 + 1, "seed {}", self.seed);
                let before = n.checked_sub(1).map(|before| entries[before].id());
                assert_eq!(entry.header().position.backlink, before, "seed {}", self.seed);
            }
        }
    }

    /// The next packet or timeout, if it is due before `end`.
    fn step(&mut self, end: u64) -> bool {
        let packet = self.queue.first_key_value().map(|((at, _), _)| *at);
        let nodes = self.nodes.iter().enumerate();
        let timeouts = nodes.flat_map(|(n, node)| node.sync.iter().map(move |(peer, sync)| (sync, n, *peer)));
        let timeout = timeouts.filter_map(|(sync, n, peer)| sync.next_timeout().map(|at| (at, n, peer))).min();
        let Some(at) = [packet, timeout.map(|(at, ..)| at)].into_iter().flatten().min().filter(|at| *at <= end) else {
            return false;
        };
        self.now = self.now.max(at);
        if packet == Some(at) {
            let (_, packet) = self.queue.pop_first().unwrap();
            let Packet { from, to, connection, frame } = packet;
            if self.links.get(&(from.min(to), from.max(to))) == Some(&connection) {
                self.input(to, from, SyncInput::Frame(frame));
            }
        } else if let Some((_, n, peer)) = timeout {
            self.input(n, peer, SyncInput::Tick);
        }
        true
    }

    fn connected_members(&self, n: usize, id: ChannelId) -> Vec<usize> {
        let Some(members) = self.members.get(&id) else { return Vec::new() };
        let linked = |peer: &usize| self.links.contains_key(&(n.min(*peer), n.max(*peer)));
        members.iter().copied().filter(|peer| *peer != n && linked(peer)).collect()
    }

    fn input(&mut self, n: usize, peer: usize, input: SyncInput) {
        let own = self.nodes[n].author;
        let now = self.now;
        let effects = self.nodes[n].sync.entry(peer).or_insert_with(|| PeerSync::new(own)).handle(input, now);
        for effect in effects {
            self.carry_out(n, peer, effect);
        }
    }

    fn carry_out(&mut self, n: usize, peer: usize, effect: SyncEffect) {
        match effect {
            SyncEffect::Send(frame) => self.transmit(n, peer, &frame),
            SyncEffect::Serve { feed, from, limits } => {
                assert!((1..=self.nodes[n].seq(&feed)).contains(&from), "asked only for what exists");
                let entries = self.nodes[n].feeds.get(&feed).into_iter().flatten();
                let run = assemble(entries.skip(usize::try_from(from - 1).unwrap()).cloned(), limits);
                assert!(run.is_some(), "seed {}: every stored range can be served", self.seed);
                self.input(n, peer, SyncInput::Served { feed, from, run });
            }
            SyncEffect::Deliver { feed, run } => match self.nodes[n].take(feed, run) {
                SyncInput::Applied { feed, head } => {
                    for peer in self.connected_members(n, feed.channel) {
                        self.input(n, peer, SyncInput::Applied { feed, head });
                    }
                }
                rejected => self.input(n, peer, rejected),
            },
            SyncEffect::PeerHas { feed, seq } => {
                let seed = self.seed;
                assert!(seq <= self.nodes[peer].seq(&feed), "seed {seed}: acknowledged {seq} is durable there");
                assert!(seq <= self.nodes[n].seq(&feed), "seed {seed}: never beyond our head");
                let before = self.nodes[n].peer_has.insert((peer, feed), seq);
                assert!(before < Some(seq), "seed {seed}: acknowledgements only grow");
            }
            SyncEffect::OwnFeedAhead { feed, seq } => self.nodes[n].hints.push((feed, seq)),
            SyncEffect::OwnFeedBehind { feed, seq, id } => {
                let ours = self.nodes[n].entry(&feed, seq).unwrap();
                if ours.id() != id {
                    self.input(n, peer, SyncInput::Contested { feed, seq });
                }
            }
            SyncEffect::Violation(violation) => {
                self.nodes[n].violations.push((peer, violation));
                self.links.remove(&(n.min(peer), n.max(peer)));
                self.input(peer, n, SyncInput::Disconnected);
            }
        }
    }

    fn transmit(&mut self, from: usize, to: usize, frame: &[u8]) {
        assert!(frame.len() <= MAX_FRAME);
        let Some(connection) = self.links.get(&(from.min(to), from.max(to))).copied() else { return };
        self.frames += 1;
        self.bytes += frame.len();
        let mut copies = u64::from(self.random(1000) >= self.loss_per_mille);
        copies += copies * u64::from(self.random(1000) < self.duplicates_per_mille);
        for _ in 0..copies {
            let at = self.now + 1 + if self.max_delay > 0 { self.random(self.max_delay) } else { 0 };
            let number = self.frames * 2 + u64::from(self.queue.contains_key(&(at, self.frames * 2)));
            self.queue.insert((at, number), Packet { from, to, connection, frame: frame.to_vec() });
        }
    }
}
