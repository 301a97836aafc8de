//! What devices cost us with parcels that come to nothing, or that we carry for others: a leaky bucket of each per device.
//! Synchronisation has such accounts in its own machine.

use std::collections::BTreeMap;

use crate::engine::PeerKey;

/// A bucket: what fits at once, and what runs out of it every second.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: u64,
    per_second: u64,
}

/// [PARCEL-8] Parcels that do not open, each for the price of two key agreements. An honest device seals none; who keeps parcels for
/// others may bring as many of one sender as it keeps.
const WORTHLESS: Rate = Rate { burst: 256, per_second: 1 };

/// [PARCEL-8] Bytes that are passed on at once to somebody who is connected. All of a member's group in one go fits.
const CARRIED: Rate = Rate { burst: 16 << 20, per_second: 256 << 10 };

/// [CTRL-9] Seconds for which a device that was told our card has to do with it, and how many cards it gets at once.
const TOLD: Rate = Rate { burst: 2 * TOLD_COST, per_second: 1 };
const TOLD_COST: u64 = 3_600;

/// [TRANSFER-9] Entries of the history of which a device of ours is given the keys. An honest one asks for each once, 12,000 a second if it
/// can; a stolen one for the same again and again, which then takes less than a tenth of a processor.
const GIVEN: Rate = Rate { burst: 512 << 10, per_second: 4 << 10 };
/// What a question costs beside its entries.
const QUESTION_COST: usize = 64;
/// What an overview costs, which looks at all feeds of all conversations.
const OVERVIEW_COST: usize = 16 << 10;

/// What each device has cost lately. In memory only: a restart forgives. Bounded by contacts and members.
#[derive(Debug, Default)]
pub(in crate::engine) struct Misuse {
    worthless: BTreeMap<PeerKey, Level>,
    carried: BTreeMap<PeerKey, Level>,
    told: BTreeMap<PeerKey, Level>,
    given: BTreeMap<PeerKey, Level>,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    used: u64,
    at: u64,
}

impl Level {
    fn by(self, rate: Rate, now: u64) -> u64 {
        let gone = now.saturating_sub(self.at).saturating_mul(rate.per_second) / 1_000;
        self.used.saturating_sub(gone)
    }
}

/// Counts `cost` if it fits.
fn take(levels: &mut BTreeMap<PeerKey, Level>, peer: PeerKey, cost: u64, rate: Rate, now: u64) -> bool {
    let used = levels.get(&peer).map_or(0, |level| level.by(rate, now)).saturating_add(cost);
    let fits = used <= rate.burst;
    if fits {
        levels.insert(peer, Level { used, at: now });
    }
    fits
}

impl Misuse {
    /// A parcel of this device did not open. False if there were too many of them.
    pub(in crate::engine) fn worthless(&mut self, peer: PeerKey, now: u64) -> bool {
        take(&mut self.worthless, peer, 1, WORTHLESS, now)
    }

    /// Whether a device has brought too much that did not open for more to be tried.
    pub(in crate::engine) fn is_distrusted(&self, peer: PeerKey, now: u64) -> bool {
        self.worthless.get(&peer).is_some_and(|level| level.by(WORTHLESS, now) >= WORTHLESS.burst)
    }

    /// Whether so many bytes may be passed on at once for this device.
    pub(in crate::engine) fn may_carry(&mut self, peer: PeerKey, bytes: usize, now: u64) -> bool {
        take(&mut self.carried, peer, bytes as u64, CARRIED, now)
    }

    /// Whether this device may be told our card once more.
    pub(in crate::engine) fn may_be_told(&mut self, peer: PeerKey, now: u64) -> bool {
        take(&mut self.told, peer, TOLD_COST, TOLD, now)
    }

    /// Whether this device may be given the keys of so many entries of the history; none: an overview of it.
    pub(in crate::engine) fn may_be_given(&mut self, peer: PeerKey, entries: usize, now: u64) -> bool {
        let cost = if entries == 0 { OVERVIEW_COST } else { QUESTION_COST + entries };
        take(&mut self.given, peer, cost as u64, GIVEN, now)
    }

    /// Forgets who costs nothing any more.
    pub(in crate::engine) fn prune(&mut self, now: u64) {
        self.worthless.retain(|_, level| level.by(WORTHLESS, now) > 0);
        self.carried.retain(|_, level| level.by(CARRIED, now) > 0);
        self.told.retain(|_, level| level.by(TOLD, now) > 0);
        self.given.retain(|_, level| level.by(GIVEN, now) > 0);
    }

    /// The clock was set back to `now`.
    pub(in crate::engine) fn set_back(&mut self, now: u64) {
        let all = [&mut self.worthless, &mut self.carried, &mut self.told, &mut self.given];
        all.into_iter().flat_map(BTreeMap::values_mut).for_each(|level| level.at = level.at.min(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_its_burst_and_then_its_rate_and_others_have_theirs() {
        let (mut misuse, peer, other) = (Misuse::default(), PeerKey([1; 32]), PeerKey([2; 32]));
        let good = (0..1_000).filter(|_| misuse.worthless(peer, 5_000)).count();
        assert_eq!(good as u64, WORTHLESS.burst);
        assert!(misuse.is_distrusted(peer, 5_000) && !misuse.is_distrusted(other, 5_000));
        assert!(misuse.worthless(other, 5_000));
        assert!(misuse.worthless(peer, 6_000) && !misuse.worthless(peer, 6_000));
        assert!(misuse.may_carry(peer, 16 << 20, 6_000) && !misuse.may_carry(peer, 1, 6_000));
        assert!(misuse.may_carry(peer, 256 << 10, 7_000));
        assert_eq!((0..10).filter(|_| misuse.may_be_told(peer, 6_000)).count(), 2);
        assert!(misuse.may_be_told(peer, 3_606_000) && !misuse.may_be_told(peer, 3_606_000));
        assert_eq!((0..100).filter(|_| misuse.may_be_given(peer, 0, 6_000)).count(), 32);
        assert!(misuse.may_be_given(other, 512, 6_000) && !misuse.may_be_given(peer, 512, 6_000));
        assert_eq!((0..100).filter(|_| misuse.may_be_given(peer, 512, 7_000)).count(), 7);
        misuse.prune(200_000_000);
        let all = [&misuse.worthless, &misuse.carried, &misuse.told, &misuse.given];
        assert!(all.into_iter().all(BTreeMap::is_empty));
    }
}
