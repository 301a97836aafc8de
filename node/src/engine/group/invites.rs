//! Invites of contacts: made, taken, accepted, declined.

use covey_api::{ApiError, EventKind, GroupRefusal};
use covey_feed::ChannelId;
use covey_pairing::group::admission::{GroupInvite, JoinStatement};
use covey_pairing::group::roster::{Grant, Op, OpId};
use covey_pairing::ids::{AccountId, GroupId};
use serde_bytes::ByteBuf;
use tracing::{debug, info};

use crate::engine::group::ops;
use crate::engine::live::groups::Group;
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

/// Another device of our account asked to be let in. If nothing came of that for this time, in milliseconds, it may have been lost since, or be
/// an old copy that knows nothing of it.
const TAKE_UP: u64 = 15 * 60_000;

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

/// Invites a contact for whom the same invite of ours waits: it is sent once more. Whether one does.
pub(in crate::engine) fn again(
    cx: &mut Cx<'_, '_>,
    no: u64,
    account: AccountId,
    grant: Grant,
    note: &str,
) -> Result<bool, EngineError> {
    let me = cx.me.account_id();
    let waiting = rosters::get(cx, no).and_then(|group| open(group, me, account).find(|(_, of)| *of == grant));
    match waiting {
        Some(invite) => tell(cx, no, account, invite, note.to_owned()).map(|()| true),
        None => Ok(false),
    }
}

/// The open invites by which `by` has invited an account.
fn open(group: &Group, by: AccountId, account: AccountId) -> impl Iterator<Item = (OpId, Grant)> {
    let invited = group.roster.invited().filter(move |(invited, invite)| **invited == account && invite.by == by);
    invited.map(|(_, invite)| (invite.op, invite.grant))
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
        waiting.extend(open(group, me, account).map(|invite| (*no, invite)));
    }
    for (no, invite) in waiting {
        tell(cx, no, account, invite, String::new())?;
    }
    Ok(())
}

/// [NOTE-1] A contact invites us. If we are a member as far as is known here, and nothing of the invite is, tells of which group.
pub(in crate::engine) fn invited(
    cx: &mut Cx<'_, '_>,
    owner: DeviceRef,
    bytes: &[u8],
) -> Result<Option<GroupId>, EngineError> {
    let Some(invite) = GroupInvite::from_bytes(bytes).filter(|invite| invite.inviter == owner.account) else {
        debug!("a malformed invite to a group");
        return Ok(None);
    };
    // Consent to be asked is the pairing; who is a contact by the open mode only is none.
    let paired = people::load(cx.tx, &owner.account)?.is_some_and(|contact| contact.is_paired() && !contact.request);
    let known = standing::load(cx.tx, &invite.group)?;
    match &known {
        Some(known) if known.state == State::Requested => {
            return invited_anew(cx, owner, known.clone(), &invite).map(|()| None);
        }
        Some(Standing { state: State::Joined, no: Some(no), .. }) => {
            let is_known = rosters::get(cx, *no).is_none_or(|group| group.roster.contains(&invite.operation));
            return Ok(Some(invite.group).filter(|_| !is_known));
        }
        _ => {}
    }
    let open = known.as_ref().is_none_or(|known| match known.state {
        State::Invited | State::Left | State::Removed => true,
        // An own no stays one; that others did not let us in is theirs to change.
        State::Declined => known.invite.is_none(),
        State::Requested | State::Joined => false,
    });
    let waiting = standing::all(cx.tx)?.iter().filter(|standing| standing.state == State::Invited).count();
    if !paired || !open || (known.is_none() && waiting >= MAX_INVITES) {
        debug!(group = %invite.group, "an invite to a group is not taken");
        return Ok(None);
    }
    let mut standing =
        known.unwrap_or_else(|| Standing::new(invite.group, invite.name.clone(), State::Invited, cx.now));
    standing.become_(State::Invited, cx.now);
    standing.invite = Some(stored(&invite));
    standing.name = invite.name;
    standing.by = Some(owner.account);
    standing.save(cx.tx)?;
    group::announce(cx, EventKind::GroupInvited, &standing, None, Some(owner.account))?;
    Ok(None)
}

