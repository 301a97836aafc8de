//! How long whoever gave a wrong passphrase waits before the next one is tried.

use std::time::{Duration, Instant};

/// After the first wrong passphrase.
const FIRST: Duration = Duration::from_secs(1);
/// After many: a person who remembers at last does not wait longer, and a program makes 1,440 guesses a day.
const LONGEST: Duration = Duration::from_secs(60);

/// Wrong passphrases since the last right one. Not kept over a restart: whoever can restart the node can guess without it.
#[derive(Debug, Default)]
pub(super) struct Pause {
    failures: u32,
    until: Option<Instant>,
}

impl Pause {
    /// Whether another one is tried now, or how long not.
    pub(super) fn check(&self, now: Instant) -> Result<(), Duration> {
        match self.until.map(|until| until.saturating_duration_since(now)) {
            Some(left) if !left.is_zero() => Err(left),
            _ => Ok(()),
        }
    }

    /// One was wrong.
    pub(super) fn failed(&mut self, now: Instant) {
        let pause = FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + pause);
    }

    /// One was right.
    pub(super) fn opened(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_passphrase_makes_the_wait_longer_up_to_a_minute_and_a_right_one_ends_it() {
        let (mut pause, mut now) = (Pause::default(), Instant::now());
        assert_eq!(pause.check(now), Ok(()));
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            pause.failed(now);
            assert_eq!(pause.check(now), Err(Duration::from_secs(seconds)));
            now += Duration::from_secs(seconds);
            assert_eq!(pause.check(now), Ok(()));
        }
        (0..100).for_each(|_| pause.failed(now));
        assert_eq!(pause.check(now), Err(LONGEST));
        pause.opened();
        assert_eq!(pause.check(now), Ok(()));
    }
}
