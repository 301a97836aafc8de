//! Who else is connected: what a device writes comes from itself, and need not be asked of everybody who has it, too.

use std::{collections::BTreeSet, sync::Arc};

use super::channel::Claim;
use crate::{Author, FeedKey, limits::AUTHOR_FIRST};

/// The devices with which there are streams.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// The peer itself.
    peer: Option<Author>,
    /// All of them, the peer too.
    connected: Arc<BTreeSet<Author>>,
}

impl Others {
    pub(super) fn new(peer: Author, connected: Arc<BTreeSet<Author>>) -> Self {
        Self { peer: Some(peer), connected }
    }

    /// [SYNC-17] Until when what the peer says to have of a feed is expected of its author. Two entries in one place are proven by whoever says so.
    pub(super) fn push(&self, feed: &FeedKey, claim: &Claim) -> Option<u64> {
        let is_pushed = !claim.forked && self.peer != Some(feed.author) && self.connected.contains(&feed.author);
        is_pushed.then(|| claim.since.saturating_add(AUTHOR_FIRST))
    }
}
