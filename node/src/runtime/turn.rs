//! Whose turn it is: requests of one connection reach the engine in the order in which they arrived.
//!
//! Calls of one connection run side by side, so that they share flushes. A connection starts the next call once the one
//! before it is *handed over*: its first command is in the engine's queue, which is handled in order, or it ended without
//! one. The queue is bounded, so a connection that sends faster than the engine works is slowed.

use std::cell::Cell;

use tokio::sync::oneshot;

/// Resolves when a call was handed over.
pub(crate) type HandedOver = oneshot::Receiver<()>;

tokio::task_local! {
    static TURN: Cell<Option<oneshot::Sender<()>>>;
}

/// Runs `call` as one that tells when it was handed over. [`HandedOver`] resolves (with an error) too when the call ends or
/// is dropped.
pub(crate) fn take<F: Future>(call: F) -> (impl Future<Output = F::Output>, HandedOver) {
    let (passed, handed_over) = oneshot::channel();
    // The inner future, and with it the sender, is dropped as soon as it ends.
    (async move { TURN.scope(Cell::new(Some(passed)), call).await }, handed_over)
}

/// The call that runs here is handed over. Says nothing outside of a call, or the second time.
pub(crate) fn pass() {
    let _ = TURN.try_with(|turn| {
        if let Some(passed) = turn.take() {
            // A connection that is gone does not wait.
            let _ = passed.send(());
        }
    });
}
