//! Groups in memory: begun, and filled from what is stored.

use std::collections::BTreeMap;

use covey_feed::fork::Forked;
use covey_feed::{ForkProof, Heads};
use covey_pairing::crypto::hash::blake3;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::group::roster::{OpRecord, Vouched};
use covey_pairing::ids::{AccountId, DeviceId, GroupId};
use serde_bytes::ByteArray;
use tracing::warn;

use crate::engine::live::groups::Group;
use crate::engine::members::rosters;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::feeds;
use crate::engine::records::operations::{self, Stored};
use crate::engine::records::standing::{self, State};
use crate::engine::wire::parcel::ForkRank;
use crate::engine::{Cx, EngineError, tables};

/// Operations read at a time when a roster is filled.
pub(in crate::engine) const CHUNK: usize = 512;

/// Operations that found no room among the waiting ones are taken up again after this time, in milliseconds.
pub(in crate::engine) const REFILL: u64 = 30_000;

/// Fills a roster from what is stored: all at once, so that every operation is evaluated once however late it was.
pub(in crate::engine) fn replay(cx: &mut Cx<'_, '_>, no: u64) -> Result<(), EngineError> {
    let now = cx.now;
    let mut records = Vec::new();
    let mut after = None;
    loop {
        let part = cx.tx.scan::<Stored>(&tables::operations(no), after.as_ref(), CHUNK, false)?;
        let ended = part.len() < CHUNK;
        let Some(group) = rosters::get_mut(cx, no) else { return Ok(()) };
        for (key, stored) in part {
            let lamport = operations::lamport_in(&key);
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
    let Some(group) = rosters::get_mut(cx, no) else { return Ok(()) };
    let (_, refused) = group.roster.insert_all(records);
    // Whoever caused it was charged when it came.
    group.roster.take_costs();
    if !refused.is_empty() {
        warn!(group = %group.id, count = refused.len(), "operations found no room among the waiting ones");
        group.refill_at = Some(now.saturating_add(REFILL));
    }
    fill_forks(cx, no)?;
    end_feeds(cx, no)
}

/// Feeds of those who are gone, and forked ones, end at their cuts for the digests, too.
fn end_feeds(cx: &mut Cx<'_, '_>, no: u64) -> Result<(), EngineError> {
    for feed in feeds::all(cx.tx, no)? {
        let device = DeviceId::from_bytes(*feed.key.author.as_bytes());
        let Some(group) = rosters::get_mut(cx, no) else { return Ok(()) };
        let Some(last) = group.roster.cut(&device, feed.key.incarnation) else { continue };
        group.ended.insert(feed.key, last);
        if feed.head.is_none_or(|head| head.seq <= last) {
            continue;
        }
        let at = feeds::entry(cx.tx, feed.fid, last)?.map(|entry| entry.head());
        if let Some(group) = rosters::get(cx, no) {
            group.spread.cut(feed.key, at);
        }
    }
    Ok(())
}

pub(in crate::engine) fn note_devices(devices: &mut BTreeMap<DeviceId, AccountId>, record: &OpRecord) {
    let (account, of) = match &record.vouched {
        Vouched::Nothing => return,
        Vouched::Devices(of) => (record.operation.account, of),
        Vouched::Join(join) => (join.account, &join.devices),
    };
    for device in &of.devices {
        devices.entry(*device).or_insert(account);
    }
}

pub(in crate::engine) fn rank(forked: &Forked, proof: &[u8]) -> ForkRank {
    let hash = blake3(proof);
    let half = hash.first_chunk().expect("a BLAKE3 hash has 32 bytes");
    (forked.seq, (!forked.settled).then(|| ByteArray::new(*half)))
}

/// Fills the memory from what is stored.
pub(in crate::engine) fn fill_forks(cx: &mut Cx<'_, '_>, no: u64) -> Result<(), EngineError> {
    for feed in feeds::all(cx.tx, no)?.into_iter().filter(|feed| feed.frozen) {
        let Some(proof) = cx.tx.get_raw(&tables::fork_proof(feed.fid))? else { continue };
        let Ok(forked) = ForkProof::decode(&proof).and_then(|proof| proof.verify()) else { continue };
        let device = DeviceId::from_bytes(*feed.key.author.as_bytes());
        if let Some(group) = rosters::get_mut(cx, no) {
            group.forks.insert(feed.key, rank(&forked, &proof));
            group.roster.void(device, feed.key.incarnation, forked.seq);
        }
    }
    Ok(())
}

/// Fills the memory of one group from the store again: something of it is gone there.
pub(in crate::engine) fn reload(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    let Some(old) = cx.live.groups.by_no.remove(&channel.no) else { return Ok(()) };
    let mut group = Group::new(old.id, old.state, old.secret, feeds::heads(cx.tx, channel.no)?);
    group.guides = old.guides;
    group.farewell = old.farewell;
    group.hand_out_at = old.hand_out_at;
    group.restored = old.restored;
    group.forks_due = old.forks_due;
    cx.live.groups.ahead = true;
    cx.live.groups.by_no.insert(channel.no, group);
    replay(cx, channel.no)
}

/// Begins a group of our own: its creation follows.
pub(in crate::engine) fn begin(cx: &mut Cx<'_, '_>, id: GroupId, name: &str) -> Result<Channel, EngineError> {
    let channel = channels::open_group(cx.tx, channels::channel_id(&id), name.to_owned(), cx.now)?;
    let mut standing = standing::Standing::new(id, name.to_owned(), State::Joined, cx.now);
    standing.no = Some(channel.no);
    standing.secret = Some(Secret::random(cx.rng));
    standing.save(cx.tx)?;
    let group = Group::new(id, State::Joined, standing.secret.clone(), Heads::new());
    cx.live.groups.ahead = true;
    cx.live.groups.by_no.insert(channel.no, group);
    Ok(channel)
}
