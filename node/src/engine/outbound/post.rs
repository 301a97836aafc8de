//! Parcels: what one device tells another outside of feeds. Sealed to the device, acknowledged, repeated until then.

use covey_feed::{ChannelId, FeedKey};
use covey_pairing::group::roster::OpId;
use covey_pairing::ids::{AccountId, DeviceId};
use serde_bytes::ByteBuf;
use tracing::debug;

use crate::engine::counters::Counter;
use crate::engine::members::{self, rosters};
use crate::engine::outbound::{custody, ways};
use crate::engine::records::devices::{self, ContactDevice, DeviceRef};
use crate::engine::records::parcels::Waiting;
use crate::engine::sealing::sessions;
use crate::engine::wire::parcel::{self, Content, Frame, VERSION};
use crate::engine::{Cx, Effect, EngineError, PeerKey, Protocol, tables};
use crate::store::Key;

/// [PARCEL-9] Most parcels waiting for one device; further ones are not made (cards and repairs are made anew on reconnect), or take the
/// place of the oldest in a group.
const MAX_WAITING: usize = 128;

/// Ways by which a parcel for a member that is no neighbour goes.
const WAYS: usize = 2;

/// The same parcels are not sent again within this time, in milliseconds.
const SEND_AGAIN: u64 = 60_000;

/// Seals a parcel for a device, keeps it, and sends it if the device is connected. `group`: the channel of the group whose
/// members may keep it meanwhile.
pub(in crate::engine) fn post(
    cx: &mut Cx<'_, '_>,
    device: &ContactDevice,
    content: &Content,
    group: Option<u64>,
) -> Result<(), EngineError> {
    let all = tables::parcels(&device.id);
    if cx.tx.keys(&all)?.len() >= MAX_WAITING {
        let waiting = cx.tx.scan::<Waiting>(&all, None, MAX_WAITING, false)?;
        let oldest = waiting.into_iter().find(|(_, waiting)| waiting.group.is_some());
        let Some((oldest, _)) = oldest.filter(|_| group.is_some()) else {
            debug!(device = %device.id.fmt_short(), "too many parcels wait for this device");
            return Ok(());
        };
        // Who is reached through others never acknowledges. Keys as old as that are not in use any more, or asked for.
        cx.tx.delete(&oldest);
    }
    cx.live.tally.parcels_sent += 1;
    let number = Counter::Parcel.next(cx.tx)?;
    let content = covey_codec::encode(&(VERSION, content)).map_err(EngineError::bug)?;
    let sealed = ByteBuf::from(sessions::seal_parcel(cx, device, &parcel::prologue(&device.id), &content)?);
    let keepers = match group {
        Some(no) if !cx.live.opened.contains(&device.peer) => hand_on(cx, no, device.id, number, &sealed)?,
        _ => 0,
    };
    let frame = parcel::encode(Frame::Parcel(number, sealed))?;
    let to = group.map(|_| device.id);
    let record = Waiting { frame: ByteBuf::from(frame.clone()), sent_at: cx.now, to, group, keepers };
    cx.tx.put(&tables::parcel(&device.id, number), &record)?;
    if cx.live.connected.contains(&device.peer) {
        send_encoded(cx, device.peer, frame);
    }
    Ok(())
}

/// [PARCEL-1] Gives a parcel for a member that is not connected to others: on ways to it if there are any, else to keep. To how many.
fn hand_on(cx: &mut Cx<'_, '_>, no: u64, to: DeviceId, number: u64, sealed: &ByteBuf) -> Result<u8, EngineError> {
    let ways = ways::to(cx, no, &to, WAYS);
    if ways.is_empty() {
        let keepers = custody::keepers(cx, no, &to);
        return give_to_keep(cx, &keepers, to, number, sealed);
    }
    let count = u8::try_from(ways.len()).unwrap_or(u8::MAX);
    for (peer, way) in ways {
        send(cx, peer, Frame::Pass(cx.me.device_id(), to, number, sealed.clone(), way))?;
    }
    Ok(count)
}

/// Gives a parcel to members to keep it. To how many.
fn give_to_keep(
    cx: &mut Cx<'_, '_>,
    keepers: &[PeerKey],
    to: DeviceId,
    number: u64,
    sealed: &ByteBuf,
) -> Result<u8, EngineError> {
    for keeper in keepers {
        send(cx, *keeper, Frame::Keep(to, number, sealed.clone()))?;
    }
    Ok(u8::try_from(keepers.len()).unwrap_or(u8::MAX))
}

pub(in crate::engine) fn send(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: Frame) -> Result<(), EngineError> {
    let frame = parcel::encode(frame)?;
    send_encoded(cx, peer, frame);
    Ok(())
}

fn send_encoded(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: Vec<u8>) {
    cx.effects.push(Effect::Send { peer, protocol: Protocol::Parcel, frame });
}

/// Sends what is not kept: how a group looks here.
pub(in crate::engine) fn send_doctor(cx: &mut Cx<'_, '_>, peer: PeerKey, bytes: Vec<u8>) -> Result<(), EngineError> {
    send(cx, peer, Frame::Doctor(ByteBuf::from(bytes)))
}

