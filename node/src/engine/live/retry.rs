//! When to try again.

/// When to try again, and how often it was tried.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::engine) struct Retry {
    pub(in crate::engine) attempts: u32,
    pub(in crate::engine) at: u64,
}

impl Retry {
    /// First wait between two tries, in milliseconds: who has just started tells the network its addresses within the next seconds.
    const FIRST: u64 = 1_000;
    /// Longest wait: people notice an hour, the network does not notice this.
    const LONGEST: u64 = 5 * 60_000;

    /// The next try, exponentially later, with up to half of the wait taken off at random.
    pub(in crate::engine) fn again(self, now: u64, random: u64) -> Self {
        let wait = Self::FIRST.saturating_mul(1 << self.attempts.min(10)).min(Self::LONGEST);
        let wait = wait - random % (wait / 2);
        Self { attempts: self.attempts.saturating_add(1), at: now.saturating_add(wait) }
    }
}
