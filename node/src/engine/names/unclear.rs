//! What is said about a name that means nobody, or several.

use covey_api::{ApiError, GroupRefusal, Reason};
use serde_json::{Value, json};

use crate::engine::names::pick::{Candidate, Kind, Unclear};
use crate::engine::shown::ids;

/// Candidates named in the details: any number can give themselves the same name.
const MOST: usize = 20;

/// `Ok(None)` if nobody is called that and there is nothing to say about it; the method knows what it looked for.
pub(in crate::engine) fn error<T>(
    text: &str,
    wanted: &[Kind],
    unclear: &Unclear,
    all: &[Candidate],
) -> Result<Option<T>, ApiError> {
    match unclear {
        Unclear::Several(several) => Err(several_are(text, several, all)),
        Unclear::Other(other) => Err(is_another(text, all[*other].kind)),
        Unclear::Nobody { claiming, .. } if !claiming.is_empty() => Err(they_say_so(text, wanted, claiming, all)),
        Unclear::Nobody { near, .. } if !near.is_empty() => Err(suggest(text, wanted, near, all)),
        Unclear::Nobody { .. } => Ok(None),
    }
}

fn several_are(text: &str, several: &[usize], all: &[Candidate]) -> ApiError {
    let found = || several.iter().map(|at| &all[*at]);
    let is_all = |kind| found().all(|one| one.kind == kind);
    let reason = match () {
        () if is_all(Kind::Contact) => Reason::AmbiguousContact,
        () if is_all(Kind::Group) => Reason::AmbiguousGroup,
        () => Reason::AmbiguousName,
    };
    let names: Vec<String> = found().take(MOST).map(speak).collect();
    let candidates: Vec<Value> = found().take(MOST).map(detail).collect();
    ApiError::new(reason, format!("\"{text}\" may be {}. Use the id.", names.join(" or ")))
        .with_data(json!({ "candidates": candidates }))
}

/// `the contact bob (cv1lkxek4a2pq)`
fn speak(one: &Candidate) -> String {
    let what = match one.kind {
        Kind::Contact => "the contact",
        Kind::Group => "the group",
        Kind::Channel => "the conversation",
    };
    match (&one.name, &one.claim) {
        (Some(name), _) => format!("{what} {name} ({})", ids::short(&one.id)),
        (None, Some(claim)) => format!("{what} who calls itself \"{claim}\" ({})", ids::short(&one.id)),
        (None, None) => format!("{what} {}", ids::short(&one.id)),
    }
}

fn detail(one: &Candidate) -> Value {
    match one.kind {
        Kind::Contact if one.name.is_none() && one.claim.is_some() => {
            json!({ "contact": one.id, "alias": null, "name": one.claim, "state": one.state, "note": one.note })
        }
        Kind::Contact => json!({ "contact": one.id, "alias": one.name }),
        Kind::Group => json!({ "group": one.id, "name": one.name }),
        Kind::Channel => json!({ "channel": one.id }),
    }
}

fn is_another(text: &str, kind: Kind) -> ApiError {
    match kind {
        Kind::Contact => ApiError::new(
            Reason::NoSuchGroup,
            format!("\"{text}\" is a contact, not a group. `covey group list` shows your groups."),
        ),
        Kind::Group => ApiError::new(
            Reason::NoSuchContact,
            format!("\"{text}\" is a group, not a contact. `covey pair list` shows your contacts."),
        ),
        Kind::Channel => ApiError::new(
            Reason::NoSuchContact,
            format!("\"{text}\" is a conversation. Name the contact or the group instead."),
        ),
    }
}

fn they_say_so(text: &str, wanted: &[Kind], claiming: &[usize], all: &[Candidate]) -> ApiError {
    let found = || claiming.iter().map(|at| &all[*at]).take(MOST);
    let ids: Vec<String> = found().map(|one| ids::short(&one.id)).collect();
    let candidates: Vec<Value> = found().map(detail).collect();
    let whose = if ids.len() == 1 { "the id" } else { "one of the ids" };
    ApiError::new(
        nobody(wanted),
        format!("\"{text}\" is a name that somebody gave themselves, as anybody can. Use {whose}: {}.", ids.join(", ")),
    )
    .with_data(json!({ "candidates": candidates }))
}

fn suggest(text: &str, wanted: &[Kind], near: &[usize], all: &[Candidate]) -> ApiError {
    let names: Vec<&str> = near.iter().filter_map(|at| all[*at].name.as_deref()).collect();
    let did_you_mean = format!("Did you mean {}?", names.join(" or "));
    let candidates: Vec<Value> = near.iter().map(|at| detail(&all[*at])).collect();
    let candidates = json!({ "candidates": candidates });
    if wanted == [Kind::Group] {
        let error = ApiError::from(GroupRefusal::NoSuchGroup(text));
        return ApiError { message: format!("{} {did_you_mean}", error.message), data: candidates, ..error };
    }
    let (what, lists) = match wanted {
        [Kind::Contact] => ("contact", "`covey pair list` shows them"),
        _ => ("contact or group", "`covey pair list` and `covey group list` show them"),
    };
    ApiError::new(nobody(wanted), format!("No {what} is called \"{text}\"; {lists}. {did_you_mean}"))
        .with_data(candidates)
}

fn nobody(wanted: &[Kind]) -> Reason {
    match wanted {
        [Kind::Contact] => Reason::NoSuchContact,
        [Kind::Group] => Reason::NoSuchGroup,
        _ => Reason::NoSuchChannel,
    }
}
