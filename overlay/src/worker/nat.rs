//! Being reachable: external addresses, AutoNAT's verdicts, places on relays.
//!
//! AutoNAT tells for certain only that a node *can* be reached. That it cannot is often told by silence: a router that
//! drops what it did not ask for lets the attempt time out, and the test with it. So a node that is connected to the
//! internet and was not found to be reachable within some seconds takes places on relays, and gives them back if it
//! turns out to be reachable after all.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    time::Duration,
};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol, autonat, core::transport::ListenerId, kad::Mode, multiaddr::Protocol, relay,
};
use tokio::time::Instant;

use super::Worker;
use crate::{
    Config, Nat, RelayUse,
    address::{self, Scope},
    streams::ip_of,
    surroundings::Surroundings,
    swarm::prober,
};

/// Reservations held at a time: one may go away.
const RESERVATIONS: usize = 2;
/// Relays remembered.
const RELAYS: usize = 16;
/// So many nodes, or one bootstrap peer, must have failed to dial back before this node counts as private: one may
/// lie. `[NET-NAT-VERDICT]`
const WITNESSES: usize = 3;
/// A node that can be reached is told so within 5.5 s of its first connection to the internet. Without a word for this
/// long it takes places on relays. `[NET-NAT-SILENCE]`
const DOUBT: Duration = Duration::from_secs(12);
/// Without a word for this long it says that it cannot be reached. `[NET-NAT-SILENCE]`
const VERDICT: Duration = Duration::from_secs(30);
/// A connection that is given up in this time after an own address was lost was lost with it.
const MOVING: Duration = Duration::from_secs(30);
/// Witnesses remembered.
const MOST_WITNESSES: usize = 64;
/// Addresses told to the node.
const TOLD: usize = 16;
const HOP: StreamProtocol = StreamProtocol::new("/libp2p/circuit/relay/0.2.0/hop");

pub(super) struct Reachability {
    relay_use: RelayUse,
    is_relay: bool,
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
    relays: HashMap<PeerId, Multiaddr>,
    listeners: HashMap<ListenerId, PeerId>,
    reserved: HashSet<PeerId>,
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
            is_relay: config.relay_server,
            public: config.external.iter().any(is_global),
            local: false,
            online: None,
            silence: Silence::Short,
            moved: None,
            failed: HashMap::new(),
            relays: HashMap::new(),
            listeners: HashMap::new(),
            reserved: HashSet::new(),
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

    pub(super) fn reservations(&self) -> Vec<PeerId> {
        self.reserved.iter().copied().collect()
    }

    pub(super) fn relays(&self) -> usize {
        self.relays.len()
    }

    pub(super) fn is_relay(&self) -> bool {
        self.is_relay
    }

    fn wants_relay(&self) -> bool {
        match self.relay_use {
            RelayUse::Never => false,
            RelayUse::Always => true,
            // A place that turns out to be needless costs little.
            RelayUse::WhenPrivate => !self.public && (!self.failed.is_empty() || self.silence > Silence::Short),
        }
    }

    /// This node is connected to the internet: from now on silence means something.
    pub(super) fn on_internet(&mut self, now: Instant) {
        self.online.get_or_insert(now);
    }

    pub(super) fn next(&self) -> Option<Instant> {
        let online = self.online.filter(|_| !self.public)?;
        match self.silence {
            Silence::Short => Some(online + DOUBT),
            Silence::Doubt => Some(online + VERDICT),
            Silence::Verdict => None,
        }
    }

    fn start_over(&mut self) {
        self.public = self.configured_external.iter().any(is_global);
        self.local = false;
        self.failed.clear();
        (self.online, self.silence) = (None, Silence::Short);
    }

