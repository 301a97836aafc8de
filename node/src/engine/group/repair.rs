//! What members tell each other so that all come to the same whoever showed them what: that a feed is forked, and the
//! operations that others wait for and nobody shows them any more.

use covey_feed::{ChannelId, Entry, FeedKey, ForkProof, Kind, header};
use covey_pairing::group::roster::OpId;
use covey_pairing::ids::DeviceId;
use serde_bytes::ByteBuf;
use tracing::{debug, warn};

use super::rosters::{self, get};
use super::{replay, stored};
use crate::engine::channels::{self, Channel};
use crate::engine::contacts::Owner;
use crate::engine::parcels;
use crate::engine::{Cx, EngineError, PeerKey, feeds, members, sync, tables, take};

/// Operations asked for and given at a time.
const MAX_WANTED: usize = 32;
/// Longest proof told: those of runs with hundreds of unsigned entries find no room in a frame.
const MAX_PROOF: usize = 100 * 1024;
/// Forked feeds of a group that a device is told of when it comes.
const MAX_FORKS: usize = 64;

/// Tells every connected member but one that a feed is forked: who saw one half only would take it for the whole.
pub(in crate::engine) fn tell_fork(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    proof: &[u8],
    but: Option<PeerKey>,
) -> Result<(), EngineError> {
    for peer in members::peers(cx, channel) {
        if Some(peer) != but && cx.live.opened.contains(&peer) {
            send_fork(cx, peer, channel.id, proof)?;
        }
    }
    Ok(())
}

fn send_fork(cx: &mut Cx<'_, '_>, peer: PeerKey, id: ChannelId, proof: &[u8]) -> Result<(), EngineError> {
    if proof.len() > MAX_PROOF {
        warn!("the proof of a fork is too long to be told");
        return Ok(());
    }
    parcels::send_fork(cx, peer, id, proof)
}

/// A member's device can be talked to: it is told of the forks that are known, and asked for what is missing here.
pub(in crate::engine) fn peer_opened(cx: &mut Cx<'_, '_>, owner: Owner, peer: PeerKey) -> Result<(), EngineError> {
    for no in super::shared_with(cx, &owner.account) {
        let Some(channel) = channels::by_no(cx.tx, no)? else { continue };
        let frozen = feeds::all(cx.tx, no)?.into_iter().filter(|feed| feed.frozen);
        for feed in frozen.take(MAX_FORKS) {
            if let Some(proof) = cx.tx.get_raw(&tables::fork_proof(feed.fid))? {
                send_fork(cx, peer, channel.id, &proof)?;
            }
        }
    }
    ask(cx, owner, peer)
}

/// Asks a member's device for operations that others depend on.
pub(in crate::engine) fn ask(cx: &mut Cx<'_, '_>, owner: Owner, peer: PeerKey) -> Result<(), EngineError> {
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

/// A member says that a feed is forked, and proves it.
pub(in crate::engine) fn forked(
    cx: &mut Cx<'_, '_>,
    owner: Owner,
    peer: PeerKey,
    id: &ChannelId,
    bytes: &[u8],
) -> Result<(), EngineError> {
    let Some(mut channel) = rosters::shared(cx, id, &owner.account)? else { return Ok(()) };
    let Ok(proof) = ForkProof::decode(bytes) else { return Ok(()) };
    // Known ones cost a look-up; only news costs the check of signatures.
    let Ok(forked) = proof.verify() else {
        warn!(?peer, "a member calls a feed forked that is not");
        return Ok(());
    };
    let key: FeedKey = forked.feed.key();
    let device = DeviceId::from_bytes(*key.author.as_bytes());
    let of_member = super::account_of(cx, &channel, &device).is_some();
    if forked.feed.channel != *id || device == cx.me.device_id() || !of_member {
        return Ok(());
    }
    if let Some(mut feed) = feeds::load(cx.tx, channel.no, &key)? {
        let row = tables::fork_proof(feed.fid);
        let known = cx.tx.get_raw(&row)?.and_then(|known| ForkProof::decode(&known).ok()?.verify().ok());
        if known.is_some_and(|known| known.seq <= forked.seq) {
            return Ok(());
        }
        if feed.head.is_some_and(|head| head.seq >= forked.seq) {
            take::freeze(cx, &channel, &mut feed, bytes)?;
            sync::frozen(cx, &channel, forked.feed)?;
        } else {
            // What was written before the fork is still to come.
            cx.tx.put_raw(&row, bytes);
        }
        tell_fork(cx, &channel, bytes, Some(peer))?;
    }
    super::retract(cx, &mut channel, device, key.incarnation, forked.seq)
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
    for op in wanted.iter().take(MAX_WANTED) {
        if let Some(entry) = stored::entry_of(cx, channel.no, op)? {
            parcels::send_operation(cx, peer, channel.id, ByteBuf::from(entry.to_stored()))?;
        }
    }
    Ok(())
}

/// A member gives an operation that we lack.
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
    let signed =
        entry.signature().is_some_and(|signature| header::signature_is_valid(&author, entry.header_bytes(), signature));
    if signed { super::take_if_missed(cx, &mut channel, &entry, account) } else { Ok(()) }
}
