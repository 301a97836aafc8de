//! Messages as clients see them.

use covey_api as api;
use covey_api::{MessageState, Time};

use crate::engine::records::channels::Channel;
use crate::engine::records::edits;
use crate::engine::records::marks::{self, Mark};
use crate::engine::records::messages::{self, Message};
use crate::engine::records::people;
use crate::engine::shown::{delivery, group};
use crate::engine::{Cx, EngineError};

/// Beyond this difference between the author's clock and ours the time shown is suspect.
const CLOCK_TOLERANCE: u64 = 10 * 60_000;

/// As clients see it.
pub(in crate::engine) fn show(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    message: &Message,
) -> Result<api::Message, EngineError> {
    let state = if message.own {
        delivery::state(cx, channel, message)?
    } else if messages::is_unread(channel, message) {
        MessageState::Received
    } else {
        MessageState::Read
    };
    in_state(cx, channel, message, state)
}

fn in_state(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    message: &Message,
    state: MessageState,
) -> Result<api::Message, EngineError> {
    let (author_name, author_alias) =
        if message.own { (people::own_name(cx.tx)?, None) } else { people::called(cx.tx, &message.author)? };
    let said = edits::said(cx.tx, channel.no, message)?;
    let edited_at = said.as_ref().and_then(|said| said.edited_at).map(Time::from_unix_ms);
    Ok(api::Message {
        id: messages::text_id(&message.id),
        channel: channel.text_id(),
        author: message.author.to_string(),
        author_name,
        author_alias,
        own: message.own,
        text: said.map(|said| said.text).unwrap_or_default(),
        sent_at: Time::from_unix_ms(message.body.sent_at),
        received_at: Time::from_unix_ms(message.received_at),
        clock_suspect: message.body.sent_at.abs_diff(message.received_at) > CLOCK_TOLERANCE,
        order_key: messages::order_text(&message.place),
        state,
        reply_to: message.body.reply_to.map(|id| data_encoding::HEXLOWER.encode(&*id)),
        edited: edited_at.is_some(),
        edited_at,
        expires_at: message.body.expires_at.map(Time::from_unix_ms),
        deliveries: Vec::new(),
        late: message.late,
        deleted: message.is_gone(),
        delivery_summary: None,
    })
}

/// As events tell it: in a large group without how far it has come to each recipient, or writing and every acknowledgement
/// would cost the more the more members there are. `marks`: of its feed, if it is ours.
pub(in crate::engine) fn show_in_event(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    message: &Message,
    marks: &[Mark],
) -> Result<api::Message, EngineError> {
    if group::is_large(cx, channel) { show(cx, channel, message) } else { show_with(cx, channel, message, marks) }
}

/// As clients see it, with how far it has come to each recipient.
pub(in crate::engine) fn show_with_deliveries(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    message: &Message,
) -> Result<api::Message, EngineError> {
    let marks = if message.own { marks::marks(cx.tx, channel, message)? } else { Vec::new() };
    show_with(cx, channel, message, &marks)
}

fn show_with(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    message: &Message,
    marks: &[Mark],
) -> Result<api::Message, EngineError> {
    if !message.own {
        return show(cx, channel, message);
    }
    let told = delivery::of(cx, channel, message, marks)?;
    let state = match told.each.first() {
        Some(delivery) if !channel.is_group() => delivery.state,
        _ => delivery::state(cx, channel, message)?,
    };
    let shown = in_state(cx, channel, message, state)?;
    Ok(api::Message { deliveries: told.each, delivery_summary: told.summary, ..shown })
}
