//! `message.*`

use covey_api::{ApiError, Message, MessageEdit, MessageList, MessageSend, MessageShow, Reason, Sent};
use covey_pairing::consent::State;

use crate::engine::group::ops;
use crate::engine::names::pick::Purpose;
use crate::engine::names::{self, Named, bound};
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::messages::{self, Page};
use crate::engine::records::{conversations, devices, edits, people};
use crate::engine::rpc::range;
use crate::engine::said::write;
use crate::engine::shown::{self, contact, group};
use crate::engine::wire::payload::{Body, MAX_TEXT};
use crate::engine::{Cx, EngineError};

/// Messages on a page unless told.
const PAGE: u32 = 50;

/// Most messages on a page.
const MAX_PAGE: u32 = 1_000;

/// `message.send`
///
/// # Errors
/// Unknown or unpaired contact, empty or too long text, unknown message to answer.
pub fn send(cx: &mut Cx<'_, '_>, params: MessageSend) -> Result<Sent, ApiError> {
    let channel = writable(cx, &params.to)?;
    send_to(cx, channel, params.text, params.reply_to.as_deref(), params.expires_in)
}

/// Writes a text into a channel.
pub(super) fn send_to(
    cx: &mut Cx<'_, '_>,
    mut channel: Channel,
    text: String,
    reply_to: Option<&str>,
    expires_in: Option<u64>,
) -> Result<Sent, ApiError> {
    sayable(&text)?;
    let reply_to = reply_to.map(|id| names::message::resolve_in(cx, Some(&channel), id)).transpose()?;
    let reply_to = reply_to.map(|(_, message)| *message.id.as_bytes());
    let expires_at = range::end(cx.now, expires_in)?;
    ops::introduce(cx, &mut channel)?;
    write::send(cx, channel, &Body::text(text, reply_to, expires_at, cx.now))
}

/// Whether a message may say that.
fn sayable(text: &str) -> Result<(), ApiError> {
    if text.trim().is_empty() {
        return Err(ApiError::new(Reason::EmptyText, "The text is empty; write something."));
    }
    if text.len() > MAX_TEXT {
        return Err(ApiError::new(
            Reason::TooLong,
            format!("The text has {} bytes and may have {MAX_TEXT}; send it in parts.", text.len()),
        )
        .with_data(serde_json::json!({ "bytes": text.len(), "limit": MAX_TEXT })));
    }
    Ok(())
}

/// `message.edit`
///
/// # Errors
/// Unknown or deleted message, one of somebody else, empty or too long text, a conversation that cannot be written to.
pub fn edit(cx: &mut Cx<'_, '_>, params: MessageEdit) -> Result<Message, ApiError> {
    let (channel, message) = names::message::resolve_in(cx, None, &params.id)?;
    let Some(said) = edits::said(cx.tx, channel.no, &message)? else {
        return Err(ApiError::new(Reason::NoSuchMessage, "That is no message any more; it was deleted."));
    };
    if !message.own {
        return Err(ApiError::new(Reason::NotAllowed, "Only its author can edit a message. Answer it instead."));
    }
    sayable(&params.text)?;
    check_writable(cx, &channel)?;
    if said.text != params.text {
        let mut channel = channel.clone();
        ops::introduce(cx, &mut channel)?;
        write::add(cx, channel, &Body::edit(message.first_id(), params.text, cx.now))?;
    }
    let channel = channels::by_no(cx.tx, channel.no)?.unwrap_or(channel);
    let message = messages::at(cx.tx, channel.no, &message.place)?.unwrap_or(message);
    Ok(shown::message::show_with_deliveries(cx, &channel, &message)?)
}

/// The channel that `text` names, if it can be written to.
pub(super) fn writable(cx: &Cx<'_, '_>, text: &str) -> Result<Channel, ApiError> {
    let bound = cx.asker.channels().is_some();
    let named = if bound { None } else { names::conversation(cx, text, Purpose::Change)? };
    let channel = match named {
        Some(Named::Contact(contact)) => paired_channel(cx, &contact)?,
        None if !bound && text.trim().to_ascii_lowercase().starts_with("cv1") => return Err(contact::no_such(text)),
        _ => names::channel(cx, text, Purpose::Change)?,
    };
    check_writable(cx, &channel)?;
    Ok(channel)
}

