//! Frames of the parcel stream, from devices that we have to do with.

use covey_pairing::ids::DeviceId;
use covey_pairing::parcel::ParcelError;
use serde_bytes::ByteBuf;
use tracing::{debug, warn};

use crate::engine::contacts::{cards, witness};
use crate::engine::group::doctor;
use crate::engine::inbound::{control, notes};
use crate::engine::live::transfers::Progress;
use crate::engine::members::{self, rosters};
use crate::engine::outbound::{control as control_to, custody, post, ways};
use crate::engine::records::devices::{self, ContactDevice, DeviceRef};
use crate::engine::records::sessions::Scope;
use crate::engine::replication::{forks, repair};
use crate::engine::sealing::sessions;
use crate::engine::wire::parcel::{self, Content, Frame, MAX_FORK_FRAME, MAX_FRAME, MAX_HISTORY_FRAME, VERSION, Wire};
use crate::engine::{Cx, EngineError, PeerKey, tables, transfer};

/// [PARCEL-5] Parcels of devices that are not known yet that are remembered until they are; others are brought again later.
const MAX_EARLY: usize = 64;

/// A frame on the parcel stream of a device that we have to do with.
pub(in crate::engine) fn frame(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: &[u8]) -> Result<(), EngineError> {
    let Some(owner) = members::peer(cx, peer)? else { return Ok(()) };
    let size = frame.len();
    let frame = match covey_codec::decode(frame, MAX_FORK_FRAME) {
        Ok(Wire(VERSION, frame)) if size <= longest(&frame) => frame,
        Ok(Wire(VERSION, _)) => {
            warn!(?peer, size, "a parcel frame that is too long");
            return Ok(());
        }
        Ok(Wire(version, _)) => {
            debug!(?peer, version, "a parcel frame of an unknown version");
            return Ok(());
        }
        Err(error) => {
            warn!(?peer, %error, "a malformed parcel frame");
            return Ok(());
        }
    };
    match frame {
        Frame::Ack(number) => cx.tx.delete(&tables::parcel(&owner.device, number)),
        Frame::Parcel(number, sealed) => {
            let worth = received(cx, owner, &sealed, false)?;
            // Whatever it was, sending it again would not make it better.
            post::send(cx, peer, Frame::Ack(number))?;
            if !worth && !cx.live.misuse.worthless(peer, cx.now) {
                warn!(?peer, "a device sends parcels without end that do not open; it is shut out for a while");
                members::shut_out_for_a_while(cx, peer);
            }
        }
        Frame::Keep(to, number, sealed) => {
            let bytes = sealed.len();
            if let Some(to) = custody::keep(cx, owner, None, to, number, sealed.clone())?
                && cx.live.misuse.may_carry(peer, bytes, cx.now)
            {
                post::send(cx, to, Frame::Brought(owner.device, number, sealed))?;
            }
        }
        Frame::Pass(from, to, number, sealed, way) => pass(cx, (owner, peer), (from, to), number, sealed, &way)?,
        Frame::Brought(from, number, sealed) => {
            if rosters::account_of_device(cx, &from).is_none() {
                // The news of their coming in may be on its way; until then it stays in custody, too.
                if cx.live.early.len() >= MAX_EARLY {
                    cx.live.early.remove(0);
                }
                cx.live.early.push((peer, from, number, sealed));
                return Ok(());
            }
            brought(cx, peer, from, number, &sealed)?;
        }
        Frame::Got(from, number) => custody::arrived(cx, &owner.device, &from, number)?,
        Frame::Forked(id, proof) => forks::told(cx, owner, peer, &id, &proof)?,
        Frame::Forks(id, answer, theirs) => forks::listed(cx, owner, peer, &id, (answer, &theirs))?,
        Frame::Wanted(id, wanted) => repair::wanted(cx, owner, peer, &id, &wanted)?,
        Frame::Operation(id, entry) => repair::given(cx, owner, &id, &entry)?,
        Frame::Head(length, newest) => witness::head(cx, peer, length, &newest)?,
        Frame::LogWanted => witness::wanted(cx, owner, peer)?,
        Frame::Log(ops) => witness::log(cx, owner, &ops)?,
        Frame::Doctor(bytes) => doctor::frame(cx, owner, peer, &bytes)?,
        Frame::History(sealed) => transfer::take::chunk(cx, owner, &sealed)?,
        Frame::Progress(ended, done, total, bytes) => {
            transfer::progress::told(cx, owner, Progress { ended, done, total, bytes })?;
        }
    }
    Ok(())
}

/// How long a frame may be.
fn longest(frame: &Frame) -> usize {
    match frame {
        Frame::Forked(..) => MAX_FORK_FRAME,
        Frame::History(_) => MAX_HISTORY_FRAME,
        _ => MAX_FRAME,
    }
}

