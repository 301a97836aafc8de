//! What the devices of our account agree on, as stored: the record of each key that counts.

use covey_feed::{Author, OrderKey};
use covey_pairing::consent::Relationship;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use crate::engine::wire::own_record::{Key, MAX_VALUE};
use crate::engine::wire::payload::ReadMark;
use crate::engine::{EngineError, tables};
use crate::store::Tx;

/// Most other pacts of one contact that are remembered: one of each other device.
const MAX_RIVALS: usize = 7;

/// The record of a key that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Winner {
    pub(in crate::engine) key: Key,
    /// Place of the entry that says it.
    pub(in crate::engine) at: OrderKey,
    pub(in crate::engine) value: ByteBuf,
}

/// [OWN-6] A record of a contact that does not count: another device of ours answered the same invite. The contact decides which it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Rival(pub(in crate::engine) ByteBuf);

impl Rival {
    /// What the other device had of the contact.
    pub(in crate::engine) fn relationship(&self) -> Option<Relationship> {
        covey_codec::decode(&self.0, MAX_VALUE).ok()
    }
}

/// How far a feed was read.
pub(in crate::engine) type ReadUpTo = ReadMark;

pub(in crate::engine) fn winner(tx: &Tx<'_>, key: &Key) -> Result<Option<Winner>, EngineError> {
    Ok(tx.get(&tables::own_record(&key.bytes()))?)
}

pub(in crate::engine) fn save(tx: &mut Tx<'_>, winner: &Winner) -> Result<(), EngineError> {
    Ok(tx.put(&tables::own_record(&winner.key.bytes()), winner)?)
}

/// The devices of our account have another channel: what counts was not said there yet by anybody.
pub(in crate::engine) fn say_again(tx: &mut Tx<'_>) -> Result<(), EngineError> {
    for winner in all(tx)? {
        let nobody = Author::from_bytes([0; 32]);
        let at = OrderKey { lamport: 0, author: nobody, incarnation: 0, seq: 0 };
        save(tx, &Winner { at, ..winner })?;
    }
    Ok(())
}

/// All of them.
pub(in crate::engine) fn all(tx: &Tx<'_>) -> Result<Vec<Winner>, EngineError> {
    Ok(tx.scan(&tables::own_records(), None, usize::MAX, false)?.into_iter().map(|(_, winner)| winner).collect())
}

pub(in crate::engine) fn rivals(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<Rival>, EngineError> {
    Ok(tx.get(&tables::own_rivals(account))?.unwrap_or_default())
}

/// Remembers one more, in the place of the oldest if there are too many.
pub(in crate::engine) fn add_rival(tx: &mut Tx<'_>, account: &AccountId, rival: Rival) -> Result<(), EngineError> {
    let mut rivals = rivals(tx, account)?;
    if rivals.contains(&rival) {
        return Ok(());
    }
    if rivals.len() >= MAX_RIVALS {
        rivals.remove(0);
    }
    rivals.push(rival);
    Ok(tx.put(&tables::own_rivals(account), &rivals)?)
}

pub(in crate::engine) fn forget_rivals(tx: &mut Tx<'_>, account: &AccountId) {
    tx.delete(&tables::own_rivals(account));
}

/// What was read of a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::engine) struct Read {
    /// Up to where, of each feed.
    pub(in crate::engine) marks: Vec<ReadUpTo>,
    /// Entries before that which nobody can have seen.
    pub(in crate::engine) unseen: Vec<ReadUpTo>,
}

impl Read {
    /// Whether an entry was read.
    pub(in crate::engine) fn covers(&self, place: &OrderKey) -> bool {
        self.has(&entry_at(place))
    }

    fn has(&self, at: &ReadUpTo) -> bool {
        self.reaches(at) && !self.unseen.contains(at)
    }

    fn reaches(&self, at: &ReadUpTo) -> bool {
        reach(&self.marks, at)
    }

    /// What was read on either of two devices, in the order of feeds.
    pub(in crate::engine) fn joined(&self, other: &Self) -> Self {
        let mut marks = [self.marks.as_slice(), &other.marks].concat();
        marks.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)).then(b.2.cmp(&a.2)));
        marks.dedup_by(|a, b| (&a.0, a.1) == (&b.0, b.1));
        let mut unseen = [self.unseen.as_slice(), &other.unseen].concat();
        unseen.sort();
        unseen.dedup();
        unseen.retain(|at| !self.has(at) && !other.has(at));
        Self { marks, unseen }
    }

    /// The same with so many feeds and unseen entries at most: where there are more, a feed was read up to before them.
    pub(in crate::engine) fn at_most(mut self, feeds: usize, unseen: usize) -> Self {
        self.marks.truncate(feeds);
        for over in self.unseen.split_off(unseen.min(self.unseen.len())) {
            let of_feed = self.marks.iter_mut().filter(|mark| (mark.0, mark.1) == (over.0, over.1));
            of_feed.for_each(|mark| mark.2 = mark.2.min(over.2.saturating_sub(1)));
        }
        self.marks.retain(|mark| mark.2 > 0);
        let kept = Self { marks: self.marks, unseen: Vec::new() };
        let unseen = self.unseen.into_iter().filter(|at| kept.reaches(at)).collect();
        Self { unseen, ..kept }
    }
}

