//! Those who asked to come in and wait for an admin.

use std::collections::BTreeMap;

use covey_api::{ApiError, GroupApprove, GroupRefusal, GroupReject, GroupRequests, JoinRequest, JoinRequestState};
use covey_pairing::ids::AccountId;

use crate::engine::Cx;
use crate::engine::group::admission;
use crate::engine::records::channels;
use crate::engine::records::joining::{self, Asking};
use crate::engine::records::standing::{self, State};
use crate::engine::rpc::group::PAGE;
use crate::engine::rpc::group::known::{self, Claim, In};
use crate::engine::shown::group;

/// `group.requests`
///
/// # Errors
/// Unknown group.
pub fn requests(cx: &mut Cx<'_, '_>, params: &GroupRequests) -> Result<Vec<JoinRequest>, ApiError> {
    let groups = match &params.group {
        Some(text) => vec![known::joined_to_read(cx, text)?.standing],
        None => standing::all(cx.tx)?,
    };
    let mut found = Vec::new();
    for no in groups.into_iter().filter(|group| group.state == State::Joined).filter_map(|group| group.no) {
        let Some(channel) = channels::by_no(cx.tx, no)? else { continue };
        for asking in joining::waiting(cx.tx, no)? {
            found.push(group::request(cx, &channel, &asking, JoinRequestState::Waiting)?);
        }
    }
    found.truncate(PAGE);
    Ok(found)
}

/// Who of those who wait is meant.
fn asking(cx: &Cx<'_, '_>, of: &In, text: &str) -> Result<Asking, ApiError> {
    let mut waiting: BTreeMap<AccountId, Asking> =
        joining::waiting(cx.tx, of.channel.no)?.into_iter().map(|asking| (asking.account, asking)).collect();
    let nobody = GroupRefusal::NoSuchRequest { group: &of.standing.name, account: text };
    let claim = |account: &AccountId| {
        let asking = waiting.get(account);
        Ok(asking.map(|asking| Claim { name: asking.name.clone(), note: Some(asking.note.clone()) }))
    };
    let account = match text.trim().parse() {
        Ok(account) => account,
        Err(_) => known::one_of(cx, text, waiting.keys().copied(), claim, nobody)?,
    };
    waiting.remove(&account).ok_or_else(|| nobody.into())
}

/// `group.approve`
///
/// # Errors
/// Unknown group or request, not allowed, full.
pub fn approve(cx: &mut Cx<'_, '_>, params: &GroupApprove) -> Result<JoinRequest, ApiError> {
    let mut of = known::joined(cx, &params.group)?;
    let asking = asking(cx, &of, &params.account)?;
    let may = admission::may_approve(cx, &of.channel, &asking);
    may.map_err(|denied| group::denied(cx, &of.standing, &params.account, &denied))?;
    admission::approve(cx, &mut of.channel, &asking)?;
    Ok(group::request(cx, &of.channel, &asking, JoinRequestState::Approved)?)
}

/// `group.reject`
///
/// # Errors
/// Unknown group or request.
pub fn reject(cx: &mut Cx<'_, '_>, params: &GroupReject) -> Result<JoinRequest, ApiError> {
    let of = known::joined(cx, &params.group)?;
    let asking = asking(cx, &of, &params.account)?;
    admission::reject(cx, &of.channel, &asking)?;
    Ok(group::request(cx, &of.channel, &asking, JoinRequestState::Rejected)?)
}
