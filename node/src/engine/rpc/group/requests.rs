//! Those who asked to come in and wait for an admin.

use std::collections::BTreeMap;

use covey_api::{ApiError, GroupApprove, GroupRefusal, GroupReject, GroupRequests, JoinRequest, JoinRequestState};
use covey_pairing::ids::AccountId;

use super::PAGE;
use super::known::{Claim, In, joined, joined_to_read, one_of};
use crate::engine::group::{
    admission::{self, Asking},
    show as shown,
    standing::{self, State},
};
use crate::engine::{Cx, channels};

/// `group.requests`
///
/// # Errors
/// Unknown group.
pub fn requests(cx: &mut Cx<'_, '_>, params: &GroupRequests) -> Result<Vec<JoinRequest>, ApiError> {
    let groups = match &params.group {
        Some(text) => vec![joined_to_read(cx, text)?.standing],
        None => standing::all(cx.tx)?,
    };
    let mut found = Vec::new();
    for no in groups.into_iter().filter(|group| group.state == State::Joined).filter_map(|group| group.no) {
        let Some(channel) = channels::by_no(cx.tx, no)? else { continue };
        for asking in admission::waiting(cx.tx, no)? {
            found.push(shown::request(cx, &channel, &asking, JoinRequestState::Waiting)?);
        }
    }
    found.truncate(PAGE);
    Ok(found)
}

/// Who of those who wait is meant.
fn asking(cx: &Cx<'_, '_>, of: &In, text: &str) -> Result<Asking, ApiError> {
    let mut waiting: BTreeMap<AccountId, Asking> =
        admission::waiting(cx.tx, of.channel.no)?.into_iter().map(|asking| (asking.account, asking)).collect();
    let nobody = GroupRefusal::NoSuchRequest { group: &of.standing.name, account: text };
    let claim = |account: &AccountId| {
        let asking = waiting.get(account);
        Ok(asking.map(|asking| Claim { name: asking.name.clone(), note: Some(asking.note.clone()) }))
    };
    let account = match text.trim().parse() {
        Ok(account) => account,
        Err(_) => one_of(cx, text, waiting.keys().copied(), claim, nobody)?,
    };
    waiting.remove(&account).ok_or_else(|| nobody.into())
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
