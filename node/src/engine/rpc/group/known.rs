//! The group and the member that a text names, and what we may do there.

use covey_api as api;
use covey_api::{ApiError, GroupRefusal, Member, Reason};
use covey_pairing::group::roster::{self, Grant, Op};
use covey_pairing::ids::{AccountId, GroupId};
use serde_json::json;

use crate::engine::group::ops;
use crate::engine::live::groups::Group;
use crate::engine::members::rosters;
use crate::engine::names;
use crate::engine::names::pick::{self, Purpose};
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::people;
use crate::engine::records::standing::{self, Standing, State};
use crate::engine::shown::{group, ids};
use crate::engine::{Cx, EngineError};

/// Longest note in characters.
const MAX_NOTE: usize = 280;

/// Members told when a name may be several: any number can call themselves the same.
const MAX_CANDIDATES: usize = 20;

/// A group we are in, with its channel.
pub(super) struct In {
    pub(super) standing: Standing,
    pub(super) channel: Channel,
}

/// The group that `text` names in full, if we are in it.
pub(super) fn joined(cx: &Cx<'_, '_>, text: &str) -> Result<In, ApiError> {
    joined_for(cx, text, Purpose::Change)
}

/// The group that `text` names, if we are in it; to show something of it.
pub(super) fn joined_to_read(cx: &Cx<'_, '_>, text: &str) -> Result<In, ApiError> {
    joined_for(cx, text, Purpose::Read)
}

fn joined_for(cx: &Cx<'_, '_>, text: &str, purpose: Purpose) -> Result<In, ApiError> {
    let standing = names::group(cx, text, purpose, State::Joined)?;
    match (standing.state, standing.no) {
        (State::Joined, Some(no)) => {
            let channel = channels::by_no(cx.tx, no)?.ok_or(GroupRefusal::NoSuchGroup(text))?;
            Ok(In { standing, channel })
        }
        _ => Err(standing.not_in().into()),
    }
}

impl In {
    pub(super) fn group<'a>(&self, cx: &'a Cx<'_, '_>) -> Result<&'a Group, ApiError> {
        rosters::get(cx, self.channel.no).ok_or_else(|| GroupRefusal::NoSuchGroup(&self.standing.name).into())
    }

    /// Does it if we may; `who` is the member it is about.
    pub(super) fn act(&mut self, cx: &mut Cx<'_, '_>, who: &str, op: Op) -> Result<(), ApiError> {
        self.check(cx, who, &op)?;
        ops::write(cx, &mut self.channel, op).map(drop)
    }

    pub(super) fn check(&self, cx: &Cx<'_, '_>, who: &str, op: &Op) -> Result<(), ApiError> {
        let allowed = self.group(cx)?.roster.allowed(&cx.me.account_id(), op);
        allowed.map_err(|denied| group::denied(cx, &self.standing, who, &denied))
    }

    pub(super) fn shown(&self, cx: &Cx<'_, '_>) -> Result<api::Group, ApiError> {
        let standing = standing::of_channel(cx.tx, &self.channel)?;
        Ok(group::group(cx, standing.as_ref().unwrap_or(&self.standing))?)
    }

    pub(super) fn member(&self, cx: &Cx<'_, '_>, account: &AccountId) -> Result<Member, ApiError> {
        let member = group::member(cx, self.group(cx)?, account)?;
        member
            .ok_or_else(|| GroupRefusal::NotAMember { group: &self.standing.name, member: &account.fmt_short() }.into())
    }

    /// The account that `text` (alias, id, start of one, name) names among those the roster knows.
    pub(super) fn find(&self, cx: &Cx<'_, '_>, text: &str) -> Result<AccountId, ApiError> {
        if let Ok(account) = text.trim().parse() {
            return Ok(account);
        }
        let claim = |account: &AccountId| {
            let own = cx.me.is_ours(account);
            let name = if own { people::own_name(cx.tx)? } else { people::claimed_name(cx.tx, account)? };
            Ok(name.map(|name| Claim { name, note: None }))
        };
        let known = self.group(cx)?.roster.standings(None).map(|(account, _)| *account);
        let nobody = GroupRefusal::NotAMember { group: &self.standing.name, member: text };
        one_of(cx, text, known, claim, nobody)
    }

    /// What an invite or ticket gives.
    pub(super) fn granted(
        &self,
        cx: &Cx<'_, '_>,
        role: Option<api::Role>,
        invisible: Option<bool>,
    ) -> Result<Grant, ApiError> {
        let newcomers = self.group(cx)?.roster.policy().newcomers;
        let role = role.map_or(newcomers.role, group::role_of);
        if role == roster::Role::Owner {
            return Err(ApiError::invalid_params("A group has one owner; invite as admin at most."));
        }
        Ok(Grant { role, invisible: invisible.unwrap_or(newcomers.invisible) })
    }
}

