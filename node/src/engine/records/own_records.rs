//! What the devices of our account agree on, as stored: the record of each key that counts.

use covey_feed::{Author, OrderKey};
use covey_pairing::consent::Relationship;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

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

/// How far the feeds of a channel were read on other devices of ours.
pub(in crate::engine) fn read_elsewhere(tx: &Tx<'_>, channel: u64) -> Result<Vec<ReadUpTo>, EngineError> {
    Ok(tx.load(&tables::read_elsewhere(channel))?.unwrap_or_default())
}

pub(in crate::engine) fn save_read_elsewhere(tx: &mut Tx<'_>, channel: u64, marks: &Vec<ReadUpTo>) {
    tx.save(&tables::read_elsewhere(channel), marks);
}

/// Whether marks say that an entry was read.
pub(in crate::engine) fn covers(marks: &[ReadUpTo], place: &OrderKey) -> bool {
    marks.iter().any(|(author, incarnation, seq)| {
        **author == *place.author.as_bytes() && *incarnation == place.incarnation && place.seq <= *seq
    })
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
