//! When this data directory is an old copy of itself.
//!
//! What the other copy did after the snapshot was taken cannot be known, so nothing is continued that it may have
//! continued: own feeds go on in a new incarnation (a random number, because the other copy may have counted on) and
//! sessions send nothing more, so that no key and no place in a feed is ever used twice. What the other copy wrote comes
//! back from the contacts that have it, content keys included.

use covey_feed::fork::Forked;
use covey_pairing::ids::DeviceId;
use covey_pairing::session::DeviceSessions;
use tracing::warn;

use crate::engine::group::fill;
use crate::engine::records::channels::{self, Channel, Kind};
use crate::engine::records::feeds::{self, Feed};
use crate::engine::records::{devices, marks, people};
use crate::engine::said::write;
use crate::engine::sealing::chains;
use crate::engine::{Cx, EngineError, tables};
use crate::store::Tx;

/// Does at the start what the suspicion of a rollback calls for. (The runtime drops the suspicion once this is durable.)
pub(in crate::engine) fn start(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if !cx.policy.suspect_rollback {
        return Ok(());
    }
    warn!("the data directory looks like a copy of an older state; feeds and sessions begin anew");
    // Channels that the other copy opened may be opened here, too.
    cx.tx.put(&tables::went_back(), &true)?;
    for mut channel in channels::every(cx.tx)? {
        if channel.open || is_blocked(cx, &channel)? {
            renew(cx, &mut channel)?;
        }
    }
    Ok(())
}

/// Whether the channel is closed only as long as its contact is blocked.
fn is_blocked(cx: &Cx<'_, '_>, channel: &Channel) -> Result<bool, EngineError> {
    let Some(account) = channel.contact() else { return Ok(false) };
    Ok(people::load(cx.tx, &account)?.is_some_and(|contact| contact.keeps(channel.no)))
}

/// A contact has entries of our own feed that we do not have: the proof of a rollback.
pub(in crate::engine) fn proven(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    incarnation: u64,
) -> Result<(), EngineError> {
    if channel.incarnation != incarnation {
        return Ok(());
    }
    warn!(
        channel = %channel.id.fmt_short(),
        "a contact has entries of ours that we do not have: this is a copy of an older state; beginning anew"
    );
    cx.tx.put(&tables::went_back(), &true)?;
    renew(cx, channel)
}

/// From where on our branch of a forked feed gives way to the one that `device` has. What it was ours to say is written
/// again all at once, in its order: so if the proof does not show where the two parted, from where that device is not
/// known to have ours. What of it was common comes back with theirs. (A member of a group who never said what it has may
/// have all of it: with it we go back step by step.)
pub(in crate::engine) fn parting(
    tx: &Tx<'_>,
    channel: &Channel,
    feed: &Feed,
    forked: &Forked,
    device: &DeviceId,
) -> Result<u64, EngineError> {
    let common = match marks::delivered_to(tx, feed.fid, device)? {
        None if channel.is_group() => return Ok(forked.seq),
        known => known.unwrap_or(0),
    };
    Ok(if forked.settled { forked.seq } else { forked.seq.min(common + 1) })
}

/// We wrote on from an old copy and forked our own feed at `seq`. The branch that others have is the one that counts:
/// what we wrote is written once more in the new incarnation, and our branch makes room for theirs.
pub(in crate::engine) fn give_way(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    feed: &mut Feed,
    seq: u64,
) -> Result<(), EngineError> {
    write::write_again(cx, channel.no, feed, seq)?;
    let last = feed.head.map_or(0, |head| head.seq);
    for seq in seq..=last {
        if let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? {
            cx.tx.delete(&tables::operation(channel.no, entry.lamport(), &entry.id()));
        }
        cx.tx.delete(&tables::entry(feed.fid, seq));
    }
    feed.head = feeds::entry(cx.tx, feed.fid, seq.saturating_sub(1))?.map(|entry| entry.head());
    feeds::save(cx.tx, channel.no, feed)?;
    if let Some(mut channel) = channels::by_no(cx.tx, channel.no)? {
        // They ended with what is gone now.
        channel.ends = None;
        channel.save(cx.tx)?;
    }
    fill::reload(cx, channel)
}

/// Continues a channel where no other copy of us can be.
fn renew(cx: &mut Cx<'_, '_>, channel: &mut Channel) -> Result<(), EngineError> {
    channel.incarnation = channels::fresh_incarnation(cx.rng);
    channel.save(cx.tx)?;
    let account = match channel.kind() {
        Kind::Direct(account) => account,
        Kind::Group(_) => return chains::renewed(cx, channel),
        Kind::Own => cx.me.account_id(),
    };
    if let Some(mut contact) = people::load(cx.tx, &account)? {
        // One-time bundles may have been used by the other copy.
        contact.bundles.clear();
        contact.save(cx.tx)?;
    }
    for device in devices::devices(cx.tx, &account)? {
        devices::forget_card_sent(cx.tx, &device.id);
        let key = tables::session(&device.id);
        if let Some(mut sessions) = cx.tx.get::<DeviceSessions>(&key)? {
            sessions.retire();
            cx.tx.put(&key, &sessions)?;
        }
    }
    Ok(())
}
