//! One who sees nothing of a roster but its changes.

use std::collections::{BTreeMap, BTreeSet};

use covey_pairing::{
    group::roster::{Change, Cut, EntryId, Grant, OpId, Policy, Roster, Ticket, TicketId},
    ids::{AccountId, DeviceId},
};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mirror {
    name: String,
    policy: Option<Policy>,
    members: BTreeMap<AccountId, (Grant, BTreeSet<DeviceId>)>,
    invites: BTreeMap<AccountId, Vec<OpId>>,
    banned: BTreeSet<AccountId>,
    cuts: BTreeMap<AccountId, Vec<Cut>>,
    tickets: BTreeMap<TicketId, Ticket>,
    deleted: BTreeSet<(EntryId, DeviceId)>,
    epoch: [u8; 32],
}

impl Mirror {
    pub(crate) fn of(roster: &Roster) -> Self {
        let mut mirror = Self {
            name: roster.name().to_owned(),
            policy: Some(roster.policy()).filter(|policy| *policy != Policy::default()),
            tickets: roster.tickets().map(|(id, ticket)| (*id, ticket.clone())).collect(),
            deleted: roster.deleted().map(|(entry, device)| (*entry, *device)).collect(),
            epoch: roster.epoch(),
            ..Self::default()
        };
        for (account, standing) in roster.standings(None) {
            if let Some(member) = &standing.member {
                let grant = Grant { role: member.role, invisible: member.invisible };
                mirror.members.insert(*account, (grant, member.devices.iter().copied().collect()));
            }
            if !standing.invites.is_empty() {
                mirror.invites.insert(*account, standing.invites.iter().map(|invite| invite.op).collect());
            }
            if standing.banned.is_some() {
                mirror.banned.insert(*account);
            }
            if !standing.cuts.is_empty() {
                mirror.cuts.insert(*account, standing.cuts.clone());
            }
        }
        mirror
    }

    pub(crate) fn take(&mut self, changes: Vec<Change>) {
        changes.into_iter().for_each(|change| self.take_one(change));
    }

    fn take_one(&mut self, change: Change) {
        match change {
            Change::Created | Change::CardChanged { .. } | Change::WritingChanged { .. } => {}
            Change::MemberJoined { account, grant, devices } => {
                let before = self.members.insert(account, (grant, devices.into_iter().collect()));
                assert_eq!(before, None, "joined twice");
            }
            Change::MemberLeft { account, devices, .. } => {
                let before = self.members.remove(&account).expect("a member");
                assert_eq!(before.1, devices.into_iter().collect());
            }
            Change::CutChanged { account, cuts } => replace(&mut self.cuts, account, cuts),
            Change::Banned { account } => assert!(self.banned.insert(account), "banned twice"),
            Change::Unbanned { account } => assert!(self.banned.remove(&account), "not banned"),
            Change::InvitesChanged { account, invites } => {
                replace(&mut self.invites, account, invites.iter().map(|invite| invite.op).collect());
            }
            Change::RoleChanged { account, from, to } => {
                let member = self.members.get_mut(&account).expect("a member");
                assert_eq!(member.0, from);
                member.0 = to;
            }
            Change::DevicesChanged { account, added, dropped } => {
                let member = self.members.get_mut(&account).expect("a member");
                added.into_iter().for_each(|device| assert!(member.1.insert(device)));
                dropped.iter().for_each(|device| assert!(member.1.remove(device)));
            }
            Change::Renamed { name } => self.name = name,
            Change::PolicyChanged { policy } => {
                self.policy = Some(policy).filter(|policy| *policy != Policy::default());
            }
            Change::TicketChanged { id, ticket: Some(ticket) } => drop(self.tickets.insert(id, ticket)),
            Change::TicketChanged { id, ticket: None } => drop(self.tickets.remove(&id)),
            Change::Deleted { entry, device } => assert!(self.deleted.insert((entry, device)), "deleted twice"),
            Change::Undeleted { entry, device } => assert!(self.deleted.remove(&(entry, device)), "not deleted"),
            Change::EpochChanged { epoch } => self.epoch = epoch,
        }
    }
}

fn replace<V>(map: &mut BTreeMap<AccountId, Vec<V>>, account: AccountId, values: Vec<V>) {
    if values.is_empty() {
        map.remove(&account);
    } else {
        map.insert(account, values);
    }
}
