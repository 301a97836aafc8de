//! Messages as clients see them.

use covey_api as api;
use covey_api::{ApiError, MessageState, Time};

use crate::engine::Cx;
use crate::engine::records::channels::Channel;
use crate::engine::records::messages::{self, Message};
use crate::engine::records::people;
use crate::engine::shown::{delivery, group};

/// Beyond this difference between the author's clock and ours the time shown is suspect.
const CLOCK_TOLERANCE: u64 = 10 * 60_000;

/// As clients see it.
pub(in crate::engine) fn show(cx: &Cx<'_, '_>, channel: &Channel, message: &Message) -> Result<api::Message, ApiError> {
    let (author_name, author_alias) =
        if message.own { (people::own_name(cx.tx)?, None) } else { people::called(cx.tx, &message.author)? };
    let state = if message.own {
        delivery::state(cx, channel, message)?
    } else if messages::is_unread(channel, message) {
        MessageState::Received
    } else {
        MessageState::Read
    };
    Ok(api::Message {
        id: messages::text_id(&message.id),
        channel: channel.text_id(),
        author: message.author.to_string(),
        author_name,
        author_alias,
        own: message.own,
        text: message.text().unwrap_or_default().to_owned(),
        sent_at: Time::from_unix_ms(message.body.sent_at),
        received_at: Time::from_unix_ms(message.received_at),
        clock_suspect: message.body.sent_at.abs_diff(message.received_at) > CLOCK_TOLERANCE,
        order_key: messages::order_text(&message.place),
        state,
        reply_to: message.body.reply_to.map(|id| data_encoding::HEXLOWER.encode(&*id)),
        edited: false,
        expires_at: message.body.expires_at.map(Time::from_unix_ms),
        deliveries: Vec::new(),
        late: message.late,
        deleted: message.is_gone(),
        delivery_summary: None,
    })
}

/// As events tell it: in a large group without how far it has come to each recipient, or writing and every acknowledgement
/// would cost the more the more members there are.
pub(in crate::engine) fn show_in_event(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    message: &Message,
) -> Result<api::Message, ApiError> {
    if group::is_large(cx, channel) { show(cx, channel, message) } else { show_with_deliveries(cx, channel, message) }
}

/// As clients see it, with how far it has come to each recipient.
pub(in crate::engine) fn show_with_deliveries(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    message: &Message,
) -> Result<api::Message, ApiError> {
    let mut shown = show(cx, channel, message)?;
    if message.own {
        let told = delivery::of(cx, channel, message)?;
        (shown.deliveries, shown.delivery_summary) = (told.each, told.summary);
    }
    Ok(shown)
}
