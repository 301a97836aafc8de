//! What members tell each other so that all come to the same whoever showed them what: that a feed is forked (see
//! [`super::forks`]), and the operations that others wait for and nobody shows them any more.

use covey_feed::fork::{SignedChain, contradiction};
use covey_feed::{ChannelId, Entry, Kind, header};
use covey_pairing::group::roster::OpId;
use covey_pairing::ids::DeviceId;
use serde_bytes::ByteBuf;
use tracing::debug;

use super::rosters::{self, get};
use super::{forks, replay, stored};
use crate::engine::channels;
use crate::engine::contacts::Owner;
use crate::engine::parcels;
use crate::engine::{Cx, EngineError, PeerKey, feeds, quota};

/// [REPAIR-4] Operations asked for and given at a time.
const MAX_WANTED: usize = 32;

/// Tells a member's device of the forks that are known, and asks it for operations that others depend on: when it comes,
/// and from time to time.
pub(in crate::engine) fn ask(cx: &mut Cx<'_, '_>, owner: Owner, peer: PeerKey) -> Result<(), EngineError> {
    forks::compare(cx, owner, peer)?;
    for no in super::shared_with(cx, &owner.account) {
        let Some(mut channel) = channels::by_no(cx.tx, no)? else { continue };
        replay::refill(cx, &mut channel)?;
        let Some(group) = get(cx, no).filter(|group| group.roster.operations().1 > 0) else { continue };
        let missing: Vec<OpId> = group.roster.missing().into_iter().take(MAX_WANTED).collect();
        if !missing.is_empty() {
            debug!(channel = %channel.id.fmt_short(), missing = missing.len(), "asking for operations that others wait for");
            parcels::send_wanted(cx, peer, channel.id, missing)?;
        }
    }
    Ok(())
}

/// A member lacks operations: they are given if they are here, wherever their feeds end by now.
pub(in crate::engine) fn wanted(
    cx: &mut Cx<'_, '_>,
    owner: Owner,
    peer: PeerKey,
    id: &ChannelId,
    wanted: &[OpId],
) -> Result<(), EngineError> {
    let Some(channel) = rosters::shared(cx, id, &owner.account)? else { return Ok(()) };
    let many = wanted.len().min(MAX_WANTED) as u64;
    if cx.live.proofs.take(owner.account, many, forks::PROOFS, cx.now).is_err() {
        debug!(?peer, "a member asks for too many operations");
        return Ok(());
    }
    for op in wanted.iter().take(MAX_WANTED) {
        if let Some(entry) = stored::entry_of(cx, channel.no, op)? {
            parcels::send_operation(cx, peer, channel.id, ByteBuf::from(entry.to_stored()))?;
        }
    }
    Ok(())
}

/// [REPAIR-4] A member gives an operation that we lack.
pub(in crate::engine) fn given(
    cx: &mut Cx<'_, '_>,
    owner: Owner,
    id: &ChannelId,
    stored: &[u8],
) -> Result<(), EngineError> {
    let Some(mut channel) = rosters::shared(cx, id, &owner.account)? else { return Ok(()) };
    let Ok(entry) = Entry::from_stored(stored) else { return Ok(()) };
    let author = entry.header().feed.author;
    let fits = entry.header().feed.channel == *id && entry.header().kind == Kind::Control && entry.payload().is_some();
    let device = DeviceId::from_bytes(*author.as_bytes());
    let Some(account) = super::account_of(cx, &channel, &device).filter(|_| fits) else { return Ok(()) };
    let Some(signature) = entry.signature().copied() else { return Ok(()) };
    if !header::signature_is_valid(&author, entry.header_bytes(), &signature) {
        return Ok(());
    }
    if let Some(feed) = feeds::load(cx.tx, channel.no, &entry.header().feed.key())? {
        let chain = SignedChain { headers: vec![entry.header_bytes().to_vec()], signature };
        if let Some(proof) = contradiction(&chain, |seq| feeds::entry(cx.tx, feed.fid, seq).ok().flatten()) {
            forks::found(cx, &mut channel, proof, None)?;
        }
    }
    let charge = quota::Charge::begin(cx, Some(account))?;
    super::take_if_missed(cx, &mut channel, &entry, account)?;
    charge.end(cx)
}
