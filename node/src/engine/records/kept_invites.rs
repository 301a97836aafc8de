//! Invite slots of accounts whose mail this node keeps, and the KEM keys that strangers ask for, as stored. A slot of these is none of those that the
//! owner names in its lists, and what lies there is counted in the slot alone: it takes no room from contacts.

use covey_pairing::crypto::kem::{KemHash, KemPublic};
use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{SlotId, SlotToken, Use};
use serde::{Deserialize, Serialize};

use crate::engine::records::keeping::{self, Slot};
use crate::engine::{EngineError, tables};
use crate::store::Tx;

/// The invite slot of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Opened {
    pub(in crate::engine) slot: SlotId,
    pub(in crate::engine) kem: KemPublic,
}

/// That of an account.
pub(in crate::engine) fn of(tx: &Tx<'_>, account: &AccountId) -> Result<Option<Opened>, EngineError> {
    Ok(tx.get(&tables::kept_invites(account))?)
}

/// Opens the slot of an account that has this KEM key. With another key than before the slot of before is withdrawn, with what lies there: it
/// opens for nobody any more.
pub(in crate::engine) fn open(tx: &mut Tx<'_>, account: &AccountId, kem: KemPublic) -> Result<(), EngineError> {
    let hash = kem.hash();
    let slot = SlotId::of_invites(account, &hash);
    if of(tx, account)?.is_some_and(|opened| opened.slot == slot) {
        return Ok(());
    }
    forget(tx, account)?;
    let token = SlotToken::of_invites(account, &hash).hash();
    let (used, fetched, networks) = (Use::default(), Vec::new(), Vec::new());
    let new = Slot { owner: *account, token, used, order: 0, fetched, strangers: true, networks };
    tx.save(&tables::kept_slot(&slot), &new);
    tx.put(&tables::kept_key(&hash), account)?;
    Ok(tx.put(&tables::kept_invites(account), &Opened { slot, kem })?)
}

/// Withdraws the slot of an account, with what lies there.
pub(in crate::engine) fn forget(tx: &mut Tx<'_>, account: &AccountId) -> Result<(), EngineError> {
    let Some(Opened { slot, kem }) = of(tx, account)? else { return Ok(()) };
    keeping::delete_those(tx, account, |lying| lying.slot == slot)?;
    tx.delete(&tables::kept_slot(&slot));
    tx.delete(&tables::kept_invites(account));
    let key = tables::kept_key(&kem.hash());
    // Somebody else may have named the same key since.
    if tx.get::<AccountId>(&key)?.as_ref() == Some(account) {
        tx.delete(&key);
    }
    Ok(())
}

/// The KEM key with this hash, of an account whose invites are kept.
pub(in crate::engine) fn key(tx: &Tx<'_>, hash: &KemHash) -> Result<Option<KemPublic>, EngineError> {
    let Some(account) = tx.get::<AccountId>(&tables::kept_key(hash))? else { return Ok(None) };
    Ok(of(tx, &account)?.map(|opened| opened.kem).filter(|kem| kem.hash() == *hash))
}
