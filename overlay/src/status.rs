//! A snapshot of the overlay for people and for `node.status`.

use std::time::Duration;

use libp2p::{Multiaddr, PeerId};

/// What is known about being reachable from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nat {
    /// Nothing was tested yet.
    Unknown,
    /// Only addresses of this machine or a private network are confirmed.
    Local,
    /// At least one address that reaches from the internet is confirmed or configured.
    Public,
    /// Other nodes tried and failed to dial back.
    Private,
}

/// A configured bootstrap peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootstrap {
    /// Who.
    pub peer: PeerId,
    /// Where, as configured.
    pub addresses: Vec<Multiaddr>,
    /// It is connected.
    pub connected: bool,
    /// What came of the last attempt to connect, if nothing good.
    pub trouble: Option<String>,
}

/// A connected peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// Who.
    pub peer: PeerId,
    /// The remote address of the connection that is used now.
    pub address: Multiaddr,
    /// It runs through a relay.
    pub relayed: bool,
    /// How long the peer has been connected.
    pub connected: Duration,
}

/// Counters since start and sizes now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// This node.
    pub peer_id: PeerId,
    /// Bound listen addresses, as the system reports them.
    pub listen: Vec<Multiaddr>,
    /// Confirmed or configured external addresses, circuits included.
    pub external: Vec<Multiaddr>,
    /// Established connections.
    pub connections: usize,
    /// Of these, those through a relay.
    pub relayed: usize,
    /// Distinct connected peers.
    pub peers: usize,
    /// Peers in the Kademlia routing table.
    pub routing_table: usize,
    /// Records stored for others and ourselves.
    pub records: usize,
    /// Allowed peers.
    pub allowed: usize,
    /// Allowed peers that are connected now.
    pub allowed_online: Vec<PeerId>,
    /// Reachability.
    pub nat: Nat,
    /// Relays that hold a reservation for this node.
    pub reservations: Vec<PeerId>,
    /// Relays met so far.
    pub relays: usize,
    /// Where these relays are, each ending in `/p2p/<peer id>`.
    pub places: Vec<Multiaddr>,
    /// A confirmed address is one that the router forwards by UPnP.
    pub forwarded: bool,
    /// None of the listen addresses is one of the internet: there is an address translation in between.
    pub translated: bool,
    /// Others see this node at a port at which it listens, as is needed for hole punching.
    pub ports_kept: bool,
    /// Of the bootstrap peers nobody answered at another port than 443: the network lets out nothing else.
    pub web_only: bool,
    /// No peer is connected since then, in Unix milliseconds; told after some seconds, together with
    /// [`Event::Alone`](crate::Event::Alone).
    pub alone_since: Option<u64>,
    /// The connected peers.
    pub connected: Vec<Connected>,
    /// This node is a relay for others.
    pub is_relay: bool,
    /// The configured bootstrap peers.
    pub bootstrap: Vec<Bootstrap>,
    /// Peers that were reached at some time, to be written down for the next start: see [`crate::Config::book`].
    pub book: Vec<Multiaddr>,
    /// The newest signed seed list, to be kept for the next start: see [`crate::Config::seeds`].
    pub seeds: Option<Vec<u8>>,
    /// Frames written to peers.
    pub frames_sent: u64,
    /// Bytes of frames written to peers.
    pub bytes_sent: u64,
    /// Writes that carried them (fewer than frames: writes are coalesced).
    pub writes: u64,
    /// Frames delivered to the node.
    pub frames_received: u64,
    /// Bytes of frames delivered to the node.
    pub bytes_received: u64,
    /// Streams refused by the gate or a limit.
    pub refused: u64,
    /// Relayed connections that became direct.
    pub punched: u64,
    /// Relayed connections that could not be made direct.
    pub punches_failed: u64,
    /// Places that others took at this relay.
    pub places_given: u64,
    /// Connections of others that this relay carried.
    pub circuits: u64,
    /// Incoming connections that were not established.
    pub incoming_failed: u64,
    /// Dials that failed.
    pub outgoing_failed: u64,
}

impl Status {
    /// That of a node which knows nobody and has done nothing.
    #[must_use]
    pub fn of(peer_id: PeerId) -> Self {
        Self {
            peer_id,
            listen: Vec::new(),
            external: Vec::new(),
            connections: 0,
            relayed: 0,
            peers: 0,
            routing_table: 0,
            records: 0,
            allowed: 0,
            allowed_online: Vec::new(),
            nat: Nat::Unknown,
            reservations: Vec::new(),
            relays: 0,
            places: Vec::new(),
            forwarded: false,
            translated: false,
            ports_kept: false,
            web_only: false,
            alone_since: None,
            connected: Vec::new(),
            is_relay: false,
            bootstrap: Vec::new(),
            book: Vec::new(),
            seeds: None,
            frames_sent: 0,
            bytes_sent: 0,
            writes: 0,
            frames_received: 0,
            bytes_received: 0,
            refused: 0,
            punched: 0,
            punches_failed: 0,
            places_given: 0,
            circuits: 0,
            incoming_failed: 0,
            outgoing_failed: 0,
        }
    }
}
