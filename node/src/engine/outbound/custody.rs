//! Parcels kept for members of our groups who are not connected, so that two who never meet can talk.
//!
//! Kept are sealed parcels of one member for another: who keeps them learns their size and time, and whom they are from
//! and for, nothing of what is in them. Quotas are per device that gives us
//! something to keep (`[PARCEL-6]`).

use covey_pairing::ids::DeviceId;
use covey_pairing::keeper::Use;
use serde_bytes::ByteBuf;
use tracing::debug;

use crate::engine::members::rosters;
use crate::engine::records::devices::DeviceRef;
use crate::engine::records::keeping;
use crate::engine::records::parcels::{KEEPERS, Kept, Used};
use crate::engine::{Cx, EngineError, PeerKey, tables};

/// Parcels and bytes kept of a device that gives us its own.
const MAX_OWN: (usize, usize) = (128, 8 * 1024 * 1024);

/// The same of a device that passes on those of others. Whom they are from is its word alone, so they are charged to it.
const MAX_PASSED: (usize, usize) = (512, 16 * 1024 * 1024);

/// Parcels kept in all.
const MAX_ALL: usize = 4_096;

/// Their bytes: all of four devices that pass on, or of eight that give their own. It bounds what is read to count them.
const MAX_ALL_BYTES: u64 = 64 << 20;

/// [PARCEL-4] A parcel is kept for this long, in milliseconds: 21 days.
const KEEP: u64 = 21 * 24 * 3_600_000;

/// Connected members of the group with this channel who may keep something for `device`.
pub(in crate::engine) fn keepers(cx: &Cx<'_, '_>, no: u64, device: &DeviceId) -> Vec<PeerKey> {
    let fits = |peer: &PeerKey| {
        cx.live.contacts.get(peer).is_some_and(|at| at.device != *device && rosters::includes(cx, no, &at.account))
    };
    cx.live.opened.iter().filter(|peer| fits(peer)).take(usize::from(KEEPERS)).copied().collect()
}

/// Takes a parcel into custody if it is from one member of a group for another and there is room. `by`: who passed it on to
/// us. The recipient, if it is connected.
pub(in crate::engine) fn keep(
    cx: &mut Cx<'_, '_>,
    sender: DeviceRef,
    by: Option<DeviceId>,
    to: DeviceId,
    number: u64,
    sealed: ByteBuf,
) -> Result<Option<PeerKey>, EngineError> {
    let Some(account) = rosters::account_of_device(cx, &to) else { return Ok(None) };
    let common = |no: &u64| rosters::includes(cx, *no, &account);
    if cx.me.is_this_device(&to) || !rosters::shared_with(cx, &sender.account).iter().any(common) {
        debug!("a parcel to keep for somebody who is no member");
        return Ok(None);
    }
    let connected = rosters::connected_peer(cx, &to);
    let key = tables::custody(&to, &sender.device, number);
    // What somebody else says is from the sender keeps no place from what the sender itself gives us.
    let known = cx.tx.get::<Kept>(&key)?.filter(|known| known.by.is_none() || by.is_some());
    if known.is_none() {
        let kept = Kept { sender: sender.device, to, number, sealed, since: cx.now, by };
        let (charged, bytes) = (kept.charged(), kept.sealed.len());
        let has_room = has_room(cx, bytes)?;
        let of = used(cx)?.entry(charged).or_default();
        let (parcels, most) = if charged.1 { MAX_OWN } else { MAX_PASSED };
        if of.0 >= parcels || of.1 + bytes > most || !has_room {
            // Who is connected gets it all the same; it is not brought a second time.
            debug!(of = %charged.0.fmt_short(), "no room to keep another parcel");
            return Ok(connected);
        }
        // Counting anew would read all that is kept, for each parcel of whoever sends many.
        *of = (of.0 + 1, of.1 + bytes);
        cx.tx.put(&key, &kept)?;
    }
    Ok(connected)
}

