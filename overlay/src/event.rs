//! What the overlay tells the node.

use std::{fmt, net::IpAddr};

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId, StreamProtocol};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// The stream protocols of covey. Each peer opens one outgoing stream per protocol and writes frames to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// `/covey/pair/1`: consent frames, open to strangers within small budgets. Frames up to 64 KiB.
    Pair,
    /// `/covey/sync/1`: feeds, only between allowed peers. Frames up to 1 MiB.
    Sync,
    /// `/covey/parcel/1`: parcels, only between allowed peers. Frames up to 1 MiB.
    Parcel,
    /// `/covey/keeper/1`: mail that waits, open to strangers within the same budgets as [`Protocol::Pair`]. Frames up to 80 KiB.
    Keeper,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pair, Self::Sync, Self::Parcel, Self::Keeper];

    /// Largest frame in bytes. `[NET-FRAME-MAX]`
    #[must_use]
    pub const fn max_frame(self) -> usize {
        match self {
            Self::Pair => 64 << 10,
            Self::Sync | Self::Parcel => 1 << 20,
            Self::Keeper => 80 << 10,
        }
    }

    /// Whether only allowed peers may use it.
    #[must_use]
    pub const fn gated(self) -> bool {
        matches!(self, Self::Sync | Self::Parcel)
    }

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pair => "/covey/pair/1",
            Self::Sync => "/covey/sync/1",
            Self::Parcel => "/covey/parcel/1",
            Self::Keeper => "/covey/keeper/1",
        }
    }

    pub(crate) const fn stream(self) -> StreamProtocol {
        StreamProtocol::new(self.name())
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something the node should know. Frames of one (peer, protocol) come in the order they were sent.
///
/// `Connected`, `Disconnected`, `Opened` and `Closed` are told only of peers that are allowed or were dialled
/// with [`crate::Handle::dial`]; strangers show themselves by a `Frame` of [`Protocol::Pair`] or [`Protocol::Keeper`] and by nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The peer is connected, or was when it became allowed. Precedes its frames.
    Connected {
        /// Who.
        peer: PeerId,
        /// The remote address of the connection, worth remembering if the node dialled it.
        address: Multiaddr,
        /// The connection runs through a relay.
        relayed: bool,
        /// This node dialled, so `address` is one the peer listens on.
        dialed: bool,
    },
    /// A connected peer is now reached by another connection than before, for example by a direct one instead of a
    /// relayed one. Nothing else has changed.
    Rerouted {
        /// Who.
        peer: PeerId,
        /// The remote address of that connection.
        address: Multiaddr,
        /// The connection runs through a relay.
        relayed: bool,
    },
    /// The last connection to the peer is gone; frames still queued for it are lost. No frame of that
    /// connection comes after this.
    Disconnected {
        /// Who.
        peer: PeerId,
    },
    /// The outgoing stream of a protocol is open and the peer accepted it. The sync stream to an allowed peer
    /// is opened (and reopened after a refusal or failure) by the overlay itself; the others by the first `send`.
    Opened {
        /// To whom.
        peer: PeerId,
        /// Which stream.
        protocol: Protocol,
    },
    /// The outgoing stream was refused or failed while the connection stays; frames queued for it may be lost.
    /// Protocol state should begin anew at the next `Opened`.
    Closed {
        /// To whom.
        peer: PeerId,
        /// Which stream.
        protocol: Protocol,
        /// The peer does not (yet) allow this node.
        refused: bool,
    },
    /// A frame arrived, of at most [`Protocol::max_frame`] bytes. Of `Sync` and `Parcel` only from allowed peers.
    Frame {
        /// The authenticated sender.
        peer: PeerId,
        /// By which protocol.
        protocol: Protocol,
        /// Address of the sender's connection; `None` when it is relayed or not an IP address.
        source: Option<IpAddr>,
        /// The opaque content.
        frame: Bytes,
    },
    /// The addresses under which others can reach this node, each ending in `/p2p/<own peer id>`, have changed:
    /// confirmed external ones and circuits first, then listen addresses. For tickets and contact cards.
    Addresses(Vec<Multiaddr>),
    /// For some seconds this node has not been connected to anybody, or it is again. Told by a node that never met anybody,
    /// too.
    Alone {
        /// Since when, Unix milliseconds; `None`: somebody is connected again.
        since: Option<u64>,
    },
    /// The answer to [`crate::Handle::probe`].
    Probe(u64),
}

/// The stream of [`Event`]s. Bounded in number and bytes: a node that does not read slows its peers down.
#[derive(Debug)]
pub struct Events {
    receiver: mpsc::Receiver<Queued>,
}

impl Events {
    /// The next event; `None` once the overlay has ended. Cancel-safe.
    pub async fn recv(&mut self) -> Option<Event> {
        self.receiver.recv().await.map(Queued::take)
    }

    /// The next event if one is waiting.
    pub fn try_recv(&mut self) -> Option<Event> {
        self.receiver.try_recv().ok().map(Queued::take)
    }
}

/// An event and the share of the byte budget that it holds until the node takes it.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) event: Event,
    pub(crate) bytes: Option<OwnedSemaphorePermit>,
}

impl Queued {
    fn take(self) -> Event {
        drop(self.bytes);
        self.event
    }
}

impl From<Event> for Queued {
    fn from(event: Event) -> Self {
        Self { event, bytes: None }
    }
}

pub(crate) fn channel(capacity: usize) -> (mpsc::Sender<Queued>, Events) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    (sender, Events { receiver })
}
