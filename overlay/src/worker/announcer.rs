//! What the node has been told, so that a slow node costs no memory: news of a peer or of addresses that pile up
//! are merged into what is true in the end, but a session that ended in between is never hidden.

use std::collections::{HashMap, VecDeque};

use libp2p::{Multiaddr, PeerId};

use crate::{
    Event,
    shared::{Presence, Shared},
};

#[derive(Debug, Default)]
pub(super) struct Announcer {
    /// What the node knows of: the generation of the session, and where its connection leads.
    told: HashMap<PeerId, (u64, Multiaddr)>,
    changed: VecDeque<PeerId>,
    addresses: Vec<Multiaddr>,
    addresses_changed: bool,
    /// Nobody is connected since then; `None` in the outer option: no news.
    alone: Option<Option<u64>>,
    probe: Option<u64>,
}

impl Announcer {
    /// The peer may have come or gone.
    pub(super) fn changed(&mut self, peer: PeerId) {
        if !self.changed.contains(&peer) {
            self.changed.push_back(peer);
        }
    }

    /// The node is no longer to hear of the peer.
    pub(super) fn forget(&mut self, peer: &PeerId) {
        self.told.remove(peer);
        self.changed.retain(|p| p != peer);
    }

    pub(super) fn addresses(&mut self, addresses: Vec<Multiaddr>) {
        if addresses != self.addresses {
            self.addresses = addresses;
            self.addresses_changed = true;
        }
    }

    /// Nobody has been connected since then, or somebody is again.
    pub(super) fn alone(&mut self, since: Option<u64>) {
        self.alone = Some(since);
    }

    /// The node wants to see whether its events reach it.
    pub(super) fn probe(&mut self, number: u64) {
        self.probe = Some(number);
    }

    pub(super) fn has_news(&self) -> bool {
        self.addresses_changed || self.alone.is_some() || self.probe.is_some() || !self.changed.is_empty()
    }

    /// The next event, if the changes amount to one.
    pub(super) fn next(&mut self, shared: &Shared) -> Option<Event> {
        let event = self.peer_event(|peer| shared.presence(peer));
        if let Some(Event::Connected { peer, .. }) = &event {
            shared.set_announced(peer, self.told[peer].0);
        }
        event
            .or_else(|| std::mem::take(&mut self.addresses_changed).then(|| Event::Addresses(self.addresses.clone())))
            .or_else(|| self.alone.take().map(|since| Event::Alone { since }))
            .or_else(|| self.probe.take().map(Event::Probe))
    }

    fn peer_event(&mut self, presence: impl Fn(&PeerId) -> Option<Presence>) -> Option<Event> {
        while let Some(peer) = self.changed.pop_front() {
            match (self.told.get(&peer), presence(&peer)) {
                (Some((told, at)), Some(now)) if *told == now.generation => {
                    let Presence { generation, address, relayed, .. } = now;
                    if *at != address {
                        self.told.insert(peer, (generation, address.clone()));
                        return Some(Event::Rerouted { peer, address, relayed });
                    }
                }
                (Some(_), now) => {
                    self.told.remove(&peer);
                    if now.is_some() {
                        self.changed.push_front(peer);
                    }
                    return Some(Event::Disconnected { peer });
                }
                (None, Some(Presence { generation, address, relayed, dialed })) => {
                    self.told.insert(peer, (generation, address.clone()));
                    return Some(Event::Connected { peer, address, relayed, dialed });
                }
                (None, None) => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(generation: u64) -> Option<Presence> {
        Some(Presence { generation, address: Multiaddr::empty(), relayed: false, dialed: true })
    }

    fn events(announcer: &mut Announcer, now: &Option<Presence>) -> Vec<&'static str> {
        std::iter::from_fn(|| announcer.peer_event(|_| now.clone()))
            .map(|e| match e {
                Event::Connected { .. } => "connected",
                Event::Rerouted { .. } => "rerouted",
                _ => "disconnected",
            })
            .collect()
    }

    #[test]
    fn a_reconnection_between_two_looks_is_told() {
        let (mut announcer, peer) = (Announcer::default(), PeerId::random());
        announcer.changed(peer);
        assert_eq!(events(&mut announcer, &presence(1)), ["connected"]);
        announcer.changed(peer);
        announcer.changed(peer);
        assert_eq!(events(&mut announcer, &presence(2)), ["disconnected", "connected"]);
        announcer.changed(peer);
        assert_eq!(events(&mut announcer, &None), ["disconnected"]);
    }

    #[test]
    fn a_better_connection_of_the_same_session_is_told_once() {
        let (mut announcer, peer) = (Announcer::default(), PeerId::random());
        announcer.changed(peer);
        assert_eq!(events(&mut announcer, &presence(1)), ["connected"]);
        let mut direct = presence(1);
        if let Some(direct) = &mut direct {
            direct.address = "/ip4/192.0.2.1/tcp/1".parse().expect("an address");
        }
        for expected in [vec!["rerouted"], Vec::new()] {
            announcer.changed(peer);
            assert_eq!(events(&mut announcer, &direct), expected);
        }
    }

    #[test]
    fn a_session_that_came_and_went_unseen_is_not_told() {
        let (mut announcer, peer) = (Announcer::default(), PeerId::random());
        announcer.changed(peer);
        assert!(events(&mut announcer, &None).is_empty());
        assert!(!announcer.has_news());
    }
}
