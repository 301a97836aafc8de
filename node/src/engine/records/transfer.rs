//! The history that a device is given after it was linked, as that device stores it: how far that is, and which entries are here
//! while their content keys are not.

use covey_feed::{ChannelId, FeedKey};
use covey_pairing::ids::DeviceId;
use serde::{Deserialize, Serialize};

use crate::engine::{EngineError, tables};
use crate::store::{Key, Tx};

/// Ranges of one feed after which the oldest is asked for, so that there are not more and more of them.
const MANY: usize = 32;

/// The transfer to this device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Transfer {
    /// The device that linked this one: it is asked first.
    pub(in crate::engine) host: Option<DeviceId>,
    /// What was received before this time is not for this device, Unix milliseconds.
    pub(in crate::engine) since: u64,
    /// It has ended.
    pub(in crate::engine) ended: bool,
    /// Entries that are here and decided about, when this was last counted.
    pub(in crate::engine) done: u64,
    /// Entries that there are.
    pub(in crate::engine) total: u64,
    /// Bytes of chunks and entries that came.
    pub(in crate::engine) bytes: u64,
}

/// The transfer to this device, if it was linked to its account.
pub(in crate::engine) fn load(tx: &Tx<'_>) -> Result<Option<Transfer>, EngineError> {
    Ok(tx.load(&tables::transfer())?)
}

pub(in crate::engine) fn save(tx: &mut Tx<'_>, transfer: &Transfer) {
    tx.save(&tables::transfer(), transfer);
}

/// Begins it, for a device that has just been linked.
pub(in crate::engine) fn begin(tx: &mut Tx<'_>, host: Option<DeviceId>, since: u64) {
    save(tx, &Transfer { host, since, ended: false, done: 0, total: 0, bytes: 0 });
}

/// Entries of one feed that are here and whose content keys another device of ours will give; or will never give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Awaited {
    pub(in crate::engine) channel: ChannelId,
    pub(in crate::engine) feed: FeedKey,
    /// From, to; in order, neither overlapping nor touching.
    ranges: Vec<(u64, u64)>,
}

impl Awaited {
    pub(in crate::engine) fn new(channel: ChannelId, feed: FeedKey) -> Self {
        Self { channel, feed, ranges: Vec::new() }
    }

    /// One more entry.
    pub(in crate::engine) fn add(&mut self, seq: u64) {
        let at = self.ranges.partition_point(|(_, to)| *to < seq);
        if self.ranges.get(at).is_some_and(|(from, _)| *from <= seq) {
            return;
        }
        let joins_next = self.ranges.get(at).is_some_and(|(from, _)| *from == seq + 1);
        let joins_last = at > 0 && self.ranges[at - 1].1 + 1 == seq;
        match (joins_last, joins_next) {
            (true, true) => {
                let (_, to) = self.ranges.remove(at);
                self.ranges[at - 1].1 = to;
            }
            (true, false) => self.ranges[at - 1].1 = seq,
            (false, true) => self.ranges[at].0 = seq,
            (false, false) => self.ranges.insert(at, (seq, seq)),
        }
    }

    /// These entries are not waited for any more.
    pub(in crate::engine) fn remove(&mut self, from: u64, to: u64) {
        let cut = |(a, b): (u64, u64)| {
            let before = (a < from).then(|| (a, b.min(from.saturating_sub(1))));
            let after = (b > to).then(|| (a.max(to.saturating_add(1)), b));
            before.into_iter().chain(after)
        };
        self.ranges = self.ranges.drain(..).flat_map(cut).collect();
    }

    /// The next entries to ask for, `most` at most: the first one, and how many. The newest ones, unless there are many gaps.
    pub(in crate::engine) fn next(&self, most: u16) -> Option<(u64, u16)> {
        let oldest = self.ranges.len() > MANY;
        let (from, to) = *if oldest { self.ranges.first() } else { self.ranges.last() }?;
        let count = u16::try_from(to - from + 1).unwrap_or(u16::MAX).min(most);
        Some((if oldest { from } else { to + 1 - u64::from(count) }, count))
    }

    /// The first one.
    pub(in crate::engine) fn first(&self) -> Option<u64> {
        self.ranges.first().map(|(from, _)| *from)
    }

