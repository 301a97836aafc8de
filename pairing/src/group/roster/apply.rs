//! What an operation does at its place in the total order. `pairing/SPEC.md`, GROUP-7.

use std::sync::Arc;

use super::{
    account::{Exit, Invited, Member, Ticket},
    denied::{Denied, Right},
    graph::OrderKey,
    ids::OpId,
    limits::MEMBERS_MAX,
    op::{Cut, Op},
    policy::{Grant, Role},
    record::{Ground, OpRecord, VerifiedDevices, VerifiedJoin, Vouched},
    rights::can_be_invited,
    state::State,
};
use crate::ids::{AccountId, DeviceId};

/// Does to `state` what an authorised operation does; `grant` is what its author may give to the joiner. On an error, what
/// came before in the order left nothing to do, and nothing changed.
pub(super) fn apply(state: &mut State, key: OrderKey, record: &OpRecord, grant: Option<Grant>) -> Result<(), Denied> {
    let (author, at) = (record.operation.account, record.operation.at);
    match &record.operation.op {
        Op::Create { name, policy, .. } => {
            let Vouched::Devices(devices) = &record.vouched else { return Err(Denied::Unverified) };
            if state.founder.is_some() {
                return Err(Denied::Exists);
            }
            state.name = Arc::from(name.as_str());
            state.policy = *policy;
            state.founder = Some(author);
            state.note_threshold(record, None, policy.write);
            state.enter(&author, newcomer(key, record, devices, Grant::visible(Role::Owner)), record);
            state.set_owner(&author, record);
        }
        Op::Invite { account, grant } => {
            can_be_invited(state, account)?;
            let invite = Invited { op: record.id, by: author, grant: *grant, at };
            state.change(account, |standing| standing.invites.push(invite));
        }
        Op::Uninvite { account } => {
            if state.standing(account).is_none_or(|standing| standing.invites.is_empty()) {
                return Err(Denied::NotInvited);
            }
            state.change(account, |standing| standing.invites.clear());
        }
        Op::Join { .. } => {
            let (Vouched::Join(join), Some(grant)) = (&record.vouched, grant) else { return Err(Denied::Unverified) };
            enter(state, key, record, join, grant)?;
        }
        Op::Leave => depart(state, record, &[])?,
        Op::Depart { cut } => depart(state, record, cut)?,
        Op::Remove { account, cut } => {
            not_owner(state, account)?;
            state.leave(account, Exit::Removed, record, cut);
            state.cut(account, cut);
            state.change(account, |standing| {
                if let Some((exit @ Exit::Left, ..)) = &mut standing.exit {
                    *exit = Exit::Removed;
                }
            });
        }
        Op::Ban { account, cut } => {
            not_owner(state, account)?;
            ban(state, record, account, cut);
        }
        Op::Unban { account } => {
            if !state.is_banned(account) {
                return Err(Denied::NotBanned);
            }
            state.change(account, |standing| standing.banned = None);
        }
        Op::Role { account, grant, cut } => {
            not_owner(state, account)?;
            state.member(account).ok_or(Denied::SubjectNotAMember)?;
            state.set_role(account, grant.role, record, cut.as_deref());
            let invisible = grant.invisible;
            state.change(account, |standing| {
                if let Some(member) = &mut standing.member {
                    member.invisible = invisible;
                }
            });
        }
        Op::Transfer { to } => {
            if state.owner != Some(author) {
                return Err(Denied::Missing { right: Right::Transfer, least: Role::Owner });
            }
            state.member(to).ok_or(Denied::SubjectNotAMember)?;
            state.set_role(&author, Role::Admin, record, None);
            state.set_owner(to, record);
        }
        Op::Rename { name } => state.name = Arc::from(name.as_str()),
        Op::Policy { policy, cut } => {
            state.policy = *policy;
            state.note_threshold(record, cut.as_deref(), policy.write);
        }
        Op::Ticket { id, grant, uses, expires_at, approve } => {
            if state.tickets.get(id).is_some() {
                return Err(Denied::TicketExists);
            }
            let ticket = Ticket {
                op: record.id,
                by: author,
                at,
                grant: *grant,
                uses: *uses,
                used: 0,
                expires_at: *expires_at,
                approve: *approve,
                revoked: false,
            };
            state.tickets.insert_mut(*id, Arc::new(ticket));
        }
        Op::RevokeTicket { id } => {
            let ticket = state.tickets.get(id).ok_or(Denied::NoTicket)?;
            let ticket = Ticket { revoked: true, ..Ticket::clone(ticket) };
            state.tickets.insert_mut(*id, Arc::new(ticket));
        }
        Op::Devices { .. } => {
            let Vouched::Devices(devices) = &record.vouched else { return Err(Denied::Unverified) };
            renew(state, record, devices)?;
        }
        Op::Delete { entry, device } => {
            state.deleted.insert_mut((*entry, *device), ());
        }
    }
    Ok(())
}

