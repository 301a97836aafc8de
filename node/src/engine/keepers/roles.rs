//! Frames, connections and time, handed to the role that they are for.

use std::net::IpAddr;

use covey_pairing::keeper::KeeperFrame;
use tracing::debug;

use crate::engine::keepers::{
    asking, checking, fetching, invites_fetched, invites_kept, invites_left, keeping, leaving, mine, remembering,
    seeking, slots, state,
};
use crate::engine::{Cx, EngineError, PeerKey};

/// A frame of the keeper protocol, from anybody: each role takes what it knows, from whom it knows.
pub(in crate::engine) fn frame(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    source: Option<IpAddr>,
    bytes: &[u8],
) -> Result<(), EngineError> {
    let Ok(frame) = KeeperFrame::decode(bytes) else {
        debug!(?peer, "a malformed frame of the keeper protocol");
        return Ok(());
    };
    match frame {
        KeeperFrame::Hello(secret, card) => keeping::hello(cx, peer, secret.as_ref(), &card),
        KeeperFrame::Slots(list, named) => keeping::slots(cx, peer, list, &named),
        KeeperFrame::Fetch(after) => keeping::fetch(cx, peer, after),
        KeeperFrame::Got(numbers) => keeping::got(cx, peer, &numbers),
        KeeperFrame::Deposit(slot, token, parcel) => keeping::deposit(cx, (peer, source), slot, &token, &parcel),
        KeeperFrame::Welcome(room, addresses) => mine::welcome(cx, peer, room, addresses),
        KeeperFrame::Refused => mine::refused(cx, peer),
        KeeperFrame::Open(list) => slots::open(cx, peer, list),
        KeeperFrame::Parcel(number, slot, parcel) => fetching::parcel(cx, peer, number, slot, &parcel),
        KeeperFrame::Batch(upto, more, room) => fetching::batch(cx, peer, upto, more, room),
        KeeperFrame::Waiting => fetching::waiting(cx, peer),
        KeeperFrame::Kept(receipt) => {
            invites_left::kept(cx, peer, &receipt)?;
            leaving::kept(cx, peer, &receipt)
        }
        KeeperFrame::Full(hash) => {
            invites_left::refused(cx, peer, &hash, true)?;
            leaving::full(cx, peer, &hash)
        }
        KeeperFrame::No(hash) => {
            invites_left::refused(cx, peer, &hash, false)?;
            leaving::no(cx, peer, &hash)
        }
        KeeperFrame::Later(hash) => leaving::later(cx, peer, &hash),
        KeeperFrame::Check(slot, token, hashes) => keeping::check(cx, peer, slot, &token, hashes),
        KeeperFrame::PutList(sealed) => keeping::put_list(cx, peer, &sealed),
        KeeperFrame::GetList => keeping::get_list(cx, peer),
        KeeperFrame::ListKept(hash) => remembering::kept(cx, peer, &hash),
        KeeperFrame::List(sealed) => remembering::found(cx, peer, sealed.as_ref().map(|sealed| sealed.as_slice())),
        KeeperFrame::Missing(slot, hashes) => {
            invites_left::missing(cx, peer, &slot, &hashes)?;
            checking::missing(cx, peer, &slot, &hashes)
        }
        KeeperFrame::Invites(kem) => invites_kept::open(cx, peer, kem.as_ref()),
        KeeperFrame::InvitesOpen(hash) => invites_fetched::opened(cx, peer, hash),
        KeeperFrame::AskKey(hash) => invites_kept::asked_key(cx, peer, &hash),
        KeeperFrame::Key(key) => invites_left::key(cx, peer, &key),
    }
}

/// A peer connected.
pub(in crate::engine) fn peer_came(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    cx.live.keepers.found(peer);
    mine::peer_came(cx, peer)?;
    leaving::peer_came(cx, peer)?;
    invites_left::peer_came(cx, peer)
}

/// A peer is gone.
pub(in crate::engine) fn peer_went(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    state::peer_went(cx, peer)
}

/// The daemon started.
pub(in crate::engine) fn start(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    keeping::allow(cx)?;
    mine::start(cx)?;
    remembering::start(cx)?;
    invites_left::start(cx)?;
    leaving::start(cx)
}

/// Time passed.
pub(in crate::engine) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    state::tick(cx)?;
    mine::tick(cx)?;
    fetching::tick(cx)?;
    seeking::tick(cx)?;
    invites_left::tick(cx)?;
    leaving::tick(cx)
}

/// From time to time: what ran out is deleted, and who was shut out for another reason is let in again.
pub(in crate::engine) fn keep_house(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    keeping::expire(cx)?;
    keeping::allow(cx)?;
    asking::keep_house(cx)?;
    mine::keep_house(cx)?;
    remembering::keep_house(cx)
}
