//! What holds at any moment, and what holds once all are back: WAIT-1 to WAIT-9.

use std::collections::{BTreeMap, BTreeSet};

use covey_api::{self as api, MessageState};
use covey_feed::FeedKey;
use covey_pairing::keeper::{KEPT_FOR_MS, Use};

use super::super::super::converging;
use super::people::number;
use super::{KEEPERS, PEOPLE, Post};
use crate::engine::records::mailboxes::{Given, Stands};
use crate::engine::records::{channels, feeds, keeping, mailboxes, messages};
use crate::engine::shown::events;
use crate::engine::{Selection, rpc};

/// Own messages of a conversation that are looked at in one look, the newest.
const LOOKED_AT: usize = 6;

/// Nobody promises to keep something for less than this, in milliseconds.
const LEAST: u64 = 3_600_000;

/// A message of ours, as `message show` tells it.
struct Own {
    fid: u64,
    key: FeedKey,
    seq: u64,
    state: MessageState,
    kept: Option<api::KeptBy>,
}

impl converging::World for Post {
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
        self.befriend();
        self.acquainted(&mut problems);
        for (one, other) in self.pairs.clone() {
            self.conversation(one, other, &mut problems);
        }
        for node in 0..PEOPLE {
            self.journal(node, &mut problems);
            self.opened(node, &mut problems);
        }
        problems
    }
}

impl Post {
    /// What holds at any moment.
    pub(super) fn look(&mut self, one: usize, other: usize, keeper: usize) {
        let mut problems = std::mem::take(&mut self.sim.witness.as_mut().unwrap().problems);
        for (from, to) in [(one, other), (other, one)] {
            self.told_truly(from, to, &mut problems);
        }
        self.counted(keeper, &mut problems);
        self.hold(&problems);
    }

    fn hold(&self, problems: &[String]) {
        assert!(problems.is_empty(), "replay with `{}`\n{}", self.sim.name, problems.join("\n"));
    }

    /// WAIT-4 and WAIT-5
    fn told_truly(&mut self, from: usize, to: usize, problems: &mut Vec<String>) {
        let now = self.sim.now;
        let Some(no) = self.channel(from, to) else { return };
        let id = self.sim.nodes[from].read(now, |cx| channels::by_no(cx.tx, no).unwrap().unwrap().id);
        for own in self.own(from, no) {
            let what = || format!("{:?} of {from} for {to}, entry {}, {:?}", own.state, own.seq, own.kept);
            if matches!(own.state, MessageState::Delivered | MessageState::Read) {
                let has = self.sim.nodes[to].read(now, |cx| {
                    let no = channels::by_id(cx.tx, &id).unwrap()?.no;
                    feeds::load(cx.tx, no, &own.key).unwrap()?.head.map(|head| head.seq)
                });
                if has.unwrap_or(0) < own.seq {
                    problems.push(format!("WAIT-5 {}: it has {has:?}", what()));
                }
            }
            let Some(kept) = own.kept.as_ref() else {
                if own.state == MessageState::Kept {
                    problems.push(format!("WAIT-4 {}: by nobody", what()));
                }
                continue;
            };
            self.told.kept += 1;
            let given: Vec<_> = self.sim.witness.as_ref().unwrap().promises(from, own.fid, own.seq).collect();
            let keepers: BTreeSet<usize> = given.iter().map(|promise| promise.keeper).collect();
            // [MAIL-24] A promise that cannot be is of a clock that is wrong, or of a liar: it counts for the usual time.
            let clock = self.sim.nodes[from].clock(now);
            let counts = |until: u64| if until < clock + LEAST { clock + KEPT_FOR_MS } else { until };
            let until = given.iter().map(|promise| counts(promise.until)).max().unwrap_or(0);
            let is_true = own.state == MessageState::Kept
                && (1..=keepers.len()).contains(&(kept.keepers as usize))
                && kept.until <= api::Time::from_unix_ms(until)
                && kept.until > api::Time::from_unix_ms(clock);
            if !is_true {
                problems.push(format!("WAIT-4 {}: of {given:?}", what()));
            }
        }
    }

    /// The newest messages of a node in a conversation.
    fn own(&self, node: usize, no: u64) -> Vec<Own> {
        self.sim.nodes[node].read(self.sim.now, |cx| {
            let channel = channels::by_no(cx.tx, no).unwrap().unwrap();
            let key = FeedKey { author: cx.me.author(), incarnation: channel.incarnation };
            let Some(feed) = feeds::load(cx.tx, no, &key).unwrap() else { return Vec::new() };
            let last = feed.head.map_or(0, |head| head.seq);
            let newest = (1..=last).rev().take(LOOKED_AT);
            let own = newest.filter_map(|seq| {
                let (_, message) = messages::of_entry(cx.tx, channel.id, key, seq).unwrap()?;
                let params = api::MessageShow { id: messages::text_id(&message.id) };
                let shown = rpc::message::show(cx, &params).unwrap();
                assert_eq!(shown.state, shown.deliveries[0].state);
                let kept = shown.deliveries.into_iter().next().and_then(|delivery| delivery.kept);
                Some(Own { fid: feed.fid, key, seq, state: shown.state, kept })
            });
            own.collect()
        })
    }

