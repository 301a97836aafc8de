//! What operations may have made different: the difference of two states, and of their fingerprints, at the cost of the
//! operations and not of the states.

use std::collections::BTreeSet;

use super::{
    account::{Exit, Member, Standing, Ticket},
    change::Change,
    hash::SetHash,
    ids::{EntryId, TicketId},
    op::Op,
    policy::Grant,
    record::{Ground, OpRecord, Vouched},
    state::State,
};
use crate::ids::{AccountId, DeviceId};

/// Everything that some operations can reach.
#[derive(Debug, Default)]
pub(super) struct Touched {
    accounts: BTreeSet<AccountId>,
    tickets: BTreeSet<TicketId>,
    entries: BTreeSet<(EntryId, DeviceId)>,
}

impl Touched {
    /// What `records` reach, given the states before and after (an heir is nowhere in the operations).
    pub(super) fn by<'a>(records: impl Iterator<Item = &'a OpRecord>, before: &State, after: &State) -> Self {
        let mut touched = Self::default();
        touched.accounts.extend(before.owner.iter().chain(&after.owner));
        for record in records {
            touched.accounts.insert(record.operation.account);
            touched.accounts.extend(record.operation.op.subject());
            match &record.operation.op {
                Op::Ticket { id, .. } | Op::RevokeTicket { id } => {
                    touched.tickets.insert(*id);
                }
                Op::Delete { entry, device } => {
                    touched.entries.insert((*entry, *device));
                }
                _ => {}
            }
            if let Vouched::Join(join) = &record.vouched {
                touched.accounts.insert(join.account);
                if let Ground::Ticket(id) = &join.ground {
                    touched.tickets.insert(*id);
                }
            }
        }
        touched
    }

    /// Brings the fingerprint from one state to the other. `pairing/SPEC.md`, GROUP-10.
    pub(super) fn rehash(&self, hash: &mut SetHash, before: &State, after: &State) {
        let mut replace = |old: Option<Vec<u8>>, new: Option<Vec<u8>>| {
            if old != new {
                old.iter().for_each(|record| hash.take(record));
                new.iter().for_each(|record| hash.add(record));
            }
        };
        replace(group_bytes(before), group_bytes(after));
        for account in &self.accounts {
            let bytes = |state: &State| state.standing(account).map(|standing| account_bytes(account, standing));
            replace(bytes(before), bytes(after));
        }
        for id in &self.tickets {
            let bytes = |state: &State| state.tickets.get(id).map(|ticket| ticket_bytes(id, ticket));
            replace(bytes(before), bytes(after));
        }
        for pair in &self.entries {
            let bytes = |state: &State| state.deleted.get(pair).map(|()| deleted_bytes(&pair.0, &pair.1));
            replace(bytes(before), bytes(after));
        }
    }

    /// The difference, in an order that depends on nothing else.
    pub(super) fn changes(&self, before: &State, after: &State) -> Vec<Change> {
        let mut changes = Vec::new();
        if before.founder != after.founder {
            changes.push(Change::Created);
        }
        if before.name != after.name {
            changes.push(Change::Renamed { name: after.name.to_string() });
        }
        if before.policy != after.policy {
            changes.push(Change::PolicyChanged { policy: after.policy });
        }
        let nothing = Standing::default();
        for account in &self.accounts {
            let [old, new] = [before, after].map(|state| state.standing(account).unwrap_or(&nothing));
            account_changes(account, old, new, &mut changes);
        }
        for id in &self.tickets {
            let [old, new] = [before, after].map(|state| state.tickets.get(id).map(AsRef::as_ref));
            if old != new {
                changes.push(Change::TicketChanged { id: *id, ticket: new.cloned() });
            }
        }
        for pair @ &(entry, device) in &self.entries {
            match [before, after].map(|state| state.deleted.contains_key(pair)) {
                [false, true] => changes.push(Change::Deleted { entry, device }),
                [true, false] => changes.push(Change::Undeleted { entry, device }),
                _ => {}
            }
        }
        if !before.writers.is_new() && !before.writers.is_like(&after.writers) {
            changes.push(Change::WritingChanged { account: None });
        }
        if before.epoch != after.epoch {
            changes.push(Change::EpochChanged { epoch: after.epoch });
        }
        changes
    }
}

