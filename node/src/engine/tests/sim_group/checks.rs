//! What holds once the network is whole again.
//!
//! | check | holds |
//! |---|---|
//! | SIMG-1 | every acknowledged text of a member who stays is on every member who was one then and still is, exactly once; no text is anywhere twice. (What an old copy took away counts only if somebody still has it) |
//! | SIMG-2 | each author's texts stand in the order in which they were written, unless they went on from an old copy |
//! | SIMG-3 | all members have the same roster hash |
//! | SIMG-4 | all members have the same heads of all feeds |
//! | SIMG-5 | a removed member has nothing that was written by somebody who knew of the removal |
//! | SIMG-6 | a client is told of a message once |
//! | SIMG-7 | who was removed knows it |

use std::collections::{BTreeMap, BTreeSet};

use covey_api as api;
use covey_api::GroupState;

use super::super::converging::{self, Looks};
use super::story::Story;
use crate::engine::members::rosters;
use crate::engine::names::pick::Purpose;
use crate::engine::{names, rpc, tables};

const LOOKS: Looks = Looks { first: 10_000, longest: 600_000, patience: 3 * 3_600_000 };

impl converging::World for Story {
    fn name(&self) -> String {
        self.name()
    }

    fn now(&self) -> u64 {
        self.net.now
    }

    fn pass(&mut self, millis: u64) {
        self.net.run_for(millis);
    }

    fn problems(&mut self) -> Vec<String> {
        let mut problems = Vec::new();
        let present: Vec<usize> =
            (0..self.net.nodes.len()).filter(|node| !self.removed.contains(node)).filter(|n| self.was_in(*n)).collect();
        let mut seen: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for node in present {
            match self.state(node) {
                Some(GroupState::Joined) => {}
                state => {
                    problems.push(format!("node {node} is not in: {state:?}"));
                    continue;
                }
            }
            seen.entry(self.group_at(node)).or_default().push(node);
            self.texts_at(node, &mut problems);
        }
        if seen.len() > 1 {
            let brief = |(state, nodes): (&String, &Vec<usize>)| {
                format!("  {state} at {} nodes: {:?}", nodes.len(), nodes.iter().take(8).collect::<Vec<_>>())
            };
            problems.push(format!("SIMG-3, SIMG-4 {}", seen.iter().map(brief).collect::<Vec<_>>().join("\n")));
        }
        for node in self.removed.clone() {
            self.removed_at(node, &mut problems);
        }
        for (node, text) in &self.net.figures.twice {
            problems.push(format!("SIMG-6 node {node} was told twice of {text}"));
        }
        problems
    }
}

impl Story {
    /// Heals the network and waits until every check holds.
    pub(super) fn end(&mut self) {
        self.net.heal();
        let after = converging::converge(self, &LOOKS);
        println!("  converged at most {} s after the network was whole", after / 1_000);
    }

    fn was_in(&self, node: usize) -> bool {
        node < self.members || self.newcomers.contains(&node)
    }

    fn group_at(&mut self, node: usize) -> String {
        let group = self.group.clone();
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(&bytes[..6]);
        self.net.look(node, |cx| {
            let channel = names::channel(cx, &group, Purpose::Change).unwrap();
            let group = rosters::get(cx, channel.no).unwrap();
            let digest = group.spread.digest();
            format!("{} members, roster {}, heads {digest:?}", group.roster.len(), hex(&group.roster.hash()))
        })
    }

    pub(super) fn texts(&mut self, node: usize) -> Vec<String> {
        let params =
            api::MessageList { channel: Some(self.group.clone()), limit: Some(1_000), ..api::MessageList::default() };
        let messages = self.net.look(node, |cx| rpc::message::list(cx, &params)).unwrap_or_default();
        messages.into_iter().map(|message| message.text).collect()
    }

    /// SIMG-1 and SIMG-2
    fn texts_at(&mut self, node: usize, problems: &mut Vec<String>) {
        let texts = self.texts(node);
        let (mut counted, mut missing): (BTreeMap<&str, usize>, bool) = (BTreeMap::new(), false);
        texts.iter().for_each(|text| *counted.entry(text).or_default() += 1);
        for said in &self.said {
            let times = counted.get(said.text.as_str()).copied().unwrap_or(0);
            // What somebody wrote who was then removed counts as far as their removers had it.
            let stays = !self.removed.contains(&said.author);
            let must = stays && (!self.newcomers.contains(&node) || said.audience.contains(&node));
            if times > 1 || (must && times == 0 && !said.lost) {
                missing |= times == 0;
                problems.push(format!("SIMG-1 node {node} has {times} times: {}", said.text));
            }
        }
        if missing {
            let waits = self.net.look(node, |cx| cx.tx.keys(&tables::all_parked()).unwrap().len());
            problems.push(format!("SIMG-1 (at node {node} {waits} entries wait for their keys)"));
        }
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        for text in &texts {
            let Some((number, author)) = text.strip_prefix("number ").and_then(|text| text.split_once(" of ")) else {
                problems.push(format!("SIMG-1 node {node} has what nobody said: {text}"));
                continue;
            };
            let number: usize = number.parse().unwrap_or(0);
            let from_a_copy = author.parse().is_ok_and(|author: usize| self.put_back.contains(&author));
            if last.insert(author, number).is_some_and(|before| before >= number && !from_a_copy) {
                problems.push(format!("SIMG-2 node {node} has another order of {author}"));
            }
        }
    }

    /// SIMG-5 and SIMG-7
    fn removed_at(&mut self, node: usize, problems: &mut Vec<String>) {
        if self.state(node) == Some(GroupState::Joined) {
            problems.push(format!("SIMG-7 node {node} was removed and does not know"));
        }
        let texts: BTreeSet<String> = self.texts(node).into_iter().collect();
        for said in self.said.iter().filter(|said| said.author != node && said.knew(node)) {
            if texts.contains(&said.text) {
                problems.push(format!("SIMG-5 node {node} was removed and has {}", said.text));
            }
        }
    }
}
