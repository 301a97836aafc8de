//! The virtual network: events in virtual time; frames are lost, delayed, repeated and overtake each other. A connection
//! is there only where an engine asked for it, and carries more than knocks only where both did.

mod links;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use covey_api::ApiError;
use covey_pairing::ids::AccountId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::world::{quick, quick_or_frugal};
use super::FEW;
use super::figures::Figures;
use super::node::Node;
use crate::engine::{Cx, Effect, Input, PeerKey, Protocol, clock, crowd, handle};
use crate::store::MemoryStore;

/// How the network treats frames.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    /// One in so many frames is lost; 0: none.
    pub(super) loss: u32,
    /// One in so many frames arrives twice; 0: none.
    pub(super) twice: u32,
    /// Frames of one stream overtake each other.
    pub(super) reorder: bool,
    /// Shortest and longest delay of a frame in milliseconds.
    pub(super) delay: (u64, u64),
}

impl Weather {
    /// Connections as they are on a good day.
    pub(super) const FAIR: Self = Self { loss: 0, twice: 0, reorder: false, delay: (10, 100) };
    /// And on a bad one.
    pub(super) const STORM: Self = Self { loss: 20, twice: 20, reorder: true, delay: (10, 1_000) };
}

/// When the world begins, Unix milliseconds.
pub(super) const BEGIN: u64 = 1_800_000_000_000;

enum Event {
    Input { to: usize, life: u64, input: Input },
    Frame { to: usize, life: u64, link: u64, from: usize, protocol: Protocol, frame: Vec<u8> },
    Tick { node: usize },
    Meet(usize, usize),
    Restart { node: usize },
}

pub(super) struct Network {
    pub(super) nodes: Vec<Node>,
    index: HashMap<[u8; 32], usize>,
    pub(super) now: u64,
    queue: BTreeMap<(u64, u64), Event>,
    serial: u64,
    rng: StdRng,
    pub(super) weather: Weather,
    /// Connections of each node, with the number of each.
    links: Vec<BTreeMap<usize, u64>>,
    /// Whom each node lets use everything.
    allowed: Vec<BTreeSet<usize>>,
    opened: Vec<BTreeSet<usize>>,
    /// Nodes on different sides do not reach each other.
    side: Vec<u8>,
    cards: BTreeMap<AccountId, Vec<u8>>,
    /// When the last frame of a stream arrives.
    arrivals: HashMap<(usize, usize), BTreeMap<Protocol, u64>>,
    pub(super) figures: Figures,
    /// Everything that happened, hashed: two runs of one seed are the same run.
    trace: blake3::Hasher,
    pub(super) crashes: u64,
    pub(super) steps: u64,
}

impl Network {
    pub(super) fn new(count: usize, seed: u64) -> Self {
        // The roster of many takes more room than a frugal node has for its founder.
        let policy = || if count <= FEW { quick_or_frugal(seed) } else { quick() };
        let nodes: Vec<Node> = (0..count).map(|n| Node::new(seed * 100_000 + n as u64, policy())).collect();
        let index = nodes.iter().enumerate().map(|(n, node)| (node.peer().0, n)).collect();
        let mut network = Self {
            nodes,
            index,
            now: BEGIN,
            queue: BTreeMap::new(),
            serial: 0,
            rng: StdRng::seed_from_u64(seed),
            weather: Weather::FAIR,
            links: vec![BTreeMap::new(); count],
            allowed: vec![BTreeSet::new(); count],
            opened: vec![BTreeSet::new(); count],
            side: vec![0; count],
            cards: BTreeMap::new(),
            arrivals: HashMap::new(),
            figures: Figures::default(),
            trace: blake3::Hasher::new(),
            crashes: 0,
            steps: 0,
        };
        for node in 0..count {
            network.start(node);
        }
        network
    }

    /// A number below `below`.
    pub(super) fn draw(&mut self, below: usize) -> usize {
        self.rng.random_range(0..below)
    }

    pub(super) fn trace(&self) -> [u8; 32] {
        *self.trace.finalize().as_bytes()
    }

