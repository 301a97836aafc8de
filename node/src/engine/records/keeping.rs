//! Whose mail this node keeps, and that mail, as stored. What is used is counted in the transaction that writes or deletes a parcel.

use covey_pairing::identity::KnownLog;
use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{SlotId, TokenHash, Use};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use crate::engine::counters::Counter;
use crate::engine::{EngineError, PeerKey, tables};
use crate::store::Tx;

/// Most parcels looked at in one go: an owner's limit of a GiB in parcels of the shortest kind is more, and goes in several.
const MOST: usize = 65_536;

/// An account whose mail is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Owner {
    pub(in crate::engine) account: AccountId,
    /// As its card says.
    pub(in crate::engine) name: Option<String>,
    /// The longest key log that it showed: its active devices may fetch.
    pub(in crate::engine) known: KnownLog,
    /// The peers of those devices.
    pub(in crate::engine) peers: Vec<PeerKey>,
    /// Bytes that may lie here.
    pub(in crate::engine) limit: u64,
    /// When it came, Unix milliseconds.
    pub(in crate::engine) since: u64,
    /// When a device of it was last here.
    pub(in crate::engine) seen: u64,
}

/// What an owner uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Used {
    pub(in crate::engine) used: Use,
    /// A parcel was refused for want of room since all were fetched.
    #[serde(default)]
    pub(in crate::engine) refused: bool,
}

/// Where one contact of an owner may leave mail.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Slot {
    pub(in crate::engine) owner: AccountId,
    pub(in crate::engine) token: TokenHash,
    pub(in crate::engine) used: Use,
}

/// A parcel that is kept, without its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Lying {
    pub(in crate::engine) slot: SlotId,
    pub(in crate::engine) hash: ByteArray<32>,
    pub(in crate::engine) len: u64,
    /// Until when, Unix milliseconds.
    pub(in crate::engine) until: u64,
}

/// A keeper ticket that was not used yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Issued {
    /// The only account that may use it, if it is for one.
    pub(in crate::engine) account: Option<AccountId>,
    pub(in crate::engine) limit: u64,
    pub(in crate::engine) expires_at: u64,
}

pub(in crate::engine) fn owner(tx: &Tx<'_>, account: &AccountId) -> Result<Option<Owner>, EngineError> {
    Ok(tx.load(&tables::kept_owner(account))?)
}

pub(in crate::engine) fn owners(tx: &Tx<'_>) -> Result<Vec<Owner>, EngineError> {
    Ok(tx.scan_intact(&tables::kept_owners(), usize::MAX)?.into_iter().map(|(_, owner)| owner).collect())
}

/// Whose device a peer is.
pub(in crate::engine) fn owner_at(tx: &Tx<'_>, peer: PeerKey) -> Result<Option<Owner>, EngineError> {
    match tx.load::<AccountId>(&tables::kept_peer(peer))? {
        Some(account) => owner(tx, &account),
        None => Ok(None),
    }
}

pub(in crate::engine) fn slot(tx: &Tx<'_>, slot: &SlotId) -> Result<Option<Slot>, EngineError> {
    Ok(tx.load(&tables::kept_slot(slot))?)
}

pub(in crate::engine) fn used(tx: &Tx<'_>, account: &AccountId) -> Result<Used, EngineError> {
    Ok(tx.load(&tables::kept_used(account))?.unwrap_or_default())
}

/// What all owners use.
pub(in crate::engine) fn total(tx: &Tx<'_>) -> Result<Use, EngineError> {
    Ok(tx.load(&tables::kept_total())?.unwrap_or_default())
}

/// The parcel with this hash in this slot, if it lies there.
pub(in crate::engine) fn same(tx: &Tx<'_>, slot: &SlotId, hash: &[u8; 32]) -> Result<Option<Lying>, EngineError> {
    let Some(owner) = self::slot(tx, slot)?.map(|slot| slot.owner) else { return Ok(None) };
    match tx.get::<u64>(&tables::kept_hash(slot, hash))? {
        Some(number) => Ok(tx.get(&tables::lying(&owner, number))?),
        None => Ok(None),
    }
}

/// At most `limit` parcels of an account with higher numbers than `after`.
pub(in crate::engine) fn lying(
    tx: &Tx<'_>,
    account: &AccountId,
    after: u64,
    limit: usize,
) -> Result<Vec<(u64, Lying)>, EngineError> {
    let after = tables::lying(account, after);
    let rows = tx.scan::<Lying>(&tables::all_lying(account), Some(&after), limit, false)?;
    Ok(rows.into_iter().map(|(key, lying)| (key.tail_u64(), lying)).collect())
}

