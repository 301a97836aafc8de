//! Where the engine keeps what: one function per kind of record.

use covey_feed::{EntryId, FeedKey, OrderKey};
use covey_pairing::ids::{AccountId, DeviceId, InviteId};

use crate::engine::PeerKey;
use crate::store::{Key, Table};

/// [`crate::engine::records::people::Contact`] of an account.
pub(super) fn contact(account: &AccountId) -> Key {
    Key::table(Table::Contact).id(account.as_bytes())
}

/// All contacts.
pub(super) fn contacts() -> Key {
    Key::table(Table::Contact)
}

/// Account with this alias, whatever its case.
pub(super) fn alias(alias: &str) -> Key {
    Key::table(Table::Alias).id(alias.trim().to_lowercase())
}

/// [`crate::engine::records::devices::Card`] of an account.
pub(super) fn card(account: &AccountId) -> Key {
    Key::table(Table::Card).id(account.as_bytes())
}

/// Account behind an invite.
pub(super) fn invite(id: &InviteId) -> Key {
    Key::table(Table::Invite).id(id.as_bytes())
}

/// Account and device behind a network peer.
pub(super) fn peer(peer: PeerKey) -> Key {
    Key::table(Table::Peer).id(peer.0)
}

/// Sessions with a device.
pub(super) fn session(device: &DeviceId) -> Key {
    Key::table(Table::Session).id(device.as_bytes())
}

/// Sessions with a device of a member of the group with this channel.
pub(super) fn group_session(channel: u64, device: &DeviceId) -> Key {
    Key::table(Table::GroupSession).u64(channel).id(device.as_bytes())
}

/// All sessions of a group.
pub(super) fn group_sessions(channel: u64) -> Key {
    Key::table(Table::GroupSession).u64(channel)
}

/// How we stand to a group, by its id.
pub(super) fn group(id: &[u8; 32]) -> Key {
    groups().id(id)
}

/// How we stand to all groups.
pub(super) fn groups() -> Key {
    Key::table(Table::Group).u8(0)
}

/// Who asks to be let into a group.
pub(super) fn join_request(channel: u64, account: &AccountId) -> Key {
    join_requests(channel).id(account.as_bytes())
}

/// Everybody who asks to be let into a group.
pub(super) fn join_requests(channel: u64) -> Key {
    Key::table(Table::Group).u8(1).u64(channel)
}

/// A device that has to be told that its account was removed from a group, before it is shut out.
pub(super) fn parting(device: &DeviceId) -> Key {
    partings().id(device.as_bytes())
}

/// All such devices.
pub(super) fn partings() -> Key {
    Key::table(Table::Group).u8(2)
}

/// When the statement was made with which somebody was rejected who asked to be let into a group.
pub(super) fn join_rejected(channel: u64, account: &AccountId) -> Key {
    all_join_rejected(channel).id(account.as_bytes())
}

/// The same of all who were.
pub(super) fn all_join_rejected(channel: u64) -> Key {
    Key::table(Table::Group).u8(3).u64(channel)
}

/// An operation on the roster of a group, in the order of its logical time.
pub(super) fn operation(channel: u64, lamport: u64, id: &EntryId) -> Key {
    operations(channel).u64(lamport).id(id.as_bytes())
}

/// All operations on the roster of a group.
pub(super) fn operations(channel: u64) -> Key {
    Key::table(Table::Roster).u64(channel)
}

/// Our own chain in a group.
pub(super) fn own_chain(channel: u64) -> Key {
    Key::table(Table::Chain).u8(0).u64(channel)
}

/// Who still has to be given our chain.
pub(super) fn chain_work(channel: u64) -> Key {
    Key::table(Table::Chain).u8(1).u64(channel)
}

/// Our chains before the present one.
pub(super) fn past_chains(channel: u64) -> Key {
    Key::table(Table::Chain).u8(2).u64(channel)
}

/// The chains of another device in a group.
pub(super) fn chains_of(channel: u64, device: &DeviceId) -> Key {
    Key::table(Table::Chain).u8(3).u64(channel).id(device.as_bytes())
}

/// The chains of all other devices in a group.
pub(super) fn all_chains(channel: u64) -> Key {
    Key::table(Table::Chain).u8(3).u64(channel)
}

/// The logical time after which what we write in a group is for a member.
pub(super) fn reads_after(channel: u64, account: &AccountId) -> Key {
    all_reads_after(channel).id(account.as_bytes())
}

/// The same of all members.
pub(super) fn all_reads_after(channel: u64) -> Key {
    Key::table(Table::Chain).u8(4).u64(channel)
}

/// A parcel kept for somebody who is not connected.
pub(super) fn custody(recipient: &DeviceId, sender: &DeviceId, number: u64) -> Key {
    custody_for(recipient).id(sender.as_bytes()).u64(number)
}

