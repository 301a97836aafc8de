//! `channel.*`

use covey_api::{ApiError, Channel, ChannelArchive, ChannelList, ChannelMarkRead, ChannelMute, ChannelShow, EventKind};
use serde_bytes::ByteArray;

use crate::engine::names::pick::Purpose;
use crate::engine::names::{self, bound, message};
use crate::engine::records::messages::{self, Message, Page};
use crate::engine::records::{channels, feeds};
use crate::engine::said::{arrivals, write};
use crate::engine::shown::channel;
use crate::engine::wire::payload::Body;
use crate::engine::{Cx, journal, tables};

/// Messages looked at when unread ones are counted.
const MAX_UNREAD: usize = 100_000;

/// `channel.list`
///
/// # Errors
/// Those of the store.
pub fn list(cx: &mut Cx<'_, '_>, params: &ChannelList) -> Result<Vec<Channel>, ApiError> {
    let mut shown = Vec::new();
    for channel in bound::visible(cx)? {
        let request = channels::is_request(cx.tx, &channel)?;
        let fits = if request { channel.open } else { channel.archived == params.archived };
        if request == params.requests && fits {
            shown.push(channel::show(cx, &channel)?);
        }
    }
    shown.sort_by_key(|channel| std::cmp::Reverse(channel.since));
    Ok(shown)
}

/// `channel.show`
///
/// # Errors
/// Unknown channel.
pub fn show(cx: &mut Cx<'_, '_>, params: &ChannelShow) -> Result<Channel, ApiError> {
    let channel = names::channel(cx, &params.channel, Purpose::Read)?;
    Ok(channel::show(cx, &channel)?)
}

/// `channel.archive`
///
/// # Errors
/// Unknown channel.
pub fn archive(cx: &mut Cx<'_, '_>, params: &ChannelArchive) -> Result<Channel, ApiError> {
    let mut channel = names::channel(cx, &params.channel, Purpose::Change)?;
    channel.archived = params.archived.unwrap_or(true);
    changed(cx, &channel)
}

/// `channel.mute`
///
/// # Errors
/// Unknown channel.
pub fn mute(cx: &mut Cx<'_, '_>, params: &ChannelMute) -> Result<Channel, ApiError> {
    let mut channel = names::channel(cx, &params.channel, Purpose::Change)?;
    channel.muted = params.muted.unwrap_or(true);
    changed(cx, &channel)
}

/// `channel.mark_read`
///
/// # Errors
/// Unknown channel or message.
pub fn mark_read(cx: &mut Cx<'_, '_>, params: &ChannelMarkRead) -> Result<Channel, ApiError> {
    let mut channel = names::channel(cx, &params.channel, Purpose::Change)?;
    // Who names a message has seen what had come by then; who names none has seen everything.
    let (up_to, arrived) = match &params.up_to {
        Some(text) => {
            let place = message::place(cx, &channel, text)?;
            (Some(place), messages::at(cx.tx, channel.no, &place)?.map_or(0, |message| message.arrived))
        }
        None => (channel.newest.max(channel.read), u64::MAX),
    };
    let saw_late = arrivals::see(cx, &mut channel, up_to, arrived)?;
    if up_to <= channel.read && !saw_late {
        return Ok(channel::show(cx, &channel)?);
    }
    let page = Page { after: channel.read.or(Some(first())), limit: MAX_UNREAD, before: None };
    let newer = messages::list(cx.tx, channel.no, page)?;
    let theirs = |message: &&Message| messages::is_unread(&channel, message);
    let (read, unread): (Vec<_>, Vec<_>) =
        newer.iter().filter(theirs).partition(|message| Some(message.place) <= up_to);
    let left = unread.len() + cx.tx.keys(&tables::all_late(channel.no))?.len();
    let read_theirs = saw_late || !read.is_empty();
    channel.unread = u32::try_from(left).unwrap_or(u32::MAX);
    channel.read = up_to.max(channel.read);
    let strangers = channels::is_request(cx.tx, &channel)?;
    if read_theirs && channel.open && cx.policy.read_receipts && !strangers {
        tell(cx, &mut channel)?;
    }
    changed(cx, &channel)
}

/// Before every message.
fn first() -> covey_feed::OrderKey {
    covey_feed::OrderKey { lamport: 0, author: covey_feed::Author::from_bytes([0; 32]), incarnation: 0, seq: 0 }
}

/// Tells the author of each feed up to where we have read it.
fn tell(cx: &mut Cx<'_, '_>, channel: &mut channels::Channel) -> Result<(), ApiError> {
    let own = cx.me.device_id();
    let mut marks = Vec::new();
    for feed in feeds::all(cx.tx, channel.no)? {
        if feed.key.author.as_bytes() == own.as_bytes() {
            continue;
        }
        if let Some(seq) = last_read(cx, channel, &feed)? {
            marks.push((ByteArray::new(*feed.key.author.as_bytes()), feed.key.incarnation, seq));
        }
    }
    if !marks.is_empty() {
        write::write(cx, channel, &Body::read(marks, cx.now))?;
    }
    Ok(())
}

/// The last entry of a feed up to which everything was read.
fn last_read(cx: &Cx<'_, '_>, channel: &channels::Channel, feed: &feeds::Feed) -> Result<Option<u64>, ApiError> {
    let (mut low, mut high) = (0, feed.head.map_or(0, |head| head.seq));
    // Along a feed the order only grows.
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let entry = feeds::entry(cx.tx, feed.fid, middle)?;
        if entry.is_some_and(|entry| Some(entry.order()) <= channel.read) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    // A receipt speaks of all that stands before it in its feed.
    let seen = arrivals::first_unseen(cx, channel, feed)?.map_or(low, |unseen| low.min(unseen.saturating_sub(1)));
    Ok((seen > 0).then_some(seen))
}

fn changed(cx: &mut Cx<'_, '_>, channel: &channels::Channel) -> Result<Channel, ApiError> {
    channel.save(cx.tx)?;
    let shown = channel::show(cx, channel)?;
    journal::record(cx, EventKind::Channel, &shown)?;
    Ok(shown)
}
