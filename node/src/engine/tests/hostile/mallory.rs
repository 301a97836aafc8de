//! Mallory: paired with alice like anybody else, with the keys of her own engine and none of its manners.

use std::collections::BTreeMap;

use covey_feed::run::{self, Batch};
use covey_feed::{Author, ChannelId, FeedId, FeedKey, Head, Kind};
use covey_pairing::crypto::sign::Context;
use covey_pairing::ids::DeviceId;
use covey_pairing::{envelope, parcel};
use serde::Serialize;
use serde_bytes::ByteBuf;

use super::super::world::World;
use crate::engine::records::{self, channels, devices, feeds};
use crate::engine::wire::payload::{self, Body, Sealed};
use crate::engine::{Protocol, sealing};

pub(super) const ALICE: usize = 0;

pub(super) const BOB: usize = 1;

pub(super) const MALLORY: usize = 2;

/// Type of a frame with a run.
const RUN: u8 = 3;

/// What a control message or a parcel is on the wire.
#[derive(Serialize)]
pub(super) enum Content {
    #[serde(rename = "c")]
    Card(ByteBuf),
    #[serde(rename = "s")]
    Session(ByteBuf),
}

/// Alice's network with a contact who lies.
pub(super) struct Lair {
    pub(super) world: World,
    pub(super) channel: ChannelId,
    /// Where mallory's feed stands as alice has it.
    pub(super) head: Option<Head>,
    pub(super) lamport: u64,
    written: u64,
    parcels: u64,
}

impl Lair {
    /// Alice is paired with bob and with mallory; all three talked.
    pub(super) fn new(seed: u64) -> Self {
        let mut world = World::new(3, seed);
        world.pair(ALICE, BOB);
        world.pair(ALICE, MALLORY);
        world.write(MALLORY, ALICE, "hello").unwrap();
        world.settle();
        world.write(ALICE, MALLORY, "hello yourself").unwrap();
        world.write(ALICE, BOB, "for bob").unwrap();
        world.settle();
        world.pass(120_000, 5_000);
        let channel = world.channel(ALICE, MALLORY);
        world.puppet = Some(MALLORY);
        world.heard.clear();
        let mut lair = Self { world, channel, head: None, lamport: 0, written: 1, parcels: 1_000_000 };
        lair.head = lair.head_at_alice(lair.feed(0));
        lair.lamport = lair.lamport_at_alice();
        lair
    }

    pub(super) fn feed(&self, incarnation: u64) -> FeedId {
        let author = Author::from_bytes(*self.world.nodes[MALLORY].me.device_id().as_bytes());
        FeedId::new(self.channel, FeedKey { author, incarnation })
    }

    pub(super) fn head_at_alice(&mut self, feed: FeedId) -> Option<Head> {
        self.world.look(ALICE, |cx| {
            let channel = channels::by_id(cx.tx, &feed.channel).unwrap().unwrap();
            feeds::load(cx.tx, channel.no, &feed.key()).unwrap().and_then(|feed| feed.head)
        })
    }

    fn lamport_at_alice(&mut self) -> u64 {
        let id = self.channel;
        self.world.look(ALICE, |cx| {
            let channel = channels::by_id(cx.tx, &id).unwrap().unwrap();
            channels::ends(cx.tx, &channel).unwrap().lamport
        })
    }

    /// The texts of the conversation with mallory as alice sees it.
    pub(super) fn shown(&mut self) -> Vec<String> {
        self.world.texts(ALICE, MALLORY)
    }

    /// Mallory's next entries with these payloads, signed like any others.
    pub(super) fn batch(&self, items: Vec<(Kind, Vec<u8>)>) -> Batch {
        self.batch_at(self.feed(0), self.head.as_ref(), self.lamport, items)
    }

    pub(super) fn batch_at(
        &self,
        feed: FeedId,
        head: Option<&Head>,
        lamport: u64,
        items: Vec<(Kind, Vec<u8>)>,
    ) -> Batch {
        let device = &self.world.nodes[MALLORY].me.device;
        run::build(feed, head, lamport, Vec::new(), items, |header| device.signing().sign(Context::FeedEntry, header))
            .unwrap()
    }

    /// Sends entries; whether alice's head is theirs afterwards.
    pub(super) fn push(&mut self, batch: &Batch) -> bool {
        let frame = run_frame(batch.feed(), &batch.run());
        self.world.say(ALICE, Protocol::Sync, frame);
        let last = batch.entries.last().unwrap();
        let taken = self.head_at_alice(batch.feed()).is_some_and(|head| head.id == last.id());
        if taken && batch.feed() == self.feed(0) {
            self.head = Some(last.head());
            self.lamport = self.lamport.max(last.lamport());
        }
        taken
    }

    /// One entry with this payload.
    pub(super) fn push_payload(&mut self, payload: Vec<u8>) -> bool {
        let batch = self.batch(vec![(Kind::Content, payload)]);
        self.push(&batch)
    }

