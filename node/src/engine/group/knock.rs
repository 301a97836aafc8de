//! Strangers who come with a ticket for a group: they know a device of a member and nothing else, so they leave their wish
//! where strangers leave invites, sealed to that device.

use std::collections::BTreeMap;
use std::net::IpAddr;

use covey_feed::ChannelId;
use covey_pairing::ids::{DeviceId, GroupId};
use rand_core::Rng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tracing::debug;

use super::rosters::{point, point_device};
use super::standing::{self, Request};
use super::{Groups, admission, membership, welcome};
use crate::engine::contacts::ContactDevice;
use crate::engine::{Cx, Effect, EngineError, PeerKey, Protocol, card, sessions};

/// Longest knock in bytes: a card and a statement.
const MAX_KNOCK: usize = 24 * 1024;
/// Longest note in characters.
const MAX_NOTE: usize = 280;
const VERSION: u8 = 1;
/// A request is repeated about so often, in milliseconds, while it is not answered.
const AGAIN: u64 = 60_000;
/// Knocks opened per minute: each costs a few signature checks ([KNOCK-2]).
const PER_MINUTE: u32 = 60;
/// And of one source.
const PER_SOURCE: u32 = 10;

/// What travels on the pairing protocol: for which device, and what is sealed to it.
#[derive(Serialize, Deserialize)]
enum Wire {
    #[serde(rename = "group join")]
    Join(u8, DeviceId, ByteBuf),
    /// The answer to one who is not let in.
    #[serde(rename = "group refused")]
    Refused(u8, DeviceId, ByteBuf),
    /// See [`membership`].
    #[serde(rename = "group member")]
    Member(u8, DeviceId, ByteBuf),
    #[serde(rename = "group removed")]
    Removed(u8, DeviceId, ByteBuf),
}

/// What is sealed into it.
#[derive(Serialize, Deserialize)]
struct Wish(ChannelId, ByteBuf, ByteBuf, String);

/// How many came lately.
#[derive(Debug, Default)]
pub(in crate::engine) struct Knocks {
    minute: u64,
    all: u32,
    by_source: BTreeMap<IpAddr, u32>,
    /// When own requests are made again.
    ask_at: u64,
}

impl Knocks {
    /// The clock was set back to `now`.
    pub(in crate::engine) fn set_back(&mut self, now: u64) {
        self.ask_at = self.ask_at.min(now);
    }

    fn admit(&mut self, source: Option<IpAddr>, now: u64) -> bool {
        let minute = now / 60_000;
        if minute != self.minute {
            (self.minute, self.all) = (minute, 0);
            self.by_source.clear();
        }
        // Beyond that nobody is counted: sources cost memory.
        if self.all >= PER_MINUTE {
            return false;
        }
        if let Some(source) = source {
            let count = self.by_source.entry(source).or_default();
            if *count >= PER_SOURCE {
                return false;
            }
            *count += 1;
        }
        self.all += 1;
        true
    }
}

/// What binds something sealed to what it is, as named on the wire, and to whom it is for.
pub(super) fn prologue(kind: &str, to: &DeviceId) -> Vec<u8> {
    [b"covey ", kind.as_bytes(), b" v1\0", to.as_bytes()].concat()
}

fn send(cx: &mut Cx<'_, '_>, peer: PeerKey, wire: &Wire) -> Result<(), EngineError> {
    let frame = covey_codec::encode(wire).map_err(EngineError::bug)?;
    cx.effects.push(Effect::Send { peer, protocol: Protocol::Pair, frame });
    Ok(())
}

/// Sends what a device that may have shut us out is asked.
pub(super) fn send_question(cx: &mut Cx<'_, '_>, to: &ContactDevice, sealed: Vec<u8>) -> Result<(), EngineError> {
    send(cx, to.peer, &Wire::Member(VERSION, to.id, ByteBuf::from(sealed)))
}

/// Sends the answer.
pub(super) fn send_answer(cx: &mut Cx<'_, '_>, to: &ContactDevice, sealed: Vec<u8>) -> Result<(), EngineError> {
    send(cx, to.peer, &Wire::Removed(VERSION, to.id, ByteBuf::from(sealed)))
}

/// Tells a stranger that they are not let in, if they are connected. Once: they ask again until they hear it.
pub(super) fn refuse(cx: &mut Cx<'_, '_>, to: &ContactDevice, id: &ChannelId) -> Result<(), EngineError> {
    let sealed = sessions::seal_parcel(cx, to, &prologue("group refused", &to.id), id.as_bytes())?;
    send(cx, to.peer, &Wire::Refused(VERSION, to.id, ByteBuf::from(sealed)))
}

