//! `pair.*`

use covey_api::{
    ApiError, Contact, EventKind, PairAccept, PairBlock, PairCancel, PairDecline, PairForget, PairInvite, PairList,
    PairRemove, PairRename, PairSend, PairShow, PairUnblock, PairVerify, Reason, Sent, sentence,
};
use covey_pairing::consent::{Input, NOTE_MAX_CHARS, State};
use covey_pairing::identity::{Ticket, Token};
use covey_pairing::ids::AccountId;
use tracing::info;

use crate::engine::consent::keys::{self, Keys};
use crate::engine::consent::{commands, pursuit, requests};
use crate::engine::contacts::numbers;
use crate::engine::names::pick::Purpose;
use crate::engine::names::{self, aliases};
use crate::engine::records::people::{self, Hint, Wanted};
use crate::engine::rpc::message;
use crate::engine::shown::contact;
use crate::engine::{Cx, EngineError, PeerKey, journal};

/// `pair.invite`
///
/// # Errors
/// A text that is neither ticket nor id, or a state in which one cannot invite.
pub fn invite(cx: &mut Cx<'_, '_>, params: PairInvite) -> Result<Contact, ApiError> {
    let note = params.note.unwrap_or_default();
    if note.chars().count() > NOTE_MAX_CHARS {
        return Err(ApiError::new(
            Reason::TooLong,
            format!("The note has {} characters and may have {NOTE_MAX_CHARS}.", note.chars().count()),
        )
        .with_data(serde_json::json!({ "limit": NOTE_MAX_CHARS })));
    }
    let (account, ticket) = parse(cx, &params.to)?;
    if cx.me.is_ours(&account) {
        return Err(ApiError::new(Reason::OwnAccount, "This is your own account. Ask the other person for theirs."));
    }
    let mut contact = people::load_or_new(cx.tx, &account, cx.now)?;
    if let Some(alias) = &params.alias {
        aliases::set_alias(cx, &mut contact, alias)?;
    }
    // Their signed card is believed before a ticket, which anybody can make up.
    let card = keys::of_card(cx, &account)?;
    let mut keys = keys::of(cx, &contact)?;
    let mut token = None;
    if let Some(ticket) = ticket {
        let is_other = card.dh.is_some_and(|known| known != ticket.dh)
            || card.kem.is_some_and(|known| ticket.kem.is_some_and(|named| named != known));
        if is_other {
            return Err(ApiError::new(
                Reason::InvalidTicket,
                "This ticket does not name the keys of the account that it says it is from. Ask them for another one, or \
                 invite the account by its id (cv1…).",
            ));
        }
        keys.dh = Some(ticket.dh);
        keys.kem = ticket.kem.or(keys.kem);
        contact.hints = ticket
            .peers
            .into_iter()
            .map(|peer| Hint { peer: PeerKey(peer.network), addresses: peer.addresses })
            .collect();
        contact.keepers = ticket.keepers;
        token = ticket.token;
    }
    let their_kem = keys.kem.and_then(|hash| keys::at_hand(&contact, &hash));
    match keys.dh {
        // [PAIR-83] With the KEM key, or if nobody names one.
        Some(their_dh) if their_kem.is_some() || keys.kem.is_none() => {
            contact.wanted = None;
            contact.request = false;
            commands::command(cx, contact, Input::Invite { their_dh, their_kem, note, token })
        }
        // Theirs waits for an answer: that takes no key of theirs.
        Some(_) if contact.relationship.state() == State::Pending => {
            contact.request = false;
            commands::command(cx, contact, Input::Accept)
        }
        _ => {
            commands::may_invite(&contact)?;
            let wanted = wanted(cx, &mut contact, &keys, note, token);
            cx.live.waiting.remove(&account);
            contact.note = Some(wanted.note.clone()).filter(|note| !note.is_empty());
            contact.wanted = Some(wanted);
            contact.outgoing = Some(true);
            contact.changed_at = cx.now;
            contact.save(cx.tx)?;
            pursuit::pursue(cx, &contact, None)?;
            announced(cx, &contact)
        }
    }
}

/// An invite that waits for keys. Asked for already: they are looked for once more, with what was said last.
fn wanted(cx: &Cx<'_, '_>, contact: &mut people::Contact, keys: &Keys, note: String, token: Option<Token>) -> Wanted {
    let asked = contact.wanted.take();
    let since = asked.as_ref().map_or(cx.now, |asked| asked.since);
    let (said, given) = asked.map(|asked| (asked.note, asked.token)).unwrap_or_default();
    let note = if note.is_empty() { said } else { note };
    Wanted {
        note,
        token: token.or(given),
        since,
        dh: keys.dh,
        kem: keys.kem,
        renewal: false,
        of: Some(cx.me.device_id()),
    }
}

