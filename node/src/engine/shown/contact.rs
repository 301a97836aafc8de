//! Contacts as clients see them, and why nothing can be sent to some.

use covey_api as api;
use covey_api::names::shell_word;
use covey_api::{ApiError, ContactState, Direction, Reason, Time};
use covey_pairing::consent::State;
use covey_pairing::ids::AccountId;

use crate::engine::records::conversations;
use crate::engine::records::devices::{self, Card};
use crate::engine::records::people::{Alert, AlertKind, Contact};
use crate::engine::records::{left_frames, mailboxes};
use crate::engine::shown::ids;
use crate::engine::{Cx, EngineError};

/// Nobody is called that.
pub(in crate::engine) fn no_such(text: &str) -> ApiError {
    ApiError::new(
        Reason::NoSuchContact,
        format!(
            "No contact is called \"{text}\". `covey pair list` shows them, `covey pair invite` asks somebody new."
        ),
    )
}

/// Why nothing can be sent to this contact, and what to do.
pub(in crate::engine) fn not_paired(contact: &Contact) -> ApiError {
    let name = contact.alias.clone().unwrap_or_else(|| ids::short(&contact.account.to_string()));
    let word = shell_word(&name);
    let state = contact.relationship.state();
    let (reason, advice) = match state {
        State::Invited => (Reason::NotPaired, "They have not answered your invite yet.".to_owned()),
        State::Pending => (Reason::NotPaired, format!("Accept their invite first: `covey pair accept {word}`.")),
        State::Declined => (Reason::Declined, format!("You declined them; `covey pair forget {word}` lifts it.")),
        State::Refused => (Reason::RefusedByThem, "They declined your invite.".to_owned()),
        // The pairing is kept.
        State::Blocked => {
            let sentence = format!("You blocked {name}. `covey pair unblock {word}` lifts it.");
            return ApiError::new(Reason::Blocked, sentence).with_data(serde_json::json!({ "state": state.as_str() }));
        }
        _ if contact.wanted.is_some() => (Reason::NotPaired, "They have not answered your invite yet.".to_owned()),
        _ => (Reason::NotPaired, format!("Invite them first: `covey pair invite {}`.", contact.account)),
    };
    ApiError::new(reason, format!("You are not paired with {name}. {advice}"))
        .with_data(serde_json::json!({ "state": state.as_str() }))
}

/// Since when they stand as they do: what came back with our list of contacts has no invite that could tell.
fn since(contact: &Contact) -> u64 {
    match &contact.wanted {
        Some(wanted) => wanted.since,
        None if contact.is_remembered() => contact.changed_at,
        None => contact.relationship.since(),
    }
}

/// As clients see it.
pub(in crate::engine) fn show(cx: &Cx<'_, '_>, contact: &Contact) -> Result<api::Contact, EngineError> {
    let relationship = &contact.relationship;
    let state = shown_state(contact);
    let theirs = relationship.request().map(|request| request.expires_at);
    let expires_at = theirs.or_else(|| relationship.own_invite_expires_at());
    let channel = conversations::with(cx.tx, contact)?.map(|channel| channel.text_id());
    let card = devices::card(cx.tx, &contact.account)?;
    let contested = card.as_ref().is_some_and(Card::is_contested);
    let (keepers, reached) = keepers(cx, contact)?;
    Ok(api::Contact {
        contact: contact.account.to_string(),
        alias: contact.alias.clone(),
        name: card.and_then(|card| card.name),
        state,
        since: Time::from_unix_ms(since(contact)),
        direction: contact.outgoing.map(|out| if out { Direction::Outgoing } else { Direction::Incoming }),
        note: contact.note.clone(),
        expires_at: expires_at.map(Time::from_unix_ms),
        verified: contact.verified,
        confirmed: relationship.confirmed(),
        recovered_at: contact.recovered_at.map(Time::from_unix_ms),
        verified_before: contact.verified_before,
        remembered: contact.remembered && matches!(relationship.state(), State::Stranger | State::Pending),
        keepers,
        keepers_reached: reached.map(Time::from_unix_ms),
        kept_until: kept_until(cx, contact)?.map(Time::from_unix_ms),
        contested,
        renewal: is_renewal(contact),
        alerts: contact.alerts.iter().map(Alert::show).collect(),
        refused_before: contact.refused,
        ended_by: contact.ended_by_us.map(|us| if us { api::Party::Us } else { api::Party::Them }),
        online: contact.is_paired() && is_online(cx, &contact.account)?,
        channel,
    })
}

