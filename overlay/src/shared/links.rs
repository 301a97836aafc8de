//! The connections of each peer: which there are, which is the best, and which give no sign of life.

use std::sync::Arc;

use libp2p::{Multiaddr, PeerId, core::ConnectedPoint, swarm::ConnectionId};
use tokio::time::Instant;

use super::Shared;
use crate::{
    Connected,
    session::{Link, Session},
    streams::{Origin, Via, Writer},
};

impl Shared {
    pub(crate) fn connected(self: &Arc<Self>, peer: PeerId, connection: ConnectionId, endpoint: &ConnectedPoint) {
        let mut sessions = self.lock();
        if sessions.closed {
            return;
        }
        sessions.generation += 1;
        let generation = sessions.generation;
        let session = sessions.by_peer.entry(peer).or_insert_with(|| Session::new(generation, Instant::now()));
        let link = Link::new(endpoint, Instant::now(), self.stir.clone());
        // Who connects anew may have lost what there was; and a relay is no longer what the peer prefers.
        session.links.values().for_each(|older| older.pulse.doubt());
        if !link.relayed {
            session.chosen = None;
        }
        session.links.insert(connection, link);
        drop(sessions);
        if self.is_allowed(&peer) {
            self.recognize(peer, [endpoint.get_remote_address()]);
            self.greet(peer);
        }
    }

    pub(crate) fn disconnected(&self, peer: PeerId, connection: ConnectionId) {
        let mut sessions = self.lock();
        if let Some(session) = sessions.by_peer.get_mut(&peer) {
            if let Some(link) = session.links.remove(&connection) {
                link.pulse.end();
            }
            if session.links.is_empty() {
                session.shut(|_| true);
                sessions.by_peer.remove(&peer);
            }
        }
    }

    pub(crate) fn best_connection(&self, peer: &PeerId) -> Option<Via> {
        self.lock().by_peer.get(peer)?.via(Instant::now())
    }

    /// Something was heard of a ping on this connection; `None`: the peer does not answer pings at all.
    pub(crate) fn heard(&self, peer: &PeerId, connection: ConnectionId, at: Option<Instant>) {
        let sessions = self.lock();
        if let Some(link) = sessions.by_peer.get(peer).and_then(|s| s.links.get(&connection)) {
            match at {
                Some(now) => link.pulse.beat(now),
                None => link.pulse.ignore(),
            }
        }
    }

    /// This node's own addresses have changed: whatever does not give a sign of life soon is dead.
    pub(crate) fn doubt_all(&self) {
        let sessions = self.lock();
        let links = sessions.by_peer.values().flat_map(|s| s.links.values());
        links.filter(|link| link.origin != Origin::Local).for_each(|link| link.pulse.doubt());
    }

    /// When the next connection is to be asked for a sign of life, or given up.
    pub(crate) fn next_silent(&self) -> Option<Instant> {
        let sessions = self.lock();
        sessions
            .by_peer
            .values()
            .flat_map(|s| s.links.values())
            .flat_map(|link| [link.pulse.asks_at(), link.pulse.late_at(), link.pulse.ends_at()])
            .flatten()
            .min()
    }

    /// Connections to ask now for a sign of life: all of them if one peer answers neither what was written nor the question
    /// after it, for then this node's own network may be another one.
    pub(crate) fn to_ask(&self, now: Instant) -> Vec<(PeerId, ConnectionId)> {
        let sessions = self.lock();
        let links =
            || sessions.by_peer.iter().flat_map(|(peer, s)| s.links.iter().map(|(id, link)| (*peer, *id, link)));
        let of = |(peer, id, _): (PeerId, ConnectionId, &Link)| (peer, id);
        let mut asked: Vec<(PeerId, ConnectionId)> = links().filter(|(.., link)| link.pulse.ask(now)).map(of).collect();
        let late = links().filter(|(.., link)| link.pulse.is_late(now)).count();
        if late > 0 {
            asked.extend(links().filter(|(.., link)| link.pulse.ask_too(now)).map(of));
        }
        asked
    }

    /// Connections by which nothing came for too long. `[NET-LIVE]`
    pub(crate) fn silent(&self, now: Instant) -> Vec<(PeerId, ConnectionId)> {
        let sessions = self.lock();
        let links = sessions.by_peer.iter().flat_map(|(peer, s)| s.links.iter().map(|(id, link)| (*peer, *id, link)));
        let ended = links.filter(|(_, _, link)| link.pulse.ends_at().is_some_and(|at| at <= now));
        ended.map(|(peer, id, _)| (peer, id)).collect()
    }

