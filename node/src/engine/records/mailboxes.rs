//! Where our mail waits, and that of contacts, as stored. Keepers and inbox key are those of the account: its devices tell each other
//! (`engine/own/keepers.rs`). How a keeper answers is what each device sees for itself.

use std::collections::BTreeSet;

use covey_pairing::crypto::kem::KemHash;
use covey_pairing::identity::{DeviceKeys, InvitePlace};
use covey_pairing::ids::{AccountId, DeviceId};
use covey_pairing::keeper::{
    Deposit, DepositError, InboxError, InboxKey, InboxSecret, KEPT_FOR_MS, Mailbox, MailboxAt, Room, SlotId, SlotToken,
    TicketSecret,
};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use crate::engine::records::devices::Card;
use crate::engine::records::people::Contact;
use crate::engine::{EngineError, PeerKey, tables};
use crate::store::{StoreError, Tx};

/// How a keeper of ours stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) enum Stands {
    /// It was not reached since it was added.
    Asked,
    /// It keeps our mail.
    Keeps,
    /// It does not, or no more.
    Refused,
    /// A device of ours took it away. The row says so to those that have not heard.
    Removed,
}

/// Keys of before that are remembered.
const MAX_PAST: usize = 8;

/// What mail for us is sealed to, the same on all devices of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Inbox {
    /// That of the newest change of keepers or key when it was made.
    pub(in crate::engine) number: u64,
    pub(in crate::engine) secret: InboxSecret,
    /// [`devices::losses`] of our account when it was made.
    pub(in crate::engine) losses: u32,
    /// Keys of before, each with the time until which something sealed to it may lie at a keeper, Unix milliseconds.
    pub(in crate::engine) past: Vec<(InboxSecret, u64)>,
}

impl Inbox {
    /// Opens a parcel that is sealed to any of the keys.
    pub(in crate::engine) fn open(&self, slot: &SlotId, parcel: &[u8]) -> Result<Deposit, DepositError> {
        let past = self.past.iter().map(|(secret, _)| secret);
        let mut refused = DepositError::Inbox(InboxError::OtherKey);
        for secret in [&self.secret].into_iter().chain(past) {
            match Deposit::open(secret, slot, parcel) {
                Err(error @ DepositError::Inbox(InboxError::OtherKey)) => refused = error,
                opened => return opened,
            }
        }
        Err(refused)
    }

    /// The same with keys of before that are remembered as well, of which some may be known already.
    pub(in crate::engine) fn with_past(mut self, more: impl IntoIterator<Item = (InboxSecret, u64)>, now: u64) -> Self {
        let longest = now.saturating_add(KEPT_FOR_MS);
        for (secret, until) in more.into_iter().filter(|(secret, _)| *secret != self.secret) {
            let until = until.min(longest);
            match self.past.iter_mut().find(|(known, _)| *known == secret) {
                Some((_, known)) => *known = (*known).max(until),
                None => self.past.push((secret, until)),
            }
        }
        self.past.retain(|(_, until)| *until > now);
        self.past.sort_by_key(|(_, until)| std::cmp::Reverse(*until));
        self.past.truncate(MAX_PAST);
        self
    }

    pub(in crate::engine) fn save(&self, tx: &mut Tx<'_>) -> Result<(), EngineError> {
        tx.delete(&tables::inbox_of_before());
        Ok(tx.put(&tables::inbox(), self)?)
    }
}

/// A keeper of ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Mine {
    /// Its account, by whose card it is found when it moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) account: Option<AccountId>,
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
    /// That of the change by which it was added or taken away: of two devices that say different things of it the one with the higher
    /// number is right.
    #[serde(default)]
    pub(in crate::engine) number: u64,
    /// By how much its clock was ahead of ours when it last answered, in milliseconds, if it said what it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) ahead: Option<i64>,
    /// The KEM key of ours, by its hash, for which it lets strangers leave invites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) invites: Option<KemHash>,
}

impl Mine {
    /// It answered, with this room.
    pub(in crate::engine) fn answered(&mut self, room: Room, now: u64) {
        (self.room, self.reached) = (Some(room), Some(now));
        self.ahead = (room.clock > 0).then(|| room.clock.cast_signed().saturating_sub(now.cast_signed()));
    }

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
    /// Of the contact, when the token was derived: see [`devices::losses`].
    #[serde(default)]
    pub(in crate::engine) losses: u32,
    /// It is derived, so all devices of ours name the same one. Those of before were not.
    #[serde(default)]
    pub(in crate::engine) derived: bool,
    /// It is told to the contact no more. Until then, Unix milliseconds, something may lie in it.
    #[serde(default)]
    pub(in crate::engine) until: Option<u64>,
}

/// What a contact was given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Given {
    pub(in crate::engine) at: Vec<GivenAt>,
}

