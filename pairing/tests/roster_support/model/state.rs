//! Who is a member, of what rank, with which devices and tickets.

use super::Place;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use covey_pairing::{
    group::roster::{Cut, EntryId, Exit, Grant, OpId, Policy, Role, TicketId, VerifiedDevices},
    ids::{AccountId, DeviceId},
};

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) grant: Grant,
    pub(super) devices: BTreeSet<DeviceId>,
    pub(super) log: u64,
    pub(super) joined: Place,
    pub(super) card: OpId,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Someone {
    pub(super) member: Option<Member>,
    pub(super) invites: Vec<(OpId, AccountId, Grant)>,
    pub(super) banned: bool,
    pub(super) exit: Option<Exit>,
    pub(super) stated: Option<u64>,
    pub(super) cuts: BTreeMap<(DeviceId, u64), u64>,
}

#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) by: AccountId,
    pub(super) grant: Grant,
    pub(super) left: Option<u32>,
    pub(super) used: u32,
    pub(super) expires_at: Option<u64>,
    pub(super) approve: bool,
    pub(super) revoked: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) created: bool,
    /// The owner is it because the one before went.
    pub(super) inherited: bool,
    pub(super) name: String,
    pub(super) policy: Policy,
    pub(super) people: BTreeMap<AccountId, Someone>,
    pub(super) tickets: BTreeMap<TicketId, Ticket>,
    pub(super) deleted: BTreeSet<(EntryId, DeviceId)>,
}

impl State {
    pub(super) fn member(&self, who: &AccountId) -> Option<&Member> {
        self.people.get(who)?.member.as_ref()
    }

    pub(super) fn role(&self, who: &AccountId) -> Option<Role> {
        self.member(who).map(|member| member.grant.role)
    }

    pub(super) fn someone(&mut self, who: &AccountId) -> &mut Someone {
        self.people.entry(*who).or_default()
    }

    pub(super) fn banned(&self, who: &AccountId) -> bool {
        self.people.get(who).is_some_and(|someone| someone.banned)
    }

    pub(super) fn owner(&self) -> Option<AccountId> {
        self.people.keys().find(|who| self.role(who) == Some(Role::Owner)).copied()
    }

    pub(super) fn go(&mut self, who: &AccountId, exit: Exit) {
        let Some(member) = self.someone(who).member.take() else { return };
        self.someone(who).exit = Some(exit);
        if member.grant.role == Role::Owner {
            let heir = self
                .people
                .iter()
                .filter_map(|(who, someone)| Some((*who, someone.member.as_ref()?)))
                .max_by_key(|(_, member)| (member.grant.role, Reverse(member.joined)))
                .map(|(who, _)| who);
            if let Some(heir) = heir {
                self.set_role(&heir, Role::Owner);
                self.inherited = true;
            }
        }
    }

    pub(super) fn set_role(&mut self, who: &AccountId, role: Role) {
        self.someone(who).member.as_mut().unwrap().grant.role = role;
    }

    pub(super) fn cut(&mut self, who: &AccountId, cuts: &[Cut]) {
        for cut in cuts {
            let seq = self.someone(who).cuts.entry((cut.device, cut.incarnation)).or_default();
            *seq = cut.seq.max(*seq);
        }
    }

    pub(super) fn taken(&self, who: &AccountId, devices: &VerifiedDevices) -> bool {
        self.people.iter().any(|(other, someone)| {
            let theirs = someone.member.as_ref().map(|member| &member.devices);
            other != who && theirs.is_some_and(|theirs| devices.devices.iter().any(|device| theirs.contains(device)))
        })
    }
}
