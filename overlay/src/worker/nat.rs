//! Being reachable: external addresses and AutoNAT's verdicts.
//!
//! AutoNAT tells for certain only that a node *can* be reached. That it cannot is often told by silence: a router that
//! drops what it did not ask for lets the attempt time out, and the test with it. So a node that is connected to the
//! internet and was not found to be reachable within some seconds takes places on relays ([`super::relays`]), and gives
//! them back if it turns out to be reachable after all. What counts as found is the business of [`crate::proofs`].

mod proving;

use std::{collections::HashMap, net::IpAddr, time::Duration};

use libp2p::{Multiaddr, PeerId, kad::Mode};
use tokio::time::Instant;

use super::{Worker, outward::Outward, relays::Relays};
use crate::{
    Config, Nat, RelayUse,
    address::{self, Scope, is_circuit},
    proofs::Proofs,
    streams::ip_of,
    surroundings::Surroundings,
    swarm::prober,
};

/// So many nodes, or one bootstrap peer, must have failed to dial back before this node counts as private: one may
/// lie. `[NET-NAT-VERDICT]`
const WITNESSES: usize = 3;
/// Without a word for this long after its first connection to the internet a node takes places on relays. One that can be
/// reached is told so after some 5.5 s and gives them back: a needless place costs little, a late one makes people wait.
/// `[NET-NAT-SILENCE]`
const DOUBT: Duration = Duration::from_secs(3);
/// Without a word for this long it says that it cannot be reached. `[NET-NAT-SILENCE]`
const VERDICT: Duration = Duration::from_secs(30);
/// A connection that is given up in this time after an own address was lost was lost with it.
const MOVING: Duration = Duration::from_secs(30);
/// Addresses told to the node.
const TOLD: usize = 16;
/// Circuits of one relay among them.
const TOLD_PER_RELAY: usize = 3;

pub(super) struct Reachability {
    relay_use: RelayUse,
    /// Queries of the DHT, if others can reach it.
    answers: bool,
    /// An address that reaches from the internet is confirmed or configured.
    public: bool,
    /// An address of this machine or a private network is confirmed.
    local: bool,
    /// When this node was first connected to the internet, while it is not known to be reachable from there.
    online: Option<Instant>,
    /// What follows from not hearing anything.
    silence: Silence,
    /// When an own address was last lost.
    moved: Option<Instant>,
    /// Nodes that failed to dial back, and what their word counts.
    failed: HashMap<PeerId, usize>,
    /// What others reached.
    proofs: Proofs,
    /// Nodes that can be asked to dial back, and where they are.
    servers: HashMap<PeerId, Multiaddr>,
    /// Somebody sees this node at a port at which it listens.
    ports_kept: bool,
    /// Whether the network lets this node out to any port.
    pub(super) outward: Outward,
    /// When somebody last saw this node elsewhere than where it is proven to be.
    strange: Option<Instant>,
    /// The relays, and the places on them.
    pub(super) relays: Relays,
    /// Addresses that the operator named, of this node and of others.
    configured: Vec<Multiaddr>,
    /// Addresses at which this node is reached, as the operator says.
    configured_external: Vec<Multiaddr>,
}

/// How long nothing was heard of being reachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Silence {
    Short,
    /// [`DOUBT`]
    Doubt,
    /// [`VERDICT`]
    Verdict,
}

