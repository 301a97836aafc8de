//! Strangers who come with a ticket for a group: they know a device of a member and nothing else, so they leave their wish
//! where strangers leave invites, sealed to that device.

use std::net::IpAddr;

use covey_feed::ChannelId;
use covey_pairing::ids::DeviceId;
use tracing::debug;

use crate::engine::group::{admission, invites, membership, welcome};
use crate::engine::members::rosters;
use crate::engine::sealing::sessions;
use crate::engine::wire::knock::{self, INTRODUCED, MAX_KNOCK, MAX_NOTE, VERSION, Wire, Wish};
use crate::engine::{Cx, EngineError, PeerKey};

/// [KNOCK-3] A device that we asked says no.
fn refused(cx: &mut Cx<'_, '_>, peer: PeerKey, to: &DeviceId, sealed: &[u8]) -> Result<(), EngineError> {
    let opened = sessions::open_parcel(cx, &knock::prologue("group refused", VERSION, to), sealed)?;
    let (Ok((sender, id)), Some(owner)) = (opened, rosters::point(cx, peer)) else { return Ok(()) };
    let Ok(id) = <[u8; 32]>::try_from(id.as_slice()) else { return Ok(()) };
    let said =
        rosters::point_device(cx, &owner.device).is_some_and(|device| device.dh == sender) && cx.me.is_this_device(to);
    if said { welcome::refused(cx, owner, &ChannelId::from_bytes(id)) } else { Ok(()) }
}

/// Whether it is for us, and not too much of it.
fn admit(cx: &mut Cx<'_, '_>, to: &DeviceId, source: Option<IpAddr>) -> bool {
    let now = cx.now;
    cx.me.is_this_device(to) && cx.live.groups.knocks.admit(source, now)
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
        Ok(Wire::Member(version @ (VERSION | INTRODUCED), to, sealed)) => {
            if admit(cx, &to, source)
                && let Some(account) = membership::asked(cx, peer, version, &sealed)?
            {
                // What it was invited by since, it may not have taken.
                invites::remind(cx, account)?;
            }
            return Ok(true);
        }
        Ok(Wire::Removed(VERSION, to, sealed)) => {
            if cx.me.is_this_device(&to) {
                membership::answered(cx, peer, &sealed)?;
            }
            return Ok(true);
        }
        _ => return Ok(false),
    };
    if !admit(cx, &to, source) {
        return Ok(true);
    }
    let Ok((sender, wish)) = sessions::open_parcel(cx, &knock::prologue("group join", VERSION, &to), &sealed)? else {
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
