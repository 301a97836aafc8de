//! People who are strangers to each other. Whoever asks and whoever answers is alone with the keepers: the other one is away.

use std::collections::BTreeSet;

use covey_api::{self as api, ContactState};
use covey_pairing::crypto::hash::blake3;
use covey_pairing::keeper::{KeeperFrame, SlotId, SlotToken};
use serde_bytes::ByteBuf;

use super::super::node::Ticket;
use super::people::GARBAGE;
use super::{DAY, KEEPERS, PEOPLE, Post};
use crate::engine::records::mailboxes::{self, Stands};
use crate::engine::records::{channels, keeping, left_frames, people};
use crate::engine::shown::events;
use crate::engine::{PeerKey, Protocol, Selection, rpc};

/// Those who know nobody in the beginning.
pub(super) const ALONE: std::ops::Range<usize> = PEOPLE - 2..PEOPLE;
/// Two others each, who are strangers as well.
const OTHERS: usize = 4;
/// What an invite says; nowhere else are these words.
pub(super) const NOTE: &str = "somebody whom you do not know yet";
/// So many milliseconds from its beginning an invite is sure to be open, whatever the clocks of honest people say.
const OPEN_FOR: u64 = 12 * DAY;
/// Long enough for what is to be said to somebody who is away to be left with a keeper, and for what lies there to be fetched.
const LONG_ENOUGH: u64 = 40_000;

/// Two strangers, and what they did to become contacts.
#[derive(Debug, Clone)]
pub(super) struct Strangers {
    pub(super) two: [usize; 2],
    /// A ticket of each from the beginning: it may name keepers that are none any more.
    tickets: [String; 2],
    /// Invites of each that it may have made.
    asked: [usize; 2],
    /// When each first asked and was answered that it has.
    asked_at: [Option<u64>; 2],
    /// Whoever accepted, if it was answered that it has.
    accepted: Option<(usize, Ticket)>,
    /// Both were seen to be paired.
    pub(super) are_friends: bool,
}

impl Post {
    /// Who does not know whom.
    pub(super) fn choose_strangers(&mut self) {
        let mut pairs = vec![(ALONE.start, ALONE.start + 1)];
        for alone in ALONE {
            pairs.push((alone, self.below(ALONE.start)));
        }
        while pairs.len() < 3 + OTHERS {
            let (one, other) = (self.below(ALONE.start), self.below(ALONE.start));
            let is_taken = |of: &[(usize, usize)]| of.contains(&(one, other)) || of.contains(&(other, one));
            if one != other && !is_taken(&self.pairs) && !is_taken(&pairs) {
                pairs.push((one, other));
            }
        }
        for (one, other) in pairs {
            let tickets = [one, other].map(|node| self.ticket(node));
            let (asked, asked_at) = ([0; 2], [None; 2]);
            let two = [one, other];
            self.strangers.push(Strangers { two, tickets, asked, asked_at, accepted: None, are_friends: false });
        }
    }

    pub(super) fn ticket(&self, node: usize) -> String {
        let params = api::AccountTicket::default();
        self.sim.nodes[node].read(self.sim.now, |cx| rpc::account::ticket(cx, &params)).unwrap().ticket
    }

    /// What one of two is to the other, as the operator sees it.
    fn state(&self, node: usize, of: usize) -> ContactState {
        let params = api::PairShow { contact: self.id(of) };
        let shown = self.sim.nodes[node].read(self.sim.now, |cx| rpc::pair::show(cx, &params));
        shown.map_or(ContactState::Stranger, |contact| contact.state)
    }

    /// The next step of two strangers, whichever it is.
    pub(super) fn meet(&mut self) {
        let at = self.below(self.strangers.len());
        self.go_on(at);
    }

    pub(super) fn go_on(&mut self, at: usize) {
        use ContactState::{Invited, Paired, Pending};
        let first = self.below(2);
        let [one, other] = [first, 1 - first].map(|which| self.strangers[at].two[which]);
        match (self.state(one, other), self.state(other, one)) {
            (Paired, Paired) => self.letters(one, other),
            (Pending, _) => self.accept(at, one, other),
            (_, Pending) => self.accept(at, other, one),
            // Who asked is gone when the other one is back; or both ask.
            (Invited, Invited) | (Paired, _) => self.changes_places(one, other),
            (Invited, _) if self.sim.draw(4) == 0 => self.ask(at, 1 - first),
            (Invited, _) => self.changes_places(one, other),
            (_, Invited | Paired) => self.changes_places(other, one),
            _ => self.ask(at, first),
        }
    }

    fn changes_places(&mut self, one: usize, other: usize) {
        self.leave(one);
        self.come_back(other);
        self.sim.run_for(LONG_ENOUGH);
    }

