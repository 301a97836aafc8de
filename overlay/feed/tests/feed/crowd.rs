//! A seeded crowd of members of one group in virtual time: streams with delay, loss, partitions and churn.
//!
//! The nodes are virtual: what they have is only counted, runs are not verified (other tests do that).

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    sync::Arc,
};

use covey_feed::{
    Author, ChannelId, Entry, FeedId, FeedKey, Head, Heads, Kind, PeerSync, RunIn, Spread, SyncEffect, SyncInput,
    run::{assemble, build},
    spread::neighbours,
    sync::{SharedGroup, Violation},
};
use ed25519_dalek::SigningKey;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::common::{channel, sign};

pub(crate) struct Member {
    pub(crate) author: Author,
    key: SigningKey,
    pub(crate) have: BTreeMap<FeedKey, u64>,
    hops: BTreeMap<(FeedKey, u64), u32>,
    spread: Spread,
    pub(crate) syncs: BTreeMap<usize, PeerSync>,
    pub(crate) online: bool,
    pub(crate) acked: BTreeSet<usize>,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) frames: u64,
    pub(crate) runs: u64,
}

struct Packet {
    from: usize,
    to: usize,
    connection: u64,
    frame: Vec<u8>,
}

pub(crate) struct Crowd {
    pub(crate) seed: u64,
    rng: ChaCha8Rng,
    pub(crate) now: u64,
    pub(crate) id: ChannelId,
    pub(crate) members: Vec<Member>,
    /// Everything anyone wrote.
    entries: BTreeMap<FeedKey, Vec<Entry>>,
    written: BTreeMap<(FeedKey, u64), u64>,
    /// Milliseconds from writing to having, of everyone and everything.
    pub(crate) delays: Vec<u64>,
    pub(crate) max_hops: u32,
    links: BTreeMap<(usize, usize), Stream>,
    connections: u64,
    packets: BTreeMap<u64, Packet>,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    timeouts: BinaryHeap<Reverse<(u64, usize, usize)>>,
    numbers: u64,
    pub(crate) loss_per_mille: u64,
    pub(crate) max_delay: u64,
    pub(crate) violations: Vec<(usize, usize, Violation)>,
}

/// A connection: its number, its delay, and when the last frame each way arrives.
#[derive(Clone, Copy)]
struct Stream {
    connection: u64,
    delay: u64,
    last: [u64; 2],
}

impl Member {
    fn heads(&self, entries: &BTreeMap<FeedKey, Vec<Entry>>) -> Heads {
        self.have.iter().map(|(feed, seq)| (*feed, head(entries, feed, *seq))).collect()
    }
}

fn head(entries: &BTreeMap<FeedKey, Vec<Entry>>, feed: &FeedKey, seq: u64) -> Head {
    entries[feed][usize::try_from(seq - 1).unwrap()].head()
}

impl Crowd {
    pub(crate) fn new(seed: u64, members: usize) -> Self {
        let id = channel(1);
        let member = |n: usize| {
            let mut secret = [7; 32];
            secret[..8].copy_from_slice(&(n as u64).to_le_bytes());
            let key = SigningKey::from_bytes(&secret);
            Member {
                author: Author::from_bytes(key.verifying_key().to_bytes()),
                key,
                have: BTreeMap::new(),
                hops: BTreeMap::new(),
                spread: Spread::new(id, Heads::new()),
                syncs: BTreeMap::new(),
                online: true,
                acked: BTreeSet::new(),
                sent: 0,
                received: 0,
                frames: 0,
                runs: 0,
            }
        };
        Self {
            seed,
            rng: ChaCha8Rng::seed_from_u64(seed),
            now: 1_000_000,
            id,
            members: (0..members).map(member).collect(),
            entries: BTreeMap::new(),
            written: BTreeMap::new(),
            delays: Vec::new(),
            max_hops: 0,
            links: BTreeMap::new(),
            connections: 0,
            packets: BTreeMap::new(),
            queue: BinaryHeap::new(),
            timeouts: BinaryHeap::new(),
            numbers: 0,
            loss_per_mille: 0,
            max_delay: 150,
            violations: Vec::new(),
        }
    }

    pub(crate) fn random(&mut self, below: u64) -> u64 {
        self.rng.next_u64() % below
    }

    pub(crate) fn any(&mut self) -> usize {
        let below = self.members.len() as u64;
        usize::try_from(self.random(below)).unwrap()
    }

    /// The pairs that are neighbours.
    pub(crate) fn edges(&self) -> Vec<(usize, usize)> {
        let authors: Vec<Author> = self.members.iter().map(|member| member.author).collect();
        let number: BTreeMap<Author, usize> = authors.iter().enumerate().map(|(n, author)| (*author, n)).collect();
        let of = |n: usize| neighbours(&self.id, &authors[n], &authors[n + 1..], authors.len());
        (0..authors.len())
            .flat_map(|n| of(n).into_iter().map(move |peer| (n, peer)))
            .map(|(n, peer)| (n, number[&peer]))
            .collect()
    }

