//! The slots of an account whose mail this node keeps, as its devices name them.

use std::collections::BTreeSet;

use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{MAX_SLOTS, SlotEntry, SlotId, Use};

use crate::engine::records::keeping::{self, Owner, Slot, slot};
use crate::engine::records::kept_invites;
use crate::engine::{EngineError, PeerKey, tables};
use crate::store::Tx;

/// Slots of an account: devices that have not heard of each other's contacts name some that the others do not.
const MOST: usize = 2 * MAX_SLOTS;

/// Slots in which nothing lies and that no device names any more are taken away.
pub(in crate::engine) fn prune(tx: &mut Tx<'_>, account: &AccountId) -> Result<(), EngineError> {
    let lists = tx.scan_intact::<Vec<SlotId>>(&tables::kept_lists(account), usize::MAX)?;
    let named: BTreeSet<SlotId> = lists.into_iter().flat_map(|(_, list)| list).collect();
    let mut ids = all(tx, account)?;
    let before = ids.len();
    for id in ids.clone() {
        let is_empty = slot(tx, &id)?.is_none_or(|slot| slot.used.parcels == 0);
        if is_empty && !named.is_empty() && !named.contains(&id) {
            tx.delete(&tables::kept_slot(&id));
            ids.remove(&id);
        }
    }
    if ids.len() < before {
        tx.put(&tables::kept_slots(account), &ids.into_iter().collect::<Vec<_>>())?;
    }
    Ok(())
}

fn all(tx: &Tx<'_>, account: &AccountId) -> Result<BTreeSet<SlotId>, EngineError> {
    let ids: Vec<SlotId> = tx.get(&tables::kept_slots(account))?.unwrap_or_default();
    Ok(ids.into_iter().collect())
}

/// Takes slots away, with what lies there.
fn withdraw(tx: &mut Tx<'_>, account: &AccountId, gone: &BTreeSet<SlotId>) -> Result<(), EngineError> {
    if !gone.is_empty() {
        keeping::delete_those(tx, account, |lying| gone.contains(&lying.slot))?;
        gone.iter().for_each(|id| tx.delete(&tables::kept_slot(id)));
    }
    Ok(())
}

/// [MAIL-10] A device of an account names all slots that it knows. Those that it named before and does not now are taken away, with what
/// lies there; those that only others named stay: it may not have heard of them. A slot of another account is left alone.
pub(in crate::engine) fn register(
    tx: &mut Tx<'_>,
    account: &AccountId,
    peer: PeerKey,
    list: &[SlotEntry],
) -> Result<(), EngineError> {
    let mut ids = all(tx, account)?;
    let place = tables::kept_list(account, peer);
    let before: BTreeSet<SlotId> = match tx.get::<Vec<SlotId>>(&place)? {
        Some(before) => before.into_iter().collect(),
        // Of a version in which an account had one list.
        None if tx.keys(&tables::kept_lists(account))?.is_empty() => ids.clone(),
        None => BTreeSet::new(),
    };
    let named: BTreeSet<SlotId> = list.iter().map(|SlotEntry(id, ..)| *id).collect();
    let gone = before.difference(&named).copied().collect();
    withdraw(tx, account, &gone)?;
    ids.retain(|id| !gone.contains(id));
    let mut list_now = Vec::new();
    for SlotEntry(id, token, order) in list {
        let slot = match slot(tx, id)? {
            Some(other) if other.owner != *account || other.strangers => continue,
            Some(same) if same.order > *order => same,
            Some(same) => Slot { token: *token, order: *order, ..same },
            None if ids.len() >= MOST => continue,
            None => Slot {
                owner: *account,
                token: *token,
                used: Use::default(),
                order: *order,
                fetched: Vec::new(),
                strangers: false,
                networks: Vec::new(),
            },
        };
        tx.save(&tables::kept_slot(id), &slot);
        ids.insert(*id);
        list_now.push(*id);
    }
    tx.put(&place, &list_now)?;
    Ok(tx.put(&tables::kept_slots(account), &ids.into_iter().collect::<Vec<_>>())?)
}

/// A device is none of the account's any more. The tokens that it named do not outrank those that the others name from now on.
pub(in crate::engine) fn forget_device(tx: &mut Tx<'_>, account: &AccountId, peer: PeerKey) -> Result<(), EngineError> {
    tx.delete(&tables::kept_peer(peer));
    for id in all(tx, account)? {
        if let Some(known) = slot(tx, &id)?.filter(|slot| slot.order > 0) {
            tx.save(&tables::kept_slot(&id), &Slot { order: 0, ..known });
        }
    }
    tx.delete(&tables::kept_list(account, peer));
    Ok(())
}

/// Forgets an account with all that lies here for it.
pub(in crate::engine) fn forget(tx: &mut Tx<'_>, owner: &Owner) -> Result<(), EngineError> {
    kept_invites::forget(tx, &owner.account)?;
    let slots = all(tx, &owner.account)?;
    withdraw(tx, &owner.account, &slots)?;
    for list in tx.keys(&tables::kept_lists(&owner.account))? {
        tx.delete(&list);
    }
    tx.delete(&tables::kept_slots(&owner.account));
    tx.delete(&tables::kept_used(&owner.account));
    tx.delete(&tables::contact_list(&owner.account));
    owner.peers.iter().for_each(|peer| tx.delete(&tables::kept_peer(*peer)));
    tx.delete(&tables::kept_owner(&owner.account));
    Ok(())
}
