//! Where our mail waits, and that of contacts, as stored.

use covey_pairing::identity::DeviceKeys;
use covey_pairing::ids::{AccountId, DeviceId};
use covey_pairing::keeper::{InboxSecret, Mailbox, Room, SlotId, SlotToken, TicketSecret};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use crate::engine::{EngineError, PeerKey, tables};
use crate::store::Tx;

/// How a keeper of ours stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) enum Stands {
    /// It was not reached since it was added.
    Asked,
    /// It keeps our mail.
    Keeps,
    /// It does not, or no more.
    Refused,
}

/// A keeper of ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Mine {
    pub(in crate::engine) keeper: DeviceKeys,
    pub(in crate::engine) addresses: Vec<String>,
    /// Of the ticket, until it was used.
    pub(in crate::engine) secret: Option<TicketSecret>,
    pub(in crate::engine) stands: Stands,
    /// The number of the newest list of slots that it was sent.
    pub(in crate::engine) list: u64,
    /// What it last said of what we use.
    pub(in crate::engine) room: Option<Room>,
    /// When it last answered, Unix milliseconds.
    pub(in crate::engine) reached: Option<u64>,
    pub(in crate::engine) since: u64,
}

impl Mine {
    pub(in crate::engine) fn peer(&self) -> PeerKey {
        PeerKey(self.keeper.network)
    }

    pub(in crate::engine) fn save(&self, tx: &mut Tx<'_>) {
        tx.save(&tables::my_keeper(self.peer()), self);
    }
}

/// A slot of a contact at one keeper. At each it has another one: keepers could compare.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct GivenAt {
    pub(in crate::engine) peer: PeerKey,
    pub(in crate::engine) slot: SlotId,
    pub(in crate::engine) token: SlotToken,
    /// The keeper has made it durable.
    pub(in crate::engine) open: bool,
}

/// What a contact was given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Given {
    pub(in crate::engine) at: Vec<GivenAt>,
    /// The devices that know the tokens.
    pub(in crate::engine) devices: Vec<DeviceId>,
}

/// Where a contact's mail waits, as one of its devices says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Theirs {
    pub(in crate::engine) device: DeviceId,
    pub(in crate::engine) mailbox: Mailbox,
}

/// What was left for a contact in one slot.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Left {
    /// What there are receipts for.
    pub(in crate::engine) kept: Vec<Span>,
    /// The keeper has no room, or does not know the slot: it is not asked again before this time, Unix milliseconds.
    pub(in crate::engine) closed_until: u64,
}

/// Entries of a feed of ours that a keeper has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Span {
    pub(in crate::engine) fid: u64,
    pub(in crate::engine) first: u64,
    pub(in crate::engine) last: u64,
    /// Until when, by its receipt.
    pub(in crate::engine) until: u64,
}

/// A parcel without receipt, and the entries in it. Stored before it is sent, so that the same is sent again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Pending {
    pub(in crate::engine) hash: ByteArray<32>,
    pub(in crate::engine) parcel: ByteBuf,
    pub(in crate::engine) fid: u64,
    pub(in crate::engine) first: u64,
    pub(in crate::engine) last: u64,
}

impl Left {
    /// Up to where the keeper has a feed.
    pub(in crate::engine) fn reached(&self, fid: u64) -> u64 {
        self.kept.iter().filter(|span| span.fid == fid).map(|span| span.last).max().unwrap_or(0)
    }

    /// Until when the keeper has an entry.
    pub(in crate::engine) fn until(&self, fid: u64, seq: u64) -> Option<u64> {
        let has = |span: &&Span| span.fid == fid && (span.first..=span.last).contains(&seq);
        self.kept.iter().filter(has).map(|span| span.until).max()
    }
}

pub(in crate::engine) fn inbox(tx: &Tx<'_>) -> Result<Option<InboxSecret>, EngineError> {
    Ok(tx.get(&tables::inbox())?)
}

pub(in crate::engine) fn mine(tx: &Tx<'_>, peer: PeerKey) -> Result<Option<Mine>, EngineError> {
    Ok(tx.load(&tables::my_keeper(peer))?)
}

pub(in crate::engine) fn all_mine(tx: &Tx<'_>) -> Result<Vec<Mine>, EngineError> {
    Ok(tx.scan_intact(&tables::my_keepers(), usize::MAX)?.into_iter().map(|(_, mine)| mine).collect())
}

pub(in crate::engine) fn given(tx: &Tx<'_>, account: &AccountId) -> Result<Option<Given>, EngineError> {
    Ok(tx.load(&tables::given(account))?)
}

/// Those of all devices of a contact.
pub(in crate::engine) fn theirs(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<Theirs>, EngineError> {
    Ok(tx.scan_intact(&tables::all_theirs(account), usize::MAX)?.into_iter().map(|(_, theirs)| theirs).collect())
}

pub(in crate::engine) fn left(tx: &Tx<'_>, account: &AccountId, slot: &SlotId) -> Result<Left, EngineError> {
    Ok(tx.load(&tables::left(account, slot))?.unwrap_or_default())
}

/// The parcel that is on its way into a slot.
pub(in crate::engine) fn pending(
    tx: &Tx<'_>,
    account: &AccountId,
    slot: &SlotId,
) -> Result<Option<Pending>, EngineError> {
    Ok(tx.get(&tables::pending(account, slot))?)
}

/// Nothing of what was left in a slot counts any more.
pub(in crate::engine) fn forget_left(tx: &mut Tx<'_>, account: &AccountId, slot: &SlotId) {
    tx.delete(&tables::left(account, slot));
    tx.delete(&tables::pending(account, slot));
}

/// A contact is forgotten.
pub(in crate::engine) fn forget(tx: &mut Tx<'_>, account: &AccountId) -> Result<(), EngineError> {
    for all in [tables::all_theirs(account), tables::all_left(account), tables::all_pending(account)] {
        tx.keys(&all)?.iter().for_each(|key| tx.delete(key));
    }
    Ok(())
}

/// How many keepers have an entry of ours for a contact, and until when the last of them.
pub(in crate::engine) fn kept(
    tx: &Tx<'_>,
    account: &AccountId,
    (fid, seq): (u64, u64),
    now: u64,
) -> Result<Option<(u32, u64)>, EngineError> {
    let mut ends = Vec::new();
    for at in theirs(tx, account)?.into_iter().flat_map(|theirs| theirs.mailbox.at) {
        ends.extend(left(tx, account, &at.slot)?.until(fid, seq).filter(|until| *until > now));
    }
    Ok(ends.iter().max().map(|until| (u32::try_from(ends.len()).unwrap_or(u32::MAX), *until)))
}
