//! A virtual network of engines. Everything is driven by one seed and one clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use covey_api::ApiError;
use covey_pairing::identity::{ContactCard, LogOrder};
use covey_pairing::ids::AccountId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::node::Node;
use crate::engine::check::{self, Findings};
use crate::engine::wire::own_log::LogFrame;
use crate::engine::{Cx, Effect, Input, PeerKey, Policy, Protocol, Quota, handle};
use crate::store::Reader;

/// What is on its way between two nodes.
enum Flight {
    Input(usize, Input),
}

/// A frame that was sent: from, to, protocol, bytes.
pub(super) type Sent = (usize, usize, Protocol, Vec<u8>);

/// Nodes and the network between them.
pub(super) struct World {
    pub(super) nodes: Vec<Node>,
    pub(super) now: u64,
    flights: VecDeque<Flight>,
    /// Directed: the first lets the second use everything.
    allowed: BTreeSet<(usize, usize)>,
    connected: BTreeSet<(usize, usize)>,
    opened: BTreeSet<(usize, usize)>,
    /// A node whose streams open after all that was on its way to it has come.
    pub(super) slow: Option<usize>,
    openings: VecDeque<Flight>,
    pub(super) cards: BTreeMap<AccountId, Vec<u8>>,
    /// Frames of these protocols are lost.
    pub(super) drop: BTreeSet<Protocol>,
    /// One in so many frames is lost; 0: none.
    pub(super) loss: u32,
    /// Nodes that take no notice of being revoked.
    pub(super) defiant: BTreeSet<usize>,
    /// A node whose engine hears nothing any more: a test speaks for it.
    pub(super) puppet: Option<usize>,
    /// What the puppet was sent.
    pub(super) heard: Vec<(Protocol, Vec<u8>)>,
    /// How far a node's clock is off, in milliseconds.
    pub(super) skew: BTreeMap<usize, i64>,
    /// Where nodes that moved are. While there are any, others connect only to an address where somebody is.
    moved: BTreeMap<usize, String>,
    /// Every frame that is sent, if a test wants them: from, to, protocol, frame.
    pub(super) record: Option<Vec<Sent>>,
    rng: StdRng,
}

impl World {
    pub(super) fn new(count: usize, seed: u64) -> Self {
        Self::with_policies(&vec![quick(); count], seed)
    }

    pub(super) fn with_policies(policies: &[Policy], seed: u64) -> Self {
        println!("seed {seed}");
        let nodes = policies.iter().enumerate();
        let nodes = nodes.map(|(n, policy)| Node::new(seed * 1_000 + n as u64, policy.clone())).collect();
        let mut world = Self {
            nodes,
            now: 1_800_000_000_000,
            flights: VecDeque::new(),
            allowed: BTreeSet::new(),
            connected: BTreeSet::new(),
            opened: BTreeSet::new(),
            slow: (seed % 3 == 2).then_some(0),
            openings: VecDeque::new(),
            cards: BTreeMap::new(),
            drop: BTreeSet::new(),
            loss: 0,
            defiant: BTreeSet::new(),
            puppet: None,
            heard: Vec::new(),
            skew: BTreeMap::new(),
            moved: BTreeMap::new(),
            record: None,
            rng: StdRng::seed_from_u64(seed),
        };
        for node in 0..policies.len() {
            world.start(node);
        }
        world.settle();
        world
    }

    /// Another node comes.
    pub(super) fn join(&mut self, node: Node) {
        self.nodes.push(node);
        self.start(self.nodes.len() - 1);
    }

    fn start(&mut self, node: usize) {
        self.input(node, Input::Start);
        self.input(node, Input::Addresses(vec![self.address(node)]));
    }

    fn address(&self, node: usize) -> String {
        self.moved.get(&node).cloned().unwrap_or_else(|| format!("/ip4/192.0.2.{}/tcp/1", node + 1))
    }

    /// A node has another address from now on: its connections break, and it is where it was no more.
    pub(super) fn relocate(&mut self, node: usize, address: &str) {
        self.moved.insert(node, address.to_owned());
        for other in (0..self.nodes.len()).filter(|other| self.is_connected(node, *other)).collect::<Vec<_>>() {
            self.disconnect(node, other);
        }
        if self.nodes[node].up {
            self.input(node, Input::Addresses(vec![address.to_owned()]));
        }
    }

    /// Whether one of these addresses leads to a node.
    fn leads(&self, addresses: &[String], node: usize) -> bool {
        self.moved.is_empty() || addresses.contains(&self.address(node))
    }

    fn now_at(&self, node: usize) -> u64 {
        self.now.saturating_add_signed(self.skew.get(&node).copied().unwrap_or(0))
    }

