//! A peer's session: from its first connection to the end of its last one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use libp2p::{Multiaddr, core::ConnectedPoint, swarm::ConnectionId};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use crate::{
    Protocol,
    pulse::Pulse,
    streams::{Origin, Slot, Via, Writer},
};

/// One connection of a session.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) address: Multiaddr,
    pub(crate) relayed: bool,
    pub(crate) dialed: bool,
    pub(crate) origin: Origin,
    pub(crate) pulse: Arc<Pulse>,
}

impl Link {
    pub(crate) fn new(endpoint: &ConnectedPoint, now: Instant, stir: Arc<Notify>) -> Self {
        let mut address = endpoint.get_remote_address().clone();
        if let ConnectedPoint::Listener { local_addr, .. } = endpoint
            && endpoint.is_relayed()
        {
            // Only the listener's address shows by which relay it came.
            address = local_addr.iter().chain(&address).collect();
        }
        let origin = Origin::of_endpoint(endpoint);
        let pulse = Arc::new(Pulse::new(now, stir));
        Self { relayed: endpoint.is_relayed(), dialed: endpoint.is_dialer(), origin, address, pulse }
    }
}

#[derive(Debug)]
pub(crate) struct Session {
    /// Tells two sessions of one peer apart.
    pub(crate) generation: u64,
    /// When its first connection was made.
    pub(crate) since: Instant,
    pub(crate) links: BTreeMap<ConnectionId, Link>,
    pub(crate) writers: HashMap<Protocol, Writer>,
    pub(crate) slots: HashMap<Protocol, Slot>,
    /// The connection that the peer uses, as it showed when it left an older one.
    pub(crate) chosen: Option<ConnectionId>,
    /// Dialled by the node, so it wants to hear of it.
    pub(crate) wanted: bool,
    /// Whether the node was told of this session.
    pub(crate) announced: watch::Sender<bool>,
}

impl Session {
    pub(crate) fn new(generation: u64, since: Instant) -> Self {
        Self {
            generation,
            since,
            links: BTreeMap::new(),
            writers: HashMap::new(),
            slots: HashMap::new(),
            chosen: None,
            wanted: false,
            announced: watch::Sender::new(false),
        }
    }

    /// The connection to open streams on: one that lives if there is one; of several the one that the peer turned to,
    /// else a direct one, else the newest.
    pub(crate) fn best(&self, now: Instant) -> Option<(ConnectionId, &Link)> {
        let rank = |id: &ConnectionId, link: &Link| {
            (!link.pulse.is_doubtful(now), self.chosen == Some(*id), !link.relayed, *id)
        };
        self.links.iter().max_by_key(|(id, link)| rank(id, link)).map(|(id, link)| (*id, link))
    }

    pub(crate) fn via(&self, now: Instant) -> Option<Via> {
        self.best(now).map(|(connection, link)| Via { connection, pulse: link.pulse.clone() })
    }

    /// The peer opened a stream of `protocol` on `connection`. If ours is on an older one, the peer knows something that
    /// we do not: that one may be dead, and what we write there lost.
    pub(crate) fn follow(&mut self, protocol: Protocol, connection: ConnectionId) {
        let Some(writer) = self.writers.get(&protocol) else { return };
        match writer.connection() {
            Some(ours) if ours < connection => {
                self.chosen = Some(connection);
                writer.relocate();
            }
            Some(_) => {}
            None => writer.retry(),
        }
    }

    /// Ends the streams of the protocols that `which` picks.
    pub(crate) fn shut(&mut self, which: impl Fn(Protocol) -> bool) {
        self.writers.retain(|protocol, writer| {
            let ends = which(*protocol);
            if ends {
                writer.shut();
            }
            !ends
        });
        self.slots.iter().filter(|(protocol, _)| which(**protocol)).for_each(|(_, slot)| slot.shut());
    }
}
