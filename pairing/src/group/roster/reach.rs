//! How far an account can get by any reading of the operations that are known: what not even that allows is kept, and
//! never evaluated. Grows only. `pairing/SPEC.md`, GROUP-15.

use std::collections::{HashMap, HashSet};

use super::{
    denied::{Denied, Right},
    graph::Graph,
    ids::{OpId, TicketId, group_id},
    op::Op,
    policy::{Policy, Role},
    record::{Ground, OpRecord, VerifiedDevices, VerifiedJoin, Vouched},
    rights::{are_sane, require},
};
use crate::ids::{AccountId, DeviceId, GroupId};

/// What may count now that could not before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wakes {
    Nothing,
    /// Operations of that account.
    Of(AccountId),
    /// Anything.
    Anything,
    /// Anything, and operations that were taken in already may give more.
    Anew,
}

/// The most that each account may be, and the least that anything may take.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    roles: HashMap<AccountId, Role>,
    devices: HashSet<(AccountId, DeviceId)>,
    tickets: HashMap<TicketId, Role>,
    invite: Option<Role>,
    rename: Option<Role>,
    /// Who left without having handed the group over just before.
    leavers: HashSet<AccountId>,
    /// One of them may have been the owner: anybody may have inherited the group.
    left: bool,
}

impl Reach {
    /// Might the operation count?
    pub(super) fn allows(&self, group: &GroupId, graph: &Graph, record: &OpRecord) -> Result<(), Denied> {
        let author = record.operation.account;
        if let Op::Create { nonce, .. } = &record.operation.op {
            let vouched = matches!(&record.vouched, Vouched::Devices(devices) if lists(devices, record));
            let ours = group_id(&author, &record.device, nonce) == *group;
            return if !ours {
                Err(Denied::Foreign)
            } else if vouched {
                Ok(())
            } else {
                Err(Denied::Unverified)
            };
        }
        let role = self.role(&author).ok_or(Denied::NotAMember)?;
        // [GROUP-16] The devices of a recovered account bring themselves.
        let recovered = matches!(&record.vouched, Vouched::Devices(devices) if devices.rotated_since(0));
        if !self.devices.contains(&(author, record.device)) && !recovered {
            return Err(Denied::NotAMember);
        }
        let invite = self.invite.unwrap_or(Role::Owner);
        let grants = |least: Role| require(role, Right::Role, if least >= Role::Admin { Role::Owner } else { least });
        match &record.operation.op {
            Op::Create { .. } => Err(Denied::Exists),
            Op::Leave | Op::Depart { .. } => Ok(()),
            Op::Invite { grant, .. } => {
                require(role, Right::Invite, invite)?;
                grants(grant.role)
            }
            Op::Uninvite { .. } => require(role, Right::Invite, invite.min(Role::Admin)),
            Op::Ticket { grant, .. } => {
                require(role, Right::Ticket, invite)?;
                grants(grant.role)
            }
            Op::RevokeTicket { id } => {
                self.tickets.get(id).ok_or(Denied::NoTicket)?;
                require(role, Right::Ticket, invite.min(Role::Admin))
            }
            Op::Join { .. } => match &record.vouched {
                Vouched::Join(join) => self.carries(graph, role, invite, join).map(drop),
                _ => Err(Denied::Unverified),
            },
            Op::Devices { .. } => match &record.vouched {
                Vouched::Devices(devices) if lists(devices, record) => Ok(()),
                _ => Err(Denied::Unverified),
            },
            Op::Remove { .. } => require(role, Right::Remove, Role::Admin),
            Op::Ban { .. } | Op::Unban { .. } => require(role, Right::Ban, Role::Admin),
            Op::Role { account, .. } if *account == author => Ok(()),
            Op::Role { .. } => require(role, Right::Role, Role::Admin),
            Op::Transfer { .. } => require(role, Right::Transfer, Role::Owner),
            Op::Rename { .. } => require(role, Right::Rename, self.rename.unwrap_or(Role::Owner)),
            Op::Policy { .. } => require(role, Right::Policy, Role::Admin),
            Op::Delete { device, .. } if self.devices.contains(&(author, *device)) => Ok(()),
            Op::Delete { .. } => require(role, Right::Delete, Role::Admin),
        }
    }