/// Refuses if nothing can be written into the channel.
fn check_writable(cx: &Cx<'_, '_>, channel: &Channel) -> Result<(), ApiError> {
    if !channel.open {
        let Some(account) = channel.contact() else { return Err(group::closed(cx, channel)?) };
        let contact = people::load(cx.tx, &account)?.ok_or_else(|| contact::no_such(&account.to_string()))?;
        return Err(contact::not_paired(&contact));
    }
    let Some(account) = channel.contact() else { return group::may_write(cx, channel) };
    if devices::card(cx.tx, &account)?.is_some_and(|card| card.is_contested()) {
        let contact = people::load(cx.tx, &account)?.ok_or_else(|| contact::no_such(&account.to_string()))?;
        return Err(contact::contested(&contact));
    }
    Ok(())
}

/// The direct channel with a contact that is paired.
pub(super) fn paired_channel(cx: &Cx<'_, '_>, contact: &people::Contact) -> Result<Channel, ApiError> {
    let open = contact.is_paired().then_some(contact.channel).flatten();
    let channel = open.map(|no| channels::by_no(cx.tx, no)).transpose()?.flatten();
    channel.ok_or_else(|| contact::not_paired(contact))
}

/// `message.list`
///
/// # Errors
/// Unknown channel or message.
pub fn list(cx: &mut Cx<'_, '_>, params: &MessageList) -> Result<Vec<Message>, ApiError> {
    let limit = range::page(params.limit, PAGE, MAX_PAGE)?;
    let Some(name) = &params.channel else {
        if params.before.is_some() || params.after.is_some() {
            return Err(ApiError::invalid_params("`before` and `after` need a `channel`."));
        }
        return newest_everywhere(cx, limit);
    };
    // Of a pairing that ended before anything was said nothing is kept.
    if cx.asker.channels().is_none()
        && let Some(Named::Contact(contact)) = names::conversation(cx, name, Purpose::Read)?
        && contact.relationship.state() == State::Removed
        && conversations::with(cx.tx, &contact)?.is_none()
    {
        return Ok(Vec::new());
    }
    let channel = names::channel(cx, name, Purpose::Read)?;
    let place =
        |text: &Option<String>| text.as_deref().map(|text| names::message::place(cx, &channel, text)).transpose();
    let page = Page { before: place(&params.before)?, after: place(&params.after)?, limit };
    let found = messages::list(cx.tx, channel.no, page)?;
    Ok(found.iter().map(|message| shown::message::show(cx, &channel, message)).collect::<Result<_, EngineError>>()?)
}

/// The newest messages of all channels, by when they came here.
fn newest_everywhere(cx: &Cx<'_, '_>, limit: usize) -> Result<Vec<Message>, ApiError> {
    let mut found = Vec::new();
    for channel in bound::visible(cx)? {
        if channels::is_request(cx.tx, &channel)? {
            continue;
        }
        for message in messages::list(cx.tx, channel.no, Page { limit, ..Page::default() })? {
            found.push((channel.clone(), message));
        }
    }
    found.sort_by_key(|(_, message)| (message.received_at, message.place));
    let skip = found.len().saturating_sub(limit);
    Ok(found[skip..]
        .iter()
        .map(|(channel, message)| shown::message::show(cx, channel, message))
        .collect::<Result<_, EngineError>>()?)
}

/// `message.show`
///
/// # Errors
/// Unknown message.
pub fn show(cx: &mut Cx<'_, '_>, params: &MessageShow) -> Result<Message, ApiError> {
    let (channel, message) = names::message::resolve_in(cx, None, &params.id)?;
    Ok(shown::message::show_with_deliveries(cx, &channel, &message)?)
}
