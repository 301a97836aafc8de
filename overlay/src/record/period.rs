//! Periods: the days that records are blinded for.

/// Length of a period in milliseconds: a day, as the records of two days must not be linkable.
pub const PERIOD: u64 = 24 * 60 * 60 * 1000;

/// How near the edge of a period both it and its neighbour are published and asked for, in milliseconds:
/// wider than clocks are wrong and than publishers pause between two refreshes.
pub const EDGE: u64 = 6 * 60 * 60 * 1000;

/// The number of the period that `now` (Unix milliseconds) lies in.
#[must_use]
pub const fn current(now: u64) -> u64 {
    now / PERIOD
}

/// The current period and, within [`EDGE`] of its start or end, the neighbour there.
#[must_use]
pub fn current_and_neighbour(now: u64) -> Vec<u64> {
    let period = current(now);
    let into = now % PERIOD;
    let neighbour = if into < EDGE {
        period.checked_sub(1)
    } else if into >= PERIOD - EDGE {
        period.checked_add(1)
    } else {
        None
    };
    std::iter::once(period).chain(neighbour).collect()
}
