//! Contacts as our devices share them: consent, pact, what we call them, whether we compared numbers.
//!
//! A record holds the contact as it is stored, without what is of this device alone (the number of the channel, bundles that are
//! good once), and the card by which the others find the contact's devices. It counts the *decisions* that led to it: one more than the record before
//! it whenever the pact or the state is another one.

use covey_pairing::consent::{PairSecret, State};
use covey_pairing::ids::{AccountId, InviteId};
use serde_bytes::ByteBuf;
use tracing::warn;

use crate::engine::consent::{adopted, step};
use crate::engine::contacts::cards;
use crate::engine::notices::Notice;
use crate::engine::records::devices;
use crate::engine::records::own_records::{self, Rival};
use crate::engine::records::people::{self, Contact};
use crate::engine::wire::own_record::{Key, MAX_VALUE, value_of};
use crate::engine::{Cx, EngineError, tables};

/// A contact as it travels: version, decisions, contact, signed card.
type Wire = (u8, u64, Contact, Option<ByteBuf>);

/// [OWN-7] So many decisions more than are known are believed at once: a stolen device cannot decide for good.
const AHEAD: u64 = 1 << 20;

const VERSION: u8 = 1;

/// Room that is left for a card.
const ROOM: usize = MAX_VALUE - 1024;

fn shared(contact: Contact) -> Contact {
    Contact { channel: None, bundles: Vec::new(), ..contact }
}

/// What there is to say of a contact.
pub(super) fn current(cx: &Cx<'_, '_>, key: &Key) -> Result<Option<ByteBuf>, EngineError> {
    let Some(account) = key.id().map(AccountId::from_bytes) else { return Ok(None) };
    let Some(contact) = people::load(cx.tx, &account)? else { return Ok(None) };
    let (contact, card) = (shared(contact), devices::card(cx.tx, &account)?.map(|card| card.signed));
    let decisions = match own_records::winner(cx.tx, key)?.and_then(|winner| decode(&winner.value)) {
        Some((_, decisions, known, _)) if stands(&known) == stands(&contact) => decisions,
        Some((_, decisions, ..)) => decisions.saturating_add(1),
        None => 0,
    };
    let decisions = decisions.max(contact.relationship.blocks());
    let bare = value_of(&(VERSION, decisions, contact.clone(), None::<ByteBuf>))?;
    match card.filter(|card| bare.len() + card.len() < ROOM) {
        Some(card) => Ok(Some(value_of(&(VERSION, decisions, contact, Some(card)))?)),
        None => Ok(Some(bare)),
    }
}

fn decode(value: &[u8]) -> Option<Wire> {
    covey_codec::decode::<Wire>(value, MAX_VALUE).ok().filter(|(version, ..)| *version == VERSION)
}

/// What is decided: the state, which pact, and which one has ended.
fn stands(contact: &Contact) -> (State, Option<[u8; 32]>, Option<InviteId>) {
    let relationship = &contact.relationship;
    (relationship.state(), relationship.pair_secret().map(PairSecret::channel_id), relationship.last_ended())
}

/// [OWN-5] How a record ranks, as far as it does not depend on its place: decisions, weight of the last one, whether the contact confirmed. What
/// is not understood ranks lowest.
pub(super) fn rank(value: &[u8], known: Option<&[u8]>) -> (u64, u8, bool) {
    let Some((_, decisions, contact, _)) = decode(value).filter(|wire| is_believed(wire, known)) else {
        return (0, 0, false);
    };
    let weight = match contact.relationship.state() {
        State::Blocked => 3,
        State::Removed => 2,
        State::Paired => 1,
        _ => 0,
    };
    (decisions, weight, contact.relationship.confirmed())
}

/// [OWN-7] Whether so many decisions can have been made.
fn is_believed((_, decisions, contact, _): &Wire, known: Option<&[u8]>) -> bool {
    let known = known.and_then(decode).map_or(0, |(_, decisions, ..)| decisions);
    *decisions <= known.saturating_add(AHEAD) && contact.relationship.blocks() <= *decisions
}

