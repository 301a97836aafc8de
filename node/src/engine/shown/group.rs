//! Groups, their members and what happens in them, as clients see it.

use covey_api as api;
use covey_api::{ApiError, GroupEvent, GroupRefusal, JoinRequest, JoinRequestState, MemberState, Time, sentence};
use covey_pairing::group::roster::{self, Denied, Exit, Grant, Role};
use covey_pairing::ids::AccountId;

use crate::engine::live::groups::Group;
use crate::engine::members::rosters;
use crate::engine::records::channels::Channel;
use crate::engine::records::joining::{self, Asking};
use crate::engine::records::standing::{self, Standing, State};
use crate::engine::records::{conversations, devices, people};
use crate::engine::{Cx, EngineError, journal};

/// How a role is told.
pub(in crate::engine) fn role(role: Role) -> api::Role {
    match role {
        Role::Owner => api::Role::Owner,
        Role::Admin => api::Role::Admin,
        Role::Member => api::Role::Member,
        Role::Reader => api::Role::Reader,
    }
}

/// What was told as a role.
pub(in crate::engine) fn role_of(role: api::Role) -> Role {
    match role {
        api::Role::Owner => Role::Owner,
        api::Role::Admin => Role::Admin,
        api::Role::Member => Role::Member,
        api::Role::Reader => Role::Reader,
    }
}

/// How a policy is told.
pub(in crate::engine) fn policy(policy: roster::Policy) -> api::Policy {
    api::Policy {
        invite: role(policy.invite),
        rename: role(policy.rename),
        write: role(policy.write),
        newcomers: role(policy.newcomers.role),
        newcomers_invisible: policy.newcomers.invisible,
        approve: policy.approve,
    }
}

/// What was told as a policy.
pub(in crate::engine) fn policy_of(policy: api::Policy) -> roster::Policy {
    roster::Policy {
        invite: role_of(policy.invite),
        rename: role_of(policy.rename),
        write: role_of(policy.write),
        newcomers: Grant { role: role_of(policy.newcomers), invisible: policy.newcomers_invisible },
        approve: policy.approve,
    }
}

/// What an account is called here.
pub(in crate::engine) fn name_of(cx: &Cx<'_, '_>, account: &AccountId) -> Result<String, EngineError> {
    if cx.me.is_ours(account) {
        return Ok(people::own_name(cx.tx)?.unwrap_or_else(|| account.fmt_short()));
    }
    Ok(people::name_of(cx.tx, account)?.unwrap_or_else(|| account.fmt_short()))
}

/// A group and how we stand to it.
pub(in crate::engine) fn group(cx: &Cx<'_, '_>, standing: &Standing) -> Result<api::Group, EngineError> {
    let known = standing.no.and_then(|no| rosters::get(cx, no));
    let me = cx.me.account_id();
    let own = known.filter(|_| standing.state == State::Joined).and_then(|group| group.own(&me));
    let invite = standing.invite.as_ref().filter(|_| standing.state == State::Invited);
    let members = match (known, invite) {
        (_, Some(invite)) => invite.members,
        (Some(group), None) => group.members(&me),
        (None, None) => 0,
    };
    let requests = match standing.no {
        Some(no) => joining::how_many_wait(cx.tx, no)?,
        None => 0,
    };
    Ok(api::Group {
        group: standing.id.to_string(),
        channel: standing.id.to_string(),
        name: standing.name.clone(),
        state: standing.state.shown(),
        role: own.map(|own| role(own.role)).or_else(|| invite.map(|invite| role(invite.role))),
        members,
        since: Time::from_unix_ms(standing.since),
        founder: known.and_then(|group| group.roster.founder()).map(ToString::to_string),
        by: standing.by.map(|by| by.to_string()),
        by_name: standing.by.map(|by| name_of(cx, &by)).transpose()?,
        by_alias: standing.by.map(|by| people::alias_of(cx.tx, &by)).transpose()?.flatten(),
        note: invite.map(|invite| invite.note.clone()).filter(|note| !note.is_empty()),
        expires_at: None,
        policy: known.map_or_else(api::Policy::default, |group| policy(group.roster.policy())),
        requests: u32::try_from(requests).unwrap_or(u32::MAX),
        roster_hash: known.map(|group| data_encoding::HEXLOWER.encode(&group.roster.hash())),
    })
}

