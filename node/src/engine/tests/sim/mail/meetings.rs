//! Two strangers who are never there together: one asks, the other one accepts, both write, with a keeper in between. Whoever of the three dies at
//! whatever commit, they become contacts, nobody is asked twice, and what they write arrives once.

use covey_api::{self as api, ContactState};

use super::commits::{KEEPER, Letters, OWNER, SENDER, at_every_commit};
use crate::engine::records::mailboxes;
use crate::engine::shown::events;
use crate::engine::{Selection, rpc};

impl Letters {
    fn contact(&self, node: usize, of: usize) -> Option<api::Contact> {
        let params = api::PairShow { contact: self.id(of) };
        self.sim.nodes[node].read(self.sim.now, |cx| rpc::pair::show(cx, &params)).ok()
    }

    fn state(&self, node: usize, of: usize) -> Option<ContactState> {
        self.contact(node, of).map(|contact| contact.state)
    }

    /// Until a keeper of the other one has all that is to be said to it.
    fn until_kept(&mut self, node: usize, of: usize) {
        self.until("that it lies at a keeper", |it| {
            it.contact(node, of).is_some_and(|contact| contact.kept_until.is_some())
        });
        // The answer is one frame, and where mail waits another.
        self.sim.run_for(60_000);
    }

    fn meet(&mut self) {
        for node in [SENDER, OWNER] {
            self.add_keeper(node);
            self.until("an invite slot", |it| {
                let mine = it.sim.nodes[node].read(it.sim.now, |cx| mailboxes::all_mine(cx.tx).unwrap());
                mine.iter().any(|mine| mine.invites.is_some())
            });
        }
        let ticket =
            self.insist("a ticket", OWNER, |cx| rpc::account::ticket(cx, &api::AccountTicket::default())).ticket;
        self.take_turns(OWNER, SENDER);
        self.insist("the invite", SENDER, |cx| {
            rpc::pair::invite(cx, api::PairInvite { to: ticket.clone(), ..api::PairInvite::default() })
        });
        self.until_kept(SENDER, OWNER);

        self.take_turns(SENDER, OWNER);
        self.until("the invite", |it| it.state(OWNER, SENDER) == Some(ContactState::Pending));
        let accept = api::PairAccept { contact: self.id(SENDER), ..api::PairAccept::default() };
        self.until("the yes", |it| {
            // Whoever was not answered looks whether it was done, and does it again if not.
            drop(it.sim.call(OWNER, |cx| rpc::pair::accept(cx, &accept)));
            it.sim.run_for(30_000);
            it.state(OWNER, SENDER) == Some(ContactState::Paired)
        });
        self.until_kept(OWNER, SENDER);

        self.take_turns(OWNER, SENDER);
        self.until("the answer", |it| it.state(SENDER, OWNER) == Some(ContactState::Paired));
        self.until_kept(SENDER, OWNER);
        self.letter(SENDER, OWNER, "a letter");
        self.letter(OWNER, SENDER, "an answer");
        for (node, of) in [(SENDER, OWNER), (OWNER, SENDER)] {
            let texts: Vec<String> = self.messages(node, of).into_iter().map(|message| message.text).collect();
            assert_eq!(texts, ["a letter", "an answer"]);
            self.until("that both know", |it| it.contact(node, of).is_some_and(|contact| contact.confirmed));
            assert_eq!(self.times_asked(node), usize::from(node == OWNER));
        }
        for node in [SENDER, OWNER, KEEPER] {
            assert!(self.sim.nodes[node].verify().ok, "{:?}", self.sim.nodes[node].verify());
        }
    }

    /// How often the operator of a node was told that somebody asks.
    fn times_asked(&self, node: usize) -> usize {
        let all = Selection::default();
        let read = self.sim.nodes[node].read(self.sim.now, |cx| events::after(cx, 0, 100_000, &all)).unwrap().0;
        let asks = |event: &&api::Event| event.kind == api::kind::CONTACT && event.data["state"] == "pending";
        read.iter().filter(asks).count()
    }
}

#[test]
fn an_inviter_that_dies_at_any_commit_becomes_a_contact_of_somebody_it_never_meets() {
    at_every_commit(SENDER, Letters::meet);
}

#[test]
fn an_invitee_that_dies_at_any_commit_becomes_a_contact_of_somebody_it_never_meets() {
    at_every_commit(OWNER, Letters::meet);
}

#[test]
fn a_keeper_that_dies_at_any_commit_brings_strangers_together_all_the_same() {
    at_every_commit(KEEPER, Letters::meet);
}
