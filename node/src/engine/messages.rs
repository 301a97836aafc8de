//! Messages: what is readable in a channel, in its order.

use covey_api::{self as api, ApiError, MessageState, Reason, Time};
use covey_feed::{ChannelId, Entry, EntryId, FeedKey, Kind, OrderKey};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};

use super::channels::{self, Channel};
use super::payload::{Body, Sealed, associated_data, kind};
use super::{Cx, EngineError, arrivals, contacts, delivery, feeds, group, journal, repeats, sessions, tables};
use crate::store::Tx;

/// Beyond this difference between the author's clock and ours the time shown is suspect.
const CLOCK_TOLERANCE: u64 = 10 * 60_000;
/// Rows read at a time while a page is collected.
const CHUNK: usize = 128;
/// Messages of a channel looked through for an id prefix: people copy recent ids.
const PREFIX_SEARCH: usize = 1_000;
/// Shortest start of an id that names a message.
const MIN_PREFIX: usize = 8;

/// A message as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) id: EntryId,
    pub(super) place: OrderKey,
    /// The account of the author.
    pub(super) author: AccountId,
    pub(super) own: bool,
    pub(super) received_at: u64,
    pub(super) body: Body,
    /// Opens the entry again: for a device that could not, and for kinds of bodies a later covey knows.
    pub(super) content_key: Secret<32>,
    /// Written by somebody who had no right to, or was a member no more: kept, because the next operation may say otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) hidden: bool,
    /// The same message stands before it: see [`repeats`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) repeat: bool,
    /// Stands before what had been read when it came.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) late: bool,
    /// Came late and was not read yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) unseen: bool,
    /// The newest cursor of the journal when it was first shown; 0 if it never was. Of two, the higher one came later.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) arrived: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Message {
    pub(super) fn new(
        entry: &Entry,
        author: AccountId,
        own: bool,
        now: u64,
        body: Body,
        content_key: Secret<32>,
    ) -> Self {
        Self {
            id: entry.id(),
            place: entry.order(),
            author,
            own,
            received_at: now,
            body,
            content_key,
            hidden: false,
            repeat: false,
            late: false,
            unseen: false,
            arrived: 0,
        }
    }

    /// Whether it says something that clients see.
    pub(super) fn is_shown(&self) -> bool {
        self.body.kind == kind::TEXT && !self.hidden && !self.repeat
    }

    /// What it says to clients.
    pub(super) fn text(&self) -> Option<&str> {
        self.body.text.as_deref().filter(|_| self.is_shown())
    }

    /// What is left of it when it is deleted: that it was there, and what it was written again for.
    pub(super) fn forgotten(self) -> Self {
        Self { body: self.body.deleted(), content_key: Secret::new([0; 32]), ..self }
    }

    /// Whether it said something that clients are not shown any more.
    fn is_gone(&self) -> bool {
        self.body.is_deleted() || self.hidden || self.repeat
    }
}

/// Where a message is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Pointer(pub(super) u64, pub(super) OrderKey);

/// The message at this place.
pub(super) fn at(tx: &Tx<'_>, channel: u64, place: &OrderKey) -> Result<Option<Message>, EngineError> {
    Ok(tx.get(&tables::message(channel, place))?)
}

/// The message with this id, and the number of its channel.
pub(super) fn by_id(tx: &Tx<'_>, id: &EntryId) -> Result<Option<(u64, Message)>, EngineError> {
    let Some(Pointer(channel, place)) = tx.get(&tables::message_place(id))? else { return Ok(None) };
    Ok(at(tx, channel, &place)?.map(|message| (channel, message)))
}

/// Seals `body` for everyone in the channel and appends it to our feed.
pub(super) fn write(cx: &mut Cx<'_, '_>, channel: &mut Channel, body: &Body) -> Result<Message, ApiError> {
    let next = feeds::next(cx, channel)?;
    let author = *cx.me.device_id().as_bytes();
    let aad = associated_data(channel.id.as_bytes(), &author, channel.incarnation, next.seq, next.backlink.as_ref());
    let (key, payload) = seal(cx, channel, &body.encode()?, &aad)?;
    let entry = feeds::finish(cx, channel, next, Kind::Content, payload)?;
    let message = Message::new(&entry, cx.me.account_id(), true, cx.now, body.clone(), key);
    Ok(arrivals::put(cx, channel, None, message, false)?)
}