/// A member, or somebody who was one or is asked to be.
pub(in crate::engine) fn member(
    cx: &Cx<'_, '_>,
    group: &Group,
    account: &AccountId,
) -> Result<Option<api::Member>, EngineError> {
    let Some(at) = group.roster.standing(account) else { return Ok(None) };
    let own = cx.me.is_ours(account);
    let on_roster = if own { group.own(account) } else { at.member.as_ref() };
    let (state, shown, invisible, since) = match (on_roster, &at.banned, at.invites.first(), &at.exit) {
        (Some(member), ..) => (MemberState::Joined, member.role, member.invisible, member.since),
        (None, Some(_), _, exit) => (MemberState::Banned, Role::Member, false, exit.map_or(0, |exit| exit.2)),
        (None, None, Some(invite), _) => (MemberState::Invited, invite.grant.role, invite.grant.invisible, invite.at),
        (None, None, None, Some((Exit::Left, _, since))) => (MemberState::Left, Role::Member, false, *since),
        (None, None, None, Some((_, _, since))) => (MemberState::Removed, Role::Member, false, *since),
        (None, None, None, None) if own && at.member.is_some() => {
            let since = standing::load(cx.tx, &group.id)?.map_or(0, |standing| standing.since);
            (MemberState::Removed, Role::Member, false, since)
        }
        (None, None, None, None) => return Ok(None),
    };
    let online = own || devices::devices(cx.tx, account)?.iter().any(|device| cx.live.connected.contains(&device.peer));
    Ok(Some(api::Member {
        account: account.to_string(),
        alias: people::alias_of(cx.tx, account)?,
        name: if own { people::own_name(cx.tx)? } else { people::claimed_name(cx.tx, account)? },
        role: role(shown),
        state,
        invisible,
        own,
        since: Time::from_unix_ms(since),
        online,
    }))
}

/// What an event about a group carries.
fn event(
    cx: &Cx<'_, '_>,
    standing: &Standing,
    member_of: Option<AccountId>,
    actor: Option<AccountId>,
) -> Result<GroupEvent, EngineError> {
    let me = cx.me.account_id();
    let actor = actor.filter(|actor| *actor != me);
    let about = match (standing.no.and_then(|no| rosters::get(cx, no)), member_of) {
        (Some(group), Some(account)) => member(cx, group, &account)?,
        _ => None,
    };
    Ok(GroupEvent {
        group: group(cx, standing)?,
        member: about,
        actor: actor.map(|actor| actor.to_string()),
        actor_name: actor.map(|actor| name_of(cx, &actor)).transpose()?,
        actor_alias: actor.map(|actor| people::alias_of(cx.tx, &actor)).transpose()?.flatten(),
    })
}

/// Writes to the journal what happened in a group: to whom, by whom.
pub(in crate::engine) fn announce(
    cx: &mut Cx<'_, '_>,
    kind: covey_api::EventKind,
    standing: &Standing,
    member: Option<AccountId>,
    actor: Option<AccountId>,
) -> Result<(), EngineError> {
    cx.notices.group(&standing.id);
    let event = event(cx, standing, member, actor)?;
    journal::record(cx, kind, &event)
}

/// Somebody who asks to be let in.
pub(in crate::engine) fn request(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    asking: &Asking,
    state: JoinRequestState,
) -> Result<JoinRequest, EngineError> {
    Ok(JoinRequest {
        group: channel.text_id(),
        group_name: conversations::name(cx.tx, channel)?,
        account: asking.account.to_string(),
        alias: people::load(cx.tx, &asking.account)?.and_then(|contact| contact.alias),
        // Who has chosen no name is called by the beginning of their id on their card.
        name: Some(asking.name.clone()).filter(|name| !name.is_empty() && *name != asking.account.fmt_short()),
        note: Some(asking.note.clone()).filter(|note| !note.is_empty()),
        state,
        ticket: asking.ticket.clone(),
        role: role(asking.role),
        requested_at: Time::from_unix_ms(asking.at),
    })
}