    /// One of two asks the other one, who is away.
    fn ask(&mut self, at: usize, which: usize) {
        let [from, to] = [which, 1 - which].map(|which| self.strangers[at].two[which]);
        self.come_back(from);
        let to_whom = match self.sim.draw(3) {
            0 => self.id(to),
            1 => self.ticket(to),
            _ => self.strangers[at].tickets[1 - which].clone(),
        };
        self.leave(to);
        let params = api::PairInvite { to: to_whom, note: Some(NOTE.to_owned()), ..api::PairInvite::default() };
        let (ticket, answer) = self.sim.call(from, |cx| rpc::pair::invite(cx, params));
        let (now, id) = (self.sim.now, self.sim.nodes[to].account());
        let strangers = &mut self.strangers[at];
        strangers.asked[which] += 1;
        if matches!(answer, Some(Ok(_))) && self.sim.answered.contains(&ticket) {
            strangers.asked_at[which].get_or_insert(now);
            self.told.asked += 1;
        }
        self.sim.run_for(LONG_ENOUGH);
        let invites = self.sim.nodes[from].read(self.sim.now, |cx| people::load(cx.tx, &id).unwrap());
        for invite in invites.iter().flat_map(|contact| contact.relationship.invite_ids()) {
            self.keep_secret(invite.as_bytes(), format!("an invite of {from}"));
        }
    }

    /// One says yes to the other one, who is away.
    fn accept(&mut self, at: usize, node: usize, of: usize) {
        self.come_back(node);
        self.leave(of);
        self.say_yes(at, node, of);
        self.sim.run_for(LONG_ENOUGH);
    }

    fn say_yes(&mut self, at: usize, node: usize, of: usize) {
        let params = api::PairAccept { contact: self.id(of), ..api::PairAccept::default() };
        let (ticket, answer) = self.sim.call(node, |cx| rpc::pair::accept(cx, &params));
        if matches!(answer, Some(Ok(_))) {
            self.strangers[at].accepted = Some((node, ticket));
            self.told.accepted += 1;
        }
        if let Some(no) = self.channel(node, of) {
            let id = self.sim.nodes[node].read(self.sim.now, |cx| channels::by_no(cx.tx, no).unwrap().unwrap().id);
            self.keep_secret(id.as_bytes(), format!("a channel of {node}"));
        }
    }

    fn keep_secret(&mut self, secret: &[u8], what: String) {
        self.sim.witness.as_mut().unwrap().secrets.add(secret, what);
    }

    /// In the end everybody who still waits for an answer gets one.
    pub(super) fn all_say_yes(&mut self) {
        for at in 0..self.strangers.len() {
            let [one, other] = self.strangers[at].two;
            for (node, of) in [(one, other), (other, one)] {
                if self.state(node, of) == ContactState::Pending {
                    self.say_yes(at, node, of);
                }
            }
        }
    }

    /// Those who are paired by now talk with each other from now on.
    pub(super) fn befriend(&mut self) {
        for at in 0..self.strangers.len() {
            let [one, other] = self.strangers[at].two;
            let are_paired = [(one, other), (other, one)]
                .into_iter()
                .all(|(node, of)| self.state(node, of) == ContactState::Paired && self.channel(node, of).is_some());
            if are_paired && !self.strangers[at].are_friends {
                self.strangers[at].are_friends = true;
                self.pairs.push((one, other));
                self.told.friends += 1;
            }
        }
    }

    /// Whether the clocks of two were never days off, and an invite of that time is open.
    fn is_surely_open(&self, of: &Strangers, asked_at: u64) -> bool {
        let are_right = of.two.iter().all(|node| !self.misled.contains(node));
        are_right && self.sim.now < asked_at + OPEN_FOR
    }

    /// WAIT-10 and WAIT-11
    pub(super) fn acquainted(&self, problems: &mut Vec<String>) {
        for strangers in &self.strangers {
            let [one, other] = strangers.two;
            let states = [self.state(one, other), self.state(other, one)];
            let paired = states.iter().filter(|state| **state == ContactState::Paired).count();
            let said = |what: &str| format!("WAIT-10 {what}, {states:?}: {strangers:?}");
            if paired == 1 {
                problems.push(said("paired on one side"));
            }
            let is_answered = strangers.accepted.filter(|(_, ticket)| self.sim.answered.contains(ticket));
            for which in 0..2 {
                let Some(asked_at) = strangers.asked_at[which] else { continue };
                if !self.is_surely_open(strangers, asked_at) {
                    continue;
                }
                if !matches!(states[1 - which], ContactState::Pending | ContactState::Paired) {
                    problems.push(said("whoever was asked does not know it"));
                }
                if is_answered.is_some_and(|(who, _)| who == strangers.two[1 - which]) && paired != 2 {
                    problems.push(said("accepted, and not paired"));
                }
            }
            for which in 0..2 {
                let (node, by) = (strangers.two[1 - which], strangers.two[which]);
                let times = self.times_asked(node, by);
                if times > strangers.asked[which] {
                    problems.push(format!("WAIT-11 {node} was asked {times} times by {by}: {strangers:?}"));
                }
            }
        }
    }