impl Reachability {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            relay_use: config.relay_use,
            answers: config.answers,
            public: config.external.iter().any(is_global),
            local: false,
            online: None,
            silence: Silence::Short,
            moved: None,
            failed: HashMap::new(),
            proofs: Proofs::default(),
            servers: HashMap::new(),
            ports_kept: false,
            outward: Outward::default(),
            strange: None,
            relays: Relays::new(config.relay_server),
            configured: config.external.iter().chain(&config.bootstrap).cloned().collect(),
            configured_external: config.external.clone(),
        }
    }

    pub(super) fn nat(&self) -> Nat {
        if self.public {
            Nat::Public
        } else if self.failed.values().sum::<usize>() >= WITNESSES || self.silence == Silence::Verdict {
            Nat::Private
        } else if self.local {
            Nat::Local
        } else {
            Nat::Unknown
        }
    }

    /// Others see this node at a port at which it listens.
    pub(super) fn ports_kept(&self) -> bool {
        self.ports_kept
    }

    pub(super) fn wants_relay(&self) -> bool {
        match self.relay_use {
            RelayUse::Never => false,
            RelayUse::Always => true,
            // A place that turns out to be needless costs little.
            RelayUse::WhenPrivate => !self.public && (!self.failed.is_empty() || self.silence > Silence::Short),
        }
    }

    /// This node is connected to the internet: from now on silence means something. True the first time.
    fn on_internet(&mut self, now: Instant) -> bool {
        let first = self.online.is_none();
        self.online.get_or_insert(now);
        first
    }

    fn answers_queries(&self) -> bool {
        self.answers && (self.public || self.relays.is_relay() || self.online.is_none())
    }

    /// When something is due.
    pub(super) fn next(&self) -> Option<Instant> {
        [self.next_verdict(), self.proofs.next(), self.relays.next()].into_iter().flatten().min()
    }

    /// When silence comes to mean more.
    fn next_verdict(&self) -> Option<Instant> {
        // Who runs a relay says that it can be reached; and others come to it, so nobody is asked to dial back.
        let online = self.online.filter(|_| !self.public && !self.relays.is_relay())?;
        match self.silence {
            Silence::Short => Some(online + DOUBT),
            Silence::Doubt => Some(online + VERDICT),
            Silence::Verdict => None,
        }
    }

    /// There is reason to test again what was proven.
    pub(super) fn doubt(&mut self, now: Instant) {
        self.proofs.doubt(now);
    }

    fn start_over(&mut self) {
        self.public = self.configured_external.iter().any(is_global);
        self.local = false;
        self.failed.clear();
        self.proofs.clear();
        self.servers.clear();
        self.ports_kept = false;
        self.outward = Outward::default();
        (self.online, self.silence) = (None, Silence::Short);
    }

    /// True when silence has just come to mean more than before.
    fn listen(&mut self, now: Instant) -> bool {
        let due = self.next_verdict().is_some_and(|at| at <= now);
        if due {
            self.silence = if self.silence == Silence::Short { Silence::Doubt } else { Silence::Verdict };
        }
        due
    }
}

/// An address by which this machine talks to others: not loopback, link-local or a circuit.
fn is_of_network(address: &Multiaddr) -> bool {
    let link_local = match ip_of(address) {
        Some(IpAddr::V4(ip)) => ip.is_link_local(),
        Some(IpAddr::V6(ip)) => ip.is_unicast_link_local(),
        None => return false,
    };
    !link_local && Scope::of(address) > Some(Scope::Loopback)
}

/// Of a relay's listen addresses those that its users should name in their circuits: the ones that reach farthest,
/// and none if the operator named better ones.
fn announced_by_relay<'a>(listen: &'a [Multiaddr], external: &[Multiaddr]) -> Vec<&'a Multiaddr> {
    if !external.is_empty() {
        return Vec::new();
    }
    let direct = || listen.iter().filter(|address| ip_of(address).is_some());
    let farthest = direct().filter_map(Scope::of).max();
    direct().filter(|address| Scope::of(address) == farthest).collect()
}

/// A direct address that can be reached from the internet. What a neighbour confirms of loopback or a private network says
/// nothing about that. `[NET-NAT-SCOPE]`
pub(super) fn is_global(address: &Multiaddr) -> bool {
    !is_circuit(address) && Scope::of(address) == Some(Scope::Global)
}

/// What the node is told of its addresses: confirmed ones first, then circuits, then where it listens.
fn told(external: &[Multiaddr], circuits: &[Multiaddr], listen: &[Multiaddr], local: &PeerId) -> Vec<Multiaddr> {
    let beyond_loopback = listen.iter().any(|a| Scope::of(a) > Some(Scope::Loopback));
    // An address of a link means nothing to others, for it lacks the interface.
    let useful = |a: &&Multiaddr| !beyond_loopback || is_of_network(a);
    let mut by_relay: HashMap<PeerId, usize> = HashMap::new();
    let mut few = |circuit: &&Multiaddr| {
        address::relay_of(circuit).is_some_and(|relay| {
            let told = by_relay.entry(relay).or_default();
            *told += 1;
            *told <= TOLD_PER_RELAY
        })
    };
    let direct = external.iter().filter(|a| !is_circuit(a));
    let all =
        direct.chain(circuits.iter().filter(|c| few(c))).chain(listen.iter().filter(|a| !is_circuit(a)).filter(useful));
    let mut told: Vec<Multiaddr> = Vec::new();
    for address in all.map(|a| address::full(a, local)) {
        if told.len() < TOLD && !told.contains(&address) {
            told.push(address);
        }
    }
    told
}

impl Worker {
    /// A node on the internet answered.
    pub(super) fn on_internet(&mut self, now: Instant) {
        if self.reachability.on_internet(now) {
            self.choose_role();
        }
    }