    /// The process is killed and started again: memory and connections are gone, the store stays.
    pub(super) fn restart(&mut self, node: usize) {
        self.stop(node);
        self.nodes[node].up = true;
        self.nodes[node].forget();
        self.start(node);
    }

    /// The process is killed.
    pub(super) fn stop(&mut self, node: usize) {
        self.nodes[node].up = false;
        self.nodes[node].cache.borrow_mut().clear();
        self.flights.retain(|Flight::Input(to, _)| *to != node);
        self.openings.retain(|Flight::Input(to, _)| *to != node);
        self.allowed.retain(|(from, _)| *from != node);
        let peers: Vec<usize> = (0..self.nodes.len()).filter(|other| self.is_connected(node, *other)).collect();
        for other in peers {
            self.disconnect(node, other);
        }
    }

    /// The connection between two nodes breaks; what is on its way is lost.
    pub(super) fn disconnect(&mut self, a: usize, b: usize) {
        self.connected.remove(&pair(a, b));
        self.opened.retain(|(x, y)| pair(*x, *y) != pair(a, b));
        let peers = [self.nodes[a].peer(), self.nodes[b].peer()];
        let between = |to: usize, peer| to == a && peer == peers[1] || to == b && peer == peers[0];
        self.flights
            .retain(|flight| !matches!(flight, Flight::Input(to, Input::Frame { peer, .. }) if between(*to, *peer)));
        self.openings
            .retain(|flight| !matches!(flight, Flight::Input(to, Input::Opened { peer }) if between(*to, *peer)));
        self.fly(a, Input::Disconnected { peer: peers[1] });
        self.fly(b, Input::Disconnected { peer: peers[0] });
    }

    fn is_connected(&self, a: usize, b: usize) -> bool {
        self.connected.contains(&pair(a, b))
    }

    fn fly(&mut self, to: usize, input: Input) {
        self.flights.push_back(Flight::Input(to, input));
    }

    fn input(&mut self, node: usize, input: Input) {
        if !self.nodes[node].up {
            return;
        }
        let now = self.now_at(node);
        let ((), effects) = self.nodes[node].transact(now, |cx| handle(input, cx)).unwrap();
        self.apply(node, effects);
    }

