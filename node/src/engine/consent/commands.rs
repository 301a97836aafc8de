//! What an operator asks of a relationship.

use covey_api as api;
use covey_api::names::shell_word;
use covey_api::{ApiError, Reason, sentence};
use covey_pairing::consent::{Command, ConsentError, Input, State};

use crate::engine::consent::{keys, step};
use crate::engine::records::people::{self, Contact};
use crate::engine::shown::{contact, ids};
use crate::engine::{Cx, tables};

/// Runs an operator's command on a contact and tells what came of it.
pub(in crate::engine) fn command(
    cx: &mut Cx<'_, '_>,
    mut contact: Contact,
    input: Input,
) -> Result<api::Contact, ApiError> {
    if let Ok(log) = keys::log_of(cx, &contact)? {
        contact.relationship.set_log(log);
    }
    let account = contact.account;
    let name = contact.alias.clone().unwrap_or_else(|| ids::short(&account.to_string()));
    step::step(cx, contact, input, None)?.map_err(|error| refused(&name, &error))?;
    let contact = people::load_or_new(cx.tx, &account, cx.now)?;
    Ok(contact::show(cx, &contact)?)
}

/// Forgets somebody who is known from the list of contacts that came back with this account, and from nothing else.
pub(in crate::engine) fn forget_remembered(cx: &mut Cx<'_, '_>, contact: Contact) -> Result<api::Contact, ApiError> {
    let contact = Contact { remembered: false, alias: None, changed_at: cx.now, ..contact };
    if let Some(alias) = people::alias_of(cx.tx, &contact.account)? {
        cx.tx.delete(&tables::alias(&alias));
    }
    contact.save(cx.tx)?;
    cx.notices.contact(&contact.account);
    step::announce(cx, &contact)?;
    Ok(contact::show(cx, &contact)?)
}

fn refused(name: &str, error: &ConsentError) -> ApiError {
    match error {
        ConsentError::NotAllowed { command, state } => {
            let reason = match state {
                State::Declined => Reason::Declined,
                State::Blocked => Reason::Blocked,
                _ => Reason::WrongState,
            };
            let word = shell_word(name);
            let advice = match (command, state) {
                (_, State::Paired) => String::new(),
                (_, State::Declined) => format!(" `covey pair forget {word}` lifts it."),
                (Command::Forget, State::Blocked) => {
                    format!(" Run `covey pair unblock {word}` or `covey pair remove {word}` first.")
                }
                (_, State::Blocked) => format!(" `covey pair unblock {word}` lifts it."),
                (Command::Forget, State::Invited) => format!(" `covey pair cancel {word}` takes it back."),
                (Command::Forget, State::Pending) => {
                    format!(" Answer it: `covey pair accept {word}` or `covey pair decline {word}`.")
                }
                _ => format!(" `covey pair show {word}` tells where you stand."),
            };
            let error = error.to_string();
            let why = error.split_once(": ").map_or(error.as_str(), |(_, why)| why);
            ApiError::new(reason, format!("Cannot {command} {name}: {why}.{advice}"))
                .with_data(serde_json::json!({ "state": state.as_str() }))
        }
        ConsentError::InviterGone => {
            let advice =
                "They may have lost it. Run `covey pair decline` and `covey pair forget`, then invite them yourself.";
            ApiError::new(Reason::WrongState, format!("Cannot accept {name}: {error}. {advice}"))
        }
        ConsentError::OwnAccount => ApiError::new(Reason::OwnAccount, sentence(&error.to_string())),
        ConsentError::Note => ApiError::new(Reason::TooLong, sentence(&error.to_string())),
        ConsentError::BadKey => ApiError::new(Reason::InvalidTicket, sentence(&error.to_string())),
        _ => ApiError::internal(sentence(&error.to_string())),
    }
}

/// Whether we may invite an account of which we do not have the key yet.
pub(in crate::engine) fn may_invite(contact: &Contact) -> Result<(), ApiError> {
    let state = contact.relationship.state();
    if matches!(state, State::Paired | State::Blocked | State::Declined | State::Pending) {
        let name = contact.alias.clone().unwrap_or_else(|| ids::short(&contact.account.to_string()));
        return Err(refused(&name, &ConsentError::NotAllowed { command: Command::Invite, state }));
    }
    Ok(())
}
