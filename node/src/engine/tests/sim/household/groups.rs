//! Two groups: one of the first contact, in which the account is an admin, and one of the second. A founder lets the account in anew after
//! it was recovered.

use covey_api::{self as api, GroupState, Role};
use covey_pairing::ids::DeviceId;

use super::{CONTACTS, FIRST, Household};
use crate::engine::members::rosters;
use crate::engine::names::{self, pick::Purpose};
use crate::engine::records::devices;
use crate::engine::rpc;

/// Longest time in which those who asked are let in, in virtual milliseconds.
const ADMISSION: u64 = 600_000;

/// A group and the contacts in it, its founder first.
pub(super) struct Circle {
    pub(super) id: String,
    pub(super) members: Vec<usize>,
}

/// How the account stands on the roster of a node.
pub(super) struct Membership {
    pub(super) joined: [u8; 32],
    pub(super) devices: Vec<DeviceId>,
}

impl Household {
    pub(super) fn found_groups(&mut self) {
        for members in [vec![1, 3, 4], vec![2, 4, 5]] {
            let (founder, name) = (members[0], format!("circle of {}", members[0]));
            let params = api::GroupCreate { name, ..api::GroupCreate::default() };
            let id = self.sim.call(founder, |cx| rpc::group::create(cx, &params)).1.unwrap().unwrap().group;
            let ticket = self.ticket(founder, &id).unwrap();
            for node in members[1..].iter().chain(&[FIRST]) {
                self.join(*node, &ticket).unwrap().unwrap();
                let end = self.sim.now + ADMISSION;
                while self.state_in(*node, &id) != Some(GroupState::Joined) {
                    assert!(self.sim.now < end, "{}: {node} is never let in", self.sim.name);
                    self.sim.run_for(1_000);
                }
            }
            self.groups.push(Circle { id, members });
        }
        let params = api::GroupRole {
            group: self.groups[0].id.clone(),
            member: self.id(FIRST),
            role: Role::Admin,
            ..api::GroupRole::default()
        };
        self.sim.call(CONTACTS[0], |cx| rpc::group::role(cx, &params)).1.unwrap().unwrap();
        self.sim.run_for(5_000);
    }

    fn ticket(&mut self, of: usize, group: &str) -> Option<String> {
        let params = api::GroupTicket { group: group.to_owned(), ..api::GroupTicket::default() };
        let ticket = self.sim.call(of, |cx| rpc::group::ticket(cx, &params)).1;
        ticket.and_then(Result::ok).map(|it| it.ticket)
    }

    fn join(&mut self, node: usize, ticket: &str) -> Option<Result<api::Group, api::ApiError>> {
        let params = api::GroupJoin { ticket: ticket.to_owned(), ..api::GroupJoin::default() };
        self.sim.call(node, |cx| rpc::group::join(cx, params)).1
    }

    pub(super) fn state_in(&self, node: usize, group: &str) -> Option<GroupState> {
        let params = api::GroupShow { group: group.to_owned() };
        let shown = self.sim.nodes[node].read_awake(self.sim.now, |cx| rpc::group::show(cx, &params));
        shown.ok().map(|group| group.state)
    }

    /// How the account stands on the roster as a node has it.
    pub(super) fn membership(&self, node: usize, group: &str) -> Option<Membership> {
        let account = self.words.id();
        self.sim.nodes[node].read_awake(self.sim.now, |cx| {
            let channel = names::channel(cx, group, Purpose::Read).ok()?;
            let member = rosters::get(cx, channel.no)?.roster.member(&account)?;
            Some(Membership { joined: *member.joined.as_bytes(), devices: member.devices.to_vec() })
        })
    }

    pub(super) fn say_in_group(&mut self, author: usize) {
        let at = usize::try_from(self.sim.draw(2)).unwrap();
        let id = self.groups[at].id.clone();
        if CONTACTS.contains(&author) && !self.groups[at].members.contains(&author) {
            return;
        }
        let membership = self.membership(author, &id).map(|member| member.joined);
        self.write(author, &id, id.clone(), membership);
    }

    /// Who waits is answered: renewals of contacts are accepted, and founders let the account in anew whose devices are none of those on
    /// their rosters any more. If the last device that knew of a group was lost, or the founder lost that it removed the account, whoever misses
    /// the group asks for a ticket.
    pub(super) fn tend(&mut self) {
        let device = self.devices[0];
        drop(self.sim.call(device, rpc::pair::accept_renewals));
        for at in 0..self.groups.len() {
            let (group, founder) = (self.groups[at].id.clone(), self.groups[at].members[0]);
            let state = self.state_in(device, &group);
            let is_asked = matches!(state, Some(GroupState::Invited | GroupState::Requested));
            match self.membership(founder, &group) {
                Some(member) if self.is_lost_to(founder, &member) => {
                    let params = api::GroupRemove { group: group.clone(), member: self.id(FIRST), client_id: None };
                    drop(self.sim.call(founder, |cx| rpc::group::remove(cx, &params)));
                }
                Some(_) if !matches!(state, Some(GroupState::Joined | GroupState::Invited)) => {
                    if let Some(ticket) = self.ticket(founder, &group) {
                        drop(self.join(device, &ticket));
                    }
                }
                Some(_) => {}
                // An invite that came before the two were paired again was lost on the way.
                None if is_asked && self.is_invited(founder, &group) => {}
                None => {
                    let params = api::GroupInvite {
                        group: group.clone(),
                        contact: self.id(FIRST),
                        ..api::GroupInvite::default()
                    };
                    drop(self.sim.call(founder, |cx| rpc::group::invite(cx, params)));
                }
            }
            if state == Some(GroupState::Invited) {
                let params = api::GroupAccept { group, client_id: None };
                drop(self.sim.call(device, |cx| rpc::group::accept(cx, &params)));
            }
        }
    }

    fn is_invited(&self, node: usize, group: &str) -> bool {
        let account = self.words.id();
        self.sim.nodes[node].read_awake(self.sim.now, |cx| {
            let channel = names::channel(cx, group, Purpose::Read).unwrap();
            rosters::get(cx, channel.no).is_some_and(|group| group.roster.invited().any(|(one, _)| *one == account))
        })
    }

    /// Whether a member knows that the account has none of the devices any more with which it is on the roster.
    fn is_lost_to(&self, node: usize, member: &Membership) -> bool {
        let account = self.words.id();
        self.sim.nodes[node].read(self.sim.now, |cx| {
            let log = devices::known_log(cx.tx, &account).unwrap().and_then(|known| known.in_force());
            log.is_some_and(|log| member.devices.iter().all(|device| !log.is_active(device)))
        })
    }
}
