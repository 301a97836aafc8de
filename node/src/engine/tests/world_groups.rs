//! What the nodes of a [`World`] do in groups.

use covey_api as api;
use covey_api::{ApiError, GroupState};

use super::world::World;
use crate::engine::rpc;

impl World {
    pub(super) fn create_group(&mut self, node: usize, name: &str) -> String {
        let params = api::GroupCreate { name: name.into(), ..api::GroupCreate::default() };
        let made = self.call(node, |cx| rpc::group::create(cx, &params)).unwrap();
        self.settle();
        made.group
    }

    pub(super) fn invite_to(&mut self, node: usize, group: &str, whom: usize) -> Result<api::Member, ApiError> {
        let contact = self.id(whom);
        let params = api::GroupInvite { group: group.into(), contact, ..api::GroupInvite::default() };
        let invited = self.call(node, |cx| rpc::group::invite(cx, params));
        self.settle();
        invited
    }

    pub(super) fn accept_group(&mut self, node: usize, group: &str) -> Result<api::Group, ApiError> {
        let params = api::GroupAccept { group: group.into(), client_id: None };
        let accepted = self.call(node, |cx| rpc::group::accept(cx, &params));
        self.settle();
        accepted
    }

    pub(super) fn group(&mut self, node: usize, group: &str) -> api::Group {
        let params = api::GroupShow { group: group.into() };
        self.call(node, |cx| rpc::group::show(cx, &params)).unwrap()
    }

    pub(super) fn say_in(&mut self, node: usize, group: &str, text: &str) -> Result<api::Sent, ApiError> {
        let params = api::MessageSend { to: group.into(), text: text.into(), ..api::MessageSend::default() };
        let sent = self.call(node, |cx| rpc::message::send(cx, params));
        self.settle();
        sent
    }

    pub(super) fn texts_in(&mut self, node: usize, group: &str) -> Vec<String> {
        let params =
            api::MessageList { channel: Some(group.into()), limit: Some(1_000), ..api::MessageList::default() };
        let messages = self.call(node, |cx| rpc::message::list(cx, &params)).unwrap();
        messages.into_iter().map(|message| message.text).collect()
    }

    pub(super) fn remove_from(&mut self, node: usize, group: &str, whom: usize) -> Result<api::Member, ApiError> {
        let params = api::GroupRemove { group: group.into(), member: self.id(whom), client_id: None };
        let removed = self.call(node, |cx| rpc::group::remove(cx, &params));
        self.settle();
        removed
    }

    /// The first of `nodes` made a group, and all others are in it by invite.
    pub(super) fn group_of(&mut self, nodes: &[usize], name: &str) -> String {
        let (first, others) = nodes.split_first().unwrap();
        let group = self.create_group(*first, name);
        others.iter().for_each(|other| self.bring_in(*first, &group, *other));
        group
    }

    /// `founder` pairs with `other`, invites it into its group, and it is in.
    pub(super) fn bring_in(&mut self, founder: usize, group: &str, other: usize) {
        self.pair(founder, other);
        self.invite_to(founder, group, other).unwrap();
        let invited = self.group(other, group);
        assert_eq!((invited.state, invited.founder), (GroupState::Invited, None), "who invites may be no founder");
        self.accept_group(other, group).unwrap();
        self.pass(10_000, 500);
        let joined = self.group(other, group);
        assert_eq!((joined.state, joined.founder), (GroupState::Joined, Some(self.id(founder))), "{other} is in");
    }

    /// `nodes` ask to be let in with a ticket of `founder`.
    pub(super) fn come_by_ticket(&mut self, founder: usize, group: &str, nodes: &[usize]) {
        let params = api::GroupTicket { group: group.into(), ..api::GroupTicket::default() };
        let ticket = self.call(founder, |cx| rpc::group::ticket(cx, &params)).unwrap().ticket;
        for node in nodes {
            let params = api::GroupJoin { ticket: ticket.clone(), ..api::GroupJoin::default() };
            self.call(*node, |cx| rpc::group::join(cx, params)).unwrap();
            self.settle();
        }
    }

    pub(super) fn assert_alike(&mut self, nodes: &[usize], group: &str) {
        let hashes: Vec<_> = nodes.iter().map(|node| self.group(*node, group).roster_hash.clone()).collect();
        assert!(hashes.windows(2).all(|two| two[0] == two[1]), "rosters differ: {hashes:?}");
    }
}
