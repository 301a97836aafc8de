//! Connections: what the seeker wants is dialled, what comes of it is told to whoever waits.

use std::time::Duration;

use libp2p::{
    Multiaddr, PeerId,
    core::ConnectedPoint,
    ping,
    swarm::{
        ConnectionId, DialError as SwarmDialError,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use tokio::time::Instant;

use super::{Worker, commands::answer};
use crate::{
    DialError,
    address::{self, relay_of},
    heartbeat,
    seeker::Step,
};

/// Streams on a relayed connection get so long to finish once there is a direct one.
const SUPERSEDED: Duration = Duration::from_secs(5);
/// In this time a direct connection shows that it lives, or is given up.
const PROVEN: Duration = Duration::from_secs(15);

/// What the names in a peer's addresses stand for.
pub(super) struct Resolved {
    peer: PeerId,
    addresses: Vec<Multiaddr>,
    trusted: bool,
}

impl Worker {
    /// Does what is due.
    pub(super) fn seek(&mut self, now: Instant) {
        let steps = self.seeker.steps(now, &mut self.rng);
        steps.into_iter().for_each(|step| self.step(step));
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Dial(peer, addresses) => self.dial_told(peer, addresses),
            Step::LookUp(peer) => self.find_peer(peer),
            Step::GiveUp(peer, error) => {
                for respond_to in self.waiting.remove(&peer).unwrap_or_default() {
                    answer(respond_to, Err(error.clone()));
                }
            }
        }
    }

    /// Dials what somebody said are addresses of the peer, as far as that is reasonable.
    fn dial_told(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        let reasonable = addresses.into_iter().filter(|address| self.shared.may_dial(address));
        // By a relay that is connected no host is dialled.
        let is_here = |circuit: &Multiaddr| relay_of(circuit).is_some_and(|relay| self.shared.is_connected(&relay));
        let (mut here, elsewhere): (Vec<_>, Vec<_>) = reasonable.partition(is_here);
        let mut addresses = self.dials.choose(elsewhere, Instant::now());
        addresses.append(&mut here);
        if addresses.is_empty() {
            let why = "its addresses cannot be meant for this node, or their hosts were dialled too often just now";
            self.dial_failed(peer, DialError::Unreachable(why.to_owned()));
        } else {
            self.dial_all(peer, addresses, false);
        }
    }

    /// Dials where somebody was at some time, if that is reasonable.
    pub(super) fn dial_hint(&mut self, peer: PeerId, address: Multiaddr) {
        let addresses = self.dials.choose(vec![address], Instant::now());
        let reasonable: Vec<Multiaddr> = addresses.into_iter().filter(|at| self.shared.may_dial(at)).collect();
        if !self.shared.is_connected(&peer) && !reasonable.is_empty() {
            self.dial_all(peer, reasonable, false);
        }
    }

    /// `trusted`: the addresses come from the operator or from the local network itself.
    pub(super) fn dial_all(&mut self, peer: PeerId, addresses: Vec<Multiaddr>, trusted: bool) {
        if addresses.iter().any(address::is_named) {
            let back = self.resolved_to.clone();
            self.shared.runtime.spawn(async move {
                let addresses = address::resolve(addresses).await;
                // Err: the overlay has ended.
                let _ = back.send(Resolved { peer, addresses, trusted }).await;
            });
        } else {
            self.dial(peer, addresses);
        }
    }

    pub(super) fn dial_resolved(&mut self, Resolved { peer, addresses, trusted }: Resolved) {
        if addresses.is_empty() {
            self.dial_failed(peer, DialError::Unreachable("no such name".to_owned()));
        } else if trusted {
            self.dial(peer, addresses);
        } else {
            self.dial_told(peer, addresses);
        }
    }

    fn dial(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        // A connection that was given up may take long to close.
        let gone = !self.shared.is_connected(&peer);
        let condition = match gone {
            // Hole punching dials for up to 21 s; a contact whose connection is gone meanwhile does not wait for its end. What the seeker has
            // dialled it does not ask for twice.
            true if self.shared.is_allowed(&peer) || self.seeker.is_dialing(&peer) => PeerCondition::Always,
            true => PeerCondition::NotDialing,
            false => PeerCondition::DisconnectedAndNotDialing,
        };
        let options = DialOpts::peer_id(peer)
            .addresses(addresses)
            .extend_addresses_through_behaviour()
            .condition(condition)
            .build();
        match self.swarm.dial(options) {
            // If it is being dialled already, that dial's outcome will do.
            Ok(()) | Err(SwarmDialError::DialPeerConditionFalse(_)) => {}
            Err(error) => self.dial_failed(peer, unreachable(&error)),
        }
    }

    pub(super) fn on_connected(&mut self, peer: PeerId, connection: ConnectionId, endpoint: &ConnectedPoint) {
        self.count_peers();
        let dialed = (endpoint.is_dialer() && !endpoint.is_relayed()).then(|| endpoint.get_remote_address());
        if let Some(at) = dialed {
            self.reachability.outward.reached(at);
        }
        self.seeker.connected(&peer, dialed);
        for respond_to in self.waiting.remove(&peer).unwrap_or_default() {
            self.shared.want(&peer);
            answer(respond_to, Ok(()));
        }
        self.announcer.changed(peer);
        let now = Instant::now();
        self.discovery.seed_connected(&peer, now);
        for relayed in self.shared.supersede(&peer, connection) {
            self.discovery.close_later(peer, relayed, now + SUPERSEDED);
        }
        if endpoint.is_relayed() {
            // Beside a direct connection it is needed only if that one is dead; this will have shown by then.
            self.discovery.close_later(peer, connection, now + PROVEN);
        }
    }

    /// A connection ended or was given up; perhaps the last one.
    pub(super) fn on_disconnected(&mut self, peer: PeerId) {
        self.announcer.changed(peer);
        if self.shared.is_connected(&peer) {
            return;
        }
        self.count_peers();
        let now = Instant::now();
        self.seeker.disconnected(&peer, now, &mut self.rng);
        self.discovery.seed_lost(&peer, now);
    }

    pub(super) fn count_peers(&mut self) {
        self.alone.counted(self.shared.count().0, Instant::now(), self.clock.now());
    }

    pub(super) fn on_ping(&mut self, event: &ping::Event) {
        match &event.result {
            Ok(_) => self.shared.heard(&event.peer, event.connection, Some(Instant::now())),
            Err(ping::Failure::Unsupported) => self.shared.heard(&event.peer, event.connection, None),
            // Silence speaks for itself.
            Err(error) => tracing::debug!(peer = %event.peer, %error, "no answer to a ping"),
        }
    }

    /// Asks for signs of life where it is time.
    pub(super) fn ask_for_life(&mut self, now: Instant) {
        for (peer, connection) in self.shared.to_ask(now) {
            self.swarm.behaviour_mut().heartbeat.ask(peer, connection);
        }
    }

    /// A peer answered, or does not speak this.
    pub(super) fn on_answer(&self, answer: &heartbeat::Answer) {
        let at = answer.speaks.then(Instant::now);
        self.shared.heard(&answer.peer, answer.connection, at);
    }

    /// Ends connections whose other end is not there any more. `[NET-LIVE]`
    pub(super) fn give_up_silent(&mut self, now: Instant) {
        for (peer, connection) in self.shared.silent(now) {
            tracing::debug!(%peer, "nothing was heard for too long: the connection is given up");
            self.swarm.close_connection(connection);
            // The system may not let go of it for long.
            self.shared.disconnected(peer, connection);
            self.on_given_up(now);
            self.on_disconnected(peer);
        }
    }

    /// This node has another address than before: what was tried in vain may work now, and what worked may be dead.
    pub(super) fn on_moved(&mut self) {
        let now = Instant::now();
        self.shared.doubt_all();
        self.seeker.hurry(now);
        self.discovery.hurry(now);
        self.punches.start_over();
        self.reachability.doubt(now);
        self.seek(now);
    }

    /// Dials contacts anew that are connected through relays only: hole punching begins with the circuit. `[NET-PUNCH]`
    pub(super) fn punch_again(&mut self, now: Instant) {
        for peer in self.punches.due(&self.shared.relayed_only(), now) {
            // The side that dialled the circuit does it, so that it is done once.
            let Some(circuit) = self.shared.circuit_of(&peer) else { continue };
            let options = DialOpts::peer_id(peer).addresses(vec![circuit]).condition(PeerCondition::Always).build();
            if let Err(error) = self.swarm.dial(options) {
                tracing::debug!(%peer, %error, "hole punching was not tried again");
            }
        }
    }

    pub(super) fn on_dial_error(&mut self, peer: PeerId, error: &SwarmDialError) {
        tracing::debug!(%peer, %error, "dial failed");
        if !self.shared.is_connected(&peer) {
            self.dial_failed(peer, unreachable(error));
        }
    }

    fn dial_failed(&mut self, peer: PeerId, error: DialError) {
        self.discovery.seed_failed(&peer, &error);
        let next = self.seeker.failed(&peer, error, Instant::now(), &mut self.rng);
        next.into_iter().for_each(|step| self.step(step));
    }

    /// The outcome of a lookup.
    pub(super) fn found_peer(&mut self, peer: PeerId, addresses: &[Multiaddr]) {
        let next = self.seeker.found(&peer, addresses, Instant::now(), &mut self.rng);
        next.into_iter().for_each(|step| self.step(step));
    }
}

fn unreachable(error: &SwarmDialError) -> DialError {
    match error {
        SwarmDialError::NoAddresses => DialError::NoAddress,
        SwarmDialError::WrongPeerId { .. } => DialError::Unreachable("another node answers at its address".to_owned()),
        SwarmDialError::Transport(errors) => {
            let tried: Vec<String> = errors.iter().map(|(address, _)| address.to_string()).collect();
            DialError::Unreachable(format!("no answer at {}", tried.join(", ")))
        }
        other => DialError::Unreachable(other.to_string()),
    }
}
