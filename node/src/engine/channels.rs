//! Channels: conversations, with what this node remembers about each.

use covey_api as api;
use covey_api::{ApiError, ChannelKind, Reason, Time};
use covey_feed::{ChannelId, FeedKey, Head, Heads, OrderKey};
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};

use super::tables::{self, Counter};
use super::{Cx, EngineError, contacts, feeds, messages};
use crate::store::Tx;

/// Most channels listed at once; far above what one person has.
const MAX_LISTED: usize = 10_000;

/// A conversation as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Channel {
    /// Local number, used in keys.
    pub(super) no: u64,
    /// The channel's id.
    pub(super) id: ChannelId,
    /// The other account of a direct channel.
    pub(super) contact: AccountId,
    /// False once the contact is gone: nothing can be written or received any more.
    pub(super) open: bool,
    /// Our incarnation in it.
    pub(super) incarnation: u64,
    /// When something last happened, Unix milliseconds.
    pub(super) active_at: u64,
    /// The newest message.
    pub(super) newest: Option<OrderKey>,
    /// Up to where we have read.
    pub(super) read: Option<OrderKey>,
    /// Messages of others beyond that.
    pub(super) unread: u32,
    pub(super) muted: bool,
    pub(super) archived: bool,
}

impl Channel {
    /// The id as clients see it.
    pub(super) fn text_id(&self) -> String {
        data_encoding::HEXLOWER.encode(self.id.as_bytes())
    }

    pub(super) fn save(&self, cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
        Ok(cx.tx.put(&tables::channel(self.no), self)?)
    }
}

/// The channel with this local number.
pub(super) fn by_no(tx: &Tx<'_>, no: u64) -> Result<Option<Channel>, EngineError> {
    Ok(tx.get(&tables::channel(no))?)
}

/// The channel with this id.
pub(super) fn by_id(tx: &Tx<'_>, id: &ChannelId) -> Result<Option<Channel>, EngineError> {
    match tx.get::<u64>(&tables::channel_no(id.as_bytes()))? {
        Some(no) => by_no(tx, no),
        None => Ok(None),
    }
}

/// All of them.
pub(super) fn all(tx: &Tx<'_>) -> Result<Vec<Channel>, EngineError> {
    Ok(tx.scan_intact(&tables::channels(), MAX_LISTED)?.into_iter().map(|(_, channel)| channel).collect())
}

/// The direct channel with `contact`; opens it if this is the first time.
pub(super) fn open_direct(cx: &mut Cx<'_, '_>, id: ChannelId, contact: AccountId) -> Result<Channel, EngineError> {
    if let Some(channel) = by_id(cx.tx, &id)? {
        return Ok(channel);
    }
    let no = Counter::Channel.next(cx.tx)?;
    let channel = Channel {
        no,
        id,
        contact,
        open: true,
        incarnation: 0,
        active_at: cx.now,
        newest: None,
        read: None,
        unread: 0,
        muted: false,
        archived: false,
    };
    channel.save(cx)?;
    cx.tx.put(&tables::channel_no(id.as_bytes()), &no)?;
    Ok(channel)
}

/// The heads of all feeds of a channel.
pub(super) fn heads(tx: &Tx<'_>, channel: &Channel) -> Result<Heads, EngineError> {
    let of = |feed: feeds::Feed| -> Option<(FeedKey, Head)> { Some((feed.key, feed.head?)) };
    Ok(feeds::all(tx, channel.no)?.into_iter().filter_map(of).collect())
}

/// Finds a channel by id, unique id prefix, or the contact of a direct one.
pub(super) fn resolve(cx: &Cx<'_, '_>, text: &str) -> Result<Channel, ApiError> {
    let hex = text.to_ascii_lowercase();
    if let Ok(id) = data_encoding::HEXLOWER.decode(hex.as_bytes())
        && let Ok(id) = <[u8; 32]>::try_from(id)
    {
        return by_id(cx.tx, &ChannelId::from_bytes(id))?.ok_or_else(|| none(text));
    }
    if let Some(contact) = contacts::find(cx, text)? {
        let no = contact.channel.ok_or_else(|| contacts::not_paired(&contact))?;
        return by_no(cx.tx, no)?.ok_or_else(|| none(text));
    }
    if hex.len() >= 4 {
        let mut found = all(cx.tx)?;
        found.retain(|channel| channel.text_id().starts_with(&hex));
        match found.len() {
            1 => return Ok(found.remove(0)),
            0 => {}
            many => {
                return Err(ApiError::new(
                    Reason::NoSuchChannel,
                    format!("\"{text}\" is the beginning of {many} channel ids; give more characters"),
                ));
            }
        }
    }
    Err(none(text))
}

fn none(text: &str) -> ApiError {
    ApiError::new(
        Reason::NoSuchChannel,
        format!("no channel or contact is called \"{text}\"; see `covey channel list` and `covey pair list`"),
    )
}

/// As clients see it.
pub(super) fn show(cx: &Cx<'_, '_>, channel: &Channel) -> Result<api::Channel, ApiError> {
    let last_message = match &channel.newest {
        Some(place) => {
            messages::at(cx.tx, channel.no, place)?.map(|message| messages::show(cx, channel, &message)).transpose()?
        }
        None => None,
    };
    Ok(api::Channel {
        channel: channel.text_id(),
        kind: ChannelKind::Direct,
        name: contacts::name_of(cx.tx, &channel.contact)?.unwrap_or_else(|| channel.contact.fmt_short()),
        contact: Some(channel.contact.to_string()),
        open: channel.open,
        unread: channel.unread,
        last_message,
        since: Time::from_unix_ms(channel.active_at),
        muted: channel.muted,
        archived: channel.archived,
        request: contacts::is_request(cx.tx, &channel.contact)?,
    })
}
