//! Whether this node is connected to anybody, and when that is worth telling.

use std::time::Duration;

use tokio::time::Instant;

/// A node that has been without anybody for this long says so. Short beside the nine seconds in which dead connections are
/// noticed, and long enough for one that has just started or moved to meet somebody.
const TOLD_AFTER: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Alone {
    /// Nobody is connected since then, and what a clock on the wall said (Unix milliseconds).
    since: Option<(Instant, u64)>,
    told: bool,
}

impl Alone {
    /// In Unix milliseconds; `None` until it is told.
    pub(super) fn since(&self) -> Option<u64> {
        self.since.filter(|_| self.told).map(|(_, wall)| wall)
    }

    /// `peers` are connected.
    pub(super) fn counted(&mut self, peers: usize, now: Instant, wall: u64) {
        if peers > 0 {
            self.since = None;
        } else {
            self.since.get_or_insert((now, wall));
        }
    }

    /// When there may be something to tell.
    pub(super) fn next(&self) -> Option<Instant> {
        match self.since {
            Some((since, _)) => (!self.told).then_some(since + TOLD_AFTER),
            // At once.
            None => self.told.then(Instant::now),
        }
    }

    /// What to tell now, if it is news: since when nobody is connected, or that somebody is again.
    pub(super) fn news(&mut self, now: Instant) -> Option<Option<u64>> {
        let alone = self.since.filter(|(since, _)| *since + TOLD_AFTER <= now);
        let news = match (alone, self.told) {
            (Some((_, wall)), false) => Some(Some(wall)),
            (None, true) if self.since.is_none() => Some(None),
            _ => None,
        };
        self.told ^= news.is_some();
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_has_nobody_for_some_seconds_tells_it_once_and_takes_it_back_once() {
        let (mut alone, start) = (Alone::default(), Instant::now());
        assert!(alone.next().is_none() && alone.news(start).is_none());
        alone.counted(0, start, 1_000);
        alone.counted(0, start + TOLD_AFTER, 4_000);
        assert_eq!((alone.news(start), alone.next(), alone.since()), (None, Some(start + TOLD_AFTER), None));
        assert_eq!(alone.news(start + TOLD_AFTER), Some(Some(1_000)));
        assert_eq!((alone.news(start + TOLD_AFTER), alone.next(), alone.since()), (None, None, Some(1_000)));
        alone.counted(2, start + TOLD_AFTER, 9_000);
        assert!(alone.next().is_some() && alone.since().is_none());
        assert_eq!(alone.news(start + TOLD_AFTER), Some(None));
        assert_eq!((alone.news(start + TOLD_AFTER), alone.next()), (None, None));
    }

    #[test]
    fn who_meets_somebody_at_once_tells_nothing() {
        let (mut alone, start) = (Alone::default(), Instant::now());
        alone.counted(0, start, 1_000);
        alone.counted(1, start + TOLD_AFTER / 2, 2_500);
        assert_eq!((alone.news(start + TOLD_AFTER), alone.next()), (None, None));
    }
}
