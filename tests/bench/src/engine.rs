//! A whole engine on a store in memory: the founder of a group of any size.

use std::{collections::BTreeMap, sync::Arc};

use covey_api as api;
use covey_node::{
    engine::{Cx, Effect, Input, Live, Me, PeerKey, Policy, crowd, handle, rpc},
    store::{MemoryStore, Span, Store, Tx},
    vault::Vault,
};
use covey_pairing::{crypto::secret::Secret, identity::AccountSecret};
use rand::{SeedableRng, rngs::StdRng};

use crate::measure::allocated;

/// Rows read at a time.
const ROWS: usize = 1_024;
/// The clock at the beginning.
const BEGIN: u64 = 1_800_000_000_000;

/// An engine and what it stands on.
pub struct Node {
    pub me: Arc<Me>,
    policy: Policy,
    live: Live,
    store: MemoryStore,
    vault: Vault,
    rng: StdRng,
    pub now: u64,
}

/// What a transaction left behind.
pub struct Done<T> {
    pub value: T,
    pub effects: Vec<Effect>,
    /// Bytes written.
    pub written: usize,
}

impl Node {
    pub fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let vault = Vault::new(&Secret::new([7; 32]));
        let mut store = MemoryStore::default();
        let mut tx = Tx::new(&store, &vault);
        let me = Me::create(&mut tx, AccountSecret::generate(&mut rng), 1, &mut rng).expect("an empty store");
        let batch = tx.into_batch(&mut rng).expect("encodes");
        store.apply(batch).expect("memory");
        let policy = Policy::default();
        let live = Live::new(&policy);
        Self { me: Arc::new(me), policy, live, store, vault, rng, now: BEGIN }
    }

    /// One transaction, as the engine's thread runs it.
    pub fn run<T, E: std::fmt::Debug>(&mut self, run: impl FnOnce(&mut Cx<'_, '_>) -> Result<T, E>) -> Done<T> {
        let mut tx = Tx::new(&self.store, &self.vault);
        let mut cx = Cx::new(&self.me, &self.policy, &mut self.live, &mut tx, self.now, &mut self.rng);
        let value = run(&mut cx).expect("nothing speaks against it");
        covey_node::engine::settle(&mut cx).expect("memory");
        let effects = std::mem::take(&mut cx.effects);
        let batch = tx.into_batch(&mut self.rng).expect("encodes");
        let written = batch.bytes();
        self.store.apply(batch).expect("memory");
        self.store.flush().expect("memory");
        Done { value, effects, written }
    }

    pub fn input(&mut self, input: Input) -> Vec<Effect> {
        self.run(|cx| handle(input, cx)).effects
    }

    /// Bytes that the input made it write.
    pub fn input_writes(&mut self, input: Input) -> usize {
        self.run(|cx| handle(input, cx)).written
    }

    /// What the rows of the store take in memory: as much as a copy of them.
    pub fn stored(&self) -> u64 {
        let before = allocated();
        let (mut copy, mut span) = (BTreeMap::<Vec<u8>, Arc<[u8]>>::new(), Span::all());
        loop {
            let rows = self.store.scan(&span, ROWS, false).expect("memory");
            let Some((last, _)) = rows.last() else { break };
            span.from = [last.as_slice(), &[0]].concat();
            copy.extend(rows.into_iter().map(|(key, value)| (key, Arc::from(value))));
        }
        allocated().saturating_sub(before)
    }

    /// Ends and starts again: everything is read from the store.
    pub fn restart(&mut self) {
        self.live = Live::new(&self.policy);
        self.input(Input::Start);
    }

    /// `milliseconds` later.
    pub fn tick(&mut self, milliseconds: u64) {
        self.now += milliseconds;
        self.input(Input::Tick);
    }
}

/// Somebody who joins.
pub struct Joiner {
    pub me: Arc<Me>,
    pub card: Vec<u8>,
}

impl Joiner {
    pub fn new(seed: u64) -> Self {
        let mut node = Node::new(seed);
        let card = node.run(crowd::card).value;
        Self { me: node.me, card }
    }
}

/// A group as its founder's node has it.
pub struct Group {
    pub node: Node,
    pub id: String,
    ticket: String,
    pub joined: Vec<Arc<Me>>,
}

impl Group {
    /// Of the founder alone.
    pub fn new(seed: u64) -> Self {
        let mut node = Node::new(seed);
        node.input(Input::Start);
        let create = api::GroupCreate { name: "bench".into(), ..api::GroupCreate::default() };
        let id = node.run(|cx| rpc::group::create(cx, &create)).value.group;
        let ticket = api::GroupTicket { group: id.clone(), ..api::GroupTicket::default() };
        let ticket = node.run(|cx| rpc::group::ticket(cx, &ticket)).value.ticket;
        Self { node, id, ticket, joined: Vec::new() }
    }

    pub fn members(&self) -> usize {
        1 + self.joined.len()
    }

    pub fn admit(&mut self, joiner: Joiner) {
        self.node.now += 1;
        let Joiner { me, card } = joiner;
        self.node.run(|cx| crowd::admit(cx, &self.ticket, &me, card));
        self.joined.push(me);
    }

    /// Lets somebody in who may only read.
    pub fn admit_reader(&mut self, reader: &Joiner) {
        let (group, role) = (self.id.clone(), Some(api::Role::Reader));
        let ticket = api::GroupTicket { group, role, ..api::GroupTicket::default() };
        let ticket = self.node.run(|cx| rpc::group::ticket(cx, &ticket)).value.ticket;
        self.node.run(|cx| crowd::admit(cx, &ticket, &reader.me, reader.card.clone()));
    }

    /// Sends a text; bytes sent to others and bytes stored.
    pub fn say(&mut self) -> (usize, usize) {
        self.node.now += 1;
        let text = "x".repeat(100);
        let params = api::MessageSend { to: self.id.clone(), text, ..api::MessageSend::default() };
        let done = self.node.run(|cx| rpc::message::send(cx, params));
        let frames = done.effects.iter().map(|effect| match effect {
            Effect::Send { frame, .. } => frame.len(),
            _ => 0,
        });
        (frames.sum(), done.written)
    }

    /// Removes the member that came last, so that the next text begins with another key.
    pub fn remove(&mut self) {
        let member = self.joined.pop().expect("not alone").account_id().to_string();
        let params = api::GroupRemove { group: self.id.clone(), member, client_id: None };
        self.node.run(|cx| rpc::group::remove(cx, &params));
    }

    /// Time passes until everybody was given our key.
    pub fn hand_out(&mut self) {
        for _ in 0..self.members().div_ceil(64) + 1 {
            self.node.tick(200);
        }
    }

    /// Some of the neighbours connect, after a start.
    pub fn connect(&mut self, count: usize) -> Vec<PeerKey> {
        let neighbours = self.node.input(Input::Start).into_iter().filter_map(|effect| match effect {
            Effect::Allow { peer, .. } => Some(peer),
            _ => None,
        });
        let neighbours: Vec<PeerKey> = neighbours.take(count).collect();
        assert_eq!(neighbours.len(), count, "there are enough");
        for &peer in &neighbours {
            self.node.input(Input::Connected { peer });
            self.node.input(Input::Opened { peer });
        }
        neighbours
    }
}