/// [KEEP-5] Whether one more parcel of this length may be kept, beside the others and the mail of accounts.
fn has_room(cx: &mut Cx<'_, '_>, len: usize) -> Result<bool, EngineError> {
    let len = u64::try_from(len).unwrap_or(u64::MAX);
    let (kept, mail) = (total(cx)?.with(len), keeping::total(cx.tx)?);
    let both = mail.bytes.saturating_add(kept.bytes);
    let is_few = kept.parcels <= MAX_ALL as u64 && kept.bytes <= MAX_ALL_BYTES;
    Ok(is_few && both <= keeping::most(cx.policy.mail_bytes, cx.live.free_disk, both - len))
}

/// Counted at the start and by the hour, and kept up meanwhile.
fn used<'a>(cx: &'a mut Cx<'_, '_>) -> Result<&'a mut Used, EngineError> {
    if cx.live.custody.is_none() {
        cx.live.custody = Some(counted(cx)?);
    }
    Ok(cx.live.custody.get_or_insert_default())
}

/// Counted from what lies here.
fn counted(cx: &Cx<'_, '_>) -> Result<Used, EngineError> {
    let rows = cx.tx.scan::<Kept>(&tables::all_custody(), None, MAX_ALL, false)?;
    Ok(count(rows.iter().map(|(_, kept)| kept)))
}

fn count<'a>(rows: impl Iterator<Item = &'a Kept>) -> Used {
    let mut used = Used::new();
    for kept in rows {
        let of = used.entry(kept.charged()).or_default();
        *of = (of.0 + 1, of.1 + kept.sealed.len());
    }
    used
}

/// What is kept for members of groups, all of them together, as it was counted when it came and went.
pub(in crate::engine) fn total(cx: &mut Cx<'_, '_>) -> Result<Use, EngineError> {
    Ok(sum(used(cx)?))
}

/// The same, counted from what lies here.
pub(in crate::engine) fn recount(cx: &Cx<'_, '_>) -> Result<Use, EngineError> {
    Ok(sum(&counted(cx)?))
}

fn sum(used: &Used) -> Use {
    let number = |number: &usize| u64::try_from(*number).unwrap_or(u64::MAX);
    used.values().fold(Use::default(), |all, (parcels, bytes)| Use {
        parcels: all.parcels.saturating_add(number(parcels)),
        bytes: all.bytes.saturating_add(number(bytes)),
    })
}

/// What was kept for a device has arrived.
pub(in crate::engine) fn arrived(
    cx: &mut Cx<'_, '_>,
    to: &DeviceId,
    from: &DeviceId,
    number: u64,
) -> Result<(), EngineError> {
    let key = tables::custody(to, from, number);
    let Some(kept) = cx.tx.get::<Kept>(&key)? else { return Ok(()) };
    cx.tx.delete(&key);
    if let Some(of) = cx.live.custody.as_mut().and_then(|used| used.get_mut(&kept.charged())) {
        *of = (of.0.saturating_sub(1), of.1.saturating_sub(kept.sealed.len()));
    }
    Ok(())
}

/// What is kept for a device.
pub(in crate::engine) fn for_device(cx: &Cx<'_, '_>, device: &DeviceId) -> Result<Vec<Kept>, EngineError> {
    let rows = cx.tx.scan::<Kept>(&tables::custody_for(device), None, MAX_ALL, false)?;
    Ok(rows.into_iter().map(|(_, kept)| kept).filter(|kept| kept.to == *device).collect())
}

/// Drops what was kept for too long.
pub(in crate::engine) fn prune(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let mut rows = cx.tx.scan::<Kept>(&tables::all_custody(), None, MAX_ALL, false)?;
    for (key, _) in rows.extract_if(.., |(_, kept)| kept.since.saturating_add(KEEP) <= cx.now) {
        cx.tx.delete(&key);
    }
    // What a device gave that has nothing here any more is forgotten with that.
    cx.live.custody = Some(count(rows.iter().map(|(_, kept)| kept)));
    Ok(())
}
