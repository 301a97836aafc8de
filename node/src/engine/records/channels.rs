//! Channels as stored: conversations, with what this node remembers about each.

use covey_feed::limits::{MAX_COUNTER, MAX_REFS};
use covey_feed::{ChannelId, Entry, EntryId, FeedId, Head, OrderKey};
use covey_pairing::ids::{AccountId, GroupId};
use serde::{Deserialize, Serialize};

use crate::engine::counters::Counter;
use crate::engine::records::{devices, feeds, people};
use crate::engine::{EngineError, tables};
use crate::store::Tx;

/// A conversation as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Channel {
    /// Local number, used in keys.
    pub(in crate::engine) no: u64,
    /// The channel's id.
    pub(in crate::engine) id: ChannelId,
    /// The other account of a direct channel; none of others. See [`Channel::kind`].
    contact: Option<AccountId>,
    /// It is that of our own devices.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    own: bool,
    /// The name of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) name: Option<String>,
    /// False once the contact is gone, and while they are blocked: nothing can be written or received.
    pub(in crate::engine) open: bool,
    /// Our incarnation in it.
    pub(in crate::engine) incarnation: u64,
    /// When something last happened, Unix milliseconds.
    pub(in crate::engine) active_at: u64,
    /// The newest message.
    pub(in crate::engine) newest: Option<OrderKey>,
    /// Up to where we have read.
    pub(in crate::engine) read: Option<OrderKey>,
    /// Messages of others beyond that.
    pub(in crate::engine) unread: u32,
    pub(in crate::engine) muted: bool,
    pub(in crate::engine) archived: bool,
    /// Where the feeds of it end, so that writing does not look at all of them; none if that has to be looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) ends: Option<Ends>,
}

/// Whose a channel is: what is written in it, who gets it and how it is sealed follow from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Kind {
    /// Ours and this contact's.
    Direct(AccountId),
    /// The members' of this group.
    Group(GroupId),
    /// Our own devices': what they have to agree on. No conversation, and never shown as one.
    Own,
}

/// The ends of a channel: what the next entry comes after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Ends {
    /// The highest logical time.
    pub(in crate::engine) lamport: u64,
    /// The newest entries that no other one names.
    pub(in crate::engine) entries: Vec<EntryId>,
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
    pub(in crate::engine) fn text_id(&self) -> String {
        data_encoding::HEXLOWER.encode(self.id.as_bytes())
    }

    /// One of which nothing is known but whose it is.
    pub(in crate::engine) fn blank(no: u64, id: ChannelId, contact: Option<AccountId>, active_at: u64) -> Self {
        Self {
            no,
            id,
            contact,
            own: false,
            name: None,
            open: false,
            incarnation: 0,
            active_at,
            newest: None,
            read: None,
            unread: 0,
            muted: false,
            archived: false,
            ends: None,
        }
    }

    /// Whose it is.
    pub(in crate::engine) fn kind(&self) -> Kind {
        match self.contact {
            Some(contact) => Kind::Direct(contact),
            None if self.own => Kind::Own,
            None => Kind::Group(self.group_id()),
        }
    }

    /// The other account of a direct channel.
    pub(in crate::engine) fn contact(&self) -> Option<AccountId> {
        self.contact
    }

    /// Whether it is a group's.
    pub(in crate::engine) fn is_group(&self) -> bool {
        matches!(self.kind(), Kind::Group(_))
    }

    /// The group that it is of, if it is a group's.
    pub(in crate::engine) fn group_id(&self) -> GroupId {
        group_id(&self.id)
    }

    pub(in crate::engine) fn save(&self, tx: &mut Tx<'_>) -> Result<(), EngineError> {
        tx.save(&tables::channel(self.no), self);
        Ok(())
    }
}

/// The channel with this local number.
pub(in crate::engine) fn by_no(tx: &Tx<'_>, no: u64) -> Result<Option<Channel>, EngineError> {
    Ok(tx.load(&tables::channel(no))?)
}

/// The channel with this id.
pub(in crate::engine) fn by_id(tx: &Tx<'_>, id: &ChannelId) -> Result<Option<Channel>, EngineError> {
    match tx.load::<u64>(&tables::channel_no(id.as_bytes()))? {
        Some(no) => by_no(tx, no),
        None => Ok(None),
    }
}

/// The channel of a group with this id.
pub(in crate::engine) fn group(tx: &Tx<'_>, id: &ChannelId) -> Result<Option<Channel>, EngineError> {
    Ok(by_id(tx, id)?.filter(Channel::is_group))
}

/// All conversations.
pub(in crate::engine) fn all(tx: &Tx<'_>) -> Result<Vec<Channel>, EngineError> {
    Ok(every(tx)?.into_iter().filter(|channel| !channel.own).collect())
}

/// All of them, that of our own devices as well.
pub(in crate::engine) fn every(tx: &Tx<'_>) -> Result<Vec<Channel>, EngineError> {
    Ok(tx.scan_intact(&tables::channels(), usize::MAX)?.into_iter().map(|(_, channel)| channel).collect())
}

/// The direct channel with `contact`; opens it if this is the first time, to write in a feed of this `incarnation`.
pub(in crate::engine) fn open_direct(
    tx: &mut Tx<'_>,
    id: ChannelId,
    contact: AccountId,
    now: u64,
    incarnation: u64,
) -> Result<Channel, EngineError> {
    match by_id(tx, &id)? {
        Some(mut channel) => {
            // Our devices may come back to a pact that this one had given up for another. And whatever one of them said of it before, it is
            // with whom the pact is.
            if !channel.open || channel.contact != Some(contact) {
                (channel.open, channel.contact) = (true, Some(contact));
                channel.save(tx)?;
            }
            Ok(channel)
        }
        None => create(tx, Channel { open: true, incarnation, ..Channel::blank(0, id, Some(contact), now) }),
    }
}

