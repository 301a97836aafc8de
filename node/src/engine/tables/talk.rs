//! Conversations: channels, feeds, entries, messages.

use covey_feed::{EntryId, FeedKey, OrderKey};
use covey_pairing::ids::{AccountId, DeviceId};

use crate::store::{Key, Table};

/// [`crate::engine::records::channels::Channel`] by its local number.
pub(in crate::engine) fn channel(no: u64) -> Key {
    Key::table(Table::Channel).u8(0).u64(no)
}

/// All channels.
pub(in crate::engine) fn channels() -> Key {
    Key::table(Table::Channel).u8(0)
}

/// Local number of a channel id.
pub(in crate::engine) fn channel_no(id: &[u8; 32]) -> Key {
    Key::table(Table::Channel).u8(1).id(id)
}

/// [`crate::engine::records::feeds::Feed`] of an author in a channel.
pub(in crate::engine) fn feed(channel: u64, author: &[u8; 32], incarnation: u64) -> Key {
    Key::table(Table::Head).u64(channel).id(author).u64(incarnation)
}

/// All feeds of a channel.
pub(in crate::engine) fn feeds(channel: u64) -> Key {
    Key::table(Table::Head).u64(channel)
}

/// All feeds of an author in a channel.
pub(in crate::engine) fn feeds_of(channel: u64, author: &[u8; 32]) -> Key {
    Key::table(Table::Head).u64(channel).id(author)
}

/// Entry of a feed.
pub(in crate::engine) fn entry(fid: u64, seq: u64) -> Key {
    Key::table(Table::Entry).u64(fid).u64(seq)
}

/// All entries of a feed.
pub(in crate::engine) fn entries(fid: u64) -> Key {
    Key::table(Table::Entry).u64(fid)
}

/// Message in the order of its channel.
pub(in crate::engine) fn message(channel: u64, place: &OrderKey) -> Key {
    messages_at(channel, place.lamport).id(place.author.as_bytes()).u64(place.incarnation).u64(place.seq)
}

/// All messages of a channel.
pub(in crate::engine) fn messages(channel: u64) -> Key {
    Key::table(Table::Order).u64(channel)
}

/// The place just before every message of `lamport` in a channel.
pub(in crate::engine) fn messages_at(channel: u64, lamport: u64) -> Key {
    Key::table(Table::Order).u64(channel).u64(lamport)
}

/// Where the message with this entry id is.
pub(in crate::engine) fn message_place(id: &EntryId) -> Key {
    Key::table(Table::Message).id(id.as_bytes())
}

/// A message that came late and was not seen yet.
pub(in crate::engine) fn late(channel: u64, place: &OrderKey) -> Key {
    of_feed(all_late(channel), place.author.as_bytes(), place.incarnation).u64(place.seq)
}

/// Those of one feed, in its order.
pub(in crate::engine) fn late_of(channel: u64, feed: &FeedKey) -> Key {
    of_feed(all_late(channel), feed.author.as_bytes(), feed.incarnation)
}

/// All of a channel.
pub(in crate::engine) fn all_late(channel: u64) -> Key {
    Key::table(Table::Channel).u8(2).u64(channel)
}

/// A text that is not shown because its author had no right to write it.
pub(in crate::engine) fn hidden(channel: u64, place: &OrderKey) -> Key {
    of_feed(all_hidden(channel), place.author.as_bytes(), place.incarnation).u64(place.seq)
}

/// Those of one feed, in its order.
pub(in crate::engine) fn hidden_of(channel: u64, feed: &FeedKey) -> Key {
    of_feed(all_hidden(channel), feed.author.as_bytes(), feed.incarnation)
}

fn all_hidden(channel: u64) -> Key {
    Key::table(Table::Channel).u8(3).u64(channel)
}

/// By which rules the messages of a group were last judged as a whole.
pub(in crate::engine) fn judged(channel: u64) -> Key {
    Key::table(Table::Channel).u8(5).u64(channel)
}

/// An edit, by the message that it changes and the account that wrote it: one that counts, or one that does not.
pub(in crate::engine) fn edit(
    channel: u64,
    counts: bool,
    target: &EntryId,
    author: &AccountId,
    place: &OrderKey,
) -> Key {
    let key = edits(channel, counts, target, author).u64(place.lamport);
    of_feed(key, place.author.as_bytes(), place.incarnation).u64(place.seq)
}