/// What an account says of itself.
pub(super) struct Claim {
    pub(super) name: String,
    pub(super) note: Option<String>,
}

/// The one of `known` that `text` names: by our alias, else by the start of its id. The name that somebody gives itself, as
/// anybody can, decides nothing: who has it is told in the details of `nobody`, so that a person can be asked.
pub(super) fn one_of(
    cx: &Cx<'_, '_>,
    text: &str,
    known: impl IntoIterator<Item = AccountId>,
    claim: impl Fn(&AccountId) -> Result<Option<Claim>, EngineError>,
    nobody: GroupRefusal<'_>,
) -> Result<AccountId, ApiError> {
    let text = text.trim();
    let lower = text.to_lowercase();
    let is = |name: &str| name.to_lowercase() == lower;
    let (mut exact, mut near, mut claiming) = (Vec::new(), Vec::new(), Vec::new());
    for account in known {
        if people::alias_of(cx.tx, &account)?.is_some_and(|alias| is(&alias)) {
            exact.push(account);
        } else if pick::names_id(&account.to_string(), text) {
            near.push(account);
        } else if claim(&account)?.is_some_and(|claim| is(&claim.name)) {
            let own = cx.me.is_ours(&account);
            if own { near.push(account) } else { claiming.push(account) }
        }
    }
    let found = if exact.is_empty() { near } else { exact };
    let (several, error) = match (found.as_slice(), claiming.as_slice()) {
        ([one], _) => return Ok(*one),
        ([], []) => return Err(nobody.into()),
        ([], [one]) => {
            let id = ids::short(&one.to_string());
            let sentence =
                format!("\"{text}\" is a name that somebody gave themselves, as anybody can. Use the id: {id}.");
            (&claiming, ApiError::new(nobody.reason(), sentence))
        }
        ([], _) => (&claiming, GroupRefusal::AmbiguousMember(text).into()),
        _ => (&found, GroupRefusal::AmbiguousMember(text).into()),
    };
    let mut candidates = Vec::new();
    for account in several.iter().take(MAX_CANDIDATES) {
        let alias = people::alias_of(cx.tx, account)?;
        let (name, note) = claim(account)?.map(|claim| (claim.name, claim.note)).unzip();
        candidates
            .push(json!({ "account": account.to_string(), "alias": alias, "name": name, "note": note.flatten() }));
    }
    Err(error.with_data(json!({ "candidates": candidates })))
}

pub(super) fn checked_note(note: Option<String>) -> Result<String, ApiError> {
    let note = note.unwrap_or_default();
    if note.chars().count() > MAX_NOTE {
        return Err(ApiError::new(Reason::TooLong, format!("A note has at most {MAX_NOTE} characters.")));
    }
    Ok(note)
}

/// The group that a channel is of, by its text form.
///
/// # Errors
/// Unknown group, not a member.
pub(in crate::engine) fn resolve(cx: &Cx<'_, '_>, text: &str) -> Result<(GroupId, Channel), ApiError> {
    let of = joined(cx, text)?;
    Ok((of.standing.id, of.channel))
}
