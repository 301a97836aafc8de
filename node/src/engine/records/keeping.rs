//! Whose mail this node keeps, and that mail, as stored. What is used is counted in the transaction that writes or deletes a parcel.

use covey_pairing::identity::KnownLog;
use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{MAX_CHECKED, SlotId, TokenHash, Use};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use crate::engine::counters::Counter;
use crate::engine::{EngineError, PeerKey, tables};
use crate::store::Tx;

/// Parcels that were fetched from a slot and are remembered: as many as it holds.
const MAX_FETCHED: usize = MAX_CHECKED;

/// Most parcels looked at in one go: an owner's limit of a GiB in parcels of the shortest kind is more, and goes in several.
const MOST: usize = 65_536;

/// Parcels looked at for one question of a device: those that it has are passed over.
const LOOKED_AT: usize = 1_024;

/// A device that asked within this time, in milliseconds, is waited for: what another device of the account has lies here for it, too.
const WAITED_FOR: u64 = 14 * 24 * 3_600_000;

/// When a device asked is written down this often, in milliseconds.
const ASKED_AGAIN: u64 = 3_600_000;

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
    /// When each of its devices last asked.
    #[serde(default)]
    pub(in crate::engine) asked: Vec<(PeerKey, u64)>,
}

impl Owner {
    /// A device asks now. Whether that is to be written down.
    pub(in crate::engine) fn asks(&mut self, peer: PeerKey, now: u64) -> bool {
        let Self { asked, peers, .. } = self;
        asked.retain(|(peer, _)| peers.contains(peer));
        match asked.iter_mut().find(|(other, _)| *other == peer) {
            Some((_, at)) if at.abs_diff(now) < ASKED_AGAIN => return false,
            Some((_, at)) => *at = now,
            None => asked.push((peer, now)),
        }
        true
    }

    /// Whether every device that is waited for has a parcel.
    fn has(&self, lying: &Lying, now: u64) -> bool {
        let is_waited_for = |(peer, at): &(PeerKey, u64)| self.peers.contains(peer) && at.abs_diff(now) < WAITED_FOR;
        let mut waited_for = self.asked.iter().filter(|asked| is_waited_for(asked));
        !lying.got.is_empty() && waited_for.all(|(peer, _)| lying.got.contains(peer))
    }
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
    /// The number of the token.
    #[serde(default)]
    pub(in crate::engine) order: u32,
    /// The hashes of the parcels that its owner fetched last: they are not missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::engine) fetched: Vec<ByteArray<32>>,
    /// It is for invites of strangers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::engine) strangers: bool,
    /// From which networks its parcels came, each once for each parcel ([`Lying::stranger`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::engine) networks: Vec<ByteArray<8>>,
}

/// A parcel that is kept, without its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Lying {
    pub(in crate::engine) slot: SlotId,
    pub(in crate::engine) hash: ByteArray<32>,
    pub(in crate::engine) len: u64,
    /// Until when, Unix milliseconds.
    pub(in crate::engine) until: u64,
    /// The devices of the owner that have it.
    #[serde(default)]
    pub(in crate::engine) got: Vec<PeerKey>,
    /// In an invite slot: tells the networks apart from which strangers came ([`covey_pairing::consent::Source::hash`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) stranger: Option<ByteArray<8>>,
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

