//! Contacts as our devices share them: consent, pact, what we call them, whether we compared numbers.
//!
//! A record holds the contact as it is stored, without what is of this device alone (the number of the channel, bundles that are
//! good once), and the card by which the others find the contact's devices. It counts the *decisions* that led to it: one more than the record before
//! it whenever the pact or the state is another one.

use covey_pairing::consent::{PairSecret, State};
use covey_pairing::ids::AccountId;
use serde_bytes::ByteBuf;
use tracing::warn;

use crate::engine::consent::adopted;
use crate::engine::contacts::cards;
use crate::engine::own::reading;
use crate::engine::records::channels;
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
    let bare = value_of(&(VERSION, decisions, contact.clone(), None::<ByteBuf>))?;
    match card.filter(|card| bare.len() + card.len() < ROOM) {
        Some(card) => Ok(Some(value_of(&(VERSION, decisions, contact, Some(card)))?)),
        None => Ok(Some(bare)),
    }
}

fn decode(value: &[u8]) -> Option<Wire> {
    covey_codec::decode::<Wire>(value, MAX_VALUE).ok().filter(|(version, ..)| *version == VERSION)
}

/// What is decided: the state, and which pact.
fn stands(contact: &Contact) -> (State, Option<[u8; 32]>) {
    (contact.relationship.state(), contact.relationship.pair_secret().map(PairSecret::channel_id))
}

/// [OWN-5] How a record ranks, as far as it does not depend on its place: decisions, weight of the last one, whether the contact confirmed. What
/// is not understood ranks lowest.
pub(super) fn rank(value: &[u8], known: Option<&[u8]>) -> (u64, u8, bool) {
    let Some((_, decisions, contact, _)) = decode(value) else { return (0, 0, false) };
    let known = known.and_then(decode).map_or(0, |(_, decisions, ..)| decisions);
    if decisions > known.saturating_add(AHEAD) {
        return (0, 0, false);
    }
    let weight = match contact.relationship.state() {
        State::Blocked => 3,
        State::Removed => 2,
        State::Paired => 1,
        _ => 0,
    };
    (decisions, weight, contact.relationship.confirmed())
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

/// A record of a contact counts from now on.
pub(super) fn apply(cx: &mut Cx<'_, '_>, key: &Key, value: &[u8]) -> Result<(), EngineError> {
    let Some((contact, card)) = read(cx, key, value) else { return Ok(()) };
    let account = contact.account;
    if let Some(card) = card {
        cards::learn(cx, &account, &card)?;
    }
    adopted::adopt(cx, contact)?;
    let no = people::load(cx.tx, &account)?.and_then(|contact| contact.channel);
    match no.map(|no| channels::by_no(cx.tx, no)).transpose()?.flatten() {
        // What was read of it elsewhere may have come before.
        Some(channel) => reading::apply_again(cx, &channel.id),
        None => Ok(()),
    }
}

/// [OWN-6] Of two records of a contact one counts. What the other one has open, an invite of ours or an answer to theirs, is kept: the contact
/// decides which it takes.
pub(super) fn rival(cx: &mut Cx<'_, '_>, key: &Key, counts: &[u8], other: &[u8]) -> Result<(), EngineError> {
    let (Some((counts, _)), Some((other, _))) = (read(cx, key, counts), read(cx, key, other)) else { return Ok(()) };
    let relationship = &other.relationship;
    let is_open = other.has_pact() && !relationship.confirmed() || relationship.state() == State::Invited;
    let ids = relationship.invite_ids();
    if !is_open || (stands(&counts) == stands(&other) && counts.relationship.invite_ids() == ids) {
        return Ok(());
    }
    for id in ids {
        cx.tx.put(&tables::invite(&id), &other.account)?;
    }
    own_records::add_rival(cx.tx, &other.account, Rival(value_of(relationship)?))
}
