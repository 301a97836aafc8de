//! Keepers: mail that waits.
//!
//! A *keeper* is a node that agreed to hold mail for the account of an *owner*. The owner gives each of its contacts a *slot* at
//! the keeper. A contact that does not reach the owner becomes a *depositor*: it seals what the owner has not acknowledged to the owner's
//! *inbox key* and leaves it in the slot. The owner fetches it, and the keeper deletes what the owner has made durable.
//!
//! ```text
//! owner                             keeper                          depositor
//! Hello {ticket, card}      ──────▶
//!            ◀──────  Welcome
//! Slots {slot, token hash}  ──────▶
//! ... the owner tells its contact, inside their session: Inbox {inbox key, keeper, slot, token} ...
//!                                          ◀──────  Deposit {slot, token, parcel}
//!                                   Kept {receipt}  ──────▶
//! Fetch                     ──────▶
//!            ◀──────  Parcel {number, slot, parcel}
//! Got {number}              ──────▶        deleted
//! ```
//! No frame of a depositor names its account or device; the keeper sees the slot, the size and the time. This module has the objects
//! and limits. It does not know feeds, storage or networks. `pairing/SPEC.md`, section Keepers; `docs/decisions/013-keepers.md`.

mod deposit;
mod frame;
mod inbox;
mod invites;
mod letter;
mod limits;
mod mailbox;
mod receipt;
mod remembered;
mod slot;
mod ticket;

/// Addresses of a keeper in one object.
const MAX_ADDRESSES: usize = 8;
/// Longest address text in bytes.
const ADDRESS_MAX: usize = 256;

/// Whether addresses of a keeper are as few and short as an object may name.
pub fn are_few(addresses: &[String]) -> bool {
    addresses.len() <= MAX_ADDRESSES && addresses.iter().all(|address| address.len() <= ADDRESS_MAX)
}

/// The first addresses, as many as an object may name.
fn fewer(addresses: &mut Vec<String>) {
    addresses.retain(|address| address.len() <= ADDRESS_MAX);
    addresses.truncate(MAX_ADDRESSES);
}

pub use deposit::{Deposit, DepositError, MAX_CONTENT};
pub use frame::{KEEPER_FRAME_MAX, KeeperFrame, MAX_CHECKED, NotAFrame, Room, SlotEntry};
pub use inbox::{InboxError, InboxKey, InboxSecret, MAX_PAYLOAD, OVERHEAD, PARCEL_MAX};
pub use invites::{open_left, seal_left};
pub use letter::MailboxLetter;
pub use limits::{
    DEPOSIT_BURST, DEPOSIT_EVERY_MS, INVITE_BYTES, INVITE_KEPT_FOR_MS, INVITE_PARCEL_MAX, INVITE_PARCELS,
    INVITES_OF_NETWORK, INVITES_OF_RELAYS, INVITES_PER_HOUR, KEPT_FOR_MS, LARGE, LARGE_KEPT_FOR_MS, Limits, MAX_OWNERS,
    MAX_SLOTS, OWNER_BYTES, SLOT_BYTES, SLOT_PARCELS, Use, has_room_for_invite, kept_for,
};
pub use mailbox::{MAX_KEEPERS, Mailbox, MailboxAt, NotAMailbox};
pub use receipt::Receipt;
pub use remembered::{ContactList, Remembered};
pub use slot::{SlotId, SlotToken, TokenHash};
pub use ticket::{KEEPER_TICKET_LIFETIME_MS, KeeperTicket, KeeperTicketError, TicketSecret};
