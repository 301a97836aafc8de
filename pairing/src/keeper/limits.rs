//! How much a keeper holds. Full means refuse: nothing that a receipt was given for is dropped for something newer.

use serde::{Deserialize, Serialize};

/// How long a parcel is kept, in milliseconds: a holiday and what comes before and after it.
pub const KEPT_FOR_MS: u64 = 30 * DAY;
/// Parcels over this size in bytes are kept for less time.
pub const LARGE: usize = 32 * 1024;
/// How long those are kept.
pub const LARGE_KEPT_FOR_MS: u64 = 14 * DAY;
/// Parcels in a slot: one contact's messages of a month, gathered to 60 KiB each.
pub const SLOT_PARCELS: u64 = 64;
/// Bytes in a slot.
pub const SLOT_BYTES: u64 = 4 << 20;
/// Bytes of all slots of an owner, unless the operator says otherwise.
pub const OWNER_BYTES: u64 = 64 << 20;
/// Time between deposits into one slot, in milliseconds: ten in a second.
pub const DEPOSIT_EVERY_MS: u64 = 100;
/// Deposits into one slot at once: a backlog of a thousand messages.
pub const DEPOSIT_BURST: u64 = 20;
/// Accounts whose mail one node keeps.
pub const MAX_OWNERS: usize = 64;
/// Slots of an owner: one for each contact.
pub const MAX_SLOTS: usize = 1_024;
/// Parcels in an invite slot: as many as invites may wait for an operator.
pub const INVITE_PARCELS: u64 = 64;
/// Longest parcel in an invite slot in bytes: an offer with a full card is 18 KiB.
pub const INVITE_PARCEL_MAX: usize = 24 * 1024;
/// Bytes in an invite slot.
pub const INVITE_BYTES: u64 = 1 << 20;
/// How long a parcel in an invite slot is kept, in milliseconds: as long as an invite can be accepted.
pub const INVITE_KEPT_FOR_MS: u64 = 14 * DAY;
/// Parcels in an invite slot that came from one network.
pub const INVITES_OF_NETWORK: usize = 4;
/// Parcels in an invite slot that came through relays, whoever left them.
pub const INVITES_OF_RELAYS: usize = 32;
/// Parcels that strangers of one network may leave in an hour, in whatever invite slots.
pub const INVITES_PER_HOUR: u32 = 12;
/// Bytes that one node keeps in all, unless the operator says otherwise.
const KEEPER_BYTES: u64 = 2 << 30;
const DAY: u64 = 24 * 60 * 60 * 1_000;

/// How long a parcel of this size is kept, in milliseconds.
pub const fn kept_for(len: usize) -> u64 {
    if len > LARGE { LARGE_KEPT_FOR_MS } else { KEPT_FOR_MS }
}

/// Parcels and their bytes, counted from what is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// Parcels.
    pub parcels: u64,
    /// Their bytes as deposited.
    pub bytes: u64,
}

impl Use {
    /// With one parcel more.
    #[must_use]
    pub const fn with(self, len: u64) -> Self {
        Self { parcels: self.parcels.saturating_add(1), bytes: self.bytes.saturating_add(len) }
    }

    /// With one parcel less.
    #[must_use]
    pub const fn without(self, len: u64) -> Self {
        Self { parcels: self.parcels.saturating_sub(1), bytes: self.bytes.saturating_sub(len) }
    }
}

/// What one owner may use, and all of them together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of one owner.
    pub owner: u64,
    /// Bytes of all.
    pub all: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { owner: OWNER_BYTES, all: KEEPER_BYTES }
    }
}

/// [KEEP-31] Whether there is room for one more parcel in an invite slot. It takes none of what the owner and its contacts have.
pub const fn has_room_for_invite(slot: Use, len: u64) -> bool {
    let slot = slot.with(len);
    slot.parcels <= INVITE_PARCELS && slot.bytes <= INVITE_BYTES
}

impl Limits {
    /// [KEEP-5] Whether there is room for one more parcel of `len` bytes beside what is there.
    pub const fn has_room(&self, slot: Use, owner: Use, all: Use, len: u64) -> bool {
        let (slot, owner, all) = (slot.with(len), owner.with(len), all.with(len));
        slot.parcels <= SLOT_PARCELS && slot.bytes <= SLOT_BYTES && owner.bytes <= self.owner && all.bytes <= self.all
    }
}
