//! Places on relays: which relays are known, which of them to ask, and what to do when one goes away.
//!
//! Two places are held at a time, on relays of different networks, so that the loss of one interrupts nothing. Contacts
//! come first, for they see nothing by it that they do not know; then bootstrap peers, whom the operator chose; then others.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use libp2p::{Multiaddr, PeerId, StreamProtocol, core::transport::ListenerId, multiaddr::Protocol, relay};
use tokio::time::Instant;

use super::Worker;
use crate::{
    address::{self, Scope, is_circuit},
    proofs::Group,
    streams::ip_of,
};

/// Reservations held at a time: one may go away. `[NET-RELAY-PLACES]`
const RESERVATIONS: usize = 2;
/// Relays remembered. `[NET-RELAY-PLACES]`
const RELAYS: usize = 16;
/// A relay that refused is asked again after this: it may be full.
const REFUSED: Duration = Duration::from_secs(120);
/// While there are fewer places than wanted, known relays are asked again after this.
const AGAIN: Duration = Duration::from_secs(15);
const HOP: StreamProtocol = StreamProtocol::new("/libp2p/circuit/relay/0.2.0/hop");

/// Whose relay it is, best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kin {
    Stranger,
    Bootstrap,
    Contact,
}

#[derive(Debug, Clone)]
struct Known {
    address: Multiaddr,
    kin: Kin,
    /// It did not give a place; not to be asked before.
    refused: Option<Instant>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Relays {
    /// This node is one itself.
    is_relay: bool,
    known: HashMap<PeerId, Known>,
    listeners: HashMap<ListenerId, PeerId>,
    reserved: HashSet<PeerId>,
    again: Option<Instant>,
}

impl Relays {
    pub(super) fn new(is_relay: bool) -> Self {
        let (known, listeners, reserved) = (HashMap::new(), HashMap::new(), HashSet::new());
        Self { is_relay, known, listeners, reserved, again: None }
    }

    pub(super) fn is_relay(&self) -> bool {
        self.is_relay
    }

    /// Relays that hold a place for this node.
    pub(super) fn reserved(&self) -> Vec<PeerId> {
        self.reserved.iter().copied().collect()
    }

    /// Where they are.
    pub(super) fn places(&self) -> Vec<Multiaddr> {
        let known = self.reserved.iter().filter_map(|peer| Some((peer, self.known.get(peer)?)));
        known.map(|(peer, known)| address::full(&known.address, peer)).collect()
    }

    pub(super) fn known(&self) -> usize {
        self.known.len()
    }

    /// When to ask again.
    pub(super) fn next(&self) -> Option<Instant> {
        self.again
    }

    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        self.again.take_if(|at| *at <= now).is_some()
    }

    /// Strangers cannot keep out the relays of contacts, nor fill the memory.
    fn learn(&mut self, peer: PeerId, address: Multiaddr, kin: Kin) {
        if self.known.len() >= RELAYS && !self.known.contains_key(&peer) {
            let taken: HashSet<PeerId> = self.listeners.values().copied().collect();
            let spare = self.known.iter().filter(|(p, known)| known.kin < kin && !taken.contains(p));
            let Some(spare) = spare.map(|(p, _)| *p).next() else { return };
            self.known.remove(&spare);
        }
        let refused = self.known.get(&peer).and_then(|known| known.refused);
        self.known.insert(peer, Known { address, kin, refused });
    }

    /// The relays to ask now for the places that are missing. `[NET-RELAY-PLACES]`
    fn wanted(&self, now: Instant) -> Vec<(PeerId, Multiaddr)> {
        let taken: HashSet<PeerId> = self.listeners.values().copied().collect();
        let mut groups: HashSet<Option<Group>> =
            taken.iter().filter_map(|peer| self.known.get(peer)).map(|known| Group::of(&known.address)).collect();
        let mut free: Vec<(&PeerId, &Known)> = self
            .known
            .iter()
            .filter(|(peer, known)| !taken.contains(peer) && known.refused.is_none_or(|at| at + REFUSED <= now))
            .collect();
        free.sort_by_key(|(peer, known)| (std::cmp::Reverse(known.kin), **peer));
        let mut wanted = Vec::new();
        for (peer, known) in free {
            if taken.len() + wanted.len() >= RESERVATIONS {
                break;
            }
            // Both of one network would go away together. This machine has one only.
            let group = Group::of(&known.address);
            if Scope::of(&known.address) != Some(Scope::Global) || groups.insert(group) {
                wanted.push((*peer, known.address.clone()));
            }
        }
        wanted
    }
}

/// Where a relay is: the address at which this node reached it, or of those that it claims one on the host from which it
/// came. Anything else could be somebody else's. `[NET-RELAY-ADDRESS]`
fn place_of(claimed: &[Multiaddr], connected: &Multiaddr, dialed: bool) -> Option<Multiaddr> {
    if is_circuit(connected) {
        return None;
    }
    if dialed {
        return Some(connected.clone());
    }
    let ip = ip_of(connected)?;
    claimed.iter().find(|address| ip_of(address) == Some(ip)).cloned()
}

impl Worker {
    /// Remembers a relay and reserves a place if one is needed.
    pub(super) fn consider_relay(
        &mut self,
        peer: PeerId,
        protocols: &[StreamProtocol],
        addresses: &[Multiaddr],
        connected: Option<(Multiaddr, bool)>,
    ) {
        if !protocols.contains(&HOP) {
            return;
        }
        let Some(address) = connected.and_then(|(at, dialed)| place_of(addresses, &at, dialed)) else { return };
        let kin = if self.shared.is_allowed(&peer) {
            Kin::Contact
        } else if self.is_bootstrap(&peer) {
            Kin::Bootstrap
        } else {
            Kin::Stranger
        };
        self.reachability.relays.learn(peer, address::bare(&address, &peer), kin);
        self.tend_reservations();
    }

