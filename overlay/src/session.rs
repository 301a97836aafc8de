//! A peer's session: from its first connection to the end of its last one.

use std::collections::{BTreeMap, HashMap};

use libp2p::{Multiaddr, core::ConnectedPoint, swarm::ConnectionId};
use tokio::sync::watch;

use crate::{
    Protocol,
    streams::{Origin, Slot, Writer},
};

/// One connection of a session.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) address: Multiaddr,
    pub(crate) relayed: bool,
    pub(crate) dialed: bool,
    pub(crate) origin: Origin,
}

impl Link {
    pub(crate) fn new(endpoint: &ConnectedPoint) -> Self {
        let address = endpoint.get_remote_address().clone();
        let origin = Origin::of_endpoint(endpoint);
        Self { relayed: endpoint.is_relayed(), dialed: endpoint.is_dialer(), origin, address }
    }
}

#[derive(Debug)]
pub(crate) struct Session {
    /// Tells two sessions of one peer apart.
    pub(crate) generation: u64,
    pub(crate) links: BTreeMap<ConnectionId, Link>,
    pub(crate) writers: HashMap<Protocol, Writer>,
    pub(crate) slots: HashMap<Protocol, Slot>,
    /// Dialled by the node, so it wants to hear of it.
    pub(crate) wanted: bool,
    /// Whether the node was told of this session.
    pub(crate) announced: watch::Sender<bool>,
}

impl Session {
    pub(crate) fn new(generation: u64) -> Self {
        Self {
            generation,
            links: BTreeMap::new(),
            writers: HashMap::new(),
            slots: HashMap::new(),
            wanted: false,
            announced: watch::Sender::new(false),
        }
    }

    /// The connection to open streams on: a direct one if there is one, else the newest.
    pub(crate) fn best(&self) -> Option<(ConnectionId, &Link)> {
        self.links.iter().max_by_key(|(id, link)| (!link.relayed, **id)).map(|(id, link)| (*id, link))
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
