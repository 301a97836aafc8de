//! Keeps AutoNAT and hole punching from what is no address of this node, and from more candidates than make sense.
//!
//! What AutoNAT found is judged by [`crate::proofs`]: one server may lie. So its word alone makes no external address.

use std::{
    collections::{HashMap, HashSet},
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{ConnectedPoint, Endpoint, transport::PortUse},
    swarm::{
        ConnectionClosed, ConnectionDenied, ConnectionId, ExpiredListenAddr, FromSwarm, NetworkBehaviour,
        NewExternalAddrCandidate, NewListenAddr, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
        behaviour::ConnectionEstablished,
    },
};

use crate::streams::ip_of;

/// Distinct addresses that peers may make us probe: AutoNAT keeps each for ever. `[NET-NAT-CANDIDATES]`
const CANDIDATES: usize = 64;

/// Passes everything to `inner` but external address candidates that are no IP addresses or beyond the cap.
pub(crate) struct Candidates<B> {
    inner: B,
    /// Only ports at which this node listens pass: any other one is of a router that takes a new port for each
    /// connection, and to test it costs up to 100 kB.
    own_ports_only: bool,
    /// Nothing passes.
    closed: bool,
    listening: Vec<Multiaddr>,
    seen: HashSet<Multiaddr>,
    /// What a new `inner` has to know of.
    connections: HashMap<ConnectionId, (PeerId, ConnectedPoint)>,
}

impl<B> Candidates<B> {
    pub(crate) fn new(inner: B) -> Self {
        let (seen, connections) = (HashSet::new(), HashMap::new());
        Self { inner, own_ports_only: false, closed: false, listening: Vec::new(), seen, connections }
    }

    /// Passes candidates with the port and transport of a listen address only.
    pub(crate) fn of_own_ports(inner: B) -> Self {
        Self { own_ports_only: true, ..Self::new(inner) }
    }

    /// Whether candidates are of no use.
    pub(crate) fn close(&mut self, closed: bool) {
        self.closed = closed;
    }

    fn note(&mut self, event: &FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { peer_id, connection_id, endpoint, .. }) => {
                self.connections.insert(*connection_id, (*peer_id, (*endpoint).clone()));
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) => {
                self.connections.remove(connection_id);
            }
            FromSwarm::NewListenAddr(NewListenAddr { addr, .. }) => self.listening.push((*addr).clone()),
            FromSwarm::ExpiredListenAddr(ExpiredListenAddr { addr, .. }) => {
                if let Some(at) = self.listening.iter().position(|known| known == *addr) {
                    self.listening.swap_remove(at);
                }
            }
            _ => {}
        }
    }

    fn passes(&mut self, address: &Multiaddr) -> bool {
        // By a circuit the other side sees nothing of us but our peer id.
        if self.closed || ip_of(address).is_none() {
            return false;
        }
        if self.own_ports_only && !self.listening.iter().any(|own| transport_of(own) == transport_of(address)) {
            return false;
        }
        self.seen.contains(address) || (self.seen.len() < CANDIDATES && self.seen.insert(address.clone()))
    }
}

/// `/tcp/4001` or `/udp/4001`.
fn transport_of(address: &Multiaddr) -> Multiaddr {
    address.iter().skip(1).take(1).collect()
}

impl<B: NetworkBehaviour> Candidates<B> {
    /// Begins anew with these candidates. Servers on connections that exist are not known to the new `inner`: it asks
    /// on connections that come.
    pub(crate) fn restart(&mut self, inner: B, candidates: &[Multiaddr]) {
        self.inner = inner;
        self.seen.clear();
        for (connection_id, (peer_id, endpoint)) in &self.connections {
            let (connection_id, peer_id) = (*connection_id, *peer_id);
            let (failed_addresses, other_established) = (&[][..], 0);
            let known = ConnectionEstablished { peer_id, connection_id, endpoint, failed_addresses, other_established };
            self.inner.on_swarm_event(FromSwarm::ConnectionEstablished(known));
        }
        candidates.iter().for_each(|address| self.offer(address));
    }

    /// The same, but only if it is new.
    pub(crate) fn offer_once(&mut self, addr: &Multiaddr) {
        if !self.seen.contains(addr) {
            self.offer(addr);
        }
    }

    /// A candidate of which only `inner` is to know.
    pub(crate) fn offer(&mut self, addr: &Multiaddr) {
        if self.passes(addr) {
            self.inner.on_swarm_event(FromSwarm::NewExternalAddrCandidate(NewExternalAddrCandidate { addr }));
        }
    }
}

impl<B: NetworkBehaviour> NetworkBehaviour for Candidates<B> {
    type ConnectionHandler = B::ConnectionHandler;
    type ToSwarm = B::ToSwarm;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.inner.handle_pending_inbound_connection(connection, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_inbound_connection(connection, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.inner.handle_pending_outbound_connection(connection, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_outbound_connection(connection, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        self.note(&event);
        if let FromSwarm::NewExternalAddrCandidate(candidate) = &event
            && !self.passes(candidate.addr)
        {
            return;
        }
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, connection: ConnectionId, event: THandlerOutEvent<Self>) {
        self.inner.on_connection_handler_event(peer, connection, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            match self.inner.poll(cx) {
                Poll::Ready(ToSwarm::ExternalAddrConfirmed(_)) => {}
                other => return other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circuits_and_floods_are_not_probed() {
        // [NET-NAT-CANDIDATES]
        let mut candidates = Candidates::new(());
        let relay = PeerId::random();
        let circuit = format!("/ip4/192.0.2.1/tcp/1/p2p/{relay}/p2p-circuit");
        assert!(!candidates.passes(&circuit.parse().expect("an address")));
        assert!(!candidates.passes(&format!("/p2p/{relay}").parse().expect("an address")));
        let address = |port: u16| format!("/ip4/192.0.2.1/tcp/{port}").parse::<Multiaddr>().expect("an address");
        assert_eq!((0..1_000).filter(|port| candidates.passes(&address(*port))).count(), CANDIDATES);
        assert!(candidates.passes(&address(0)));
    }

    #[test]
    fn nothing_passes_while_candidates_are_of_no_use() {
        // [NET-NAT-CANDIDATES]
        let mut candidates = Candidates::new(());
        let address: Multiaddr = "/ip4/192.0.2.1/tcp/1".parse().expect("an address");
        candidates.close(true);
        assert!(!candidates.passes(&address));
        candidates.close(false);
        assert!(candidates.passes(&address));
    }

    #[test]
    fn ports_at_which_this_node_does_not_listen_are_not_tested() {
        // [NET-NAT-CANDIDATES]
        let mut candidates = Candidates::of_own_ports(());
        let address = |text: &str| text.parse::<Multiaddr>().expect("an address");
        candidates.listening =
            vec![address("/ip4/192.168.1.10/tcp/4001"), address("/ip4/192.168.1.10/udp/4002/quic-v1")];
        assert!(candidates.passes(&address("/ip4/45.2.0.2/tcp/4001")));
        assert!(candidates.passes(&address("/ip4/45.2.0.2/udp/4002/quic-v1")));
        for strange in ["/ip4/45.2.0.2/tcp/61000", "/ip4/45.2.0.2/udp/4001/quic-v1", "/ip4/45.2.0.2/tcp/4002"] {
            assert!(!candidates.passes(&address(strange)), "{strange}");
        }
    }
}