fn stored(invite: &GroupInvite) -> Invite {
    Invite { op: invite.operation, role: invite.grant.role, members: invite.members, note: invite.note.clone() }
}

/// [NOTE-8] Who invited us, or a member of a group that was given back to us, invites us while we wait: it knows nothing more of the invite that we
/// go by, for example because it is an old copy of itself, or we were removed before the roster came. Our wish is one for this invite, too. So it is
/// for that of anybody if a device of ours asks by a ticket, which may be gone.
fn invited_anew(
    cx: &mut Cx<'_, '_>,
    owner: DeviceRef,
    mut standing: Standing,
    invite: &GroupInvite,
) -> Result<(), EngineError> {
    let is_another = standing.invite.as_ref().is_none_or(|known| known.op != invite.operation);
    let is_asked_elsewhere = standing.invite.is_none() && standing.request.is_none();
    let may_ask = is_asked_elsewhere || standing.by == Some(owner.account) || standing.guides.contains(&owner.account);
    if !is_another || !may_ask {
        debug!(group = %invite.group, "an invite to a group in which we ask to be let in");
        return Ok(());
    }
    (standing.by, standing.invite) = (Some(owner.account), Some(stored(invite)));
    if standing.request.is_none() {
        // Another device of ours asks, and is told of this invite too; or else each does after a while.
        return standing.save(cx.tx);
    }
    ask(cx, standing, owner.account, invite.operation).map(drop)
}

/// We say yes to an invite.
pub(in crate::engine) fn accept(cx: &mut Cx<'_, '_>, mut standing: Standing) -> Result<Standing, ApiError> {
    let (Some(op), Some(by)) = (standing.invite.as_ref().map(|invite| invite.op), standing.by) else {
        return Err(GroupRefusal::WeAreNotAMember(&standing.name).into());
    };
    standing.become_(State::Requested, cx.now);
    let standing = ask(cx, standing, by, op)?;
    group::announce(cx, EventKind::GroupChanged, &standing, None, None)?;
    Ok(standing)
}

/// [NOTE-8] Asks to be let in where another device of ours asked in vain.
pub(in crate::engine) fn take_up(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for standing in standing::all(cx.tx)? {
        let (Some(op), Some(by)) = (standing.invite.as_ref().map(|invite| invite.op), standing.by) else { continue };
        let waits = standing.state == State::Requested && standing.request.is_none();
        if waits && standing.since.abs_diff(cx.now) >= TAKE_UP {
            info!(group = %standing.id, "another device of this account asked to be let in, in vain; this one asks too");
            ask(cx, standing, by, op)?;
        }
    }
    Ok(())
}

/// Asks who invited us to let us in, until it is answered.
fn ask(cx: &mut Cx<'_, '_>, mut standing: Standing, by: AccountId, invite: OpId) -> Result<Standing, EngineError> {
    let statement = JoinStatement::by_invite(standing.id, cx.me.account_id(), &cx.me.device, invite, cx.now);
    let statement = ByteBuf::from(statement);
    let devices = devices::devices(cx.tx, &by)?;
    let points = devices.iter().map(|device| Point::of(by, device)).collect();
    let request = Request { statement: statement.clone(), note: String::new(), points };
    standing.request = Some(request.clone());
    standing.save(cx.tx)?;
    cx.live.groups.ahead = true;
    cx.live.groups.requests.insert(standing.id, request);
    let card = ByteBuf::from(card::own(cx)?);
    notes::tell(cx, &by, &Note::Join(standing.channel(), statement, card, String::new()))?;
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
    if allowed && !ops::is_waiting(cx, channel.no)? {
        ops::write(cx, &mut channel, op).map_err(EngineError::bug)?;
    }
    Ok(())
}
