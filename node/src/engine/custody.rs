//! Parcels kept for members of our groups who are not connected, so that two who never meet can talk.
//!
//! Kept are sealed parcels of one member for another: who keeps them learns their size and time, and whom they are from
//! and for, nothing of what is in them. Quotas are per sender (`[NODE-CUSTODY]`).

use std::collections::BTreeMap;

use covey_pairing::ids::DeviceId;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tracing::debug;

use super::contacts::Owner;
use super::{Cx, EngineError, PeerKey, group, tables};

/// Members asked to keep one parcel: one of them is likely to meet the recipient.
pub(super) const KEEPERS: u8 = 3;
/// Parcels kept of one sender.
const MAX_PARCELS: usize = 128;
/// Bytes kept of one sender.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Parcels kept in all.
const MAX_ALL: usize = 4_096;
/// A parcel is kept for this long, in milliseconds: 21 days.
const KEEP: u64 = 21 * 24 * 3_600_000;

/// A parcel kept for somebody.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) sender: DeviceId,
    to: DeviceId,
    pub(super) number: u64,
    pub(super) sealed: ByteBuf,
    since: u64,
}

/// Connected members of the group with this channel who may keep something for `device`.
pub(super) fn keepers(cx: &Cx<'_, '_>, no: u64, device: &DeviceId) -> Vec<PeerKey> {
    let fits = |peer: &PeerKey| {
        cx.live.contacts.get(peer).is_some_and(|at| at.device != *device && group::includes(cx, no, &at.account))
    };
    cx.live.opened.iter().filter(|peer| fits(peer)).take(usize::from(KEEPERS)).copied().collect()
}

/// Takes a parcel into custody if it is from one member of a group for another and there is room. The recipient, if it is
/// connected.
pub(super) fn keep(
    cx: &mut Cx<'_, '_>,
    sender: Owner,
    to: DeviceId,
    number: u64,
    sealed: ByteBuf,
) -> Result<Option<PeerKey>, EngineError> {
    let Some(account) = group::account_of_device(cx, &to) else { return Ok(None) };
    let common = |no: &u64| group::includes(cx, *no, &account);
    if to == cx.me.device_id() || !group::shared_with(cx, &sender.account).iter().any(common) {
        debug!("a parcel to keep for somebody who is no member");
        return Ok(None);
    }
    let key = tables::custody(&to, &sender.device, number);
    let known = cx.tx.get::<Kept>(&key)?.map_or(0, |kept| kept.sealed.len());
    let of_sender = used(cx)?.get(&sender.device).copied().unwrap_or((0, 0));
    let all: usize = cx.live.custody.iter().flatten().map(|(_, (parcels, _))| parcels).sum();
    if known == 0 {
        if of_sender.0 >= MAX_PARCELS || of_sender.1 + sealed.len() > MAX_BYTES || all >= MAX_ALL {
            debug!(sender = %sender.device.fmt_short(), "no room to keep another parcel");
            return Ok(None);
        }
        let kept = Kept { sender: sender.device, to, number, sealed, since: cx.now };
        let bytes = kept.sealed.len();
        cx.tx.put(&key, &kept)?;
        // Counting anew would read all that is kept, for each parcel of whoever sends many.
        if let Some(used) = &mut cx.live.custody {
            let of = used.entry(sender.device).or_default();
            *of = (of.0 + 1, of.1 + bytes);
        }
    }
    Ok(group::connected_peer(cx, &to))
}

/// Parcels and bytes kept of each sender.
fn used<'a>(cx: &'a mut Cx<'_, '_>) -> Result<&'a BTreeMap<DeviceId, (usize, usize)>, EngineError> {
    if cx.live.custody.is_none() {
        let mut used: BTreeMap<DeviceId, (usize, usize)> = BTreeMap::new();
        for (_, kept) in cx.tx.scan::<Kept>(&tables::all_custody(), None, MAX_ALL, false)? {
            let of = used.entry(kept.sender).or_default();
            *of = (of.0 + 1, of.1 + kept.sealed.len());
        }
        cx.live.custody = Some(used);
    }
    Ok(cx.live.custody.get_or_insert_default())
}

/// What was kept for a device has arrived.
pub(super) fn arrived(cx: &mut Cx<'_, '_>, to: &DeviceId, from: &DeviceId, number: u64) {
    cx.tx.delete(&tables::custody(to, from, number));
    cx.live.custody = None;
}

/// What is kept for a device.
pub(super) fn for_device(cx: &Cx<'_, '_>, device: &DeviceId) -> Result<Vec<Kept>, EngineError> {
    let rows = cx.tx.scan::<Kept>(&tables::custody_for(device), None, MAX_ALL, false)?;
    Ok(rows.into_iter().map(|(_, kept)| kept).filter(|kept| kept.to == *device).collect())
}

/// Drops what was kept for too long.
pub(super) fn prune(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for (key, kept) in cx.tx.scan::<Kept>(&tables::all_custody(), None, MAX_ALL, false)? {
        if kept.since.saturating_add(KEEP) <= cx.now {
            cx.tx.delete(&key);
            cx.live.custody = None;
        }
    }
    Ok(())
}
