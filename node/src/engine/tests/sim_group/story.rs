//! The life of a group: it is founded, fills, talks, is torn apart and changed by several at once, and comes together.

use std::collections::{BTreeMap, BTreeSet};

use covey_api as api;
use covey_api::{GroupState, Role};

use super::FEW;
use super::network::{Network, Weather};
use crate::engine::members::rosters;
use crate::engine::names::pick::Purpose;
use crate::engine::{names, rpc};
use crate::store::MemoryStore;

/// Those who write.
const AUTHORS: usize = 10;

/// Messages of each author while the network is fair: the first are those for which keys are handed out.
const FIRST: usize = 1;

const FAIR: usize = 3;

/// Acts in the storm.
const ACTS: usize = 40;

/// Longest time in which everybody who asked is let in, in virtual milliseconds.
const ADMISSION: u64 = 60 * 60_000;

/// Most members that come in one after the other; what that costs grows with the square of their number, so in larger
/// groups they begin as members.
const LIVELY: usize = 50;

/// A text that a node said it keeps.
pub(super) struct Said {
    pub(super) author: usize,
    pub(super) text: String,
    /// Of those who came or went in the storm, the ones that were members for the author then.
    pub(super) audience: BTreeSet<usize>,
    /// Those whose removal the author knew of.
    gone: BTreeSet<usize>,
    /// Nobody had it any more when an old copy of its author was put back.
    pub(super) lost: bool,
}

impl Said {
    /// Whether the author knew that `node` was removed.
    pub(super) fn knew(&self, node: usize) -> bool {
        self.gone.contains(&node)
    }
}

pub(super) struct Story {
    pub(super) net: Network,
    pub(super) seed: u64,
    pub(super) members: usize,
    pub(super) group: String,
    pub(super) said: Vec<Said>,
    /// Those who come in the storm.
    pub(super) newcomers: BTreeSet<usize>,
    /// Those who are removed in it.
    pub(super) removed: BTreeSet<usize>,
    admins: Vec<usize>,
    copies: BTreeMap<usize, MemoryStore>,
    /// Those who went on from an old copy.
    pub(super) put_back: BTreeSet<usize>,
}

impl Story {
    pub(super) fn new(members: usize, seed: u64) -> Self {
        let spare = (members / 20).clamp(1, 10);
        let mut story = Self {
            net: Network::new(members + spare, seed),
            seed,
            members,
            group: String::new(),
            said: Vec::new(),
            newcomers: BTreeSet::new(),
            removed: BTreeSet::new(),
            admins: vec![0],
            copies: BTreeMap::new(),
            put_back: BTreeSet::new(),
        };
        let params = api::GroupCreate { name: "lake".into(), ..api::GroupCreate::default() };
        story.group = story.net.call(0, |cx| rpc::group::create(cx, &params)).unwrap().unwrap().group;
        story
    }

    /// How to have this run again.
    pub(super) fn name(&self) -> String {
        format!("scripts/sim.sh group --members {} --seed {}", self.members, self.seed)
    }

    pub(super) fn id(&self, node: usize) -> String {
        self.net.nodes[node].me.account_id().to_string()
    }

    pub(super) fn state(&mut self, node: usize) -> Option<GroupState> {
        let params = api::GroupShow { group: self.group.clone() };
        self.net.look(node, |cx| rpc::group::show(cx, &params)).ok().map(|group| group.state)
    }

    fn ticket(&mut self, node: usize) -> Option<String> {
        let params = api::GroupTicket { group: self.group.clone(), ..api::GroupTicket::default() };
        self.net.call(node, |cx| rpc::group::ticket(cx, &params))?.ok().map(|made| made.ticket)
    }

    fn ask(&mut self, node: usize, ticket: &str) {
        let params = api::GroupJoin { ticket: ticket.to_owned(), note: None, client_id: None };
        if let Some(Err(error)) = self.net.call(node, |cx| rpc::group::join(cx, params)) {
            panic!("{}: node {node} cannot ask: {error:?}", self.name());
        }
    }

    /// All come in by a ticket of the founder; the next three become admins.
    pub(super) fn fill(&mut self) {
        let ticket = self.ticket(0).unwrap();
        if self.members > LIVELY {
            self.net.crowd(self.members, &ticket);
        } else {
            for node in 1..self.members {
                self.ask(node, &ticket);
                self.net.run_for(1_100);
            }
        }
        let end = self.net.now + ADMISSION;
        loop {
            let out: Vec<usize> =
                (1..self.members).filter(|node| self.state(*node) != Some(GroupState::Joined)).collect();
            if out.is_empty() {
                break;
            }
            assert!(self.net.now < end, "{}: never let in: {out:?}", self.name());
            self.net.run_for(5_000);
        }
        for node in 1..self.members.min(4) {
            let params = api::GroupRole {
                group: self.group.clone(),
                member: self.id(node),
                role: Role::Admin,
                ..api::GroupRole::default()
            };
            self.net.call(0, |cx| rpc::group::role(cx, &params)).unwrap().unwrap();
            self.admins.push(node);
        }
        self.net.run_for(10_000);
    }

    /// Who writes: spread over all.
    fn author(&self, n: usize) -> usize {
        let authors = self.members.min(AUTHORS);
        n % authors * self.members / authors
    }

