//! Who may begin a handshake. Nobody is known yet; all there is to go by is where a connection seems to come from.
//!
//! Three rules keep strangers from keeping contacts out:
//!
//! 1. Each network prefix has its own rate and its own places, so one network cannot use up what there is for all.
//!    Networks that were quiet draw on a bucket, and have places, that busy ones cannot touch.
//! 2. Hosts of allowed peers ([`crate::familiar`]) and circuits that a relay says come from an allowed peer have
//!    a rate and places of their own.
//! 3. TCP, QUIC and circuits are counted apart. A TCP connection exists only after packets went both ways, so its
//!    address is true. The first packet of QUIC can carry any address (libp2p sends no Retry, RFC 9000 section 8.1.2):
//!    with forged ones an attacker can use up QUIC's places, also those of a chosen network, but not TCP's. And a
//!    relay may lie about who calls.
//!
//! Pure: the time comes from the caller.

use std::{collections::HashMap, time::Duration};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol, swarm::ConnectionId};
use tokio::time::Instant;

use super::Denied;
use crate::{
    address::relay_of,
    bucket::{Bucket, Rate},
    familiar::Host,
    streams::Origin,
};

/// New connections of strangers by one transport: a handshake costs about 1.5 ms of processor. `[NET-LIMIT-RATE]`
const ALL: Rate = Rate { burst: 128, per_second: 32.0 };
/// The part of it that is for networks which were quiet. `[NET-LIMIT-RATE]`
const NEWCOMERS: Rate = Rate { burst: 64, per_second: 16.0 };
/// A network that has not knocked for so long was quiet: longer than a node pauses that tries again and again.
const QUIET: Duration = Duration::from_secs(10);
/// Callers remembered for it; when more knock, none counts as quiet.
const REMEMBERED: usize = 4_096;
/// New connections of one host or peer that is allowed, by one transport. `[NET-LIMIT-RATE]`
const FAMILIAR: Rate = Rate { burst: 16, per_second: 1.0 };
/// Handshakes of strangers in progress by one transport. `[NET-LIMIT-PENDING]`
const PENDING: usize = 64;
/// Further ones, of networks that were quiet. `[NET-LIMIT-PENDING]`
const PENDING_QUIET: usize = 16;
/// Handshakes in progress of one host or peer that is allowed. `[NET-LIMIT-PENDING]`
const PENDING_FAMILIAR: usize = 8;

/// How a connection comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Way {
    /// TCP, or a transport without IP addresses: the source is who it seems to be.
    Stream,
    /// QUIC: the source is whatever the first packet says.
    Datagram,
    /// Through a relay that this node chose.
    Circuit,
}

/// Who seems to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    /// A stranger of a network.
    Network(Origin),
    /// Somebody behind a relay.
    Relay(PeerId),
    /// A host of an allowed peer.
    Host(Host),
    /// An allowed peer, says the relay.
    Peer(PeerId, PeerId),
}

impl Caller {
    fn is_familiar(self) -> bool {
        matches!(self, Self::Host(_) | Self::Peer(..))
    }

    /// This machine is exempt from limits by prefix.
    fn is_local(self) -> bool {
        self == Self::Network(Origin::Local)
    }
}

/// What a pending inbound connection shows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Knock {
    pub(super) way: Way,
    /// As a stranger.
    pub(super) stranger: Caller,
    /// As somebody known, if it looks like one.
    pub(super) familiar: Option<Caller>,
}

impl Knock {
    /// `known` and `allowed` say whether a host and a peer are those of allowed peers.
    pub(super) fn new(
        local: &Multiaddr,
        remote: &Multiaddr,
        known: impl Fn(&Host) -> bool,
        allowed: impl Fn(&PeerId) -> bool,
    ) -> Self {
        if let Some(relay) = relay_of(local) {
            let source = remote.iter().find_map(|p| if let Protocol::P2p(peer) = p { Some(peer) } else { None });
            let familiar = source.filter(allowed).map(|peer| Caller::Peer(relay, peer));
            return Self { way: Way::Circuit, stranger: Caller::Relay(relay), familiar };
        }
        let datagram = remote.iter().any(|p| matches!(p, Protocol::Udp(_)));
        let way = if datagram { Way::Datagram } else { Way::Stream };
        let familiar = Host::of(remote).filter(known).map(Caller::Host);
        Self { way, stranger: Caller::Network(Origin::of(remote)), familiar }
    }
}

