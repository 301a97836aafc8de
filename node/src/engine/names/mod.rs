//! [NODE-NAME] Who a name means. One rule for every method, over contacts, groups and conversations together, so that no method finds
//! somebody whom another does not, and no message goes to a contact whose alias begins like the name of a group.
//!
//! The rule itself is [`pick::pick`], a pure function over everything that could be meant. This module collects that, and
//! says in the answer what was unclear.

pub(super) mod aliases;
pub(super) mod bound;
pub(super) mod message;
pub(super) mod pick;
pub(super) mod unclear;

use covey_api::{ApiError, GroupRefusal, Reason};
use covey_feed::ChannelId;
use covey_pairing::consent::State as Consent;
use covey_pairing::ids::{AccountId, GroupId};

use crate::engine::names::pick::{Candidate, Kind, Purpose};
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::conversations;
use crate::engine::records::devices;
use crate::engine::records::people::{self, Contact};
use crate::engine::records::standing::{self, Standing, State};
use crate::engine::shown::contact;
use crate::engine::{Cx, EngineError, tables};

/// What a text named.
pub(super) enum Named {
    Contact(Box<Contact>),
    Group(Box<Standing>),
    /// A direct conversation, by its id.
    Channel(Box<Channel>),
}

/// Everything that could be meant, and how it is matched.
#[derive(Default)]
struct Known {
    named: Vec<Named>,
    candidates: Vec<Candidate>,
}

impl Known {
    fn push(&mut self, candidate: Candidate, named: Named) {
        self.candidates.push(candidate);
        self.named.push(named);
    }
}

/// The contact that `text` (alias, id, start of an id) names.
///
/// # Errors
/// [`Reason::NoSuchContact`], or several match.
pub(super) fn contact(cx: &Cx<'_, '_>, text: &str, purpose: Purpose) -> Result<Contact, ApiError> {
    find_contact(cx, text, purpose)?.filter(people::is_known).ok_or_else(|| contact::no_such(text))
}

/// The same, if any is called that, whether or not there is anything to say about them.
///
/// # Errors
/// Several match, or only a group does.
pub(super) fn find_contact(cx: &Cx<'_, '_>, text: &str, purpose: Purpose) -> Result<Option<Contact>, ApiError> {
    match named(cx, text, purpose, &[Kind::Contact], State::Joined)? {
        Some(Named::Contact(contact)) => Ok(Some(*contact)),
        _ => Ok(None),
    }
}

/// The group that `text` (name, id, start of an id) names; of several, the one that stands as `preferred`.
///
/// # Errors
/// [`Reason::NoSuchGroup`], or several match.
pub(super) fn group(cx: &Cx<'_, '_>, text: &str, purpose: Purpose, preferred: State) -> Result<Standing, ApiError> {
    match named(cx, text, purpose, &[Kind::Group], preferred)? {
        Some(Named::Group(standing)) => Ok(*standing),
        _ => Err(GroupRefusal::NoSuchGroup(text).into()),
    }
}

/// The channel of the contact or group that `text` names, or the direct channel of which it is the id.
///
/// # Errors
/// Nobody or several are called that, or there is no channel with them.
pub(super) fn channel(cx: &Cx<'_, '_>, text: &str, purpose: Purpose) -> Result<Channel, ApiError> {
    if cx.asker.channels().is_some() {
        return bound::among_visible(cx, text);
    }
    let no = match conversation(cx, text, purpose)? {
        Some(Named::Contact(contact)) => {
            return conversations::with(cx.tx, &contact)?.ok_or_else(|| contact::not_paired(&contact));
        }
        Some(Named::Group(group)) => group.no.ok_or_else(|| group.not_in())?,
        Some(Named::Channel(channel)) => return Ok(*channel),
        None => return Err(no_conversation(text)),
    };
    channels::by_no(cx.tx, no)?.ok_or_else(|| no_conversation(text))
}

/// Nobody is called that.
pub(super) fn no_conversation(text: &str) -> ApiError {
    ApiError::new(
        Reason::NoSuchChannel,
        format!("No contact or group is called \"{text}\". `covey pair list` and `covey group list` show them."),
    )
}

/// The contact, group or direct conversation that `text` names.
///
/// # Errors
/// Several match.
pub(super) fn conversation(cx: &Cx<'_, '_>, text: &str, purpose: Purpose) -> Result<Option<Named>, ApiError> {
    named(cx, text, purpose, &[Kind::Contact, Kind::Group, Kind::Channel], State::Joined)
}