/// [KEEP-5] Most bytes that all that is kept here may take, of which so many are `taken`: what the operator allows, and a tenth of what would be free
/// on the disk without them.
pub(in crate::engine) fn most(allowed: u64, free_disk: Option<u64>, taken: u64) -> u64 {
    allowed.min(free_disk.map_or(u64::MAX, |free| free.saturating_add(taken) / 10))
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
pub(in crate::engine) fn put(tx: &mut Tx<'_>, lying: &Lying, parcel: &[u8]) -> Result<(), EngineError> {
    let Some(mut slot) = slot(tx, &lying.slot)? else { return Ok(()) };
    let number = Counter::Kept.next(tx)?;
    tx.put(&tables::lying(&slot.owner, number), lying)?;
    tx.put_raw(&tables::kept_bytes(&slot.owner, number), parcel);
    tx.put(&tables::kept_hash(&lying.slot, &lying.hash), &number)?;
    slot.used = slot.used.with(lying.len);
    slot.networks.extend(lying.stranger);
    count(tx, &slot, lying, |used| used.with(lying.len))
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
    if let Some(at) = slot.networks.iter().position(|network| lying.stranger.as_ref() == Some(network)) {
        slot.networks.swap_remove(at);
    }
    if !lying.got.is_empty() {
        slot.fetched.push(lying.hash);
        let surplus = slot.fetched.len().saturating_sub(MAX_FETCHED);
        slot.fetched.drain(..surplus);
    }
    count(tx, &slot, &lying, |used| used.without(lying.len))
}

/// Which of these parcels are neither in a slot nor were fetched from it.
pub(in crate::engine) fn missing(
    tx: &Tx<'_>,
    id: &SlotId,
    slot: &Slot,
    hashes: &[ByteArray<32>],
) -> Result<Vec<ByteArray<32>>, EngineError> {
    let mut missing = Vec::new();
    for hash in hashes {
        if !slot.fetched.contains(hash) && same(tx, id, hash)?.is_none() {
            missing.push(*hash);
        }
    }
    Ok(missing)
}

fn count(tx: &mut Tx<'_>, slot: &Slot, lying: &Lying, change: impl Fn(Use) -> Use) -> Result<(), EngineError> {
    tx.save(&tables::kept_slot(&lying.slot), slot);
    // [KEEP-31] What strangers leave is counted in its slot alone.
    if slot.strangers {
        return Ok(());
    }
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

/// What was found for a device of an account.
pub(in crate::engine) struct Found {
    pub(in crate::engine) parcels: Vec<(u64, Lying)>,
    /// All up to this number were looked at.
    pub(in crate::engine) upto: u64,
    /// There may be more.
    pub(in crate::engine) more: bool,
}

/// What a device of an account asks for: at most `limit` parcels with higher numbers than `after` that it does not have.
pub(in crate::engine) fn for_device(
    tx: &Tx<'_>,
    (account, peer): (&AccountId, PeerKey),
    after: u64,
    limit: usize,
) -> Result<Found, EngineError> {
    let rows = lying(tx, account, after, LOOKED_AT)?;
    let mut found = Found { parcels: Vec::new(), upto: after, more: rows.len() == LOOKED_AT };
    for (number, lying) in rows {
        if found.parcels.len() == limit {
            found.more = true;
            break;
        }
        found.upto = number;
        if !lying.got.contains(&peer) {
            found.parcels.push((number, lying));
        }
    }
    Ok(found)
}

/// A device of an owner has a parcel. It lies on for those that are waited for.
pub(in crate::engine) fn got(
    tx: &mut Tx<'_>,
    owner: &Owner,
    (peer, number): (PeerKey, u64),
    now: u64,
) -> Result<(), EngineError> {
    let key = tables::lying(&owner.account, number);
    let Some(mut lying) = tx.get::<Lying>(&key)? else { return Ok(()) };
    if !lying.got.contains(&peer) {
        lying.got.push(peer);
    }
    let has = owner.has(&lying, now);
    tx.put(&key, &lying)?;
    if has { delete(tx, &owner.account, number) } else { Ok(()) }
}

/// Parcels of an account and their bytes, counted from what lies here, but for what strangers left.
pub(in crate::engine) fn recount(tx: &Tx<'_>, account: &AccountId) -> Result<Use, EngineError> {
    let (mut found, mut after) = (Use::default(), 0);
    loop {
        let rows = lying(tx, account, after, LOOKED_AT)?;
        let counted = rows.iter().filter(|(_, lying)| lying.stranger.is_none());
        found = counted.fold(found, |found, (_, lying)| found.with(lying.len));
        match rows.last() {
            Some((number, _)) if rows.len() == LOOKED_AT => after = *number,
            _ => return Ok(found),
        }
    }
}

/// Deletes what ran out, and what no device is waited for any more with.
pub(in crate::engine) fn expire(tx: &mut Tx<'_>, owner: &Owner, now: u64) -> Result<(), EngineError> {
    delete_those(tx, &owner.account, |lying| lying.until <= now || owner.has(lying, now))
}

/// Makes room for a parcel: what a device of the owner has is durable there, and lies here for its others only as long as nobody needs
/// the room. First in this slot, then in all of the owner, until `fits`.
pub(in crate::engine) fn make_room(
    tx: &mut Tx<'_>,
    (account, id): (&AccountId, &SlotId),
    fits: impl Fn(&Tx<'_>) -> Result<bool, EngineError>,
) -> Result<bool, EngineError> {
    let mut had: Vec<(u64, Lying)> = lying(tx, account, 0, MOST)?;
    had.retain(|(_, lying)| !lying.got.is_empty() && lying.stranger.is_none());
    had.sort_by_key(|(number, lying)| (lying.slot != *id, *number));
    for (number, _) in had {
        if fits(tx)? {
            return Ok(true);
        }
        delete(tx, account, number)?;
    }
    fits(tx)
}
