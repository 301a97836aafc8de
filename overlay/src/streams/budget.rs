//! What strangers may cost: token buckets per origin and one for all of them together. `[NET-STRANGER-BUDGET]`

use std::collections::HashMap;

use libp2p::PeerId;
use tokio::time::Instant;

use super::Origin;
use crate::bucket::{Bucket, Rate};

/// A pairing handshake is five frames of which two or three come from the stranger; the rest is for repeats.
const FRAMES: Rate = Rate { burst: 16, per_second: 0.2 };
/// Four frames of the largest size.
const BYTES: Rate = Rate { burst: 256 << 10, per_second: 8_192.0 };
/// Streams are long-lived: one would do.
const STREAMS: Rate = Rate { burst: 8, per_second: 0.2 };
/// Frames of all strangers together, so that many origins do not add up to a load.
const ALL_FRAMES: Rate = Rate { burst: 256, per_second: 32.0 };
/// Records that one origin may ask to be stored: each costs a signature check. A node that passes on what it holds
/// to a newcomer sends some hundreds.
const RECORDS: Rate = Rate { burst: 256, per_second: 2.0 };
/// Records of all origins together: 64/s are half a per cent of a processor.
const ALL_RECORDS: Rate = Rate { burst: 1_024, per_second: 64.0 };
/// Origins remembered; when all of them have used something lately, new ones are refused.
const ORIGINS: usize = 4_096;

type Key = (Origin, Option<PeerId>);

#[derive(Debug)]
struct Stranger {
    frames: Bucket,
    bytes: Bucket,
    streams: Bucket,
    records: Bucket,
}

impl Stranger {
    fn buckets(&mut self) -> [&mut Bucket; 4] {
        [&mut self.frames, &mut self.bytes, &mut self.streams, &mut self.records]
    }
}

/// The budgets of all strangers. Bounded; forgets an origin once it has its full budget again.
#[derive(Debug)]
pub(crate) struct Budget {
    all_frames: Bucket,
    all_records: Bucket,
    strangers: HashMap<Key, Stranger>,
}

impl Budget {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            all_frames: Bucket::new(ALL_FRAMES, now),
            all_records: Bucket::new(ALL_RECORDS, now),
            strangers: HashMap::new(),
        }
    }

    /// Whether the stranger may open one more stream now.
    pub(crate) fn stream(&mut self, key: Key, now: Instant) -> bool {
        let Some(stranger) = self.stranger(key, now) else { return false };
        stranger.streams.take(1.0, now)
    }

    /// Whether the stranger may send one more frame of `len` bytes now.
    pub(crate) fn frame(&mut self, key: Key, len: u32, now: Instant) -> bool {
        if !self.all_frames.holds(1.0, now) {
            return false;
        }
        let Some(stranger) = self.stranger(key, now) else { return false };
        let granted = stranger.frames.holds(1.0, now) && stranger.bytes.take(f64::from(len), now);
        if granted {
            stranger.frames.take(1.0, now);
            self.all_frames.take(1.0, now);
        }
        granted
    }

    /// Gives back what a frame of `len` bytes took: it was not a stranger's after all. `[NET-STRANGER-REPAID]`
    pub(crate) fn repay(&mut self, key: Key, len: u32) {
        self.all_frames.give(1.0);
        if let Some(stranger) = self.strangers.get_mut(&key) {
            stranger.frames.give(1.0);
            stranger.bytes.give(f64::from(len));
        }
    }

    /// Whether a record may be looked at now. `[NET-RECORD-RATE]`
    pub(crate) fn record(&mut self, key: Key, now: Instant) -> bool {
        if !self.all_records.holds(1.0, now) {
            return false;
        }
        let Some(stranger) = self.stranger(key, now) else { return false };
        stranger.records.take(1.0, now) && self.all_records.take(1.0, now)
    }

    fn stranger(&mut self, key: Key, now: Instant) -> Option<&mut Stranger> {
        if !self.strangers.contains_key(&key) && self.strangers.len() >= ORIGINS {
            self.strangers.retain(|_, s| s.buckets().iter().any(|b| b.full_at() > now));
            if self.strangers.len() >= ORIGINS {
                return None;
            }
        }
        Some(self.strangers.entry(key).or_insert_with(|| Stranger {
            frames: Bucket::new(FRAMES, now),
            bytes: Bucket::new(BYTES, now),
            streams: Bucket::new(STREAMS, now),
            records: Bucket::new(RECORDS, now),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn origin(n: u8) -> Key {
        (Origin::V4([192, 0, n]), None)
    }

    #[test]
    fn a_stranger_gets_a_few_frames_and_later_a_few_more() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        let granted = (0..100).filter(|_| budget.frame(origin(1), 100, start)).count();
        assert_eq!(granted, 16);
        assert!(budget.frame(origin(2), 100, start), "another origin is not affected");
        assert!(!budget.frame(origin(1), 100, start + Duration::from_secs(4)));
        assert!(budget.frame(origin(1), 100, start + Duration::from_secs(6)));
    }

    #[test]
    fn a_stranger_gets_few_bytes_and_streams() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        assert_eq!((0..16).filter(|_| budget.frame(origin(1), 64 << 10, start)).count(), 4);
        assert_eq!((0..100).filter(|_| budget.stream(origin(1), start)).count(), 8);
    }

    #[test]
    fn whoever_is_repaid_each_time_is_never_refused_and_nobody_gains() {
        // [NET-STRANGER-REPAID]
        let start = Instant::now();
        let mut budget = Budget::new(start);
        for _ in 0..1_000 {
            assert!(budget.frame(origin(1), 60 << 10, start));
            budget.repay(origin(1), 60 << 10);
        }
        budget.repay(origin(1), 1 << 30);
        assert_eq!((0..100).filter(|_| budget.frame(origin(1), 100, start)).count(), 16);
        assert!(budget.frame(origin(2), 100, start), "another origin is not affected");
    }

    #[test]
    fn a_flood_of_records_is_not_even_looked_at() {
        // [NET-RECORD-RATE]
        let start = Instant::now();
        let mut budget = Budget::new(start);
        assert_eq!((0..1_000).filter(|_| budget.record(origin(1), start)).count(), 256);
        assert!(budget.record(origin(2), start));
        let granted = (3..=255).map(origin).flat_map(|o| [o; 256]).filter(|o| budget.record(*o, start)).count();
        assert_eq!(granted, 1_024 - 257);
    }

    #[test]
    fn many_origins_do_not_add_up() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        let granted = (0..=255).map(origin).flat_map(|o| [o; 16]).filter(|o| budget.frame(*o, 1, start)).count();
        assert_eq!(granted, 256);
    }

    #[test]
    fn the_memory_of_origins_is_bounded_and_forgets() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        let key = |n: u16| {
            let [a, b] = n.to_be_bytes();
            (Origin::V4([10, a, b]), None)
        };
        for n in 0..5_000 {
            budget.stream(key(n), start);
        }
        assert_eq!(budget.strangers.len(), ORIGINS);
        assert!(!budget.stream(key(5_000), start));
        assert!(budget.stream(key(5_000), start + Duration::from_secs(3_600)));
        assert_eq!(budget.strangers.len(), 1);
    }
}