/// Until when a keeper of theirs keeps what we have to say of the pairing.
fn kept_until(cx: &Cx<'_, '_>, contact: &Contact) -> Result<Option<u64>, EngineError> {
    if contact.relationship.outstanding().is_empty() {
        return Ok(None);
    }
    left_frames::kept_until(cx.tx, &contact.account, cx.now)
}

/// At how many keepers mail can be left for a contact, or of anybody else an invite, and when one of them last answered.
fn keepers(cx: &Cx<'_, '_>, contact: &Contact) -> Result<(u32, Option<u64>), EngineError> {
    if !contact.is_paired() {
        let places = left_frames::places(cx.tx, contact)?.len();
        return Ok((u32::try_from(places).unwrap_or(u32::MAX), None));
    }
    let (places, mut reached) = (mailboxes::places(cx.tx, &contact.account)?, None);
    for (at, _) in &places {
        reached = reached.max(Some(mailboxes::left(cx.tx, &contact.account, &at.slot)?.reached).filter(|at| *at > 0));
    }
    Ok((u32::try_from(places.len()).unwrap_or(u32::MAX), reached))
}

/// Whether an invite of theirs waits that says we were paired before our account was recovered.
pub(in crate::engine) fn is_renewal(contact: &Contact) -> bool {
    contact.relationship.request().is_some_and(|request| request.renewal)
}

/// Nothing is sent to a contact whose account is contested, and why.
pub(in crate::engine) fn contested(contact: &Contact) -> ApiError {
    let name = contact.alias.clone().unwrap_or_else(|| ids::short(&contact.account.to_string()));
    let word = shell_word(&name);
    let sentence = format!(
        "The account of {name} is contested: somebody may have stolen its words. Compare safety numbers in person: `covey pair verify \
         {word}`."
    );
    ApiError::new(Reason::NotPaired, sentence).with_data(serde_json::json!({ "state": "contested" }))
}

/// The state as clients see it: somebody let in by the open mode is still pending until the operator says yes.
pub(in crate::engine) fn shown_state(contact: &Contact) -> ContactState {
    match contact.relationship.state() {
        // On its way, once all keys are known.
        State::Stranger | State::Refused | State::Expired | State::Cancelled | State::Removed
            if contact.wanted.is_some() =>
        {
            ContactState::Invited
        }
        State::Paired if contact.request => ContactState::Pending,
        State::Invited => ContactState::Invited,
        State::Pending => ContactState::Pending,
        State::Paired => ContactState::Paired,
        State::Declined => ContactState::Declined,
        State::Refused => ContactState::Refused,
        State::Expired => ContactState::Expired,
        State::Blocked => ContactState::Blocked,
        State::Removed => ContactState::Removed,
        State::Cancelled => ContactState::Cancelled,
        State::Stranger => ContactState::Stranger,
    }
}

/// Whether one of their devices talks to us. A connection alone does not tell: they may have removed or blocked us.
fn is_online(cx: &Cx<'_, '_>, account: &AccountId) -> Result<bool, EngineError> {
    Ok(devices::devices(cx.tx, account)?.iter().any(|device| cx.live.opened.contains(&device.peer)))
}

impl Alert {
    pub(in crate::engine) fn show(&self) -> api::ContactAlert {
        let what = match self.what {
            AlertKind::Renewed => api::ContactAlertKind::Renewed,
            AlertKind::Devices => api::ContactAlertKind::DevicesChanged,
            AlertKind::Contradiction => api::ContactAlertKind::Contradiction,
            AlertKind::Contested => api::ContactAlertKind::Contested,
        };
        api::ContactAlert { what, at: Time::from_unix_ms(self.at) }
    }
}
