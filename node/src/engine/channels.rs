//! Channels: conversations, with what this node remembers about each.

use covey_api as api;
use covey_api::{ApiError, ChannelKind, Reason, Time};
use covey_feed::limits::MAX_REFS;
use covey_feed::{ChannelId, Entry, EntryId, Head, OrderKey};
use covey_pairing::ids::{AccountId, GroupId};
use serde::{Deserialize, Serialize};

use super::tables::{self, Counter};
use super::{Cx, EngineError, contacts, feeds, group, messages};
use crate::store::Tx;

/// Shortest beginning of an id that names a channel to somebody who is bound to some.
const MIN_PREFIX: usize = 8;

/// A conversation as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Channel {
    /// Local number, used in keys.
    pub(super) no: u64,
    /// The channel's id.
    pub(super) id: ChannelId,
    /// The other account of a direct channel; none of a group.
    pub(super) contact: Option<AccountId>,
    /// The name of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// False once the contact is gone, and while they are blocked: nothing can be written or received.
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
    /// Where the feeds of it end, so that writing does not look at all of them; none if that has to be looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ends: Option<Ends>,
}

/// The ends of a channel: what the next entry comes after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ends {
    /// The highest logical time.
    pub(super) lamport: u64,
    /// The newest entries that no other one names.
    pub(super) entries: Vec<EntryId>,
}

impl Ends {
    /// One more entry.
    fn extend(&mut self, entry: &Entry) {
        let header = entry.header();
        self.lamport = self.lamport.max(entry.lamport());
        self.entries.retain(|end| !header.refs.contains(end) && header.position.backlink != Some(*end));
        self.entries.push(entry.id());
        if self.entries.len() > MAX_REFS {
            self.entries.remove(0);
        }
    }
}

impl Channel {
    /// The id as clients see it.
    pub(super) fn text_id(&self) -> String {
        data_encoding::HEXLOWER.encode(self.id.as_bytes())
    }

    /// Whether it is a group's; else it is that of two contacts.
    pub(super) fn is_group(&self) -> bool {
        self.contact.is_none()
    }

    /// The group that it is of, if it is a group's.
    pub(super) fn group_id(&self) -> GroupId {
        group::standing::group_id(&self.id)
    }

    pub(super) fn save(&self, tx: &mut Tx<'_>) -> Result<(), EngineError> {
        tx.save(&tables::channel(self.no), self);
        Ok(())
    }
}

/// The channel with this local number.
pub(super) fn by_no(tx: &Tx<'_>, no: u64) -> Result<Option<Channel>, EngineError> {
    Ok(tx.load(&tables::channel(no))?)
}

/// The channel with this id.
pub(super) fn by_id(tx: &Tx<'_>, id: &ChannelId) -> Result<Option<Channel>, EngineError> {
    match tx.load::<u64>(&tables::channel_no(id.as_bytes()))? {
        Some(no) => by_no(tx, no),
        None => Ok(None),
    }
}

/// The channel of a group with this id.
pub(super) fn group(tx: &Tx<'_>, id: &ChannelId) -> Result<Option<Channel>, EngineError> {
    Ok(by_id(tx, id)?.filter(Channel::is_group))
}

/// All of them.
pub(super) fn all(tx: &Tx<'_>) -> Result<Vec<Channel>, EngineError> {
    Ok(tx.scan_intact(&tables::channels(), usize::MAX)?.into_iter().map(|(_, channel)| channel).collect())
}

/// The direct channel with `contact`; opens it if this is the first time.
pub(super) fn open_direct(
    tx: &mut Tx<'_>,
    id: ChannelId,
    contact: AccountId,
    now: u64,
) -> Result<Channel, EngineError> {
    match by_id(tx, &id)? {
        Some(channel) => Ok(channel),
        None => create(tx, id, Some(contact), None, now),
    }
}

/// A new channel: with `contact`, or of a group called `name`.
pub(super) fn create(
    tx: &mut Tx<'_>,
    id: ChannelId,
    contact: Option<AccountId>,
    name: Option<String>,
    now: u64,
) -> Result<Channel, EngineError> {
    let no = Counter::Channel.next(tx)?;
    let channel = Channel {
        no,
        id,
        contact,
        name,
        open: true,
        incarnation: 0,
        active_at: now,
        newest: None,
        read: None,
        unread: 0,
        muted: false,
        archived: false,
        ends: Some(Ends { lamport: 0, entries: Vec::new() }),
    };
    channel.save(tx)?;
    tx.put(&tables::channel_no(id.as_bytes()), &no)?;
    Ok(channel)
}