    pub(super) fn tend_reservations(&mut self) {
        if !self.reachability.wants_relay() {
            return;
        }
        let now = Instant::now();
        for (relay, address) in self.reachability.relays.wanted(now) {
            let circuit = address::full(&address, &relay).with(Protocol::P2pCircuit);
            match self.swarm.listen_on(circuit) {
                Ok(listener) => {
                    self.reachability.relays.listeners.insert(listener, relay);
                }
                Err(error) => tracing::debug!(%relay, %error, "no place on the relay"),
            }
        }
        let relays = &mut self.reachability.relays;
        if relays.listeners.len() < RESERVATIONS && relays.known.len() > relays.listeners.len() {
            relays.again.get_or_insert(now + AGAIN);
        }
    }

    /// Others need the places more than a node that is reachable.
    pub(super) fn give_back_reservations(&mut self) {
        if !self.reachability.wants_relay() {
            let listeners: Vec<ListenerId> = self.reachability.relays.listeners.keys().copied().collect();
            for listener in listeners {
                self.swarm.remove_listener(listener);
            }
        }
    }

    pub(super) fn on_relay(&mut self, event: &relay::client::Event) {
        if let relay::client::Event::ReservationReqAccepted { relay_peer_id, .. } = event {
            self.reachability.relays.reserved.insert(*relay_peer_id);
        }
    }

    pub(super) fn on_listener_closed(&mut self, listener: ListenerId) {
        if let Some(relay) = self.reachability.relays.listeners.remove(&listener) {
            let here = self.shared.is_connected(&relay);
            let relays = &mut self.reachability.relays;
            let had_place = relays.reserved.remove(&relay);
            if here && !had_place {
                if let Some(known) = relays.known.get_mut(&relay) {
                    known.refused = Some(Instant::now());
                }
            } else if !here {
                // Others first, this one again when it is met again.
                relays.known.remove(&relay);
            }
            self.tend_reservations();
        }
        self.refresh_addresses();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Multiaddr {
        text.parse().expect("an address")
    }

    fn relays(known: &[(u8, Kin)]) -> (Relays, Vec<PeerId>) {
        let mut relays = Relays::new(false);
        let peers: Vec<PeerId> = known.iter().map(|_| PeerId::random()).collect();
        for ((net, kin), peer) in known.iter().zip(&peers) {
            relays.learn(*peer, address(&format!("/ip4/45.{net}.0.2/tcp/7421")), *kin);
        }
        (relays, peers)
    }

    #[test]
    fn contacts_come_first_and_two_places_are_never_in_one_network() {
        // [NET-RELAY-PLACES]
        let (relays, peers) = relays(&[(1, Kin::Stranger), (2, Kin::Bootstrap), (3, Kin::Contact), (3, Kin::Contact)]);
        let wanted: Vec<PeerId> = relays.wanted(Instant::now()).into_iter().map(|(peer, _)| peer).collect();
        assert_eq!(wanted.len(), RESERVATIONS);
        assert!(wanted[0] == peers[2] || wanted[0] == peers[3]);
        assert_eq!(wanted[1], peers[1]);
    }

    #[test]
    fn who_refused_is_left_in_peace_for_a_while() {
        let (mut relays, peers) = relays(&[(1, Kin::Bootstrap)]);
        let now = Instant::now();
        relays.known.get_mut(&peers[0]).expect("known").refused = Some(now);
        assert!(relays.wanted(now).is_empty());
        assert_eq!(relays.wanted(now + REFUSED).len(), 1);
    }

    #[test]
    fn a_thousand_strangers_keep_no_relay_of_a_contact_out() {
        // [NET-RELAY-PLACES]
        let mut relays = Relays::new(false);
        for n in 0..1_000u16 {
            relays.learn(PeerId::random(), address(&format!("/ip4/45.1.0.2/tcp/{n}")), Kin::Stranger);
        }
        assert_eq!(relays.known.len(), RELAYS);
        let contact = PeerId::random();
        relays.learn(contact, address("/ip4/46.1.0.2/tcp/1"), Kin::Contact);
        assert_eq!((relays.known.len(), relays.wanted(Instant::now())[0].0), (RELAYS, contact));
    }

    #[test]
    fn a_relay_cannot_name_somebody_elses_address_as_its_own() {
        // [NET-RELAY-ADDRESS]
        let claimed =
            ["/ip4/127.0.0.1/tcp/1", "/ip4/192.168.1.1/tcp/1", "/ip4/9.9.9.9/tcp/1", "/ip4/45.1.0.2/tcp/7421"]
                .map(address);
        let came_from = address("/ip4/45.1.0.2/tcp/50000");
        assert_eq!(place_of(&claimed, &came_from, false), Some(claimed[3].clone()));
        assert_eq!(place_of(&claimed[..3], &came_from, false), None);
        assert_eq!(place_of(&claimed, &claimed[3], true), Some(claimed[3].clone()));
        let circuit = address(&format!("/ip4/45.9.0.2/tcp/1/p2p/{}/p2p-circuit", PeerId::random()));
        assert_eq!(place_of(&claimed, &circuit, true), None);
    }
}
