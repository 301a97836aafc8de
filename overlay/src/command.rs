//! Commands from the handle to the worker, and the twin that takes the worker's place in tests of the node.

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, oneshot};

use crate::{
    DialError, Event, LookupError, Protocol, PublishError, Status,
    event::Queued,
    record::{Opened, Sealed},
};

/// Where the answer to a command goes. A caller that no longer waits is normal.
pub type Reply<T> = oneshot::Sender<T>;

/// One request of the node. Only a [`Mock`] sees these from outside the crate.
#[derive(Debug)]
pub enum Command {
    /// See [`crate::Handle::allow`].
    Allow {
        /// Whom.
        peer: PeerId,
        /// Remembered addresses.
        addresses: Vec<Multiaddr>,
        /// Done.
        respond_to: Reply<()>,
    },
    /// See [`crate::Handle::revoke`].
    Revoke {
        /// Whom.
        peer: PeerId,
        /// Done.
        respond_to: Reply<()>,
    },
    /// See [`crate::Handle::dial`].
    Dial {
        /// Whom.
        peer: PeerId,
        /// Where; empty = look it up.
        addresses: Vec<Multiaddr>,
        /// Connected, or why not.
        respond_to: Reply<Result<(), DialError>>,
    },
    /// See [`crate::Handle::send`]. Only a [`Mock`] gets this one: the live handle queues frames by itself.
    Send {
        /// To whom.
        peer: PeerId,
        /// By which stream.
        protocol: Protocol,
        /// What.
        frame: Bytes,
    },
    /// See [`crate::Handle::publish`].
    Publish {
        /// The records, one per period.
        records: Vec<Sealed>,
        /// How many records at least one other node stored.
        respond_to: Reply<Result<usize, PublishError>>,
    },
    /// See [`crate::Handle::lookup`].
    Lookup {
        /// Account public key.
        account: [u8; 32],
        /// The valid records, the newest first.
        respond_to: Reply<Result<Vec<Opened>, LookupError>>,
    },
    /// See [`crate::Handle::probe`].
    Probe {
        /// What the event will say.
        number: u64,
        /// Done.
        respond_to: Reply<()>,
    },
    /// See [`crate::Handle::status`].
    Status {
        /// The snapshot.
        respond_to: Reply<Status>,
    },
    /// See [`crate::Handle::shutdown`].
    Shutdown {
        /// Done.
        respond_to: Reply<()>,
    },
}

/// The other end of [`crate::Handle::mocked`]: reads commands, answers them, feeds events.
#[derive(Debug)]
pub struct Mock {
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) events: mpsc::Sender<Queued>,
}

impl Mock {
    /// The next command; `None` when every handle is dropped.
    pub async fn next(&mut self) -> Option<Command> {
        self.commands.recv().await
    }

    /// Lets the node see `event`; waits while its queue is full. False when the node dropped its [`crate::Events`].
    pub async fn emit(&self, event: Event) -> bool {
        self.events.send(event.into()).await.is_ok()
    }
}
