//! Finding peers: the bootstrap list, what Identify and mDNS tell, the Kademlia routing table.

use std::time::Duration;

use libp2p::{Multiaddr, PeerId, identify, kad, mdns, swarm::ConnectionId};
use tokio::time::Instant;

use super::{REJOIN, REUNITE, Worker};
use crate::{
    Backoff, Bootstrap, Config, DialError, SpawnError,
    address::{self, Scope},
    backoff::jittered,
    book::Book,
    streams::ip_of,
};

/// Upkeep that nothing else triggers.
const UPKEEP: Duration = Duration::from_secs(60);
/// How often to see who is connected through relays only.
const PUNCH: Duration = Duration::from_secs(10);
/// Peers found on the local network that are dialled to learn what they know. `[NET-MDNS-LIMIT]`
const NEIGHBOURS: usize = 32;
/// Relayed connections waiting to be closed.
const CLOSING: usize = 256;

/// Peers of the book that are dialled at a time.
const PAGE: usize = 8;
/// With so many neighbours the book is not needed.
const ENOUGH: usize = 4;

/// The pauses between looks around in the DHT. Whoever joins first knows only through whom; those who join after them are
/// met at the next look. `[NET-DHT-LOOK]`
const LOOK: Backoff = Backoff { first: Duration::from_secs(5), most: Duration::from_secs(300) };

/// Bootstrap nodes are tried out of turn no more often than this.
const HURRY: Duration = Duration::from_secs(3);

/// A relayed connection that ends if the peer then has a direct one.
struct Closing {
    at: Instant,
    peer: PeerId,
    connection: ConnectionId,
}

/// A bootstrap connection that ends so soon was refused.
const REFUSED: Duration = Duration::from_secs(2);

/// A configured bootstrap peer.
#[derive(Debug, Clone)]
pub(super) struct Seed {
    pub(super) peer: PeerId,
    addresses: Vec<Multiaddr>,
    /// Of the signed list, not of the configuration.
    listed: bool,
    connected: Option<Instant>,
    trouble: Option<String>,
}

impl Seed {
    fn new(peer: PeerId, address: Multiaddr, listed: bool) -> Self {
        Self { peer, addresses: vec![address], listed, connected: None, trouble: None }
    }

    pub(super) fn addresses(&self) -> &[Multiaddr] {
        &self.addresses
    }

    pub(super) fn status(&self, connected: bool) -> Bootstrap {
        let trouble = self.trouble.clone().filter(|_| !connected);
        Bootstrap { peer: self.peer, addresses: self.addresses.clone(), connected, trouble }
    }
}

pub(super) struct Discovery {
    bootstrap: Vec<Seed>,
    /// When to try to join again if there is nobody.
    rejoin: Instant,
    attempts: u32,
    upkeep: Instant,
    punch: Instant,
    closing: Vec<Closing>,
    hurried: Option<Instant>,
    /// Peers that were reached at some time.
    pub(super) book: Book,
    /// When to look around in the DHT, and how often that was done.
    look: Instant,
    looks: u32,
}

impl Discovery {
    pub(super) fn new(bootstrap: Vec<Seed>, book: Book, now: Instant) -> Self {
        Self {
            bootstrap,
            rejoin: now,
            attempts: 0,
            upkeep: now + UPKEEP,
            punch: now + PUNCH,
            closing: Vec::new(),
            hurried: None,
            book,
            look: now + LOOK.pause(1),
            looks: 1,
        }
    }

    pub(super) fn next(&self) -> Instant {
        let closing = self.closing.iter().map(|c| c.at).min();
        let joining = (!self.bootstrap.is_empty() || !self.book.is_empty()).then_some(self.rejoin);
        [Some(self.upkeep), Some(self.punch), Some(self.look), joining, closing]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(self.upkeep)
    }

    pub(super) fn close_later(&mut self, peer: PeerId, connection: ConnectionId, at: Instant) {
        if self.closing.len() < CLOSING {
            self.closing.push(Closing { at, peer, connection });
        }
    }

    /// Whether it is time to look around; then the next time is chosen. `[NET-DHT-LOOK]`
    fn looks_around(&mut self, now: Instant) -> bool {
        let due = self.look <= now;
        if due {
            self.looks = self.looks.saturating_add(1);
            self.look = now + LOOK.pause(self.looks);
        }
        due
    }

    /// Takes these nodes as bootstrap peers, in place of those of an older list.
    pub(super) fn set_listed(&mut self, peers: impl Iterator<Item = (PeerId, Multiaddr)>) {
        self.bootstrap.retain(|seed| !seed.listed);
        for (peer, address) in peers {
            match self.bootstrap.iter_mut().find(|seed| seed.peer == peer) {
                Some(seed) if seed.listed => seed.addresses.push(address),
                Some(_) => {}
                None => self.bootstrap.push(Seed::new(peer, address, true)),
            }
        }
    }

