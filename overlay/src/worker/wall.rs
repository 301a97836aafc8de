//! Notices that the machine slept: the clock on the wall went on, the one of the process did not.
//!
//! Connections that were there before look well and are dead. A clock that is set forward looks the same, and costs one
//! ping of every connection. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// How often to compare the clocks.
const LOOK: Duration = Duration::from_secs(5);
/// A difference from here on is no coincidence.
const SLEPT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Wall {
    at: Instant,
    wall: u64,
}

impl Wall {
    /// `wall`: Unix milliseconds.
    pub(super) fn new(at: Instant, wall: u64) -> Self {
        Self { at, wall }
    }

    pub(super) fn next(&self) -> Instant {
        self.at + LOOK
    }

    /// Whether the machine slept since the last look. A look that comes late tells as well: the process stood still.
    pub(super) fn slept(&mut self, now: Instant, wall: u64) -> bool {
        if now < self.at + LOOK {
            return false;
        }
        let by_process = now.saturating_duration_since(self.at);
        let by_wall = Duration::from_millis(wall.saturating_sub(self.wall));
        *self = Self { at: now, wall };
        by_process > LOOK + SLEPT || by_wall.saturating_sub(by_process) > SLEPT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_is_a_clock_on_the_wall_that_ran_ahead_or_a_look_that_came_late() {
        let start = Instant::now();
        let mut wall = Wall::new(start, 1_000);
        assert!(!wall.slept(start + LOOK, 6_000));
        assert!(wall.slept(start + 2 * LOOK, 6_000 + 180_000), "three minutes in five seconds");
        assert!(!wall.slept(start + 3 * LOOK, 191_000));
        assert!(wall.slept(start + 3 * LOOK + Duration::from_secs(60), 251_000), "it was stopped");
    }

    #[test]
    fn a_clock_that_is_set_back_by_forty_days_is_no_sleep() {
        let start = Instant::now();
        let mut wall = Wall::new(start, 4_000_000_000);
        assert!(!wall.slept(start + LOOK, 4_000_005_000 - 40 * 86_400_000));
        assert!(!wall.slept(start + 2 * LOOK, 4_000_010_000 - 40 * 86_400_000));
    }
}
