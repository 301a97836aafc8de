//! The cloneable handle of the node to its overlay.

use std::sync::Weak;

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Command, DialError, Events, Gone, LookupError, Mock, Protocol, PublishError, Reply, SendError, Status, event,
    record::{Opened, Sealed},
    shared::Shared,
};

/// Commands waiting for the worker; callers wait beyond it.
pub(crate) const COMMANDS: usize = 256;

/// Talks to a running overlay. Clones are cheap; the overlay ends by [`Handle::shutdown`] or when the last clone
/// is dropped.
#[derive(Debug, Clone)]
pub struct Handle {
    local: PeerId,
    commands: mpsc::Sender<Command>,
    frames: Frames,
}

#[derive(Debug, Clone)]
enum Frames {
    Live(Weak<Shared>),
    Mock,
}

impl Handle {
    pub(crate) fn new(local: PeerId, commands: mpsc::Sender<Command>, shared: Weak<Shared>) -> Self {
        Self { local, commands, frames: Frames::Live(shared) }
    }

    /// A handle without an overlay, its events, and the [`Mock`] that plays the overlay. For tests of the node.
    #[must_use]
    pub fn mocked(local: PeerId) -> (Self, Events, Mock) {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let (sender, events) = event::channel(COMMANDS);
        (Self { local, commands, frames: Frames::Mock }, events, Mock { commands: receiver, events: sender })
    }

    /// The id of this node.
    #[must_use]
    pub fn local_peer(&self) -> PeerId {
        self.local
    }

    /// Opens the gate for `peer` and keeps reconnecting to it: `addresses` (remembered, best first) are tried
    /// first, then what discovery finds. Repeating it adds addresses. The gate is open when this returns.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn allow(&self, peer: PeerId, addresses: Vec<Multiaddr>) -> Result<(), Gone> {
        self.ask(|respond_to| Command::Allow { peer, addresses, respond_to }).await
    }

    /// Closes the gate: streams other than `Pair` end, queued frames are dropped, no more reconnecting.
    /// The gate is closed when this returns: no `Sync` or `Parcel` frame of the peer is emitted afterwards.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn revoke(&self, peer: PeerId) -> Result<(), Gone> {
        self.ask(|respond_to| Command::Revoke { peer, respond_to }).await
    }

    /// Connects once to a peer that need not be allowed, for leaving an invite. Returns at once if it is connected.
    /// With no `addresses` the peer is looked up.
    ///
    /// # Errors
    /// [`DialError`] after at most 30 s.
    pub async fn dial(&self, peer: PeerId, addresses: Vec<Multiaddr>) -> Result<(), DialError> {
        self.ask(|respond_to| Command::Dial { peer, addresses, respond_to }).await.unwrap_or(Err(DialError::Gone))
    }

    /// Queues one frame; never waits. Frames of one (peer, protocol) stay in order. There is no acknowledgement:
    /// frames that a failing stream or connection takes with it are lost, and the node resends what matters.
    ///
    /// # Errors
    /// [`SendError`]; nothing was queued.
    pub fn send(&self, peer: PeerId, protocol: Protocol, frame: Bytes) -> Result<(), SendError> {
        let max = protocol.max_frame();
        if frame.is_empty() || frame.len() > max {
            return Err(SendError::Size { len: frame.len(), max });
        }
        match &self.frames {
            Frames::Live(shared) => shared.upgrade().ok_or(SendError::Gone)?.send(peer, protocol, frame),
            Frames::Mock => self.commands.try_send(Command::Send { peer, protocol, frame }).map_err(|e| match e {
                mpsc::error::TrySendError::Full(_) => SendError::QueueFull,
                mpsc::error::TrySendError::Closed(_) => SendError::Gone,
            }),
        }
    }

    /// A frame of this length that a stranger sent was worth it: what it took from the stranger's budget is given back. Never waits.
    pub fn repay(&self, peer: PeerId, protocol: Protocol, len: usize) {
        if let (Frames::Live(shared), Ok(len)) = (&self.frames, u32::try_from(len))
            && let Some(shared) = shared.upgrade()
        {
            shared.repay(peer, protocol, len);
        }
    }

    /// Stores card records (of [`crate::record::seal_current`]) on the nodes nearest to their keys.
    /// Returns how many of the records at least one other node took. Call it again every few hours.
    ///
    /// # Errors
    /// [`PublishError`] when none was taken.
    pub async fn publish(&self, records: Vec<Sealed>) -> Result<usize, PublishError> {
        self.ask(|respond_to| Command::Publish { records, respond_to }).await.unwrap_or(Err(PublishError::Gone))
    }

    /// Finds the newest valid card record of an account; its payload is opaque (and not yet verified as a card).
    ///
    /// # Errors
    /// [`LookupError`] after at most 30 s.
    pub async fn lookup(&self, account: [u8; 32]) -> Result<Vec<Opened>, LookupError> {
        self.ask(|respond_to| Command::Lookup { account, respond_to }).await.unwrap_or(Err(LookupError::Gone))
    }

    /// Lets [`crate::Event::Probe`] come with this number, behind the events that wait: the way of what is received works if
    /// it arrives. Of several that wait only the newest comes.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn probe(&self, number: u64) -> Result<(), Gone> {
        self.ask(|respond_to| Command::Probe { number, respond_to }).await
    }

    /// A snapshot.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn status(&self) -> Result<Status, Gone> {
        self.ask(|respond_to| Command::Status { respond_to }).await
    }

    /// Closes every connection and ends the overlay; returns when that is done.
    pub async fn shutdown(&self) {
        // An overlay that has ended already is as shut down as can be.
        let _ = self.ask(|respond_to| Command::Shutdown { respond_to }).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Gone> {
        let (respond_to, answer) = oneshot::channel();
        self.commands.send(command(respond_to)).await.map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }
}