/// The list of our contacts that a keeper of ours has.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(in crate::engine) struct ListTold {
    /// Of what it says.
    pub(in crate::engine) hash: ByteArray<32>,
    /// When it was left, Unix milliseconds.
    pub(in crate::engine) at: u64,
}

/// Where a contact's mail waits, as one of its devices says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Theirs {
    pub(in crate::engine) device: DeviceId,
    pub(in crate::engine) mailbox: Mailbox,
    /// When it said so, Unix milliseconds.
    #[serde(default)]
    pub(in crate::engine) at: u64,
}

/// What a device of a contact was told of our mailbox: hash, and when, Unix milliseconds.
pub(in crate::engine) type Told = (ByteArray<32>, u64);

/// What was left for a contact in one slot.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Left {
    /// What there are receipts for.
    pub(in crate::engine) kept: Vec<Span>,
    /// The keeper has no room, or does not know the slot: it is not asked again before this time, Unix milliseconds.
    pub(in crate::engine) closed_until: u64,
    /// When the keeper last answered, Unix milliseconds; 0 if never.
    #[serde(default)]
    pub(in crate::engine) reached: u64,
}

/// Entries of a feed of ours that a keeper has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Span {
    pub(in crate::engine) fid: u64,
    pub(in crate::engine) first: u64,
    pub(in crate::engine) last: u64,
    /// Until when, by its receipt.
    pub(in crate::engine) until: u64,
    /// BLAKE3 of the parcel that they are in. Older rows do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) hash: Option<ByteArray<32>>,
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
    /// The first entry after `has` that the keeper lacks, and how many follow until one that it has, if there is one.
    pub(in crate::engine) fn gap(&self, fid: u64, has: u64) -> (u64, Option<u64>) {
        let spans = || self.kept.iter().filter(|span| span.fid == fid);
        let mut first = has.saturating_add(1);
        while let Some(span) = spans().find(|span| (span.first..=span.last).contains(&first)) {
            first = span.last.saturating_add(1);
        }
        (first, spans().map(|span| span.first).filter(|next| *next > first).min().map(|next| next - first))
    }

    /// Until when the keeper has an entry.
    pub(in crate::engine) fn until(&self, fid: u64, seq: u64) -> Option<u64> {
        let has = |span: &&Span| span.fid == fid && (span.first..=span.last).contains(&seq);
        self.kept.iter().filter(has).map(|span| span.until).max()
    }
}

pub(in crate::engine) fn inbox(tx: &Tx<'_>) -> Result<Option<Inbox>, EngineError> {
    if let Some(inbox) = tx.get(&tables::inbox())? {
        return Ok(Some(inbox));
    }
    let secret: Option<InboxSecret> = tx.get(&tables::inbox_of_before())?;
    Ok(secret.map(|secret| Inbox { number: 0, secret, losses: 0, past: Vec::new() }))
}

/// A keeper that is none any more is not counted.
pub(in crate::engine) fn mine(tx: &Tx<'_>, peer: PeerKey) -> Result<Option<Mine>, EngineError> {
    Ok(any_mine(tx, peer)?.filter(|mine| mine.stands != Stands::Removed))
}

/// Whether a device of a contact was connected since we agreed: what is to be said to it travels in sessions then.
pub(in crate::engine) fn has_met(tx: &Tx<'_>, contact: &Contact) -> Result<bool, EngineError> {
    let known = tx.get::<u64>(&tables::met(&contact.account))?;
    Ok(contact.channel.is_some() && known == contact.channel)
}

/// A device of a contact is connected.
pub(in crate::engine) fn meet(tx: &mut Tx<'_>, contact: &Contact) -> Result<(), EngineError> {
    match contact.channel.filter(|_| contact.is_paired()) {
        Some(no) if !has_met(tx, contact)? => Ok(tx.put(&tables::met(&contact.account), &no)?),
        _ => Ok(()),
    }
}

/// The keepers of our account.
pub(in crate::engine) fn all_mine(tx: &Tx<'_>) -> Result<Vec<Mine>, EngineError> {
    Ok(ever_mine(tx)?.into_iter().filter(|mine| mine.stands != Stands::Removed).collect())
}

/// Where strangers may leave invites for our account, whose KEM key has this hash.
pub(in crate::engine) fn invite_places(tx: &Tx<'_>, kem: &KemHash) -> Result<Vec<InvitePlace>, EngineError> {
    let keepers = all_mine(tx)?.into_iter().filter(|mine| mine.stands == Stands::Keeps && mine.invites == Some(*kem));
    let place = |mine: Mine| {
        Some(InvitePlace { account: mine.account?, network: mine.keeper.network, addresses: mine.addresses })
    };
    Ok(keepers.filter_map(place).collect())
}

/// A keeper, or one that was.
pub(in crate::engine) fn any_mine(tx: &Tx<'_>, peer: PeerKey) -> Result<Option<Mine>, EngineError> {
    Ok(tx.load(&tables::my_keeper(peer))?)
}

