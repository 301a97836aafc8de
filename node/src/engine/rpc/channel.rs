//! `channel.*`

use covey_api::{ApiError, Channel, ChannelArchive, ChannelList, ChannelMarkRead, ChannelMute, ChannelShow, EventKind};

use crate::engine::group::ops;
use crate::engine::names::pick::Purpose;
use crate::engine::names::{self, bound, message};
use crate::engine::notices::Notice;
use crate::engine::records::{channels, conversations, messages};
use crate::engine::said::{reading, write};
use crate::engine::shown::channel;
use crate::engine::wire::own_record::Key;
use crate::engine::wire::payload::Body;
use crate::engine::{Cx, journal};

/// `channel.list`
///
/// # Errors
/// Those of the store.
pub fn list(cx: &mut Cx<'_, '_>, params: &ChannelList) -> Result<Vec<Channel>, ApiError> {
    let mut shown = Vec::new();
    for channel in bound::visible(cx)? {
        if conversations::is_silent_and_over(cx.tx, &channel)? {
            continue;
        }
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
    let Some(read_theirs) = reading::read(cx, &mut channel, up_to, |message| message.arrived <= arrived)? else {
        return Ok(channel::show(cx, &channel)?);
    };
    let strangers = channels::is_request(cx.tx, &channel)?;
    if read_theirs && channel.open && cx.policy.read_receipts && !strangers {
        tell(cx, &mut channel)?;
    }
    changed(cx, &channel)
}

/// Tells the author of each feed up to where we have read it.
fn tell(cx: &mut Cx<'_, '_>, channel: &mut channels::Channel) -> Result<(), ApiError> {
    // Who is not on the roster yet tells it when it is.
    if ops::is_waiting(cx, channel.no)? {
        return Ok(());
    }
    let marks = reading::marks(cx, channel)?;
    if !marks.is_empty() {
        ops::introduce(cx, channel)?;
        write::write(cx, channel, &Body::read(marks, cx.now))?;
    }
    Ok(())
}

fn changed(cx: &mut Cx<'_, '_>, channel: &channels::Channel) -> Result<Channel, ApiError> {
    channel.save(cx.tx)?;
    cx.notices.push(Notice::Shared(Key::reading(&channel.id)));
    let shown = channel::show(cx, channel)?;
    journal::record(cx, EventKind::Channel, &shown)?;
    Ok(shown)
}
