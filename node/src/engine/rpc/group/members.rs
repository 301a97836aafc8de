//! Members: listed, removed, banned, given a role.

use covey_api as api;
use covey_api::{
    ApiError, GroupBan, GroupMembers, GroupRemove, GroupRole, GroupUnban, MAX_MEMBERS_PAGE, Member, MemberState,
};
use covey_pairing::group::roster::{Grant, Op};
use covey_pairing::ids::AccountId;

use crate::engine::group::ops;
use crate::engine::members::rosters;
use crate::engine::names::pick::Purpose;
use crate::engine::records::standing;
use crate::engine::rpc::group::known;
use crate::engine::rpc::range;
use crate::engine::shown::group;
use crate::engine::{Cx, names};

/// `group.members`
///
/// # Errors
/// Unknown group.
pub fn members(cx: &mut Cx<'_, '_>, params: &GroupMembers) -> Result<Vec<Member>, ApiError> {
    let standing = names::group(cx, &params.group, Purpose::Read, standing::State::Joined)?;
    let Some(group) = standing.no.and_then(|no| rosters::get(cx, no)) else {
        return Err(standing.not_in().into());
    };
    let after = params.after.as_deref().map(str::parse::<AccountId>).transpose();
    let after =
        after.map_err(|_| ApiError::invalid_params("`after` is the account id that the page before ended with."))?;
    let limit = range::page(params.limit, MAX_MEMBERS_PAGE, MAX_MEMBERS_PAGE)?;
    let me = cx.me.account_id();
    let mut found = Vec::new();
    for (account, _) in group.roster.standings(after.as_ref()) {
        if !group.roster.shows(&me, account) {
            continue;
        }
        let Some(member) = group::member(cx, group, account)? else { continue };
        let wanted = match params.state {
            Some(state) => member.state == state,
            None => matches!(member.state, MemberState::Joined | MemberState::Invited),
        };
        if wanted {
            found.push(member);
        }
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// `group.remove`
///
/// # Errors
/// Unknown group or member, not allowed.
pub fn remove(cx: &mut Cx<'_, '_>, params: &GroupRemove) -> Result<Member, ApiError> {
    let mut of = known::joined(cx, &params.group)?;
    let account = of.find(cx, &params.member)?;
    let open = of.group(cx)?.roster.standing(&account).is_some_and(|at| at.member.is_none() && !at.invites.is_empty());
    if open {
        let shown = of.member(cx, &account)?;
        of.act(cx, &params.member, Op::Uninvite { account })?;
        return Ok(Member { state: MemberState::Removed, ..shown });
    }
    let cut = ops::cut_of(cx.tx, &of.channel, &account)?;
    of.act(cx, &params.member, Op::Remove { account, cut })?;
    of.member(cx, &account)
}

/// `group.ban`
///
/// # Errors
/// Unknown group or member, not allowed.
pub fn ban(cx: &mut Cx<'_, '_>, params: &GroupBan) -> Result<Member, ApiError> {
    let mut of = known::joined(cx, &params.group)?;
    let account = of.find(cx, &params.member)?;
    let cut = ops::cut_of(cx.tx, &of.channel, &account)?;
    of.act(cx, &params.member, Op::Ban { account, cut })?;
    of.member(cx, &account)
}

/// `group.unban`
///
/// # Errors
/// Unknown group or member, not banned, not allowed.
pub fn unban(cx: &mut Cx<'_, '_>, params: &GroupUnban) -> Result<Member, ApiError> {
    let mut of = known::joined(cx, &params.group)?;
    let account = of.find(cx, &params.member)?;
    let before = of.member(cx, &account)?;
    of.act(cx, &params.member, Op::Unban { account })?;
    Ok(group::member(cx, of.group(cx)?, &account)?.unwrap_or(Member { state: MemberState::Removed, ..before }))
}

/// `group.role`
///
/// # Errors
/// Unknown group or member, not allowed.
pub fn role(cx: &mut Cx<'_, '_>, params: &GroupRole) -> Result<Member, ApiError> {
    let mut of = known::joined(cx, &params.group)?;
    let account = of.find(cx, &params.member)?;
    if params.role == api::Role::Owner {
        of.act(cx, &params.member, Op::Transfer { to: account })?;
        return of.member(cx, &account);
    }
    let known = of.group(cx)?.roster.member(&account).is_some_and(|member| member.invisible);
    let grant = Grant { role: group::role_of(params.role), invisible: params.invisible.unwrap_or(known) };
    let cut = Some(ops::cut_of(cx.tx, &of.channel, &account)?);
    of.act(cx, &params.member, Op::Role { account, grant, cut })?;
    of.member(cx, &account)
}