    /// WAIT-6
    fn counted(&self, keeper: usize, problems: &mut Vec<String>) {
        self.sim.nodes[keeper].read(self.sim.now, |cx| {
            let mut all = Use::default();
            for owner in keeping::owners(cx.tx).unwrap() {
                let (mut used, mut slots) = (Use::default(), BTreeMap::new());
                for (number, lying) in keeping::lying(cx.tx, &owner.account, 0, usize::MAX).unwrap() {
                    // [KEEP-31] What strangers leave is counted in its slot alone.
                    if lying.stranger.is_none() {
                        (all, used) = (all.with(lying.len), used.with(lying.len));
                    }
                    let slot: &mut Use = slots.entry(lying.slot).or_default();
                    *slot = slot.with(lying.len);
                    let bytes = keeping::bytes(cx.tx, &owner.account, number).unwrap();
                    if bytes.map(|bytes| bytes.len() as u64) != Some(lying.len) {
                        problems.push(format!("WAIT-6 parcel {number} at {keeper} has other bytes than it says"));
                    }
                }
                let counted = keeping::used(cx.tx, &owner.account).unwrap().used;
                if counted != used {
                    problems.push(format!("WAIT-6 {keeper} counts {counted:?} of an account, there are {used:?}"));
                }
                for (slot, used) in slots {
                    let counted = keeping::slot(cx.tx, &slot).unwrap().map(|slot| slot.used);
                    if counted != Some(used) {
                        problems.push(format!("WAIT-6 {keeper} counts {counted:?} in a slot, there are {used:?}"));
                    }
                }
            }
            let counted = keeping::total(cx.tx).unwrap();
            if counted != all {
                problems.push(format!("WAIT-6 {keeper} counts {counted:?} in all, there are {all:?}"));
            }
        });
    }

    /// WAIT-7, in the rows of all keepers about what was left.
    pub(super) fn nothing_is_readable(&self) {
        let mut problems = Vec::new();
        for keeper in KEEPERS {
            let left = self.sim.nodes[keeper].read(self.sim.now, |cx| {
                let owners = keeping::owners(cx.tx).unwrap().into_iter().map(|owner| owner.account);
                let rows = owners.flat_map(|account| {
                    let lying = keeping::lying(cx.tx, &account, 0, usize::MAX).unwrap();
                    let rows = lying.into_iter().flat_map(|(number, lying)| {
                        let bytes = keeping::bytes(cx.tx, &account, number).unwrap().unwrap().into_vec();
                        [bytes, covey_codec::encode(&lying).unwrap()]
                    });
                    rows.collect::<Vec<_>>()
                });
                rows.collect::<Vec<Vec<u8>>>().concat()
            });
            if let Some(secret) = self.sim.witness.as_ref().unwrap().secrets.found_in(&left) {
                problems.push(format!("WAIT-7 what lies at {keeper} holds {secret}"));
            }
        }
        self.hold(&problems);
    }

    /// WAIT-8: while those are gone.
    pub(super) fn fetched(&mut self, gone: &BTreeSet<usize>) {
        let mut problems = Vec::new();
        self.brought(gone, &mut problems);
        let both_ways = self.pairs.iter().flat_map(|(one, other)| [(*one, *other), (*other, *one)]);
        let waiting: Vec<_> = both_ways.filter(|(from, to)| gone.contains(from) && !gone.contains(to)).collect();
        for (from, to) in waiting {
            let Some((no, theirs)) = self.channel(from, to).zip(self.channel(to, from)) else { continue };
            let now = self.sim.now;
            let author = self.sim.nodes[from].me.author();
            let feed = self.sim.nodes[from].read(now, |cx| {
                let channel = channels::by_no(cx.tx, no).unwrap().unwrap();
                feeds::load(cx.tx, no, &FeedKey { author, incarnation: channel.incarnation }).unwrap()
            });
            let Some(feed) = feed else { continue };
            let account = self.sim.nodes[from].account();
            let (has, given) = self.sim.nodes[to].read(now, |cx| {
                let has = feeds::load(cx.tx, theirs, &feed.key).unwrap().and_then(|feed| feed.head);
                (has.map_or(0, |head| head.seq), mailboxes::given(cx.tx, &account).unwrap().unwrap_or_default())
            });
            self.told.fetched += self.own(from, no).iter().filter(|own| own.seq <= has && own.kept.is_some()).count();
            let promises = self.sim.witness.as_ref().unwrap().promises(from, feed.fid, has + 1);
            for promise in promises.filter(|promise| promise.until > now && !self.unsound.contains(&promise.keeper)) {
                if is_given(&given, promise.slot) {
                    problems.push(format!("WAIT-8 {to} has {has} entries of {from}, {promise:?} has the next"));
                }
            }
        }
        self.hold(&problems);
    }

