//! Channels as clients see them.

use covey_api as api;
use covey_api::{ChannelKind, Time};

use crate::engine::records::channels::{self, Channel};
use crate::engine::records::{conversations, messages, people};
use crate::engine::shown::{group, message};
use crate::engine::{Cx, EngineError};

/// As clients see it.
pub(in crate::engine) fn show(cx: &Cx<'_, '_>, channel: &Channel) -> Result<api::Channel, EngineError> {
    let last_message = match &channel.newest {
        Some(place) => {
            messages::at(cx.tx, channel.no, place)?.map(|message| message::show(cx, channel, &message)).transpose()?
        }
        None => None,
    };
    let (members, role) = group::size_and_role(cx, channel);
    Ok(api::Channel {
        group: channel.is_group().then(|| channel.text_id()),
        members,
        role,
        channel: channel.text_id(),
        kind: if !channel.is_group() { ChannelKind::Direct } else { ChannelKind::Group },
        name: conversations::name(cx.tx, channel)?,
        alias: channel.contact().map(|contact| people::alias_of(cx.tx, &contact)).transpose()?.flatten(),
        contact: channel.contact().map(|contact| contact.to_string()),
        open: channel.open,
        unread: channel.unread,
        read_up_to: channel.read.as_ref().map(messages::order_text),
        last_message,
        since: Time::from_unix_ms(channel.active_at),
        muted: channel.muted,
        archived: channel.archived,
        request: channels::is_request(cx.tx, channel)?,
    })
}
