//! A letter and its answer, each written while the other side is away, and a keeper in between: whoever of the three dies at whatever commit,
//! both arrive, once.

use covey_api::{self as api, MessageState};

use super::super::network::Sim;
use super::super::node::Crash;
use super::super::node::Crash::{Unflushed, Untold};
use super::HOUR;
use crate::engine::{idempotency, rpc};

pub(super) const SENDER: usize = 0;
pub(super) const OWNER: usize = 1;
pub(super) const KEEPER: usize = 2;

/// What the test's people wait for at most, in virtual milliseconds.
const PATIENCE: u64 = HOUR;
/// Of an ordinary run, every so-manieth commit.
const STEP: usize = 7;

pub(super) struct Letters {
    pub(super) sim: Sim,
}

impl Letters {
    /// Three who do not know each other.
    pub(super) fn new() -> Self {
        let mut sim = Sim::new(3, 78, "scripts/sim.sh keepers --commits".to_owned());
        sim.most_steps = 1_000_000;
        Self { sim }
    }

    pub(super) fn id(&self, node: usize) -> String {
        self.sim.nodes[node].account().to_string()
    }

    pub(super) fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let end = self.sim.now + PATIENCE;
        while !holds(self) {
            assert!(self.sim.now < end, "{what} never came to pass");
            self.sim.run_for(1_000);
        }
    }

    /// Does something as clients do: again until it is answered.
    pub(super) fn insist<T>(
        &mut self,
        what: &str,
        node: usize,
        run: impl Fn(&mut crate::engine::Cx<'_, '_>) -> Result<T, api::ApiError>,
    ) -> T {
        let mut got = None;
        self.until(what, |it| {
            let (ticket, answer) = it.sim.call(node, &run);
            let is_answered = it.sim.answered.contains(&ticket);
            got = answer.and_then(Result::ok).filter(|_| is_answered);
            got.is_some()
        });
        got.unwrap()
    }

    fn pair(&mut self) {
        let ticket =
            self.insist("a ticket", OWNER, |cx| rpc::account::ticket(cx, &api::AccountTicket::default())).ticket;
        self.insist("the invite", SENDER, |cx| {
            rpc::pair::invite(cx, api::PairInvite { to: ticket.clone(), ..api::PairInvite::default() })
        });
        let contact = self.id(SENDER);
        let accept = api::PairAccept { contact, ..api::PairAccept::default() };
        self.insist("the answer", OWNER, |cx| rpc::pair::accept(cx, &accept));
        for (node, of) in [(SENDER, OWNER), (OWNER, SENDER)] {
            let params = api::PairShow { contact: self.id(of) };
            self.until("the pairing", |it| {
                it.sim.nodes[node].read(it.sim.now, |cx| rpc::pair::show(cx, &params)).is_ok_and(|it| it.confirmed)
            });
        }
    }

    /// Both have the keeper, and know it of each other.
    fn keep(&mut self) {
        for (node, of) in [(SENDER, OWNER), (OWNER, SENDER)] {
            self.add_keeper(node);
            let params = api::PairShow { contact: self.id(node) };
            self.until("what is said of the keeper", |it| {
                it.sim.nodes[of].read(it.sim.now, |cx| rpc::pair::show(cx, &params)).is_ok_and(|it| it.keepers == 1)
            });
        }
    }

    pub(super) fn add_keeper(&mut self, node: usize) {
        let serve = api::KeeperServe::default();
        let ticket = self.insist("a keeper's ticket", KEEPER, |cx| rpc::keeper::serve(cx, &serve)).ticket;
        self.insist("a keeper", node, |cx| {
            rpc::keeper::add(cx, &api::KeeperAdd { ticket: ticket.clone(), client_id: None })
        });
    }

    /// One goes, and the other one comes.
    pub(super) fn take_turns(&mut self, goes: usize, comes: usize) {
        self.sim.shut_down(goes);
        self.sim.nodes[goes].ended = true;
        self.sim.nodes[comes].ended = false;
        if !self.sim.nodes[comes].up {
            self.sim.start(comes);
        }
    }

    /// Writes while the other one is away, and is gone when that one is back.
    pub(super) fn letter(&mut self, from: usize, to: usize, text: &str) {
        self.sim.shut_down(to);
        self.sim.nodes[to].ended = true;
        let params = api::MessageSend {
            to: self.id(to),
            text: text.to_owned(),
            client_id: Some(text.to_owned()),
            ..api::MessageSend::default()
        };
        self.insist("an answer", from, |cx| idempotency::once(cx, params.clone(), rpc::message::send));
        self.until("that it is kept", |it| it.messages(from, to).last().is_some_and(|m| m.state == MessageState::Kept));
        self.take_turns(from, to);
        self.until("the letter", |it| it.messages(to, from).last().is_some_and(|m| m.text == text));
        self.sim.nodes[from].ended = false;
        self.sim.start(from);
    }

    pub(super) fn messages(&self, node: usize, of: usize) -> Vec<api::Message> {
        let params = api::MessageList { channel: Some(self.id(of)), limit: Some(100), ..api::MessageList::default() };
        self.sim.nodes[node].read(self.sim.now, |cx| rpc::message::list(cx, &params)).unwrap()
    }

    fn run(&mut self) {
        self.pair();
        self.keep();
        self.letter(SENDER, OWNER, "a letter");
        self.letter(OWNER, SENDER, "an answer");
        self.letter(SENDER, OWNER, "thanks");
        for (node, of) in [(SENDER, OWNER), (OWNER, SENDER)] {
            let texts: Vec<String> = self.messages(node, of).into_iter().map(|message| message.text).collect();
            assert_eq!(texts, ["a letter", "an answer", "thanks"]);
            assert!(self.sim.nodes[node].verify().ok);
            self.until("that all is delivered", |it| {
                let own = it.messages(node, of).into_iter().filter(|message| message.own);
                own.map(|message| message.state).all(|state| state == MessageState::Delivered)
            });
        }
        assert!(self.sim.nodes[KEEPER].verify().ok);
    }
}

