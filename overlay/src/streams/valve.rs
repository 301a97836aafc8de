//! The valve through which one stream's events reach the node, and which is shut when the stream must end.

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::event::Queued;

/// Shared by a stream's task and whoever may end it. After [`Valve::shut`] has returned, nothing more of the
/// stream reaches the node, even if its task is just about to deliver.
#[derive(Debug)]
pub(crate) struct Valve {
    open: Mutex<bool>,
    shut: CancellationToken,
}

impl Valve {
    pub(crate) fn new() -> Self {
        Self { open: Mutex::new(true), shut: CancellationToken::new() }
    }

    pub(crate) fn shut(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.shut.cancel();
    }

    /// Runs `task` until it ends or the valve is shut.
    pub(crate) async fn run<F: Future>(&self, task: F) -> Option<F::Output> {
        self.shut.run_until_cancelled(task).await
    }

    /// Hands `event` over unless the valve is shut.
    pub(crate) fn deliver(&self, place: mpsc::Permit<'_, Queued>, event: Queued) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if *open {
            place.send(event);
        }
    }
}
