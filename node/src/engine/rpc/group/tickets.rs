//! Tickets, with which those come in who are nobody's contact.

use covey_api::{
    ApiError, GroupRefusal, GroupRevokeTicket, GroupTicket, GroupTickets, JoinTicket, JoinTicketInfo, TicketState, Time,
};
use covey_pairing::group::admission::{AdmissionPoint, GroupTicket as Ticket, TicketToken};
use covey_pairing::group::roster::{self, Op, Ticket as OnRoster, TicketId};
use covey_pairing::ids::AccountId;

use crate::engine::Cx;
use crate::engine::names::pick;
use crate::engine::records::devices;
use crate::engine::rpc::group::known::{self, In};
use crate::engine::rpc::range;
use crate::engine::shown::group;

/// Admission points on a ticket.
const POINTS: usize = 4;

/// Addresses of each.
const ADDRESSES: usize = 4;

/// `group.ticket`
///
/// # Errors
/// Unknown group, not allowed.
pub fn ticket(cx: &mut Cx<'_, '_>, params: &GroupTicket) -> Result<JoinTicket, ApiError> {
    let mut of = known::joined(cx, &params.group)?;
    let grant = of.granted(cx, params.role, params.invisible)?;
    let token = TicketToken::generate(cx.rng);
    let expires_at = range::end(cx.now, params.expires_in)?;
    let uses = params.uses.map(|uses| range::within("uses", uses, 1, u32::MAX)).transpose()?;
    let approve = params.approve.unwrap_or(of.group(cx)?.roster.policy().approve);
    let op = Op::Ticket { id: token.id(), grant, uses, expires_at, approve };
    let points = points(cx, &of)?;
    let id = token.id();
    let text = Ticket { group: of.standing.id, name: of.standing.name.clone(), token, expires_at, points }
        .to_text()
        .map_err(|error| ApiError::invalid_params(covey_api::sentence(&error.to_string())))?;
    of.act(cx, "You", op)?;
    Ok(JoinTicket {
        ticket: text,
        id: id.to_string(),
        group: of.standing.id.to_string(),
        uses,
        expires_at: expires_at.map(Time::from_unix_ms),
        approve,
        role: group::role(grant.role),
    })
}

/// Where one who holds a ticket can ask: with us, and with others who may let in.
fn points(cx: &mut Cx<'_, '_>, of: &In) -> Result<Vec<AdmissionPoint>, ApiError> {
    let me = cx.me.account_id();
    let keys = cx.me.device.keys();
    let own = AdmissionPoint {
        account: me,
        device: keys.id,
        dh: keys.dh,
        network: keys.network,
        addresses: cx.live.addresses.iter().take(ADDRESSES).cloned().collect(),
    };
    let mut points = vec![own];
    let group = of.group(cx)?;
    let least = group.roster.policy().invite.max(roster::Role::Admin);
    let others: Vec<AccountId> = group
        .roster
        .members(None)
        .filter(|(account, member)| **account != me && member.role >= least)
        .map(|(account, _)| *account)
        .take(POINTS)
        .collect();
    for account in others {
        for device in devices::devices(cx.tx, &account)? {
            points.push(AdmissionPoint {
                account,
                device: device.id,
                dh: device.dh,
                network: device.peer.0,
                addresses: device.addresses.into_iter().take(ADDRESSES).collect(),
            });
        }
    }
    points.truncate(POINTS);
    Ok(points)
}

/// `group.tickets`
///
/// # Errors
/// Unknown group.
pub fn tickets(cx: &mut Cx<'_, '_>, params: &GroupTickets) -> Result<Vec<JoinTicketInfo>, ApiError> {
    let of = known::joined_to_read(cx, &params.group)?;
    Ok(of.group(cx)?.roster.tickets().map(|(id, ticket)| info(cx.now, id, ticket)).collect())
}

fn info(now: u64, id: &TicketId, ticket: &OnRoster) -> JoinTicketInfo {
    let state = if ticket.revoked {
        TicketState::Revoked
    } else if ticket.uses.is_some_and(|uses| ticket.used >= uses) {
        TicketState::Used
    } else if ticket.expires_at.is_some_and(|at| at <= now) {
        TicketState::Expired
    } else {
        TicketState::Active
    };
    JoinTicketInfo {
        id: id.to_string(),
        state,
        uses: ticket.uses,
        used: ticket.used,
        approve: ticket.approve,
        role: group::role(ticket.grant.role),
        made_by: ticket.by.to_string(),
        created_at: Time::from_unix_ms(ticket.at),
        expires_at: ticket.expires_at.map(Time::from_unix_ms),
    }
}

/// `group.revoke_ticket`
///
/// # Errors
/// Unknown group or ticket, not allowed.
pub fn revoke_ticket(cx: &mut Cx<'_, '_>, params: &GroupRevokeTicket) -> Result<JoinTicketInfo, ApiError> {
    let mut of = known::joined(cx, &params.group)?;
    let all = of.group(cx)?.roster.tickets().map(|(id, _)| *id);
    let found: Vec<TicketId> = all.filter(|id| pick::names_id(&id.to_string(), &params.id)).collect();
    let [id] = found.as_slice() else {
        return Err(GroupRefusal::NoSuchTicket { group: &of.standing.name, id: &params.id }.into());
    };
    of.act(cx, &params.id, Op::RevokeTicket { id: *id })?;
    let ticket = of.group(cx)?.roster.ticket(id);
    let ticket = ticket.ok_or(GroupRefusal::NoSuchTicket { group: &of.standing.name, id: &params.id })?;
    Ok(info(cx.now, id, ticket))
}