    /// Where a peer is connected without a relay.
    pub(crate) fn direct_address(&self, peer: &PeerId) -> Option<Multiaddr> {
        let sessions = self.lock();
        sessions.by_peer.get(peer)?.links.values().find(|link| !link.relayed).map(|link| link.address.clone())
    }

    /// Where a connection leads, and whether this node dialled it.
    pub(crate) fn link_of(&self, peer: &PeerId, connection: ConnectionId) -> Option<(Multiaddr, bool)> {
        let sessions = self.lock();
        sessions.by_peer.get(peer)?.links.get(&connection).map(|link| (link.address.clone(), link.dialed))
    }

    /// Allowed peers that are connected through relays only.
    pub(crate) fn relayed_only(&self) -> Vec<PeerId> {
        let allowed = self.allowed();
        let sessions = self.lock();
        let relayed = |peer: &PeerId| sessions.by_peer.get(peer).is_some_and(|s| s.links.values().all(|l| l.relayed));
        allowed.into_iter().filter(relayed).collect()
    }

    /// By which circuit an allowed peer is connected, to dial it again.
    pub(crate) fn circuit_of(&self, peer: &PeerId) -> Option<Multiaddr> {
        let sessions = self.lock();
        let link = sessions.by_peer.get(peer)?.links.values().find(|link| link.relayed && link.dialed)?;
        Some(link.address.clone())
    }

    pub(crate) fn is_connected(&self, peer: &PeerId) -> bool {
        self.lock().by_peer.contains_key(peer)
    }

    pub(crate) fn connected_peers(&self, now: Instant) -> Vec<Connected> {
        let sessions = self.lock();
        let peers = sessions.by_peer.iter().filter_map(|(peer, session)| {
            let (_, link) = session.best(now)?;
            let connected = now.saturating_duration_since(session.since);
            Some(Connected { peer: *peer, address: link.address.clone(), relayed: link.relayed, connected })
        });
        peers.collect()
    }

    /// (peers, connections)
    pub(crate) fn count(&self) -> (usize, usize) {
        let sessions = self.lock();
        (sessions.by_peer.len(), sessions.by_peer.values().map(|s| s.links.len()).sum())
    }

    pub(crate) fn count_relayed(&self) -> usize {
        self.lock().by_peer.values().flat_map(|s| s.links.values()).filter(|l| l.relayed).count()
    }

    /// Moves the streams of a peer to its new direct connection, if this is one; returns the relayed ones.
    pub(crate) fn supersede(&self, peer: &PeerId, connection: ConnectionId) -> Vec<ConnectionId> {
        let sessions = self.lock();
        let Some(session) = sessions.by_peer.get(peer) else { return Vec::new() };
        if session.links.get(&connection).is_none_or(|new| new.relayed) {
            return Vec::new();
        }
        let relayed: Vec<ConnectionId> = session.links.iter().filter(|(_, l)| l.relayed).map(|(id, _)| *id).collect();
        if !relayed.is_empty() {
            session.writers.values().for_each(Writer::relocate);
        }
        relayed
    }

    /// Whether the peer has a direct connection that lives: then no relay is needed.
    pub(crate) fn is_direct(&self, peer: &PeerId, now: Instant) -> bool {
        let sessions = self.lock();
        let Some(session) = sessions.by_peer.get(peer) else { return false };
        session.links.values().any(|link| !link.relayed && !link.pulse.is_doubtful(now))
    }
}

#[cfg(test)]
mod tests {
    use libp2p::core::{Endpoint, transport::PortUse};
    use tokio::sync::mpsc;

    use super::*;
    use crate::{Limits, realm::Realm};

    /// The streams to a peer go on for as long as it may be there, and the node waits for the last of them.
    #[tokio::test]
    async fn who_connects_while_the_node_ends_does_not_hold_it_up() {
        let shared = Shared::new(&Limits::default(), Realm::default(), mpsc::channel(1).0, mpsc::channel(1).0);
        let shared = Arc::new(shared);
        let (peer, address) = (PeerId::random(), "/ip4/127.0.0.1/tcp/1".parse().expect("an address"));
        shared.allow(peer);
        shared.close();
        let endpoint = ConnectedPoint::Dialer { address, role_override: Endpoint::Dialer, port_use: PortUse::New };
        shared.connected(peer, ConnectionId::new_unchecked(1), &endpoint);
        assert_eq!(Arc::strong_count(&shared), 1, "no stream has it too");
    }
}
