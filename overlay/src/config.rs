//! What the overlay is started with.

use std::{fmt, sync::Arc, time::Duration};

use libp2p::{Multiaddr, PeerId, identity};
use zeroize::Zeroizing;

use crate::realm::Realm;

/// Everything [`crate::spawn`] needs. Start from [`Config::new`] and change fields.
#[derive(Clone)]
pub struct Config {
    /// Seed of the Ed25519 network key; the [`PeerId`] follows from it. Erased on drop, never shown.
    pub network_seed: Zeroizing<[u8; 32]>,
    /// Addresses to listen on; port 0 = any. All must bind or the overlay does not start, but for `::` on a machine
    /// without IPv6.
    pub listen: Vec<Multiaddr>,
    /// Addresses under which others reach this node, where the operator knows them (port forwarding, DNS).
    pub external: Vec<Multiaddr>,
    /// Peers to join the overlay through, each ending in `/p2p/<peer id>`.
    pub bootstrap: Vec<Multiaddr>,
    /// Peers that were reached at some time, best first, each ending in `/p2p/<peer id>`: tried when no bootstrap peer answers.
    pub book: Vec<Multiaddr>,
    /// The key of a private network; only nodes with the same one are spoken to. Erased on drop, never shown.
    pub network_key: Option<Zeroizing<[u8; 32]>>,
    /// Whose signed seed lists are believed (Ed25519 public key); without it none.
    pub seeds_key: Option<[u8; 32]>,
    /// The newest signed seed list that is known: its nodes are bootstrap peers too.
    pub seeds: Option<Vec<u8>>,
    /// Announce and find peers by multicast on the local network.
    pub mdns: bool,
    /// Ask the router to forward the listen ports.
    pub upnp: bool,
    /// Carry other peers' connections (with [`Limits::relay_circuits`]).
    pub relay_server: bool,
    /// Answer queries of the DHT while it can be reached. A node that is gone in a moment does not: others would go on asking it.
    pub answers: bool,
    /// When this node reserves a place on relays to be reachable.
    pub relay_use: RelayUse,
    /// The caps of SPEC.md, "Connections and memory".
    pub limits: Limits,
    /// How allowed peers are dialled again.
    pub backoff: Backoff,
    /// Source of Unix milliseconds for record validity.
    pub clock: Clock,
}

impl Config {
    /// Defaults of a headless node: TCP and QUIC on any interface, any port, mDNS and UPnP on, no relay server.
    #[must_use]
    pub fn new(network_seed: [u8; 32]) -> Self {
        let any = ["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1", "/ip6/::/tcp/0", "/ip6/::/udp/0/quic-v1"];
        Self {
            network_seed: Zeroizing::new(network_seed),
            listen: any.iter().filter_map(|a| a.parse().ok()).collect(),
            external: Vec::new(),
            bootstrap: Vec::new(),
            book: Vec::new(),
            network_key: None,
            seeds_key: None,
            seeds: None,
            mdns: true,
            upnp: true,
            relay_server: false,
            answers: true,
            relay_use: RelayUse::WhenPrivate,
            limits: Limits::default(),
            backoff: Backoff::default(),
            clock: Clock::system(),
        }
    }

    /// The peer id this configuration gives the node.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.keypair().public().to_peer_id()
    }

    pub(crate) fn realm(&self) -> Realm {
        Realm::new(self.network_key.as_deref())
    }

    pub(crate) fn keypair(&self) -> identity::Keypair {
        let mut seed = *self.network_seed;
        // Any 32 bytes are an Ed25519 seed (RFC 8032, 5.1.5); the call erases its input.
        identity::Keypair::ed25519_from_bytes(&mut seed).expect("32 bytes are a seed")
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("peer_id", &self.peer_id())
            .field("listen", &self.listen)
            .field("external", &self.external)
            .field("bootstrap", &self.bootstrap)
            .field("book", &self.book.len())
            .field("private", &self.network_key.is_some())
            .field("mdns", &self.mdns)
            .field("upnp", &self.upnp)
            .field("relay_server", &self.relay_server)
            .field("answers", &self.answers)
            .field("relay_use", &self.relay_use)
            .field("limits", &self.limits)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

/// The [`PeerId`] of the device whose Ed25519 network public key is `network`, or `None` when that is no point.
#[must_use]
pub fn peer_id_of(network: &[u8; 32]) -> Option<PeerId> {
    let key = identity::ed25519::PublicKey::try_from_bytes(network).ok()?;
    Some(identity::PublicKey::from(key).to_peer_id())
}

/// When to reserve a place on a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayUse {
    /// Never.
    Never,
    /// When the node was found not to be reachable from outside.
    WhenPrivate,
    /// On every relay met, up to two.
    Always,
}

