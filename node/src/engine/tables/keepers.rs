//! Mail that waits: what this node keeps for other accounts, where its own lies, and where that of its contacts does.

use covey_pairing::crypto::kem::KemHash;
use covey_pairing::ids::{AccountId, DeviceId};
use covey_pairing::keeper::SlotId;

use crate::engine::PeerKey;
use crate::store::{Key, Table};

/// [`crate::engine::records::keeping::Owner`] of an account.
pub(in crate::engine) fn kept_owner(account: &AccountId) -> Key {
    kept_owners().id(account.as_bytes())
}

/// All of them.
pub(in crate::engine) fn kept_owners() -> Key {
    Key::table(Table::Keeping).u8(0)
}

/// [`crate::engine::records::keeping::Slot`] by its id.
pub(in crate::engine) fn kept_slot(slot: &SlotId) -> Key {
    Key::table(Table::Keeping).u8(1).id(slot.as_bytes())
}

/// The ids of all slots of an account.
pub(in crate::engine) fn kept_slots(account: &AccountId) -> Key {
    Key::table(Table::Keeping).u8(2).id(account.as_bytes())
}

/// [`crate::engine::records::keeping::Lying`] by its number.
pub(in crate::engine) fn lying(account: &AccountId, number: u64) -> Key {
    all_lying(account).u64(number)
}

/// All of an account, in the order in which they were left.
pub(in crate::engine) fn all_lying(account: &AccountId) -> Key {
    Key::table(Table::Keeping).u8(3).id(account.as_bytes())
}

/// The number of a parcel, by its slot and hash.
pub(in crate::engine) fn kept_hash(slot: &SlotId, hash: &[u8; 32]) -> Key {
    Key::table(Table::Keeping).u8(4).id([slot.as_bytes().as_slice(), hash].concat())
}

/// [`crate::engine::records::keeping::Issued`] by the hash of its secret.
pub(in crate::engine) fn keeper_ticket(hash: &[u8; 32]) -> Key {
    keeper_tickets().id(hash)
}

/// All of them.
pub(in crate::engine) fn keeper_tickets() -> Key {
    Key::table(Table::Keeping).u8(5)
}

/// What all accounts use together.
pub(in crate::engine) fn kept_total() -> Key {
    Key::table(Table::Keeping).u8(6)
}

/// The account whose device is behind a peer, if its mail is kept.
pub(in crate::engine) fn kept_peer(peer: PeerKey) -> Key {
    Key::table(Table::Keeping).u8(7).id(peer.0)
}

/// What one account uses.
pub(in crate::engine) fn kept_used(account: &AccountId) -> Key {
    Key::table(Table::Keeping).u8(8).id(account.as_bytes())
}

/// The bytes of a parcel that is kept.
pub(in crate::engine) fn kept_bytes(account: &AccountId, number: u64) -> Key {
    Key::table(Table::Keeping).u8(9).id(account.as_bytes()).u64(number)
}

/// The slots that a device of an account named last.
pub(in crate::engine) fn kept_list(account: &AccountId, peer: PeerKey) -> Key {
    kept_lists(account).id(peer.0)
}

/// Those of all its devices.
pub(in crate::engine) fn kept_lists(account: &AccountId) -> Key {
    Key::table(Table::Keeping).u8(10).id(account.as_bytes())
}

/// [`crate::engine::records::keeper_requests::Wanted`] of a contact.
pub(in crate::engine) fn wanted_keeping(account: &AccountId) -> Key {
    all_wanted_keeping().id(account.as_bytes())
}

/// All of them.
pub(in crate::engine) fn all_wanted_keeping() -> Key {
    Key::table(Table::Keeping).u8(11)
}

/// [`crate::engine::records::keeper_requests::Asked`] of a contact.
pub(in crate::engine) fn asked_keeping(account: &AccountId) -> Key {
    all_asked_keeping().id(account.as_bytes())
}

/// All of them.
pub(in crate::engine) fn all_asked_keeping() -> Key {
    Key::table(Table::Mailbox).u8(9)
}

/// Our inbox key, as versions stored it in which each device had its own.
pub(in crate::engine) fn inbox_of_before() -> Key {
    Key::table(Table::Mailbox).u8(0)
}

/// The sealed list of contacts that an account left here.
pub(in crate::engine) fn contact_list(account: &AccountId) -> Key {
    Key::table(Table::Keeping).u8(20).id(account.as_bytes())
}

