//! People, their devices, what is kept of sessions with them.

use covey_pairing::ids::{AccountId, DeviceId, InviteId};

use crate::engine::PeerKey;
use crate::store::{Key, Table};

/// [`crate::engine::records::people::Contact`] of an account.
pub(in crate::engine) fn contact(account: &AccountId) -> Key {
    Key::table(Table::Contact).id(account.as_bytes())
}

/// All contacts.
pub(in crate::engine) fn contacts() -> Key {
    Key::table(Table::Contact)
}

/// Account with this alias, whatever its case.
pub(in crate::engine) fn alias(alias: &str) -> Key {
    Key::table(Table::Alias).id(alias.trim().to_lowercase())
}

/// [`crate::engine::records::devices::Card`] of an account.
pub(in crate::engine) fn card(account: &AccountId) -> Key {
    Key::table(Table::Card).id(account.as_bytes())
}

/// Account behind an invite.
pub(in crate::engine) fn invite(id: &InviteId) -> Key {
    Key::table(Table::Invite).id(id.as_bytes())
}

/// Account and device behind a network peer.
pub(in crate::engine) fn peer(peer: PeerKey) -> Key {
    Key::table(Table::Peer).id(peer.0)
}

/// Sessions with a device.
pub(in crate::engine) fn session(device: &DeviceId) -> Key {
    Key::table(Table::Session).id(device.as_bytes())
}

/// [`crate::engine::records::own_records::Winner`] of one key.
pub(in crate::engine) fn own_record(key: &[u8]) -> Key {
    Key::table(Table::OwnRecord).u8(0).id(key)
}

/// All of them.
pub(in crate::engine) fn own_records() -> Key {
    Key::table(Table::OwnRecord).u8(0)
}

/// Other pacts of a contact that our devices made at the same time.
pub(in crate::engine) fn own_rivals(account: &AccountId) -> Key {
    Key::table(Table::OwnRecord).u8(1).id(account.as_bytes())
}

/// How far each feed of a channel was read on another device of ours.
pub(in crate::engine) fn read_elsewhere(channel: u64) -> Key {
    Key::table(Table::OwnRecord).u8(2).u64(channel)
}

/// What of it nobody can have seen there.
pub(in crate::engine) fn unseen_elsewhere(channel: u64) -> Key {
    Key::table(Table::OwnRecord).u8(3).u64(channel)
}

/// The content key of an entry of the channel of our own devices.
pub(in crate::engine) fn content_key(fid: u64, seq: u64) -> Key {
    Key::table(Table::ContentKey).u64(fid).u64(seq)
}

/// What a device was given of our card: see [`crate::engine::records::devices::card_sent`].
pub(in crate::engine) fn card_sent(device: &DeviceId) -> Key {
    Key::table(Table::Device).id(device.as_bytes())
}

/// When a device was last heard of.
pub(in crate::engine) fn seen(device: &DeviceId) -> Key {
    Key::table(Table::Seen).id(device.as_bytes())
}

/// Our own prekeys.
pub(in crate::engine) fn prekeys() -> Key {
    Key::table(Table::Prekey)
}

/// What is kept of a ticket, by its id.
pub(in crate::engine) fn ticket(id: impl AsRef<[u8]>) -> Key {
    Key::table(Table::Ticket).u8(0).id(id)
}

/// The tokens of our tickets.
pub(in crate::engine) fn tokens() -> Key {
    Key::table(Table::Ticket).u8(1)
}

/// All our own tickets.
pub(in crate::engine) fn tickets() -> Key {
    Key::table(Table::Ticket).u8(0)
}
