//! A group with a member who lies: what she writes, to whom she shows it, and how the others look then.

use covey_api as api;
use covey_feed::run::{self, Batch};
use covey_feed::{Author, ChannelId, EntryId, FeedId, FeedKey, Head, Kind};
use covey_pairing::crypto::sign::Context;
use covey_pairing::group::roster::{Op, Operation};

use super::super::world::World;
use super::mallory::run_frame;
use crate::engine::group::doctor;
use crate::engine::members::rosters;
use crate::engine::records::{channels, feeds};
use crate::engine::sealing::chains;
use crate::engine::wire::payload::{self, Body};
use crate::engine::{Protocol, rpc};

pub(super) const ALICE: usize = 0;

pub(super) const BOB: usize = 1;

pub(super) const CAROL: usize = 2;

pub(super) const MALLORY: usize = 3;

/// A group of alice, bob, carol and mallory, who is an admin of it and speaks for herself.
pub(super) struct Den {
    pub(super) world: World,
    pub(super) group: String,
    pub(super) channel: ChannelId,
}

/// The last entry of a batch.
pub(super) fn id(batch: &Batch) -> EntryId {
    batch.entries.last().unwrap().id()
}

impl Den {
    /// One in which Mallory is heard by nobody but through what the test shows of her, once `first` has said hello.
    pub(super) fn silenced(seed: u64, first: usize) -> Self {
        let mut den = Self::new(seed);
        den.world.say_in(first, &den.group, "hello").unwrap();
        den.world.pass(10_000, 500);
        den.world.puppet = Some(MALLORY);
        den
    }

    /// What a member reads.
    pub(super) fn texts(&mut self, member: usize) -> Vec<String> {
        self.world.texts_in(member, &self.group)
    }

    /// Shows each of these to alice in this order and to bob in the opposite order, while the two do not meet.
    pub(super) fn show_in_both_orders(&mut self, batches: &[Batch]) {
        self.world.disconnect(ALICE, BOB);
        self.world.stop(CAROL);
        for batch in batches {
            self.show(ALICE, batch);
            self.world.settle();
        }
        for batch in batches.iter().rev() {
            self.show(BOB, batch);
            self.world.settle();
        }
    }

    pub(super) fn new(seed: u64) -> Self {
        let mut world = World::new(5, seed);
        let group = world.group_of(&[ALICE, BOB, CAROL, MALLORY], "lake");
        let params = api::GroupRole {
            group: group.clone(),
            member: world.id(MALLORY),
            role: api::Role::Admin,
            ..api::GroupRole::default()
        };
        world.call(ALICE, |cx| rpc::group::role(cx, &params)).unwrap();
        world.pass(5_000, 500);
        let channel = data_encoding::HEXLOWER.decode(group.as_bytes()).unwrap();
        Self { world, group, channel: ChannelId::from_bytes(channel.try_into().unwrap()) }
    }

    pub(super) fn no(&mut self, node: usize) -> u64 {
        let id = self.channel;
        self.world.look(node, |cx| channels::by_id(cx.tx, &id).unwrap().unwrap().no)
    }

    pub(super) fn feed_of(&mut self, of: usize) -> FeedId {
        let author = Author::from_bytes(*self.world.nodes[of].me.device_id().as_bytes());
        let id = self.channel;
        let incarnation = self.world.look(of, |cx| channels::by_id(cx.tx, &id).unwrap().unwrap().incarnation);
        FeedId::new(id, FeedKey { author, incarnation })
    }

    pub(super) fn head(&mut self, node: usize, feed: FeedId) -> Option<Head> {
        let no = self.no(node);
        self.world.look(node, |cx| feeds::load(cx.tx, no, &feed.key()).unwrap().and_then(|feed| feed.head))
    }

    pub(super) fn is_frozen(&mut self, node: usize, feed: FeedId) -> bool {
        let no = self.no(node);
        self.world.look(node, |cx| feeds::load(cx.tx, no, &feed.key()).unwrap().is_some_and(|feed| feed.frozen))
    }

    pub(super) fn lamport(&mut self, node: usize) -> u64 {
        let id = self.channel;
        self.world.look(node, |cx| {
            let channel = channels::by_id(cx.tx, &id).unwrap().unwrap();
            channels::ends(cx.tx, &channel).unwrap().lamport
        })
    }