    /// How often the operator of a node was told that an answer is awaited.
    fn times_asked(&self, node: usize, by: usize) -> usize {
        let (by, all) = (self.id(by), Selection::default());
        let read = self.sim.nodes[node].read(self.sim.now, |cx| events::after(cx, 0, 100_000, &all));
        let (mut before, mut times) = (false, 0);
        for event in read.unwrap().0.iter().filter(|event| event.kind == api::kind::CONTACT) {
            if event.data["contact"].as_str() == Some(by.as_str()) {
                let pends = event.data["state"].as_str() == Some("pending");
                times += usize::from(pends && !before);
                before = pends;
            }
        }
        times
    }

    /// WAIT-12: what an honest keeper of somebody has reached that one while its author is gone.
    pub(super) fn brought(&self, gone: &BTreeSet<usize>, problems: &mut Vec<String>) {
        for strangers in &self.strangers {
            for which in 0..2 {
                let [from, to] = [which, 1 - which].map(|which| strangers.two[which]);
                let Some(asked_at) = strangers.asked_at.iter().flatten().min() else { continue };
                let is_alone = gone.contains(&from) && !gone.contains(&to);
                if !is_alone || !self.is_surely_open(strangers, *asked_at) {
                    continue;
                }
                let Some(keeper) = self.left_at(from, to) else { continue };
                let (asks, knows) = (self.state(from, to), self.state(to, from));
                let is_wrong = match asks {
                    ContactState::Invited => !matches!(knows, ContactState::Pending | ContactState::Paired),
                    ContactState::Paired => knows != ContactState::Paired,
                    _ => false,
                };
                if is_wrong {
                    let lies = self.lies_at(keeper, from, to);
                    problems.push(format!("WAIT-12 {from} is {asks:?}, {to} is {knows:?}, and {keeper} has {lies:?}"));
                }
            }
        }
    }

    /// The honest keeper of somebody at which all lies that another one has to say of a pairing.
    fn left_at(&self, from: usize, to: usize) -> Option<usize> {
        let now = self.sim.now;
        let hash = self.sim.nodes[to].me.account.kem_key().hash();
        let keep: Vec<PeerKey> = self.sim.nodes[to].read(now, |cx| {
            let mine = mailboxes::all_mine(cx.tx).unwrap().into_iter();
            mine.filter(|it| it.stands == Stands::Keeps && it.invites == Some(hash)).map(|it| it.peer()).collect()
        });
        let mut honest = KEEPERS.filter(|it| !self.unsound.contains(it)).map(|it| (it, self.sim.nodes[it].peer()));
        let account = self.sim.nodes[to].account();
        self.sim.nodes[from].read(now, |cx| {
            let outstanding = people::load(cx.tx, &account).unwrap()?.relationship.outstanding();
            let has_all = |peer: &PeerKey| {
                let left = left_frames::at(cx.tx, &account, *peer).unwrap().frames;
                outstanding.iter().all(|(_, frame)| {
                    let hash = blake3(frame);
                    left.iter().any(|left| *left.frame == hash && left.until > now)
                })
            };
            honest
                .find(|(_, peer)| !outstanding.is_empty() && keep.contains(peer) && has_all(peer))
                .map(|(keeper, _)| keeper)
        })
    }

    /// Of each parcel that somebody left for another one at a keeper: whether it lies there, and who of the other one's devices has it.
    fn lies_at(&self, keeper: usize, from: usize, to: usize) -> Vec<Option<usize>> {
        let (account, peer) = (self.sim.nodes[to].account(), self.sim.nodes[keeper].peer());
        let slot = SlotId::of_invites(&account, &self.sim.nodes[to].me.account.kem_key().hash());
        let left = self.sim.nodes[from].read(self.sim.now, |cx| left_frames::at(cx.tx, &account, peer).unwrap());
        self.sim.nodes[keeper].read(self.sim.now, |cx| {
            let lies = |hash| Some(keeping::same(cx.tx, &slot, hash).unwrap()?.got.len());
            left.frames.iter().map(|frame| lies(&frame.hash)).collect()
        })
    }

    /// Somebody who has the ticket of a person fills its invite slot at a keeper, as far as one network may.
    pub(super) fn fill_invites(&mut self, of: usize, keeper: usize) {
        let me = &self.sim.nodes[of].me;
        let (account, hash) = (me.account_id(), me.account.kem_key().hash());
        let slot = SlotId::of_invites(&account, &hash);
        for n in 0..8_u8 {
            let mut parcel = vec![n; GARBAGE];
            parcel[..8].copy_from_slice(&self.told.filled.to_le_bytes());
            let token = SlotToken::of_invites(&account, &hash);
            let frame = KeeperFrame::Deposit(slot, token, ByteBuf::from(parcel)).encode();
            self.sim.stranger_says(keeper, Protocol::Keeper, frame);
        }
        self.told.filled += 1;
    }
}