/// Forgets a direct channel that has ended without anything to read in it. Whether that was so.
pub(super) fn forget_if_silent(tx: &mut Tx<'_>, channel: &Channel) -> Result<bool, EngineError> {
    let Some(contact) = channel.contact.filter(|_| channel.newest.is_none() && !channel.open) else { return Ok(false) };
    for feed in feeds::all(tx, channel.no)? {
        for prefix in [tables::entries(feed.fid), tables::deliveries(feed.fid)] {
            tx.keys(&prefix)?.iter().for_each(|key| tx.delete(key));
        }
        tx.delete(&tables::feed(channel.no, feed.key.author.as_bytes(), feed.key.incarnation));
        for device in contacts::devices(tx, &contact)? {
            let parked = tx.keys(&tables::parked_by(&device.id))?;
            let of_feed = parked.iter().filter(|key| tables::feed_of_parked(key) == feed.fid);
            of_feed.for_each(|key| tx.delete(key));
        }
    }
    tx.delete(&tables::channel_no(channel.id.as_bytes()));
    tx.delete(&tables::channel(channel.no));
    Ok(true)
}

/// The ends of a channel.
pub(super) fn ends(tx: &Tx<'_>, channel: &Channel) -> Result<Ends, EngineError> {
    if let Some(ends) = &channel.ends {
        return Ok(ends.clone());
    }
    let mut heads: Vec<Head> = feeds::all(tx, channel.no)?.into_iter().filter_map(|feed| feed.head).collect();
    heads.sort_by_key(|head| std::cmp::Reverse(head.lamport));
    let lamport = heads.first().map_or(0, |head| head.lamport);
    Ok(Ends { lamport, entries: heads.into_iter().take(MAX_REFS).map(|head| head.id).rev().collect() })
}

/// Entries were added to feeds of the channel; the caller saves it.
pub(super) fn extend<'a>(
    tx: &Tx<'_>,
    channel: &mut Channel,
    entries: impl IntoIterator<Item = &'a Entry>,
) -> Result<(), EngineError> {
    // Looked up anew, the heads contain them already.
    if let Some(ends) = &mut channel.ends {
        entries.into_iter().for_each(|entry| ends.extend(entry));
    } else {
        channel.ends = Some(ends(tx, channel)?);
    }
    Ok(())
}

/// The channels that whoever asks may see.
pub(super) fn visible(cx: &Cx<'_, '_>) -> Result<Vec<Channel>, EngineError> {
    match cx.asker.channels() {
        Some(bound) => bound.iter().filter_map(|id| by_id(cx.tx, id).transpose()).collect(),
        None => all(cx.tx),
    }
}

/// Of somebody who is bound to channels: by id, the beginning of it, name, or account of the contact. What else there is
/// plays no part, not even in the words of the refusal.
pub(super) fn among_visible(cx: &Cx<'_, '_>, text: &str) -> Result<Channel, ApiError> {
    let wanted = text.trim().to_lowercase();
    let mut found = Vec::new();
    for channel in visible(cx)? {
        let id = channel.text_id();
        let by_id = id == wanted || (wanted.len() >= MIN_PREFIX && id.starts_with(&wanted));
        let by_contact = channel.contact.is_some_and(|contact| contact.to_string() == wanted);
        if by_id || by_contact || name(cx.tx, &channel)?.to_lowercase() == wanted {
            found.push(channel);
        }
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(ApiError::new(
            Reason::NoSuchChannel,
            format!("None of the channels that this token is bound to is \"{text}\"; `channel.list` shows them."),
        )),
        many => Err(ApiError::new(
            Reason::NoSuchChannel,
            format!("\"{text}\" may be {many} of the channels that this token is bound to; give the whole id."),
        )),
    }
}

/// What to call it.
pub(super) fn name(tx: &Tx<'_>, channel: &Channel) -> Result<String, EngineError> {
    Ok(match (&channel.contact, &channel.name) {
        (Some(contact), _) => {
            let name = contacts::name_of(tx, contact)?.unwrap_or_else(|| contact.fmt_short());
            // After pairing again there are several of one contact.
            let present = contacts::load(tx, contact)?.and_then(|contact| contact.channel);
            let is_earlier = present.is_some_and(|no| no != channel.no);
            if is_earlier { format!("{name} (earlier, {})", channel.id.fmt_short()) } else { name }
        }
        (None, Some(name)) => name.clone(),
        (None, None) => channel.id.fmt_short(),
    })
}

/// As clients see it.
pub(super) fn show(cx: &Cx<'_, '_>, channel: &Channel) -> Result<api::Channel, ApiError> {
    let last_message = match &channel.newest {
        Some(place) => {
            messages::at(cx.tx, channel.no, place)?.map(|message| messages::show(cx, channel, &message)).transpose()?
        }
        None => None,
    };
    let (members, role) = group::show::size_and_role(cx, channel);
    Ok(api::Channel {
        group: channel.is_group().then(|| channel.text_id()),
        members,
        role,
        channel: channel.text_id(),
        kind: if channel.contact.is_some() { ChannelKind::Direct } else { ChannelKind::Group },
        name: name(cx.tx, channel)?,
        alias: channel.contact.map(|contact| contacts::alias_of(cx.tx, &contact)).transpose()?.flatten(),
        contact: channel.contact.map(|contact| contact.to_string()),
        open: channel.open,
        unread: channel.unread,
        read_up_to: channel.read.as_ref().map(messages::order_text),
        last_message,
        since: Time::from_unix_ms(channel.active_at),
        muted: channel.muted,
        archived: channel.archived,
        request: contacts::is_request(cx.tx, channel)?,
    })
}
