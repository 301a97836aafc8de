//! Parcels kept for members of our groups who are not connected, so that two who never meet can talk.
//!
//! Kept are sealed parcels of one member for another: who keeps them learns their size and time, and whom they are from
//! and for, nothing of what is in them. Quotas are per device that gives us
//! something to keep (`[PARCEL-6]`).

use covey_pairing::ids::DeviceId;
use serde_bytes::ByteBuf;
use tracing::debug;

use crate::engine::members::rosters;
use crate::engine::records::devices::DeviceRef;
use crate::engine::records::parcels::{KEEPERS, Kept, Used};
use crate::engine::{Cx, EngineError, PeerKey, tables};

/// Parcels and bytes kept of a device that gives us its own.
const MAX_OWN: (usize, usize) = (128, 8 * 1024 * 1024);

/// The same of a device that passes on those of others. Whom they are from is its word alone, so they are charged to it.
const MAX_PASSED: (usize, usize) = (512, 16 * 1024 * 1024);

/// Parcels kept in all.
const MAX_ALL: usize = 4_096;

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
        let used = used(cx)?;
        let all: usize = used.values().map(|(parcels, _)| parcels).sum();
        let of = used.entry(charged).or_default();
        let (parcels, most) = if charged.1 { MAX_OWN } else { MAX_PASSED };
        if of.0 >= parcels || of.1 + bytes > most || all >= MAX_ALL {
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

/// Counted, if they were not since that last changed.
fn used<'a>(cx: &'a mut Cx<'_, '_>) -> Result<&'a mut Used, EngineError> {
    if cx.live.custody.is_none() {
        let mut used = Used::new();
        for (_, kept) in cx.tx.scan::<Kept>(&tables::all_custody(), None, MAX_ALL, false)? {
            let of = used.entry(kept.charged()).or_default();
            *of = (of.0 + 1, of.1 + kept.sealed.len());
        }
        cx.live.custody = Some(used);
    }
    Ok(cx.live.custody.get_or_insert_default())
}

/// What was kept for a device has arrived.
pub(in crate::engine) fn arrived(cx: &mut Cx<'_, '_>, to: &DeviceId, from: &DeviceId, number: u64) {
    cx.tx.delete(&tables::custody(to, from, number));
    cx.live.custody = None;
}

/// What is kept for a device.
pub(in crate::engine) fn for_device(cx: &Cx<'_, '_>, device: &DeviceId) -> Result<Vec<Kept>, EngineError> {
    let rows = cx.tx.scan::<Kept>(&tables::custody_for(device), None, MAX_ALL, false)?;
    Ok(rows.into_iter().map(|(_, kept)| kept).filter(|kept| kept.to == *device).collect())
}

/// Drops what was kept for too long.
pub(in crate::engine) fn prune(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for (key, kept) in cx.tx.scan::<Kept>(&tables::all_custody(), None, MAX_ALL, false)? {
        if kept.since.saturating_add(KEEP) <= cx.now {
            cx.tx.delete(&key);
            cx.live.custody = None;
        }
    }
    Ok(())
}
