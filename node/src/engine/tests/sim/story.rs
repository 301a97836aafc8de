//! What the people at the nodes do, drawn by the seed, and what they may rely on afterwards.

use std::collections::{BTreeMap, BTreeSet};

use covey_api::{self as api, ApiError, ContactState};

use super::network::{OldCopy, Sim};
use crate::engine::rpc;
use crate::store::MemoryStore;

/// A text that a client asked to send.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) ticket: usize,
    /// Text id of the channel it was written to.
    pub(super) channel: String,
    /// No device has it any more since an old copy was put back.
    pub(super) gone: bool,
}

/// The relations of a node when a copy was taken: contact, state, since when (another invite may be in the same state),
/// confirmed, channel.
type Relations = Vec<(usize, Option<(ContactState, api::Time, bool, Option<String>)>)>;

/// A seed's life of a few people.
pub(super) struct Story {
    pub(super) sim: Sim,
    /// By text, which is never the same.
    pub(super) said: BTreeMap<String, Said>,
    copies: BTreeMap<usize, MemoryStore>,
    /// Old copies that were put back.
    pub(super) rollbacks: u64,
}

impl Story {
    pub(super) fn new(nodes: usize, seed: u64) -> Self {
        let sim = Sim::new(nodes, seed, format!("scripts/sim.sh pair --nodes {nodes} --seed {seed}"));
        Self { sim, said: BTreeMap::new(), copies: BTreeMap::new(), rollbacks: 0 }
    }

    /// Pairs everybody with everybody, or leaves it to chance.
    pub(super) fn begin(&mut self) {
        if self.sim.draw(4) == 0 {
            return;
        }
        let nodes = self.sim.nodes.len();
        for a in 0..nodes {
            for b in a + 1..nodes {
                let _ = self.invite(a, b);
                self.sim.run_for(100);
                let _ = self.accept(b, a);
                self.sim.run_for(100);
            }
        }
    }

    /// One thing that somebody does, or that happens to somebody.
    pub(super) fn act(&mut self) {
        let nodes = self.sim.nodes.len() as u64;
        let a = usize::try_from(self.sim.draw(nodes)).unwrap();
        let b = (a + 1 + usize::try_from(self.sim.draw(nodes - 1)).unwrap()) % self.sim.nodes.len();
        match self.sim.draw(100) {
            0..45 => self.say(a, b),
            45..53 => self.read_all(a, b),
            53..63 => self.consent(a, b),
            63..71 => self.sim.arm_crash(a),
            71..74 => {
                let away = 10 + self.sim.draw(10_000);
                self.sim.kill(a, away);
            }
            74..78 => self.sim.set_apart(a, b),
            78..83 => self.rejoin(),
            83..86 => self.sim.part(a, b),
            86..91 => drop(self.copies.insert(a, self.sim.nodes[a].store.clone())),
            91..96 => self.put_back(a),
            96..98 => self.sim.arm_fault(a),
            _ => self.turn_clock(a),
        }
        let wait = [0, 1, 20, 500, 5_000, 60_000][usize::try_from(self.sim.draw(6)).unwrap()];
        self.sim.run_for(wait);
    }

    fn say(&mut self, from: usize, to: usize) {
        for _ in 0..=self.sim.draw(4) {
            self.say_one(from, to);
        }
    }

    /// Asks a node to send one text.
    pub(super) fn say_one(&mut self, from: usize, to: usize) -> Option<Result<api::Sent, ApiError>> {
        let filler = [0, 10, 100, 3_000][usize::try_from(self.sim.draw(4)).unwrap()];
        let text = format!("{from} to {to}, number {}{}", self.said.len(), " la".repeat(filler / 3));
        let params = api::MessageSend { to: self.id(to), text: text.clone(), ..api::MessageSend::default() };
        let channel = self.channel(from, to);
        let (ticket, answer) = self.sim.call(from, |cx| rpc::message::send(cx, params));
        if !matches!(answer, Some(Err(_))) {
            let channel = channel.unwrap_or_default();
            self.said.insert(text, Said { from, to, ticket, channel, gone: false });
        }
        answer
    }

    fn channel(&mut self, node: usize, of: usize) -> Option<String> {
        self.contact(node, of)?.channel
    }

    fn read_all(&mut self, node: usize, of: usize) {
        let params = api::ChannelMarkRead { channel: self.id(of), ..api::ChannelMarkRead::default() };
        let _ = self.sim.call(node, |cx| rpc::channel::mark_read(cx, &params));
    }

    fn rejoin(&mut self) {
        let apart: Vec<_> = self.sim.apart.iter().copied().collect();
        if !apart.is_empty() {
            let (a, b) = apart[usize::try_from(self.sim.draw(apart.len() as u64)).unwrap()];
            self.sim.rejoin(a, b);
        }
    }

    fn turn_clock(&mut self, node: usize) {
        let spread = [60_000, 20 * 60_000, 12 * 3_600_000][usize::try_from(self.sim.draw(3)).unwrap()];
        let skew = self.sim.draw(spread).cast_signed() - (spread / 2).cast_signed();
        self.sim.nodes[node].skew = skew;
    }