    /// What a local client asks of a node.
    pub(super) fn call<T>(
        &mut self,
        node: usize,
        verb: impl FnOnce(&mut Cx<'_, '_>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let now = self.now_at(node);
        let (value, effects) = self.nodes[node].transact(now, verb)?;
        self.apply(node, effects);
        Ok(value)
    }

    /// A look into a node that leaves no trace.
    pub(super) fn look<T>(&mut self, node: usize, look: impl FnOnce(&mut Cx<'_, '_>) -> T) -> T {
        let now = self.now_at(node);
        self.nodes[node].look(now, look)
    }

    /// What `covey db verify` says of a node.
    pub(super) fn verify(&self, node: usize) -> Findings {
        let node = &self.nodes[node];
        let rows = u64::try_from(node.store.rows().len()).unwrap();
        check::verify(&Reader::new(&node.store, &node.vault), rows, &mut |_, _, _| {}).unwrap()
    }

    fn node_of(&self, peer: PeerKey) -> Option<usize> {
        self.nodes.iter().position(|node| node.peer() == peer)
    }

    fn apply(&mut self, node: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send { peer, protocol, frame } => self.send(node, peer, protocol, frame),
                Effect::Allow { peer, addresses } => {
                    if let Some(other) = self.node_of(peer) {
                        self.allowed.insert((node, other));
                        if self.is_connected(node, other) || self.leads(&addresses, other) {
                            self.connect(node, other);
                        }
                    }
                }
                Effect::Revoke { peer } => {
                    if let Some(other) = self.node_of(peer) {
                        self.allowed.remove(&(node, other));
                        self.opened.retain(|(x, y)| pair(*x, *y) != pair(node, other));
                        let (a, b) = (self.nodes[node].peer(), peer);
                        self.fly(node, Input::Closed { peer: b });
                        self.fly(other, Input::Closed { peer: a });
                    }
                }
                Effect::Dial { peer, addresses } => {
                    if let Some(other) = self.node_of(peer).filter(|other| self.leads(&addresses, *other)) {
                        self.connect(node, other);
                        if self.is_connected(node, other) {
                            self.fly(node, Input::Connected { peer });
                        }
                    }
                }
                Effect::Lookup { account, .. } => {
                    let cards = self.cards.get(&account).cloned().into_iter().collect();
                    self.fly(node, Input::Found { account, cards });
                }
                Effect::Publish { card, .. } => publish(&mut self.cards, card),
                Effect::Revoked => self.nodes[node].up = false,
                Effect::Repay { .. } | Effect::Journal(_) | Effect::Written(_) | Effect::Unwritten => {}
            }
        }
    }

    /// Connects two nodes if both are up, and opens what both allow.
    pub(super) fn connect(&mut self, a: usize, b: usize) {
        if a == b || !self.nodes[a].up || !self.nodes[b].up {
            return;
        }
        let peers = [self.nodes[a].peer(), self.nodes[b].peer()];
        if self.connected.insert(pair(a, b)) {
            for (from, to, peer) in [(a, b, peers[1]), (b, a, peers[0])] {
                if self.allowed.contains(&(from, to)) {
                    self.fly(from, Input::Connected { peer });
                }
            }
        }
        for (from, to, peer) in [(a, b, peers[1]), (b, a, peers[0])] {
            let mutual = self.allowed.contains(&(from, to)) && self.allowed.contains(&(to, from));
            if mutual && self.opened.insert((from, to)) {
                self.fly(from, Input::Connected { peer });
                let flights = if self.slow == Some(from) { &mut self.openings } else { &mut self.flights };
                flights.push_back(Flight::Input(from, Input::Opened { peer }));
            }
        }
    }

    fn send(&mut self, from: usize, peer: PeerKey, protocol: Protocol, frame: Vec<u8>) {
        let Some(to) = self.node_of(peer) else { return };
        let lost = self.loss > 0 && self.rng.random_range(0..self.loss) == 0;
        let open = matches!(protocol, Protocol::Pair | Protocol::Keeper)
            || (self.allowed.contains(&(from, to)) && self.allowed.contains(&(to, from)));
        if !self.is_connected(from, to) || !open || lost || self.drop.contains(&protocol) {
            return;
        }
        if let Some(record) = &mut self.record {
            record.push((from, to, protocol, frame.clone()));
        }
        self.replay(from, to, protocol, frame);
    }

    /// A frame arrives at `to` over its connection with `from`, whoever made it.
    pub(super) fn replay(&mut self, from: usize, to: usize, protocol: Protocol, frame: Vec<u8>) {
        let peer = self.nodes[from].peer();
        let source = Some([192, 0, 2, 1].into());
        self.fly(to, Input::Frame { peer, protocol, source, frame });
    }

    /// The puppet says something to a node.
    pub(super) fn say(&mut self, to: usize, protocol: Protocol, frame: Vec<u8>) {
        let from = self.puppet.unwrap();
        let peer = self.nodes[to].peer();
        self.send(from, peer, protocol, frame);
        self.settle();
    }

    /// Delivers what is on its way until nothing is.
    pub(super) fn settle(&mut self) {
        assert!(self.deliver(200_000) < 200_000, "the network never comes to rest");
    }

    /// Delivers so much of what is on its way; how much there was.
    pub(super) fn deliver(&mut self, most: usize) -> usize {
        for step in 0..most {
            let next = self.flights.pop_front().or_else(|| self.openings.pop_front());
            let Some(Flight::Input(to, input)) = next else { return step };
            match input {
                Input::Frame { protocol, frame, .. } if self.puppet == Some(to) => self.heard.push((protocol, frame)),
                Input::Frame { frame, .. } if self.defiant.contains(&to) && LogFrame::decode(&frame).is_some() => {}
                input => self.input(to, input),
            }
        }
        most
    }

    /// Lets time pass in steps of `step` milliseconds, with what becomes due in each.
    pub(super) fn pass(&mut self, millis: u64, step: u64) {
        for _ in 0..millis.div_ceil(step) {
            self.now += step;
            for node in 0..self.nodes.len() {
                if self.puppet != Some(node) {
                    self.input(node, Input::Tick);
                }
            }
            self.settle();
        }
    }
}

/// A place in the DHT, as far as readers choose: of the cards of an account the one counts whose key log outranks, then the newest.
pub(super) fn publish(cards: &mut BTreeMap<AccountId, Vec<u8>>, card: Vec<u8>) {
    let Ok(new) = ContactCard::open(&card, 0) else { return };
    let known = cards.get(&new.account()).and_then(|known| ContactCard::open(known, 0).ok());
    let is_news = known.is_none_or(|known| match new.log().compare(known.log()) {
        Ok(LogOrder::Same) => new.content().sequence > known.content().sequence,
        Ok(order) => order.outranks(),
        Err(_) => false,
    });
    if is_news {
        cards.insert(new.account(), card);
    }
}

/// Work on invites costs nothing in tests, and neighbours are not counted.
pub(super) fn quick() -> Policy {
    let mut policy = Policy { work_bits: 0, ..Policy::default() };
    policy.strangers.work_bits = 0;
    policy.strangers.per_source_per_hour = 1_000;
    policy
}

/// For every fifth seed: others are soon read more slowly than they write.
pub(super) fn quick_or_frugal(seed: u64) -> Policy {
    let mut policy = quick();
    if seed % 5 == 2 {
        policy.quota = Quota { burst: 32 << 10, per_second: 4 << 10 };
    }
    policy
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}