type Key = (Way, Caller);

/// See the module.
pub(super) struct Door {
    per_prefix: usize,
    network: Rate,
    pending: HashMap<ConnectionId, Key>,
    all: HashMap<Way, Bucket>,
    newcomers: HashMap<Way, Bucket>,
    /// Of those that were let in lately; bounded by the rates for all.
    callers: HashMap<Key, Bucket>,
    /// When strangers knocked last, let in or not.
    knocked: HashMap<Key, Instant>,
}

impl Door {
    pub(super) fn new(per_prefix: u32) -> Self {
        Self {
            per_prefix: usize::try_from(per_prefix).unwrap_or(usize::MAX),
            // Everybody of one network may come back at the same moment, and once again.
            network: Rate {
                burst: per_prefix.max(4).saturating_mul(2),
                per_second: f64::from(per_prefix.max(4)) / 8.0,
            },
            pending: HashMap::new(),
            all: HashMap::new(),
            newcomers: HashMap::new(),
            callers: HashMap::new(),
            knocked: HashMap::new(),
        }
    }

    /// Whether the handshake may begin.
    pub(super) fn enter(&mut self, connection: ConnectionId, knock: Knock, now: Instant) -> Result<(), Denied> {
        let known = knock.familiar.filter(|caller| self.known((knock.way, *caller), now));
        let caller = match known {
            Some(caller) => caller,
            None => self.stranger((knock.way, knock.stranger), now).map(|()| knock.stranger)?,
        };
        self.pending.insert(connection, (knock.way, caller));
        Ok(())
    }

    /// The handshake is over, whatever came of it.
    pub(super) fn leave(&mut self, connection: &ConnectionId) {
        self.pending.remove(connection);
    }

    /// False when the reserve of this caller is used up: it is then as good as a stranger.
    fn known(&mut self, key: Key, now: Instant) -> bool {
        self.pending_of(key) < PENDING_FAMILIAR && take(&mut self.callers, key, FAMILIAR, now)
    }

    fn stranger(&mut self, key: Key, now: Instant) -> Result<(), Denied> {
        let (way, caller) = key;
        // [NET-LIMIT-PREFIX]
        if !caller.is_local() && self.pending_of(key) >= self.per_prefix {
            return Err(Denied::Prefix);
        }
        let quiet = !caller.is_local() && self.was_quiet(key, now);
        // [NET-LIMIT-PENDING]
        let most = if quiet { PENDING + PENDING_QUIET } else { PENDING };
        if self.pending.values().filter(|(w, c)| *w == way && !c.is_familiar()).count() >= most {
            return Err(Denied::Pending);
        }
        // [NET-LIMIT-RATE]
        if self.callers.get_mut(&key).is_some_and(|bucket| !bucket.holds(1.0, now)) {
            return Err(Denied::Rate);
        }
        let granted = (quiet && take(&mut self.newcomers, way, NEWCOMERS, now)) || take(&mut self.all, way, ALL, now);
        if !granted {
            return Err(Denied::Rate);
        }
        if !caller.is_local() {
            self.callers.retain(|_, bucket| bucket.full_at() > now);
            take(&mut self.callers, key, self.network, now);
        }
        Ok(())
    }

    /// Whether this caller has not knocked lately, as far as is remembered.
    fn was_quiet(&mut self, key: Key, now: Instant) -> bool {
        if self.knocked.len() >= REMEMBERED {
            self.knocked.retain(|_, at| now < *at + QUIET);
        }
        if self.knocked.len() >= REMEMBERED && !self.knocked.contains_key(&key) {
            return false;
        }
        self.knocked.insert(key, now).is_none_or(|last| last + QUIET <= now)
    }

    fn pending_of(&self, key: Key) -> usize {
        self.pending.values().filter(|k| **k == key).count()
    }
}

fn take<K: std::hash::Hash + Eq>(buckets: &mut HashMap<K, Bucket>, key: K, rate: Rate, now: Instant) -> bool {
    buckets.entry(key).or_insert_with(|| Bucket::new(rate, now)).take(1.0, now)
}

#[cfg(test)]
mod tests;
