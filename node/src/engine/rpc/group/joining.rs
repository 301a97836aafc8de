//! Coming in and going: invites, tickets, leaving.

use covey_api as api;
use covey_api::{ApiError, GroupAccept, GroupDecline, GroupInvite, GroupJoin, GroupLeave, GroupRefusal, Member};
use covey_pairing::group::admission::{GroupTicket as Ticket, JoinStatement};
use covey_pairing::group::roster::Op;

use crate::engine::group::{admission, invites, ops, welcome};
use crate::engine::names::pick::Purpose;
use crate::engine::records::standing::{self, Point, Standing, State};
use crate::engine::rpc::group::known;
use crate::engine::shown::{contact, group};
use crate::engine::{Cx, PeerKey, names};

/// `group.invite`
///
/// # Errors
/// Unknown group or contact, not paired, not allowed, in already, banned, full.
pub fn invite(cx: &mut Cx<'_, '_>, params: GroupInvite) -> Result<Member, ApiError> {
    let mut of = known::joined(cx, &params.group)?;
    let contact = names::contact(cx, &params.contact, Purpose::Change)?;
    let name = group::name_of(cx, &contact.account)?;
    let grant = of.granted(cx, params.role, params.invisible)?;
    let is_here = contact.is_paired() && !contact.request;
    let note = known::checked_note(params.note)?;
    if is_here && invites::again(cx, of.channel.no, contact.account, grant, &note)? {
        return of.member(cx, &contact.account);
    }
    of.check(cx, &name, &Op::Invite { account: contact.account, grant })?;
    let room = admission::has_room(cx, of.group(cx)?);
    room.map_err(|denied| group::denied(cx, &of.standing, &name, &denied))?;
    if !is_here {
        return Err(contact::not_paired(&contact));
    }
    invites::invite(cx, &mut of.channel, contact.account, grant, note)?;
    of.member(cx, &contact.account)
}

/// `group.accept`
///
/// # Errors
/// Unknown group, no open invite.
pub fn accept(cx: &mut Cx<'_, '_>, params: &GroupAccept) -> Result<api::Group, ApiError> {
    let standing = names::group(cx, &params.group, Purpose::Change, State::Invited)?;
    if standing.state != State::Invited {
        return Err(GroupRefusal::NotInvited(&standing.name).into());
    }
    let standing = invites::accept(cx, standing)?;
    Ok(group::group(cx, &standing)?)
}

/// `group.decline`
///
/// # Errors
/// Unknown group, nothing to decline.
pub fn decline(cx: &mut Cx<'_, '_>, params: &GroupDecline) -> Result<api::Group, ApiError> {
    let standing = names::group(cx, &params.group, Purpose::Change, State::Invited)?;
    if !matches!(standing.state, State::Invited | State::Requested) {
        return Err(GroupRefusal::NotInvited(&standing.name).into());
    }
    let standing = invites::decline(cx, standing)?;
    Ok(group::group(cx, &standing)?)
}

/// `group.join`
///
/// # Errors
/// A text that is no ticket, or one that has expired; in already, asked already.
pub fn join(cx: &mut Cx<'_, '_>, params: GroupJoin) -> Result<api::Group, ApiError> {
    let ticket: Ticket = params.ticket.parse().map_err(|_| GroupRefusal::BadTicket)?;
    let note = known::checked_note(params.note)?;
    if ticket.expires_at.is_some_and(|at| at <= cx.now) {
        return Err(GroupRefusal::SpentTicket.into());
    }
    let known = standing::load(cx.tx, &ticket.group)?;
    if let Some(known) = &known
        && (known.state == State::Joined || known.is_asking())
    {
        return Err(GroupRefusal::AlreadyMember { group: &known.name, member: "You" }.into());
    }
    let mut standing =
        known.unwrap_or_else(|| Standing::new(ticket.group, ticket.name.clone(), State::Requested, cx.now));
    standing.by = None;
    let statement = JoinStatement::by_ticket(ticket.group, cx.me.account_id(), &cx.me.device, &ticket.token, cx.now);
    let own = cx.me.device_id();
    let points: Vec<Point> = ticket
        .points
        .into_iter()
        .filter(|point| point.device != own)
        .map(|point| Point {
            account: point.account,
            device: point.device,
            dh: point.dh,
            peer: PeerKey(point.network),
            addresses: point.addresses,
        })
        .collect();
    if points.is_empty() {
        return Err(GroupRefusal::BadTicket.into());
    }
    let standing = welcome::join(cx, standing, statement, points, note)?;
    Ok(group::group(cx, &standing)?)
}

/// `group.leave`
///
/// # Errors
/// Unknown group, not a member, the owner without a successor.
pub fn leave(cx: &mut Cx<'_, '_>, params: GroupLeave) -> Result<api::Group, ApiError> {
    let mut of = known::joined(cx, &params.group)?;
    let me = cx.me.account_id();
    let (owner, members) = {
        let group = of.group(cx)?;
        (group.roster.owner() == Some(&me), group.roster.len())
    };
    match params.transfer_to {
        Some(heir) => {
            let to = of.find(cx, &heir)?;
            of.act(cx, &heir, Op::Transfer { to })?;
        }
        None if owner && members > 1 => return Err(GroupRefusal::LastOwner(&of.standing.name).into()),
        None => {}
    }
    let cut = ops::cut_of(cx.tx, &of.channel, &me)?;
    of.act(cx, "You", Op::Depart { cut })?;
    of.shown(cx)
}