/// How a refusal of the roster reads; `who` is the member it is about.
pub(in crate::engine) fn denied(cx: &Cx<'_, '_>, standing: &Standing, who: &str, denied: &Denied) -> ApiError {
    let name = standing.name.as_str();
    let own =
        standing.no.and_then(|no| rosters::get(cx, no)).and_then(|group| group.roster.member(&cx.me.account_id()));
    let own = own.map_or(api::Role::Reader, |own| role(own.role));
    match denied {
        Denied::NotAMember if standing.state == State::Joined => GroupRefusal::WeAreNotAMember(name).into(),
        Denied::NotAMember => GroupRefusal::Left(name).into(),
        Denied::Missing { right: missing, least } => {
            GroupRefusal::NotAllowed { group: name, right: right(*missing), role: own, needs: role(*least) }.into()
        }
        Denied::SubjectNotAMember | Denied::NotInvited => GroupRefusal::NotAMember { group: name, member: who }.into(),
        Denied::AlreadyAMember | Denied::AlreadyInvited => {
            GroupRefusal::AlreadyMember { group: name, member: who }.into()
        }
        Denied::Banned | Denied::AlreadyBanned => GroupRefusal::Banned { group: name, member: who }.into(),
        Denied::NotBanned => GroupRefusal::NotBanned { group: name, member: who }.into(),
        Denied::IsOwner => GroupRefusal::IsOwner { group: name, member: who, right: api::Right::Remove }.into(),
        Denied::Oneself => GroupRefusal::Oneself.into(),
        Denied::Full => {
            let limit = u32::try_from(cx.policy.max_members.min(roster::MEMBERS_MAX)).unwrap_or(u32::MAX);
            GroupRefusal::Full { group: name, limit }.into()
        }
        Denied::NoTicket => GroupRefusal::NoSuchTicket { group: name, id: who }.into(),
        Denied::TicketRevoked | Denied::TicketUsed | Denied::TicketExpired => GroupRefusal::SpentTicket.into(),
        Denied::NoChange => ApiError::new(api::Reason::WrongState, "That changes nothing.".to_owned()),
        other => ApiError::new(api::Reason::WrongState, sentence(&other.to_string())),
    }
}

fn right(right: roster::Right) -> api::Right {
    match right {
        roster::Right::Write => api::Right::Write,
        roster::Right::Invite => api::Right::Invite,
        roster::Right::Ticket => api::Right::Ticket,
        roster::Right::Approve => api::Right::Approve,
        roster::Right::Remove => api::Right::Remove,
        roster::Right::Ban => api::Right::Ban,
        roster::Right::Role => api::Right::Role,
        roster::Right::Transfer => api::Right::Transfer,
        roster::Right::Rename => api::Right::Rename,
        roster::Right::Policy => api::Right::Policy,
        roster::Right::Delete => api::Right::Delete,
    }
}

/// Whether a channel has too many recipients to tell of each.
pub(in crate::engine) fn is_large(cx: &Cx<'_, '_>, channel: &Channel) -> bool {
    channel.is_group() && rosters::get(cx, channel.no).is_some_and(|group| group.roster.len() > api::MAX_MISSING + 1)
}

/// How many members the group of a channel has, and what we are in it.
pub(in crate::engine) fn size_and_role(cx: &Cx<'_, '_>, channel: &Channel) -> (Option<u32>, Option<api::Role>) {
    let Some(group) = rosters::get(cx, channel.no).filter(|_| channel.is_group()) else { return (None, None) };
    let me = cx.me.account_id();
    (Some(group.members(&me)), group.own(&me).map(|own| role(own.role)))
}

/// Why nothing can be done in the group of this channel.
pub(in crate::engine) fn closed(cx: &Cx<'_, '_>, channel: &Channel) -> Result<ApiError, EngineError> {
    let name = conversations::name(cx.tx, channel)?;
    let standing = standing::of_channel(cx.tx, channel)?;
    let state = standing.map_or(State::Left, |standing| standing.state);
    Ok(match state {
        State::Invited | State::Requested | State::Declined => GroupRefusal::WeAreNotAMember(&name).into(),
        State::Joined | State::Left | State::Removed => GroupRefusal::Left(&name).into(),
    })
}

/// Whether we may write messages.
pub(in crate::engine) fn may_write(cx: &Cx<'_, '_>, channel: &Channel) -> Result<(), ApiError> {
    let (Some(group), Some(standing)) = (rosters::get(cx, channel.no), standing::of_channel(cx.tx, channel)?) else {
        return Err(closed(cx, channel)?);
    };
    let may = group.roster.may_write(&cx.me.account_id());
    may.map_err(|why| denied(cx, &standing, "You", &why))
}