/// All parcels kept for a device.
pub(super) fn custody_for(recipient: &DeviceId) -> Key {
    Key::table(Table::Custody).id(recipient.as_bytes())
}

/// Our own prekeys.
pub(super) fn prekeys() -> Key {
    Key::table(Table::Prekey)
}

/// What is kept of a ticket, by its id.
pub(super) fn ticket(id: impl AsRef<[u8]>) -> Key {
    Key::table(Table::Ticket).u8(0).id(id)
}

/// The tokens of our tickets.
pub(super) fn tokens() -> Key {
    Key::table(Table::Ticket).u8(1)
}

/// All our own tickets.
pub(super) fn tickets() -> Key {
    Key::table(Table::Ticket).u8(0)
}

/// [`crate::engine::records::channels::Channel`] by its local number.
pub(super) fn channel(no: u64) -> Key {
    Key::table(Table::Channel).u8(0).u64(no)
}

/// All channels.
pub(super) fn channels() -> Key {
    Key::table(Table::Channel).u8(0)
}

/// Local number of a channel id.
pub(super) fn channel_no(id: &[u8; 32]) -> Key {
    Key::table(Table::Channel).u8(1).id(id)
}

/// [`crate::engine::records::feeds::Feed`] of an author in a channel.
pub(super) fn feed(channel: u64, author: &[u8; 32], incarnation: u64) -> Key {
    Key::table(Table::Head).u64(channel).id(author).u64(incarnation)
}

/// All feeds of a channel.
pub(super) fn feeds(channel: u64) -> Key {
    Key::table(Table::Head).u64(channel)
}

/// All feeds of an author in a channel.
pub(super) fn feeds_of(channel: u64, author: &[u8; 32]) -> Key {
    Key::table(Table::Head).u64(channel).id(author)
}

/// Entry of a feed.
pub(super) fn entry(fid: u64, seq: u64) -> Key {
    Key::table(Table::Entry).u64(fid).u64(seq)
}

/// All entries of a feed.
pub(super) fn entries(fid: u64) -> Key {
    Key::table(Table::Entry).u64(fid)
}

/// Message in the order of its channel.
pub(super) fn message(channel: u64, place: &OrderKey) -> Key {
    messages_at(channel, place.lamport).id(place.author.as_bytes()).u64(place.incarnation).u64(place.seq)
}

/// All messages of a channel.
pub(super) fn messages(channel: u64) -> Key {
    Key::table(Table::Order).u64(channel)
}

/// The place just before every message of `lamport` in a channel.
pub(super) fn messages_at(channel: u64, lamport: u64) -> Key {
    Key::table(Table::Order).u64(channel).u64(lamport)
}

/// Where the message with this entry id is.
pub(super) fn message_place(id: &EntryId) -> Key {
    Key::table(Table::Message).id(id.as_bytes())
}

/// A message that came late and was not seen yet.
pub(super) fn late(channel: u64, place: &OrderKey) -> Key {
    of_feed(all_late(channel), place.author.as_bytes(), place.incarnation).u64(place.seq)
}

/// Those of one feed, in its order.
pub(super) fn late_of(channel: u64, feed: &FeedKey) -> Key {
    of_feed(all_late(channel), feed.author.as_bytes(), feed.incarnation)
}

/// All of a channel.
pub(super) fn all_late(channel: u64) -> Key {
    Key::table(Table::Channel).u8(2).u64(channel)
}

/// A text that is not shown because its author had no right to write it.
pub(super) fn hidden(channel: u64, place: &OrderKey) -> Key {
    of_feed(all_hidden(channel), place.author.as_bytes(), place.incarnation).u64(place.seq)
}

/// Those of one feed, in its order.
pub(super) fn hidden_of(channel: u64, feed: &FeedKey) -> Key {
    of_feed(all_hidden(channel), feed.author.as_bytes(), feed.incarnation)
}

fn all_hidden(channel: u64) -> Key {
    Key::table(Table::Channel).u8(3).u64(channel)
}

/// By which rules the messages of a group were last judged as a whole.
pub(super) fn judged(channel: u64) -> Key {
    Key::table(Table::Channel).u8(5).u64(channel)
}

/// An edit, by the message that it changes and the account that wrote it: one that counts, or one that does not.
pub(super) fn edit(channel: u64, counts: bool, target: &EntryId, author: &AccountId, place: &OrderKey) -> Key {
    let key = edits(channel, counts, target, author).u64(place.lamport);
    of_feed(key, place.author.as_bytes(), place.incarnation).u64(place.seq)
}