    /// True when silence has just come to mean more than before.
    fn listen(&mut self, now: Instant) -> bool {
        let due = self.next().is_some_and(|at| at <= now);
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
fn is_global(address: &Multiaddr) -> bool {
    !is_circuit(address) && Scope::of(address) == Some(Scope::Global)
}

fn is_circuit(address: &Multiaddr) -> bool {
    address.iter().any(|p| matches!(p, Protocol::P2pCircuit))
}

impl Worker {
    pub(super) fn on_external_address(&mut self, address: &Multiaddr) {
        self.reachability.local |= !is_circuit(address) && !is_global(address);
        if is_global(address) && !self.reachability.public {
            self.reachability.public = true;
            self.reachability.failed.clear();
            self.reachability.silence = Silence::Short;
            self.swarm.behaviour_mut().kad.set_mode(Some(Mode::Server));
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
        self.reachability.public = self.swarm.external_addresses().any(is_global);
        self.reachability.local = self.swarm.external_addresses().any(|a| !is_circuit(a) && !is_global(a));
        self.refresh_addresses();
    }

    /// What silence has come to mean. `[NET-NAT-SILENCE]`
    pub(super) fn tend_reachability(&mut self, now: Instant) {
        if self.reachability.listen(now) {
            if self.reachability.nat() == Nat::Private {
                self.swarm.behaviour_mut().kad.set_mode(Some(Mode::Client));
            }
            self.tend_reservations();
        }
    }

    /// Others need the places more than a node that is reachable.
    fn give_back_reservations(&mut self) {
        if !self.reachability.wants_relay() {
            let listeners: Vec<ListenerId> = self.reachability.listeners.keys().copied().collect();
            for listener in listeners {
                self.swarm.remove_listener(listener);
            }
        }
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
        behaviours.autonat_client.restart(prober());
        behaviours.kad.set_mode(Some(Mode::Server));
        self.refresh_addresses();
    }

    /// A node tried to dial back.
    pub(super) fn on_probed(&mut self, event: &autonat::v2::client::Event) {
        // On a network of one machine or one house nobody needs to be reachable from outside.
        let global = Scope::of(&event.tested_addr) == Some(Scope::Global);
        if event.result.is_ok() || !global || self.reachability.public {
            return;
        }
        if self.reachability.failed.len() < MOST_WITNESSES {
            let weight = if self.is_bootstrap(&event.server) { WITNESSES } else { 1 };
            self.reachability.failed.insert(event.server, weight);
        }
        if self.reachability.nat() == Nat::Private {
            self.swarm.behaviour_mut().kad.set_mode(Some(Mode::Client));
        }
        self.tend_reservations();
    }

    /// Remembers a relay and reserves a place if one is needed.
    pub(super) fn consider_relay(
        &mut self,
        peer: PeerId,
        protocols: &[StreamProtocol],
        addresses: &[Multiaddr],
        connected: Option<Multiaddr>,
    ) {
        if !protocols.contains(&HOP) || self.reachability.relays.len() >= RELAYS {
            return;
        }
        let address = addresses.first().cloned().or(connected).filter(|a| !is_circuit(a));
        if let Some(address) = address {
            self.reachability.relays.insert(peer, address);
            self.tend_reservations();
        }
    }

    pub(super) fn tend_reservations(&mut self) {
        if !self.reachability.wants_relay() {
            return;
        }
        let taken: HashSet<PeerId> = self.reachability.listeners.values().copied().collect();
        let free: Vec<(PeerId, Multiaddr)> = self
            .reachability
            .relays
            .iter()
            .filter(|(relay, _)| !taken.contains(relay))
            .take(RESERVATIONS.saturating_sub(taken.len()))
            .map(|(relay, address)| (*relay, address.clone()))
            .collect();
        for (relay, address) in free {
            let circuit = address::full(&address, &relay).with(Protocol::P2pCircuit);
            match self.swarm.listen_on(circuit) {
                Ok(listener) => {
                    self.reachability.listeners.insert(listener, relay);
                }
                Err(error) => tracing::debug!(%relay, %error, "no place on the relay"),
            }
        }
    }

    pub(super) fn on_relay(&mut self, event: &relay::client::Event) {
        if let relay::client::Event::ReservationReqAccepted { relay_peer_id, .. } = event {
            self.reachability.reserved.insert(*relay_peer_id);
        }
    }

    pub(super) fn on_listener_closed(&mut self, listener: ListenerId) {
        if let Some(relay) = self.reachability.listeners.remove(&listener) {
            self.reachability.reserved.remove(&relay);
            // Others first, this one again when it is met again.
            self.reachability.relays.remove(&relay);
        }
        self.refresh_addresses();
    }

    /// Tells the node under which addresses it can be reached, if that has changed.
    pub(super) fn refresh_addresses(&mut self) {
        let local = *self.swarm.local_peer_id();
        let listen: Vec<Multiaddr> = self.swarm.listeners().cloned().collect();
        self.shared.set_surroundings(Surroundings::new(&listen, &self.reachability.configured));
        if self.reachability.is_relay {
            // Who runs a relay says that it can be reached; without addresses it could give out no places.
            for address in announced_by_relay(&listen, &self.reachability.configured_external) {
                if !self.swarm.external_addresses().any(|a| a == address) {
                    self.swarm.add_external_address(address.clone());
                }
            }
        }
        let mut addresses: Vec<Multiaddr> = self.swarm.external_addresses().cloned().collect();
        addresses.sort_by_key(is_circuit);
        let beyond_loopback = listen.iter().any(|a| Scope::of(a) > Some(Scope::Loopback));
        addresses.extend(listen.into_iter().filter(|a| !beyond_loopback || Scope::of(a) > Some(Scope::Loopback)));
        let mut told: Vec<Multiaddr> = Vec::new();
        for address in addresses.iter().map(|a| address::full(a, &local)) {
            if told.len() < TOLD && !told.contains(&address) {
                told.push(address);
            }
        }
        self.announcer.addresses(told);
    }
}

#[cfg(test)]
mod tests;
