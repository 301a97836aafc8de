//! Accounts in dispute, as stored: how much of what their devices wrote in groups had come when the dispute was seen.

use covey_feed::OrderKey;
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::engine::{EngineError, tables};
use crate::store::Tx;

/// The end of one feed: channel, device, incarnation, number of its last entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct End(
    pub(in crate::engine) u64,
    pub(in crate::engine) ByteArray<32>,
    pub(in crate::engine) u64,
    pub(in crate::engine) u64,
);

/// An account of which nothing newer counts. Bounded by its devices and the groups that we share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Frozen {
    pub(in crate::engine) account: AccountId,
    /// When the dispute was seen, Unix milliseconds.
    pub(in crate::engine) at: u64,
    pub(in crate::engine) ends: Vec<End>,
}

impl Frozen {
    /// Whether an entry had come by then.
    pub(in crate::engine) fn had(&self, channel: u64, place: &OrderKey) -> bool {
        self.ends.iter().any(|End(no, device, incarnation, seq)| {
            *no == channel
                && device.as_slice() == place.author.as_bytes()
                && *incarnation == place.incarnation
                && place.seq <= *seq
        })
    }
}

/// All of them.
pub(in crate::engine) fn all(tx: &Tx<'_>) -> Result<Vec<Frozen>, EngineError> {
    Ok(tx.scan(&tables::all_frozen(), None, usize::MAX, false)?.into_iter().map(|(_, frozen)| frozen).collect())
}

pub(in crate::engine) fn save(tx: &mut Tx<'_>, frozen: &Frozen) -> Result<(), EngineError> {
    Ok(tx.put(&tables::frozen(&frozen.account), frozen)?)
}

pub(in crate::engine) fn forget(tx: &mut Tx<'_>, account: &AccountId) {
    tx.delete(&tables::frozen(account));
}
