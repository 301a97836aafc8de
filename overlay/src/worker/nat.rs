//! Being reachable: external addresses, AutoNAT's verdicts, places on relays.

use std::collections::{HashMap, HashSet};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol, autonat, core::transport::ListenerId, kad::Mode, multiaddr::Protocol, relay,
};

use super::Worker;
use crate::{
    Config, Nat, RelayUse,
    address::{self, Scope},
    surroundings::Surroundings,
};

/// Reservations held at a time: one may go away.
const RESERVATIONS: usize = 2;
/// Relays remembered.
const RELAYS: usize = 16;
/// So many nodes, or one bootstrap peer, must have failed to dial back before this node counts as private: one may
/// lie. `[NET-NAT-VERDICT]`
const WITNESSES: usize = 3;
/// Witnesses remembered.
const MOST_WITNESSES: usize = 64;
/// Addresses told to the node.
const TOLD: usize = 16;
const HOP: StreamProtocol = StreamProtocol::new("/libp2p/circuit/relay/0.2.0/hop");

pub(super) struct Reachability {
    relay_use: RelayUse,
    is_relay: bool,
    public: bool,
    /// Nodes that failed to dial back, and what their word counts.
    failed: HashMap<PeerId, usize>,
    relays: HashMap<PeerId, Multiaddr>,
    listeners: HashMap<ListenerId, PeerId>,
    reserved: HashSet<PeerId>,
    /// Addresses that the operator named.
    configured: Vec<Multiaddr>,
}

impl Reachability {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            relay_use: config.relay_use,
            is_relay: config.relay_server,
            public: !config.external.is_empty(),
            failed: HashMap::new(),
            relays: HashMap::new(),
            listeners: HashMap::new(),
            reserved: HashSet::new(),
            configured: config.external.iter().chain(&config.bootstrap).cloned().collect(),
        }
    }

    pub(super) fn nat(&self) -> Nat {
        if self.public {
            Nat::Public
        } else if self.failed.values().sum::<usize>() >= WITNESSES {
            Nat::Private
        } else {
            Nat::Unknown
        }
    }

    pub(super) fn reservations(&self) -> Vec<PeerId> {
        self.reserved.iter().copied().collect()
    }

    fn wants_relay(&self) -> bool {
        match self.relay_use {
            RelayUse::Never => false,
            RelayUse::Always => true,
            // A place that turns out to be needless costs little.
            RelayUse::WhenPrivate => !self.public && !self.failed.is_empty(),
        }
    }
}

fn is_circuit(address: &Multiaddr) -> bool {
    address.iter().any(|p| matches!(p, Protocol::P2pCircuit))
}

impl Worker {
    pub(super) fn on_external_address(&mut self, address: &Multiaddr) {
        if !is_circuit(address) && !self.reachability.public {
            self.reachability.public = true;
            self.reachability.failed.clear();
            self.swarm.behaviour_mut().kad.set_mode(Some(Mode::Server));
        }
        self.refresh_addresses();
    }

    pub(super) fn on_external_address_lost(&mut self) {
        self.reachability.public = self.swarm.external_addresses().any(|a| !is_circuit(a));
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
            for address in &listen {
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
mod tests {
    use super::*;

    #[test]
    fn one_strange_witness_does_not_make_the_node_private_but_a_bootstrap_peer_does() {
        // [NET-NAT-VERDICT]
        let mut reachability = Reachability::new(&Config::new([1; 32]));
        assert!(reachability.nat() == Nat::Unknown && !reachability.wants_relay());
        for _ in 0..2 {
            reachability.failed.insert(PeerId::random(), 1);
            assert!(reachability.nat() == Nat::Unknown && reachability.wants_relay());
        }
        reachability.failed.insert(PeerId::random(), 1);
        assert_eq!(reachability.nat(), Nat::Private);
        reachability.failed = HashMap::from([(PeerId::random(), WITNESSES)]);
        assert_eq!(reachability.nat(), Nat::Private);
        reachability.public = true;
        assert!(reachability.nat() == Nat::Public && !reachability.wants_relay());
    }
}