fn parse(cx: &Cx<'_, '_>, text: &str) -> Result<(AccountId, Option<Ticket>), ApiError> {
    let text = text.trim();
    if text.to_ascii_lowercase().starts_with("covey:") {
        let ticket = text.parse::<Ticket>().map_err(|error| {
            ApiError::new(
                Reason::InvalidTicket,
                format!("{} Copy it whole from `covey account ticket`.", sentence(&error.to_string())),
            )
        })?;
        if ticket.expires_at.is_some_and(|at| at <= cx.now) {
            return Err(ApiError::new(
                Reason::TicketExpired,
                "This ticket has expired. Ask for a new one, or invite the account by its id (cv1…).",
            ));
        }
        return Ok((ticket.account, Some(ticket)));
    }
    if text.to_ascii_lowercase().starts_with("covey-group:") {
        return Err(ApiError::new(
            Reason::InvalidTicket,
            "That is the ticket of a group. Join it with `covey group join TICKET`.",
        ));
    }
    match text.parse::<AccountId>() {
        Ok(account) => Ok((account, None)),
        // Somebody known may be invited again by name.
        Err(error) => match names::find_contact(cx, text, Purpose::Change)? {
            Some(contact) => Ok((contact.account, None)),
            None => Err(ApiError::new(
                Reason::InvalidTicket,
                format!("\"{text}\" is neither a ticket (covey:…) nor an account id (cv1…): {error}."),
            )),
        },
    }
}

/// `pair.list`
///
/// # Errors
/// Those of the store.
pub fn list(cx: &mut Cx<'_, '_>, params: &PairList) -> Result<Vec<Contact>, ApiError> {
    let mut found = people::all(cx.tx)?;
    found.retain(people::is_known);
    found.retain(|contact| params.state.is_none_or(|state| state == contact::shown_state(contact)));
    found.retain(|contact| params.renewal.is_none_or(|renewal| renewal == contact::is_renewal(contact)));
    found.sort_by_key(|contact| std::cmp::Reverse(contact.changed_at));
    Ok(found.iter().map(|contact| contact::show(cx, contact)).collect::<Result<_, EngineError>>()?)
}

/// `pair.show`
///
/// # Errors
/// Unknown contact.
pub fn show(cx: &mut Cx<'_, '_>, params: &PairShow) -> Result<Contact, ApiError> {
    let contact = names::contact(cx, &params.contact, Purpose::Read)?;
    Ok(contact::show(cx, &contact)?)
}

/// `pair.accept`
///
/// # Errors
/// Unknown contact, or no invite of theirs is waiting.
pub fn accept(cx: &mut Cx<'_, '_>, params: &PairAccept) -> Result<Contact, ApiError> {
    let mut contact = names::contact(cx, &params.contact, Purpose::Change)?;
    if let Some(alias) = &params.alias {
        aliases::set_alias(cx, &mut contact, alias)?;
    }
    if contact.is_request() {
        return requests::accept(cx, contact);
    }
    contact.request = false;
    commands::command(cx, contact, Input::Accept)
}

/// `pair.accept_renewals`
///
/// # Errors
/// Those of the store.
pub fn accept_renewals(cx: &mut Cx<'_, '_>) -> Result<Vec<Contact>, ApiError> {
    let mut accepted = Vec::new();
    for mut contact in people::all(cx.tx)?.into_iter().filter(contact::is_renewal) {
        contact.request = false;
        let account = contact.account;
        match commands::command(cx, contact, Input::Accept) {
            Ok(contact) => accepted.push(contact),
            // One that ran out this moment keeps the others from nothing.
            Err(error) => info!(account = %account.fmt_short(), %error, "a renewal is not accepted"),
        }
    }
    Ok(accepted)
}

/// `pair.decline`
///
/// # Errors
/// Unknown contact, or no invite of theirs is waiting.
pub fn decline(cx: &mut Cx<'_, '_>, params: &PairDecline) -> Result<Contact, ApiError> {
    let contact = names::contact(cx, &params.contact, Purpose::Change)?;
    if contact.is_request() {
        return requests::decline(cx, &contact);
    }
    commands::command(cx, contact, Input::Decline)
}

