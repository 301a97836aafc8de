//! What people do with each other: they pair and part, write, edit and read.

use std::collections::BTreeSet;

use covey_api::{self as api, ContactState};

use super::{CONTACTS, Edited, Household, Said};
use crate::engine::records::devices;
use crate::engine::rpc;

/// Longest time after which a group's chain is another one when a device is gone, in milliseconds.
const CHAIN: u64 = 40_000;

/// Where the number of a text stands.
const NUMBER: &str = "number ";
/// And that of what replaced it.
const EDIT: &str = ", edited ";

/// The number of a text, and that of its last edit.
pub(super) fn numbers(text: &str) -> Option<(usize, Option<usize>)> {
    let (said, edit) = text.split_once(EDIT).map_or((text, None), |(said, edit)| (said, edit.parse().ok()));
    Some((said.strip_prefix(NUMBER)?.split(' ').next()?.parse().ok()?, edit))
}

/// A text as it was before it was edited.
pub(super) fn said(text: &str) -> &str {
    text.split(EDIT).next().unwrap_or_default()
}

impl Household {
    pub(super) fn contact(&self, node: usize, of: usize) -> Option<api::Contact> {
        let params = api::PairShow { contact: self.id(of) };
        self.sim.nodes[node].read(self.sim.now, |cx| rpc::pair::show(cx, &params)).ok()
    }

    /// Every message of a channel as a node has it, in order.
    pub(super) fn messages(&self, node: usize, channel: &str) -> Vec<api::Message> {
        let params =
            api::MessageList { channel: Some(channel.to_owned()), limit: Some(1_000), ..api::MessageList::default() };
        self.sim.nodes[node].read(self.sim.now, |cx| rpc::message::list(cx, &params)).unwrap_or_default()
    }

    pub(super) fn channels(&self, node: usize) -> Vec<api::Channel> {
        let params = api::ChannelList::default();
        self.sim.nodes[node].read(self.sim.now, |cx| rpc::channel::list(cx, &params)).unwrap_or_default()
    }

    pub(super) fn say(&mut self, author: usize, to: usize) {
        if let Some(channel) = self.contact(author, to).and_then(|contact| contact.channel) {
            self.write(author, &self.id(to), channel, None);
        }
    }

    /// Asks a node to send one text.
    pub(super) fn write(&mut self, author: usize, to: &str, channel: String, membership: Option<[u8; 32]>) {
        let number = self.said.len();
        let text = format!("{NUMBER}{number} of {author}");
        let params = api::MessageSend { to: to.to_owned(), text, ..api::MessageSend::default() };
        let known_out = if membership.is_some() { self.long_known_out(author) } else { self.known_out(author) };
        let (ticket, answer) = self.sim.call(author, |cx| rpc::message::send(cx, params));
        if !matches!(answer, Some(Err(_))) {
            let stolen = self.out.contains(&author);
            let taken = CONTACTS.iter().any(|contact| self.id(*contact) == to && !self.knows_out(*contact, author));
            let said = Said { author, ticket, channel, known_out, membership, gone: stolen, stolen, taken };
            self.said.insert(number, said);
        }
    }

    /// The same for groups, whose members go on with a chain for half a minute.
    fn long_known_out(&mut self, node: usize) -> BTreeSet<usize> {
        let (now, known) = (self.sim.now, self.known_out(node));
        self.knew.retain(|(of, out), _| *of != node || known.contains(out));
        let mut long = BTreeSet::new();
        for out in known {
            if *self.knew.entry((node, out)).or_insert(now) + CHAIN < now {
                long.insert(out);
            }
        }
        long
    }

    /// Machines of the account that a node knows to be none any more, and all devices of the account, which give each other whatever the account
    /// may read.
    pub(super) fn known_out(&self, node: usize) -> BTreeSet<usize> {
        let out = self.out.iter().copied().filter(|out| *out != node && !self.out.contains(&node));
        out.filter(|out| self.devices.iter().chain([&node]).all(|node| self.knows_out(*node, *out))).collect()
    }

    /// Whether a node knows that a machine is no device of the account any more.
    pub(super) fn knows_out(&self, node: usize, out: usize) -> bool {
        let (account, device) = (self.words.id(), self.sim.nodes[out].me.device_id());
        if self.sim.nodes[node].me.is_ours(&account) {
            return !self.sim.nodes[node].me.key_log.is_active(&device);
        }
        self.sim.nodes[node].read(self.sim.now, |cx| {
            let known = devices::known_log(cx.tx, &account).unwrap();
            known.is_some_and(|known| known.in_force().is_none_or(|log| !log.is_active(&device)))
        })
    }

