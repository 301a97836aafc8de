//! What people do, and what happens to them and their keepers.

use covey_api as api;
use covey_pairing::keeper::{KeeperFrame, SLOT_PARCELS};
use serde_bytes::ByteBuf;

use super::super::network::OldCopy;
use super::strangers::{ALONE, NOTE};
use super::witness::{Secrets, Witness};
use super::{DAY, HOUR, KEEPERS, MINUTE, PEOPLE, Post, RESTORED, Said};
use crate::engine::records::{channels, mailboxes, people};
use crate::engine::{Protocol, rpc};

/// Most pairs of people beside those who stand next to each other.
const FRIENDS: usize = 6;
/// Where the number of a text stands; nowhere else are these words.
pub(super) const NUMBER: &str = "a letter with number ";
/// Shortest parcel that is nothing but garbage.
pub(super) const GARBAGE: usize = 2_000;

/// The number of a text.
pub(super) fn number(text: &str) -> Option<usize> {
    text.strip_prefix(NUMBER)?.split(' ').next()?.parse().ok()
}

impl Post {
    /// On a good day: all but two are paired with somebody, and most have keepers.
    pub(super) fn begin(&mut self) {
        let mut pairs: Vec<_> = (1..ALONE.start).map(|one| (one - 1, one)).collect();
        for _ in 0..FRIENDS {
            let one = self.below(ALONE.start);
            let other = (one + 2 + self.below(ALONE.start - 4)) % ALONE.start;
            if !pairs.contains(&(one, other)) && !pairs.contains(&(other, one)) {
                pairs.push((one, other));
            }
        }
        for (one, other) in &pairs {
            self.pair(*one, *other);
        }
        self.pairs = pairs;
        let mut witness = Witness::default();
        witness.secrets.add(NUMBER.as_bytes(), "a text".to_owned());
        witness.secrets.add(NOTE.as_bytes(), "the note of an invite".to_owned());
        (0..PEOPLE).for_each(|node| self.secrets(node, &mut witness.secrets));
        self.sim.witness = Some(witness);
        for person in 0..PEOPLE {
            let first = KEEPERS.start + self.below(KEEPERS.len());
            for keeper in (first..KEEPERS.end).take(1 + self.below(2)) {
                self.add(person, keeper);
            }
        }
        self.choose_strangers();
        self.sim.run_for(30_000);
    }

    fn pair(&mut self, one: usize, other: usize) {
        let params = api::PairInvite { to: self.ticket(other), ..api::PairInvite::default() };
        self.sim.call(one, |cx| rpc::pair::invite(cx, params)).1.unwrap().unwrap();
        self.sim.run_for(100);
        let params = api::PairAccept { contact: self.id(one), ..api::PairAccept::default() };
        self.sim.call(other, |cx| rpc::pair::accept(cx, &params)).1.unwrap().unwrap();
        self.sim.run_for(100);
    }

    /// What must not be found where mail of a person was left.
    fn secrets(&self, node: usize, secrets: &mut Secrets) {
        let it = &self.sim.nodes[node];
        let keys = it.me.device.keys();
        secrets.add(it.account().as_bytes(), format!("the account of {node}"));
        for key in [keys.id.as_bytes().as_slice(), keys.dh.as_bytes(), &keys.network] {
            secrets.add(key, format!("a key of the device of {node}"));
        }
        for channel in it.read(self.sim.now, |cx| channels::all(cx.tx).unwrap()) {
            secrets.add(channel.id.as_bytes(), format!("a channel of {node}"));
        }
    }

    pub(super) fn id(&self, node: usize) -> String {
        self.sim.nodes[node].account().to_string()
    }

    pub(super) fn say(&mut self, from: usize, to: usize) {
        for _ in 0..=self.sim.draw(3) {
            let number = self.said.len();
            let filler = "la ".repeat(self.any(&[0, 5, 50, 1_000, 5_000]));
            let text = format!("{NUMBER}{number} {filler}");
            let params = api::MessageSend { to: self.id(to), text, ..api::MessageSend::default() };
            let (ticket, answer) = self.sim.call(from, |cx| rpc::message::send(cx, params));
            if !matches!(answer, Some(Err(_))) {
                self.said.insert(number, Said { from, to, ticket });
            }
        }
    }

    pub(super) fn read(&mut self, node: usize) {
        let with = self.pairs.iter().find_map(|(one, other)| match node {
            _ if node == *one => Some(*other),
            _ if node == *other => Some(*one),
            _ => None,
        });
        let Some(with) = with else { return };
        let channel = self.id(with);
        let params = api::ChannelMarkRead { channel, ..api::ChannelMarkRead::default() };
        drop(self.sim.call(node, |cx| rpc::channel::mark_read(cx, &params)));
    }

    /// Somebody's machine is off for a while.
    pub(super) fn leave(&mut self, node: usize) {
        let longest = self.any(&[10 * MINUTE, HOUR, DAY, 10 * DAY]);
        let away = MINUTE + self.sim.draw(longest);
        self.sim.kill(node, away);
    }