/// The content key, and the payload that only the members of the channel can open.
fn seal(cx: &mut Cx<'_, '_>, channel: &Channel, body: &[u8], aad: &[u8]) -> Result<(Secret<32>, Vec<u8>), ApiError> {
    let Some(contact) = &channel.contact else { return group::seal(cx, channel, body, aad) };
    let (key, ciphertext) = covey_pairing::envelope::seal_body(body, aad, cx.rng)
        .map_err(|error| ApiError::new(Reason::TooLong, error.to_string()))?;
    let wraps = sessions::wrap_for_contact(cx, contact, key.expose(), aad)?;
    Ok((key, Sealed { ciphertext, wraps }.encode()?))
}

/// Writes a text and tells the journal.
pub(super) fn send(cx: &mut Cx<'_, '_>, mut channel: Channel, body: &Body) -> Result<api::Sent, ApiError> {
    let message = write(cx, &mut channel, body)?;
    channel.active_at = cx.now;
    channel.archived = false;
    channel.save(cx.tx)?;
    let shown = show_in_event(cx, &channel, &message)?;
    journal::record(cx, api::EventKind::MessageSent, &shown)?;
    Ok(api::Sent { id: text_id(&message.id), channel: channel.text_id(), state: MessageState::Queued })
}

/// Writes what stands in our own feed from `seq` on once more: nobody else will ever take it from there.
pub(super) fn write_again(cx: &mut Cx<'_, '_>, channel: u64, feed: &feeds::Feed, seq: u64) -> Result<(), EngineError> {
    let last = feed.head.map_or(0, |head| head.seq);
    for seq in seq..=last {
        let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? else { continue };
        let Some(message) = at(cx.tx, channel, &entry.order())? else { continue };
        let Some(mut channel) = channels::by_no(cx.tx, channel)? else { return Ok(()) };
        let again = repeats::body(cx.tx, &channel, &message)?;
        repeats::unpoint(cx.tx, channel.no, &message)?;
        remove(cx.tx, &mut channel, &message);
        match again {
            Some(body) => drop(send(cx, channel, &body).map_err(EngineError::bug)?),
            None => {
                channel.save(cx.tx)?;
                repeats::settle(cx, &mut channel, &message)?;
            }
        }
    }
    Ok(())
}

/// Leaves nothing of a message.
pub(super) fn remove(tx: &mut Tx<'_>, channel: &mut Channel, message: &Message) {
    tx.delete(&tables::message(channel.no, &message.place));
    tx.delete(&tables::message_place(&message.id));
    tx.delete(&tables::late(channel.no, &message.place));
    tx.delete(&tables::hidden(channel.no, &message.place));
    if channel.newest == Some(message.place) {
        channel.newest = None;
    }
}

/// Which messages of a channel to list.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Page {
    pub(super) before: Option<OrderKey>,
    pub(super) after: Option<OrderKey>,
    pub(super) limit: usize,
}

/// A page of a channel, oldest first: the newest ones, or with `after` the first ones after it.
pub(super) fn list(tx: &Tx<'_>, channel: u64, page: Page) -> Result<Vec<Message>, EngineError> {
    let forward = page.after.is_some();
    let within = |place: &OrderKey| {
        page.before.is_none_or(|before| *place < before) && page.after.is_none_or(|after| *place > after)
    };
    // Keys order authors of one lamport by keyed hash, so the edge of a page is only known once its lamport is complete.
    let mut cursor = match (forward, page.after, page.before) {
        (true, Some(after), _) => Some(tables::messages_at(channel, after.lamport)),
        (false, _, Some(before)) => Some(tables::messages_at(channel, before.lamport.saturating_add(1))),
        _ => None,
    };
    let mut found: Vec<Message> = Vec::new();
    loop {
        let rows = tx.scan::<Message>(&tables::messages(channel), cursor.as_ref(), CHUNK, !forward)?;
        let ended = rows.len() < CHUNK;
        let mut complete = false;
        for (key, message) in rows {
            cursor = Some(key);
            let edge = found.get(page.limit.saturating_sub(1)).map(|last| last.place.lamport);
            if edge.is_some_and(|lamport| lamport != message.place.lamport) {
                complete = true;
                break;
            }
            if within(&message.place) && message.is_shown() {
                found.push(message);
            }
        }
        if ended || complete {
            break;
        }
    }
    found.sort_by_key(|message| message.place);
    if forward {
        found.truncate(page.limit);
    } else {
        found.drain(..found.len().saturating_sub(page.limit));
    }
    Ok(found)
}

