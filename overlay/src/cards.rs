//! The records this node keeps for others: a Kademlia store that holds nothing but valid card records.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use libp2p::{
    PeerId,
    kad::{
        KBucketKey, ProviderRecord, Record, RecordKey,
        store::{Error, RecordStore, Result},
    },
};
use tokio::time::Instant;

use crate::{
    Clock, Limits,
    record::{Validated, validate},
};

/// One per key; the newest wins; over the cap those farthest from this node go first. `[NET-RECORD-CAP]`
pub(crate) struct Cards {
    local: KBucketKey<PeerId>,
    clock: Clock,
    most_records: usize,
    most_bytes: usize,
    bytes: usize,
    records: BTreeMap<Vec<u8>, Card>,
}

struct Card {
    record: Record,
    validated: Validated,
}

impl Cards {
    pub(crate) fn new(local: PeerId, limits: &Limits, clock: Clock) -> Self {
        Self {
            local: local.into(),
            clock,
            most_records: limits.records,
            most_bytes: limits.record_bytes,
            bytes: 0,
            records: BTreeMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Forgets what has expired.
    pub(crate) fn prune(&mut self) {
        let now = self.clock.now();
        self.records.retain(|_, card| card.validated.expires_at > now);
        self.bytes = self.records.values().map(|c| c.record.value.len()).sum();
    }

    /// The stored key that is farthest from this node.
    fn farthest(&self) -> Option<RecordKey> {
        self.records.values().map(|c| &c.record.key).max_by_key(|key| self.distance(key)).cloned()
    }

    fn distance(&self, key: &RecordKey) -> libp2p::kad::KBucketDistance {
        self.local.distance(&KBucketKey::new(key.clone()))
    }

    fn full(&self, more: usize) -> bool {
        self.records.len() >= self.most_records || self.bytes + more > self.most_bytes
    }
}

impl RecordStore for Cards {
    type RecordsIter<'a> = Box<dyn Iterator<Item = Cow<'a, Record>> + 'a>;
    type ProvidedIter<'a> = std::iter::Empty<Cow<'a, ProviderRecord>>;

    fn get(&self, key: &RecordKey) -> Option<Cow<'_, Record>> {
        let card = self.records.get(key.as_ref())?;
        (card.validated.expires_at > self.clock.now()).then_some(Cow::Borrowed(&card.record))
    }

    fn put(&mut self, mut record: Record) -> Result<()> {
        let now = self.clock.now();
        let validated = validate(record.key.as_ref(), &record.value, now).map_err(|error| {
            tracing::debug!(%error, "record refused");
            Error::ValueTooLarge
        })?;
        // [NET-RECORD-NEWEST]
        if self.records.get(record.key.as_ref()).is_some_and(|card| card.validated.revision >= validated.revision) {
            return Ok(());
        }
        self.remove(&record.key.clone());
        if self.full(record.value.len()) {
            self.prune();
        }
        while self.full(record.value.len()) {
            let farthest = self.farthest().ok_or(Error::MaxRecords)?;
            if self.distance(&farthest) <= self.distance(&record.key) {
                return Err(Error::MaxRecords);
            }
            self.remove(&farthest);
        }
        // Who published a record must not travel with it.
        record.publisher = None;
        record.expires = Some(Instant::now().into_std() + Duration::from_millis(validated.expires_at - now));
        self.bytes += record.value.len();
        self.records.insert(record.key.to_vec(), Card { record, validated });
        Ok(())
    }

    fn remove(&mut self, key: &RecordKey) {
        if let Some(card) = self.records.remove(key.as_ref()) {
            self.bytes -= card.record.value.len();
        }
    }

    fn records(&self) -> Self::RecordsIter<'_> {
        let now = self.clock.now();
        let fresh = self.records.values().filter(move |c| c.validated.expires_at > now);
        Box::new(fresh.map(|c| Cow::Borrowed(&c.record)))
    }

    /// Provider records are not of covey: accepted and forgotten.
    fn add_provider(&mut self, _: ProviderRecord) -> Result<()> {
        Ok(())
    }

    fn providers(&self, _: &RecordKey) -> Vec<ProviderRecord> {
        Vec::new()
    }

