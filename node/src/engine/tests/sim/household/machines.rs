//! What happens to the machines of the account: linked, revoked, stolen, burnt, restored.

use std::sync::Arc;

use covey_api as api;
use covey_feed::{Author, FeedKey};
use covey_pairing::identity::{DeviceSecret, KeyLog, LogOrder, Rotation};
use data_encoding::HEXLOWER;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::super::network::OldCopy;
use super::super::node::SimNode;
use super::{CONTACTS, FIRST, Household, MACHINES};
use crate::engine::contacts::{cards, own};
use crate::engine::names::pick::Purpose;
use crate::engine::records::{devices, feeds};
use crate::engine::{Me, card, names, rpc};
use crate::store::{Faults, MemoryStore};

impl Household {
    fn log(&self, node: usize) -> &KeyLog {
        &self.sim.nodes[node].me.key_log
    }

    /// A device that may change the list of devices and knows all that happened to it, so that no two change it at once.
    fn in_charge(&mut self) -> Option<usize> {
        let device = {
            let devices = self.devices.clone();
            self.any(&devices)
        };
        let is_newest = |other: &usize| match self.log(*other).compare(self.log(device)) {
            Ok(order) => matches!(order, LogOrder::Same | LogOrder::Behind),
            Err(fork) => panic!("{}: two devices changed the list at once: {fork:?}", self.sim.name),
        };
        let may = self.sim.nodes[device].up
            && self.sim.nodes[device].me.account.is_holder()
            && self.devices.iter().all(is_newest);
        may.then_some(device)
    }

    /// Nobody dies while the list of devices changes, which has tests of its own.
    fn calm(&mut self, node: usize) {
        self.sim.flush_all();
        self.sim.nodes[node].crash = None;
        self.sim.nodes[node].store.set_faults(Faults::default());
    }

    /// Another machine becomes a device, which is what linking comes to: a holder, or a plain one.
    pub(super) fn link(&mut self) {
        if self.devices.len() >= super::DEVICES || self.devices.len() + self.out.len() >= MACHINES {
            return;
        }
        let Some(host) = self.in_charge() else { return };
        self.calm(host);
        let (me, now) = (Arc::clone(&self.sim.nodes[host].me), self.sim.now);
        let device = self.fresh();
        let Ok(key_log) = me.key_log.add_device(&me.account, &device, now) else { return };
        if !matches!(self.sim.call(host, |cx| Ok(own::adopt(cx, &key_log)?)).1, Some(Ok(()))) {
            return;
        }
        self.sim.flush_all();
        let account = if self.sim.draw(3) == 0 { me.account.plain() } else { me.account.sealed() };
        let new = self.machine(Me { account, device, key_log, backed_up: true, first_key: None });
        let new = self.sim.join(new);
        self.devices.push(new);
        self.told.linked += 1;
        let account = me.account_id();
        for (from, to) in [(host, new), (new, host)] {
            if let Some(Ok(card)) = self.sim.call(from, |cx| Ok(card::own(cx)?)).1 {
                drop(self.sim.call(to, |cx| Ok(cards::learn(cx, &account, &card)?)));
            }
        }
        self.sim.flush_all();
    }

