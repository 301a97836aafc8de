//! Which events a client asks for: names are looked up here, once, when it asks.

use covey_api::{ApiError, EventKind, EventsFetch, EventsSubscribe};

use crate::engine::names::pick::Purpose;
use crate::engine::records::conversations;
use crate::engine::selection::Whom;
use crate::engine::{Cx, Selection, names};

/// What a client asks to have selected: kinds, channels, contacts.
type Asked<'a> = (Option<&'a [EventKind]>, Option<&'a [String]>, Option<&'a [String]>);

/// What `events.fetch` asks for.
///
/// # Errors
/// Names that are none.
pub(super) fn of_fetch(cx: &Cx<'_, '_>, asked: &EventsFetch) -> Result<Selection, ApiError> {
    of(cx, (asked.kinds.as_deref(), asked.channels.as_deref(), asked.contacts.as_deref()))
}

/// What `events.subscribe` asks for.
///
/// # Errors
/// Names that are none.
pub(super) fn of_subscription(cx: &Cx<'_, '_>, asked: &EventsSubscribe) -> Result<Selection, ApiError> {
    of(cx, (asked.kinds.as_deref(), asked.channels.as_deref(), asked.contacts.as_deref()))
}

fn of(cx: &Cx<'_, '_>, (kinds, named, contacts): Asked<'_>) -> Result<Selection, ApiError> {
    let text = |id: &covey_feed::ChannelId| data_encoding::HEXLOWER.encode(id.as_bytes());
    let channel = |name: &String| Ok(names::channel(cx, name, Purpose::Read)?.text_id());
    let kinds = kinds.map(|kinds| kinds.iter().map(|kind| kind.as_str()).collect());
    let named = named.map(|names| names.iter().map(channel).collect::<Result<_, ApiError>>()).transpose()?;
    let contacts = contacts.map(|names| names.iter().map(|name| whom(cx, name)).collect::<Result<_, _>>());
    let bound = cx.asker.channels().map(|bound| bound.iter().map(text).collect());
    Ok(Selection { bound, kinds, channels: named, contacts: contacts.transpose()? })
}

fn whom(cx: &Cx<'_, '_>, name: &str) -> Result<Whom, ApiError> {
    if cx.asker.channels().is_some() {
        return Err(ApiError::invalid_params("A token that is bound to channels selects by `channels`."));
    }
    let contact = names::contact(cx, name, Purpose::Read)?;
    let channel = conversations::with(cx.tx, &contact)?;
    Ok(Whom { account: contact.account.to_string(), channel: channel.map(|channel| channel.text_id()) })
}
