//! Token buckets. Pure: the time comes from the caller.

use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) burst: u32,
    pub(crate) per_second: f64,
}

#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    rate: Rate,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, tokens: f64::from(rate.burst), at: now }
    }

    /// Whether there are so many tokens now.
    pub(crate) fn holds(&mut self, tokens: f64, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate.per_second).min(f64::from(self.rate.burst));
        self.at = now;
        self.tokens >= tokens
    }

    /// Takes so many tokens if they are there.
    pub(crate) fn take(&mut self, tokens: f64, now: Instant) -> bool {
        let granted = self.holds(tokens, now);
        if granted {
            self.tokens -= tokens;
        }
        granted
    }

    /// Gives tokens back, as far as there is room.
    pub(crate) fn give(&mut self, tokens: f64) {
        self.tokens = (self.tokens + tokens).min(f64::from(self.rate.burst));
    }

    /// When it will be full again and may be forgotten.
    pub(crate) fn full_at(&self) -> Instant {
        let missing = f64::from(self.rate.burst) - self.tokens;
        self.at + Duration::from_secs_f64((missing / self.rate.per_second).max(0.0))
    }
}