    /// Mallory's next entry after `head`, in her name or another's.
    pub(super) fn operation(&mut self, head: Option<Head>, lamport: u64, op: Op) -> Batch {
        let account = self.world.nodes[MALLORY].account();
        let no = self.no(MALLORY);
        let deps = self.world.look(MALLORY, |cx| rosters::get(cx, no).unwrap().roster.deps());
        let payload = Operation { account, at: self.world.now, deps, op }.encode().unwrap();
        self.entry(head, lamport, Kind::Control, payload)
    }

    pub(super) fn entry(&mut self, head: Option<Head>, lamport: u64, kind: Kind, payload: Vec<u8>) -> Batch {
        let feed = self.feed_of(MALLORY);
        let device = &self.world.nodes[MALLORY].me.device;
        run::build(feed, head.as_ref(), lamport, Vec::new(), vec![(kind, payload)], |header| {
            device.signing().sign(Context::FeedEntry, header)
        })
        .unwrap()
    }

    /// A feed of mallory's.
    pub(super) fn incarnation(&mut self, incarnation: u64) -> FeedId {
        let feed = self.feed_of(MALLORY);
        FeedId::new(self.channel, FeedKey { incarnation, ..feed.key() })
    }

    /// Mallory's next entry after `head` in one of her incarnations, with a body sealed for all.
    pub(super) fn content(&mut self, incarnation: u64, head: Option<Head>, lamport: u64, body: &Body) -> Batch {
        let feed = self.incarnation(incarnation);
        let id = self.channel;
        let seq = head.map_or(1, |head| head.seq + 1);
        let backlink = head.map(|head| *head.id.as_bytes());
        let aad =
            payload::associated_data(id.as_bytes(), feed.author.as_bytes(), feed.incarnation, seq, backlink.as_ref());
        let bytes = body.encode().unwrap();
        let (_, payload) = self
            .world
            .call(MALLORY, |cx| {
                let channel = channels::by_id(cx.tx, &id).unwrap().unwrap();
                chains::seal(cx, &channel, &bytes, &aad)
            })
            .unwrap();
        let device = &self.world.nodes[MALLORY].me.device;
        run::build(feed, head.as_ref(), lamport, Vec::new(), vec![(Kind::Content, payload)], |header| {
            device.signing().sign(Context::FeedEntry, header)
        })
        .unwrap()
    }

    /// Mallory shows an entry to one member; what comes of it is still on its way.
    pub(super) fn show(&mut self, to: usize, batch: &Batch) {
        let frame = run_frame(batch.feed(), &batch.run());
        self.world.replay(MALLORY, to, Protocol::Sync, frame);
    }

    pub(super) fn next(&mut self) -> (Option<Head>, u64) {
        let feed = self.feed_of(MALLORY);
        (self.head(ALICE, feed), self.lamport(ALICE))
    }

    pub(super) fn checks(&mut self, node: usize) -> Vec<String> {
        let id = self.channel;
        self.world.look(node, |cx| {
            let channel = channels::by_id(cx.tx, &id).unwrap().unwrap();
            doctor::checks(cx, &channel).unwrap().into_iter().map(|check| check.message).collect()
        })
    }

    /// What a member's doctor tells others.
    pub(super) fn report(&mut self, node: usize) -> ([u8; 32], [u8; 32]) {
        let id = self.channel;
        self.world.look(node, |cx| {
            let channel = channels::by_id(cx.tx, &id).unwrap().unwrap();
            let report = doctor::own(cx, &channel).unwrap().unwrap();
            (report.roster, report.heads)
        })
    }

    /// Roster and heads are the same on all: their doctors find no difference.
    pub(super) fn assert_alike(&mut self, members: &[usize]) {
        let reports: Vec<_> = members.iter().map(|member| self.report(*member)).collect();
        assert!(reports.windows(2).all(|two| two[0] == two[1]), "{reports:?}");
    }

    /// The members are alike and talk as ever, also after a restart of alice.
    pub(super) fn nobody_notices(&mut self, members: &[usize]) {
        let group = self.group.clone();
        for round in 0..2 {
            self.world.pass(30_000, 1_000);
            self.world.assert_alike(members, &group);
            for member in members {
                let text = format!("{round} of {member}");
                self.world.say_in(*member, &group, &text).unwrap();
                self.world.pass(5_000, 500);
                for other in members {
                    assert!(self.world.texts_in(*other, &group).contains(&text), "{other} reads {text}");
                }
            }
            if round == 0 {
                self.world.restart(ALICE);
                self.world.settle();
            }
        }
    }
}