fn account_changes(account: &AccountId, old: &Standing, new: &Standing, changes: &mut Vec<Change>) {
    let account = *account;
    match (&old.member, &new.member) {
        (None, Some(member)) => {
            changes.push(Change::MemberJoined { account, grant: grant(member), devices: member.devices.to_vec() });
        }
        (Some(member), None) => {
            let exit = new.exit.map(|(exit, ..)| exit);
            let devices = member.devices.to_vec();
            changes.push(Change::MemberLeft { account, joined: member.joined, exit, devices });
        }
        (Some(old), Some(new)) => member_changes(account, old, new, changes),
        (None, None) => {}
    }
    match (&old.banned, &new.banned) {
        (None, Some(_)) => changes.push(Change::Banned { account }),
        (Some(_), None) => changes.push(Change::Unbanned { account }),
        _ => {}
    }
    if old.invites != new.invites {
        changes.push(Change::InvitesChanged { account, invites: new.invites.clone() });
    }
    if old.cuts != new.cuts {
        changes.push(Change::CutChanged { account, cuts: new.cuts.clone() });
    }
    if !old.roles.is_new() && !old.roles.is_like(&new.roles) {
        changes.push(Change::WritingChanged { account: Some(account) });
    }
}

fn grant(member: &Member) -> Grant {
    Grant { role: member.role, invisible: member.invisible }
}

fn member_changes(account: AccountId, old: &Member, new: &Member, changes: &mut Vec<Change>) {
    if grant(old) != grant(new) {
        changes.push(Change::RoleChanged { account, from: grant(old), to: grant(new) });
    }
    if old.devices != new.devices {
        let without = |some: &[DeviceId], others: &[DeviceId]| -> Vec<DeviceId> {
            some.iter().filter(|device| !others.contains(device)).copied().collect()
        };
        let (added, dropped) = (without(&new.devices, &old.devices), without(&old.devices, &new.devices));
        changes.push(Change::DevicesChanged { account, added, dropped });
    }
    if old.card != new.card {
        changes.push(Change::CardChanged { account });
    }
}

/// What a record of the fingerprint is of, in its first byte.
const GROUP: u8 = 0;
const ACCOUNT: u8 = 1;
const TICKET: u8 = 2;
const DELETED: u8 = 3;

fn group_bytes(state: &State) -> Option<Vec<u8>> {
    let founder = state.founder.as_ref()?;
    let policy = &state.policy;
    let mut bytes = vec![GROUP];
    bytes.extend_from_slice(founder.as_bytes());
    bytes.extend([policy.invite as u8, policy.rename as u8, policy.write as u8, policy.newcomers.role as u8]);
    bytes.extend([u8::from(policy.newcomers.invisible), u8::from(policy.approve)]);
    bytes.extend_from_slice(state.name.as_bytes());
    Some(bytes)
}

fn account_bytes(account: &AccountId, standing: &Standing) -> Vec<u8> {
    let mut bytes = vec![ACCOUNT];
    bytes.extend_from_slice(account.as_bytes());
    if let Some(member) = &standing.member {
        bytes.extend([1, member.role as u8, u8::from(member.invisible)]);
        bytes.extend_from_slice(member.joined.as_bytes());
        bytes.extend_from_slice(member.card.as_bytes());
        bytes.extend(member.log.to_le_bytes());
        bytes.extend((member.devices.len() as u64).to_le_bytes());
        member.devices.iter().for_each(|device| bytes.extend_from_slice(device.as_bytes()));
    } else {
        bytes.push(0);
    }
    bytes.push(match standing.exit {
        None => 0,
        Some((Exit::Left, ..)) => 1,
        Some((Exit::Removed, ..)) => 2,
        Some((Exit::Banned, ..)) => 3,
    });
    bytes.extend(standing.banned.iter().flat_map(|op| *op.as_bytes()));
    bytes.extend((standing.invites.len() as u64).to_le_bytes());
    standing.invites.iter().for_each(|invite| bytes.extend_from_slice(invite.op.as_bytes()));
    for cut in &standing.cuts {
        bytes.extend_from_slice(cut.device.as_bytes());
        bytes.extend(cut.incarnation.to_le_bytes());
        bytes.extend(cut.seq.to_le_bytes());
    }
    bytes
}

fn ticket_bytes(id: &TicketId, ticket: &Ticket) -> Vec<u8> {
    let mut bytes = vec![TICKET];
    bytes.extend_from_slice(id.as_bytes());
    bytes.extend_from_slice(ticket.op.as_bytes());
    bytes.extend(ticket.used.to_le_bytes());
    bytes.push(u8::from(ticket.revoked));
    bytes
}

fn deleted_bytes(entry: &EntryId, device: &DeviceId) -> Vec<u8> {
    let mut bytes = vec![DELETED];
    bytes.extend_from_slice(entry.as_bytes());
    bytes.extend_from_slice(device.as_bytes());
    bytes
}
