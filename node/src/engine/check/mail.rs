//! What this node keeps for others: mail of accounts, and parcels of members of groups. Each parcel is whole and found, and what is counted is what is
//! there.

use std::collections::BTreeMap;

use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{SlotId, Use};

use crate::engine::check::findings::Findings;
use crate::engine::check::mending::Rebuilt;
use crate::engine::counters::Counter;
use crate::engine::records::keeping::{self, Lying, Slot, Used};
use crate::engine::records::kept_invites;
use crate::engine::records::parcels::Kept;
use crate::engine::{EngineError, tables};
use crate::store::{Key, Tx};

/// Parcels looked at in one go.
const PART: usize = 4_096;

/// What lies here for one account, counted.
#[derive(Default)]
struct Counted {
    all: Use,
    slots: BTreeMap<SlotId, Use>,
    /// Parcels without bytes, or that are not found by their hash, or in a slot that is none of the account's.
    broken: Vec<u64>,
    newest: u64,
}

fn count(tx: &Tx<'_>, account: &AccountId) -> Result<Counted, EngineError> {
    let mut counted = Counted::default();
    loop {
        let part = keeping::lying(tx, account, counted.newest, PART)?;
        let ended = part.len() < PART;
        for (number, lying) in part {
            counted.newest = number;
            if is_whole(tx, account, number, &lying)? {
                if lying.stranger.is_none() {
                    counted.all = counted.all.with(lying.len);
                }
                let slot = counted.slots.entry(lying.slot).or_default();
                *slot = slot.with(lying.len);
            } else {
                counted.broken.push(number);
            }
        }
        if ended {
            return Ok(counted);
        }
    }
}

fn is_whole(tx: &Tx<'_>, account: &AccountId, number: u64, lying: &Lying) -> Result<bool, EngineError> {
    let owner = keeping::slot(tx, &lying.slot)?.map(|slot| slot.owner);
    let found = tx.get::<u64>(&tables::kept_hash(&lying.slot, &lying.hash))?;
    let has_bytes = tx.contains(&tables::kept_bytes(account, number))?;
    Ok(owner == Some(*account) && found == Some(number) && has_bytes)
}

/// The slots of an account as they are stored.
fn slots(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<(SlotId, Slot)>, EngineError> {
    let mut slots = Vec::new();
    for id in tx.get::<Vec<SlotId>>(&tables::kept_slots(account))?.unwrap_or_default() {
        slots.extend(keeping::slot(tx, &id)?.map(|slot| (id, slot)));
    }
    if let Some(opened) = kept_invites::of(tx, account)? {
        slots.extend(keeping::slot(tx, &opened.slot)?.map(|slot| (opened.slot, slot)));
    }
    Ok(slots)
}

/// [MAIL-9] Checks it.
pub(super) fn check(tx: &Tx<'_>, found: &mut Findings) -> Result<(), EngineError> {
    let mut total = Use::default();
    for owner in keeping::owners(tx)? {
        let (account, name) = (owner.account, owner.account.fmt_short());
        let counted = count(tx, &account)?;
        if !counted.broken.is_empty() {
            found.problem(format!("{} parcels kept for {name} are not whole", counted.broken.len()));
        }
        if keeping::used(tx, &account)?.used != counted.all {
            found.problem(format!("what is kept for {name} is not what was counted"));
        }
        for (id, slot) in slots(tx, &account)? {
            if slot.used != counted.slots.get(&id).copied().unwrap_or_default() {
                found.problem(format!("what is kept for {name} in a slot is not what was counted"));
            }
        }
        total = Use { parcels: total.parcels + counted.all.parcels, bytes: total.bytes + counted.all.bytes };
    }
    if keeping::total(tx)? != total {
        found.problem("what is kept for all accounts is not what was counted");
    }
    let misplaced = misplaced(tx)?.len();
    if misplaced > 0 {
        found.problem(format!("{misplaced} parcels kept for members of groups are in the wrong place"));
    }
    Ok(())
}

/// Counts anew what is kept; what is not whole is deleted, since its author has it.
pub(super) fn mend(tx: &mut Tx<'_>, told: &mut Rebuilt) -> Result<(), EngineError> {
    let (mut total, mut newest, mut broken) = (Use::default(), 0, 0);
    for owner in keeping::owners(tx)? {
        let account = owner.account;
        let counted = count(tx, &account)?;
        for number in &counted.broken {
            tx.delete(&tables::lying(&account, *number));
            tx.delete(&tables::kept_bytes(&account, *number));
        }
        for (id, slot) in slots(tx, &account)? {
            let used = counted.slots.get(&id).copied().unwrap_or_default();
            // Which networks the parcels came from need not be right: they are let in more easily once.
            tx.put(&tables::kept_slot(&id), &Slot { used, networks: Vec::new(), ..slot })?;
        }
        let used = keeping::used(tx, &account)?;
        tx.put(&tables::kept_used(&account), &Used { used: counted.all, ..used })?;
        total = Use { parcels: total.parcels + counted.all.parcels, bytes: total.bytes + counted.all.bytes };
        (newest, broken) = (counted.newest.max(newest), broken + counted.broken.len());
    }
    tx.put(&tables::kept_total(), &total)?;
    if Counter::Kept.get(tx)? < newest {
        Counter::Kept.set(tx, newest)?;
    }
    if broken > 0 {
        told.returning.push(format!("{broken} parcels kept for others: their authors leave them again"));
    }
    for key in misplaced(tx)? {
        tx.delete(&key);
    }
    Ok(())
}

/// Parcels of members of groups that are not where they are looked for.
fn misplaced(tx: &Tx<'_>) -> Result<Vec<Key>, EngineError> {
    let rows = tx.scan_intact::<Kept>(&tables::all_custody(), usize::MAX)?;
    let place = |kept: &Kept| tx.stored_key(&tables::custody(&kept.to, &kept.sender, kept.number));
    Ok(rows.into_iter().filter(|(key, kept)| place(kept) != tx.stored_key(key)).map(|(key, _)| key).collect())
}
