//! What members tell each other so that all come to the same whoever showed them what: that a feed is forked (see
//! [`super::forks`]), and the operations that others wait for and nobody shows them any more.

use covey_feed::fork::{SignedChain, contradiction};
use covey_feed::{Author, ChannelId, Entry, EntryId, FeedKey, Kind, header};
use covey_pairing::group::roster::OpId;
use covey_pairing::ids::DeviceId;
use serde_bytes::ByteBuf;
use tracing::debug;

use crate::engine::group::ops;
use crate::engine::members::rosters;
use crate::engine::outbound::post;
use crate::engine::records::devices::DeviceRef;
use crate::engine::records::operations::Stored;
use crate::engine::records::{channels, feeds};
use crate::engine::replication::forks;
use crate::engine::{Cx, EngineError, PeerKey, charge, error::Failed, tables};

/// [REPAIR-4] Operations asked for and given at a time.
const MAX_WANTED: usize = 32;

/// Tells a member's device of the forks that are known, and asks it for operations that others depend on: when it comes,
/// and from time to time.
pub(in crate::engine) fn ask(cx: &mut Cx<'_, '_>, owner: DeviceRef, peer: PeerKey) -> Result<(), EngineError> {
    forks::compare(cx, owner, peer)?;
    for no in rosters::shared_with(cx, &owner.account) {
        let Some(mut channel) = channels::by_no(cx.tx, no)? else { continue };
        ops::refill(cx, &mut channel)?;
        let Some(group) = rosters::get(cx, no).filter(|group| group.roster.operations().1 > 0) else { continue };
        let missing: Vec<OpId> = group.roster.missing().into_iter().take(MAX_WANTED).collect();
        if !missing.is_empty() {
            debug!(channel = %channel.id.fmt_short(), missing = missing.len(), "asking for operations that others wait for");
            post::send_wanted(cx, peer, channel.id, missing)?;
        }
    }
    Ok(())
}

/// A member lacks operations: they are given if they are here, wherever their feeds end by now.
pub(in crate::engine) fn wanted(
    cx: &mut Cx<'_, '_>,
    owner: DeviceRef,
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
        if let Some(entry) = entry_of(cx, channel.no, op)? {
            post::send_operation(cx, peer, channel.id, ByteBuf::from(entry.to_stored()))?;
        }
    }
    Ok(())
}

/// [REPAIR-4] A member gives an operation that we lack.
pub(in crate::engine) fn given(
    cx: &mut Cx<'_, '_>,
    owner: DeviceRef,
    id: &ChannelId,
    stored: &[u8],
) -> Result<(), EngineError> {
    let Some(mut channel) = rosters::shared(cx, id, &owner.account)? else { return Ok(()) };
    let Ok(entry) = Entry::from_stored(stored) else { return Ok(()) };
    let author = entry.header().feed.author;
    let fits = entry.header().feed.channel == *id && entry.header().kind == Kind::Control && entry.payload().is_some();
    let device = DeviceId::from_bytes(*author.as_bytes());
    let Some(account) = rosters::account_of(cx, &channel, &device).filter(|_| fits) else { return Ok(()) };
    let Some(signature) = entry.signature().copied() else { return Ok(()) };
    if !header::signature_is_valid(&author, entry.header_bytes(), &signature) {
        return Ok(());
    }
    if let Some(feed) = feeds::load(cx.tx, channel.no, &entry.header().feed.key())? {
        let chain = SignedChain { headers: vec![entry.header_bytes().to_vec()], signature };
        let failed = Failed::default();
        let found = contradiction(&chain, |seq| failed.note(feeds::entry(cx.tx, feed.fid, seq)));
        failed.end()?;
        if let Some(proof) = found {
            forks::found(cx, &mut channel, proof, None)?;
        }
    }
    let charge = charge::Charge::begin(cx, Some(account))?;
    ops::take_if_missed(cx, &mut channel, &entry, account)?;
    charge.end(cx)
}

/// The entry of an operation, if it is here: also one beyond the end of its feed.
pub(in crate::engine) fn entry_of(cx: &Cx<'_, '_>, no: u64, op: &OpId) -> Result<Option<Entry>, EngineError> {
    let Some(lamport) = rosters::get(cx, no).and_then(|group| group.lamports.get(op)).copied() else { return Ok(None) };
    let id = EntryId::from_bytes(*op.as_bytes());
    let Some(stored) = cx.tx.get::<Stored>(&tables::operation(no, lamport, &id))? else { return Ok(None) };
    let author = Author::from_bytes(*stored.device.as_bytes());
    let key = FeedKey { author, incarnation: stored.incarnation };
    let Some(feed) = feeds::load(cx.tx, no, &key)? else { return Ok(None) };
    Ok(feeds::entry(cx.tx, feed.fid, stored.seq)?.filter(|entry| entry.id() == id))
}
