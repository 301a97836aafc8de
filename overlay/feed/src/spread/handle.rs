//! The handle of one group that the caller and the machines of its peers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::state::State;
use crate::{ChannelId, Digest, FeedKey, Head, Heads};

/// What the machines of all peers of one group share: its heads, which peer is asked for what, how entries arrived.
///
/// One per group and process; clones are the same. Built from the heads of the store; if the store is found to be
/// behind what the machines were told, a new one is built and given to all of them.
#[derive(Debug, Clone)]
pub struct Spread(Arc<Mutex<State>>);

impl PartialEq for Spread {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Spread {}

impl Spread {
    /// The group `channel` whose feeds we have this far, durably.
    pub fn new(channel: ChannelId, heads: Heads) -> Self {
        Self(Arc::new(Mutex::new(State::new(channel, heads))))
    }

    /// A feed became longer. Machines do this themselves at their inputs; it is for the time when none is connected.
    pub fn advance(&self, feed: FeedKey, head: Head) {
        self.state().advance(feed, head);
    }

    /// From now on the feed ends at `head` for this group, whatever is in the store (`None`: it does not exist): its
    /// author was removed. Every member does the same, so that their digests agree. The machines of all peers are to
    /// be told that the feed is [`Frozen`](crate::SyncInput::Frozen) as well.
    pub fn cut(&self, feed: FeedKey, head: Option<Head>) {
        self.state().cut(feed, head);
    }

    /// The digest of all heads: equal on members that have the same (SYNC-12).
    pub fn digest(&self) -> Digest {
        self.state().root()
    }

    /// A copy of all heads.
    pub fn heads(&self) -> Heads {
        self.state().heads().clone()
    }

    /// Connected neighbours that have a machine with this group.
    pub fn connected_neighbours(&self) -> usize {
        self.state().near
    }

    /// Never held over anything but computation.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one peer in a group; leaving it frees what the peer held.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) spread: Spread,
    pub(crate) number: u64,
    near: bool,
}

impl Seat {
    pub(crate) fn new(spread: Spread, near: bool) -> Self {
        let number = {
            let mut state = spread.state();
            state.seats += 1;
            state.near += usize::from(near);
            state.seats
        };
        Self { spread, number, near }
    }

    pub(crate) fn is_near(&self) -> bool {
        self.near
    }

    pub(crate) fn set_near(&mut self, near: bool) {
        let mut state = self.spread.state();
        state.near = state.near - usize::from(self.near) + usize::from(near);
        drop(state);
        self.near = near;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.spread.state();
        state.near -= usize::from(self.near);
        state.vacate(self.number);
    }
}