    pub(super) fn is_seed(&self, peer: &PeerId) -> bool {
        self.bootstrap.iter().any(|seed| seed.peer == *peer)
    }

    pub(super) fn seeds(&self) -> impl Iterator<Item = &Seed> {
        self.bootstrap.iter()
    }

    fn seed(&mut self, peer: &PeerId) -> Option<&mut Seed> {
        self.bootstrap.iter_mut().find(|seed| seed.peer == *peer)
    }

    pub(super) fn seed_connected(&mut self, peer: &PeerId, now: Instant) {
        if let Some(seed) = self.seed(peer) {
            seed.connected = Some(now);
        }
    }

    /// The last connection to a peer ended. A bootstrap peer is dialled again soon, unless it does not want this node.
    pub(super) fn seed_lost(&mut self, peer: &PeerId, now: Instant) {
        let Some(seed) = self.seed(peer) else { return };
        let refused = seed.connected.take().is_some_and(|at| now < at + REFUSED);
        let why = if refused { "it closes the connection at once" } else { "the connection was lost" };
        seed.trouble = Some(why.to_owned());
        if !refused {
            self.hurry(now);
        }
    }

    pub(super) fn seed_failed(&mut self, peer: &PeerId, error: &DialError) {
        if let Some(seed) = self.seed(peer) {
            seed.trouble = Some(error.to_string());
        }
    }

    /// Joins as soon as possible, as if it had not been tried yet.
    pub(super) fn hurry(&mut self, now: Instant) {
        let soon = self.hurried.map_or(now, |at| now.max(at + HURRY));
        self.hurried = Some(soon);
        self.rejoin = self.rejoin.min(soon);
        self.attempts = 0;
        (self.look, self.looks) = (self.look.min(soon + LOOK.pause(1)), 1);
    }
}

/// The configured peers, each with all of its addresses.
pub(super) fn bootstrap_peers(config: &Config) -> Result<Vec<Seed>, SpawnError> {
    let local = config.peer_id();
    let mut seeds: Vec<Seed> = Vec::new();
    let realm = config.realm();
    for named in config.bootstrap.iter().filter(|named| realm.has(named)) {
        let (peer, address) = address::split(named).ok_or_else(|| SpawnError::Bootstrap { address: named.clone() })?;
        match seeds.iter_mut().find(|seed| seed.peer == peer) {
            // A list shared by all nodes names the bootstrap nodes themselves too.
            _ if peer == local => {}
            Some(seed) => seed.addresses.push(address),
            None => seeds.push(Seed::new(peer, address, false)),
        }
    }
    Ok(seeds)
}

impl Worker {
    pub(super) fn tend_discovery(&mut self, now: Instant) {
        if self.discovery.rejoin <= now {
            self.join(now);
        }
        if self.discovery.looks_around(now) {
            // Err: there is nobody to ask.
            let _ = self.swarm.behaviour_mut().kad.bootstrap();
        }
        if self.discovery.upkeep <= now {
            self.discovery.upkeep = now + UPKEEP;
            self.swarm.behaviour_mut().kad.store_mut().prune();
            self.tend_reservations();
        }
        if self.discovery.punch <= now {
            self.discovery.punch = now + PUNCH;
            self.punch_again(now);
        }
        let closing = std::mem::take(&mut self.discovery.closing);
        let (due, later): (Vec<Closing>, Vec<Closing>) = closing.into_iter().partition(|c| c.at <= now);
        self.discovery.closing = later;
        for Closing { peer, connection, .. } in due {
            if self.shared.is_direct(&peer, now) {
                self.swarm.close_connection(connection);
            }
        }
    }

    /// Dials the bootstrap peers while this node is alone or none of them is in its routing table: after an outage
    /// nobody else would bring the parts of the overlay together again. If they do not help, peers of the book.
    fn join(&mut self, now: Instant) {
        let seeds = self.discovery.bootstrap.clone();
        let alone = self.shared.count().0 == 0;
        let few = self.neighbours() < ENOUGH;
        let joined = if seeds.is_empty() { !few } else { seeds.iter().any(|seed| self.knows(&seed.peer)) };
        if !alone && joined {
            self.discovery.attempts = 0;
        } else {
            self.discovery.attempts = self.discovery.attempts.saturating_add(1);
            let first = self.discovery.attempts == 1 && !seeds.is_empty();
            for Seed { peer, addresses, .. } in seeds {
                self.dial_all(peer, addresses, true);
            }
            if !first && (alone || few) {
                for (peer, address) in self.discovery.book.some(PAGE) {
                    // Written down from what somebody was at some time: no more than a hint.
                    self.dial_hint(peer, address);
                }
            }
        }
        let pauses = if alone { REJOIN } else { REUNITE };
        let pause = if self.discovery.attempts == 0 { UPKEEP } else { pauses.pause(self.discovery.attempts) };
        self.discovery.rejoin = now + jittered(pause, &mut self.rng);
    }