    pub(super) fn on_external_address(&mut self, address: &Multiaddr) {
        self.reachability.local |= !is_circuit(address) && !is_global(address);
        if is_global(address) && !self.reachability.public {
            self.reachability.public = true;
            self.reachability.failed.clear();
            self.reachability.silence = Silence::Short;
            self.choose_role();
            self.give_back_reservations();
        }
        if !is_circuit(address) {
            // Identify tells by itself of addresses to listen on only.
            let connected: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
            self.swarm.behaviour_mut().identify.push(connected);
        }
        self.refresh_addresses();
    }

    pub(super) fn on_external_address_lost(&mut self) {
        let was_public = self.reachability.public;
        self.reachability.public = self.swarm.external_addresses().any(is_global);
        self.reachability.local = self.swarm.external_addresses().any(|a| !is_circuit(a) && !is_global(a));
        if was_public && !self.reachability.public {
            // From here on silence counts again.
            (self.reachability.online, self.reachability.silence) = (Some(Instant::now()), Silence::Short);
            self.choose_role();
        }
        self.refresh_addresses();
    }

    /// What silence has come to mean. `[NET-NAT-SILENCE]`
    pub(super) fn tend_reachability(&mut self, now: Instant) {
        self.tend_proofs(now);
        if self.reachability.relays.is_due(now) {
            self.tend_reservations();
        }
        if self.reachability.listen(now) {
            self.tend_reservations();
            self.try_other_ports();
        }
    }

    /// Who is on the internet and not proven to be reachable there answers no queries: others would dial it in vain, or by
    /// relays, hundreds at a time. A relay stays, for through it all others find each other; and so does a node on a
    /// network without the internet. `[NET-DHT-ROLE]`
    fn choose_role(&mut self) {
        let mode = if self.reachability.answers_queries() { Mode::Server } else { Mode::Client };
        self.swarm.behaviour_mut().kad.set_mode(Some(mode));
    }

    /// An address at which this node listens has come up.
    pub(super) fn on_listening(&mut self, address: &Multiaddr) {
        self.refresh_addresses();
        if is_of_network(address) {
            self.on_moved();
        }
    }

    /// An address at which this node listened is gone.
    pub(super) fn on_address_gone(&mut self, address: &Multiaddr) {
        self.refresh_addresses();
        if is_of_network(address) {
            self.reachability.moved = Some(Instant::now());
            self.on_moved();
        }
    }

    /// A connection was given up. Soon after an own address was lost, this means that the node is somewhere else: what
    /// was found out about being reachable is void.
    pub(super) fn on_given_up(&mut self, now: Instant) {
        if self.reachability.moved.take_if(|at| now < *at + MOVING).is_none() {
            return;
        }
        let found: Vec<Multiaddr> = self.swarm.external_addresses().filter(|a| !is_circuit(a)).cloned().collect();
        for address in found.iter().filter(|address| !self.reachability.configured_external.contains(address)) {
            self.swarm.remove_external_address(address);
        }
        self.reachability.start_over();
        let behaviours = self.swarm.behaviour_mut();
        behaviours.autonat_client.restart(prober(), &[]);
        if let Some(gateway) = behaviours.upnp.as_mut() {
            gateway.search_anew();
        }
        self.choose_role();
        self.refresh_addresses();
    }

    /// Tells the node under which addresses it can be reached, if that has changed.
    pub(super) fn refresh_addresses(&mut self) {
        let local = *self.swarm.local_peer_id();
        let listen: Vec<Multiaddr> = self.swarm.listeners().cloned().collect();
        self.shared.set_surroundings(Surroundings::new(&listen, &self.reachability.configured));
        let needs_no_proof = self.needs_no_proof();
        self.swarm.behaviour_mut().autonat_client.close(needs_no_proof);
        if self.reachability.relays.is_relay() {
            // Who runs a relay says that it can be reached; without addresses it could give out no places.
            for address in announced_by_relay(&listen, &self.reachability.configured_external) {
                if !self.swarm.external_addresses().any(|a| a == address) {
                    self.swarm.add_external_address(address.clone());
                }
            }
        }
        let external: Vec<Multiaddr> = self.swarm.external_addresses().cloned().collect();
        let circuits = external.iter().chain(&listen).filter(|a| is_circuit(a));
        // What a relay says of its own addresses is as good as what anybody says.
        let circuits: Vec<Multiaddr> = circuits.filter(|a| self.shared.is_placed_well(a)).cloned().collect();
        self.announcer.addresses(told(&external, &circuits, &listen, &local));
    }
}

#[cfg(test)]
mod tests;
