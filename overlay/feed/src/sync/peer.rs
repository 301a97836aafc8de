//! The machine itself.

use super::{SyncEffect, SyncInput};
use crate::Author;

/// Synchronisation with one peer device. Keep it across reconnections: it remembers back-offs.
#[derive(Debug)]
pub struct PeerSync {
    own: Author,
}

impl PeerSync {
    /// A machine for one peer; `own` is our device, the author of our feeds.
    pub fn new(own: Author) -> Self {
        Self { own }
    }

    /// Handles one input at `now` (Unix milliseconds) and returns what to do, in order.
    pub fn handle(&mut self, input: SyncInput, now: u64) -> Vec<SyncEffect> {
        let _ = (input, now, self.own);
        todo!()
    }

    /// When [`SyncInput::Tick`] is due (Unix milliseconds); `None` while disconnected. Earlier ticks do no harm.
    pub fn next_timeout(&self) -> Option<u64> {
        todo!()
    }
}
