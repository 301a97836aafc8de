//! Which operations count by no reading: the least set that holds with itself, tried until nothing changes.

use std::collections::{BTreeMap, BTreeSet};

use covey_pairing::{
    group::roster::{Ground, Op, OpId, OpRecord, Role, TicketId, VerifiedDevices, Vouched, group_id},
    ids::{AccountId, DeviceId},
};

use super::the_group;

#[derive(Clone, Default, PartialEq)]
pub(crate) struct Reach {
    pub(crate) may: BTreeSet<OpId>,
    roles: BTreeMap<AccountId, Role>,
    devices: BTreeSet<(AccountId, DeviceId)>,
    tickets: BTreeMap<TicketId, Role>,
    least: Option<(Role, Role)>,
    left: bool,
}

impl Reach {
    /// `handed`: who handed the group over in the operation before in its feed.
    pub(crate) fn of(records: &BTreeMap<OpId, OpRecord>, handed: impl Fn(&OpRecord) -> bool) -> Self {
        let mut reach = Self::default();
        loop {
            let before = reach.clone();
            for record in records.values() {
                if reach.lets(records, record) {
                    reach.may.insert(record.id);
                    reach.give(records, record, handed(record));
                }
            }
            if reach == before {
                return reach;
            }
        }
    }

    fn role(&self, who: &AccountId) -> Option<Role> {
        self.roles.get(who).map(|role| if self.left { Role::Owner } else { *role })
    }

    fn lets(&self, records: &BTreeMap<OpId, OpRecord>, record: &OpRecord) -> bool {
        let author = record.operation.account;
        let own = |devices: &VerifiedDevices| devices.devices.contains(&record.device);
        if let (Op::Create { nonce, .. }, Vouched::Devices(devices)) = (&record.operation.op, &record.vouched) {
            return group_id(&author, &record.device, nonce) == the_group() && own(devices);
        }
        let Some(role) = self.role(&author) else { return false };
        let Some((invite, rename)) = self.least else { return false };
        let gives = |granted: Role| role >= if granted == Role::Admin { Role::Owner } else { granted };
        let recovered = matches!(&record.vouched, Vouched::Devices(devices) if devices.log >> 32 > 0);
        (self.devices.contains(&(author, record.device)) || recovered)
            && match (&record.operation.op, &record.vouched) {
                (Op::Invite { grant, .. } | Op::Ticket { grant, .. }, _) => role >= invite && gives(grant.role),
                (Op::Uninvite { .. }, _) => role >= invite.min(Role::Admin),
                (Op::RevokeTicket { id }, _) => self.tickets.contains_key(id) && role >= invite.min(Role::Admin),
                (Op::Join { .. }, Vouched::Join(_)) => self.given(records, record).is_some(),
                (Op::Devices { .. }, Vouched::Devices(devices)) => own(devices),
                (Op::Join { .. } | Op::Devices { .. } | Op::Create { .. }, _) => false,
                (Op::Leave | Op::Depart { .. }, _) => true,
                (Op::Role { account, .. }, _) => *account == author || role >= Role::Admin,
                (Op::Transfer { .. }, _) => role == Role::Owner,
                (Op::Rename { .. }, _) => role >= rename,
                (Op::Delete { device, .. }, _) => self.devices.contains(&(author, *device)) || role >= Role::Admin,
                (Op::Remove { .. } | Op::Ban { .. } | Op::Unban { .. } | Op::Policy { .. }, _) => role >= Role::Admin,
            }
    }

    /// What somebody becomes whom this lets in.
    fn given(&self, records: &BTreeMap<OpId, OpRecord>, record: &OpRecord) -> Option<Role> {
        let Vouched::Join(join) = &record.vouched else { return None };
        let role = self.role(&record.operation.account)?;
        if join.devices.devices.is_empty() || join.devices.devices.len() > 8 {
            return None;
        }
        match &join.ground {
            Ground::Invite(op) => match &records.get(op).filter(|_| self.may.contains(op))?.operation.op {
                Op::Invite { account, grant } if *account == join.account => Some(grant.role),
                _ => None,
            },
            Ground::Ticket(id) => {
                self.tickets.get(id).copied().filter(|_| role >= self.least.unwrap().0.min(Role::Admin))
            }
            Ground::Request => (role >= Role::Admin).then_some(Role::Member),
        }
    }

    fn give(&mut self, records: &BTreeMap<OpId, OpRecord>, record: &OpRecord, handed: bool) {
        let author = record.operation.account;
        let role = self.role(&author).unwrap_or(Role::Reader);
        match (&record.operation.op, &record.vouched) {
            (Op::Create { policy, .. }, Vouched::Devices(devices)) => {
                self.least = Some(self.least.map_or((policy.invite, policy.rename), |(invite, rename)| {
                    (invite.min(policy.invite), rename.min(policy.rename))
                }));
                self.enter(author, Role::Owner, devices);
            }
            (Op::Policy { policy, .. }, _) => {
                let (invite, rename) = self.least.unwrap();
                self.least = Some((invite.min(policy.invite), rename.min(policy.rename)));
            }
            (Op::Join { .. }, Vouched::Join(join)) => {
                let given = self.given(records, record).unwrap();
                self.enter(join.account, given, &join.devices);
            }
            (Op::Devices { .. }, Vouched::Devices(devices)) => self.enter(author, Role::Reader, devices),
            (Op::Transfer { to }, _) => self.raise(*to, Role::Owner),
            (Op::Role { account, grant, .. }, _) if *account != author => {
                self.raise(*account, grant.role.min(if role == Role::Owner { Role::Admin } else { Role::Member }));
            }
            (Op::Ticket { id, grant, .. }, _) => {
                let most = self.tickets.entry(*id).or_insert(grant.role);
                *most = grant.role.max(*most);
            }
            (Op::Leave | Op::Depart { .. }, _) => self.left |= !handed && role == Role::Owner,
            _ => {}
        }
    }

    fn enter(&mut self, who: AccountId, role: Role, devices: &VerifiedDevices) {
        self.devices.extend(devices.devices.iter().map(|device| (who, *device)));
        self.raise(who, role);
    }

    fn raise(&mut self, who: AccountId, role: Role) {
        let known = self.roles.entry(who).or_insert(role);
        *known = role.max(*known);
    }
}