/// [`crate::engine::records::kept_invites::Opened`] of an account.
pub(in crate::engine) fn kept_invites(account: &AccountId) -> Key {
    all_kept_invites().id(account.as_bytes())
}

/// All of them.
pub(in crate::engine) fn all_kept_invites() -> Key {
    Key::table(Table::Keeping).u8(30)
}

/// Whose KEM key has this hash, of the accounts whose invites are kept.
pub(in crate::engine) fn kept_key(hash: &KemHash) -> Key {
    Key::table(Table::Keeping).u8(31).id(hash.as_bytes())
}

/// [`crate::engine::records::left_frames::Left`] for an account, at the keeper behind a peer.
pub(in crate::engine) fn left_frames(account: &AccountId, peer: PeerKey) -> Key {
    all_left_frames(account).id(peer.0)
}

/// At all its keepers.
pub(in crate::engine) fn all_left_frames(account: &AccountId) -> Key {
    every_left_frame().id(account.as_bytes())
}

/// The number of the channel of the pact in which a device of a contact was connected.
pub(in crate::engine) fn met(account: &AccountId) -> Key {
    Key::table(Table::Mailbox).u8(31).id(account.as_bytes())
}

/// For whomever.
pub(in crate::engine) fn every_left_frame() -> Key {
    Key::table(Table::Mailbox).u8(30)
}

/// [`crate::engine::me::ListKeys`]
pub(in crate::engine) fn list_keys() -> Key {
    Key::table(Table::Mailbox).u8(20)
}

/// [`crate::engine::records::mailboxes::ListTold`] of a keeper of ours.
pub(in crate::engine) fn list_told(peer: PeerKey) -> Key {
    Key::table(Table::Mailbox).u8(21).id(peer.0)
}

/// [`crate::engine::records::mailboxes::Inbox`].
pub(in crate::engine) fn inbox() -> Key {
    Key::table(Table::Mailbox).u8(8)
}

/// [`crate::engine::records::mailboxes::Mine`] of a keeper.
pub(in crate::engine) fn my_keeper(peer: PeerKey) -> Key {
    my_keepers().id(peer.0)
}

/// All of them.
pub(in crate::engine) fn my_keepers() -> Key {
    Key::table(Table::Mailbox).u8(1)
}

/// [`crate::engine::records::mailboxes::Given`] of a contact.
pub(in crate::engine) fn given(account: &AccountId) -> Key {
    all_given().id(account.as_bytes())
}

/// All of them.
pub(in crate::engine) fn all_given() -> Key {
    Key::table(Table::Mailbox).u8(2)
}

/// The contact to whom a slot was given.
pub(in crate::engine) fn given_slot(slot: &SlotId) -> Key {
    Key::table(Table::Mailbox).u8(3).id(slot.as_bytes())
}

/// Hash of our mailbox as a contact's device was last told it, and when. (4 is that of a version which did not know when.)
pub(in crate::engine) fn mailbox_told(device: &DeviceId) -> Key {
    Key::table(Table::Mailbox).u8(10).id(device.as_bytes())
}

/// [`crate::engine::records::mailboxes::Theirs`], as a device of a contact told it.
pub(in crate::engine) fn theirs(account: &AccountId, device: &DeviceId) -> Key {
    all_theirs(account).id(device.as_bytes())
}

/// Those of all devices of a contact.
pub(in crate::engine) fn all_theirs(account: &AccountId) -> Key {
    Key::table(Table::Mailbox).u8(5).id(account.as_bytes())
}

/// [`crate::engine::records::mailboxes::Left`] for a contact, in a slot.
pub(in crate::engine) fn left(account: &AccountId, slot: &SlotId) -> Key {
    all_left(account).id(slot.as_bytes())
}

/// [`crate::engine::records::mailboxes::Pending`] in a slot.
pub(in crate::engine) fn pending(account: &AccountId, slot: &SlotId) -> Key {
    all_pending(account).id(slot.as_bytes())
}

/// All of a contact.
pub(in crate::engine) fn all_pending(account: &AccountId) -> Key {
    Key::table(Table::Mailbox).u8(7).id(account.as_bytes())
}

/// All of a contact.
pub(in crate::engine) fn all_left(account: &AccountId) -> Key {
    Key::table(Table::Mailbox).u8(6).id(account.as_bytes())
}