    /// A payload as it ought to be, around these bytes in place of a body.
    pub(super) fn sealed(&mut self, body: &[u8], change: impl FnOnce(&mut Sealed)) -> Vec<u8> {
        let (feed, head) = (self.feed(0), self.head);
        let seq = head.map_or(1, |head| head.seq + 1);
        let aad = payload::associated_data(
            feed.channel.as_bytes(),
            feed.author.as_bytes(),
            feed.incarnation,
            seq,
            head.map(|head| *head.id.as_bytes()).as_ref(),
        );
        let alice = self.world.nodes[ALICE].account();
        let mut sealed = self
            .world
            .call(MALLORY, |cx| {
                let (key, ciphertext) = envelope::seal_body(body, &aad, cx.rng).unwrap();
                let wraps = sealing::sessions::wrap_for_contact(cx, &alice, key.expose(), &aad).unwrap();
                Ok(Sealed { commitment: Some(envelope::commitment(&key)), ciphertext, wraps })
            })
            .unwrap();
        change(&mut sealed);
        sealed.encode().unwrap()
    }

    pub(super) fn push_body(&mut self, body: &Body) -> bool {
        let payload = self.sealed(&body.encode().unwrap(), |_| ());
        self.push_payload(payload)
    }

    /// A parcel of mallory's device for alice's.
    pub(super) fn parcel(&mut self, content: &Content) {
        let sealed = self.seal_parcel(MALLORY, content);
        self.send_sealed(sealed);
    }

    pub(super) fn seal_parcel(&mut self, from: usize, content: &Content) -> Vec<u8> {
        let bytes = covey_codec::encode(&(1u8, content)).unwrap();
        let alice = self.world.nodes[ALICE].me.device.keys();
        let device = self.world.nodes[from].me.device.clone();
        let sealed = self.world.call(from, |cx| {
            Ok(parcel::seal(device.dh(), &alice.dh, None, &prologue(&alice.id), &bytes, cx.rng).unwrap())
        });
        sealed.unwrap()
    }

    pub(super) fn send_sealed(&mut self, sealed: Vec<u8>) {
        self.parcels += 1;
        let frame =
            covey_codec::encode(&(1u8, BTreeMap::from([("p", (self.parcels, ByteBuf::from(sealed)))]))).unwrap();
        self.world.say(ALICE, Protocol::Parcel, frame);
    }

    /// A control message of mallory's device, inside its session with alice's.
    pub(super) fn control(&mut self, control: &impl Serialize) {
        let plaintext = covey_codec::encode(&(1u8, control)).unwrap();
        let (account, device) = (self.world.nodes[ALICE].account(), self.world.nodes[ALICE].me.device_id());
        let envelope = self
            .world
            .call(MALLORY, |cx| {
                let device = devices::device(cx.tx, &account, &device).unwrap().unwrap();
                Ok(sealing::sessions::seal(
                    cx,
                    records::sessions::Scope::Pair,
                    &account,
                    &device,
                    &plaintext,
                    b"covey control v1\0",
                    false,
                )
                .unwrap()
                .unwrap())
            })
            .unwrap();
        self.parcel(&Content::Session(ByteBuf::from(envelope)));
    }

    /// Parcels other than acknowledgements that alice sent since the last look.
    pub(super) fn parcels_heard(&mut self) -> usize {
        let heard = std::mem::take(&mut self.world.heard);
        // An acknowledgement is a few bytes, a sealed parcel hundreds.
        heard.iter().filter(|(protocol, frame)| *protocol == Protocol::Parcel && frame.len() > 64).count()
    }

    /// Alice and bob talk as ever, now and after a restart of alice, and alice keeps little of mallory in memory.
    pub(super) fn nobody_else_notices(&mut self) {
        let shown = self.shown();
        for round in 0..2 {
            for (from, to) in [(ALICE, BOB), (BOB, ALICE)] {
                self.written += 1;
                self.world.write(from, to, &format!("{} of {from}", self.written)).unwrap();
                self.world.settle();
            }
            assert_eq!(self.world.texts(ALICE, BOB), self.world.texts(BOB, ALICE));
            assert_eq!(self.world.texts(BOB, ALICE).len() as u64, self.written);
            assert_eq!(self.shown(), shown, "round {round}");
            let live = &self.world.nodes[ALICE].live;
            assert!(
                live.contacts.len() <= 2
                    && live.waiting.is_empty()
                    && live.hints.len() <= 2
                    && live.penalties.len() <= 1
            );
            if round == 0 {
                self.world.restart(ALICE);
                self.world.settle();
                self.world.pass(60_000, 5_000);
            }
        }
    }
}

/// A frame with a run of a feed.
pub(super) fn run_frame(feed: FeedId, run: &impl Serialize) -> Vec<u8> {
    covey_codec::encode(&(1u8, RUN, ((feed.channel, feed.author, feed.incarnation), run))).unwrap()
}

pub(super) fn prologue(to: &DeviceId) -> Vec<u8> {
    [b"covey parcel v1\0".as_slice(), to.as_bytes()].concat()
}