    fn note(&mut self, from: usize, to: usize, bytes: &[u8]) {
        let at = [self.now, from as u64, to as u64].map(u64::to_be_bytes).concat();
        self.trace.update(&at);
        self.trace.update(bytes);
    }

    fn at(&mut self, at: u64, event: Event) {
        self.serial += 1;
        self.queue.insert((at, self.serial), event);
    }

    fn later(&mut self, within: usize, event: Event) {
        let at = self.now + 1 + self.draw(within) as u64;
        self.at(at, event);
    }

    fn soon(&mut self, to: usize, input: Input) {
        let life = self.nodes[to].life;
        self.at(self.now + 1, Event::Input { to, life, input });
    }

    /// Lets virtual time pass with everything that is due in it.
    pub(super) fn run_for(&mut self, millis: u64) {
        let end = self.now + millis;
        while let Some(entry) = self.queue.first_entry() {
            let (at, _) = *entry.key();
            if at > end {
                break;
            }
            let event = entry.remove();
            self.now = self.now.max(at);
            self.steps += 1;
            self.happen(event);
        }
        self.now = end;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Input { to, life, input } => {
                if self.nodes[to].life == life {
                    self.input(to, input, None);
                }
            }
            Event::Frame { to, life, link, from, protocol, frame } => {
                if self.nodes[to].life == life && self.links[from].get(&to) == Some(&link) {
                    self.note(from, to, &frame);
                    let peer = self.nodes[from].peer();
                    let [.., a, b] = from.to_be_bytes();
                    let source = Some([10, 0, a, b].into());
                    let by = (protocol == Protocol::Sync).then_some(from);
                    self.input(to, Input::Frame { peer, protocol, source, frame }, by);
                }
            }
            Event::Tick { node } => {
                if self.nodes[node].up && self.nodes[node].wake <= self.now {
                    self.nodes[node].wake = u64::MAX;
                    self.input(node, Input::Tick, None);
                }
            }
            Event::Meet(a, b) => self.meet(a, b),
            Event::Restart { node } => {
                if !self.nodes[node].up {
                    self.start(node);
                }
            }
        }
    }

    /// Starts a process on what its disk holds; whoever wants to talk to it finds it within a moment.
    pub(super) fn start(&mut self, node: usize) {
        self.nodes[node].up = true;
        self.input(node, Input::Start, None);
        self.nodes[node].policy.suspect_rollback = false;
        let [.., a, b] = node.to_be_bytes();
        self.input(node, Input::Addresses(vec![format!("/ip4/10.0.{a}.{b}/tcp/1")]), None);
        for other in 0..self.nodes.len() {
            if self.allowed[other].contains(&node) {
                self.later(500, Event::Meet(other, node));
            }
        }
    }

    /// All of `members` are in the group of the first of them, whose `ticket` it is: what they would have done for that is
    /// written into their stores, and they start on them.
    pub(super) fn crowd(&mut self, members: usize, ticket: &str) {
        let mut founder = None;
        for node in 0..members {
            self.now += 1;
            let (card, _) = self.nodes[node].transact(self.now, crowd::card).unwrap();
            match founder {
                None => founder = Some(card),
                Some(_) => {
                    let [first, others @ ..] = self.nodes.as_mut_slice() else { return };
                    first.transact(self.now, |cx| crowd::admit(cx, ticket, &others[node - 1].me, card)).unwrap();
                }
            }
        }
        let [first, others @ ..] = self.nodes.as_mut_slice() else { return };
        let card = founder.unwrap_or_default();
        for other in &mut others[..members - 1] {
            other.store.copy(&first.store, crowd::is_common);
            other.transact(self.now, |cx| crowd::settle(cx, &first.me, &card)).unwrap();
        }
        for node in 0..members {
            self.nodes[node].die();
            self.allowed[node].clear();
        }
        (0..members).for_each(|node| self.start(node));
    }

    fn input(&mut self, node: usize, input: Input, by: Option<usize>) {
        let now = self.now;
        let done = self.nodes[node].transact(now, |cx| handle(input, cx));
        let ((), effects) = done.unwrap_or_else(|error| panic!("node {node}: an input ended in an error: {error}"));
        self.committed(node, effects, by);
    }

    /// What a local client asks of a node. Answered only when it is durable; a node that is down answers nothing.
    pub(super) fn call<T>(
        &mut self,
        node: usize,
        verb: impl FnOnce(&mut Cx<'_, '_>) -> Result<T, ApiError>,
    ) -> Option<Result<T, ApiError>> {
        if !self.nodes[node].up {
            return None;
        }
        let now = self.now;
        match self.nodes[node].transact(now, verb) {
            Ok((value, effects)) => {
                self.committed(node, effects, None);
                Some(Ok(value))
            }
            Err(error) => Some(Err(error)),
        }
    }

    pub(super) fn look<T>(&mut self, node: usize, look: impl FnOnce(&mut Cx<'_, '_>) -> T) -> T {
        self.nodes[node].look(self.now, look)
    }

    fn committed(&mut self, node: usize, effects: Vec<Effect>, by: Option<usize>) {
        let mut news = false;
        for effect in effects {
            news |= matches!(effect, Effect::Journal(_) | Effect::Written(_) | Effect::Unwritten);
            self.release(node, effect);
        }
        if news {
            self.figures.hear(&mut self.nodes[node], node, self.now, by);
        }
        let it = &mut self.nodes[node];
        let wait = clock::next_wake(&it.live).saturating_sub(self.now).clamp(100, 60_000);
        if self.now + wait < it.wake {
            it.wake = self.now + wait;
            let at = it.wake;
            self.at(at, Event::Tick { node });
        }
    }

    fn release(&mut self, node: usize, effect: Effect) {
        let other = |peer: &PeerKey| self.index.get(&peer.0).copied();
        match effect {
            Effect::Send { peer, protocol, frame } => {
                if let Some(to) = other(&peer) {
                    self.send(node, to, protocol, &frame);
                }
            }
            Effect::Allow { peer, .. } => {
                if let Some(to) = other(&peer) {
                    self.allowed[node].insert(to);
                    self.connect(node, to);
                }
            }
            Effect::Revoke { peer } => {
                let Some(to) = other(&peer) else { return };
                self.allowed[node].remove(&to);
                if self.opened[node].remove(&to) {
                    self.opened[to].remove(&node);
                    let own = self.nodes[node].peer();
                    self.soon(node, Input::Closed { peer });
                    self.soon(to, Input::Closed { peer: own });
                }
                if !self.allowed[to].contains(&node) {
                    self.part(node, to);
                }
            }
            Effect::Dial { peer, .. } => {
                if let Some(to) = other(&peer) {
                    self.connect(node, to);
                }
            }
            Effect::Lookup { account, .. } => {
                let cards = self.cards.get(&account).cloned().into_iter().collect();
                self.soon(node, Input::Found { account, cards });
            }
            Effect::Publish { card, .. } => {
                let account = self.nodes[node].me.account_id();
                self.cards.insert(account, card);
            }
            Effect::Revoked | Effect::Repay { .. } | Effect::Journal(_) | Effect::Written(_) | Effect::Unwritten => {}
        }
    }

    fn send(&mut self, from: usize, to: usize, protocol: Protocol, frame: &[u8]) {
        let Some(link) = self.links[from].get(&to).copied() else { return };
        if protocol != Protocol::Pair && !self.opened[from].contains(&to) {
            return;
        }
        self.figures.sent(protocol, frame.len());
        let weather = self.weather;
        let copies = u32::from(!self.one_in(weather.loss)) + u32::from(self.one_in(weather.twice));
        for _ in 0..copies {
            let (least, most) = weather.delay;
            let mut at = self.now + self.rng.random_range(least..=most);
            let last = self.arrivals.entry((from, to)).or_default().entry(protocol).or_default();
            if !weather.reorder {
                at = at.max(*last);
                *last = at;
            }
            let life = self.nodes[to].life;
            self.at(at, Event::Frame { to, life, link, from, protocol, frame: frame.to_vec() });
        }
    }

    fn one_in(&mut self, many: u32) -> bool {
        many > 0 && self.rng.random_range(0..many) == 0
    }
}
