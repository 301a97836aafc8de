//! Answers to an invite that is named by what its sender calls itself. Anybody can take any name, so the daemon does not go by
//! it: who it is is shown here, and asked back.

use covey_api::{ApiError, Reason, Request};
use serde_json::Value;

use super::AskerArg;
use crate::{
    Failure, Session, Terminal,
    text::{clean_line, clean_words, short_id},
};

/// Sends the answer; if only one invite that waits calls itself so, to that one, after it was asked back.
pub(super) async fn answer<R: Request>(
    session: &Session,
    terminal: &mut Terminal,
    AskerArg { contact, yes }: AskerArg,
    verb: &str,
    request: impl Fn(String) -> R,
) -> Result<R::Answer, Failure> {
    match session.call(&request(contact)).await {
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

/// Somebody who asks.
struct Asker {
    id: String,
    name: String,
    note: Option<String>,
}

/// The one whose invite waits and who calls itself so.
fn the_only_one(error: &ApiError) -> Option<Asker> {
    let candidates = error.data["candidates"].as_array().filter(|_| error.reason == Reason::NoSuchContact)?;
    let text = |candidate: &Value, field: &str| candidate[field].as_str().map(ToOwned::to_owned);
    let mut waiting = candidates.iter().filter(|candidate| candidate["state"] == "pending");
    let (one, None) = (waiting.next()?, waiting.next()) else { return None };
    Some(Asker { id: text(one, "contact")?, name: text(one, "name")?, note: text(one, "note") })
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
        return Failure::new(Reason::NoSuchContact, "Nothing was done.");
    }
    let message = format!("{} With --yes, {} takes the name.", error.message, verb.to_lowercase());
    ApiError { message, ..error }.into()
}