/// [PARCEL-2] Passes a parcel on, or keeps it for who it is for.
fn pass(
    cx: &mut Cx<'_, '_>,
    (owner, peer): (DeviceRef, PeerKey),
    (from, to): (DeviceId, DeviceId),
    number: u64,
    sealed: ByteBuf,
    way: &[DeviceId],
) -> Result<(), EngineError> {
    let Some(account) = rosters::account_of_device(cx, &from) else { return Ok(()) };
    let common = |no: &u64| rosters::includes(cx, *no, &owner.account) && rosters::includes(cx, *no, &account);
    if goes_in_circles(way, &[owner.device, from, cx.me.device_id()]) {
        debug!("a parcel to pass on that goes to and fro");
        return Ok(());
    }
    if way.len() > ways::MAX_WAY || !rosters::shared_with(cx, &account).iter().any(common) {
        debug!("a parcel to pass on of somebody who is no member");
        return Ok(());
    }
    if let Some((next, rest)) = way.split_first()
        && let Some(next) = rosters::connected_peer(cx, next)
    {
        if !cx.live.misuse.may_carry(peer, sealed.len(), cx.now) {
            debug!(?peer, "a device has more passed on than it may");
            return Ok(());
        }
        return post::send(cx, next, Frame::Pass(from, to, number, sealed, rest.to_vec()));
    }
    let by = Some(owner.device).filter(|by| *by != from);
    match custody::keep(cx, DeviceRef { account, device: from }, by, to, number, sealed.clone())? {
        Some(to) => post::send(cx, to, Frame::Brought(from, number, sealed)),
        None => Ok(()),
    }
}

/// [PARCEL-8] Whether a way visits a device twice, or goes back to one that had the parcel.
fn goes_in_circles(way: &[DeviceId], had: &[DeviceId]) -> bool {
    way.iter().enumerate().any(|(at, device)| way[..at].contains(device) || had.contains(device))
}

fn brought(cx: &mut Cx<'_, '_>, peer: PeerKey, from: DeviceId, number: u64, sealed: &[u8]) -> Result<(), EngineError> {
    let Some(account) = rosters::account_of_device(cx, &from) else { return Ok(()) };
    if cx.live.misuse.is_distrusted(peer, cx.now) {
        // It is brought again later, and by others.
        return Ok(());
    }
    if !received(cx, DeviceRef { account, device: from }, sealed, true)? {
        cx.live.misuse.worthless(peer, cx.now);
    }
    post::send(cx, peer, Frame::Got(from, number))
}

/// Devices are on a roster of ours: what was brought from them before we knew is taken.
pub(in crate::engine) fn known_now(cx: &mut Cx<'_, '_>, devices: &[DeviceId]) -> Result<(), EngineError> {
    let theirs = |(_, from, ..): &mut (PeerKey, DeviceId, u64, ByteBuf)| devices.contains(from);
    let early: Vec<_> = cx.live.early.extract_if(.., theirs).collect();
    for (peer, from, number, sealed) in early {
        brought(cx, peer, from, number, &sealed)?;
    }
    Ok(())
}

/// `carried`: somebody else kept it, and may have done so for long or bring it again. Sessions take nothing twice.
/// Whether it opened.
fn received(cx: &mut Cx<'_, '_>, owner: DeviceRef, sealed: &[u8], carried: bool) -> Result<bool, EngineError> {
    let known = devices::device(cx.tx, &owner.account, &owner.device)?;
    let Some(device) = known.or_else(|| rosters::point_device(cx, &owner.device)) else { return Ok(true) };
    let opened = sessions::open_parcel(cx, &parcel::prologue(&cx.me.device_id()), sealed)?;
    let content = match opened {
        // [PARCEL-10]
        Ok((sender, content)) if sender == device.dh => content,
        Ok(_) => {
            cx.live.tally.parcels_broken += 1;
            warn!(device = %device.id.fmt_short(), "a parcel from somebody else");
            return Ok(false);
        }
        Err(error) => {
            cx.live.tally.parcels_broken += 1;
            warn!(device = %device.id.fmt_short(), %error, "a parcel does not open");
            if matches!(error, ParcelError::UnknownKey) {
                control_to::card_again(cx, &owner.account, &device)?;
            }
            return Ok(false);
        }
    };
    cx.live.tally.parcels_received += 1;
    take(cx, owner, &device, &content, carried)?;
    Ok(true)
}

fn take(
    cx: &mut Cx<'_, '_>,
    owner: DeviceRef,
    device: &ContactDevice,
    content: &[u8],
    carried: bool,
) -> Result<(), EngineError> {
    match covey_codec::decode(content, MAX_FRAME) {
        // [PARCEL-11]
        Ok((VERSION, Content::Card(_) | Content::Session(_) | Content::Own(_) | Content::Group(_))) if carried => {
            Ok(())
        }
        Ok((VERSION, Content::Card(card))) => cards::learn(cx, &owner.account, &card).map(drop),
        Ok((VERSION, Content::Session(envelope))) => control::receive(cx, Scope::Pair, owner, device, &envelope),
        // [PARCEL-13] With another account there is no session of this kind.
        Ok((VERSION, Content::Own(envelope))) => control::receive(cx, Scope::Own, owner, device, &envelope),
        // [PARCEL-12]
        Ok((VERSION, Content::Member(id, envelope))) => match rosters::scope(cx, &id, &owner.account)? {
            Some(scope) => control::receive(cx, scope, owner, device, &envelope),
            None => Ok(()),
        },
        Ok((VERSION, Content::Group(note))) => notes::receive(cx, owner, device, &note),
        Ok((_, _)) => Ok(()),
        Err(error) => {
            debug!(device = %device.id.fmt_short(), %error, "a parcel that this version does not know");
            Ok(())
        }
    }
}
