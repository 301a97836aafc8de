//! Whose voice counts in the conversation of two: the devices of the contact, and those that it has no more, up to where their feeds were
//! cut off.

use covey_feed::FeedKey;
use covey_pairing::identity::{Cutoff, Revocation};
use covey_pairing::ids::{AccountId, DeviceId};

use crate::engine::records::channels::Channel;
use crate::engine::records::{devices, feeds};
use crate::engine::{Cx, EngineError};

/// [CUT-1] Whether a device is the contact's, or was until it was revoked or left out of a recovery.
pub(in crate::engine) fn is_of(cx: &Cx<'_, '_>, contact: &AccountId, device: &DeviceId) -> Result<bool, EngineError> {
    Ok(devices::device(cx.tx, contact, device)?.is_some() || end(cx, contact, device)?.is_some())
}

/// [CUT-1] The last entry of a feed that counts, if its device is the contact's, or ours, no more: where it was cut off, or, if that was not
/// said, what had come by then.
pub(in crate::engine) fn cut(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    contact: &AccountId,
    feed: &FeedKey,
) -> Result<Option<u64>, EngineError> {
    let device = DeviceId::from_bytes(*feed.author.as_bytes());
    let Some(end) = end(cx, contact, &device)? else { return Ok(None) };
    if let Some(named) = named_in(&end, channel, feed) {
        return Ok(Some(named));
    }
    let head = feeds::load(cx.tx, channel.no, feed)?.and_then(|feed| feed.head);
    Ok(Some(head.map_or(0, |head| head.seq)))
}

/// Where a feed was cut off, if that was said.
pub(in crate::engine) fn named_cut(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    contact: &AccountId,
    feed: &FeedKey,
) -> Result<Option<u64>, EngineError> {
    let device = DeviceId::from_bytes(*feed.author.as_bytes());
    Ok(end(cx, contact, &device)?.and_then(|end| named_in(&end, channel, feed)))
}

fn named_in(end: &Revocation, channel: &Channel, feed: &FeedKey) -> Option<u64> {
    let here = |cut: &&Cutoff| cut.channel == *channel.id.as_bytes() && cut.incarnation == feed.incarnation;
    end.cutoffs.iter().find(here).map(|cut| cut.seq)
}

/// How a device ended, of ours or of the contact's, if it did.
pub(in crate::engine) fn end(
    cx: &Cx<'_, '_>,
    contact: &AccountId,
    device: &DeviceId,
) -> Result<Option<Revocation>, EngineError> {
    if cx.me.key_log.names(device) {
        return Ok(cx.me.key_log.revocation(device).cloned());
    }
    if devices::device(cx.tx, contact, device)?.is_some() {
        return Ok(None);
    }
    let log = devices::known_log(cx.tx, contact)?.and_then(|known| known.in_force());
    Ok(log.and_then(|log| log.revocation(device).cloned()))
}
