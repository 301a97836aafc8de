//! What the machine wants done.

use crate::{EntryId, FeedId, RunIn, run::RunLimits};

/// One thing to do. Effects are to be carried out in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncEffect {
    /// Send this frame to the peer.
    Send(Vec<u8>),
    /// Assemble a run of the feed from position `from` on, and answer with
    /// [`SyncInput::Served`](super::SyncInput::Served), at once or later.
    Serve {
        /// The feed, of a channel shared with the peer.
        feed: FeedId,
        /// First position wanted; within our feed.
        from: u64,
        /// How much may be served at once.
        limits: RunLimits,
    },
    /// Verify this run and commit its entries, then answer with `Applied` (to all machines) or `Rejected`.
    Deliver {
        /// The feed the peer says it is of; of a channel shared with it.
        feed: FeedId,
        /// Unverified.
        run: RunIn,
    },
    /// The peer holds our own feed durably up to `seq`: the acknowledgement of delivery to this device. Only for
    /// feeds of our own author and of those of [`PeerSync::set_kin`](super::PeerSync::set_kin), only ever growing, never beyond our head.
    PeerHas {
        /// A feed of ours.
        feed: FeedId,
        /// Its position up to which the peer has it.
        seq: u64,
    },
    /// The peer *says* that our own feed is longer than we have it: a sign that we run on an old copy of our data.
    /// Unproven; the entries are asked for, and a delivered run that verifies is the proof.
    OwnFeedAhead {
        /// A feed of ours.
        feed: FeedId,
        /// How far the peer says it goes.
        seq: u64,
    },
    /// The peer *says* that our own feed ends at `seq`, below our head, with the entry `id` there. If our entry at that
    /// position has another id, then we run on an old copy of our data and have written past what the peer has: answer
    /// with [`SyncInput::Contested`](super::SyncInput::Contested). Else there is nothing to do.
    OwnFeedBehind {
        /// A feed of ours.
        feed: FeedId,
        /// How far the peer says it goes.
        seq: u64,
        /// The id of the peer's entry there.
        id: EntryId,
    },
    /// The peer broke the protocol. The machine ignores it until it connects again; the caller should disconnect.
    Violation(Violation),
}

/// How the peer broke the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Violation {
    /// A frame over [`MAX_FRAME`](crate::limits::MAX_FRAME).
    #[error("oversized frame")]
    Oversized,
    /// Bytes that are no frame, or a list in one over its limit.
    #[error("malformed frame")]
    Malformed,
    /// A frame of another version on a stream of this one.
    #[error("unknown frame version")]
    UnknownVersion,
    /// It acknowledged entries that do not exist.
    #[error("acknowledged entries beyond our head")]
    HaveBeyondHead,
    /// Too many frames that serve no purpose, or too many invalid runs.
    #[error("too many useless frames")]
    Misuse,
}
