//! What one can see of a roster, to compare with the model and between members.

use std::collections::{BTreeMap, BTreeSet};

use covey_pairing::{
    group::roster::{Cut, EntryId, Exit, Grant, OpId, Policy, Roster, TicketId},
    ids::{AccountId, DeviceId},
};

/// What is visible of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) member: Option<(Grant, Vec<DeviceId>, OpId, OpId)>,
    pub(crate) invites: Vec<OpId>,
    pub(crate) banned: bool,
    pub(crate) exit: Option<Exit>,
    pub(crate) cuts: Vec<Cut>,
}

/// What is visible of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) name: String,
    pub(crate) policy: Policy,
    pub(crate) owner: Option<AccountId>,
    pub(crate) people: BTreeMap<AccountId, Person>,
    /// Uses and whether it was revoked.
    pub(crate) tickets: BTreeMap<TicketId, (u32, bool)>,
    pub(crate) deleted: BTreeSet<(EntryId, DeviceId)>,
    pub(crate) ignored: BTreeSet<OpId>,
}

impl View {
    pub(crate) fn of(roster: &Roster) -> Self {
        let people = roster.standings(None).map(|(account, standing)| {
            let member = standing.member.as_ref().map(|member| {
                let grant = Grant { role: member.role, invisible: member.invisible };
                (grant, member.devices.to_vec(), member.joined, member.card)
            });
            let person = Person {
                member,
                invites: standing.invites.iter().map(|invite| invite.op).collect(),
                banned: standing.banned.is_some(),
                exit: standing.exit.map(|(exit, ..)| exit),
                cuts: standing.cuts.clone(),
            };
            (*account, person)
        });
        let people: BTreeMap<AccountId, Person> = people.filter(|(_, person)| *person != Person::default()).collect();
        let members = people.values().filter(|person| person.member.is_some()).count();
        assert_eq!((roster.len(), roster.members(None).count(), roster.by_rank().count()), (members, members, members));
        let devices: BTreeSet<&DeviceId> = roster.members(None).flat_map(|(_, member)| member.devices.iter()).collect();
        assert!(roster.devices(None).eq(devices), "the devices in the order of their ids");
        Self {
            name: roster.name().to_owned(),
            policy: roster.policy(),
            owner: roster.owner().copied(),
            people,
            tickets: roster.tickets().map(|(id, ticket)| (*id, (ticket.used, ticket.revoked))).collect(),
            deleted: roster.deleted().map(|(entry, device)| (*entry, *device)).collect(),
            ignored: roster.ignored().iter().map(|ignored| ignored.id).collect(),
        }
    }
}
