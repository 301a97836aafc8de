//! The virtual network: events in virtual time, links that lose, delay, reorder, repeat and break.

mod crashes;
mod links;
mod strangers;
mod weather;

use std::collections::{BTreeMap, BTreeSet};

use covey_api::ApiError;
use covey_pairing::identity::ContactCard;
use covey_pairing::ids::AccountId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tracing::debug_span;

use super::super::world::{publish, quick_or_frugal};
use super::mail::witness::Witness;
use super::node::{Crash, Ended, SimNode, Ticket, allowed};
use super::wire::Wire;
use crate::engine::wire::own_log::LogFrame;
use crate::engine::{Cx, Effect, Input, Live, PeerKey, Protocol, clock, handle};
use crate::store::{Faults, MemoryStore, Store};
use weather::Weather;

/// Networks among which the nodes are spread, as those tell them apart who limit what strangers may.
const NETWORKS: usize = 4;

enum Event {
    Input { to: usize, life: u64, input: Input },
    Frame { to: usize, life: u64, link: u64, from: usize, protocol: Protocol, frame: Vec<u8> },
    Tick { node: usize },
    Flush { node: usize, life: u64 },
    Meet(usize, usize),
    Restart { node: usize },
}

/// An old copy that takes the place of a store at the next start.
pub(super) struct OldCopy {
    pub(super) store: MemoryStore,
    /// Whether the node notices by itself.
    pub(super) noticed: bool,
}

pub(super) struct Sim {
    /// How to have this run again.
    pub(super) name: String,
    /// Events after which the network ought to have come to rest.
    pub(super) most_steps: u64,
    pub(super) nodes: Vec<SimNode>,
    pub(super) now: u64,
    queue: BTreeMap<(u64, u64), Event>,
    serial: u64,
    pub(super) rng: StdRng,
    pub(super) weather: Weather,
    /// Connections with the number of each.
    links: BTreeMap<(usize, usize), u64>,
    /// Directed: the first lets the second use everything.
    allowed: BTreeSet<(usize, usize)>,
    opened: BTreeSet<(usize, usize)>,
    pub(super) apart: BTreeSet<(usize, usize)>,
    cards: BTreeMap<AccountId, Vec<u8>>,
    /// When the last frame of a stream arrives.
    arrivals: BTreeMap<(usize, usize, Protocol), u64>,
    pub(super) wire: Wire,
    /// What is seen of mail at keepers, if that is looked at.
    pub(super) witness: Option<Witness>,
    /// Requests whose answer was given.
    pub(super) answered: BTreeSet<Ticket>,
    tickets: Ticket,
    /// Everything that happened, hashed: two runs of one seed are the same run.
    trace: blake3::Hasher,
    pub(super) crashes: u64,
    pub(super) steps: u64,
}

impl Sim {
    pub(super) fn new(count: usize, seed: u64, name: String) -> Self {
        let nodes = (0..count).map(|n| SimNode::new(seed * 1_000 + n as u64, quick_or_frugal(seed))).collect();
        let mut sim = Self {
            name,
            most_steps: 400_000,
            nodes,
            now: 1_800_000_000_000,
            queue: BTreeMap::new(),
            serial: 0,
            rng: StdRng::seed_from_u64(seed),
            weather: Weather::CALM,
            links: BTreeMap::new(),
            allowed: BTreeSet::new(),
            opened: BTreeSet::new(),
            apart: BTreeSet::new(),
            cards: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            wire: Wire::default(),
            witness: None,
            answered: BTreeSet::new(),
            tickets: 0,
            trace: blake3::Hasher::new(),
            crashes: 0,
            steps: 0,
        };
        for node in 0..count {
            sim.start(node);
        }
        sim.run_for(1_000);
        sim
    }

    pub(super) fn draw_weather(&mut self) {
        self.weather = Weather::draw(&mut self.rng);
    }

    /// A number below `below`, from the world's randomness.
    pub(super) fn draw(&mut self, below: u64) -> u64 {
        self.rng.random_range(0..below)
    }

    pub(super) fn trace(&self) -> [u8; 32] {
        *self.trace.finalize().as_bytes()
    }

    fn note(&mut self, what: &str, numbers: [u64; 2], bytes: &[u8]) {
        self.trace.update(&self.now.to_be_bytes());
        self.trace.update(what.as_bytes());
        for number in numbers {
            self.trace.update(&number.to_be_bytes());
        }
        self.trace.update(bytes);
    }

