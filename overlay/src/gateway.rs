//! The router's port forwarding (UPnP), asked for again and again, and its word taken as a candidate only.
//!
//! libp2p's behaviour searches once, when it is made, and believes what the router says. But a router may answer only
//! later, lose its mappings when it restarts, or lie about its address: so it is searched anew every few minutes,
//! which also renews the mappings, and what it says has to be proven like any other address. `[NET-NAT-UPNP]`

use std::{
    collections::HashSet,
    task::{Context, Poll},
    time::Duration,
};

use futures::FutureExt as _;
use libp2p::{
    Multiaddr, PeerId,
    core::{
        Endpoint,
        transport::{ListenerId, PortUse},
    },
    swarm::{
        ConnectionDenied, ConnectionId, ExpiredListenAddr, FromSwarm, NetworkBehaviour, NewListenAddr, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm,
    },
    upnp,
};
use tokio::time::{Instant, Sleep, sleep_until};

/// Pause between two searches. Mappings live for an hour; a router that restarted has none.
const SEARCH: Duration = Duration::from_secs(300);
/// After the first search the second comes sooner: the router may still be starting.
const SECOND: Duration = Duration::from_secs(30);
/// Addresses that a router may name: it cannot fill the memory.
const NAMED: usize = 32;

/// See the module.
pub(crate) struct Gateway {
    inner: upnp::tokio::Behaviour,
    listening: Vec<(ListenerId, Multiaddr)>,
    search: std::pin::Pin<Box<Sleep>>,
    /// What the router said at some time.
    named: HashSet<Multiaddr>,
    asked_anew: bool,
}

impl Gateway {
    pub(crate) fn new() -> Self {
        Self {
            inner: upnp::tokio::Behaviour::default(),
            listening: Vec::new(),
            search: Box::pin(sleep_until(Instant::now() + SECOND)),
            named: HashSet::new(),
            asked_anew: false,
        }
    }

    /// Whether the router said that it forwards this address.
    pub(crate) fn named(&self, address: &Multiaddr) -> bool {
        self.named.contains(address)
    }

    /// This node is somewhere else: another router.
    pub(crate) fn search_anew(&mut self) {
        self.named.clear();
        self.asked_anew = true;
    }

    fn restart(&mut self) {
        self.inner = upnp::tokio::Behaviour::default();
        for (listener_id, addr) in &self.listening {
            self.inner.on_swarm_event(FromSwarm::NewListenAddr(NewListenAddr { listener_id: *listener_id, addr }));
        }
    }

    fn note(&mut self, event: &FromSwarm<'_>) {
        match event {
            FromSwarm::NewListenAddr(NewListenAddr { listener_id, addr }) => {
                self.listening.push((*listener_id, (*addr).clone()));
            }
            FromSwarm::ExpiredListenAddr(ExpiredListenAddr { listener_id, addr }) => {
                self.listening.retain(|(id, at)| id != listener_id || at != *addr);
            }
            _ => {}
        }
    }
}

impl NetworkBehaviour for Gateway {
    type ConnectionHandler = <upnp::tokio::Behaviour as NetworkBehaviour>::ConnectionHandler;
    type ToSwarm = upnp::Event;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_inbound_connection(connection, peer, local, remote)
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
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, connection: ConnectionId, event: THandlerOutEvent<Self>) {
        self.inner.on_connection_handler_event(peer, connection, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        let again = self.search.poll_unpin(cx).is_ready();
        if again || std::mem::take(&mut self.asked_anew) {
            self.search.as_mut().reset(Instant::now() + SEARCH);
            // Registers the waker for the new time.
            let _ = self.search.poll_unpin(cx);
            self.restart();
        }
        loop {
            match self.inner.poll(cx) {
                Poll::Ready(ToSwarm::ExternalAddrConfirmed(address)) => {
                    if self.named.len() < NAMED {
                        self.named.insert(address.clone());
                    }
                    return Poll::Ready(ToSwarm::NewExternalAddrCandidate(address));
                }
                // An address that was proven is tested again instead.
                Poll::Ready(ToSwarm::ExternalAddrExpired(address)) => {
                    self.named.remove(&address);
                }
                other => return other,
            }
        }
    }
}