    /// WAIT-1 to WAIT-3
    fn conversation(&self, one: usize, other: usize, problems: &mut Vec<String>) {
        let lists = [self.messages(one, other), self.messages(other, one)];
        let ids = lists.each_ref().map(|list| list.iter().map(|message| message.id.as_str()).collect::<Vec<_>>());
        if ids[0] != ids[1] {
            problems.push(format!("WAIT-2 {one} and {other} show {} and {} messages", ids[0].len(), ids[1].len()));
        }
        for (node, list) in [one, other].into_iter().zip(&lists) {
            let shown: Vec<usize> = list.iter().filter_map(|message| number(&message.text)).collect();
            let is_ours = |said: &super::Said| [(one, other), (other, one)].contains(&(said.from, said.to));
            for (number, said) in self.said.iter().filter(|(_, said)| is_ours(said)) {
                let times = shown.iter().filter(|other| *other == number).count();
                if times > 1 || (times == 0 && self.sim.answered.contains(&said.ticket)) {
                    problems.push(format!("WAIT-1 {node} has {times} times number {number}: {said:?}"));
                }
            }
            let own: Vec<usize> = list.iter().filter(|it| it.own).filter_map(|it| number(&it.text)).collect();
            if !own.is_sorted() {
                problems.push(format!("WAIT-2 {node} wrote in another order: {own:?}"));
            }
            let arrived = |it: &&api::Message| matches!(it.state, MessageState::Delivered | MessageState::Read);
            if let Some(message) = list.iter().filter(|it| it.own).find(|it| !arrived(it)) {
                let number = number(&message.text);
                problems.push(format!("WAIT-3 {node} does not know that {number:?} arrived: {:?}", message.state));
            }
        }
    }

    /// Every message of a conversation as a node has it, in order.
    pub(super) fn messages(&self, node: usize, of: usize) -> Vec<api::Message> {
        let params = api::MessageList { channel: Some(self.id(of)), limit: Some(1_000), ..api::MessageList::default() };
        self.sim.nodes[node].read(self.sim.now, |cx| rpc::message::list(cx, &params)).unwrap()
    }

    /// WAIT-1
    fn journal(&self, node: usize, problems: &mut Vec<String>) {
        let all = Selection::default();
        let read = self.sim.nodes[node].read(self.sim.now, |cx| events::after(cx, 0, 100_000, &all));
        let mut told = BTreeSet::new();
        for event in read.unwrap().0.iter().filter(|event| event.kind == api::kind::MESSAGE_RECEIVED) {
            if !told.insert(event.data["id"].as_str().unwrap_or_default().to_owned()) {
                problems.push(format!("WAIT-1 {node} was told twice of {}", event.data["id"]));
            }
        }
    }

    /// WAIT-9
    fn opened(&self, node: usize, problems: &mut Vec<String>) {
        let honest: Vec<_> =
            KEEPERS.filter(|it| !self.unsound.contains(it)).map(|it| self.sim.nodes[it].peer()).collect();
        let contacts = self.pairs.iter().filter_map(|(one, other)| match node {
            _ if node == *one => Some(*other),
            _ if node == *other => Some(*one),
            _ => None,
        });
        let contacts: Vec<_> = contacts.map(|contact| self.sim.nodes[contact].account()).collect();
        self.sim.nodes[node].read(self.sim.now, |cx| {
            let mine = mailboxes::all_mine(cx.tx).unwrap().into_iter();
            let keep = mine.filter(|mine| mine.stands == Stands::Keeps && honest.contains(&mine.peer()));
            for keeper in keep.map(|mine| mine.peer()) {
                for contact in &contacts {
                    let given = mailboxes::given(cx.tx, contact).unwrap().unwrap_or_default();
                    if !given.at.iter().any(|at| at.peer == keeper && at.open) {
                        problems.push(format!("WAIT-9 a contact of {node} has no open slot at a keeper"));
                    }
                }
            }
        });
    }

    /// WAIT-6: every database.
    pub(super) fn sound(&self) {
        let mut problems = Vec::new();
        for node in 0..KEEPERS.end {
            let found = self.sim.nodes[node].verify();
            if !found.ok {
                problems.push(format!("WAIT-6 {node}: {found:?}"));
            }
        }
        KEEPERS.for_each(|keeper| self.counted(keeper, &mut problems));
        self.hold(&problems);
    }
}

fn is_given(given: &Given, slot: covey_pairing::keeper::SlotId) -> bool {
    given.at.iter().any(|at| at.slot == slot && at.open)
}
