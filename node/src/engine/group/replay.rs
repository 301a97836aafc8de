//! Rosters filled from the operations that are stored.

use std::collections::BTreeMap;

use covey_pairing::group::roster::{OpRecord, Vouched};
use covey_pairing::ids::{AccountId, DeviceId};
use tracing::warn;

use super::rosters::{get, get_mut};
use super::stored::Stored;
use super::{changes, forks};
use crate::engine::channels::Channel;
use crate::engine::{Cx, EngineError, feeds, tables};
use crate::store::Key;

/// Operations read at a time when a roster is filled.
const CHUNK: usize = 512;
/// Operations that found no room among the waiting ones are taken up again after this time, in milliseconds.
pub(super) const REFILL: u64 = 30_000;

/// Fills a roster from what is stored: all at once, so that every operation is evaluated once however late it was.
pub(super) fn replay(cx: &mut Cx<'_, '_>, no: u64) -> Result<(), EngineError> {
    let now = cx.now;
    let mut records = Vec::new();
    let mut after = None;
    loop {
        let part = cx.tx.scan::<Stored>(&tables::operations(no), after.as_ref(), CHUNK, false)?;
        let ended = part.len() < CHUNK;
        let Some(group) = get_mut(cx, no) else { return Ok(()) };
        for (key, stored) in part {
            let lamport = lamport_in(&key);
            after = Some(key);
            let Some(record) = stored.record(lamport) else { continue };
            group.lamports.insert(record.id, lamport);
            note_devices(&mut group.devices, &record);
            records.push(record.slim());
        }
        if ended {
            break;
        }
    }
    let Some(group) = get_mut(cx, no) else { return Ok(()) };
    let (_, refused) = group.roster.insert_all(records);
    // Whoever caused it was charged when it came.
    group.roster.take_costs();
    if !refused.is_empty() {
        warn!(group = %group.id, count = refused.len(), "operations found no room among the waiting ones");
        group.refill_at = Some(now.saturating_add(REFILL));
    }
    forks::replay(cx, no)?;
    end_feeds(cx, no)
}

/// The logical time under which an operation is stored.
fn lamport_in(key: &Key) -> u64 {
    key.tail(24).first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Feeds of those who are gone, and forked ones, end at their cuts for the digests, too.
fn end_feeds(cx: &mut Cx<'_, '_>, no: u64) -> Result<(), EngineError> {
    for feed in feeds::all(cx.tx, no)? {
        let device = DeviceId::from_bytes(*feed.key.author.as_bytes());
        let Some(group) = get_mut(cx, no) else { return Ok(()) };
        let Some(last) = group.roster.cut(&device, feed.key.incarnation) else { continue };
        group.ended.insert(feed.key, last);
        if feed.head.is_none_or(|head| head.seq <= last) {
            continue;
        }
        let at = feeds::entry(cx.tx, feed.fid, last)?.map(|entry| entry.head());
        if let Some(group) = get(cx, no) {
            group.spread.cut(feed.key, at);
        }
    }
    Ok(())
}

pub(super) fn note_devices(devices: &mut BTreeMap<DeviceId, AccountId>, record: &OpRecord) {
    let (account, of) = match &record.vouched {
        Vouched::Nothing => return,
        Vouched::Devices(of) => (record.operation.account, of),
        Vouched::Join(join) => (join.account, &join.devices),
    };
    for device in &of.devices {
        devices.entry(*device).or_insert(account);
    }
}

/// Takes what found no room among the operations that waited, if there was such, now that others have come.
pub(super) fn refill(cx: &mut Cx<'_, '_>, channel: &mut Channel) -> Result<(), EngineError> {
    let no = channel.no;
    let now = cx.now;
    match get_mut(cx, no) {
        Some(group) if group.refill_at.is_some_and(|at| at <= now) => group.refill_at = None,
        _ => return Ok(()),
    }
    let mut records = Vec::new();
    let mut after = None;
    loop {
        let part = cx.tx.scan::<Stored>(&tables::operations(no), after.as_ref(), CHUNK, false)?;
        let ended = part.len() < CHUNK;
        let Some(group) = get(cx, no) else { return Ok(()) };
        for (key, stored) in part {
            let lamport = lamport_in(&key);
            after = Some(key);
            if !group.roster.contains(&stored.id) {
                records.extend(stored.record(lamport));
            }
        }
        if ended {
            break;
        }
    }
    let Some(group) = get_mut(cx, no) else { return Ok(()) };
    let (changes, refused) = group.roster.insert_all(records);
    group.refill_at = (!refused.is_empty()).then_some(now.saturating_add(REFILL));
    changes::carry_out(cx, channel, changes, None)
}