    /// Somebody writes to somebody who is away, long enough for it to be left.
    pub(super) fn letters(&mut self, one: usize, other: usize) {
        self.come_back(one);
        self.leave(other);
        self.say(one, other);
        self.sim.run_for(40_000);
    }

    /// Who was there goes, and who was away comes.
    pub(super) fn take_turns(&mut self, one: usize, other: usize) {
        if !self.sim.nodes[other].up {
            self.leave(one);
            self.come_back(other);
            self.sim.run_for(20_000);
        }
    }

    pub(super) fn come_back(&mut self, node: usize) {
        if !self.sim.nodes[node].up {
            self.sim.start(node);
        }
    }

    /// Somebody has a keeper more, if both machines answer.
    pub(super) fn add(&mut self, person: usize, keeper: usize) {
        let limit_mib = self.any(&[None, Some(1), Some(64)]);
        let params = api::KeeperServe { limit_mib, ..api::KeeperServe::default() };
        let Some(Ok(served)) = self.sim.call(keeper, |cx| rpc::keeper::serve(cx, &params)).1 else { return };
        let params = api::KeeperAdd { ticket: served.ticket, client_id: None };
        if let Some(Ok(_)) = self.sim.call(person, |cx| rpc::keeper::add(cx, &params)).1 {
            self.told.added += 1;
        }
    }

    /// Either side is tired of it.
    pub(super) fn remove(&mut self, person: usize) {
        let keeper = KEEPERS.start + self.below(KEEPERS.len());
        let node = if self.sim.draw(2) == 0 { person } else { keeper };
        let listed = self.sim.nodes[node].read(self.sim.now, rpc::keeper::list).unwrap();
        if !listed.is_empty() {
            let at = self.below(listed.len());
            let params = api::KeeperRemove { keeper: listed[at].keeper.clone(), client_id: None };
            if let Some(Ok(_)) = self.sim.call(node, |cx| rpc::keeper::remove(cx, &params)).1 {
                self.told.removed += 1;
            }
        }
    }

    /// Nights and holidays: every machine sleeps, and wakes for some moments now and then.
    pub(super) fn sleep(&mut self) {
        let (times, each) = self.any(&[(1, HOUR), (4, 6 * HOUR), (3, DAY), (16, 2 * DAY)]);
        for _ in 0..times {
            self.sim.sleep(each);
            self.sim.run_for(20_000);
        }
        self.told.slept += times * each / HOUR;
    }

    /// Somebody who knows the token of `one` fills its slot at a keeper of `other` with garbage.
    pub(super) fn fill(&mut self, one: usize, other: usize) {
        let owner = self.sim.nodes[other].account();
        let known = self.sim.nodes[one].read(self.sim.now, |cx| mailboxes::theirs(cx.tx, &owner).unwrap());
        let Some(at) = known.into_iter().flat_map(|theirs| theirs.mailbox.at).next() else { return };
        let keeper = KEEPERS.into_iter().find(|keeper| self.sim.nodes[*keeper].peer().0 == at.keeper.network);
        let (Some(keeper), number) = (keeper, self.told.filled) else { return };
        for n in 0..SLOT_PARCELS {
            let mut parcel = vec![u8::try_from(n).unwrap(); GARBAGE];
            parcel[..8].copy_from_slice(&number.to_le_bytes());
            let frame = KeeperFrame::Deposit(at.slot, at.token.clone(), ByteBuf::from(parcel)).encode();
            self.sim.stranger_says(keeper, Protocol::Keeper, frame);
        }
        self.told.filled += 1;
    }

    /// An old copy of one keeper's disk is made, or put back.
    pub(super) fn copy_or_put_back(&mut self) {
        let Some(store) = self.copy.take() else {
            self.copy = Some(self.sim.nodes[RESTORED].store.clone());
            return;
        };
        let noticed = self.sim.draw(2) == 0;
        let away = 10 + self.sim.draw(5_000);
        self.sim.put_back(RESTORED, OldCopy { store, noticed }, away);
        self.unsound.insert(RESTORED);
        self.told.restored += 1;
    }

    pub(super) fn turn_clock(&mut self, node: usize) {
        let spread = self.any(&[MINUTE, 12 * HOUR, 40 * DAY]);
        let ahead = self.sim.draw(2 * spread).cast_signed() - spread.cast_signed();
        self.sim.nodes[node].skew = ahead;
        if spread > DAY {
            self.misled.insert(node);
        }
        if KEEPERS.contains(&node) && spread > DAY {
            self.unsound.insert(node);
        }
    }

    /// Everybody looks at a good clock.
    pub(super) fn right_clocks(&mut self) {
        for node in &mut self.sim.nodes {
            node.skew = 0;
        }
    }

    /// The number that a node has for its channel with another one.
    pub(super) fn channel(&self, node: usize, of: usize) -> Option<u64> {
        let account = self.sim.nodes[of].account();
        self.sim.nodes[node].read(self.sim.now, |cx| people::load(cx.tx, &account).unwrap()?.channel)
    }
}