/// Commits of `node` in a story without a crash.
fn commits(node: usize, story: fn(&mut Letters)) -> std::ops::RangeInclusive<u64> {
    let mut letters = Letters::new();
    let first = letters.sim.nodes[node].commits + 1;
    story(&mut letters);
    first..=letters.sim.nodes[node].commits
}

pub(super) fn at_every_commit(node: usize, story: fn(&mut Letters)) {
    let all = commits(node, story);
    assert!(all.clone().count() > 10, "{all:?}");
    let is_long = ["COVEY_LONG_TESTS", "COVEY_SIM_SEEDS"].iter().any(|name| std::env::var_os(name).is_some());
    let step = if is_long { 1 } else { STEP };
    for (at, commit) in all.step_by(step).enumerate() {
        let ways: &[Crash] = &[Untold, Unflushed { by_chance: false }, Unflushed { by_chance: true }];
        let ways = if is_long { ways } else { &ways[at % ways.len()..=at % ways.len()] };
        for crash in ways {
            println!("scripts/sim.sh keepers --commits: node {node} dies at commit {commit}: {crash:?}");
            let mut letters = Letters::new();
            letters.sim.crash_at(node, commit, *crash);
            story(&mut letters);
        }
    }
}

#[test]
fn a_sender_that_dies_at_any_commit_loses_no_mail_and_doubles_none() {
    at_every_commit(SENDER, Letters::run);
}

#[test]
fn an_owner_that_dies_at_any_commit_loses_no_mail_and_doubles_none() {
    at_every_commit(OWNER, Letters::run);
}

#[test]
fn a_keeper_that_dies_at_any_commit_loses_no_mail_and_doubles_none() {
    at_every_commit(KEEPER, Letters::run);
}
