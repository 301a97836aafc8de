//! Commands of the node.

use libp2p::{Multiaddr, PeerId};
use tokio::time::Instant;

use super::{Worker, nat};
use crate::{Command, DialError, Reply, Status};

impl Worker {
    pub(super) fn on_command(&mut self, command: Command) {
        match command {
            Command::Allow { peer, addresses, respond_to } => {
                self.allow(peer, &addresses);
                answer(respond_to, ());
            }
            Command::Revoke { peer, respond_to } => {
                self.shared.revoke(&peer);
                self.seeker.revoke(&peer);
                self.announcer.forget(&peer);
                answer(respond_to, ());
            }
            Command::Dial { peer, addresses, respond_to } => self.dial_for_node(peer, &addresses, respond_to),
            // Never sent by a live handle: it queues frames by itself.
            Command::Send { .. } => {}
            Command::Publish { records, respond_to } => self.publish(records, respond_to),
            Command::Lookup { account, respond_to } => self.look_up(account, respond_to),
            Command::Probe { number, respond_to } => {
                self.announcer.probe(number);
                answer(respond_to, ());
            }
            Command::Status { respond_to } => {
                let status = self.status();
                answer(respond_to, status);
            }
            Command::Shutdown { .. } => unreachable!("the loop takes it"),
        }
    }

    fn allow(&mut self, peer: PeerId, addresses: &[Multiaddr]) {
        if peer == *self.swarm.local_peer_id() {
            return;
        }
        let now = Instant::now();
        self.shared.allow(peer);
        self.shared.recognize(peer, addresses);
        self.announcer.changed(peer);
        self.seeker.allow(peer, addresses, self.shared.is_connected(&peer), now);
        self.seek(now);
    }

    fn dial_for_node(&mut self, peer: PeerId, addresses: &[Multiaddr], respond_to: Reply<Result<(), DialError>>) {
        if self.shared.want(&peer) {
            self.announcer.changed(peer);
            answer(respond_to, Ok(()));
        } else if peer == *self.swarm.local_peer_id() {
            answer(respond_to, Err(DialError::Unreachable("that is this node".to_owned())));
        } else if self.seeker.want(peer, addresses, Instant::now()) {
            self.waiting.entry(peer).or_default().push(respond_to);
            self.seek(Instant::now());
        } else {
            answer(respond_to, Err(DialError::Busy));
        }
    }

    fn status(&mut self) -> Status {
        let (peers, connections) = self.shared.count();
        let allowed = self.shared.allowed();
        let kad = &mut self.swarm.behaviour_mut().kad;
        let routing_table = kad.kbuckets().map(|bucket| bucket.num_entries()).sum();
        let records = kad.store_mut().len();
        let mut status = Status {
            listen: self.swarm.listeners().cloned().collect(),
            external: self.swarm.external_addresses().cloned().collect(),
            connections,
            relayed: self.shared.count_relayed(),
            peers,
            routing_table,
            records,
            allowed: allowed.len(),
            allowed_online: allowed.into_iter().filter(|peer| self.shared.is_connected(peer)).collect(),
            nat: self.reachability.nat(),
            reservations: self.reachability.relays.reserved(),
            relays: self.reachability.relays.known(),
            places: self.reachability.relays.places(),
            translated: !self.swarm.listeners().any(nat::is_global),
            ports_kept: self.reachability.ports_kept(),
            web_only: self.reachability.outward.is_web_only(),
            alone_since: self.alone.since(),
            connected: self.shared.connected_peers(Instant::now()),
            is_relay: self.reachability.relays.is_relay(),
            bootstrap: self.discovery.seeds().map(|seed| seed.status(self.shared.is_connected(&seed.peer))).collect(),
            book: self.discovery.book.written(),
            seeds: self.seeds.signed().map(<[u8]>::to_vec),
            ..Status::of(*self.swarm.local_peer_id())
        };
        let gateway = self.swarm.behaviour().upnp.as_ref();
        status.forwarded = gateway.is_some_and(|gateway| status.external.iter().any(|at| gateway.named(at)));
        self.shared.counters.fill(&mut status);
        status
    }
}

/// A caller that no longer waits is normal.
pub(super) fn answer<T>(respond_to: Reply<T>, value: T) {
    let _ = respond_to.send(value);
}