fn entry_at(place: &OrderKey) -> ReadUpTo {
    (ByteArray::new(*place.author.as_bytes()), place.incarnation, place.seq)
}

fn reach(marks: &[ReadUpTo], at: &ReadUpTo) -> bool {
    marks.iter().any(|mark| (mark.0, mark.1) == (at.0, at.1) && at.2 <= mark.2)
}

/// Whether our other devices said that they read an entry. Asked of each that arrives, and nearly all of them stand beyond what was read.
pub(in crate::engine) fn is_read_elsewhere(tx: &Tx<'_>, channel: u64, place: &OrderKey) -> Result<bool, EngineError> {
    let (at, marks) = (entry_at(place), tx.load::<Vec<ReadUpTo>>(&tables::read_elsewhere(channel))?);
    if !marks.is_some_and(|marks| reach(&marks, &at)) {
        return Ok(false);
    }
    let unseen = tx.load::<Vec<ReadUpTo>>(&tables::unseen_elsewhere(channel))?;
    Ok(unseen.is_none_or(|unseen| !unseen.contains(&at)))
}

/// What our other devices said that they read.
pub(in crate::engine) fn read_elsewhere(tx: &Tx<'_>, channel: u64) -> Result<Read, EngineError> {
    let marks = tx.load(&tables::read_elsewhere(channel))?.unwrap_or_default();
    let unseen = tx.load(&tables::unseen_elsewhere(channel))?.unwrap_or_default();
    Ok(Read { marks, unseen })
}

pub(in crate::engine) fn save_read_elsewhere(tx: &mut Tx<'_>, channel: u64, read: &Read) {
    tx.save(&tables::read_elsewhere(channel), &read.marks);
    tx.save(&tables::unseen_elsewhere(channel), &read.unseen);
}

/// The key of an entry of the channel of our own devices.
pub(in crate::engine) fn content_key(tx: &Tx<'_>, fid: u64, seq: u64) -> Result<Option<Secret<32>>, EngineError> {
    Ok(tx.get(&tables::content_key(fid, seq))?)
}

pub(in crate::engine) fn save_content_key(
    tx: &mut Tx<'_>,
    fid: u64,
    seq: u64,
    key: &Secret<32>,
) -> Result<(), EngineError> {
    Ok(tx.put(&tables::content_key(fid, seq), key)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(feed: u8, seq: u64) -> ReadUpTo {
        (ByteArray::new([feed; 32]), 0, seq)
    }

    fn read(marks: &[(u8, u64)], unseen: &[(u8, u64)]) -> Read {
        let all = |of: &[(u8, u64)]| of.iter().map(|(feed, seq)| at(*feed, *seq)).collect();
        Read { marks: all(marks), unseen: all(unseen) }
    }

    /// [OWN-5]
    #[test]
    fn what_was_read_on_either_device_is_read_whatever_the_other_one_could_not_open() {
        let (one, other) = (read(&[(1, 9), (2, 3)], &[(1, 4), (1, 6)]), read(&[(1, 5)], &[(1, 2)]));
        let joined = one.joined(&other);
        assert_eq!(joined, read(&[(1, 9), (2, 3)], &[(1, 6)]));
        assert_eq!(other.joined(&one), joined);
        for known in [&one, &other, &joined] {
            assert_eq!(joined.joined(known), joined, "heard of again");
        }
        assert!(joined.has(&at(1, 4)) && !joined.has(&at(1, 6)) && joined.has(&at(1, 9)) && !joined.has(&at(1, 10)));
    }

    /// [OWN-4]
    #[test]
    fn where_too_much_could_not_be_opened_a_feed_counts_as_read_up_to_before_it() {
        let many = read(&[(1, 9), (2, 9), (3, 9)], &[(1, 1), (1, 7), (2, 1), (3, 4)]);
        assert_eq!(many.clone().at_most(3, 3), read(&[(1, 9), (2, 9), (3, 3)], &[(1, 1), (1, 7), (2, 1)]));
        assert_eq!(many.at_most(1, 1), read(&[(1, 6)], &[(1, 1)]));
    }
}