/// Those that were keepers of ours as well.
pub(in crate::engine) fn ever_mine(tx: &Tx<'_>) -> Result<Vec<Mine>, EngineError> {
    Ok(tx.scan_intact(&tables::my_keepers(), usize::MAX)?.into_iter().map(|(_, mine)| mine).collect())
}

/// The number of the newest change of our keepers or key.
pub(in crate::engine) fn number(tx: &Tx<'_>) -> Result<u64, EngineError> {
    let keepers = ever_mine(tx)?.into_iter().map(|mine| mine.number);
    Ok(keepers.chain(inbox(tx)?.map(|inbox| inbox.number)).max().unwrap_or(0))
}

pub(in crate::engine) fn given(tx: &Tx<'_>, account: &AccountId) -> Result<Option<Given>, EngineError> {
    Ok(tx.load(&tables::given(account))?)
}

/// Those of all devices of a contact.
pub(in crate::engine) fn theirs(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<Theirs>, EngineError> {
    Ok(tx.scan_intact(&tables::all_theirs(account), usize::MAX)?.into_iter().map(|(_, theirs)| theirs).collect())
}

/// What the active devices of a contact said last of all that the account agreed on: `of` each mailbox, the newest word first.
fn agreed<T>(tx: &Tx<'_>, account: &AccountId, of: impl Fn(&Mailbox) -> T) -> Result<Vec<T>, EngineError> {
    // Asked of everybody to whom something waits; hardly anybody has keepers.
    if !tx.may_hold(&tables::all_theirs(account))? {
        return Ok(Vec::new());
    }
    let ids = |card: &Card| card.devices.iter().map(|device| device.id).collect::<Vec<_>>();
    let mut told = Vec::new();
    for device in tx.look(&tables::card(account), ids)?.unwrap_or_default() {
        let said = |theirs: &Theirs| (theirs.mailbox.number, theirs.at, of(&theirs.mailbox));
        told.extend(intact(tx.look(&tables::theirs(account, &device), said))?);
    }
    let newest = told.iter().map(|(number, ..)| *number).max().unwrap_or(0);
    told.retain(|(number, ..)| *number == newest);
    told.sort_by_key(|(_, at, _)| std::cmp::Reverse(*at));
    Ok(told.into_iter().map(|(.., mailbox)| mailbox).collect())
}

/// One damaged record does not hide the others.
fn intact<T>(found: Result<Option<T>, StoreError>) -> Result<Option<T>, EngineError> {
    match found {
        Err(error) if !error.is_transient() => {
            tracing::error!(%error, "a record is left out");
            Ok(None)
        }
        found => Ok(found?),
    }
}

/// Where mail for a contact may be left.
pub(in crate::engine) fn places(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<(MailboxAt, InboxKey)>, EngineError> {
    let mut places: Vec<(MailboxAt, InboxKey)> = Vec::new();
    for mailbox in agreed(tx, account, Mailbox::clone)? {
        for at in mailbox.at {
            if places.iter().all(|(known, _)| known.slot != at.slot) {
                places.push((at, mailbox.key.clone()));
            }
        }
    }
    Ok(places)
}

pub(in crate::engine) fn left(tx: &Tx<'_>, account: &AccountId, slot: &SlotId) -> Result<Left, EngineError> {
    Ok(tx.load(&tables::left(account, slot))?.unwrap_or_default())
}

/// When the first of a contact's keepers is free of a promise.
pub(in crate::engine) fn next_end(tx: &Tx<'_>, account: &AccountId) -> Result<Option<u64>, EngineError> {
    let mut ends = Vec::new();
    for (at, _) in places(tx, account)? {
        ends.extend(left(tx, account, &at.slot)?.kept.iter().map(|span| span.until));
    }
    Ok(ends.into_iter().min())
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
    let left = [tables::all_left(account), tables::all_pending(account), tables::all_left_frames(account)];
    for all in left.into_iter().chain([tables::all_theirs(account)]) {
        tx.keys(&all)?.iter().for_each(|key| tx.delete(key));
    }
    tx.delete(&tables::met(account));
    Ok(())
}

/// How many keepers have an entry of ours for a contact, and until when the last of them.
pub(in crate::engine) fn kept(
    tx: &Tx<'_>,
    account: &AccountId,
    (fid, seq): (u64, u64),
    now: u64,
) -> Result<Option<(u32, u64)>, EngineError> {
    let slots = agreed(tx, account, |mailbox| mailbox.at.iter().map(|at| at.slot).collect::<Vec<_>>())?;
    let slots: BTreeSet<SlotId> = slots.into_iter().flatten().collect();
    let mut ends = Vec::new();
    for slot in slots {
        let until = tx.look(&tables::left(account, &slot), |left: &Left| left.until(fid, seq))?;
        ends.extend(until.flatten().filter(|until| *until > now));
    }
    Ok(ends.iter().max().map(|until| (u32::try_from(ends.len()).unwrap_or(u32::MAX), *until)))
}
