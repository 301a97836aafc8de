//! Waiting for what has no event.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{Node, PATIENCE};

/// How often a condition is looked at.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Asks again until the answer is something.
pub(crate) fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, ask)
}

/// The same for what takes longer by design.
pub(crate) fn within<T>(patience: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {} s: {what}", patience.as_secs());
        thread::sleep(LOOK_AGAIN);
    }
}

/// Waits until no invite, answer or notice of a node waits for delivery: whatever it had to say has been received,
/// and dealt with, by the other side.
pub(crate) fn settled(node: &Node) {
    eventually(&format!("{} to have delivered all invites and answers", node.name), || {
        (node.json(&["status"])["counts"]["outbox"] == 0).then_some(())
    });
}
