//! Messages by what people call them: an order key, an id or the start of one.

use covey_api::{ApiError, Reason};
use covey_feed::{EntryId, OrderKey};

use crate::engine::Cx;
use crate::engine::names::bound;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::messages::{self, Message, Page};
use crate::engine::records::repeats;

/// Messages of a channel looked through for an id prefix: people copy recent ids.
const PREFIX_SEARCH: usize = 1_000;

/// Shortest start of an id that names a message.
const MIN_PREFIX: usize = 8;

fn parse_order(text: &str) -> Option<OrderKey> {
    let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
    let bytes: [u8; OrderKey::LEN] = bytes.try_into().ok()?;
    let number = |at: usize| Some(u64::from_be_bytes(*bytes[at..].first_chunk()?));
    Some(OrderKey {
        lamport: number(0)?,
        author: covey_feed::Author::from_bytes(*bytes[8..].first_chunk()?),
        incarnation: number(40)?,
        seq: number(48)?,
    })
}

/// The place that `text` (an order key, an id or a unique prefix of one) names in a channel.
pub(in crate::engine) fn place(cx: &Cx<'_, '_>, channel: &Channel, text: &str) -> Result<OrderKey, ApiError> {
    match parse_order(text) {
        Some(place) => Ok(place),
        None => Ok(resolve_in(cx, Some(channel), text)?.1.place),
    }
}

/// Finds a message by its id or a unique prefix of one, anywhere or in one channel.
pub(in crate::engine) fn resolve_in(
    cx: &Cx<'_, '_>,
    channel: Option<&Channel>,
    text: &str,
) -> Result<(Channel, Message), ApiError> {
    let hex = text.to_ascii_lowercase();
    let id = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok().and_then(|id| <[u8; 32]>::try_from(id).ok());
    if let Some(id) = id {
        let found = messages::by_id(cx.tx, &EntryId::from_bytes(id))?;
        let found = found.filter(|(no, _)| channel.is_none_or(|channel| channel.no == *no));
        let Some((no, message)) = found else { return Err(none(text)) };
        let channel = channels::by_no(cx.tx, no)?.filter(|channel| cx.asker.sees(&channel.id));
        let channel = channel.ok_or_else(|| none(text))?;
        let shown = repeats::shown_for(cx.tx, &channel, &message)?;
        return Ok((channel, shown.unwrap_or(message)));
    }
    if hex.is_empty() || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(none(text));
    }
    if hex.len() < MIN_PREFIX {
        return Err(ApiError::new(
            Reason::NoSuchMessage,
            format!("\"{text}\" is too little of a message's id. Give at least {MIN_PREFIX} characters."),
        ));
    }
    let searched = match channel {
        Some(channel) => vec![channel.clone()],
        None => bound::visible(cx)?,
    };
    let mut found = Vec::new();
    for channel in searched {
        let newest = Page { limit: PREFIX_SEARCH, ..Page::default() };
        for message in messages::list(cx.tx, channel.no, newest)? {
            if messages::text_id(&message.id).starts_with(&hex) {
                found.push((channel.clone(), message));
            }
        }
    }
    if found.len() > 1 {
        return Err(ApiError::new(
            Reason::NoSuchMessage,
            format!("\"{text}\" is the start of {} message ids. Give more characters.", found.len()),
        ));
    }
    found.pop().ok_or_else(|| none(text))
}

fn none(text: &str) -> ApiError {
    ApiError::new(
        Reason::NoSuchMessage,
        format!("No message has the id \"{text}\". `covey messages --json` shows ids."),
    )
}