/// As clients see it.
pub(super) fn show(cx: &Cx<'_, '_>, channel: &Channel, message: &Message) -> Result<api::Message, ApiError> {
    let (author_name, author_alias) =
        if message.own { (contacts::own_name(cx.tx)?, None) } else { contacts::called(cx.tx, &message.author)? };
    let state = if message.own {
        delivery::state(cx, channel, message)?
    } else if arrivals::is_unread(channel, message) {
        MessageState::Received
    } else {
        MessageState::Read
    };
    Ok(api::Message {
        id: text_id(&message.id),
        channel: channel.text_id(),
        author: message.author.to_string(),
        author_name,
        author_alias,
        own: message.own,
        text: message.text().unwrap_or_default().to_owned(),
        sent_at: Time::from_unix_ms(message.body.sent_at),
        received_at: Time::from_unix_ms(message.received_at),
        clock_suspect: message.body.sent_at.abs_diff(message.received_at) > CLOCK_TOLERANCE,
        order_key: order_text(&message.place),
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
pub(super) fn show_in_event(cx: &Cx<'_, '_>, channel: &Channel, message: &Message) -> Result<api::Message, ApiError> {
    if group::show::is_large(cx, channel) {
        show(cx, channel, message)
    } else {
        show_with_deliveries(cx, channel, message)
    }
}

/// As clients see it, with how far it has come to each recipient.
pub(super) fn show_with_deliveries(
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

/// The id as clients see it.
pub(super) fn text_id(id: &EntryId) -> String {
    data_encoding::HEXLOWER.encode(id.as_bytes())
}

/// The order key as clients see it: compares as text.
pub(super) fn order_text(place: &OrderKey) -> String {
    data_encoding::HEXLOWER.encode(&place.to_bytes())
}

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
pub(super) fn place(cx: &Cx<'_, '_>, channel: &Channel, text: &str) -> Result<OrderKey, ApiError> {
    match parse_order(text) {
        Some(place) => Ok(place),
        None => Ok(resolve_in(cx, Some(channel), text)?.1.place),
    }
}

/// Finds a message by its id or a unique prefix of one, anywhere or in one channel.
pub(super) fn resolve_in(
    cx: &Cx<'_, '_>,
    channel: Option<&Channel>,
    text: &str,
) -> Result<(Channel, Message), ApiError> {
    let hex = text.to_ascii_lowercase();
    let id = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok().and_then(|id| <[u8; 32]>::try_from(id).ok());
    if let Some(id) = id {
        let found = by_id(cx.tx, &EntryId::from_bytes(id))?;
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
        None => channels::visible(cx)?,
    };
    let mut found = Vec::new();
    for channel in searched {
        let newest = Page { limit: PREFIX_SEARCH, ..Page::default() };
        for message in list(cx.tx, channel.no, newest)? {
            if text_id(&message.id).starts_with(&hex) {
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

/// The message of an entry of ours, if it is one that clients see.
pub(super) fn of_entry(
    tx: &Tx<'_>,
    channel: ChannelId,
    key: FeedKey,
    seq: u64,
) -> Result<Option<(Channel, Message)>, EngineError> {
    let Some(channel) = channels::by_id(tx, &channel)? else { return Ok(None) };
    let Some(feed) = feeds::load(tx, channel.no, &key)? else { return Ok(None) };
    let Some(entry) = feeds::entry(tx, feed.fid, seq)? else { return Ok(None) };
    Ok(at(tx, channel.no, &entry.order())?.filter(Message::is_shown).map(|message| (channel, message)))
}