    /// How many peers are in the routing table.
    fn neighbours(&mut self) -> usize {
        self.swarm.behaviour_mut().kad.kbuckets().map(|bucket| bucket.num_entries()).sum()
    }

    fn knows(&mut self, peer: &PeerId) -> bool {
        let bucket = self.swarm.behaviour_mut().kad.kbucket(*peer);
        bucket.is_some_and(|bucket| bucket.iter().any(|entry| entry.node.key.preimage() == peer))
    }

    pub(super) fn is_bootstrap(&self, peer: &PeerId) -> bool {
        self.discovery.is_seed(peer)
    }

    pub(super) fn on_identify(&mut self, event: identify::Event) {
        let identify::Event::Received { peer_id, info, connection_id } = event else { return };
        let link = self.shared.link_of(&peer_id, connection_id);
        let connected = link.as_ref().map(|(at, _)| at.clone());
        let addresses = address::plausible(&info.listen_addrs, &peer_id, connected.as_ref());
        if info.protocols.contains(&self.kademlia) {
            if let Some((at, true)) = &link {
                self.discovery.book.reached(peer_id, at);
            }
            for address in &addresses {
                self.swarm.behaviour_mut().kad.add_address(&peer_id, address.clone());
            }
        } else {
            // It answers no queries, or no longer.
            self.swarm.behaviour_mut().kad.remove_peer(&peer_id);
        }
        self.shared.recognize(peer_id, &addresses);
        self.seeker.discovered(&peer_id, &addresses, Instant::now());
        // Only who was dialled is asked to dial back: of others silence says nothing.
        let internet = |at: &Multiaddr| ip_of(at).is_some() && Scope::of(at) == Some(Scope::Global);
        if link.as_ref().is_some_and(|(at, dialed)| *dialed && internet(at)) {
            self.on_internet(Instant::now());
        }
        let dialed = link.as_ref().filter(|(_, dialed)| *dialed).map(|(at, _)| at);
        self.on_observed(peer_id, &info.protocols, &info.observed_addr, dialed);
        self.ask_for_seeds(peer_id, &info.protocols);
        self.consider_relay(peer_id, &info.protocols, &addresses, link);
    }

    pub(super) fn on_mdns(&mut self, event: mdns::Event) {
        let mdns::Event::Discovered(found) = event else { return };
        let now = Instant::now();
        for (peer, address) in found {
            let address = address::bare(&address, &peer);
            self.swarm.behaviour_mut().kad.add_address(&peer, address.clone());
            self.seeker.discovered(&peer, std::slice::from_ref(&address), now);
            if !self.shared.is_connected(&peer) && self.shared.count().0 < NEIGHBOURS {
                self.dial_all(peer, vec![address], true);
            }
        }
        self.seek(now);
    }

    pub(super) fn on_kad(&mut self, event: kad::Event) {
        match event {
            kad::Event::InboundRequest {
                request: kad::InboundRequest::PutRecord { record: Some(record), source, connection },
            } => {
                use kad::store::RecordStore as _;
                // [NET-RECORD-RATE]
                if !self.shared.may_store(source, connection)
                    || self.swarm.behaviour_mut().kad.store_mut().put(record).is_err()
                {
                    tracing::debug!(%source, "record not stored");
                }
            }
            kad::Event::RoutingUpdated { is_new_peer: true, .. } => self.records.new_neighbour(Instant::now()),
            kad::Event::OutboundQueryProgressed { id, result, step, .. } => self.on_query(id, result, step.last),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_joined_looks_around_in_seconds_and_then_more_and_more_seldom() {
        // [NET-DHT-LOOK]
        let start = Instant::now();
        let mut discovery = Discovery::new(Vec::new(), Book::new(&[], &PeerId::random()), start);
        let seconds = (0..700).map(|n| start + Duration::from_secs(n));
        let looks: Vec<u64> =
            seconds.filter(|now| discovery.looks_around(*now)).map(|at| (at - start).as_secs()).collect();
        assert_eq!(looks, [5, 15, 35, 75, 155, 315, 615]);
        let moved = start + Duration::from_secs(700);
        discovery.hurry(moved);
        assert!(!discovery.looks_around(moved) && discovery.looks_around(moved + LOOK.first));
    }
}
