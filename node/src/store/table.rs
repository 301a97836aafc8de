//! The tables of the key space: the first byte of every key.

/// What kind of record a key names. Numbers are never reused: a retired table keeps its number.
///
/// Grouped by owner with gaps to grow: 0x0_ the node itself, 0x1_ people, 0x2_ channels and feeds, 0x3_ delivery,
/// 0x4_ the local API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Single records of the node: own identity, counters, schema.
    Meta = 0x01,
    /// Own tickets and their tokens.
    Ticket = 0x02,
    /// Own prekeys.
    Prekey = 0x03,
    /// Reservations made ahead of use (sequence numbers, lamport).
    Reserved = 0x04,
    /// What the devices of our account agree on, by what it is of.
    OwnRecord = 0x05,
    /// The devices of the own account, by device.
    OwnDevice = 0x06,

    /// Relationship with another account, by account.
    Contact = 0x10,
    /// Local name to account.
    Alias = 0x11,
    /// Invite id to account.
    Invite = 0x12,
    /// Known contact cards, by account.
    Card = 0x13,
    /// What a device was given of our card, by device.
    Device = 0x14,
    /// Ratchet sessions, by device.
    Session = 0x15,
    /// Network peer to device.
    Peer = 0x16,
    /// Remembered addresses, by peer.
    Address = 0x17,
    /// Limits on strangers.
    Stranger = 0x18,
    /// Ratchet sessions inside a group, by channel and device.
    GroupSession = 0x19,
    /// When a device was last heard of, by device.
    Seen = 0x1a,

    /// Channels.
    Channel = 0x20,
    /// Head of a feed.
    Head = 0x21,
    /// Feed entries as exact bytes, by feed and sequence number.
    Entry = 0x22,
    /// Readable message, by id.
    Message = 0x23,
    /// Messages of a channel in the order shown.
    Order = 0x24,
    /// Content keys of what our own devices tell each other, by entry.
    ContentKey = 0x25,
    /// Entries that wait for something (a key, a gap).
    Parked = 0x26,
    /// How we stand to groups, and who asks to be let in.
    Group = 0x27,
    /// Operations on rosters, by channel and logical time.
    Roster = 0x28,
    /// Sender keys.
    Chain = 0x29,
    /// Entries whose keys another device of ours will give, by channel and feed.
    Awaited = 0x2a,
    /// Entries whose keys are not for this device, by channel and feed.
    Withheld = 0x2b,

    /// What must still be sent.
    Outbox = 0x30,
    /// Per-recipient delivery state.
    Delivery = 0x31,
    /// What a peer durably has of a feed.
    PeerHead = 0x32,
    /// Receipts owed.
    Receipt = 0x33,
    /// Timers, by due time.
    Timer = 0x34,
    /// Parcels kept for others.
    Custody = 0x35,
    /// Whose mail this node keeps: accounts, slots, parcels, tickets.
    Keeping = 0x36,
    /// Where mail waits: our own, and that of contacts.
    Mailbox = 0x37,

    /// Event journal, by cursor.
    Journal = 0x40,
    /// Cursor of a named consumer.
    Consumer = 0x41,
    /// Results of idempotent calls, by client id.
    ClientId = 0x42,
    /// Tokens of the API, by id.
    Token = 0x43,
    /// The audit log of the API, in order.
    Audit = 0x44,
}

impl Table {
    /// Every table.
    const ALL: [Self; 42] = [
        Self::Meta,
        Self::Ticket,
        Self::Prekey,
        Self::Reserved,
        Self::OwnRecord,
        Self::OwnDevice,
        Self::Contact,
        Self::Alias,
        Self::Invite,
        Self::Card,
        Self::Device,
        Self::Session,
        Self::Peer,
        Self::Address,
        Self::Stranger,
        Self::GroupSession,
        Self::Seen,
        Self::Channel,
        Self::Head,
        Self::Entry,
        Self::Message,
        Self::Order,
        Self::ContentKey,
        Self::Parked,
        Self::Group,
        Self::Roster,
        Self::Chain,
        Self::Awaited,
        Self::Withheld,
        Self::Outbox,
        Self::Delivery,
        Self::PeerHead,
        Self::Receipt,
        Self::Timer,
        Self::Custody,
        Self::Keeping,
        Self::Mailbox,
        Self::Journal,
        Self::Consumer,
        Self::ClientId,
        Self::Token,
        Self::Audit,
    ];

    /// The table of keys that start with this byte.
    pub fn of_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.byte() == byte)
    }

    /// The byte that keys of this table start with.
    pub fn byte(self) -> u8 {
        self as u8
    }
}