/// Caps that an operator may want to change; the others are constants in the module they guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Established connections in all; allowed peers are admitted beyond it. `[NET-LIMIT-TOTAL]`
    pub connections: u32,
    /// Inbound connections from peers that are not allowed. `[NET-LIMIT-UNKNOWN]`
    pub unknown_inbound: u32,
    /// Connections from unknown peers of one IPv4 /24 or IPv6 /48. `[NET-LIMIT-PREFIX]`
    pub per_prefix: u32,
    /// No new connections while the process uses more memory than this, in bytes. `[NET-LIMIT-MEMORY]`
    pub memory: usize,
    /// Stored records of others. `[NET-RECORD-CAP]`
    pub records: usize,
    /// Stored records of others, in bytes of value. `[NET-RECORD-CAP]`
    pub record_bytes: usize,
    /// Circuits carried at once by the relay server.
    pub relay_circuits: usize,
    /// Bytes one circuit may carry.
    pub relay_circuit_bytes: u64,
    /// Life of one circuit.
    pub relay_circuit_duration: Duration,
    /// A frame of an allowed peer, from its first byte to its last: 1 MiB at 35 KiB/s. `[NET-FRAME-SLOW]`
    pub frame_timeout: Duration,
    /// The same for strangers: 64 KiB at 6.5 KiB/s. `[NET-FRAME-SLOW]`
    pub stranger_frame_timeout: Duration,
    /// A stranger's stream without any frame is closed after this. `[NET-FRAME-SLOW]`
    pub stranger_idle: Duration,
    /// Events waiting for the node, in number; readers of peers wait beyond it.
    pub events: usize,
    /// Bytes of received frames waiting for the node; readers of peers wait beyond it.
    pub event_bytes: usize,
}

impl Limits {
    /// Room for the users of a node through which others meet: to it they are all strangers, and those of one office or
    /// dormitory share an address. Limits that the operator changed stay. Within the 1,024 open files of most systems.
    /// `[NET-LIMIT-SEED]`
    #[must_use]
    pub fn for_relay(self) -> Self {
        let usual = Self::default();
        let widen = |set: u32, usual: u32, wide: u32| if set == usual { wide } else { set };
        Self {
            connections: widen(self.connections, usual.connections, 800),
            unknown_inbound: widen(self.unknown_inbound, usual.unknown_inbound, 640),
            per_prefix: widen(self.per_prefix, usual.per_prefix, 64),
            ..self
        }
    }
}

impl Limits {
    /// Room for the users of a seed, which has nothing else to do: `room` open files, one for each connection.
    /// `[NET-LIMIT-SEED]`
    #[must_use]
    pub fn for_seed(self, room: u32) -> Self {
        let connections = room.clamp(64, 4_096);
        let unknown_inbound = connections / 8 * 7;
        // Hundreds of users share one address: an office, a provider's NAT.
        let per_prefix = (unknown_inbound / 2).max(512).min(unknown_inbound);
        Self { connections, unknown_inbound, per_prefix, relay_circuits: 512, memory: 384 << 20, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            unknown_inbound: 96,
            per_prefix: 8,
            memory: 1 << 30,
            records: 8_192,
            record_bytes: 32 << 20,
            relay_circuits: 128,
            relay_circuit_bytes: 256 << 20,
            relay_circuit_duration: Duration::from_secs(3_600),
            frame_timeout: Duration::from_secs(30),
            stranger_frame_timeout: Duration::from_secs(10),
            stranger_idle: Duration::from_secs(60),
            events: 1_024,
            event_bytes: 16 << 20,
        }
    }
}

/// Pauses between attempts to reach an allowed peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure; doubled by each further one.
    pub first: Duration,
    /// Never longer than this.
    pub most: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), most: Duration::from_secs(300) }
    }
}

/// Unix milliseconds, from the system or (in tests) from anywhere.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Clock {
    /// The system's clock; before 1970 it is 0.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|| {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
    }

    /// A clock that asks `now`.
    pub fn new(now: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Unix milliseconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_has_room_for_hundreds_of_users_behind_one_address() {
        // [NET-LIMIT-SEED]
        let seed = Limits::default().for_seed(4_096);
        assert_eq!((seed.connections, seed.unknown_inbound, seed.per_prefix), (4_096, 3_584, 1_792));
        let small = Limits::default().for_seed(896);
        assert_eq!((small.connections, small.unknown_inbound, small.per_prefix), (896, 784, 512));
        let tiny = Limits::default().for_seed(0);
        assert!(tiny.per_prefix <= tiny.unknown_inbound && tiny.unknown_inbound < tiny.connections);
    }

    #[test]
    fn a_relay_has_room_for_many_users_unless_its_operator_says_otherwise() {
        // [NET-LIMIT-SEED]
        let relay = Limits::default().for_relay();
        assert_eq!((relay.connections, relay.unknown_inbound, relay.per_prefix), (800, 640, 64));
        let strict = Limits { per_prefix: 3, unknown_inbound: 10, ..Limits::default() }.for_relay();
        assert_eq!((strict.connections, strict.unknown_inbound, strict.per_prefix), (800, 10, 3));
    }
}