/// The bytes of a parcel.
pub(in crate::engine) fn bytes(tx: &Tx<'_>, account: &AccountId, number: u64) -> Result<Option<ByteBuf>, EngineError> {
    Ok(tx.get_raw(&tables::kept_bytes(account, number))?.map(ByteBuf::from))
}

/// Writes a parcel and counts it.
pub(in crate::engine) fn put(
    tx: &mut Tx<'_>,
    slot: &mut Slot,
    lying: &Lying,
    parcel: &[u8],
) -> Result<(), EngineError> {
    let number = Counter::Kept.next(tx)?;
    tx.put(&tables::lying(&slot.owner, number), lying)?;
    tx.put_raw(&tables::kept_bytes(&slot.owner, number), parcel);
    tx.put(&tables::kept_hash(&lying.slot, &lying.hash), &number)?;
    slot.used = slot.used.with(lying.len);
    count(tx, slot, lying, |used| used.with(lying.len))
}

/// Deletes a parcel and counts it.
pub(in crate::engine) fn delete(tx: &mut Tx<'_>, account: &AccountId, number: u64) -> Result<(), EngineError> {
    let key = tables::lying(account, number);
    let Some(lying) = tx.get::<Lying>(&key)? else { return Ok(()) };
    tx.delete(&key);
    tx.delete(&tables::kept_bytes(account, number));
    tx.delete(&tables::kept_hash(&lying.slot, &lying.hash));
    let Some(mut slot) = slot(tx, &lying.slot)? else { return Ok(()) };
    slot.used = slot.used.without(lying.len);
    count(tx, &slot, &lying, |used| used.without(lying.len))
}

fn count(tx: &mut Tx<'_>, slot: &Slot, lying: &Lying, change: impl Fn(Use) -> Use) -> Result<(), EngineError> {
    tx.save(&tables::kept_slot(&lying.slot), slot);
    let used = used(tx, &slot.owner)?;
    tx.save(&tables::kept_used(&slot.owner), &Used { used: change(used.used), ..used });
    let total = change(total(tx)?);
    tx.save(&tables::kept_total(), &total);
    Ok(())
}

/// Deletes the parcels of an account that `which` picks, so many at most. Whether all were looked at.
pub(in crate::engine) fn delete_those(
    tx: &mut Tx<'_>,
    account: &AccountId,
    which: impl Fn(&Lying) -> bool,
) -> Result<(), EngineError> {
    for (number, lying) in lying(tx, account, 0, MOST)? {
        if which(&lying) {
            delete(tx, account, number)?;
        }
    }
    Ok(())
}

/// Makes these the slots of an account: what lies in others is deleted. A slot of another account is left alone.
pub(in crate::engine) fn set_slots(
    tx: &mut Tx<'_>,
    account: &AccountId,
    list: &[(SlotId, TokenHash)],
) -> Result<(), EngineError> {
    let before: Vec<SlotId> = tx.get(&tables::kept_slots(account))?.unwrap_or_default();
    let gone: Vec<SlotId> = before.into_iter().filter(|id| list.iter().all(|(kept, _)| kept != id)).collect();
    if !gone.is_empty() {
        delete_those(tx, account, |lying| gone.contains(&lying.slot))?;
        gone.iter().for_each(|id| tx.delete(&tables::kept_slot(id)));
    }
    let mut ids = Vec::new();
    for (id, token) in list {
        let used = match slot(tx, id)? {
            Some(other) if other.owner != *account => continue,
            Some(same) => same.used,
            None => Use::default(),
        };
        tx.save(&tables::kept_slot(id), &Slot { owner: *account, token: *token, used });
        ids.push(*id);
    }
    Ok(tx.put(&tables::kept_slots(account), &ids)?)
}

/// Forgets an account with all that lies here for it.
pub(in crate::engine) fn forget(tx: &mut Tx<'_>, owner: &Owner) -> Result<(), EngineError> {
    set_slots(tx, &owner.account, &[])?;
    tx.delete(&tables::kept_slots(&owner.account));
    tx.delete(&tables::kept_used(&owner.account));
    owner.peers.iter().for_each(|peer| tx.delete(&tables::kept_peer(*peer)));
    tx.delete(&tables::kept_owner(&owner.account));
    Ok(())
}
