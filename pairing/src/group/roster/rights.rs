//! Who may do what: the question asked of the roster that an author saw. `pairing/SPEC.md`, GROUP-5 and GROUP-6.

use super::{
    account::Member,
    denied::{Denied, Right},
    ids::group_id,
    limits::{DEVICES_MAX, INVITES_PER_ACCOUNT, MEMBERS_MAX},
    op::Op,
    policy::{Grant, Role},
    record::{Ground, OpRecord, VerifiedDevices, VerifiedJoin, Vouched},
    state::State,
};
use crate::ids::{AccountId, GroupId};

/// May the author of `record` do that, given `state`, all that it had seen? `cap` lowers the author's role, to ask what a
/// demotion takes away. What a join grants is part of the answer.
pub(super) fn authorise(
    state: &State,
    group: &GroupId,
    record: &OpRecord,
    cap: Option<Role>,
) -> Result<Option<Grant>, Denied> {
    let author = record.operation.account;
    if let Op::Create { nonce, .. } = &record.operation.op {
        create(state, group, record, nonce)?;
        return Ok(None);
    }
    let member = state.member(&author).ok_or(Denied::NotAMember)?;
    if member.devices.binary_search(&record.device).is_err() && !comes_back(member, record) {
        return Err(Denied::NotAMember);
    }
    let role = cap.map_or(member.role, |cap| cap.min(member.role));
    match (&record.operation.op, &record.vouched) {
        (Op::Join { .. }, Vouched::Join(join)) => admit(state, &author, role, join, record.operation.at).map(Some),
        (Op::Devices { .. }, Vouched::Devices(devices)) => {
            if !are_sane(devices) || !devices.devices.contains(&record.device) {
                return Err(Denied::Unverified);
            }
            if devices.log < member.log { Err(Denied::OldDevices) } else { Ok(None) }
        }
        (Op::Join { .. } | Op::Devices { .. }, _) => Err(Denied::Unverified),
        (op, _) => may(state, &author, member, role, op).map(|()| None),
    }
}

/// [GROUP-16] Does a device that was never on the roster bring the list of an account that was recovered since?
fn comes_back(member: &Member, record: &OpRecord) -> bool {
    match (&record.operation.op, &record.vouched) {
        (Op::Devices { .. }, Vouched::Devices(devices)) => devices.rotated_since(member.log),
        _ => false,
    }
}

fn create(state: &State, group: &GroupId, record: &OpRecord, nonce: &[u8; 32]) -> Result<(), Denied> {
    if state.founder.is_some() {
        return Err(Denied::Exists);
    }
    if group_id(&record.operation.account, &record.device, nonce) != *group {
        return Err(Denied::Foreign);
    }
    match &record.vouched {
        Vouched::Devices(devices) if are_sane(devices) && devices.devices.contains(&record.device) => Ok(()),
        _ => Err(Denied::Unverified),
    }
}

pub(super) fn are_sane(devices: &VerifiedDevices) -> bool {
    (1..=DEVICES_MAX).contains(&devices.devices.len())
}

/// Does `role` do?
pub(super) fn require(role: Role, right: Right, least: Role) -> Result<(), Denied> {
    if role >= least { Ok(()) } else { Err(Denied::Missing { right, least }) }
}

/// Only the owner makes admins, and nobody gives more than they have.
fn may_grant(role: Role, grant: &Grant) -> Result<(), Denied> {
    require(role, Right::Role, if grant.role >= Role::Admin { Role::Owner } else { grant.role })
}

/// May `role` carry the join at a time by the carrier's clock, and what does the joiner become?
pub(super) fn admit(
    state: &State,
    carrier: &AccountId,
    role: Role,
    join: &VerifiedJoin,
    at: u64,
) -> Result<Grant, Denied> {
    if !are_sane(&join.devices) {
        return Err(Denied::Unverified);
    }
    if state.is_banned(&join.account) {
        return Err(Denied::Banned);
    }
    if state.member(&join.account).is_some() {
        return Err(Denied::AlreadyAMember);
    }
    if state.is_old(join) {
        return Err(Denied::OldStatement);
    }
    if state.len() >= MEMBERS_MAX {
        return Err(Denied::Full);
    }
    match &join.ground {
        Ground::Invite(op) => {
            let standing = state.standing(&join.account).ok_or(Denied::NotInvited)?;
            standing.invites.iter().find(|invite| invite.op == *op).map(|invite| invite.grant).ok_or(Denied::NotInvited)
        }
        Ground::Ticket(id) => {
            let ticket = state.tickets.get(id).ok_or(Denied::NoTicket)?;
            if ticket.revoked {
                return Err(Denied::TicketRevoked);
            }
            if ticket.uses.is_some_and(|uses| ticket.used >= uses) {
                return Err(Denied::TicketUsed);
            }
            if ticket.expires_at.is_some_and(|expiry| join.at.max(at) >= expiry) {
                return Err(Denied::TicketExpired);
            }
            if ticket.approve || state.policy.approve {
                require(role, Right::Approve, Role::Admin)?;
            } else if ticket.by != *carrier {
                require(role, Right::Invite, state.policy.invite)?;
            }
            Ok(ticket.grant)
        }
        Ground::Request => require(role, Right::Approve, Role::Admin).map(|()| state.policy.newcomers),
    }
}