    /// Takes in what an operation that might count may give to others. `handed`: its author handed the group over just before.
    pub(super) fn learn(&mut self, graph: &Graph, record: &OpRecord, handed: bool) -> Wakes {
        let author = record.operation.account;
        let role = self.role(&author).unwrap_or(Role::Reader);
        match (&record.operation.op, &record.vouched) {
            (Op::Create { policy, .. }, Vouched::Devices(devices)) => {
                self.govern(policy).max(self.enter(author, Role::Owner, devices))
            }
            (Op::Join { .. }, Vouched::Join(join)) => {
                let invite = self.invite.unwrap_or(Role::Owner);
                let Ok(given) = self.carries(graph, role, invite, join) else { return Wakes::Nothing };
                self.enter(join.account, given, &join.devices)
            }
            (Op::Devices { .. }, Vouched::Devices(devices)) => self.enter(author, role, devices),
            (Op::Transfer { to }, _) => self.raise(*to, Role::Owner),
            (Op::Role { account, grant, .. }, _) if *account != author => {
                let most = if role >= Role::Owner { Role::Admin } else { Role::Member };
                self.raise(*account, grant.role.min(most))
            }
            (Op::Policy { policy, .. }, _) => self.govern(policy),
            (Op::Ticket { id, grant, .. }, _) => match self.tickets.insert(*id, grant.role) {
                None => Wakes::Anything,
                Some(known) if known < grant.role => Wakes::Anew,
                Some(known) => {
                    self.tickets.insert(*id, known);
                    Wakes::Nothing
                }
            },
            (Op::Leave | Op::Depart { .. }, _) if !handed => {
                self.leavers.insert(author);
                self.inherit(author)
            }
            _ => Wakes::Nothing,
        }
    }

    fn role(&self, account: &AccountId) -> Option<Role> {
        let role = *self.roles.get(account)?;
        Some(if self.left { Role::Owner } else { role })
    }

    /// If it may have been the owner who left, anybody may be the owner now.
    fn inherit(&mut self, account: AccountId) -> Wakes {
        let is_new = !self.left && self.roles.get(&account) == Some(&Role::Owner) && self.leavers.contains(&account);
        self.left |= is_new;
        if is_new { Wakes::Anew } else { Wakes::Nothing }
    }

    /// What a joiner may become whom somebody of this role lets in.
    fn carries(&self, graph: &Graph, role: Role, invite: Role, join: &VerifiedJoin) -> Result<Role, Denied> {
        if !are_sane(&join.devices) {
            return Err(Denied::Unverified);
        }
        match &join.ground {
            Ground::Invite(op) => invited(graph, op, join),
            Ground::Ticket(id) => {
                let given = *self.tickets.get(id).ok_or(Denied::NoTicket)?;
                require(role, Right::Invite, invite.min(Role::Admin)).map(|()| given)
            }
            Ground::Request => require(role, Right::Approve, Role::Admin).map(|()| Role::Member),
        }
    }

    fn enter(&mut self, account: AccountId, role: Role, devices: &VerifiedDevices) -> Wakes {
        let before = self.devices.len();
        self.devices.extend(devices.devices.iter().map(|device| (account, *device)));
        let more = if self.devices.len() > before { Wakes::Of(account) } else { Wakes::Nothing };
        self.raise(account, role).max(more)
    }

    fn raise(&mut self, account: AccountId, role: Role) -> Wakes {
        let known = self.roles.get(&account).copied();
        if known >= Some(role) {
            return Wakes::Nothing;
        }
        self.roles.insert(account, role);
        // An owner gives more than an admin with the same operation.
        let again = if role == Role::Owner && known.is_some() { Wakes::Anew } else { Wakes::Of(account) };
        self.inherit(account).max(again)
    }

    fn govern(&mut self, policy: &Policy) -> Wakes {
        let before = (self.invite, self.rename);
        self.invite = Some(self.invite.map_or(policy.invite, |known| known.min(policy.invite)));
        self.rename = Some(self.rename.map_or(policy.rename, |known| known.min(policy.rename)));
        if before == (self.invite, self.rename) { Wakes::Nothing } else { Wakes::Anything }
    }
}

/// The role that an invite of the joiner, which might count, gives.
fn invited(graph: &Graph, op: &OpId, join: &VerifiedJoin) -> Result<Role, Denied> {
    let node = graph.get(op).filter(|node| !node.idle).ok_or(Denied::NotInvited)?;
    match &node.record.operation.op {
        Op::Invite { account, grant } if *account == join.account => Ok(grant.role),
        _ => Err(Denied::NotInvited),
    }
}

fn lists(devices: &VerifiedDevices, record: &OpRecord) -> bool {
    are_sane(devices) && devices.devices.contains(&record.device)
}
