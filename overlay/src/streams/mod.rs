//! Bounded, long-lived streams of frames: one outgoing stream per (peer, protocol), opened by whoever sends.
//!
//! ```text
//! opener   ── frame, frame, … ──>   acceptor      frame = length (u32, big-endian) || bytes
//! opener   <──── verdict ────────   acceptor      verdict = 1 (accepted) or 0 (refused, then close)
//! ```
//! The opener waits for the verdict before it writes, so nothing is lost to a refusal; a `0` may follow later
//! when the right to send ends. libp2p's own stream crate is not used: it drops inbound streams when two arrive
//! at once, keeps a sender per past connection for ever, and does not tell by which connection a stream came.

mod behaviour;
mod budget;
mod handler;
mod origin;
mod reader;
mod valve;
mod writer;

use std::time::Duration;

pub(crate) use behaviour::{Behaviour, OpenStream, Via};
pub(crate) use budget::Budget;
pub(crate) use origin::{Origin, ip_of};
use reader::accept;
pub(crate) use reader::{Inbound, Place, Slot, read_frame};
pub(crate) use valve::Valve;
pub(crate) use writer::{Need, Writer};

/// First byte from the acceptor when frames may flow. `[NET-STREAM-VERDICT]`
pub(crate) const ACCEPTED: u8 = 1;
/// The only answer to whatever is not allowed, whatever the reason; the stream is closed after it. `[NET-GATE-UNIFORM]`
pub(crate) const REFUSED: u8 = 0;

/// Opening a stream, its verdict included.
pub(crate) const OPEN_TIMEOUT: Duration = Duration::from_secs(15);
/// A write (of up to [`COALESCE`] and one frame) that takes so long fails: the peer's node is not slow but stuck.
pub(crate) const WRITE_STALL: Duration = Duration::from_secs(120);
/// A stream that replaces one which has not ended waits so long for the frames still in the old one.
pub(crate) const REPLACE_GRACE: Duration = Duration::from_secs(2);
/// A stream that moves to a better connection gets so long to be read to its end.
pub(crate) const FINISH: Duration = Duration::from_secs(2);
/// Refusals being written at once; streams beyond it are reset without one.
pub(crate) const REFUSALS: usize = 64;
/// Inbound streams of one (peer, protocol): the one that is read and the one that replaces it. `[NET-STREAM-LIMIT]`
pub(crate) const STREAMS_PER_PROTOCOL: usize = 2;
/// Frames queued for one (peer, protocol). `[NET-QUEUE-LIMIT]`
pub(crate) const QUEUE_FRAMES: usize = 512;
/// Bytes queued for one (peer, protocol): eight frames of the largest size. `[NET-QUEUE-LIMIT]`
pub(crate) const QUEUE_BYTES: usize = 8 << 20;
/// Bytes queued for all peers together. `[NET-QUEUE-LIMIT]`
pub(crate) const ALL_QUEUES_BYTES: usize = 64 << 20;
/// Frames are gathered into one write up to this many bytes.
pub(crate) const COALESCE: usize = 256 << 10;
/// Pause before a refused or failed stream is opened again; doubled up to [`REOPEN_MOST`].
pub(crate) const REOPEN_FIRST: Duration = Duration::from_millis(500);
/// Longest of these pauses.
pub(crate) const REOPEN_MOST: Duration = Duration::from_secs(60);
