//! Connection limits beyond those of libp2p: unknown peers in all, and per network prefix.
//!
//! Allowed peers pass every limit here: strangers must not be able to keep contacts out. Before a handshake nobody
//! is known yet: [`door`] decides by where a connection seems to come from.

mod door;

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionClosed, ConnectionDenied, ConnectionId, DialFailure, FromSwarm, ListenFailure, NetworkBehaviour,
        THandler, THandlerInEvent, THandlerOutEvent, ToSwarm, behaviour::ConnectionEstablished, dummy,
    },
};
use tokio::time::Instant;

use self::door::{Door, Knock};
use crate::{Limits, shared::Shared, streams::Origin};

/// Dials in progress to peers that are not allowed: those that AutoNAT clients ask for must not stop those to
/// contacts. `[NET-LIMIT-PENDING]`
const OUTGOING: usize = 48;

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
    #[error("too many handshakes in progress")]
    Pending,
    #[error("not an address to dial for others")]
    Scope,
}

/// See the module.
pub(crate) struct Guard {
    shared: Arc<Shared>,
    limits: Limits,
    door: Door,
    /// Dials in progress to peers that are not allowed.
    outgoing: HashSet<ConnectionId>,
    established: HashMap<ConnectionId, Connection>,
}

struct Connection {
    peer: PeerId,
    inbound: bool,
    origin: Origin,
}

impl Guard {
    pub(crate) fn new(shared: Arc<Shared>, limits: Limits) -> Self {
        let (door, outgoing, established) = (Door::new(limits.per_prefix), HashSet::new(), HashMap::new());
        Self { shared, limits, door, outgoing, established }
    }

    fn knock(
        &mut self,
        connection: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
        now: Instant,
    ) -> Result<(), Denied> {
        let shared = &self.shared;
        let knock = Knock::new(local, remote, |host| shared.is_familiar(host), |peer| shared.is_allowed(peer));
        self.door.enter(connection, knock, now)
    }