    fn fresh(&mut self) -> DeviceSecret {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.sim.draw(u64::MAX).to_be_bytes());
        DeviceSecret::generate(&mut StdRng::from_seed(seed))
    }

    fn machine(&mut self, me: Me) -> SimNode {
        let (seed, policy) = (self.sim.draw(u64::MAX), self.sim.nodes[FIRST].policy.clone());
        SimNode::of(seed, policy, me)
    }

    /// A device is taken off the account; it obeys, or somebody else has it.
    pub(super) fn revoke(&mut self) {
        if self.devices.len() < 2 {
            return;
        }
        let Some(actor) = self.in_charge() else { return };
        let others: Vec<usize> = self.devices.iter().copied().filter(|device| *device != actor).collect();
        let victim = self.any(&others);
        self.calm(actor);
        self.sim.nodes[victim].defiant = self.sim.draw(2) == 0;
        let params = api::DeviceRevoke { device: self.sim.nodes[victim].me.device_id().to_string(), client_id: None };
        let answer = self.sim.call(actor, |cx| rpc::device::revoke(cx, &params)).1;
        assert!(matches!(answer, Some(Ok(_))), "{}: {answer:?}", self.sim.name);
        self.sim.flush_all();
        self.told.revoked += 1;
        // What only the victim knew is lost.
        self.unsettle(victim, &[actor]);
        self.leaves(victim);
        self.forget_what_is_nowhere(victim, &[actor]);
    }

    /// A machine is the account's no more.
    fn leaves(&mut self, machine: usize) {
        self.devices.retain(|device| *device != machine);
        self.out.insert(machine);
        self.copies.remove(&machine);
    }

    /// Everything burns or is stolen; the words, on a new machine. It finds the newest list that stands in the network.
    pub(super) fn recover(&mut self) {
        if self.devices.len() + self.out.len() >= MACHINES {
            return;
        }
        let account = self.words.id();
        let Some(found) = self.sim.published(&account) else { return };
        self.sim.flush_all();
        let device = self.fresh();
        let plan = Rotation { add: vec![&device], ..Rotation::default() };
        let (log, keys) = found.log().rotate(&self.words, &plan, self.sim.now).unwrap();
        for machine in std::mem::take(&mut self.devices) {
            if self.sim.draw(2) == 0 {
                self.sim.nodes[machine].defiant = true;
            } else {
                self.sim.nodes[machine].ended = true;
                self.sim.shut_down(machine);
            }
            self.leaves(machine);
            // Contacts ask anew, and what was said before is theirs.
            self.forget_what_is_nowhere(machine, &[]);
        }
        let sequence = found.content().sequence + (1 << 20);
        let me = Me::recovered(&self.words, &keys, device, log, false);
        let mut node = self.machine(me);
        node.begins_with(sequence);
        let new = self.sim.join(node);
        self.devices.push(new);
        self.told.recovered += 1;
        let card = self.sim.call(new, |cx| Ok(card::own(cx)?)).1.unwrap().unwrap();
        self.sim.flush_all();
        self.sim.publish(card);
    }

    /// Somebody copies a disk.
    pub(super) fn copy(&mut self, node: usize) {
        self.copies.insert(node, self.sim.nodes[node].store.clone());
    }

    /// Somebody goes on from a copy, perhaps without noticing.
    pub(super) fn put_back(&mut self) {
        let Some((node, store)) = self.copies.pop_first() else { return };
        let log = self.sim.nodes[node].read_of(&store, self.sim.now, |cx| Me::load(cx.tx).unwrap().unwrap().key_log);
        let others: Vec<usize> = self.devices.iter().copied().filter(|device| *device != node).collect();
        let is_known =
            |other: &usize| self.log(*other).compare(self.log(node)).is_ok_and(|order| order != LogOrder::Behind);
        if log != *self.log(node) && !others.iter().any(is_known) {
            return;
        }
        self.sim.flush_all();
        if CONTACTS.contains(&node) {
            if self.relation(node, FIRST, &store) != self.relation(node, FIRST, &self.sim.nodes[node].store) {
                self.unsettled.insert(node);
            }
        } else {
            for contact in CONTACTS {
                let now = self.relation(node, contact, &self.sim.nodes[node].store);
                if self.relation(node, contact, &store) != now
                    && !others.iter().any(|other| self.relation(*other, contact, &self.sim.nodes[*other].store) == now)
                {
                    self.unsettled.insert(contact);
                }
            }
        }
        let noticed = self.sim.draw(2) == 0;
        let away = 10 + self.sim.draw(20_000);
        let forgotten = self.forgotten_by(node, &store);
        self.sim.put_back(node, OldCopy { store, noticed }, away);
        self.told.restored += 1;
        self.restored.insert(node);
        self.forget_ends(node, &forgotten);
        let honest = self.honest();
        self.forget_what_is_nowhere(node, &honest);
    }

    /// Machines that are none of the account's any more, which a copy of a node's disk does not know.
    fn forgotten_by(&self, node: usize, store: &MemoryStore) -> Vec<usize> {
        let account = self.words.id();
        let is_active = |out: &usize| {
            let device = self.sim.nodes[*out].me.device_id();
            self.sim.nodes[node].read_of(store, self.sim.now, |cx| {
                let own = Me::load(cx.tx).unwrap().unwrap();
                let log = if own.is_ours(&account) {
                    Some(own.key_log)
                } else {
                    devices::known_log(cx.tx, &account).unwrap().and_then(|known| known.in_force())
                };
                log.is_none_or(|log| log.is_active(&device))
            })
        };
        self.out.iter().copied().filter(is_active).collect()
    }

    /// Until it hears of it again, a node that goes on from a copy has to do with machines that are none of the account's.
    fn forget_ends(&mut self, node: usize, forgotten: &[usize]) {
        self.knew.retain(|(of, out), _| *of != node && !forgotten.contains(out));
        let is_contact = CONTACTS.contains(&node);
        let circles =
            self.groups.iter().filter(|circle| circle.members.contains(&node)).map(|circle| circle.id.clone());
        let with = self.contact(node, FIRST).and_then(|contact| contact.channel);
        let channels: Vec<String> = circles.chain(with).collect();
        for said in self.said.values_mut() {
            said.taken |= is_contact && forgotten.contains(&said.author);
            // Whoever asks it for keys first gets them.
            if !is_contact || said.author == node || channels.contains(&said.channel) {
                said.known_out.retain(|out| !forgotten.contains(out));
            }
        }
        self.edits.values_mut().for_each(|edit| edit.known_out.retain(|out| !forgotten.contains(out)));
    }

    /// A stolen device goes on as its thief likes.
    pub(super) fn steal(&mut self, contact: usize) {
        let stolen: Vec<usize> = self.out.iter().copied().filter(|out| self.sim.nodes[*out].defiant).collect();
        if stolen.is_empty() {
            return;
        }
        let thief = self.any(&stolen);
        match self.sim.draw(3) {
            0 => self.say(thief, contact),
            1 => self.say_in_group(thief),
            _ => {
                let card = self.sim.call(thief, |cx| Ok(card::own(cx)?)).1;
                if let Some(Ok(card)) = card {
                    self.sim.publish(card);
                }
            }
        }
    }

    /// How a node stands to another one in some state of its store, as far as a decision tells it.
    fn relation(
        &self,
        node: usize,
        of: usize,
        store: &MemoryStore,
    ) -> Option<(api::ContactState, api::Time, bool, Option<String>)> {
        let params = api::PairShow { contact: self.id(of) };
        let contact = self.sim.nodes[node].read_of(store, self.sim.now, |cx| rpc::pair::show(cx, &params)).ok();
        contact.map(|it| (it.state, it.since, it.confirmed, it.channel))
    }

    /// A machine is no device any more: decisions that none of those knows who remain are lost.
    fn unsettle(&mut self, machine: usize, remaining: &[usize]) {
        for contact in CONTACTS {
            let is = |node: usize| self.contact(node, contact).map(|it| (it.state, it.channel));
            if remaining.iter().all(|other| is(*other) != is(machine)) {
                self.unsettled.insert(contact);
            }
        }
    }

    /// What a machine wrote and none of `holders` has cannot come back. If one of them has the entry and not the key, as a device has that was just
    /// linked, it is what counts, and anybody honest who reads it will give the key.
    fn forget_what_is_nowhere(&mut self, machine: usize, holders: &[usize]) {
        let numbers: Vec<usize> = self
            .said
            .iter()
            .filter(|(_, said)| said.author == machine && !said.gone)
            .map(|(number, _)| *number)
            .collect();
        self.forget_unless_held(&numbers, holders);
        // What somebody else wrote, and lost by going on from an old copy, may have been on this machine alone.
        let lost = self.said.iter().filter(|(_, said)| {
            !said.gone
                && said.author != machine
                && !self.out.contains(&said.author)
                && self.restored.contains(&said.author)
        });
        let lost: Vec<usize> = lost.map(|(number, _)| *number).collect();
        let honest = self.honest();
        self.forget_unless_held(&lost, &honest);
    }

    fn forget_unless_held(&mut self, numbers: &[usize], holders: &[usize]) {
        for number in numbers {
            let channel = self.said[number].channel.clone();
            let message = |node: usize| {
                let is_it = |text: &str| super::people::numbers(text).is_some_and(|(n, _)| n == *number);
                self.messages(node, &channel).into_iter().find(|message| is_it(&message.text))
            };
            let read = self.honest().into_iter().find_map(message);
            let has = |holder: &usize| {
                message(*holder).is_some() || read.as_ref().is_some_and(|read| self.has_entry(*holder, &channel, read))
            };
            if !holders.iter().any(has)
                && let Some(said) = self.said.get_mut(number)
            {
                said.gone = true;
            }
        }
    }

    /// Whether a node has the entry of a message that somebody else reads.
    fn has_entry(&self, node: usize, channel: &str, message: &api::Message) -> bool {
        self.sim.nodes[node].read_awake(self.sim.now, |cx| {
            let Ok(channel) = names::channel(cx, channel, Purpose::Read) else { return false };
            let place = HEXLOWER.decode(message.order_key.as_bytes()).unwrap();
            let number = |at: usize| u64::from_be_bytes(place[at..at + 8].try_into().unwrap());
            let key = FeedKey { author: Author::from_bytes(place[8..40].try_into().unwrap()), incarnation: number(40) };
            let feed = feeds::load(cx.tx, channel.no, &key).unwrap();
            feed.is_some_and(|feed| feeds::entry(cx.tx, feed.fid, number(48)).unwrap().is_some())
        })
    }
}
