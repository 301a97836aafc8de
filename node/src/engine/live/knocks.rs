//! How many strangers knocked lately.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Knocks opened per minute: each costs a few signature checks ([KNOCK-2]).
const PER_MINUTE: u32 = 60;

/// And of one source.
const PER_SOURCE: u32 = 10;

/// How many came lately.
#[derive(Debug, Default)]
pub(in crate::engine) struct Knocks {
    minute: u64,
    all: u32,
    by_source: BTreeMap<IpAddr, u32>,
    /// When own requests are made again.
    pub(in crate::engine) ask_at: u64,
}

impl Knocks {
    /// The clock was set back to `now`.
    pub(in crate::engine) fn set_back(&mut self, now: u64) {
        self.ask_at = self.ask_at.min(now);
    }

    pub(in crate::engine) fn admit(&mut self, source: Option<IpAddr>, now: u64) -> bool {
        let minute = now / 60_000;
        if minute != self.minute {
            (self.minute, self.all) = (minute, 0);
            self.by_source.clear();
        }
        // Beyond that nobody is counted: sources cost memory.
        if self.all >= PER_MINUTE {
            return false;
        }
        if let Some(source) = source {
            let count = self.by_source.entry(source).or_default();
            if *count >= PER_SOURCE {
                return false;
            }
            *count += 1;
        }
        self.all += 1;
        true
    }
}
