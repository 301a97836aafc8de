//! Invites of contacts: made, taken, accepted, declined.

use covey_api::{ApiError, EventKind, GroupRefusal};
use covey_feed::ChannelId;
use covey_pairing::group::admission::{GroupInvite, JoinStatement};
use covey_pairing::group::roster::{Grant, Op, OpId};
use covey_pairing::ids::AccountId;
use serde_bytes::ByteBuf;
use tracing::debug;

use crate::engine::group::ops;
use crate::engine::members::rosters;
use crate::engine::outbound::notes;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::devices::{self, DeviceRef};
use crate::engine::records::people;
use crate::engine::records::standing::{self, Invite, Point, Request, Standing, State};
use crate::engine::shown::group;
use crate::engine::wire::note::Note;
use crate::engine::{Cx, EngineError, card};

/// Invites to groups that wait for us at a time.
const MAX_INVITES: usize = 64;

/// Invites a contact.
pub(in crate::engine) fn invite(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    account: AccountId,
    grant: Grant,
    note: String,
) -> Result<(), ApiError> {
    let op = ops::write(cx, channel, Op::Invite { account, grant })?;
    Ok(tell(cx, channel.no, account, (op, grant), note)?)
}

fn tell(
    cx: &mut Cx<'_, '_>,
    no: u64,
    account: AccountId,
    (operation, grant): (OpId, Grant),
    note: String,
) -> Result<(), EngineError> {
    let Some(group) = rosters::get(cx, no) else { return Ok(()) };
    let invite = GroupInvite {
        group: group.id,
        name: group.roster.name().to_owned(),
        inviter: cx.me.account_id(),
        operation,
        grant,
        members: u32::try_from(group.roster.len()).unwrap_or(u32::MAX),
        note,
    };
    let bytes = invite.to_bytes().ok_or_else(|| EngineError::bug("the name of a group cannot be encoded"))?;
    notes::tell(cx, &account, &Note::Invite(ByteBuf::from(bytes)))
}

/// [NOTE-7] An account is paired with us: it is told of the invites of ours that wait for it. One that it was sent under a pact of before was
/// lost with that pact, or with its devices; and it cannot be made again while it waits.
pub(in crate::engine) fn remind(cx: &mut Cx<'_, '_>, account: AccountId) -> Result<(), EngineError> {
    let me = cx.me.account_id();
    let mut waiting = Vec::new();
    for (no, group) in cx.live.groups.by_no.iter().filter(|(_, group)| group.state == State::Joined) {
        let ours = group.roster.invited().filter(|(invited, invite)| **invited == account && invite.by == me);
        waiting.extend(ours.map(|(_, invite)| (*no, (invite.op, invite.grant))));
    }
    for (no, invite) in waiting {
        tell(cx, no, account, invite, String::new())?;
    }
    Ok(())
}

/// [NOTE-1] A contact invites us.
pub(in crate::engine) fn invited(cx: &mut Cx<'_, '_>, owner: DeviceRef, bytes: &[u8]) -> Result<(), EngineError> {
    let Some(invite) = GroupInvite::from_bytes(bytes).filter(|invite| invite.inviter == owner.account) else {
        debug!("a malformed invite to a group");
        return Ok(());
    };
    // Consent to be asked is the pairing; who is a contact by the open mode only is none.
    let paired = people::load(cx.tx, &owner.account)?.is_some_and(|contact| contact.is_paired() && !contact.request);
    let known = standing::load(cx.tx, &invite.group)?;
    let open = known.as_ref().is_none_or(|known| match known.state {
        State::Invited | State::Left | State::Removed => true,
        // An own no stays one; that others did not let us in is theirs to change.
        State::Declined => known.invite.is_none(),
        State::Requested | State::Joined => false,
    });
    let waiting = standing::all(cx.tx)?.iter().filter(|standing| standing.state == State::Invited).count();
    if !paired || !open || (known.is_none() && waiting >= MAX_INVITES) {
        debug!(group = %invite.group, "an invite to a group is not taken");
        return Ok(());
    }
    let mut standing =
        known.unwrap_or_else(|| Standing::new(invite.group, invite.name.clone(), State::Invited, cx.now));
    standing.become_(State::Invited, cx.now);
    standing.name = invite.name;
    standing.by = Some(owner.account);
    standing.invite =
        Some(Invite { op: invite.operation, role: invite.grant.role, members: invite.members, note: invite.note });
    standing.save(cx.tx)?;
    group::announce(cx, EventKind::GroupInvited, &standing, None, Some(owner.account))
}

/// We say yes to an invite.
pub(in crate::engine) fn accept(cx: &mut Cx<'_, '_>, mut standing: Standing) -> Result<Standing, ApiError> {
    let (Some(invite), Some(by)) = (standing.invite.clone(), standing.by) else {
        return Err(GroupRefusal::WeAreNotAMember(&standing.name).into());
    };
    let statement = JoinStatement::by_invite(standing.id, cx.me.account_id(), &cx.me.device, invite.op, cx.now);
    let statement = ByteBuf::from(statement);
    let devices = devices::devices(cx.tx, &by)?;
    let points = devices.iter().map(|device| Point::of(by, device)).collect();
    let request = Request { statement: statement.clone(), note: String::new(), points };
    standing.become_(State::Requested, cx.now);
    standing.request = Some(request.clone());
    standing.save(cx.tx)?;
    cx.live.groups.ahead = true;
    cx.live.groups.requests.insert(standing.id, request);
    let card = ByteBuf::from(card::own(cx)?);
    notes::tell(cx, &by, &Note::Join(standing.channel(), statement, card, String::new()))?;
    group::announce(cx, EventKind::GroupChanged, &standing, None, None)?;
    Ok(standing)
}

/// We say no, or take our request back.
pub(in crate::engine) fn decline(cx: &mut Cx<'_, '_>, mut standing: Standing) -> Result<Standing, ApiError> {
    standing.become_(State::Declined, cx.now);
    standing.request = None;
    standing.save(cx.tx)?;
    cx.live.groups.ahead = true;
    cx.live.groups.requests.remove(&standing.id);
    if let Some(by) = standing.by {
        notes::tell(cx, &by, &Note::Decline(standing.channel()))?;
    }
    group::announce(cx, EventKind::GroupChanged, &standing, None, None)?;
    Ok(standing)
}

/// [NOTE-2] Somebody whom we invited declines: the invite is taken back.
pub(in crate::engine) fn declined(cx: &mut Cx<'_, '_>, owner: DeviceRef, id: &ChannelId) -> Result<(), EngineError> {
    let Some(mut channel) = channels::group(cx.tx, id)? else { return Ok(()) };
    let op = Op::Uninvite { account: owner.account };
    let me = cx.me.account_id();
    let allowed = rosters::get(cx, channel.no)
        .is_some_and(|group| group.state == State::Joined && group.roster.allowed(&me, &op).is_ok());
    if allowed {
        ops::write(cx, &mut channel, op).map_err(EngineError::bug)?;
    }
    Ok(())
}