    fn consent(&mut self, a: usize, b: usize) {
        let chance = self.sim.draw(10);
        match self.contact(a, b).map(|contact| contact.state) {
            Some(ContactState::Paired) if chance == 0 => {
                let params = api::PairRemove { contact: self.id(b), ..api::PairRemove::default() };
                let _ = self.sim.call(a, |cx| rpc::pair::remove(cx, &params));
            }
            Some(ContactState::Pending) if chance < 2 => {
                let params = api::PairDecline { contact: self.id(b), ..api::PairDecline::default() };
                let _ = self.sim.call(a, |cx| rpc::pair::decline(cx, &params));
            }
            Some(ContactState::Pending) => drop(self.accept(a, b)),
            Some(ContactState::Invited) if chance < 2 => {
                let params = api::PairCancel { contact: self.id(b), ..api::PairCancel::default() };
                let _ = self.sim.call(a, |cx| rpc::pair::cancel(cx, &params));
            }
            Some(ContactState::Paired | ContactState::Invited) => {}
            Some(ContactState::Declined) => {
                let params = api::PairForget { contact: self.id(b), ..api::PairForget::default() };
                let _ = self.sim.call(a, |cx| rpc::pair::forget(cx, &params));
            }
            _ => drop(self.invite(a, b)),
        }
    }

    pub(super) fn invite(&mut self, from: usize, to: usize) -> Option<Result<api::Contact, ApiError>> {
        let now = self.sim.now;
        let ticket = self.sim.nodes[to].read(now, |cx| rpc::account::ticket(cx, &api::AccountTicket::default()));
        let params = api::PairInvite { to: ticket.unwrap().ticket, ..api::PairInvite::default() };
        self.sim.call(from, |cx| rpc::pair::invite(cx, params)).1
    }

    pub(super) fn accept(&mut self, node: usize, from: usize) -> Option<Result<api::Contact, ApiError>> {
        let params = api::PairAccept { contact: self.id(from), ..api::PairAccept::default() };
        self.sim.call(node, |cx| rpc::pair::accept(cx, &params)).1
    }

    /// Puts an old copy back, unless who is whose contact has changed since: a pairing undone on one side only is for
    /// the people to settle.
    fn put_back(&mut self, node: usize) {
        let Some(store) = self.copies.remove(&node) else { return };
        if self.relations(node, &store) != self.relations(node, &self.sim.nodes[node].store.clone()) {
            return;
        }
        let noticed = self.sim.draw(2) == 0;
        let away = 10 + self.sim.draw(5_000);
        self.sim.put_back(node, OldCopy { store, noticed }, away);
        self.rollbacks += 1;
        self.sim.flush_all();
        self.forget_what_is_nowhere(node);
    }

    /// Texts that no store has any more cannot come back.
    fn forget_what_is_nowhere(&mut self, node: usize) {
        let mut held: BTreeMap<(usize, String), BTreeSet<String>> = BTreeMap::new();
        for (text, said) in self.said.clone() {
            if said.from != node && said.to != node {
                continue;
            }
            let somewhere = [said.from, said.to].into_iter().any(|holder| {
                let texts = held.entry((holder, said.channel.clone())).or_insert_with(|| {
                    let messages = self.messages(holder, &said.channel);
                    messages.into_iter().map(|message| message.text).collect()
                });
                texts.contains(&text)
            });
            if !somewhere && let Some(said) = self.said.get_mut(&text) {
                said.gone = true;
            }
        }
    }

    fn relations(&self, node: usize, store: &MemoryStore) -> Relations {
        let others = (0..self.sim.nodes.len()).filter(|other| *other != node);
        let relation = |other: usize| {
            let params = api::PairShow { contact: self.id(other) };
            let contact = self.sim.nodes[node].read_of(store, self.sim.now, |cx| rpc::pair::show(cx, &params)).ok();
            (other, contact.map(|it| (it.state, it.since, it.confirmed, it.channel)))
        };
        others.map(relation).collect()
    }

    pub(super) fn id(&self, node: usize) -> String {
        self.sim.nodes[node].account().to_string()
    }

    pub(super) fn contact(&mut self, node: usize, of: usize) -> Option<api::Contact> {
        let params = api::PairShow { contact: self.id(of) };
        let now = self.sim.now;
        self.sim.nodes[node].read(now, |cx| rpc::pair::show(cx, &params)).ok()
    }

    /// Every message of a channel as a node has it, in order.
    pub(super) fn messages(&self, node: usize, channel: &str) -> Vec<api::Message> {
        let params =
            api::MessageList { channel: Some(channel.to_owned()), limit: Some(1_000), ..api::MessageList::default() };
        let node = &self.sim.nodes[node];
        node.read_of(&node.store, self.sim.now, |cx| rpc::message::list(cx, &params)).unwrap_or_default()
    }
}
