//! Those who asked to come in and wait for an admin.

use covey_api::{ApiError, GroupApprove, GroupRefusal, GroupReject, GroupRequests, JoinRequest, JoinRequestState};

use super::PAGE;
use super::known::{In, joined};
use crate::engine::group::{
    admission, show as shown,
    standing::{self, State},
};
use crate::engine::{Cx, channels, contacts};

/// `group.requests`
///
/// # Errors
/// Unknown group.
pub fn requests(cx: &mut Cx<'_, '_>, params: &GroupRequests) -> Result<Vec<JoinRequest>, ApiError> {
    let groups = match &params.group {
        Some(text) => vec![joined(cx, text)?.standing],
        None => standing::all(cx.tx)?,
    };
    let mut found = Vec::new();
    for no in groups.into_iter().filter(|group| group.state == State::Joined).filter_map(|group| group.no) {
        let Some(channel) = channels::by_no(cx.tx, no)? else { continue };
        for asking in admission::waiting(cx, no)? {
            found.push(shown::request(cx, &channel, &asking, JoinRequestState::Waiting)?);
        }
    }
    found.truncate(PAGE);
    Ok(found)
}

fn asking(cx: &Cx<'_, '_>, of: &In, text: &str) -> Result<admission::Asking, ApiError> {
    let lower = text.trim().to_lowercase();
    let mut found = Vec::new();
    for asking in admission::waiting(cx, of.channel.no)? {
        let id = asking.account.to_string();
        let alias = contacts::load(cx.tx, &asking.account)?.and_then(|contact| contact.alias);
        let fits = id == lower
            || (lower.len() >= 4
                && (id.starts_with(&lower) || id.strip_prefix("cv1").is_some_and(|id| id.starts_with(&lower))))
            || asking.name.to_lowercase() == lower
            || alias.is_some_and(|alias| alias.to_lowercase() == lower);
        if fits {
            found.push(asking);
        }
    }
    match found.len() {
        0 => Err(GroupRefusal::NoSuchRequest { group: &of.standing.name, account: text }.into()),
        1 => Ok(found.remove(0)),
        _ => Err(GroupRefusal::AmbiguousMember(text).into()),
    }
}

/// `group.approve`
///
/// # Errors
/// Unknown group or request, not allowed, full.
pub fn approve(cx: &mut Cx<'_, '_>, params: &GroupApprove) -> Result<JoinRequest, ApiError> {
    let mut of = joined(cx, &params.group)?;
    let asking = asking(cx, &of, &params.account)?;
    let may = admission::may_approve(cx, &of.channel, &asking);
    may.map_err(|denied| shown::denied(cx, &of.standing, &params.account, &denied))?;
    admission::approve(cx, &mut of.channel, &asking)?;
    Ok(shown::request(cx, &of.channel, &asking, JoinRequestState::Approved)?)
}

/// `group.reject`
///
/// # Errors
/// Unknown group or request.
pub fn reject(cx: &mut Cx<'_, '_>, params: &GroupReject) -> Result<JoinRequest, ApiError> {
    let of = joined(cx, &params.group)?;
    let asking = asking(cx, &of, &params.account)?;
    admission::reject(cx, &of.channel, &asking)?;
    Ok(shown::request(cx, &of.channel, &asking, JoinRequestState::Rejected)?)
}
