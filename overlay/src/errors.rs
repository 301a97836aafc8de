//! One error type per operation.

use libp2p::Multiaddr;

/// The overlay has ended (shut down or failed); nothing more will happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the overlay is not running")]
pub struct Gone;

/// Why the overlay did not start. Nothing keeps running after it.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The address belongs to another process (or to another listener of this one).
    #[error("cannot listen on {address}: it is in use by another process; choose another port or stop that process")]
    AddressInUse {
        /// As configured.
        address: Multiaddr,
    },
    /// Any other reason why it cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// As configured.
        address: Multiaddr,
        /// The system's words.
        reason: String,
    },
    /// A bootstrap address does not end in `/p2p/<peer id>`.
    #[error("bootstrap address {address} does not end in /p2p/<peer id>")]
    Bootstrap {
        /// As configured.
        address: Multiaddr,
    },
    /// A transport or behaviour cannot be set up on this machine.
    #[error("cannot set up {what}: {reason}")]
    Setup {
        /// Which part.
        what: &'static str,
        /// The system's words.
        reason: String,
    },
}

/// Why a frame was not queued. Nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no connection to the peer now.
    #[error("the peer is not connected")]
    NotConnected,
    /// The queue of this peer and protocol holds too many frames or bytes; try again after the next event.
    #[error("the send queue of this peer is full")]
    QueueFull,
    /// The frame is over [`crate::Protocol::max_frame`] or empty; a bug of the caller.
    #[error("a frame of {len} bytes cannot be sent (limit {max}, and not empty)")]
    Size {
        /// Of the frame, in bytes.
        len: usize,
        /// Of the protocol, in bytes.
        max: usize,
    },
    /// Only allowed peers are sent `Sync` and `Parcel` frames.
    #[error("the peer is not allowed")]
    NotAllowed,
    /// The overlay has ended.
    #[error("the overlay is not running")]
    Gone,
}

/// Why a peer could not be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// No address was given and none was found.
    #[error("no address of the peer is known")]
    NoAddress,
    /// Every address failed.
    #[error("the peer cannot be reached: {0}")]
    Unreachable(String),
    /// Nothing happened within 30 s.
    #[error("the peer did not answer in time")]
    TimedOut,
    /// Too many dials are waiting; try again later.
    #[error("too many dials are waiting")]
    Busy,
    /// The overlay has ended.
    #[error("the overlay is not running")]
    Gone,
}

/// Why a record was not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// It would not pass a storer's validation; a bug of the caller, or an expired record.
    #[error("the record is not valid: {0}")]
    Invalid(#[from] crate::record::RecordError),
    /// No other node is known that could store it; try again once connected.
    #[error("no node to store the record on is known")]
    NoPeers,
    /// Nodes are known but none took it in time.
    #[error("no node stored the record")]
    NotStored,
    /// Too many queries are waiting; try again later.
    #[error("too many queries are waiting")]
    Busy,
    /// The overlay has ended.
    #[error("the overlay is not running")]
    Gone,
}

/// Why a record was not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The 32 bytes are not an account key.
    #[error("not a valid account key")]
    Key,
    /// No node that was asked has a valid record.
    #[error("no valid record was found")]
    NotFound,
    /// Too many queries are waiting; try again later.
    #[error("too many queries are waiting")]
    Busy,
    /// The overlay has ended.
    #[error("the overlay is not running")]
    Gone,
}