/// `pair.cancel`
///
/// # Errors
/// Unknown contact, or no invite of ours is out.
pub fn cancel(cx: &mut Cx<'_, '_>, params: &PairCancel) -> Result<Contact, ApiError> {
    let mut contact = names::contact(cx, &params.contact, Purpose::Change)?;
    if contact.wanted.take().is_some() && contact.relationship.state() != State::Invited {
        contact.changed_at = cx.now;
        contact.save(cx.tx)?;
        pursuit::watch(cx, &contact)?;
        return announced(cx, &contact);
    }
    commands::command(cx, contact, Input::Cancel)
}

/// `pair.forget`
///
/// # Errors
/// Unknown contact, or a state that is not an end.
pub fn forget(cx: &mut Cx<'_, '_>, params: &PairForget) -> Result<Contact, ApiError> {
    let mut contact = names::contact(cx, &params.contact, Purpose::Change)?;
    if contact.is_remembered() && contact.wanted.is_none() {
        contact.remembered = false;
        return commands::forget_remembered(cx, contact);
    }
    commands::command(cx, contact, Input::Forget)
}

/// `pair.remove`
///
/// # Errors
/// Unknown contact, or not paired.
pub fn remove(cx: &mut Cx<'_, '_>, params: &PairRemove) -> Result<Contact, ApiError> {
    let contact = names::contact(cx, &params.contact, Purpose::Change)?;
    commands::command(cx, contact, Input::Remove)
}

/// `pair.block`
///
/// # Errors
/// Neither a contact nor an account id.
pub fn block(cx: &mut Cx<'_, '_>, params: &PairBlock) -> Result<Contact, ApiError> {
    let contact = match (
        names::find_contact(cx, &params.contact, Purpose::Change)?,
        params.contact.trim().parse::<AccountId>(),
    ) {
        (Some(contact), _) => contact,
        (None, Ok(account)) if cx.me.is_ours(&account) => {
            return Err(ApiError::new(Reason::OwnAccount, "This is your own account."));
        }
        (None, Ok(account)) => people::Contact::new(account, cx.now),
        (None, Err(_)) => return Err(contact::no_such(&params.contact)),
    };
    commands::command(cx, contact, Input::Block)
}

/// `pair.unblock`
///
/// # Errors
/// Unknown contact, or not blocked.
pub fn unblock(cx: &mut Cx<'_, '_>, params: &PairUnblock) -> Result<Contact, ApiError> {
    let contact = names::contact(cx, &params.contact, Purpose::Change)?;
    commands::command(cx, contact, Input::Unblock)
}

/// `pair.verify`
///
/// # Errors
/// Unknown contact, or another number.
pub fn verify(cx: &mut Cx<'_, '_>, params: &PairVerify) -> Result<Contact, ApiError> {
    let mut contact = names::contact(cx, &params.contact, Purpose::Change)?;
    let given: String = params.safety_number.chars().filter(char::is_ascii_digit).collect();
    if !numbers::compare(cx, &contact.account, &given)? {
        return Err(ApiError::new(
            Reason::SafetyNumberMismatch,
            "The numbers differ: one of you mistyped it, or somebody is in between. Compare them again in person.",
        ));
    }
    // What was in dispute may be decided by this.
    contact = people::load_or_new(cx.tx, &contact.account, cx.now)?;
    contact.verified = true;
    contact.verified_before = false;
    contact.alerts.clear();
    contact.changed_at = cx.now;
    contact.save(cx.tx)?;
    announced(cx, &contact)
}

/// `pair.rename`
///
/// # Errors
/// Unknown contact, or an alias that is not possible.
pub fn rename(cx: &mut Cx<'_, '_>, params: &PairRename) -> Result<Contact, ApiError> {
    let mut contact = names::contact(cx, &params.contact, Purpose::Change)?;
    aliases::set_alias(cx, &mut contact, &params.alias)?;
    contact.save(cx.tx)?;
    announced(cx, &contact)
}

/// `pair.send`
///
/// # Errors
/// As [`message::send`], and for everything that is not a contact.
pub fn send(cx: &mut Cx<'_, '_>, params: PairSend) -> Result<Sent, ApiError> {
    let contact = names::contact(cx, &params.contact, Purpose::Change)?;
    let channel = message::paired_channel(cx, &contact)?;
    message::send_to(cx, channel, params.text, None, None)
}

/// Tells the journal about a contact, and the caller.
fn announced(cx: &mut Cx<'_, '_>, contact: &people::Contact) -> Result<Contact, ApiError> {
    cx.notices.contact(&contact.account);
    let shown = contact::show(cx, contact)?;
    journal::record(cx, EventKind::Contact, &shown)?;
    Ok(shown)
}
