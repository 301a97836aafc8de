//! Being reachable: external addresses and AutoNAT's verdicts.
//!
//! AutoNAT tells for certain only that a node *can* be reached. That it cannot is often told by silence: a router that
//! drops what it did not ask for lets the attempt time out, and the test with it. So a node that is connected to the
//! internet and was not found to be reachable within some seconds takes places on relays ([`super::relays`]), and gives
//! them back if it turns out to be reachable after all. What counts as found is the business of [`crate::proofs`].

use std::{collections::HashMap, net::IpAddr, time::Duration};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol, autonat,
    kad::Mode,
    swarm::dial_opts::{DialOpts, PeerCondition},
};
use tokio::time::Instant;

use super::{Worker, relays::Relays};
use crate::{
    Config, Nat, RelayUse,
    address::{self, Scope, is_circuit},
    proofs::{Group, Proofs},
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
/// Witnesses remembered.
const MOST_WITNESSES: usize = 64;
/// Nodes remembered that can be asked to dial back.
const SERVERS: usize = 32;
/// Own addresses of the internet that are tried without anybody having seen them.
const OWN: usize = 4;
/// Nodes that are asked at a time whether a proven address still holds.
const ASKED: usize = 2;
/// Another address than the proven ones is a reason to test these again, but no more often than this: who reports it may lie.
const STRANGE: Duration = Duration::from_secs(60);
/// Addresses told to the node.
const TOLD: usize = 16;
/// Circuits of one relay among them.
const TOLD_PER_RELAY: usize = 3;
const DIAL_BACK: StreamProtocol = StreamProtocol::new("/libp2p/autonat/2/dial-request");

pub(super) struct Reachability {
    relay_use: RelayUse,
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
            public: config.external.iter().any(is_global),
            local: false,
            online: None,
            silence: Silence::Short,
            moved: None,
            failed: HashMap::new(),
            proofs: Proofs::default(),
            servers: HashMap::new(),
            ports_kept: false,
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

    /// This node is connected to the internet: from now on silence means something.
    pub(super) fn on_internet(&mut self, now: Instant) {
        self.online.get_or_insert(now);
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
        let was_public = self.reachability.public;
        self.reachability.public = self.swarm.external_addresses().any(is_global);
        self.reachability.local = self.swarm.external_addresses().any(|a| !is_circuit(a) && !is_global(a));
        if was_public && !self.reachability.public {
            // From here on silence counts again.
            (self.reachability.online, self.reachability.silence) = (Some(Instant::now()), Silence::Short);
        }
        self.refresh_addresses();
    }

    /// Tests again what was proven. `[NET-NAT-PROOF]`
    fn tend_proofs(&mut self, now: Instant) {
        let Some(addresses) = self.reachability.proofs.due(now) else { return };
        self.withdraw_unproven(now);
        self.swarm.behaviour_mut().autonat_client.restart(prober(), &addresses);
        // New connections: on those that exist libp2p does not find out again who can be asked.
        let fresh = |at: &Multiaddr| Group::of(at).is_some_and(|group| !self.reachability.proofs.heard_from(group));
        let mut servers: Vec<(bool, bool, PeerId, Multiaddr)> = self
            .reachability
            .servers
            .iter()
            .map(|(peer, at)| (self.is_bootstrap(peer), fresh(at), *peer, at.clone()))
            .collect();
        servers.sort_by_key(|(bootstrap, fresh, ..)| (!bootstrap, !fresh));
        for (_, _, peer, address) in servers.into_iter().take(ASKED) {
            let options = DialOpts::peer_id(peer).addresses(vec![address]).condition(PeerCondition::Always).build();
            if let Err(error) = self.swarm.dial(options) {
                tracing::debug!(%peer, %error, "not asked to dial back");
            }
        }
    }

    /// Addresses whose proof is over are told to nobody any more.
    fn withdraw_unproven(&mut self, now: Instant) {
        let reachability = &self.reachability;
        let stays = |address: &Multiaddr| {
            is_circuit(address)
                || !is_global(address)
                || reachability.configured_external.contains(address)
                || reachability.relays.is_relay()
                || reachability.proofs.holds(address, now)
        };
        let over: Vec<Multiaddr> = self.swarm.external_addresses().filter(|a| !stays(a)).cloned().collect();
        for address in &over {
            tracing::info!("others no longer reach this node at one of its addresses");
            self.swarm.remove_external_address(address);
        }
        if !over.is_empty() {
            self.on_external_address_lost();
        }
    }

    /// Somebody tells at which address they see this node.
    pub(super) fn on_observed(
        &mut self,
        peer: PeerId,
        protocols: &[StreamProtocol],
        observed: &Multiaddr,
        dialed: Option<&Multiaddr>,
    ) {
        let now = Instant::now();
        if let Some(at) = dialed.filter(|at| is_global(at) && protocols.contains(&DIAL_BACK)) {
            let servers = &mut self.reachability.servers;
            if servers.len() < SERVERS || servers.contains_key(&peer) || self.discovery.is_seed(&peer) {
                servers.insert(peer, at.clone());
            }
        }
        if dialed.is_some_and(is_global) {
            self.offer_own_addresses();
        }
        let Some(ip) = ip_of(observed).filter(|_| is_global(observed)) else { return };
        // Hole punching may be by another transport than the one by which this peer is connected.
        let listen: Vec<Multiaddr> = self.swarm.listeners().cloned().collect();
        self.reachability.ports_kept |= keeps_port(observed, &listen);
        for sibling in siblings(observed, &listen) {
            self.swarm.behaviour_mut().dcutr.offer(&sibling);
        }
        let elsewhere = {
            let mut known = self.swarm.external_addresses().filter(|a| is_global(a)).filter_map(ip_of).peekable();
            known.peek().is_some() && !known.any(|own| own == ip || own.is_ipv4() != ip.is_ipv4())
        };
        if elsewhere && self.reachability.strange.is_none_or(|at| at + STRANGE <= now) {
            self.reachability.strange = Some(now);
            self.reachability.proofs.doubt(now);
        }
    }

    /// Addresses of the internet that this machine has are tried, also those by which nobody is connected yet: of two
    /// families one may be open.
    fn offer_own_addresses(&mut self) {
        let own: Vec<Multiaddr> = self.swarm.listeners().filter(|at| is_global(at)).take(OWN).cloned().collect();
        for address in own {
            self.swarm.behaviour_mut().autonat_client.offer_once(&address);
        }
    }

    /// What silence has come to mean. `[NET-NAT-SILENCE]`
    pub(super) fn tend_reachability(&mut self, now: Instant) {
        self.tend_proofs(now);
        if self.reachability.relays.is_due(now) {
            self.tend_reservations();
        }
        if self.reachability.listen(now) {
            self.leave_dht_if_private();
            self.tend_reservations();
        }
    }

    /// A node that nobody reaches answers no queries. A relay stays: through it all others find each other.
    fn leave_dht_if_private(&mut self) {
        if self.reachability.nat() == Nat::Private && !self.reachability.relays.is_relay() {
            self.swarm.behaviour_mut().kad.set_mode(Some(Mode::Client));
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
        behaviours.autonat_client.restart(prober(), &[]);
        if let Some(gateway) = behaviours.upnp.as_mut() {
            gateway.search_anew();
        }
        behaviours.kad.set_mode(Some(Mode::Server));
        self.refresh_addresses();
    }

    /// A node tried to dial back.
    pub(super) fn on_probed(&mut self, event: &autonat::v2::client::Event) {
        let (address, now) = (&event.tested_addr, Instant::now());
        let trusted = self.is_bootstrap(&event.server);
        if event.result.is_ok() {
            self.on_reached(address, &event.server, trusted, now);
            return;
        }
        if self.reachability.proofs.missed(address, trusted, now) {
            self.withdraw_unproven(now);
        }
        // On a network of one machine or one house nobody needs to be reachable from outside.
        if !is_global(address) || self.reachability.public {
            return;
        }
        if self.reachability.failed.len() < MOST_WITNESSES {
            self.reachability.failed.insert(event.server, if trusted { WITNESSES } else { 1 });
        }
        self.leave_dht_if_private();
        self.tend_reservations();
    }

    /// A node reached this one. `[NET-NAT-PROOF]`
    fn on_reached(&mut self, address: &Multiaddr, server: &PeerId, trusted: bool, now: Instant) {
        let proven = if is_global(address) {
            let Some(group) = self.shared.direct_address(server).as_ref().and_then(Group::of) else { return };
            self.reachability.proofs.reached(address, group, trusted, now)
        } else {
            // Of one network: whoever is there sees it for themselves.
            true
        };
        if proven && !self.swarm.external_addresses().any(|a| a == address) {
            self.swarm.add_external_address(address.clone());
            self.on_external_address(address);
        }
    }

    /// Tells the node under which addresses it can be reached, if that has changed.
    pub(super) fn refresh_addresses(&mut self) {
        let local = *self.swarm.local_peer_id();
        let listen: Vec<Multiaddr> = self.swarm.listeners().cloned().collect();
        self.shared.set_surroundings(Surroundings::new(&listen, &self.reachability.configured));
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

/// Whether others see this node at a port at which it listens.
fn keeps_port(observed: &Multiaddr, listen: &[Multiaddr]) -> bool {
    let port = |address: &Multiaddr| address.iter().skip(1).take(2).collect::<Multiaddr>();
    let Some(ip) = ip_of(observed) else { return false };
    listen.iter().any(|own| is_of_family(own, ip) && is_of_network(own) && port(own) == port(observed))
}

fn is_of_family(address: &Multiaddr, ip: IpAddr) -> bool {
    ip_of(address).is_some_and(|own| own.is_ipv4() == ip.is_ipv4())
}

/// Where `observed` would be by the other transports at which this node listens: routers that keep the port of one keep that
/// of the others.
fn siblings(observed: &Multiaddr, listen: &[Multiaddr]) -> Vec<Multiaddr> {
    let Some(ip) = ip_of(observed).filter(|_| keeps_port(observed, listen)) else { return Vec::new() };
    let own = listen.iter().filter(|a| is_of_network(a) && is_of_family(a, ip));
    let mut siblings: Vec<Multiaddr> = own.filter_map(|address| address.replace(0, |_| Some(ip.into()))).collect();
    siblings.sort();
    siblings.dedup();
    siblings.retain(|sibling| sibling != observed);
    siblings
}

#[cfg(test)]
mod tests;