    fn dial(&mut self, connection: ConnectionId, peer: Option<PeerId>, addresses: &[Multiaddr]) -> Result<(), Denied> {
        let (allowed, trusted) =
            peer.map_or((false, false), |p| (self.shared.is_allowed(&p), self.shared.is_trusted(&p)));
        // [NET-DIAL-SCOPE] Where AutoNAT's client wants to be dialled, and where hole punching should go. Of a contact
        // one address out of place is no reason: it may be in a private network too.
        let misplaced = addresses.iter().filter(|address| !self.shared.may_dial(address)).count();
        if !trusted && misplaced > 0 && (!allowed || misplaced == addresses.len()) {
            return Err(Denied::Scope);
        }
        if allowed {
            return Ok(());
        }
        // [NET-LIMIT-PENDING]
        if self.outgoing.len() >= OUTGOING {
            return Err(Denied::Pending);
        }
        self.outgoing.insert(connection);
        Ok(())
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
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.knock(connection, local, remote, Instant::now()).map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.door.leave(&connection);
        self.admit(&peer, true, Origin::of_inbound(local, remote)).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.dial(connection, peer, addresses).map_err(ConnectionDenied::new)?;
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.outgoing.remove(&connection);
        self.admit(&peer, false, Origin::of(remote)).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { peer_id, connection_id, endpoint, .. }) => {
                let origin = Origin::of_endpoint(endpoint);
                let connection = Connection { peer: peer_id, inbound: endpoint.is_listener(), origin };
                self.established.insert(connection_id, connection);
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) => {
                self.established.remove(&connection_id);
            }
            FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => self.door.leave(&connection_id),
            FromSwarm::DialFailure(DialFailure { connection_id, .. }) => {
                self.outgoing.remove(&connection_id);
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
    use crate::familiar::Host;

    fn guard(limits: Limits) -> Guard {
        let shared = Shared::new(&limits, crate::realm::Realm::default(), mpsc::channel(1).0, mpsc::channel(1).0);
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
    async fn two_hundred_connections_of_one_host_do_not_keep_out_the_next_network() {
        // [NET-LIMIT-RATE]
        let (mut guard, now) = (guard(Limits::default()), Instant::now());
        let local = "/ip4/192.0.2.1/tcp/1".parse().expect("an address");
        let mut knock = |n: usize, remote: &str| {
            let id = ConnectionId::new_unchecked(n);
            let granted = guard.knock(id, &local, &remote.parse().expect("an address"), now);
            guard.door.leave(&id);
            granted
        };
        for n in 0..200 {
            let _ = knock(n, "/ip4/198.51.100.1/tcp/9");
        }
        assert_eq!(knock(200, "/ip4/203.0.113.1/tcp/9"), Ok(()));
    }

    #[tokio::test]
    async fn a_host_of_an_allowed_peer_is_recognized_until_it_is_revoked() {
        // [NET-LIMIT-RATE]
        let (mut guard, now, contact) = (guard(Limits::default()), Instant::now(), PeerId::random());
        let local: Multiaddr = "/ip4/192.0.2.1/tcp/1".parse().expect("an address");
        let remote: Multiaddr = "/ip4/203.0.113.1/tcp/9".parse().expect("an address");
        guard.shared.recognize(contact, [&remote]);
        assert!(!guard.shared.is_familiar(&Host::of(&remote).expect("a host")), "a stranger's address is not kept");
        guard.shared.allow(contact);
        guard.shared.recognize(contact, [&remote]);
        for n in 0..100_000u32 {
            let flood = format!("/ip6/2001:{:x}:{:x}::1/tcp/1", n >> 12, n & 0xfff).parse().expect("an address");
            if guard.knock(ConnectionId::new_unchecked(1), &local, &flood, now).is_err() {
                break;
            }
            guard.door.leave(&ConnectionId::new_unchecked(1));
        }
        assert_eq!(guard.knock(ConnectionId::new_unchecked(2), &local, &remote, now), Ok(()));
        guard.shared.revoke(&contact);
        assert_eq!(guard.knock(ConnectionId::new_unchecked(3), &local, &remote, now), Err(Denied::Rate));
    }

    #[tokio::test]
    async fn dials_that_strangers_cause_do_not_stop_those_to_contacts() {
        // [NET-LIMIT-PENDING]
        let (mut guard, contact) = (guard(Limits::default()), PeerId::random());
        guard.shared.allow(contact);
        let granted = (0..1_000).filter(|n| guard.dial(ConnectionId::new_unchecked(*n), None, &[]).is_ok()).count();
        assert_eq!(granted, OUTGOING);
        assert_eq!(guard.dial(ConnectionId::new_unchecked(2_000), Some(contact), &[]), Ok(()));
    }

    #[tokio::test]
    async fn nobody_can_have_a_private_address_dialed_by_asking_whether_it_is_theirs() {
        // [NET-DIAL-SCOPE]
        let mut guard = guard(Limits::default());
        let listen = "/ip4/9.9.9.9/tcp/1".parse().expect("an address");
        guard.shared.set_surroundings(crate::surroundings::Surroundings::new(&[listen], &[]));
        let (stranger, contact, seed) = (PeerId::random(), PeerId::random(), PeerId::random());
        guard.shared.allow(contact);
        guard.shared.trust(HashSet::from([seed]));
        let mut dial = |peer, addresses: &[&str]| {
            let addresses: Vec<Multiaddr> = addresses.iter().map(|a| a.parse().expect("an address")).collect();
            guard.dial(ConnectionId::new_unchecked(1), Some(peer), &addresses)
        };
        let (router, service, good) = ("/ip4/192.168.1.1/tcp/80", "/ip4/127.0.0.1/tcp/7420", "/ip4/8.8.8.8/tcp/7421");
        assert_eq!(dial(stranger, &[router]), Err(Denied::Scope));
        assert_eq!(dial(stranger, &[good, service]), Err(Denied::Scope));
        assert_eq!(dial(contact, &[service]), Err(Denied::Scope));
        assert_eq!(dial(contact, &[good, router]), Ok(()));
        assert_eq!(dial(seed, &[service]), Ok(()), "the operator says so");
        assert_eq!(dial(stranger, &[good]), Ok(()));
    }

    #[tokio::test]
    async fn strangers_behind_relays_share_eight_places() {
        // [NET-LIMIT-PREFIX] Of an inbound circuit only the listener's address shows that it is one.
        let mut guard = guard(Limits::default());
        let relay = PeerId::random();
        let local: Multiaddr = format!("/ip4/198.51.100.1/tcp/1/p2p/{relay}/p2p-circuit").parse().expect("an address");
        let remote = |peer: PeerId| format!("/p2p/{peer}").parse::<Multiaddr>().expect("an address");
        let origin = |_| Origin::of_inbound(&local, &remote(PeerId::random()));
        assert_eq!(fill(&mut guard, true, origin), (8, Some(Denied::Prefix)));
    }
}
