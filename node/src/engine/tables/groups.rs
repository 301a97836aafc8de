//! Groups: how we stand to them, rosters, chains.

use covey_feed::EntryId;
use covey_pairing::ids::{AccountId, DeviceId};

use crate::store::{Key, Table};

/// Sessions with a device of a member of the group with this channel.
pub(in crate::engine) fn group_session(channel: u64, device: &DeviceId) -> Key {
    Key::table(Table::GroupSession).u64(channel).id(device.as_bytes())
}

/// All sessions of a group.
pub(in crate::engine) fn group_sessions(channel: u64) -> Key {
    Key::table(Table::GroupSession).u64(channel)
}

/// How we stand to a group, by its id.
pub(in crate::engine) fn group(id: &[u8; 32]) -> Key {
    groups().id(id)
}

/// How we stand to all groups.
pub(in crate::engine) fn groups() -> Key {
    Key::table(Table::Group).u8(0)
}

/// Who asks to be let into a group.
pub(in crate::engine) fn join_request(channel: u64, account: &AccountId) -> Key {
    join_requests(channel).id(account.as_bytes())
}

/// Everybody who asks to be let into a group.
pub(in crate::engine) fn join_requests(channel: u64) -> Key {
    Key::table(Table::Group).u8(1).u64(channel)
}

/// A device that has to be told that its account was removed from a group, before it is shut out.
pub(in crate::engine) fn parting(device: &DeviceId) -> Key {
    partings().id(device.as_bytes())
}

/// All such devices.
pub(in crate::engine) fn partings() -> Key {
    Key::table(Table::Group).u8(2)
}

/// When the statement was made with which somebody was rejected who asked to be let into a group.
pub(in crate::engine) fn join_rejected(channel: u64, account: &AccountId) -> Key {
    all_join_rejected(channel).id(account.as_bytes())
}

/// The same of all who were.
pub(in crate::engine) fn all_join_rejected(channel: u64) -> Key {
    Key::table(Table::Group).u8(3).u64(channel)
}

/// A contested account, and where what it wrote in groups ends.
pub(in crate::engine) fn frozen(account: &AccountId) -> Key {
    all_frozen().id(account.as_bytes())
}

/// All such accounts.
pub(in crate::engine) fn all_frozen() -> Key {
    Key::table(Table::Group).u8(4)
}

/// An operation on the roster of a group, in the order of its logical time.
pub(in crate::engine) fn operation(channel: u64, lamport: u64, id: &EntryId) -> Key {
    operations(channel).u64(lamport).id(id.as_bytes())
}

/// All operations on the roster of a group.
pub(in crate::engine) fn operations(channel: u64) -> Key {
    Key::table(Table::Roster).u64(channel)
}

/// Our own chain in a group.
pub(in crate::engine) fn own_chain(channel: u64) -> Key {
    Key::table(Table::Chain).u8(0).u64(channel)
}

/// Who still has to be given our chain.
pub(in crate::engine) fn chain_work(channel: u64) -> Key {
    Key::table(Table::Chain).u8(1).u64(channel)
}

/// Our chains before the present one.
pub(in crate::engine) fn past_chains(channel: u64) -> Key {
    Key::table(Table::Chain).u8(2).u64(channel)
}

/// The chains of another device in a group.
pub(in crate::engine) fn chains_of(channel: u64, device: &DeviceId) -> Key {
    Key::table(Table::Chain).u8(3).u64(channel).id(device.as_bytes())
}

/// The chains of all other devices in a group.
pub(in crate::engine) fn all_chains(channel: u64) -> Key {
    Key::table(Table::Chain).u8(3).u64(channel)
}

/// The logical time after which what we write in a group is for a member.
pub(in crate::engine) fn reads_after(channel: u64, account: &AccountId) -> Key {
    all_reads_after(channel).id(account.as_bytes())
}

/// The same of all members.
pub(in crate::engine) fn all_reads_after(channel: u64) -> Key {
    Key::table(Table::Chain).u8(4).u64(channel)
}