/// Nobody does anything to the owner, also who took them for a mere member.
fn not_owner(state: &State, account: &AccountId) -> Result<(), Denied> {
    if state.owner.as_ref() == Some(account) { Err(Denied::IsOwner) } else { Ok(()) }
}

fn newcomer(key: OrderKey, record: &OpRecord, devices: &VerifiedDevices, grant: Grant) -> Member {
    Member {
        role: grant.role,
        invisible: grant.invisible,
        devices: sorted(&devices.devices),
        log: devices.log,
        card: record.id,
        joined: record.id,
        by: record.operation.account,
        since: record.operation.at,
        seniority: key,
    }
}

pub(super) fn sorted(devices: &[DeviceId]) -> Arc<[DeviceId]> {
    let mut devices = devices.to_vec();
    devices.sort_unstable();
    devices.dedup();
    devices.into()
}

fn enter(state: &mut State, key: OrderKey, record: &OpRecord, join: &VerifiedJoin, grant: Grant) -> Result<(), Denied> {
    if state.member(&join.account).is_some() {
        return Err(Denied::AlreadyAMember);
    }
    if state.is_banned(&join.account) {
        return Err(Denied::Banned);
    }
    if state.is_old(join) {
        return Err(Denied::OldStatement);
    }
    if state.len() >= MEMBERS_MAX {
        return Err(Denied::Full);
    }
    if state.is_taken(&join.account, &join.devices.devices) {
        return Err(Denied::DeviceTaken);
    }
    if let Ground::Ticket(id) = &join.ground {
        let ticket = state.tickets.get(id).ok_or(Denied::NoTicket)?;
        if ticket.uses.is_some_and(|uses| ticket.used >= uses) {
            return Err(Denied::TicketUsed);
        }
        let ticket = Ticket { used: ticket.used.saturating_add(1), ..Ticket::clone(ticket) };
        state.tickets.insert_mut(*id, Arc::new(ticket));
    }
    state.enter(&join.account, newcomer(key, record, &join.devices, grant), record);
    state.state_at(&join.account, join.at);
    Ok(())
}

fn depart(state: &mut State, record: &OpRecord, cut: &[Cut]) -> Result<(), Denied> {
    let author = record.operation.account;
    state.member(&author).ok_or(Denied::NotAMember)?;
    state.leave(&author, Exit::Left, record, &[]);
    state.state_at(&author, record.operation.at);
    state.cut(&author, cut);
    state.cut(&author, &[Cut { device: record.device, incarnation: record.incarnation, seq: record.seq }]);
    Ok(())
}

fn ban(state: &mut State, record: &OpRecord, account: &AccountId, cut: &[Cut]) {
    state.leave(account, Exit::Banned, record, cut);
    state.cut(account, cut);
    let by: OpId = record.id;
    state.change(account, |standing| {
        standing.banned = Some(by);
        standing.invites.clear();
        standing.exit = Some((Exit::Banned, record.operation.account, record.operation.at));
    });
}

fn renew(state: &mut State, record: &OpRecord, devices: &VerifiedDevices) -> Result<(), Denied> {
    let account = record.operation.account;
    let member = state.member(&account).ok_or(Denied::NotAMember)?;
    if devices.log < member.log {
        return Err(Denied::OldDevices);
    }
    if state.is_taken(&account, &devices.devices) {
        return Err(Denied::DeviceTaken);
    }
    let new = sorted(&devices.devices);
    if new != member.devices {
        state.next_epoch(&record.id);
    }
    for device in new.iter() {
        state.devices.insert_mut(*device, account);
    }
    let (log, card) = (devices.log, record.id);
    state.change(&account, |standing| {
        if let Some(member) = &mut standing.member {
            (member.devices, member.log, member.card) = (new, log, card);
        }
    });
    Ok(())
}
