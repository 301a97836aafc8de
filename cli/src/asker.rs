//! Somebody who is named by what they call themselves. Anybody can take any name, so the daemon does not go by it: who it is is
//! shown here, and a person has to confirm it.

use covey_api::{ApiError, Reason, Request};
use serde_json::Value;

use crate::{
    Failure, Session, Terminal,
    text::{clean_line, clean_words, short_id},
};

/// What is to be done to them.
pub(crate) struct Deed<'a> {
    /// `Accept`
    pub(crate) verb: &'a str,
    /// Do not ask for confirmation.
    pub(crate) yes: bool,
}

/// Does it to whom `name` names; if that is what only one calls themselves, to that one, once a person has confirmed it.
pub(crate) async fn ask<R: Request>(
    session: &Session,
    terminal: &mut Terminal,
    name: String,
    Deed { verb, yes }: Deed<'_>,
    request: impl Fn(String) -> R,
) -> Result<R::Answer, Failure> {
    match session.call(&request(name)).await {
        Err(Failure::Refused(error)) => {
            let Some(asker) = the_only_one(&error) else { return Err(error.into()) };
            if !yes && !confirmed(terminal, &asker, verb)? {
                return Err(not_confirmed(error, terminal, verb));
            }
            session.call(&request(asker.id)).await
        }
        answer => answer,
    }
}

/// Somebody who has a name that they gave themselves.
struct Asker {
    id: String,
    name: String,
    note: Option<String>,
}

/// The one who calls themselves so: of contacts, whose invite waits.
fn the_only_one(error: &ApiError) -> Option<Asker> {
    let (id, may_be): (_, fn(&Value) -> bool) = match error.reason {
        Reason::NoSuchContact => ("contact", |candidate| candidate["state"] == "pending"),
        Reason::NoSuchRequest | Reason::NotAMember => ("account", |candidate| candidate["alias"].is_null()),
        _ => return None,
    };
    let candidates = error.data["candidates"].as_array()?;
    let text = |candidate: &Value, field: &str| candidate[field].as_str().map(ToOwned::to_owned);
    let mut found = candidates.iter().filter(|candidate| may_be(candidate));
    let (one, None) = (found.next()?, found.next()) else { return None };
    let note = text(one, "note").filter(|note| !note.is_empty());
    Some(Asker { id: text(one, id)?, name: text(one, "name")?, note })
}

/// Asks a person who types. There is nobody to ask in a script.
fn confirmed(terminal: &mut Terminal, asker: &Asker, verb: &str) -> Result<bool, Failure> {
    if !terminal.typing || terminal.json {
        return Ok(false);
    }
    let Asker { id, name, note } = asker;
    terminal.complain(&format!("\"{}\" is what they call themselves, as anybody can.", clean_line(name)))?;
    terminal.complain(&format!("account  {}", clean_line(id)))?;
    if let Some(note) = note {
        terminal.complain(&format!("note     \"{}\"", clean_words(note)))?;
    }
    Ok(terminal.ask(&format!("{verb} {}? [y/N] ", short_id(id)))?)
}

fn not_confirmed(error: ApiError, terminal: &Terminal, verb: &str) -> Failure {
    if terminal.typing && !terminal.json {
        return Failure::new(error.reason, "Nothing was done.");
    }
    let message = format!("{} With --yes, {} takes the name.", error.message, verb.to_lowercase());
    ApiError { message, ..error }.into()
}
