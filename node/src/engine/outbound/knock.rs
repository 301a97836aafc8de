//! How we ask to be let into groups of which we know no member but those on the ticket, and answer those who ask.

use covey_feed::ChannelId;
use covey_pairing::ids::GroupId;
use rand_core::Rng;
use serde_bytes::ByteBuf;

use crate::engine::live::groups::Groups;
use crate::engine::records::channels;
use crate::engine::records::devices::ContactDevice;
use crate::engine::records::standing::Request;
use crate::engine::sealing::sessions;
use crate::engine::wire::knock::{self, INTRODUCED, VERSION, Wire, Wish};
use crate::engine::{Cx, Effect, EngineError, PeerKey, Protocol, card};

/// A request is repeated about so often, in milliseconds, while it is not answered.
const AGAIN: u64 = 60_000;

fn send(cx: &mut Cx<'_, '_>, peer: PeerKey, wire: &Wire) -> Result<(), EngineError> {
    let frame = covey_codec::encode(wire).map_err(EngineError::bug)?;
    cx.effects.push(Effect::Send { peer, protocol: Protocol::Pair, frame });
    Ok(())
}

/// Sends what a device that may have shut us out is asked.
pub(in crate::engine) fn send_question(
    cx: &mut Cx<'_, '_>,
    to: &ContactDevice,
    sealed: Vec<u8>,
) -> Result<(), EngineError> {
    send(cx, to.peer, &Wire::Member(INTRODUCED, to.id, ByteBuf::from(sealed)))
}

/// Sends the answer.
pub(in crate::engine) fn send_answer(
    cx: &mut Cx<'_, '_>,
    to: &ContactDevice,
    sealed: Vec<u8>,
) -> Result<(), EngineError> {
    send(cx, to.peer, &Wire::Removed(VERSION, to.id, ByteBuf::from(sealed)))
}

/// Tells a stranger that they are not let in, if they are connected. Once: they ask again until they hear it.
pub(in crate::engine) fn refuse(cx: &mut Cx<'_, '_>, to: &ContactDevice, id: &ChannelId) -> Result<(), EngineError> {
    let sealed = sessions::seal_parcel(cx, to, &knock::prologue("group refused", VERSION, &to.id), id.as_bytes())?;
    send(cx, to.peer, &Wire::Refused(VERSION, to.id, ByteBuf::from(sealed)))
}

/// [KNOCK-1] Makes our wish known to everyone on the ticket.
pub(in crate::engine) fn begin(cx: &mut Cx<'_, '_>, id: &GroupId) -> Result<(), EngineError> {
    let Some(request) = cx.live.groups.requests.get(id).cloned() else { return Ok(()) };
    for point in &request.points {
        cx.effects.push(Effect::Allow { peer: point.peer, addresses: point.addresses.clone() });
        if cx.live.connected.contains(&point.peer) {
            knock(cx, id, &request, point.peer)?;
        }
    }
    Ok(())
}

fn knock(cx: &mut Cx<'_, '_>, id: &GroupId, request: &Request, peer: PeerKey) -> Result<(), EngineError> {
    let card = ByteBuf::from(card::own(cx)?);
    let channel = channels::channel_id(id);
    let wish = Wish(channel, request.statement.clone(), card, request.note.clone());
    let wish = covey_codec::encode(&wish).map_err(EngineError::bug)?;
    for point in request.points.iter().filter(|point| point.peer == peer) {
        let sealed =
            sessions::seal_parcel(cx, &point.device(), &knock::prologue("group join", VERSION, &point.device), &wish)?;
        send(cx, peer, &Wire::Join(VERSION, point.device, ByteBuf::from(sealed)))?;
    }
    Ok(())
}

/// A peer connected: if it may let us in somewhere, ask it.
pub(in crate::engine) fn peer_came(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let at = |request: &Request| request.points.iter().any(|point| point.peer == peer);
    let requests: Vec<(GroupId, Request)> =
        cx.live.groups.requests.iter().filter(|(_, request)| at(request)).map(|(id, r)| (*id, r.clone())).collect();
    requests.into_iter().try_for_each(|(id, request)| knock(cx, &id, &request, peer))
}

/// Time passed.
pub(in crate::engine) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if cx.live.groups.requests.is_empty() || cx.live.groups.knocks.ask_at > cx.now {
        return Ok(());
    }
    // Of many who ask from behind one address, each is heard now and then, also if others keep asking.
    let jitter = cx.rng.next_u64() % (AGAIN / 2);
    cx.live.groups.knocks.ask_at = cx.now.saturating_add(AGAIN * 3 / 4 + jitter);
    let connected: Vec<PeerKey> = cx.live.connected.iter().copied().collect();
    connected.into_iter().try_for_each(|peer| peer_came(cx, peer))
}

pub(in crate::engine) fn next_wake(groups: &Groups) -> Option<u64> {
    (!groups.requests.is_empty()).then_some(groups.knocks.ask_at)
}