    fn say(&mut self, author: usize) {
        let text = format!("number {} of {author}", self.said.len());
        let params = api::MessageSend { to: self.group.clone(), text: text.clone(), ..api::MessageSend::default() };
        let audience = self.audience(author);
        // Before the answer: it is on its way before the client knows.
        self.net.figures.wrote(&text, self.net.now);
        if let Some(Ok(_)) = self.net.call(author, |cx| rpc::message::send(cx, params)) {
            let gone = self.removed.difference(&audience).copied().collect();
            self.said.push(Said { author, text, audience, gone, lost: false });
        }
    }

    fn audience(&mut self, author: usize) -> BTreeSet<usize> {
        let changing: Vec<usize> = self.newcomers.union(&self.removed).copied().collect();
        let accounts: Vec<_> = changing.iter().map(|node| self.net.nodes[*node].me.account_id()).collect();
        let group = self.group.clone();
        let on: Vec<bool> = self.net.look(author, |cx| {
            let Ok(channel) = names::channel(cx, &group, Purpose::Change) else { return vec![false; accounts.len()] };
            let roster = rosters::get(cx, channel.no).map(|group| &group.roster);
            accounts.iter().map(|account| roster.is_some_and(|roster| roster.member(account).is_some())).collect()
        });
        changing.into_iter().zip(on).filter(|(_, on)| *on).map(|(node, _)| node).collect()
    }

    /// How many connections the members have.
    pub(super) fn tell_size(&self) {
        let all: Vec<_> = (0..self.members).map(|node| self.net.connections(node)).collect();
        let most = all.iter().map(|(open, _)| *open).max().unwrap_or(0);
        let sum: usize = all.iter().map(|(open, _)| *open).sum();
        let links = all.iter().map(|(_, links)| *links).max().unwrap_or(0);
        println!(
            "  {} members are in after {} s; connections: {:.1} of each on average, {most} at most ({links} with unused ones)",
            self.members,
            (self.net.now - super::network::BEGIN) / 1_000,
            sum as f64 / self.members as f64,
        );
    }

    /// Everybody talks on a good day.
    pub(super) fn talk(&mut self) {
        let authors = self.members.min(AUTHORS);
        self.net.figures.follows = true;
        for (what, each, pause) in [("first messages, with keys", FIRST, 120_000), ("messages", FAIR, 30_000)] {
            self.net.figures.begin();
            for n in 0..authors * each {
                self.say(self.author(n));
                self.net.run_for(500);
            }
            self.net.run_for(pause);
            self.net.figures.tell(what, self.members);
        }
    }

    /// Everything at once.
    pub(super) fn storm(&mut self) {
        self.net.figures.begin();
        self.net.weather = Weather::STORM;
        for act in 0..ACTS {
            match act {
                5 | 25 => self.net.split(),
                15 | 35 => self.net.join(),
                _ => {}
            }
            if act % 8 == 3 {
                self.come();
                self.remove();
            }
            if act % 4 == 1 {
                for _ in 0..=self.members / 50 {
                    let (node, away) = (self.net.draw(self.members), 500 + self.net.draw(20_000) as u64);
                    self.net.kill(node, away);
                }
            }
            if self.members <= FEW {
                match act % 10 {
                    2 => self.copy(),
                    8 => self.put_back(),
                    _ => {}
                }
            }
            self.say(self.author(act));
            let wait = 200 + self.net.draw(3_000) as u64;
            self.net.run_for(wait);
        }
    }

    /// Somebody's disk is copied. (Not an admin's, whose operations may be lost then; nor that of one who comes or goes.)
    fn copy(&mut self) {
        let node = self.admins.len() + self.net.draw(self.members - self.admins.len());
        if !self.removed.contains(&node) && self.net.nodes[node].up {
            self.copies.insert(node, self.net.nodes[node].store.clone());
        }
    }

    /// Somebody goes on from the copy.
    fn put_back(&mut self) {
        let Some((node, copy)) = self.copies.pop_first() else { return };
        if self.removed.contains(&node) || !self.net.nodes[node].up {
            return;
        }
        let away = 500 + self.net.draw(20_000) as u64;
        self.net.put_back(node, copy, away);
        self.put_back.insert(node);
        let held: BTreeSet<String> = (0..self.net.nodes.len()).flat_map(|other| self.texts(other)).collect();
        for said in self.said.iter_mut().filter(|said| said.author == node) {
            said.lost |= !held.contains(&said.text);
        }
    }

    /// Somebody asks to be let in, with the ticket of some admin.
    fn come(&mut self) {
        let admin = self.admins[self.net.draw(self.admins.len())];
        let next = self.members + self.newcomers.len();
        if next < self.net.nodes.len()
            && let Some(ticket) = self.ticket(admin)
        {
            self.newcomers.insert(next);
            self.ask(next, &ticket);
        }
    }

    /// Two admins remove somebody at the same time, now and then the same.
    fn remove(&mut self) {
        if self.removed.len() * 4 >= self.members || self.members < 5 {
            return;
        }
        for _ in 0..2 {
            let admin = self.admins[self.net.draw(self.admins.len())];
            let victims = self.members - self.admins.len();
            let victim = self.admins.len() + self.net.draw(victims);
            let params = api::GroupRemove { group: self.group.clone(), member: self.id(victim), client_id: None };
            // Before it: what its removers write from now on is not for it.
            if let Some(Ok(_)) = self.net.call(admin, |cx| rpc::group::remove(cx, &params)) {
                self.removed.insert(victim);
            }
        }
    }
}