/// Whether two records say the same of the contact, whatever card is beside it.
pub(super) fn is_same(a: &[u8], b: &[u8]) -> bool {
    let bare = |value: &[u8]| decode(value).and_then(|(_, _, contact, _)| value_of(&contact).ok());
    bare(a).is_some_and(|a| Some(a) == bare(b))
}

/// [OWN-7] Reads a record that a device of ours wrote, which may be stolen.
fn read(cx: &Cx<'_, '_>, key: &Key, value: &[u8]) -> Option<(Contact, Option<ByteBuf>)> {
    let account = key.id().map(AccountId::from_bytes)?;
    let (_, _, contact, card) = decode(value)?;
    let relationship = &contact.relationship;
    let of_account = contact.account == account && relationship.them() == account && !cx.me.is_ours(&account);
    // A log in a stored relationship is believed; this one comes from somebody.
    let log = relationship.log();
    let is_sound = log.is_none_or(|log| log.account() == account && log.verify_again().is_ok());
    let is_named = contact.alias.as_ref().is_none_or(|alias| covey_api::names::name(alias).is_ok());
    if !of_account || !is_sound || !is_named {
        warn!(account = %account.fmt_short(), "a device of this account says what cannot be of a contact; it is ignored");
        return None;
    }
    Some((shared(contact), card))
}

/// [OWN-7] Whether a record can be of its contact. One of a later version is kept for it.
pub(super) fn is_sound(cx: &Cx<'_, '_>, key: &Key, value: &[u8]) -> bool {
    // An array begins with its length, then comes the version.
    let is_newer = value.get(1).is_some_and(|version| (VERSION + 1..24).contains(version));
    is_newer || read(cx, key, value).is_some()
}

/// [OWN-10] A record of a contact came. It `counts` instead of the one that did, or it does not; what the contact said is taken of both.
pub(super) fn learned(
    cx: &mut Cx<'_, '_>,
    key: &Key,
    value: &[u8],
    known: Option<&[u8]>,
    counts: bool,
) -> Result<(), EngineError> {
    let is_believed = decode(value).is_some_and(|wire| is_believed(&wire, known));
    let Some((new, card)) = read(cx, key, value).filter(|_| is_believed) else { return Ok(()) };
    // Ahead of the record that counted, if this input brought more than one.
    let held = match people::load(cx.tx, &new.account)? {
        Some(held) => Some(shared(held)),
        None => known.and_then(|known| read(cx, key, known)).map(|(held, _)| held),
    };
    if let Some(card) = card.filter(|_| counts) {
        cards::learn(cx, &new.account, &card)?;
    }
    let Some(held) = held else { return if counts { adopted::adopt(cx, new) } else { Ok(()) } };
    let (first, second) = if counts { (&new, &held) } else { (&held, &new) };
    let joined = step::reconcile(cx, first, second)?;
    // What it has of both is said in turn.
    cx.notices.push(Notice::Shared(key.clone()));
    if value_of(&joined)? != value_of(&held)? {
        adopted::adopt(cx, joined.clone())?;
    }
    // After that: frames about invites that the contact has no more lead nowhere else.
    rival(cx, &joined, first)?;
    rival(cx, &joined, second)
}

/// [OWN-6] What a record that does not count has open, an invite of ours or an answer to theirs, is kept: the contact decides which it takes.
fn rival(cx: &mut Cx<'_, '_>, counts: &Contact, other: &Contact) -> Result<(), EngineError> {
    let relationship = &other.relationship;
    let is_open = other.has_pact() && !relationship.confirmed() || relationship.state() == State::Invited;
    let ids = relationship.invite_ids();
    if !is_open || (stands(counts) == stands(other) && counts.relationship.invite_ids() == ids) {
        return Ok(());
    }
    for id in ids {
        cx.tx.put(&tables::invite(&id), &other.account)?;
    }
    own_records::add_rival(cx.tx, &other.account, Rival(value_of(relationship)?))
}