/// May a member do what needs no verified card or statement?
pub(super) fn may(state: &State, author: &AccountId, member: &Member, role: Role, op: &Op) -> Result<(), Denied> {
    let policy = &state.policy;
    let subject = |account: &AccountId| state.member(account).ok_or(Denied::SubjectNotAMember);
    let not_owner = |member: &Member| if member.role == Role::Owner { Err(Denied::IsOwner) } else { Ok(()) };
    match op {
        Op::Create { .. } => Err(Denied::Exists),
        Op::Join { .. } | Op::Devices { .. } | Op::Leave | Op::Depart { .. } => Ok(()),
        Op::Invite { account, grant } => {
            require(role, Right::Invite, policy.invite)?;
            may_grant(role, grant)?;
            can_be_invited(state, account)
        }
        Op::Uninvite { account } => {
            let invites = state.standing(account).map_or(&[][..], |standing| &standing.invites);
            if invites.is_empty() {
                return Err(Denied::NotInvited);
            }
            if invites.iter().all(|invite| invite.by == *author) {
                Ok(())
            } else {
                require(role, Right::Invite, Role::Admin)
            }
        }
        Op::Remove { account, .. } => {
            require(role, Right::Remove, Role::Admin)?;
            not_oneself(author, account)?;
            subject(account).and_then(not_owner)
        }
        Op::Ban { account, .. } => {
            require(role, Right::Ban, Role::Admin)?;
            not_oneself(author, account)?;
            if state.is_banned(account) {
                return Err(Denied::AlreadyBanned);
            }
            state.member(account).map_or(Ok(()), not_owner)
        }
        Op::Unban { account } => {
            require(role, Right::Ban, Role::Admin)?;
            if state.is_banned(account) { Ok(()) } else { Err(Denied::NotBanned) }
        }
        Op::Role { account, grant, .. } => {
            if account != author {
                require(role, Right::Role, Role::Admin)?;
            }
            let subject = subject(account)?;
            not_owner(subject)?;
            if (subject.role, subject.invisible) == (grant.role, grant.invisible) {
                return Err(Denied::NoChange);
            }
            if grant.role <= subject.role.min(role) { Ok(()) } else { may_raise(role, account == author, grant) }
        }
        Op::Transfer { to } => {
            require(role, Right::Transfer, Role::Owner)?;
            subject(to)?;
            if to == author { Err(Denied::NoChange) } else { Ok(()) }
        }
        Op::Rename { .. } => require(role, Right::Rename, policy.rename),
        Op::Policy { .. } => require(role, Right::Policy, Role::Admin),
        Op::Ticket { id, grant, .. } => {
            require(role, Right::Ticket, policy.invite)?;
            may_grant(role, grant)?;
            if state.tickets.get(id).is_some() { Err(Denied::TicketExists) } else { Ok(()) }
        }
        Op::RevokeTicket { id } => {
            let ticket = state.tickets.get(id).ok_or(Denied::NoTicket)?;
            if ticket.revoked {
                return Err(Denied::TicketRevoked);
            }
            if ticket.by == *author { Ok(()) } else { require(role, Right::Ticket, Role::Admin) }
        }
        Op::Delete { device, .. } => {
            if member.devices.binary_search(device).is_ok() {
                Ok(())
            } else {
                require(role, Right::Delete, Role::Admin)
            }
        }
    }
}

fn may_raise(role: Role, oneself: bool, grant: &Grant) -> Result<(), Denied> {
    if oneself { Err(Denied::Missing { right: Right::Role, least: Role::Owner }) } else { may_grant(role, grant) }
}

fn not_oneself(author: &AccountId, account: &AccountId) -> Result<(), Denied> {
    if author == account { Err(Denied::Oneself) } else { Ok(()) }
}

/// Is there room for them, and nothing against them?
pub(super) fn can_be_invited(state: &State, account: &AccountId) -> Result<(), Denied> {
    let Some(standing) = state.standing(account) else {
        return if state.len() >= MEMBERS_MAX { Err(Denied::Full) } else { Ok(()) };
    };
    if standing.member.is_some() {
        Err(Denied::AlreadyAMember)
    } else if standing.banned.is_some() {
        Err(Denied::Banned)
    } else if standing.invites.len() >= INVITES_PER_ACCOUNT {
        Err(Denied::AlreadyInvited)
    } else if state.len() >= MEMBERS_MAX {
        Err(Denied::Full)
    } else {
        Ok(())
    }
}
