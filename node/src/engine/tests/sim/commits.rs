//! One input is one transaction: a process that dies at any commit loses nothing that was answered and leaves nothing
//! half done, whether the commit reached the disk or not.

use covey_api::{self as api, ContactState, MessageState};

use super::node::Crash;
use super::story::{Said, Story};
use crate::engine::{idempotency, rpc};

/// What the test's people wait for at most, in virtual milliseconds.
const PATIENCE: u64 = 60 * 60_000;

impl Story {
    fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let end = self.sim.now + PATIENCE;
        while !holds(self) {
            assert!(self.sim.now < end, "{what} never came to pass");
            self.sim.run_for(1_000);
        }
    }

    fn is(&mut self, node: usize, state: ContactState) -> bool {
        self.contact(node, 1 - node).is_some_and(|contact| contact.state == state)
    }

    /// Sends a text as clients do: again under the same id until it is answered.
    fn insist(&mut self, from: usize, text: &str) {
        let to = 1 - from;
        let params = api::MessageSend {
            to: self.id(to),
            text: text.to_owned(),
            client_id: Some(text.to_owned()),
            ..api::MessageSend::default()
        };
        self.until("an answer", |story| {
            let params = params.clone();
            let (ticket, answer) = story.sim.call(from, |cx| idempotency::once(cx, params, rpc::message::send));
            let answered = story.sim.answered.contains(&ticket);
            if let (true, Some(Ok(sent))) = (answered, answer) {
                let said = Said { from, to, ticket, channel: sent.channel, gone: false };
                story.said.insert(text.to_owned(), said);
            }
            answered
        });
    }

    fn mark_read(&mut self, node: usize) {
        self.until("everything is read", |story| {
            let params = api::ChannelMarkRead { channel: story.id(1 - node), ..api::ChannelMarkRead::default() };
            let (ticket, _) = story.sim.call(node, |cx| rpc::channel::mark_read(cx, &params));
            story.sim.answered.contains(&ticket)
        });
    }

    /// Pairs, talks both ways, reads; then every check holds.
    fn meet_and_talk(&mut self) {
        self.until("the invite", |story| {
            let _ = story.invite(0, 1);
            story.sim.run_for(100);
            story.is(0, ContactState::Invited)
        });
        self.until("the request", |story| story.is(1, ContactState::Pending));
        self.until("the pairing", |story| {
            let _ = story.accept(1, 0);
            story.sim.run_for(100);
            story.is(1, ContactState::Paired)
        });
        let confirmed = |story: &mut Self, node| story.contact(node, 1 - node).is_some_and(|contact| contact.confirmed);
        self.until("the confirmation", |story| confirmed(story, 0) && confirmed(story, 1));
        for text in ["0 to 1, number 0", "1 to 0, number 1", "0 to 1, number 2"] {
            self.insist(usize::from(text.starts_with('1')), text);
        }
        for node in [0, 1] {
            let channel = self.contact(node, 1 - node).and_then(|contact| contact.channel).unwrap();
            self.until("the arrival", |story| story.messages(node, &channel).len() == 3);
            self.mark_read(node);
        }
        for node in [0, 1] {
            let channel = self.contact(node, 1 - node).and_then(|contact| contact.channel).unwrap();
            self.until("the receipts", |story| {
                let messages = story.messages(node, &channel);
                messages.iter().all(|message| message.state == MessageState::Read)
            });
        }
        self.end();
    }
}

/// Commits of `node` in the scenario without a crash.
fn commits(node: usize) -> std::ops::RangeInclusive<u64> {
    let mut story = Story::new(2, 77);
    let first = story.sim.nodes[node].commits + 1;
    story.meet_and_talk();
    first..=story.sim.nodes[node].commits
}

fn at_every_commit(node: usize, crash: Crash) {
    let commits = commits(node);
    assert!(commits.clone().count() > 10, "{commits:?}");
    for commit in commits {
        println!("node {node} dies at commit {commit}: {crash:?}");
        let mut story = Story::new(2, 77);
        story.sim.crash_at(node, commit, crash);
        story.meet_and_talk();
        assert_eq!(story.sim.crashes, 1, "commit {commit}");
        assert_eq!(story.said.len(), 3);
    }
}

#[test]
fn an_inviter_that_dies_before_any_of_its_commits_is_durable_finishes_everything_afterwards() {
    at_every_commit(0, Crash::Unflushed { by_chance: false });
}

#[test]
fn an_inviter_that_dies_after_any_of_its_commits_finishes_everything_afterwards() {
    at_every_commit(0, Crash::Untold);
}

#[test]
fn an_invitee_that_dies_before_any_of_its_commits_is_durable_finishes_everything_afterwards() {
    at_every_commit(1, Crash::Unflushed { by_chance: false });
}

#[test]
fn an_invitee_that_dies_after_any_of_its_commits_finishes_everything_afterwards() {
    at_every_commit(1, Crash::Untold);
}
