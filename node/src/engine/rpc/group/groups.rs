//! The group as a whole: made, listed, shown, renamed, ruled.

use covey_api as api;
use covey_api::{ApiError, GroupCreate, GroupCreated, GroupList, GroupPolicy, GroupRename, GroupShow};
use covey_pairing::group::roster::{self, Op, group_id};
use rand_core::Rng;
use serde_bytes::ByteBuf;

use crate::engine::group::{fill, ops};
use crate::engine::names::pick::Purpose;
use crate::engine::names::{self, aliases};
use crate::engine::records::standing;
use crate::engine::rpc::group::known;
use crate::engine::shown::group;
use crate::engine::{Cx, card};

fn checked_name(cx: &Cx<'_, '_>, name: &str) -> Result<String, ApiError> {
    let name = covey_api::names::name(name).map_err(|why| ApiError::invalid_params(why.to_string()))?;
    if !roster::is_group_name(name) {
        return Err(ApiError::invalid_params("A group cannot have that name; choose another one."));
    }
    aliases::no_contact_has(cx, name)?;
    Ok(name.to_owned())
}

fn checked_policy(policy: api::Policy) -> Result<roster::Policy, ApiError> {
    let policy = group::policy_of(policy);
    if policy.is_sane() {
        return Ok(policy);
    }
    Err(ApiError::invalid_params("Newcomers are readers or members, and readers never write."))
}

/// `group.create`
///
/// # Errors
/// A name or policy that cannot be.
pub fn create(cx: &mut Cx<'_, '_>, params: &GroupCreate) -> Result<GroupCreated, ApiError> {
    let name = checked_name(cx, &params.name)?;
    let defaults = api::Policy::default();
    let policy = checked_policy(api::Policy {
        invite: params.invite.unwrap_or(defaults.invite),
        rename: params.rename.unwrap_or(defaults.rename),
        write: params.write.unwrap_or(defaults.write),
        newcomers: params.newcomers.unwrap_or(defaults.newcomers),
        newcomers_invisible: params.newcomers_invisible.unwrap_or(defaults.newcomers_invisible),
        approve: params.approve.unwrap_or(defaults.approve),
    })?;
    let mut nonce = [0; 32];
    cx.rng.fill_bytes(&mut nonce);
    let id = group_id(&cx.me.account_id(), &cx.me.device_id(), &nonce);
    let card = ByteBuf::from(card::own(cx)?);
    let mut channel = fill::begin(cx, id, &name)?;
    ops::write(cx, &mut channel, Op::Create { nonce, name, policy, card })?;
    Ok(GroupCreated { group: id.to_string(), channel: id.to_string() })
}

/// `group.list`
///
/// # Errors
/// Those of the store.
pub fn list(cx: &mut Cx<'_, '_>, params: &GroupList) -> Result<Vec<api::Group>, ApiError> {
    let mut groups = Vec::new();
    for standing in standing::all(cx.tx)? {
        let group = group::group(cx, &standing)?;
        if params.state.is_none_or(|state| state == group.state) {
            groups.push(group);
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.since));
    Ok(groups)
}

/// `group.show`
///
/// # Errors
/// Unknown group.
pub fn show(cx: &mut Cx<'_, '_>, params: &GroupShow) -> Result<api::Group, ApiError> {
    let standing = names::group(cx, &params.group, Purpose::Read, standing::State::Joined)?;
    Ok(group::group(cx, &standing)?)
}

/// `group.rename`
///
/// # Errors
/// Unknown group, a name that cannot be, not allowed.
pub fn rename(cx: &mut Cx<'_, '_>, params: &GroupRename) -> Result<api::Group, ApiError> {
    let mut of = known::joined(cx, &params.group)?;
    let name = checked_name(cx, &params.name)?;
    of.act(cx, "You", Op::Rename { name })?;
    of.shown(cx)
}

/// `group.policy`
///
/// # Errors
/// Unknown group, a policy that cannot be, not allowed.
pub fn policy(cx: &mut Cx<'_, '_>, params: &GroupPolicy) -> Result<api::Group, ApiError> {
    let mut of = known::joined(cx, &params.group)?;
    let now = group::policy(of.group(cx)?.roster.policy());
    let policy = checked_policy(api::Policy {
        invite: params.invite.unwrap_or(now.invite),
        rename: params.rename.unwrap_or(now.rename),
        write: params.write.unwrap_or(now.write),
        newcomers: params.newcomers.unwrap_or(now.newcomers),
        newcomers_invisible: params.newcomers_invisible.unwrap_or(now.newcomers_invisible),
        approve: params.approve.unwrap_or(now.approve),
    })?;
    let cut = ops::cut_of_all(cx.tx, &of.channel)?;
    of.act(cx, "You", Op::Policy { policy, cut })?;
    of.shown(cx)
}
