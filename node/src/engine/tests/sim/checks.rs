//! What holds once the network is whole again.
//!
//! | check | holds |
//! |---|---|
//! | SIM-1 | every acknowledged text of an open channel is on both sides exactly once; an unacknowledged one at most once |
//! | SIM-2 | both sides show the same messages in the same order |
//! | SIM-3 | each author's texts stand in the order in which they were written |
//! | SIM-4 | both sides have identical heads of every feed |
//! | SIM-5 | both are paired, confirmed and on one channel, or neither is |
//! | SIM-6 | the journal of a node tells each message of the others exactly once, and every one there is |
//! | SIM-7 | no place in a feed and no message key is used twice, unless an old copy was put back unnoticed (`wire.rs`) |
//!
//! An acknowledged text that an old copy took away counts only if some device still has it.

use std::collections::{BTreeMap, BTreeSet};

use covey_api as api;
use covey_api::{ContactState, MessageState};

use super::super::converging::{self, Looks};
use super::story::Story;
use crate::engine::names::pick::Purpose;
use crate::engine::records::feeds;
use crate::engine::shown::events;
use crate::engine::{Selection, names};

/// Healing may take the longest back-off of a feed, twice, and the longest wait of a pairing frame.
const LOOKS: Looks = Looks { first: 5 * 60_000, longest: 5 * 60_000, patience: 3 * 3_600_000 };

impl converging::World for Story {
    fn name(&self) -> String {
        self.sim.name.clone()
    }

    fn now(&self) -> u64 {
        self.sim.now
    }

    fn pass(&mut self, millis: u64) {
        self.sim.run_for(millis);
    }

    fn problems(&mut self) -> Vec<String> {
        let mut problems = Vec::new();
        let nodes = self.sim.nodes.len();
        for a in 0..nodes {
            self.journal(a, &mut problems);
            for b in a + 1..nodes {
                self.couple(a, b, &mut problems);
            }
        }
        problems
    }
}

impl Story {
    /// Heals the network and waits until every check holds.
    pub(super) fn end(&mut self) {
        self.sim.heal();
        converging::converge(self, &LOOKS);
    }

    /// SIM-5, and the rest for the channel of two who are paired.
    fn couple(&mut self, a: usize, b: usize, problems: &mut Vec<String>) {
        let (at_a, at_b) = (self.contact(a, b), self.contact(b, a));
        let paired = |contact: &Option<api::Contact>| {
            contact.as_ref().filter(|contact| contact.state == ContactState::Paired).cloned()
        };
        match (paired(&at_a), paired(&at_b)) {
            (Some(at_a), Some(at_b)) => {
                if !at_a.confirmed || !at_b.confirmed || at_a.channel != at_b.channel {
                    problems.push(format!("SIM-5 {a} and {b} are paired differently: {at_a:?} {at_b:?}"));
                    return;
                }
                self.channel_of(a, b, &at_a.channel.unwrap_or_default(), problems);
            }
            (None, None) => {}
            _ => problems.push(format!("SIM-5 only one of {a} and {b} is paired: {at_a:?} {at_b:?}")),
        }
    }

    fn channel_of(&mut self, a: usize, b: usize, channel: &str, problems: &mut Vec<String>) {
        let lists = [self.messages(a, channel), self.messages(b, channel)];
        let texts = lists.each_ref().map(|list| list.iter().map(|message| message.text.as_str()).collect::<Vec<_>>());
        if lists[0].iter().map(|message| &message.id).ne(lists[1].iter().map(|message| &message.id)) {
            let [one, two] = &texts;
            problems.push(format!("SIM-2 {a} and {b} differ:\n  {}\n  {}", brief(one), brief(two)));
        }
        for (node, texts) in [a, b].into_iter().zip(&texts) {
            let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
            texts.iter().for_each(|text| *counted.entry(text).or_default() += 1);
            for (text, said) in self.said.iter().filter(|(_, said)| said.channel == channel) {
                let times = counted.get(text.as_str()).copied().unwrap_or(0);
                let must = self.sim.answered.contains(&said.ticket) && !said.gone;
                if times > 1 || (must && times == 0) {
                    problems.push(format!("SIM-1 node {node} has {times} times: {} ({said:?})", brief(&[text])));
                }
            }
        }
        for author in [a, b] {
            let own: Vec<usize> =
                lists[0].iter().filter(|m| m.author == self.id(author)).map(|m| number(&m.text)).collect();
            if self.rollbacks == 0 && !own.is_sorted() {
                problems.push(format!("SIM-3 {author} wrote in another order: {own:?}"));
            }
        }
        for (node, list) in [a, b].into_iter().zip(&lists) {
            let known = |m: &&api::Message| matches!(m.state, MessageState::Delivered | MessageState::Read);
            if let Some(message) = list.iter().filter(|m| m.own).find(|m| !known(m)) {
                let heads = self.heads(node, channel);
                problems.push(format!("SIM-1 node {node} does not know that it was delivered: {message:?}, {heads:?}"));
            }
        }
        let heads = [a, b].map(|node| self.heads(node, channel));
        if heads[0] != heads[1] {
            problems.push(format!("SIM-4 heads of {a} and {b} differ:\n  {:?}\n  {:?}", heads[0], heads[1]));
        }
    }

    fn heads(&mut self, node: usize, channel: &str) -> Vec<String> {
        let now = self.sim.now;
        self.sim.nodes[node].read(now, |cx| {
            let channel = names::channel(cx, channel, Purpose::Change).unwrap();
            let mut heads: Vec<String> = feeds::all(cx.tx, channel.no)
                .unwrap()
                .into_iter()
                .filter_map(|feed| Some((feed.key, feed.head?)))
                .map(|(key, head)| {
                    format!("{} {} {} {}", key.author.fmt_short(), key.incarnation, head.seq, head.id.fmt_short())
                })
                .collect();
            heads.sort();
            heads
        })
    }

    /// SIM-6
    fn journal(&mut self, node: usize, problems: &mut Vec<String>) {
        let now = self.sim.now;
        let all = Selection::default();
        let (events, _) = self.sim.nodes[node].read(now, |cx| events::after(cx, 0, 100_000, &all)).unwrap();
        let mut told = BTreeSet::new();
        for event in events.iter().filter(|event| event.kind == api::kind::MESSAGE_RECEIVED) {
            let id = event.data["id"].as_str().unwrap_or_default().to_owned();
            if !told.insert(id.clone()) {
                problems.push(format!("SIM-6 node {node} was told twice of {id}"));
            }
        }
        // Of what came twice, written again by two copies, the later one.
        for event in events.iter().filter(|event| event.data["deleted"] == true) {
            told.remove(event.data["id"].as_str().unwrap_or_default());
        }
        let params = api::ChannelList::default();
        let channels = self.sim.nodes[node].read(now, |cx| crate::engine::rpc::channel::list(cx, &params)).unwrap();
        for channel in channels {
            for message in self.messages(node, &channel.channel).into_iter().filter(|message| !message.own) {
                if !told.remove(&message.id) {
                    problems.push(format!("SIM-6 node {node} was not told of {}", brief(&[&message.text])));
                }
            }
        }
        if !told.is_empty() {
            problems.push(format!("SIM-6 node {node} was told of messages that it does not have: {told:?}"));
        }
    }
}

fn number(text: &str) -> usize {
    let number: String = text.chars().skip_while(|c| *c != ',').filter(char::is_ascii_digit).collect();
    number.parse().unwrap_or(usize::MAX)
}

fn brief(texts: &[&str]) -> String {
    texts.iter().map(|text| text.chars().take(20).collect::<String>()).collect::<Vec<_>>().join(" | ")
}
