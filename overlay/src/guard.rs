//! Connection limits beyond those of libp2p: unknown peers in all, and per network prefix.
//!
//! Allowed peers pass every limit here: strangers must not be able to keep contacts out. Before a handshake nobody
//! is known yet; there only the rate of new connections and the handshakes per prefix are bounded.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, ListenFailure, NetworkBehaviour, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm, behaviour::ConnectionEstablished, dummy,
    },
};
use tokio::time::Instant;

use crate::{Limits, shared::Shared, streams::Origin};

/// Inbound connections accepted at once after a quiet time. `[NET-LIMIT-RATE]`
const BURST: f64 = 128.0;
/// Inbound connections accepted per second in the long run: a handshake costs about 1.5 ms of processor. `[NET-LIMIT-RATE]`
const PER_SECOND: f64 = 32.0;

/// A connection over one of the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error("too many connections in all")]
    Total,
    #[error("too many connections from unknown peers")]
    Unknown,
    #[error("too many connections from this network")]
    Prefix,
    #[error("too many new connections per second")]
    Rate,
}

/// See the module.
pub(crate) struct Guard {
    shared: Arc<Shared>,
    limits: Limits,
    pending: HashMap<ConnectionId, Origin>,
    established: HashMap<ConnectionId, Connection>,
    tokens: f64,
    refilled: Instant,
}

struct Connection {
    peer: PeerId,
    inbound: bool,
    origin: Origin,
}

impl Guard {
    pub(crate) fn new(shared: Arc<Shared>, limits: Limits) -> Self {
        let (pending, established) = (HashMap::new(), HashMap::new());
        Self { shared, limits, pending, established, tokens: BURST, refilled: Instant::now() }
    }

    fn rate(&mut self, now: Instant) -> Result<(), Denied> {
        let passed = now.saturating_duration_since(self.refilled).as_secs_f64();
        self.tokens = (self.tokens + passed * PER_SECOND).min(BURST);
        self.refilled = now;
        if self.tokens < 1.0 {
            return Err(Denied::Rate);
        }
        self.tokens -= 1.0;
        Ok(())
    }

    fn handshake(&mut self, origin: Origin) -> Result<(), Denied> {
        let same = self.pending.values().filter(|o| **o == origin).count();
        if origin != Origin::Local && same >= limit(self.limits.per_prefix) {
            return Err(Denied::Prefix);
        }
        self.rate(Instant::now())
    }

    fn admit(&self, peer: &PeerId, inbound: bool, origin: Origin) -> Result<(), Denied> {
        if self.shared.is_allowed(peer) {
            return Ok(());
        }
        // [NET-LIMIT-TOTAL]
        if self.established.len() >= limit(self.limits.connections) {
            return Err(Denied::Total);
        }
        if !inbound {
            return Ok(());
        }
        let unknown = || self.established.values().filter(|c| c.inbound && !self.shared.is_allowed(&c.peer));
        // [NET-LIMIT-UNKNOWN]
        if unknown().count() >= limit(self.limits.unknown_inbound) {
            return Err(Denied::Unknown);
        }
        // [NET-LIMIT-PREFIX]
        let same = unknown().filter(|c| c.origin == origin).count();
        if origin != Origin::Local && same >= limit(self.limits.per_prefix) {
            return Err(Denied::Prefix);
        }
        Ok(())
    }
}

fn limit(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

impl NetworkBehaviour for Guard {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let origin = Origin::of(remote);
        self.handshake(origin).map_err(ConnectionDenied::new)?;
        self.pending.insert(connection, origin);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.pending.remove(&connection);
        self.admit(&peer, true, Origin::of(remote)).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.admit(&peer, false, Origin::of(remote)).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { peer_id, connection_id, endpoint, .. }) => {
                let origin = Origin::of(endpoint.get_remote_address());
                let connection = Connection { peer: peer_id, inbound: endpoint.is_listener(), origin };
                self.established.insert(connection_id, connection);
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) => {
                self.established.remove(&connection_id);
            }
            FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.pending.remove(&connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    fn guard(limits: Limits) -> Guard {
        let shared = Shared::new(&limits, mpsc::channel(1).0, mpsc::channel(1).0);
        Guard::new(Arc::new(shared), limits)
    }

    fn establish(guard: &mut Guard, n: usize, peer: PeerId, inbound: bool, origin: Origin) -> Result<(), Denied> {
        guard.admit(&peer, inbound, origin)?;
        guard.established.insert(ConnectionId::new_unchecked(n), Connection { peer, inbound, origin });
        Ok(())
    }

    fn fill(guard: &mut Guard, inbound: bool, origin: impl Fn(u8) -> Origin) -> (usize, Option<Denied>) {
        let start = guard.established.len();
        for n in 0..=255 {
            if let Err(denied) = establish(guard, start + usize::from(n), PeerId::random(), inbound, origin(n)) {
                return (usize::from(n), Some(denied));
            }
        }
        (256, None)
    }

    #[tokio::test]
    async fn eight_strangers_of_one_prefix_get_in_and_no_more() {
        // [NET-LIMIT-PREFIX]
        let mut guard = guard(Limits::default());
        assert_eq!(fill(&mut guard, true, |_| Origin::V4([192, 0, 2])), (8, Some(Denied::Prefix)));
        assert_eq!(fill(&mut guard, true, |_| Origin::V6([1; 6])), (8, Some(Denied::Prefix)));
    }

    #[tokio::test]
    async fn loopback_has_no_prefix_limit_but_the_one_of_unknown_peers() {
        // [NET-LIMIT-UNKNOWN]
        let mut guard = guard(Limits::default());
        assert_eq!(fill(&mut guard, true, |_| Origin::Local), (96, Some(Denied::Unknown)));
    }

    #[tokio::test]
    async fn allowed_peers_get_in_when_strangers_do_not() {
        let mut guard = guard(Limits { connections: 100, ..Limits::default() });
        fill(&mut guard, true, |n| Origin::V4([10, 0, n]));
        // [NET-LIMIT-TOTAL]
        assert_eq!(fill(&mut guard, false, |n| Origin::V4([10, 1, n])).1, Some(Denied::Total));
        let contact = PeerId::random();
        guard.shared.allow(contact);
        assert_eq!(establish(&mut guard, 1_000, contact, true, Origin::V4([10, 0, 0])), Ok(()));
    }

    #[tokio::test]
    async fn handshakes_are_bounded_per_prefix_and_per_second() {
        // [NET-LIMIT-RATE]
        let mut guard = guard(Limits::default());
        let origin = Origin::V4([192, 0, 2]);
        for n in 0..8 {
            assert_eq!(guard.handshake(origin), Ok(()));
            guard.pending.insert(ConnectionId::new_unchecked(n), origin);
        }
        assert_eq!(guard.handshake(origin), Err(Denied::Prefix));
        let now = guard.refilled;
        let granted = (0..1_000).filter(|_| guard.rate(now).is_ok()).count();
        assert_eq!(granted, 120);
        assert_eq!(guard.rate(now + std::time::Duration::from_secs(1)), Ok(()));
    }
}