    /// Whether an entry is among them.
    pub(in crate::engine) fn contains(&self, seq: u64) -> bool {
        self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&seq))
    }

    /// All of them.
    pub(in crate::engine) fn iter(&self) -> impl Iterator<Item = u64> {
        self.ranges.iter().flat_map(|(from, to)| *from..=*to)
    }

    /// How many.
    pub(in crate::engine) fn len(&self) -> u64 {
        self.ranges.iter().map(|(from, to)| to - from + 1).sum()
    }

    /// Stores it under its key, or removes it if it says nothing any more.
    pub(in crate::engine) fn save_at(&self, tx: &mut Tx<'_>, key: &Key) {
        if self.ranges.is_empty() { tx.delete(key) } else { tx.save(key, self) }
    }
}

/// Entries of a feed wait from now on.
pub(in crate::engine) fn wait(
    tx: &mut Tx<'_>,
    (no, fid): (u64, u64),
    (channel, feed): (ChannelId, FeedKey),
    seqs: &[u64],
) -> Result<(), EngineError> {
    add(tx, &tables::awaited(no, fid), (channel, feed), seqs)
}

/// [TRANSFER-4] The keys of entries of a feed are not for this device. It is remembered: whoever mends the database asks nobody for them.
pub(in crate::engine) fn withhold(
    tx: &mut Tx<'_>,
    (no, fid): (u64, u64),
    (channel, feed): (ChannelId, FeedKey),
    seqs: &[u64],
) -> Result<(), EngineError> {
    if seqs.is_empty() { Ok(()) } else { add(tx, &tables::withheld(no, fid), (channel, feed), seqs) }
}

fn add(tx: &mut Tx<'_>, key: &Key, (channel, feed): (ChannelId, FeedKey), seqs: &[u64]) -> Result<(), EngineError> {
    let mut known = tx.load::<Awaited>(key)?.unwrap_or_else(|| Awaited::new(channel, feed));
    seqs.iter().for_each(|seq| known.add(*seq));
    known.save_at(tx, key);
    Ok(())
}

/// So many bytes came.
pub(in crate::engine) fn came(tx: &mut Tx<'_>, bytes: usize) -> Result<(), EngineError> {
    let Some(transfer) = load(tx)? else { return Ok(()) };
    save(tx, &Transfer { bytes: transfer.bytes.saturating_add(bytes as u64), ..transfer });
    Ok(())
}

/// The first of a feed.
pub(in crate::engine) fn first(tx: &Tx<'_>, no: u64, fid: u64) -> Result<Option<u64>, EngineError> {
    Ok(tx.load::<Awaited>(&tables::awaited(no, fid))?.and_then(|awaited| awaited.first()))
}

/// At most so many feeds of which something waits, with their keys.
pub(in crate::engine) fn some(tx: &Tx<'_>, most: usize) -> Result<Vec<(Key, Awaited)>, EngineError> {
    Ok(tx.scan(&tables::all_awaited(), None, most, false)?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use covey_feed::Author;
    use proptest::prelude::*;

    use super::*;

    fn none() -> Awaited {
        let feed = FeedKey { author: Author::from_bytes([1; 32]), incarnation: 0 };
        Awaited::new(ChannelId::from_bytes([2; 32]), feed)
    }

    proptest! {
        #[test]
        fn ranges_are_the_set_of_what_was_added_and_not_removed(
            steps in proptest::collection::vec((any::<bool>(), 1u64..60, 0u64..9), 0..80),
        ) {
            let (mut awaited, mut model) = (none(), BTreeSet::new());
            for (add, from, more) in steps {
                if add {
                    (from..=from + more).for_each(|seq| awaited.add(seq));
                    model.extend(from..=from + more);
                } else {
                    awaited.remove(from, from + more);
                    model.retain(|seq| !(from..=from + more).contains(seq));
                }
                prop_assert_eq!(awaited.iter().collect::<BTreeSet<_>>(), model.clone());
                prop_assert_eq!(awaited.len(), model.len() as u64);
                prop_assert!(awaited.ranges.windows(2).all(|two| two[0].1 + 1 < two[1].0), "{:?}", awaited.ranges);
                match awaited.next(5) {
                    Some((first, count)) => prop_assert!((first..first + u64::from(count)).all(|seq| model.contains(&seq))),
                    None => prop_assert!(model.is_empty()),
                }
            }
        }
    }

    #[test]
    fn the_newest_are_asked_for_unless_there_are_many_gaps() {
        let mut awaited = none();
        (1..=10).for_each(|seq| awaited.add(seq));
        assert_eq!(awaited.next(4), Some((7, 4)));
        awaited.remove(7, 10);
        assert_eq!(awaited.next(512), Some((1, 6)));
        (0..40).for_each(|n| awaited.add(100 + 2 * n));
        assert_eq!(awaited.next(4), Some((1, 4)), "the oldest");
    }
}