    /// Connects all neighbours that are online.
    pub(crate) fn connect_all(&mut self) {
        for (a, b) in self.edges() {
            self.connect(a, b, true);
        }
    }

    pub(crate) fn connect(&mut self, a: usize, b: usize, neighbour: bool) {
        if !self.members[a].online || !self.members[b].online || self.links.contains_key(&(a, b)) {
            return;
        }
        self.connections += 1;
        let delay = 1 + self.random(self.max_delay.max(1));
        self.links.insert((a.min(b), a.max(b)), Stream { connection: self.connections, delay, last: [0; 2] });
        for (n, peer) in [(a, b), (b, a)] {
            self.input(n, peer, SyncInput::Connected { channels: Vec::new() });
            let shared = SharedGroup {
                id: self.id,
                spread: self.members[n].spread.clone(),
                peer: self.members[peer].author,
                neighbour,
                frozen: BTreeSet::new(),
                activity: 0,
            };
            self.input(n, peer, SyncInput::GroupAdded(shared));
        }
    }

    pub(crate) fn disconnect(&mut self, a: usize, b: usize) {
        if self.links.remove(&(a.min(b), a.max(b))).is_some() {
            self.input(a, b, SyncInput::Disconnected);
            self.input(b, a, SyncInput::Disconnected);
        }
    }

    /// The member is gone, with all that is not on its disk.
    pub(crate) fn leave(&mut self, n: usize) {
        let linked: Vec<_> = self.links.keys().filter(|(a, b)| *a == n || *b == n).copied().collect();
        linked.into_iter().for_each(|(a, b)| self.disconnect(a, b));
        let heads = self.members[n].heads(&self.entries);
        let member = &mut self.members[n];
        member.online = false;
        member.syncs.clear();
        member.spread = Spread::new(self.id, heads);
    }

    /// The member is back, and connects to its neighbours.
    pub(crate) fn come(&mut self, n: usize) {
        self.members[n].online = true;
        for (a, b) in self.edges() {
            if a == n || b == n {
                self.connect(a, b, true);
            }
        }
    }

    /// Puts entries on everyone's disk but `without`.
    pub(crate) fn preload(&mut self, author: usize, sizes: &[usize], without: &[usize]) {
        for size in sizes {
            self.append(author, *size, 100);
        }
        let feed = self.feed(author).key();
        let all = self.members[author].have[&feed];
        for n in (0..self.members.len()).filter(|n| !without.contains(n)) {
            self.members[n].have.insert(feed, all);
            let head = head(&self.entries, &feed, all);
            self.members[n].spread.advance(feed, head);
        }
    }

    fn feed(&self, n: usize) -> FeedId {
        FeedId { channel: self.id, author: self.members[n].author, incarnation: 0 }
    }

    fn append(&mut self, n: usize, entries: usize, size: usize) -> (FeedId, covey_feed::run::Batch) {
        let feed = self.feed(n);
        let own = self.entries.entry(feed.key()).or_default();
        let last = own.last().map(Entry::head);
        let items = (0..entries).map(|_| (Kind::Content, vec![7; size])).collect();
        let key = &self.members[n].key;
        let batch = build(feed, last.as_ref(), 0, Vec::new(), items, |h| sign(key, h)).unwrap();
        own.extend(batch.entries.clone());
        self.members[n].have.insert(feed.key(), batch.head.seq);
        self.members[n].spread.advance(feed.key(), batch.head);
        (feed, batch)
    }

    /// The member writes an entry of `size` bytes.
    pub(crate) fn write(&mut self, n: usize, size: usize) {
        let (feed, batch) = self.append(n, 1, size);
        self.written.insert((feed.key(), batch.head.seq), self.now);
        let run = Arc::new(batch.run());
        for peer in self.peers(n) {
            self.input(n, peer, SyncInput::Appended { feed, head: batch.head, run: Arc::clone(&run) });
        }
    }

    fn peers(&self, n: usize) -> Vec<usize> {
        self.members[n].syncs.keys().copied().collect()
    }

    pub(crate) fn run_for(&mut self, milliseconds: u64) {
        let end = self.now + milliseconds;
        while self.step(end) {}
        self.now = end;
    }

    /// Lets time pass until everyone online has everything; how long that took.
    pub(crate) fn converge_within(&mut self, milliseconds: u64) -> u64 {
        let start = self.now;
        while !self.converged() {
            assert!(
                self.now < start + milliseconds,
                "seed {}: not after {milliseconds} ms: {}",
                self.seed,
                self.state()
            );
            self.run_for(100);
        }
        self.now - start
    }

    pub(crate) fn converged(&self) -> bool {
        let online = self.members.iter().filter(|member| member.online);
        let all = online.clone().flat_map(|member| &member.have).fold(BTreeMap::new(), |mut all, (feed, seq)| {
            let most = all.entry(*feed).or_insert(0);
            *most = *seq.max(most);
            all
        });
        online.map(|member| &member.have).all(|have| *have == all)
    }

