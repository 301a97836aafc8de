//! The clock of this process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tracing::warn;

/// How far [`now`] is ahead of the system's clock, in milliseconds.
static AHEAD: AtomicU64 = AtomicU64::new(0);

/// Unix milliseconds. A clock before 1970 counts as 1970: times are for display and expiry, never for order.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_else(|_| {
        warn!("the system clock is before 1970");
        Duration::ZERO
    });
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX).saturating_add(AHEAD.load(Ordering::Relaxed))
}

/// Puts the clock of this process ahead, for a demonstration in which nobody wants to wait. A node notices at its next input. The daemon
/// never calls it.
pub fn advance(by: Duration) {
    AHEAD.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
}
