//! What another device of ours is given, which was linked to the account and asks for it.

use covey_pairing::crypto::secret::Secret;
use serde_bytes::ByteBuf;
use tracing::debug;

use crate::engine::members;
use crate::engine::outbound::post;
use crate::engine::records::channels::{self, Channel, Kind};
use crate::engine::records::devices::{ContactDevice, DeviceRef};
use crate::engine::records::feeds::{self, Feed};
use crate::engine::records::messages;
use crate::engine::records::own_devices;
use crate::engine::sealing::chunks;
use crate::engine::wire::parcel::Frame;
use crate::engine::wire::transfer::{Chunk, Given, MAX_CHANNELS, MAX_RANGES, MAX_WANTED, Range, UNKNOWN, WITHHELD};
use crate::engine::{Cx, EngineError};

/// [TRANSFER-1] A device asks, in a session of [`crate::engine::records::sessions::Scope::Own`]; without ranges for an overview. The answer
/// is sealed under the key that came with the question, and not sent again.
pub(in crate::engine) fn asked(
    cx: &mut Cx<'_, '_>,
    owner: DeviceRef,
    device: &ContactDevice,
    (since, key): (u64, &Secret<32>),
    ranges: &[Range],
) -> Result<(), EngineError> {
    if !cx.me.is_own_other(&owner.device) {
        return Ok(());
    }
    // [TRANSFER-9]
    let wanted = ranges.iter().take(MAX_RANGES).map(|(.., count)| usize::from(*count).max(1)).sum::<usize>();
    if !cx.live.misuse.may_be_given(device.peer, wanted.min(MAX_WANTED), cx.now) {
        debug!(device = %device.id.fmt_short(), "asks for history too often");
        return Ok(());
    }
    let chunk = if ranges.is_empty() {
        Chunk::Overview(overview(cx, owner)?)
    } else {
        // [TRANSFER-4] What was decided when it was linked holds, whatever it asks for.
        let decided = own_devices::one(cx.tx, &owner.device)?.map_or(0, |known| known.history);
        Chunk::Keys(keys(cx, owner, since.max(decided), ranges)?)
    };
    let sealed = chunks::seal(key, &cx.me.device_id(), &owner.device, &chunk)?;
    debug!(device = %device.id.fmt_short(), bytes = sealed.len(), "history for another device of this account");
    post::send(cx, device.peer, Frame::History(ByteBuf::from(sealed)))
}

/// Our conversations, and how many entries the device can have of each: not beyond cuts, and not those that it wrote itself.
fn overview(cx: &Cx<'_, '_>, owner: DeviceRef) -> Result<Vec<(covey_feed::ChannelId, u64)>, EngineError> {
    let mut shared = members::shared_with(cx, &owner.account)?;
    shared.retain(|channel| channel.kind() != Kind::Own);
    shared.sort_by_key(|channel| std::cmp::Reverse(channel.active_at));
    shared.truncate(MAX_CHANNELS);
    let mut overview = Vec::with_capacity(shared.len());
    for channel in shared {
        let mut entries = 0u64;
        for feed in feeds::all(cx.tx, channel.no)? {
            let Some(head) = feed.head.filter(|_| feed.key.author.as_bytes() != owner.device.as_bytes()) else {
                continue;
            };
            let last = members::cut(cx, &channel, &feed.key)?.map_or(head.seq, |cut| cut.min(head.seq));
            entries = entries.saturating_add(last);
        }
        overview.push((channel.id, entries));
    }
    Ok(overview)
}

fn keys(cx: &Cx<'_, '_>, owner: DeviceRef, since: u64, ranges: &[Range]) -> Result<Vec<Given>, EngineError> {
    let mut given = Vec::new();
    for (id, key, first, count) in ranges.iter().take(MAX_RANGES) {
        let channel = channels::by_id(cx.tx, id)?;
        // Never of the channel of our own devices: its keys are given one by one [OWN-8].
        let channel = channel.filter(|one| one.kind() != Kind::Own && members::includes(cx, one, &owner.account));
        let feed = channel.as_ref().map(|channel| feeds::load(cx.tx, channel.no, key)).transpose()?.flatten();
        for seq in (*first..).take(usize::from(*count)) {
            if given.len() >= MAX_WANTED {
                return Ok(given);
            }
            given.push(match (&channel, &feed) {
                (Some(channel), Some(feed)) => of_entry(cx, channel, feed, seq, since)?,
                _ => (None, UNKNOWN),
            });
        }
    }
    Ok(given)
}

/// [TRANSFER-4] What is given of one entry: what this device can read of it itself, and nothing that was deleted.
fn of_entry(cx: &Cx<'_, '_>, channel: &Channel, feed: &Feed, seq: u64, since: u64) -> Result<Given, EngineError> {
    let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? else { return Ok((None, UNKNOWN)) };
    let message = messages::at(cx.tx, channel.no, &entry.order())?.filter(|message| message.id == entry.id());
    Ok(match message {
        None => (None, UNKNOWN),
        Some(message) if message.body.is_deleted() || message.received_at < since => (None, WITHHELD),
        // The two lowest times say that there is no key.
        Some(message) => (Some(message.content_key), message.received_at.max(WITHHELD + 1)),
    })
}
