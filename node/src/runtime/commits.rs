//! How the engine's thread commits, in numbers.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// Counts of the engine's thread; clones share them.
#[derive(Debug, Clone)]
pub struct Commits {
    /// How long it took to make a group durable, in seconds.
    pub sync_seconds: Histogram,
    /// Inputs that shared one sync.
    pub inputs: Histogram,
    /// Inputs of which nothing was kept.
    pub failed: Counter,
}

impl Default for Commits {
    fn default() -> Self {
        Self {
            // 100 µs to 3.3 s, and 1 to 256.
            sync_seconds: Histogram::new(exponential_buckets(0.000_1, 2.0, 16)),
            inputs: Histogram::new(exponential_buckets(1.0, 2.0, 9)),
            failed: Counter::default(),
        }
    }
}