/// All by one account of one message, in the order of their logical times.
pub(in crate::engine) fn edits(channel: u64, counts: bool, target: &EntryId, author: &AccountId) -> Key {
    edits_in(channel, counts).id(target.as_bytes()).id(author.as_bytes())
}

/// All in a channel.
pub(in crate::engine) fn edits_in(channel: u64, counts: bool) -> Key {
    Key::table(Table::Channel).u8(if counts { 6 } else { 7 }).u64(channel)
}

/// The whole of both indices.
pub(in crate::engine) fn all_edits() -> [Key; 2] {
    [6, 7].map(|part| Key::table(Table::Channel).u8(part))
}

/// How far messages of an older covey were looked through for kinds of bodies that it did not know.
pub(in crate::engine) fn looked_through() -> Key {
    Key::table(Table::Meta).raw("kinds looked for")
}

fn of_feed(key: Key, author: &[u8; 32], incarnation: u64) -> Key {
    key.id(author).u64(incarnation)
}

/// A message that was written again for the one with the id `first`.
pub(in crate::engine) fn copy(channel: u64, first: &EntryId, place: &OrderKey) -> Key {
    copies(channel, first, place.author.as_bytes()).u64(place.incarnation).u64(place.seq)
}

/// All of one author.
pub(in crate::engine) fn copies(channel: u64, first: &EntryId, author: &[u8; 32]) -> Key {
    copies_in(channel).id(first.as_bytes()).id(author)
}

/// All in a channel.
pub(in crate::engine) fn copies_in(channel: u64) -> Key {
    Key::table(Table::Channel).u8(4).u64(channel)
}

/// What a recipient's device has of a feed of ours.
pub(in crate::engine) fn delivery(fid: u64, device: &DeviceId) -> Key {
    Key::table(Table::Delivery).u64(fid).id(device.as_bytes())
}

/// All recipients of a feed of ours.
pub(in crate::engine) fn deliveries(fid: u64) -> Key {
    Key::table(Table::Delivery).u64(fid)
}

/// In the place of a device: no such key signs anything.
const NOBODY: DeviceId = DeviceId::from_bytes([0; 32]);

/// An entry whose content could not be opened; `device` is asked for its key.
pub(in crate::engine) fn parked(device: &DeviceId, fid: u64, seq: u64) -> Key {
    parked_by(device).u64(fid).u64(seq)
}

/// The local number of the feed in such a key that a scan returned.
pub(in crate::engine) fn feed_of_parked(key: &Key) -> u64 {
    key.tail(16).first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// All entries that a device is asked for.
pub(in crate::engine) fn parked_by(device: &DeviceId) -> Key {
    Key::table(Table::Parked).id(device.as_bytes())
}

/// Entries that everybody who may have their keys was asked for in vain: they stand under the id of nobody.
pub(in crate::engine) fn resting() -> Key {
    parked_by(&NOBODY)
}

/// One of them.
pub(in crate::engine) fn resting_entry(fid: u64, seq: u64) -> Key {
    parked(&NOBODY, fid, seq)
}

/// All entries that could not be opened.
pub(in crate::engine) fn all_parked() -> Key {
    Key::table(Table::Parked)
}

/// [`crate::engine::records::transfer::Awaited`] of a feed.
pub(in crate::engine) fn awaited(channel: u64, fid: u64) -> Key {
    Key::table(Table::Awaited).u64(channel).u64(fid)
}

/// All of them.
pub(in crate::engine) fn all_awaited() -> Key {
    Key::table(Table::Awaited)
}

/// The entries of a feed whose keys are not for this device.
pub(in crate::engine) fn withheld(channel: u64, fid: u64) -> Key {
    Key::table(Table::Withheld).u64(channel).u64(fid)
}

/// All of them.
pub(in crate::engine) fn all_withheld() -> Key {
    Key::table(Table::Withheld)
}

/// The proof that the author of a feed forked it.
pub(in crate::engine) fn fork_proof(fid: u64) -> Key {
    Key::table(Table::Entry).u64(fid).u64(0)
}