/// All by one account of one message, in the order of their logical times.
pub(super) fn edits(channel: u64, counts: bool, target: &EntryId, author: &AccountId) -> Key {
    let key = Key::table(Table::Channel).u8(if counts { 6 } else { 7 });
    key.u64(channel).id(target.as_bytes()).id(author.as_bytes())
}

/// The whole of both indices.
pub(super) fn all_edits() -> [Key; 2] {
    [6, 7].map(|part| Key::table(Table::Channel).u8(part))
}

/// How far messages of an older covey were looked through for kinds of bodies that it did not know.
pub(super) fn looked_through() -> Key {
    Key::table(Table::Meta).raw("kinds looked for")
}

fn of_feed(key: Key, author: &[u8; 32], incarnation: u64) -> Key {
    key.id(author).u64(incarnation)
}

/// A message that was written again for the one with the id `first`.
pub(super) fn copy(channel: u64, first: &EntryId, place: &OrderKey) -> Key {
    copies(channel, first, place.author.as_bytes()).u64(place.incarnation).u64(place.seq)
}

/// All of one author.
pub(super) fn copies(channel: u64, first: &EntryId, author: &[u8; 32]) -> Key {
    Key::table(Table::Channel).u8(4).u64(channel).id(first.as_bytes()).id(author)
}

/// What a recipient's device has of a feed of ours.
pub(super) fn delivery(fid: u64, device: &DeviceId) -> Key {
    Key::table(Table::Delivery).u64(fid).id(device.as_bytes())
}

/// All recipients of a feed of ours.
pub(super) fn deliveries(fid: u64) -> Key {
    Key::table(Table::Delivery).u64(fid)
}

/// An entry whose content could not be opened.
pub(super) fn parked(author: &DeviceId, fid: u64, seq: u64) -> Key {
    parked_by(author).u64(fid).u64(seq)
}

/// Entries of one feed that could not be opened, in its order; `author` is the device that can.
pub(super) fn parked_of(author: &DeviceId, fid: u64) -> Key {
    parked_by(author).u64(fid)
}

/// The local number of the feed in such a key that a scan returned.
pub(super) fn feed_of_parked(key: &Key) -> u64 {
    key.tail(16).first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// All entries of an author that could not be opened.
pub(super) fn parked_by(author: &DeviceId) -> Key {
    Key::table(Table::Parked).id(author.as_bytes())
}

/// All entries that could not be opened.
pub(super) fn all_parked() -> Key {
    Key::table(Table::Parked)
}

/// A parcel that has not been acknowledged.
pub(super) fn parcel(device: &DeviceId, number: u64) -> Key {
    parcels(device).u64(number)
}

/// All parcels for a device.
pub(super) fn parcels(device: &DeviceId) -> Key {
    Key::table(Table::Outbox).id(device.as_bytes())
}

/// All parcels.
pub(super) fn all_parcels() -> Key {
    Key::table(Table::Outbox)
}

/// All parcels kept for others.
pub(super) fn all_custody() -> Key {
    Key::table(Table::Custody)
}

/// A journal event.
pub(super) fn event(cursor: u64) -> Key {
    Key::table(Table::Journal).u64(cursor)
}

/// The whole journal.
pub(super) fn events() -> Key {
    Key::table(Table::Journal)
}

/// How much space the journal takes.
pub(super) fn journal_size() -> Key {
    Key::table(Table::Meta).raw("journal size")
}

/// A consumer's place in the journal.
pub(super) fn consumer(name: &str) -> Key {
    Key::table(Table::Consumer).id(name)
}

/// The result of an idempotent call.
pub(super) fn client_id(id: &str) -> Key {
    Key::table(Table::ClientId).id(id)
}

/// A token of the API.
pub(super) fn api_token(id: &[u8; 8]) -> Key {
    api_tokens().id(id)
}

/// All tokens of the API.
pub(super) fn api_tokens() -> Key {
    Key::table(Table::Token)
}

/// An entry of the audit log.
pub(super) fn audited(number: u64) -> Key {
    audit().u64(number)
}

/// The audit log.
pub(super) fn audit() -> Key {
    Key::table(Table::Audit)
}

/// The proof that the author of a feed forked it.
pub(super) fn fork_proof(fid: u64) -> Key {
    Key::table(Table::Entry).u64(fid).u64(0)
}

/// All results of idempotent calls.
pub(super) fn client_ids() -> Key {
    Key::table(Table::ClientId)
}

/// Our own signed card and the addresses it names.
pub(super) fn own_card() -> Key {
    Key::table(Table::Meta).raw("own card")
}

/// The name we go by.
pub(super) fn own_name() -> Key {
    Key::table(Table::Meta).raw("own name")
}

/// Our own account and device (written once, at initialisation).
pub(crate) fn identity() -> Key {
    Key::table(Table::Meta).raw("identity")
}