/// Tells that a feed is forked.
pub(in crate::engine) fn send_fork(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    id: ChannelId,
    proof: &[u8],
) -> Result<(), EngineError> {
    send(cx, peer, Frame::Forked(id, ByteBuf::from(proof)))
}

/// Tells which forks are known.
pub(in crate::engine) fn send_forks(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    id: ChannelId,
    answer: bool,
    known: Vec<(FeedKey, parcel::ForkRank)>,
) -> Result<(), EngineError> {
    send(cx, peer, Frame::Forks(id, answer, known))
}

/// Asks for operations.
pub(in crate::engine) fn send_wanted(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    id: ChannelId,
    wanted: Vec<OpId>,
) -> Result<(), EngineError> {
    send(cx, peer, Frame::Wanted(id, wanted))
}

/// Gives an operation.
pub(in crate::engine) fn send_operation(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    id: ChannelId,
    entry: ByteBuf,
) -> Result<(), EngineError> {
    send(cx, peer, Frame::Operation(id, entry))
}

/// A device can be talked to: send what waits for it, what is kept for it, and give it to keep what others cannot be given.
pub(in crate::engine) fn peer_opened(cx: &mut Cx<'_, '_>, owner: DeviceRef, peer: PeerKey) -> Result<(), EngineError> {
    for (_, waiting) in cx.tx.scan::<Waiting>(&tables::parcels(&owner.device), None, MAX_WAITING, false)? {
        send_encoded(cx, peer, waiting.frame.into_vec());
    }
    bring(cx, owner, peer)?;
    entrust(cx, owner, peer)
}

/// Gives a device what was kept for it.
fn bring(cx: &mut Cx<'_, '_>, owner: DeviceRef, peer: PeerKey) -> Result<(), EngineError> {
    for kept in custody::for_device(cx, &owner.device)? {
        send(cx, peer, Frame::Brought(kept.sender, kept.number, kept.sealed))?;
    }
    Ok(())
}

/// A device is gone: what it has not acknowledged is given to others to keep.
pub(in crate::engine) fn peer_gone(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let Some(owner) = devices::owner(cx.tx, peer)? else { return Ok(()) };
    for (key, waiting) in cx.tx.scan::<Waiting>(&tables::parcels(&owner.device), None, MAX_WAITING, false)? {
        let Some(no) = waiting.seeks_keepers() else { continue };
        let keepers = custody::keepers(cx, no, &owner.device);
        entrust_to(cx, &keepers, owner.device, &key, waiting)?;
    }
    Ok(())
}

/// Parcels looked through for some that a member could keep.
const ENTRUST: usize = 1_024;

/// Gives a member to keep what waits for members that are not connected.
fn entrust(cx: &mut Cx<'_, '_>, owner: DeviceRef, peer: PeerKey) -> Result<(), EngineError> {
    let groups = rosters::shared_with(cx, &owner.account);
    if groups.is_empty() {
        return Ok(());
    }
    for (key, waiting) in cx.tx.scan::<Waiting>(&tables::all_parcels(), None, ENTRUST, false)? {
        if waiting.seeks_keepers().is_none_or(|no| !groups.contains(&no)) {
            continue;
        }
        let Some(to) = waiting.to.filter(|to| *to != owner.device && !rosters::is_connected(cx, to)) else { continue };
        entrust_to(cx, &[peer], to, &key, waiting)?;
    }
    Ok(())
}

/// Gives members to keep what waits under `key`, and counts them.
fn entrust_to(
    cx: &mut Cx<'_, '_>,
    keepers: &[PeerKey],
    to: DeviceId,
    key: &Key,
    waiting: Waiting,
) -> Result<(), EngineError> {
    let Some((number, sealed)) = waiting.parcel() else { return Ok(()) };
    let more = give_to_keep(cx, keepers, to, number, &sealed)?;
    Ok(cx.tx.put(key, &Waiting { keepers: waiting.keepers.saturating_add(more), ..waiting })?)
}

/// A device has been connected for a while: sends again what it did not acknowledge (a frame that found no room on the way
/// is lost).
pub(in crate::engine) fn repair(cx: &mut Cx<'_, '_>, owner: DeviceRef, peer: PeerKey) -> Result<(), EngineError> {
    for (key, waiting) in cx.tx.scan::<Waiting>(&tables::parcels(&owner.device), None, MAX_WAITING, false)? {
        if waiting.sent_at.abs_diff(cx.now) < SEND_AGAIN {
            continue;
        }
        let waiting = Waiting { sent_at: cx.now, ..waiting };
        cx.tx.put(&key, &waiting)?;
        send_encoded(cx, peer, waiting.frame.into_vec());
    }
    bring(cx, owner, peer)
}

/// Forgets what waits for a device of an account that we have nothing to do with any more.
pub(in crate::engine) fn forget_unless_known(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    device: &DeviceId,
) -> Result<(), EngineError> {
    if members::knows(cx, account)? { Ok(()) } else { forget(cx, device) }
}

/// Forgets everything that waits for a device.
pub(in crate::engine) fn forget(cx: &mut Cx<'_, '_>, device: &DeviceId) -> Result<(), EngineError> {
    for (key, _) in cx.tx.scan::<Waiting>(&tables::parcels(device), None, MAX_WAITING, false)? {
        cx.tx.delete(&key);
    }
    Ok(())
}
