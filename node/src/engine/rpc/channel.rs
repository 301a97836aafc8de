//! `channel.*`

use covey_api::{ApiError, Channel, ChannelArchive, ChannelList, ChannelMarkRead, ChannelMute, ChannelShow, kind};
use serde_bytes::ByteArray;

use crate::engine::messages::{self, Page};
use crate::engine::payload::Body;
use crate::engine::{Cx, channels, contacts, feeds, journal};

/// Messages looked at when unread ones are counted.
const MAX_UNREAD: usize = 100_000;

/// `channel.list`
///
/// # Errors
/// Those of the store.
pub fn list(cx: &mut Cx<'_, '_>, params: &ChannelList) -> Result<Vec<Channel>, ApiError> {
    let mut shown = Vec::new();
    for channel in channels::all(cx.tx)? {
        let request = contacts::is_request(cx.tx, &channel)?;
        let fits = if request { channel.open } else { channel.archived == params.archived };
        if request == params.requests && fits {
            shown.push(channels::show(cx, &channel)?);
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
    let channel = channels::resolve(cx, &params.channel)?;
    channels::show(cx, &channel)
}

/// `channel.archive`
///
/// # Errors
/// Unknown channel.
pub fn archive(cx: &mut Cx<'_, '_>, params: &ChannelArchive) -> Result<Channel, ApiError> {
    let mut channel = channels::resolve(cx, &params.channel)?;
    channel.archived = params.archived.unwrap_or(true);
    changed(cx, &channel)
}

/// `channel.mute`
///
/// # Errors
/// Unknown channel.
pub fn mute(cx: &mut Cx<'_, '_>, params: &ChannelMute) -> Result<Channel, ApiError> {
    let mut channel = channels::resolve(cx, &params.channel)?;
    channel.muted = params.muted.unwrap_or(true);
    changed(cx, &channel)
}

/// `channel.mark_read`
///
/// # Errors
/// Unknown channel or message.
pub fn mark_read(cx: &mut Cx<'_, '_>, params: &ChannelMarkRead) -> Result<Channel, ApiError> {
    let mut channel = channels::resolve(cx, &params.channel)?;
    let up_to = match &params.up_to {
        Some(text) => Some(messages::place(cx, &channel, text)?),
        None => channel.newest,
    };
    if up_to <= channel.read {
        return channels::show(cx, &channel);
    }
    let page = Page { after: channel.read.or(Some(first())), limit: MAX_UNREAD, before: None };
    let newer = messages::list(cx.tx, channel.no, page)?;
    channel.read = up_to;
    let unread = newer.iter().filter(|message| !message.own && Some(message.place) > up_to).count();
    channel.unread = u32::try_from(unread).unwrap_or(u32::MAX);
    let read_theirs = newer.iter().any(|message| !message.own && Some(message.place) <= up_to);
    let strangers = contacts::is_request(cx.tx, &channel)?;
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
        messages::write(cx, channel, &Body::read(marks, cx.now))?;
    }
    Ok(())
}

/// The newest entry of a feed that is not after what was read.
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
    Ok((low > 0).then_some(low))
}

fn changed(cx: &mut Cx<'_, '_>, channel: &channels::Channel) -> Result<Channel, ApiError> {
    channel.save(cx)?;
    let shown = channels::show(cx, channel)?;
    journal::record(cx, kind::CHANNEL, &shown)?;
    Ok(shown)
}