    /// Somebody finds better words for something that they said; the account perhaps on another device than it was said on.
    pub(super) fn edit(&mut self, node: usize) {
        let channels = self.channels(node);
        if channels.is_empty() {
            return;
        }
        let at = usize::try_from(self.sim.draw(channels.len() as u64)).unwrap();
        let own: Vec<_> =
            self.messages(node, &channels[at].channel).into_iter().filter(|it| it.own && !it.deleted).collect();
        if own.is_empty() {
            return;
        }
        let message = &own[usize::try_from(self.sim.draw(own.len() as u64)).unwrap()];
        let number = self.edits.len();
        let said = said(&message.text);
        let params = api::MessageEdit {
            id: message.id.clone(),
            text: format!("{said}{EDIT}{number}"),
            ..api::MessageEdit::default()
        };
        let known_out = &self.known_out(node) & &self.long_known_out(node);
        if !matches!(self.sim.call(node, |cx| rpc::message::edit(cx, params)).1, Some(Err(_))) {
            self.edits.insert(number, Edited { by: node, known_out });
        }
    }

    pub(super) fn read(&mut self, device: usize) {
        let channels = self.channels(device);
        if channels.is_empty() {
            return;
        }
        let at = usize::try_from(self.sim.draw(channels.len() as u64)).unwrap();
        let channel = channels[at].channel.clone();
        if self.sim.draw(6) == 0 {
            let params = api::ChannelMute { channel, muted: Some(self.sim.draw(2) == 0), client_id: None };
            drop(self.sim.call(device, |cx| rpc::channel::mute(cx, &params)));
            return;
        }
        let params = api::ChannelMarkRead { channel, ..api::ChannelMarkRead::default() };
        drop(self.sim.call(device, |cx| rpc::channel::mark_read(cx, &params)));
    }

    /// What somebody makes of how they stand to somebody.
    pub(super) fn decide(&mut self, node: usize, with: usize) {
        let (chance, contact) = (self.sim.draw(16), self.id(with));
        match self.contact(node, with).map(|contact| contact.state) {
            Some(ContactState::Paired) if chance == 0 => {
                let params = api::PairRemove { contact, ..api::PairRemove::default() };
                drop(self.sim.call(node, |cx| rpc::pair::remove(cx, &params)));
            }
            Some(ContactState::Paired | ContactState::Pending) if chance == 1 => {
                let params = api::PairBlock { contact, client_id: None };
                drop(self.sim.call(node, |cx| rpc::pair::block(cx, &params)));
            }
            Some(ContactState::Paired) if chance < 6 => {
                let alias = format!("friend {}", self.sim.draw(1_000_000));
                let params = api::PairRename { contact, alias, client_id: None };
                drop(self.sim.call(node, |cx| rpc::pair::rename(cx, &params)));
            }
            Some(ContactState::Blocked) => {
                let params = api::PairUnblock { contact, client_id: None };
                drop(self.sim.call(node, |cx| rpc::pair::unblock(cx, &params)));
            }
            Some(ContactState::Pending) if chance < 4 => {
                let params = api::PairDecline { contact, ..api::PairDecline::default() };
                drop(self.sim.call(node, |cx| rpc::pair::decline(cx, &params)));
            }
            Some(ContactState::Pending) => self.accept(node, with),
            Some(ContactState::Invited) if chance < 3 => {
                let params = api::PairCancel { contact, ..api::PairCancel::default() };
                drop(self.sim.call(node, |cx| rpc::pair::cancel(cx, &params)));
            }
            Some(ContactState::Paired | ContactState::Invited) => {}
            Some(ContactState::Declined) if chance < 8 => {
                let params = api::PairForget { contact, ..api::PairForget::default() };
                drop(self.sim.call(node, |cx| rpc::pair::forget(cx, &params)));
            }
            _ if chance < 8 => self.invite(with, node),
            _ => self.invite(node, with),
        }
        if self.contact(with, node).map(|contact| contact.state) == Some(ContactState::Pending) {
            self.accept(with, node);
        }
    }

    pub(super) fn invite(&mut self, from: usize, to: usize) {
        let ticket =
            self.sim.nodes[to].read(self.sim.now, |cx| rpc::account::ticket(cx, &api::AccountTicket::default()));
        let params = api::PairInvite { to: ticket.unwrap().ticket, ..api::PairInvite::default() };
        drop(self.sim.call(from, |cx| rpc::pair::invite(cx, params)));
    }

    pub(super) fn accept(&mut self, node: usize, from: usize) {
        let params = api::PairAccept { contact: self.id(from), ..api::PairAccept::default() };
        drop(self.sim.call(node, |cx| rpc::pair::accept(cx, &params)));
    }
}
