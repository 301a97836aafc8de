//! What was left in the invite slots of others, as stored: a parcel is stored before it is sent, so that the same is sent again.

use covey_pairing::identity::InvitePlace;
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use crate::engine::records::devices;
use crate::engine::records::people::{self, Contact};
use crate::engine::{EngineError, PeerKey, tables};
use crate::store::Tx;

/// Keepers of an account that are thought of: as many as it has, and some that it had.
const MAX_PLACES: usize = 6;

/// What was left for an account at one keeper.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Left {
    /// In the order in which the frames came to be. Bounded by the outbox of a relationship.
    pub(in crate::engine) frames: Vec<LeftFrame>,
    /// The keeper has no room or does not know the slot: it is not asked again before this time, Unix milliseconds.
    pub(in crate::engine) closed_until: u64,
    /// When the keeper last answered, or was last asked, which of these it has, Unix milliseconds.
    pub(in crate::engine) checked_at: u64,
    /// The answer is awaited.
    pub(in crate::engine) asked: bool,
}

/// A pairing frame that is to lie there until it is not outstanding any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct LeftFrame {
    /// BLAKE3 of the frame, or what else tells it apart.
    pub(in crate::engine) frame: ByteArray<32>,
    /// BLAKE3 of the parcel.
    pub(in crate::engine) hash: ByteArray<32>,
    pub(in crate::engine) parcel: ByteBuf,
    /// Until when the keeper keeps it, Unix milliseconds; 0 if it has not said so.
    pub(in crate::engine) until: u64,
}

impl Left {
    pub(in crate::engine) fn save(
        &self,
        tx: &mut Tx<'_>,
        account: &AccountId,
        peer: PeerKey,
    ) -> Result<(), EngineError> {
        Ok(tx.put(&tables::left_frames(account, peer), self)?)
    }
}

pub(in crate::engine) fn at(tx: &Tx<'_>, account: &AccountId, peer: PeerKey) -> Result<Left, EngineError> {
    Ok(tx.get(&tables::left_frames(account, peer))?.unwrap_or_default())
}

/// Keepers of an account at which frames may be left: those on its card, then those of its ticket.
pub(in crate::engine) fn places(tx: &Tx<'_>, contact: &Contact) -> Result<Vec<InvitePlace>, EngineError> {
    let mut places = devices::card(tx, &contact.account)?.map(|card| card.keepers).unwrap_or_default();
    let is_new = |place: &&InvitePlace| places.iter().all(|known| known.network != place.network);
    let more: Vec<InvitePlace> = contact.keepers.iter().filter(is_new).cloned().collect();
    places.extend(more);
    places.truncate(MAX_PLACES);
    Ok(places)
}

/// Until when the last keeper has something that was left for an account, Unix milliseconds.
pub(in crate::engine) fn kept_until(tx: &Tx<'_>, account: &AccountId, now: u64) -> Result<Option<u64>, EngineError> {
    let left = tx.scan_intact::<Left>(&tables::all_left_frames(account), usize::MAX)?;
    let ends = left.iter().flat_map(|(_, left)| left.frames.iter().map(|frame| frame.until));
    Ok(ends.filter(|until| *until > now).max())
}

/// The accounts for which something was left.
pub(in crate::engine) fn accounts(tx: &Tx<'_>) -> Result<Vec<AccountId>, EngineError> {
    let mut accounts = Vec::new();
    for contact in people::all(tx)? {
        if !tx.keys(&tables::all_left_frames(&contact.account))?.is_empty() {
            accounts.push(contact.account);
        }
    }
    Ok(accounts)
}

/// Nothing is to be left for an account.
pub(in crate::engine) fn forget(tx: &mut Tx<'_>, account: &AccountId) -> Result<(), EngineError> {
    tx.keys(&tables::all_left_frames(account))?.iter().for_each(|key| tx.delete(key));
    Ok(())
}
