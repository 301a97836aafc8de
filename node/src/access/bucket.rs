//! How often something may be done.

use std::time::{Duration, Instant};

/// So many at once, and as many again each second.
#[derive(Debug)]
pub(super) struct Bucket {
    left: f64,
    filled_at: Instant,
    rate: f64,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        let rate = f64::from(per_second);
        Self { left: rate, filled_at: now, rate }
    }

    /// Takes one, or says when there will be one again.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let since = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.left = self.rate.min(self.left + since * self.rate);
        self.filled_at = now;
        if self.left < 1.0 {
            // Rounded up, so that there really is one then.
            return Err(Duration::from_secs_f64((1.0 - self.left) / self.rate) + Duration::from_micros(1));
        }
        self.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_a_second_of_its_rate_at_once_and_fills_again() {
        let start = Instant::now();
        let mut bucket = Bucket::new(30, start);
        assert!((0..30).all(|_| bucket.take(start).is_ok()));
        let wait = bucket.take(start).expect_err("empty");
        assert!(wait <= Duration::from_millis(34), "{wait:?}");
        assert!(bucket.take(start + wait).is_ok());
        let later = start + Duration::from_secs(3_600);
        assert_eq!(
            (0..100).filter(|_| bucket.take(later).is_ok()).count(),
            30,
            "no more than a second's worth is saved up"
        );
    }
}
