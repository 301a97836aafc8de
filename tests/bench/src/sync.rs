//! Two members of a large group who differ in one feed by one entry: what they say until they are alike. Operations of the
//! roster are entries too.

use std::collections::{BTreeSet, VecDeque};

use covey_feed::{
    Author, ChannelId, EntryId, FeedKey, Head, Heads, Kind, PeerSync, Spread, SyncEffect, SyncInput,
    run::{Batch, assemble, build},
    sync::SharedGroup,
};
use covey_pairing::crypto::{
    hash::blake3,
    sign::{Context, SigningSecret},
};

use crate::measure::Bench;

const CHANNEL: ChannelId = ChannelId::from_bytes([1; 32]);
/// Payload of the entry: a short message.
const PAYLOAD: usize = 200;
/// What a head cannot do without: whose it is, and which entry.
const HEAD: usize = 64;
/// They speak of what differs within this time, in milliseconds.
const A_WHILE: u64 = 10 * 60_000;

pub fn run(bench: &Bench) {
    let row = format!("sync of {} feeds, one differs", bench.members);
    if row.contains(&bench.only) {
        let mut pair = Pair::new(bench.members);
        pair.talk();
        let all = HEAD * bench.members;
        let ratio = all as f64 / pair.bytes as f64;
        println!("{row:<34} {:>8} bytes in {} frames   all heads {all} bytes: {ratio:.1}x", pair.bytes, pair.frames);
    }
}

fn head(n: usize) -> (FeedKey, Head) {
    let author = Author::from_bytes(blake3(&n.to_be_bytes()));
    let seq = 1 + n as u64 % 5;
    (FeedKey { author, incarnation: 0 }, Head { seq, id: EntryId::from_bytes(*author.as_bytes()), lamport: seq })
}

/// The first of them has written what the second lacks.
struct Pair {
    syncs: [PeerSync; 2],
    spreads: [Spread; 2],
    written: Batch,
    waiting: VecDeque<(usize, Vec<u8>)>,
    now: u64,
    bytes: usize,
    frames: usize,
}

impl Pair {
    fn new(members: usize) -> Self {
        let keys = [1, 2].map(|n| SigningSecret::from_seed([n; 32]));
        let authors = [0, 1].map(|n| Author::from_bytes(*keys[n].public().as_bytes()));
        let feed = covey_feed::FeedId { channel: CHANNEL, author: authors[0], incarnation: 0 };
        let items = vec![(Kind::Content, vec![7; PAYLOAD])];
        let written = build(feed, None, 5, Vec::new(), items, |header| keys[0].sign(Context::FeedEntry, header));
        let written = written.expect("within limits");
        let heads: Heads = (1..members).map(head).collect();
        let mut ahead = heads.clone();
        ahead.advance(feed.key(), written.head);
        Self {
            syncs: authors.map(PeerSync::new),
            spreads: [ahead, heads].map(|heads| Spread::new(CHANNEL, heads)),
            written,
            waiting: VecDeque::new(),
            now: 0,
            bytes: 0,
            frames: 0,
        }
        .connected(authors)
    }

    fn connected(mut self, authors: [Author; 2]) -> Self {
        for n in [0, 1] {
            let (spread, peer) = (self.spreads[n].clone(), authors[1 - n]);
            let shared =
                SharedGroup { id: CHANNEL, spread, peer, neighbour: true, frozen: BTreeSet::new(), activity: 0 };
            self.input(n, SyncInput::Connected { channels: Vec::new() });
            self.input(n, SyncInput::GroupAdded(shared));
        }
        self
    }

    fn is_done(&self) -> bool {
        let [one, two] = self.spreads.each_ref().map(|spread| spread.heads().len());
        one == two && self.waiting.is_empty()
    }

    fn talk(&mut self) {
        while !self.is_done() {
            if let Some((to, frame)) = self.waiting.pop_front() {
                self.input(to, SyncInput::Frame(frame));
                continue;
            }
            let due = |n: usize| self.syncs[n].next_timeout().map(|at| (at, n));
            let (at, n) = [due(0), due(1)].into_iter().flatten().min().expect("they look again");
            assert!(at < A_WHILE, "they become alike");
            self.now = at;
            self.input(n, SyncInput::Tick);
        }
    }

    fn input(&mut self, n: usize, input: SyncInput) {
        for effect in self.syncs[n].handle(input, self.now) {
            match effect {
                SyncEffect::Send(frame) => {
                    self.bytes += frame.len();
                    self.frames += 1;
                    self.waiting.push_back((1 - n, frame));
                }
                SyncEffect::Serve { feed, from, limits } => {
                    let run = assemble(self.written.entries.iter().cloned(), limits);
                    self.input(n, SyncInput::Served { feed, from, run });
                }
                SyncEffect::Deliver { feed, .. } => {
                    let head = self.written.head;
                    self.spreads[n].advance(feed.key(), head);
                    self.input(n, SyncInput::Applied { feed, head });
                }
                _ => {}
            }
        }
    }
}