    fn at(&mut self, at: u64, event: Event) {
        self.serial += 1;
        self.queue.insert((at, self.serial), event);
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
            assert!(self.steps < self.most_steps, "{}: the network never comes to rest", self.name);
            self.happen(event);
        }
        self.now = end;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Input { to, life, input } => {
                if self.nodes[to].life == life {
                    self.input(to, input);
                }
            }
            Event::Frame { to, life, link, from, protocol, frame } => {
                if self.nodes[to].life == life && self.links.get(&pair(from, to)) == Some(&link) {
                    self.note("frame", [from as u64, to as u64], &frame);
                    if self.nodes[to].defiant && LogFrame::decode(&frame).is_some() {
                        return;
                    }
                    let peer = self.nodes[from].peer();
                    let network = u8::try_from(from % NETWORKS).unwrap();
                    let source = Some([198, 18, network, u8::try_from(from).unwrap()].into());
                    self.input(to, Input::Frame { peer, protocol, source, frame });
                }
            }
            Event::Tick { node } => {
                if self.nodes[node].up && self.nodes[node].wake <= self.now {
                    self.nodes[node].wake = u64::MAX;
                    self.input(node, Input::Tick);
                }
            }
            Event::Flush { node, life } => {
                if self.nodes[node].life == life {
                    self.flush(node);
                }
            }
            Event::Meet(a, b) => self.meet(a, b),
            Event::Restart { node } => {
                if !self.nodes[node].up && !self.nodes[node].ended {
                    self.start(node);
                }
            }
        }
    }

    /// Another machine is there, and starts.
    pub(super) fn join(&mut self, node: SimNode) -> usize {
        self.nodes.push(node);
        let node = self.nodes.len() - 1;
        self.start(node);
        node
    }

    /// Starts a process on what its disk holds.
    pub(super) fn start(&mut self, node: usize) {
        self.note("start", [node as u64, 0], &[]);
        let it = &mut self.nodes[node];
        it.up = true;
        it.live = Live::new(&it.policy);
        it.cache.borrow_mut().clear();
        if std::mem::take(&mut it.settled) {
            it.policy.suspect_rollback = false;
        }
        let life = it.life;
        self.input(node, Input::Start);
        if self.nodes[node].life == life {
            self.input(node, Input::Addresses(vec![format!("/ip4/192.0.2.{}/tcp/1", node + 1)]));
        }
        self.gather(node);
    }

    /// Everybody tries to reach a node.
    fn gather(&mut self, node: usize) {
        for other in 0..self.nodes.len() {
            let at = self.now + 1 + self.draw(500);
            self.at(at, Event::Meet(node, other));
        }
    }

    /// The process is killed; it comes back by itself after `away` milliseconds.
    pub(super) fn kill(&mut self, node: usize, away: u64) {
        self.crashes += 1;
        self.note("kill", [node as u64, away], &[]);
        self.shut_down(node);
        self.at(self.now + away, Event::Restart { node });
    }

    /// The process ends.
    pub(super) fn shut_down(&mut self, node: usize) {
        self.nodes[node].die();
        self.allowed.retain(|(from, _)| *from != node);
        for other in 0..self.nodes.len() {
            self.part(node, other);
        }
    }

    /// The process is killed and starts again on an old copy of its disk.
    pub(super) fn put_back(&mut self, node: usize, copy: OldCopy, away: u64) {
        self.kill(node, away);
        let it = &mut self.nodes[node];
        it.store = copy.store;
        it.store.set_faults(Faults::default());
        it.policy.suspect_rollback |= copy.noticed;
        it.unnoticed |= !copy.noticed;
        it.settled = false;
    }

    fn node_of(&self, peer: PeerKey) -> Option<usize> {
        self.nodes.iter().position(|node| node.peer() == peer)
    }

    fn input(&mut self, node: usize, input: Input) {
        let now = self.now;
        let _logged = debug_span!("node", node, now).entered();
        match self.nodes[node].transact(now, None, |cx| handle(input, cx)) {
            Ended::Applied(()) => self.committed(node),
            Ended::Refused(error) => {
                assert!(allowed(&error), "{}: node {node}: an input ended in an error: {error}", self.name);
                self.lost(node);
            }
            Ended::Lost => self.lost(node),
            Ended::Died => self.came_down(node),
        }
    }

    /// What a local client asks of a node. The ticket tells later whether it was answered.
    pub(super) fn call<T>(
        &mut self,
        node: usize,
        verb: impl FnOnce(&mut Cx<'_, '_>) -> Result<T, ApiError>,
    ) -> (Ticket, Option<Result<T, ApiError>>) {
        self.tickets += 1;
        let ticket = self.tickets;
        if !self.nodes[node].up {
            return (ticket, None);
        }
        let now = self.now;
        let _logged = debug_span!("node", node, now).entered();
        let answer = match self.nodes[node].transact(now, Some(ticket), verb) {
            Ended::Applied(value) => {
                self.committed(node);
                Some(Ok(value))
            }
            Ended::Refused(error) => {
                self.answered.insert(ticket);
                Some(Err(error))
            }
            Ended::Lost => {
                self.lost(node);
                None
            }
            Ended::Died => {
                self.came_down(node);
                None
            }
        };
        (ticket, answer)
    }

    fn release(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::Send { peer, protocol, frame } => self.send(node, peer, protocol, &frame),
            Effect::Allow { peer, .. } => {
                if let Some(other) = self.node_of(peer) {
                    self.allowed.insert((node, other));
                    self.connect(node, other);
                }
            }
            Effect::Revoke { peer } => {
                let Some(other) = self.node_of(peer) else { return };
                self.allowed.remove(&(node, other));
                if self.opened.remove(&(node, other)) {
                    self.opened.remove(&(other, node));
                    let own = self.nodes[node].peer();
                    self.soon(node, Input::Closed { peer });
                    self.soon(other, Input::Closed { peer: own });
                }
            }
            Effect::Dial { peer, .. } => {
                let Some(other) = self.node_of(peer) else { return };
                if self.connect(node, other) {
                    self.soon(node, Input::Connected { peer });
                }
            }
            Effect::Lookup { account, .. } => {
                let cards = self.cards.get(&account).cloned().into_iter().collect();
                self.soon(node, Input::Found { account, cards });
            }
            Effect::Publish { card, .. } => self.publish(card),
            Effect::Revoked => {
                self.nodes[node].ended = true;
                self.shut_down(node);
            }
            Effect::Repay { .. } | Effect::Journal(_) | Effect::Written(_) | Effect::Unwritten => {}
        }
    }

    fn send(&mut self, from: usize, peer: PeerKey, protocol: Protocol, frame: &[u8]) {
        let Some(to) = self.node_of(peer) else { return };
        let Some(link) = self.links.get(&pair(from, to)).copied() else { return };
        let is_open = matches!(protocol, Protocol::Pair | Protocol::Keeper) || self.opened.contains(&(from, to));
        if !is_open {
            return;
        }
        if let Some(witness) = self.witness.as_mut().filter(|_| protocol == Protocol::Keeper) {
            witness.see(&self.nodes[from], (from, to), self.now, frame);
        }
        self.wire.forgiving = self.nodes[from].unnoticed;
        let prekeys = (protocol == Protocol::Parcel).then(|| self.nodes[to].prekeys()).flatten();
        if let Err(what) = self.wire.see(&self.nodes[from].me, &self.nodes[to].me, prekeys.as_ref(), protocol, frame) {
            panic!("{}: node {from}: {what}", self.name);
        }
        let weather = self.weather;
        let copies = if one_in(&mut self.rng, weather.loss) { 0 } else { 1 };
        let copies = copies + usize::from(one_in(&mut self.rng, weather.twice));
        for _ in 0..copies {
            let mut at = self.now + 2 + self.draw(weather.delay);
            let last = self.arrivals.entry((from, to, protocol)).or_default();
            if !weather.reorder {
                at = at.max(*last);
                *last = at;
            }
            let life = self.nodes[to].life;
            self.at(at, Event::Frame { to, life, link, from, protocol, frame: frame.to_vec() });
        }
    }

    pub(super) fn publish(&mut self, card: Vec<u8>) {
        publish(&mut self.cards, card);
    }

    /// The card of an account that whoever looks it up finds.
    pub(super) fn published(&self, account: &AccountId) -> Option<ContactCard> {
        self.cards.get(account).and_then(|card| ContactCard::open(card, 0).ok())
    }
}

pub(super) fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

fn one_in(rng: &mut StdRng, many: u32) -> bool {
    many > 0 && rng.random_range(0..many) == 0
}