/// [KNOCK-3] A device that we asked says no.
fn refused(cx: &mut Cx<'_, '_>, peer: PeerKey, to: &DeviceId, sealed: &[u8]) -> Result<(), EngineError> {
    let opened = sessions::open_parcel(cx, &prologue("group refused", to), sealed)?;
    let (Ok((sender, id)), Some(owner)) = (opened, point(cx, peer)) else { return Ok(()) };
    let Ok(id) = <[u8; 32]>::try_from(id.as_slice()) else { return Ok(()) };
    let said = point_device(cx, &owner.device).is_some_and(|device| device.dh == sender) && *to == cx.me.device_id();
    if said { welcome::refused(cx, owner, &ChannelId::from_bytes(id)) } else { Ok(()) }
}

/// [KNOCK-1] Makes our wish known to everyone on the ticket.
pub(super) fn begin(cx: &mut Cx<'_, '_>, id: &GroupId) -> Result<(), EngineError> {
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
    let channel = standing::channel_id(id);
    let wish = Wish(channel, request.statement.clone(), card, request.note.clone());
    let wish = covey_codec::encode(&wish).map_err(EngineError::bug)?;
    for point in request.points.iter().filter(|point| point.peer == peer) {
        let sealed = sessions::seal_parcel(cx, &point.device(), &prologue("group join", &point.device), &wish)?;
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
pub(super) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if cx.live.groups.requests.is_empty() || cx.live.groups.knocks.ask_at > cx.now {
        return Ok(());
    }
    // Of many who ask from behind one address, each is heard now and then, also if others keep asking.
    let jitter = cx.rng.next_u64() % (AGAIN / 2);
    cx.live.groups.knocks.ask_at = cx.now.saturating_add(AGAIN * 3 / 4 + jitter);
    let connected: Vec<PeerKey> = cx.live.connected.iter().copied().collect();
    connected.into_iter().try_for_each(|peer| peer_came(cx, peer))
}

pub(super) fn next_wake(groups: &Groups) -> Option<u64> {
    (!groups.requests.is_empty()).then_some(groups.knocks.ask_at)
}

/// Whether it is for us, and not too much of it.
fn admit(cx: &mut Cx<'_, '_>, to: &DeviceId, source: Option<IpAddr>) -> bool {
    let now = cx.now;
    *to == cx.me.device_id() && cx.live.groups.knocks.admit(source, now)
}

/// A frame of the pairing protocol that is not about pairing. Whether it was one of ours.
pub(in crate::engine) fn frame(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    source: Option<IpAddr>,
    bytes: &[u8],
) -> Result<bool, EngineError> {
    let (to, sealed) = match covey_codec::decode(bytes, MAX_KNOCK) {
        Ok(Wire::Join(VERSION, to, sealed)) => (to, sealed),
        Ok(Wire::Refused(VERSION, to, sealed)) => return refused(cx, peer, &to, &sealed).map(|()| true),
        Ok(Wire::Member(VERSION, to, sealed)) => {
            if admit(cx, &to, source) {
                membership::asked(cx, peer, &sealed)?;
            }
            return Ok(true);
        }
        Ok(Wire::Removed(VERSION, to, sealed)) => {
            if to == cx.me.device_id() {
                membership::answered(cx, peer, &sealed)?;
            }
            return Ok(true);
        }
        _ => return Ok(false),
    };
    if !admit(cx, &to, source) {
        return Ok(true);
    }
    let Ok((sender, wish)) = sessions::open_parcel(cx, &prologue("group join", &to), &sealed)? else {
        return Ok(true);
    };
    let Ok(Wish(id, statement, signed, note)) = covey_codec::decode(&wish, MAX_KNOCK) else { return Ok(true) };
    let Ok(account) = covey_pairing::group::admission::JoinStatement::open(&statement).map(|said| said.account) else {
        return Ok(true);
    };
    let Some(joiner) = admission::verified(cx, &id, &statement, &signed, account) else { return Ok(true) };
    let device = joiner.card.log().device(&joiner.statement.device).cloned();
    let own = device.is_some_and(|device| device.keys.dh == sender && PeerKey(device.keys.network) == peer);
    if !own || note.chars().count() > MAX_NOTE {
        debug!(?peer, "somebody asks to be let into a group in another's name");
        return Ok(true);
    }
    admission::asked(cx, &id, &joiner, statement, signed, &note)?;
    Ok(true)
}
