//! Messages as stored: what is readable in a channel, in its order.

use covey_feed::{ChannelId, Entry, EntryId, FeedKey, OrderKey};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};

use crate::engine::records::channels::{self, Channel};
use crate::engine::records::feeds;
use crate::engine::wire::payload::{self, Body};
use crate::engine::{EngineError, tables};
use crate::store::Tx;

/// Rows read at a time while a page is collected.
const CHUNK: usize = 128;

/// A message as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Message {
    pub(in crate::engine) id: EntryId,
    pub(in crate::engine) place: OrderKey,
    /// The account of the author.
    pub(in crate::engine) author: AccountId,
    pub(in crate::engine) own: bool,
    pub(in crate::engine) received_at: u64,
    pub(in crate::engine) body: Body,
    /// Opens the entry again: for a device that could not, and for kinds of bodies a later covey knows.
    pub(in crate::engine) content_key: Secret<32>,
    /// Written by somebody who had no right to, or was a member no more: kept, because the next operation may say otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::engine) hidden: bool,
    /// The same message stands before it: see [`super::repeats`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::engine) repeat: bool,
    /// Stands before what had been read when it came.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::engine) late: bool,
    /// Came late and was not read yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::engine) unseen: bool,
    /// The newest cursor of the journal when it was first shown; 0 if it never was. Of two, the higher one came later.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(in crate::engine) arrived: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Message {
    pub(in crate::engine) fn new(
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
    pub(in crate::engine) fn is_shown(&self) -> bool {
        self.body.kind == payload::kind::TEXT && self.stands()
    }

    /// What it says, as it was written; [`super::edits`] knows what it was changed to.
    pub(in crate::engine) fn text(&self) -> Option<&str> {
        self.body.text.as_deref().filter(|_| self.is_shown())
    }

    /// Whether it counts: its author had the right to write it, and it is no repetition.
    pub(in crate::engine) fn stands(&self) -> bool {
        payload::kind::is_said(self.body.kind) && !self.hidden && !self.repeat
    }

    /// The id that it had first, before it was written again for any reason.
    pub(in crate::engine) fn first_id(&self) -> EntryId {
        self.body.again.map_or(self.id, |id| EntryId::from_bytes(*id))
    }

    /// What is left of it when it is deleted: that it was there, and what it was written again for.
    pub(in crate::engine) fn forgotten(self) -> Self {
        Self { body: self.body.deleted(), content_key: Secret::new([0; 32]), ..self }
    }

    /// Whether it said something that clients are not shown any more.
    pub(in crate::engine) fn is_gone(&self) -> bool {
        self.body.is_deleted() || self.hidden || self.repeat
    }
}

/// Where a message is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Pointer(pub(in crate::engine) u64, pub(in crate::engine) OrderKey);

/// The message at this place.
pub(in crate::engine) fn at(tx: &Tx<'_>, channel: u64, place: &OrderKey) -> Result<Option<Message>, EngineError> {
    Ok(tx.load(&tables::message(channel, place))?)
}

/// The message with this id, and the number of its channel.
pub(in crate::engine) fn by_id(tx: &Tx<'_>, id: &EntryId) -> Result<Option<(u64, Message)>, EngineError> {
    let Some(Pointer(channel, place)) = tx.get(&tables::message_place(id))? else { return Ok(None) };
    Ok(at(tx, channel, &place)?.map(|message| (channel, message)))
}

/// Leaves nothing of a message.
pub(in crate::engine) fn remove(tx: &mut Tx<'_>, channel: &mut Channel, message: &Message) {
    tx.delete(&tables::message(channel.no, &message.place));
    tx.delete(&tables::message_place(&message.id));
    tx.delete(&tables::late(channel.no, &message.place));
    tx.delete(&tables::hidden(channel.no, &message.place));
    if let Some(target) = message.body.edits() {
        for counts in [true, false] {
            tx.delete(&tables::edit(channel.no, counts, &target, &message.author, &message.place));
        }
    }
    if channel.newest == Some(message.place) {
        channel.newest = None;
    }
}

/// Which messages of a channel to list.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::engine) struct Page {
    pub(in crate::engine) before: Option<OrderKey>,
    pub(in crate::engine) after: Option<OrderKey>,
    pub(in crate::engine) limit: usize,
}

/// A page of a channel, oldest first: the newest ones, or with `after` the first ones after it.
pub(in crate::engine) fn list(tx: &Tx<'_>, channel: u64, page: Page) -> Result<Vec<Message>, EngineError> {
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

/// The id as clients see it.
pub(in crate::engine) fn text_id(id: &EntryId) -> String {
    data_encoding::HEXLOWER.encode(id.as_bytes())
}

/// The order key as clients see it: compares as text.
pub(in crate::engine) fn order_text(place: &OrderKey) -> String {
    data_encoding::HEXLOWER.encode(&place.to_bytes())
}

/// The message of an entry of ours, if it is one that clients see.
pub(in crate::engine) fn of_entry(
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

/// Whether a message counts among the unread ones.
pub(in crate::engine) fn is_unread(channel: &Channel, message: &Message) -> bool {
    let unread = if message.late { message.unseen } else { Some(message.place) > channel.read };
    message.is_shown() && !message.own && unread
}