    fn state(&self) -> String {
        let count = |member: &Member| member.have.values().sum::<u64>();
        format!("{:?}", self.members.iter().filter(|member| member.online).map(count).collect::<Vec<_>>())
    }

    fn step(&mut self, end: u64) -> bool {
        let packet = self.queue.peek().map(|Reverse((at, number))| (*at, *number));
        let timeout = self.timeouts.peek().map(|Reverse(timeout)| *timeout);
        let first = [packet.map(|(at, _)| at), timeout.map(|(at, ..)| at)].into_iter().flatten().min();
        let Some(at) = first.filter(|at| *at <= end) else { return false };
        self.now = self.now.max(at);
        if let Some((_, number)) = packet.filter(|(due, _)| *due == at) {
            self.queue.pop();
            let Packet { from, to, connection, frame } = self.packets.remove(&number).unwrap();
            if self.links.get(&(from.min(to), from.max(to))).is_some_and(|stream| stream.connection == connection) {
                self.members[to].received += frame.len() as u64;
                self.input(to, from, SyncInput::Frame(frame));
            }
        } else if let Some((at, n, peer)) = timeout {
            self.timeouts.pop();
            let sync = self.members[n].syncs.get(&peer);
            if sync.is_some_and(|sync| sync.next_timeout() == Some(at)) {
                self.input(n, peer, SyncInput::Tick);
            }
        }
        true
    }

    pub(crate) fn input(&mut self, n: usize, peer: usize, input: SyncInput) {
        let (now, own) = (self.now, self.members[n].author);
        let sync = self.members[n].syncs.entry(peer).or_insert_with(|| PeerSync::new(own));
        let effects = sync.handle(input, now);
        if let Some(at) = sync.next_timeout() {
            assert!(at >= now, "seed {}", self.seed);
            self.timeouts.push(Reverse((at.max(now), n, peer)));
        }
        for effect in effects {
            self.carry_out(n, peer, effect);
        }
    }

    fn carry_out(&mut self, n: usize, peer: usize, effect: SyncEffect) {
        match effect {
            SyncEffect::Send(frame) => self.transmit(n, peer, frame),
            SyncEffect::Serve { feed, from, limits } => {
                let have = usize::try_from(self.members[n].have.get(&feed.key()).copied().unwrap_or(0)).unwrap();
                let from_index = usize::try_from(from - 1).unwrap();
                let run = assemble(self.entries[&feed.key()][from_index..have].iter().cloned(), limits);
                self.input(n, peer, SyncInput::Served { feed, from, run });
            }
            SyncEffect::Deliver { feed, run } => {
                let head = self.take(n, peer, feed, &run);
                for peer in self.peers(n) {
                    self.input(n, peer, SyncInput::Applied { feed, head });
                }
            }
            SyncEffect::PeerHas { seq, feed } => {
                assert!(seq <= self.members[peer].have.get(&feed.key()).copied().unwrap_or(0), "seed {}", self.seed);
                self.members[n].acked.insert(peer);
            }
            SyncEffect::OwnFeedAhead { .. } | SyncEffect::OwnFeedBehind { .. } => {}
            SyncEffect::Violation(violation) => {
                self.violations.push((n, peer, violation));
                self.disconnect(n, peer);
            }
        }
    }

    fn take(&mut self, n: usize, peer: usize, feed: FeedId, run: &RunIn) -> Head {
        let key = feed.key();
        let have = self.members[n].have.get(&key).copied().unwrap_or(0);
        assert!(run.first() <= have + 1, "seed {}: a gap was delivered", self.seed);
        self.members[n].runs += 1;
        for seq in have + 1..=run.last() {
            let Some(written) = self.written.get(&(key, seq)) else { continue };
            self.delays.push(self.now - written);
            let hops = self.members[peer].hops.get(&(key, seq)).copied().unwrap_or(0) + 1;
            self.max_hops = self.max_hops.max(hops);
            self.members[n].hops.insert((key, seq), hops);
        }
        self.members[n].have.insert(key, have.max(run.last()));
        head(&self.entries, &key, have.max(run.last()))
    }

    fn transmit(&mut self, from: usize, to: usize, frame: Vec<u8>) {
        let lost = self.random(1000) < self.loss_per_mille;
        let jitter = self.random(20);
        let Some(stream) = self.links.get_mut(&(from.min(to), from.max(to))) else { return };
        let member = &mut self.members[from];
        member.sent += frame.len() as u64;
        member.frames += 1;
        if lost {
            return;
        }
        let last = &mut stream.last[usize::from(from > to)];
        *last = (self.now + stream.delay + jitter).max(*last);
        self.numbers += 1;
        self.queue.push(Reverse((*last, self.numbers)));
        let connection = stream.connection;
        self.packets.insert(self.numbers, Packet { from, to, connection, frame });
    }

    pub(crate) fn bytes_per_member(&self) -> u64 {
        self.members.iter().map(|member| member.sent).sum::<u64>() / self.members.len() as u64
    }

    pub(crate) fn frames_per_member(&self) -> u64 {
        self.members.iter().map(|member| member.frames).sum::<u64>() / self.members.len() as u64
    }
}
