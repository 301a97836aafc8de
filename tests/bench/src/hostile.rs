//! A group of ten thousand in which a reader writes operations as fast as the others take them, beside the same group in
//! peace: what texts wait for, what a start takes and what stays in memory.

use std::time::Duration;

use covey_feed::{
    Author, ChannelId, FeedId, Head, Kind,
    run::{self, Batch, RunLimits, assemble},
};
use covey_node::engine::{Input, PeerKey, Protocol};
use covey_pairing::{
    crypto::sign::Context,
    group::roster::{Op, Operation},
};
use serde_bytes::ByteBuf;

use crate::{
    engine::{Group, Joiner},
    measure::{Bench, allocated, median, memory, timed},
};

/// Neighbours that are connected; the reader's operations come by the first.
const CONNECTED: usize = 4;
/// Operations of a frame, and frames of a step at most.
const OPERATIONS: usize = 64;
const FRAMES: usize = 4;
/// A step, in milliseconds, and how many there are; in every fourth a text is sent.
const STEP: u64 = 250;
const STEPS: u64 = 2_400;
const TEXT_EVERY: u64 = 4;
/// Who takes a frame of operations writes at least so many bytes.
const TAKEN: usize = 4_096;
/// Type of a frame with a run.
const RUN: u8 = 3;

pub fn run(bench: &Bench) {
    let row = format!("a reader floods {}", bench.members);
    if !row.contains(&bench.only) {
        return;
    }
    let mut group = Group::new(2_000_001);
    let reader = Joiner::new(2_000_002);
    group.admit_reader(&reader);
    (2..bench.members).for_each(|n| group.admit(Joiner::new(n as u64)));
    let neighbour = start(&mut group).1;
    group.say();
    group.hand_out();

    let quiet = median(waits(&mut group, None));
    let (quiet_start, neighbour_now) = start(&mut group);
    assert_eq!(neighbour, neighbour_now, "the neighbours are those of before");
    let (before, held, stored) = (memory(), allocated(), group.node.stored());
    let mut flood = Flood::new(&group, reader, neighbour);
    let flooded = median(waits(&mut group, Some(&mut flood)));
    let (flooded_start, _) = start(&mut group);
    let grown = memory().saturating_sub(before);
    let (held, stored) = (allocated().saturating_sub(held), group.node.stored().saturating_sub(stored));

    println!(
        "{row:<34} {flooded:>8.2} µs   in peace {quiet:.2} µs: {:.2}x   {} operations taken, {} frames refused",
        flooded / quiet,
        flood.taken * OPERATIONS,
        flood.refused
    );
    println!("    a start takes {flooded_start:.2?}, in peace {quiet_start:.2?}");
    let mib = |bytes: u64| bytes >> 20;
    println!(
        "    {} MiB more resident; {} MiB more in use, {} MiB of them the rows of the store: {} MiB are the engine's",
        mib(grown),
        mib(held),
        mib(stored),
        mib(held.saturating_sub(stored))
    );
}

/// What a start takes, and whom it finds.
fn start(group: &mut Group) -> (Duration, PeerKey) {
    let took = timed(|| group.node.restart());
    (took, group.connect(CONNECTED)[0])
}

/// From sending a text to its being stored and on its way, in microseconds each. The engine has one thread: what comes while
/// it works waits, by a clock of its own that goes on by what its work takes.
fn waits(group: &mut Group, mut flood: Option<&mut Flood>) -> Vec<f64> {
    let (mut free, mut waits) = (Duration::ZERO, Vec::new());
    for step in 0..STEPS {
        let now = Duration::from_millis(step * STEP);
        free = free.max(now) + timed(|| group.node.tick(STEP));
        if let Some(flood) = &mut flood {
            free += timed(|| flood.step(group));
        }
        if step % TEXT_EVERY == 0 {
            // At another moment of the step each time.
            let sent = now + Duration::from_millis(step * 37 % STEP);
            free = free.max(sent) + timed(|| _ = group.say());
            waits.push((free - sent).as_secs_f64() * 1e6);
        }
    }
    waits
}

/// What the reader writes: operations that name nothing that came before, in turns without any right to them and of a kind
/// that everybody may write.
struct Flood {
    reader: Joiner,
    neighbour: PeerKey,
    feed: FeedId,
    head: Option<Head>,
    lamport: u64,
    batch: Option<Batch>,
    taken: usize,
    refused: usize,
}

impl Flood {
    fn new(group: &Group, reader: Joiner, neighbour: PeerKey) -> Self {
        let author = Author::from_bytes(*reader.me.device_id().as_bytes());
        let feed = FeedId { channel: channel(group), author, incarnation: 1 };
        let (head, lamport) = (None, 2 * group.members() as u64);
        Self { reader, neighbour, feed, head, lamport, batch: None, taken: 0, refused: 0 }
    }

    fn step(&mut self, group: &mut Group) {
        for _ in 0..FRAMES {
            let batch = self.batch.take().unwrap_or_else(|| self.write(group.node.now));
            let run = assemble(batch.entries.iter().cloned(), RunLimits::default()).expect("entries");
            let key = (self.feed.channel, self.feed.author, self.feed.incarnation);
            let frame = covey_codec::encode(&(1u8, RUN, (key, run))).expect("within limits");
            let input = Input::Frame { peer: self.neighbour, protocol: Protocol::Sync, source: None, frame };
            let written = group.node.input_writes(input);
            if written < TAKEN {
                self.refused += 1;
                self.batch = Some(batch);
                return;
            }
            self.taken += 1;
            let last = batch.entries.last().expect("not empty");
            (self.head, self.lamport) = (Some(last.head()), last.lamport());
        }
    }

    fn write(&self, now: u64) -> Batch {
        let account = self.reader.me.account_id();
        let item = |number: usize| {
            let op = match self.taken % 2 {
                0 => Op::Rename { name: format!("mine {number}") },
                _ => Op::Devices { card: ByteBuf::from(self.reader.card.clone()) },
            };
            (Kind::Control, Operation { account, at: now, deps: Vec::new(), op }.encode().expect("within limits"))
        };
        let items = (0..OPERATIONS).map(item).collect();
        let sign = |header: &[u8]| self.reader.me.device.signing().sign(Context::FeedEntry, header);
        run::build(self.feed, self.head.as_ref(), self.lamport, Vec::new(), items, sign).expect("within limits")
    }
}

fn channel(group: &Group) -> ChannelId {
    let mut id = [0; 32];
    for (byte, digits) in id.iter_mut().zip(group.id.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).expect("hexadecimal"), 16).expect("hexadecimal");
    }
    ChannelId::from_bytes(id)
}