    fn provided(&self) -> Self::ProvidedIter<'_> {
        std::iter::empty()
    }

    fn remove_provider(&mut self, _: &RecordKey, _: &PeerId) {}
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::record::{MAX_VALUE, PERIOD, current, seal};

    const NOW: u64 = 20_000 * PERIOD + PERIOD / 2;

    fn cards(records: usize, record_bytes: usize) -> (Cards, Arc<AtomicU64>) {
        let time = Arc::new(AtomicU64::new(NOW));
        let clock = {
            let time = time.clone();
            Clock::new(move || time.load(Ordering::Relaxed))
        };
        let limits = Limits { records, record_bytes, ..Limits::default() };
        (Cards::new(PeerId::random(), &limits, clock), time)
    }

    fn record(seed: u8, sequence: u64) -> Record {
        let mut rng = StdRng::seed_from_u64(1);
        let sealed = seal(&[seed; 32], current(NOW), sequence, b"card", &mut rng).expect("fits");
        Record::new(sealed.key.to_vec(), sealed.value)
    }

    fn revision(cards: &Cards, of: &Record) -> Option<u64> {
        let stored = cards.get(&of.key)?;
        validate(of.key.as_ref(), &stored.value, NOW).ok().map(|v| v.revision)
    }

    #[test]
    fn the_highest_sequence_stays_whatever_is_replayed() {
        // [NET-RECORD-NEWEST]
        let (mut cards, _) = cards(10, 1 << 20);
        for n in [2, 5, 3, 5, 1] {
            cards.put(record(1, n)).expect("valid");
        }
        let newest = record(1, 5);
        let expected = validate(newest.key.as_ref(), &newest.value, NOW).expect("valid").revision;
        assert_eq!((revision(&cards, &newest), cards.len()), (Some(expected), 1));
    }

    #[test]
    fn only_valid_records_are_stored_and_without_their_publisher() {
        let (mut cards, _) = cards(10, 1 << 20);
        let mut forged = record(1, 1);
        forged.value[80] ^= 1;
        assert!(cards.put(forged).is_err());
        assert!(cards.put(Record::new(vec![1; 32], b"anything".to_vec())).is_err());
        assert!(cards.put(Record::new(record(2, 1).key, record(1, 1).value)).is_err());
        assert!(cards.put(Record::new(vec![1; 32], vec![1; MAX_VALUE + 1])).is_err());
        assert_eq!(cards.len(), 0);
        let mut named = record(1, 1);
        named.publisher = Some(PeerId::random());
        cards.put(named).expect("valid");
        assert_eq!(cards.get(&record(1, 1).key).map(|r| r.publisher), Some(None));
    }

    #[test]
    fn expired_records_are_not_given_out() {
        // [NET-RECORD-EXPIRY]
        let (mut cards, time) = cards(10, 1 << 20);
        cards.put(record(1, 1)).expect("valid");
        time.store((current(NOW) + 2) * PERIOD, Ordering::Relaxed);
        assert!(cards.get(&record(1, 1).key).is_none());
        assert_eq!(cards.records().count(), 0);
        cards.prune();
        assert_eq!((cards.len(), cards.bytes), (0, 0));
    }

    #[test]
    fn a_flood_of_records_stays_within_the_caps_and_keeps_the_nearest() {
        // [NET-RECORD-CAP]
        let (mut cards, _) = cards(8, 1 << 20);
        let all: Vec<Record> = (0..64).map(|seed| record(seed, 1)).collect();
        for record in &all {
            let _ = cards.put(record.clone());
        }
        let mut nearest: Vec<_> = all.iter().map(|r| r.key.clone()).collect();
        nearest.sort_by_key(|key| cards.distance(key));
        assert_eq!(cards.len(), 8);
        assert!(nearest[..8].iter().all(|key| cards.get(key).is_some()));

        let (mut by_bytes, _) = self::cards(1_000, 10_000);
        all.iter().for_each(|r| drop(by_bytes.put(r.clone())));
        assert!(by_bytes.bytes <= 10_000 && by_bytes.len() > 1);
    }
}