/// A direct channel that has ended, of which this device knew nothing.
pub(in crate::engine) fn remember_direct(
    tx: &mut Tx<'_>,
    id: ChannelId,
    contact: AccountId,
    active_at: u64,
) -> Result<Channel, EngineError> {
    create(tx, Channel::blank(0, id, Some(contact), active_at))
}

/// The channel of our own devices; opens it if this is the first time, to write in a feed of this `incarnation`.
pub(in crate::engine) fn open_own(
    tx: &mut Tx<'_>,
    id: ChannelId,
    now: u64,
    incarnation: u64,
) -> Result<Channel, EngineError> {
    match by_id(tx, &id)? {
        Some(channel) => Ok(channel),
        None => create(tx, Channel { open: true, own: true, incarnation, ..Channel::blank(0, id, None, now) }),
    }
}

/// Where no other copy of this device has written. 1 and above: 0 is where every first copy begins.
pub(in crate::engine) fn fresh_incarnation(rng: &mut impl rand_core::Rng) -> u64 {
    1 + rng.next_u64() % MAX_COUNTER
}

/// Where we begin in a channel that is new here. It may have been there before, if this disk was an old copy once.
pub(in crate::engine) fn first_incarnation(tx: &Tx<'_>, rng: &mut impl rand_core::Rng) -> Result<u64, EngineError> {
    Ok(if tx.contains(&tables::went_back())? { fresh_incarnation(rng) } else { 0 })
}

/// A new channel of a group called `name`.
pub(in crate::engine) fn open_group(
    tx: &mut Tx<'_>,
    id: ChannelId,
    name: String,
    now: u64,
) -> Result<Channel, EngineError> {
    create(tx, Channel { open: true, name: Some(name), ..Channel::blank(0, id, None, now) })
}

fn create(tx: &mut Tx<'_>, channel: Channel) -> Result<Channel, EngineError> {
    let no = Counter::Channel.next(tx)?;
    let channel = Channel { no, ends: Some(Ends { lamport: 0, entries: Vec::new() }), ..channel };
    channel.save(tx)?;
    tx.put(&tables::channel_no(channel.id.as_bytes()), &no)?;
    Ok(channel)
}

/// Forgets a direct channel that has ended without anything to read in it. Whether that was so.
pub(in crate::engine) fn forget_if_silent(tx: &mut Tx<'_>, channel: &Channel) -> Result<bool, EngineError> {
    let Some(contact) = channel.contact.filter(|_| channel.newest.is_none() && !channel.open) else { return Ok(false) };
    for feed in feeds::all(tx, channel.no)? {
        for prefix in [tables::entries(feed.fid), tables::deliveries(feed.fid)] {
            tx.keys(&prefix)?.iter().for_each(|key| tx.delete(key));
        }
        tx.delete(&tables::feed(channel.no, feed.key.author.as_bytes(), feed.key.incarnation));
        for device in devices::devices(tx, &contact)? {
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
pub(in crate::engine) fn ends(tx: &Tx<'_>, channel: &Channel) -> Result<Ends, EngineError> {
    if let Some(ends) = &channel.ends {
        return Ok(ends.clone());
    }
    let mut heads: Vec<Head> = feeds::all(tx, channel.no)?.into_iter().filter_map(|feed| feed.head).collect();
    heads.sort_by_key(|head| std::cmp::Reverse(head.lamport));
    let lamport = heads.first().map_or(0, |head| head.lamport);
    Ok(Ends { lamport, entries: heads.into_iter().take(MAX_REFS).map(|head| head.id).rev().collect() })
}

/// Entries were added to feeds of the channel; the caller saves it.
pub(in crate::engine) fn extend<'a>(
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

/// Whether the channel is with an account that was only let in by the open mode.
pub(in crate::engine) fn is_request(tx: &Tx<'_>, channel: &Channel) -> Result<bool, EngineError> {
    match &channel.contact {
        Some(account) => {
            Ok(tx.look(&tables::contact(account), |contact: &people::Contact| contact.request)?.unwrap_or(false))
        }
        None => Ok(false),
    }
}

/// The channel of a group: it has the same id.
pub(in crate::engine) fn channel_id(id: &GroupId) -> ChannelId {
    ChannelId::from_bytes(*id.as_bytes())
}

/// The group of a channel.
pub(in crate::engine) fn group_id(id: &ChannelId) -> GroupId {
    GroupId::from_bytes(*id.as_bytes())
}

/// [ENTRY-3] A new feed of an author that has as many incarnations as we keep.
pub(in crate::engine) fn is_crowded(tx: &Tx<'_>, channel: &Channel, id: &FeedId) -> Result<bool, EngineError> {
    if feeds::load(tx, channel.no, &id.key())?.is_some() {
        return Ok(false);
    }
    if feeds::of_author(tx, channel.no, &id.author)? >= feeds::MAX_INCARNATIONS {
        return Ok(true);
    }
    let Some(contact) = channel.contact else { return Ok(false) };
    let of_contact = feeds::all(tx, channel.no)?.iter().filter(|feed| feed.account == contact).count();
    Ok(of_contact >= feeds::MAX_FEEDS / 2)
}
