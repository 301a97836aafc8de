//! Finding out at which addresses others reach this node, again and again: one that is proven may be lost later.

use std::{net::IpAddr, time::Duration};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol, autonat,
    swarm::dial_opts::{DialOpts, PeerCondition},
};
use tokio::time::Instant;

use super::{super::Worker, WITNESSES, is_global, is_of_network};
use crate::{address::is_circuit, proofs::Group, streams::ip_of, swarm::prober};

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
const DIAL_BACK: StreamProtocol = StreamProtocol::new("/libp2p/autonat/2/dial-request");

impl Worker {
    /// Tests again what was proven. `[NET-NAT-PROOF]`
    pub(super) fn tend_proofs(&mut self, now: Instant) {
        let Some(addresses) = self.reachability.proofs.due(now).filter(|_| !self.needs_no_proof()) else { return };
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

    /// Who runs a relay with an address of the internet says that it can be reached there: others are not asked to dial it,
    /// again and again and at each of its ports. `[NET-NAT-CANDIDATES]`
    pub(super) fn needs_no_proof(&self) -> bool {
        self.reachability.relays.is_relay() && self.swarm.listeners().any(is_global)
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
    pub(in crate::worker) fn on_observed(
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

    /// A node tried to dial back.
    pub(in crate::worker) fn on_probed(&mut self, event: &autonat::v2::client::Event) {
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
pub(super) fn siblings(observed: &Multiaddr, listen: &[Multiaddr]) -> Vec<Multiaddr> {
    let Some(ip) = ip_of(observed).filter(|_| keeps_port(observed, listen)) else { return Vec::new() };
    let own = listen.iter().filter(|a| is_of_network(a) && is_of_family(a, ip));
    let mut siblings: Vec<Multiaddr> = own.filter_map(|address| address.replace(0, |_| Some(ip.into()))).collect();
    siblings.sort();
    siblings.dedup();
    siblings.retain(|sibling| sibling != observed);
    siblings
}
