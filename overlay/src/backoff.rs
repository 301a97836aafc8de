//! Pauses that do not march in step.

use std::time::Duration;

use rand::{Rng, RngExt as _};

use crate::Backoff;

/// `pause`, shortened by up to a half.
pub(crate) fn jittered(pause: Duration, rng: &mut impl Rng) -> Duration {
    pause.mul_f64(rng.random_range(0.5..=1.0))
}

impl Backoff {
    /// The pause after the `failures`th failure in a row (from 1), before jitter.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        self.first.saturating_mul(1 << doublings).min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_most() {
        let backoff = Backoff::default();
        let pauses: Vec<u64> = [1, 2, 3, 9, 10, u32::MAX].map(|n| backoff.pause(n).as_secs()).into();
        assert_eq!(pauses, [1, 2, 4, 256, 300, 300]);
    }

    #[test]
    fn jitter_only_shortens_and_by_a_half_at_most() {
        let second = Duration::from_secs(1);
        for _ in 0..1_000 {
            let pause = jittered(second, &mut rand::rng());
            assert!((second / 2..=second).contains(&pause));
        }
    }
}
