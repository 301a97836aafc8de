//! What happens to the machine.

use std::{collections::BTreeSet, sync::Arc};

use crate::{Author, ChannelId, FeedId, FeedKey, Head, Heads, Run, Spread};

/// A channel that we and the peer are both members of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedChannel {
    /// Its id.
    pub id: ChannelId,
    /// How far we have each of its feeds, durably.
    pub heads: Heads,
    /// Feeds of it that are frozen because they forked: nothing more of them is asked for or taken.
    pub frozen: BTreeSet<FeedKey>,
    /// When something last happened in it (Unix milliseconds): the newest channel is fetched first.
    pub activity: u64,
}

impl SharedChannel {
    /// A channel without frozen feeds.
    pub fn new(id: ChannelId, heads: Heads, activity: u64) -> Self {
        Self { id, heads, frozen: BTreeSet::new(), activity }
    }
}

/// A group that we and the peer are both members of: as [`SharedChannel`], but entries are spread among neighbours, and
/// heads are kept once for all peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedGroup {
    /// Its id.
    pub id: ChannelId,
    /// What the machines of all peers of this group share.
    pub spread: Spread,
    /// The peer: the author of its feeds.
    pub peer: Author,
    /// Whether the peer is our neighbour, see [`is_edge`](crate::spread::is_edge). Others get neither entries nor
    /// announcements, unless they ask for them because they lack neighbours; with them only heads are compared.
    pub neighbour: bool,
    /// Feeds of it that are frozen: nothing more of them is asked for or taken.
    pub frozen: BTreeSet<FeedKey>,
    /// When something last happened in it (Unix milliseconds): the newest channel is fetched first.
    pub activity: u64,
}

/// Why a delivered run was not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// The feed is forked: it is frozen for good.
    Fork,
    /// The run is not valid: the feed is backed off for this peer, longer each time, and it counts as misuse.
    Invalid,
    /// The run is valid but not wanted (its author is not a member, payloads are withheld): backed off like an
    /// invalid one, without counting as misuse.
    Unwanted,
    /// The node cannot take it now (no space, a race): asked for again soon.
    Busy,
}

/// One thing that happened.
///
/// What is said to be durable here must be so before any resulting effect is carried out: either the machine is
/// driven after the commit, or inside the transaction with its effects held back until then. If such a transaction
/// fails, the machine knows too much: give it [`Connected`](Self::Connected) again, with the heads of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncInput {
    /// The peer connected; these are all channels shared with it. Any earlier connection is forgotten.
    Connected {
        /// All channels shared with the peer, whole.
        channels: Vec<SharedChannel>,
    },
    /// The connection is gone. What was in flight is forgotten, back-offs are kept.
    Disconnected,
    /// One more channel is shared with the peer (or its heads are given anew).
    ChannelAdded(SharedChannel),
    /// A channel is no longer shared with the peer.
    ChannelRemoved(ChannelId),
    /// A frame from the peer.
    Frame(Vec<u8>),
    /// Entries of a feed became durable here, whoever sent them (also when a delivered run held nothing new, with
    /// the head as it is). To be given to the machines of *all* peers that share the channel.
    Applied {
        /// The feed.
        feed: FeedId,
        /// Its head now.
        head: Head,
    },
    /// A delivered run was not applied. To be given to the machine that delivered it.
    Rejected {
        /// The feed.
        feed: FeedId,
        /// Why.
        reason: Rejection,
    },
    /// Own new entries became durable and are to be pushed. To be given to all machines that share the channel.
    Appended {
        /// The own feed.
        feed: FeedId,
        /// Its head now: the last entry of `run`.
        head: Head,
        /// The new batch.
        run: Arc<Run>,
    },
    /// The answer to [`SyncEffect::Serve`](super::SyncEffect::Serve).
    Served {
        /// The feed.
        feed: FeedId,
        /// The position asked for.
        from: u64,
        /// What [`assemble`](crate::run::assemble) made of the store; `None` if there is nothing to serve.
        run: Option<Run>,
    },
    /// The entry that the peer says to have at `seq` of this feed, at or below our head, is another one than ours (the
    /// caller looked: [`SyncEffect::OwnFeedBehind`](super::SyncEffect::OwnFeedBehind)). It is asked for; the run that
    /// comes proves the fork, or that the peer lied. To be given to the machine of the peer that said so.
    Contested {
        /// The feed.
        feed: FeedId,
        /// The position.
        seq: u64,
    },
    /// One more group is shared with the peer (or it is given anew, with another [`Spread`]).
    GroupAdded(SharedGroup),
    /// The peer became, or no longer is, our neighbour in a group that is shared with it.
    Neighbour {
        /// The group.
        channel: ChannelId,
        /// Whether it is one.
        neighbour: bool,
    },
    /// A feed was found to be forked by other means than a run from this peer.
    Frozen(FeedId),
    /// The node cannot take more of a feed for a while, whoever brings it.
    Paused {
        /// The feed.
        feed: FeedId,
        /// Until then (Unix milliseconds) it is not asked for, and what is pushed of it is dropped.
        until: u64,
    },
    /// Time passed; see [`PeerSync::next_timeout`](super::PeerSync::next_timeout).
    Tick,
}