fn named(
    cx: &Cx<'_, '_>,
    text: &str,
    purpose: Purpose,
    wanted: &[Kind],
    preferred: State,
) -> Result<Option<Named>, ApiError> {
    let text = text.trim();
    if let Some(found) = by_full_id(cx, text, wanted)? {
        return Ok(found);
    }
    // Whole names and starts of ids are looked up; only what fits neither needs everything.
    let mut narrow = close(cx, text, preferred)?;
    match pick::pick(text, Purpose::Change, wanted, &narrow.candidates) {
        Ok(found) => return Ok(Some(narrow.named.swap_remove(found))),
        Err(unclear) if !unclear.is_nobody() => return unclear::error(text, wanted, &unclear, &narrow.candidates),
        Err(_) => {}
    }
    let mut wide = all(cx, preferred)?;
    match pick::pick(text, purpose, wanted, &wide.candidates) {
        Ok(found) => Ok(Some(wide.named.swap_remove(found))),
        Err(unclear) => unclear::error(text, wanted, &unclear, &wide.candidates),
    }
}

/// What a whole id names. `Some(None)` if it names nothing that is wanted.
fn by_full_id(cx: &Cx<'_, '_>, text: &str, wanted: &[Kind]) -> Result<Option<Option<Named>>, EngineError> {
    if let Ok(account) = text.parse::<AccountId>() {
        let contact = if wanted.contains(&Kind::Contact) { people::load(cx.tx, &account)? } else { None };
        return Ok(Some(contact.map(|contact| Named::Contact(Box::new(contact)))));
    }
    let hex = data_encoding::HEXLOWER.decode(text.to_ascii_lowercase().as_bytes()).ok();
    let Some(id) = hex.and_then(|id| <[u8; 32]>::try_from(id).ok()) else { return Ok(None) };
    if wanted.contains(&Kind::Group)
        && let Some(standing) = standing::load(cx.tx, &GroupId::from_bytes(id))?
    {
        return Ok(Some(Some(Named::Group(Box::new(standing)))));
    }
    let channel = if wanted.contains(&Kind::Channel) { conversation_with(cx, id)? } else { None };
    Ok(Some(channel.map(|channel| Named::Channel(Box::new(channel)))))
}

/// Everything that `text` can mean as a whole name or as the start of an id.
fn close(cx: &Cx<'_, '_>, text: &str, preferred: State) -> Result<Known, EngineError> {
    let mut known = Known::default();
    if text.is_empty() {
        return Ok(known);
    }
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("cv1") {
        for contact in people::all(cx.tx)? {
            push_contact(cx, &mut known, contact, false)?;
        }
    } else if let Some(account) = cx.tx.load::<AccountId>(&tables::alias(text))?
        && let Some(contact) = people::load(cx.tx, &account)?
    {
        push_contact(cx, &mut known, contact, false)?;
    }
    for standing in standing::all(cx.tx)? {
        push_group(&mut known, standing, preferred);
    }
    if lower.len() >= pick::WHOLE && lower.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        push_channels(cx, &mut known)?;
    }
    Ok(known)
}

fn all(cx: &Cx<'_, '_>, preferred: State) -> Result<Known, EngineError> {
    let mut known = Known::default();
    for contact in people::all(cx.tx)? {
        push_contact(cx, &mut known, contact, true)?;
    }
    for standing in standing::all(cx.tx)? {
        push_group(&mut known, standing, preferred);
    }
    push_channels(cx, &mut known)?;
    Ok(known)
}

fn push_contact(cx: &Cx<'_, '_>, known: &mut Known, contact: Contact, claims: bool) -> Result<(), EngineError> {
    let claim = if claims { devices::card(cx.tx, &contact.account)?.and_then(|card| card.name) } else { None };
    let is_known = people::is_known(&contact);
    known.push(
        Candidate {
            kind: Kind::Contact,
            id: contact.account.to_string(),
            name: contact.alias.clone(),
            claim: claim.filter(|_| is_known),
            note: contact.note.clone().filter(|_| contact.relationship.state() == Consent::Pending),
            state: contact::shown_state(&contact),
            current: is_known,
        },
        Named::Contact(Box::new(contact)),
    );
    Ok(())
}

fn push_group(known: &mut Known, standing: Standing, preferred: State) {
    known.push(
        Candidate {
            id: standing.id.to_string(),
            name: Some(standing.name.clone()),
            current: standing.state == preferred,
            ..Candidate::of(Kind::Group)
        },
        Named::Group(Box::new(standing)),
    );
}

/// The conversation with an id. (The channel of our own devices is none.)
fn conversation_with(cx: &Cx<'_, '_>, id: [u8; 32]) -> Result<Option<Channel>, EngineError> {
    Ok(channels::by_id(cx.tx, &ChannelId::from_bytes(id))?.filter(|channel| channel.kind() != channels::Kind::Own))
}

/// Direct ones only: a group's has the id of the group.
fn push_channels(cx: &Cx<'_, '_>, known: &mut Known) -> Result<(), EngineError> {
    for channel in channels::all(cx.tx)?.into_iter().filter(|channel| !channel.is_group()) {
        known.push(
            Candidate { id: channel.text_id(), ..Candidate::of(Kind::Channel) },
            Named::Channel(Box::new(channel)),
        );
    }
    Ok(())
}
