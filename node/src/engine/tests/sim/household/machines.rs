//! What happens to the machines of the account: linked, revoked, stolen, burnt, restored.

use std::sync::Arc;

use covey_api as api;
use covey_pairing::identity::{DeviceSecret, KeyLog, LogOrder, Rotation};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::super::network::OldCopy;
use super::super::node::SimNode;
use super::{CONTACTS, FIRST, Household, MACHINES};
use crate::engine::contacts::{cards, own};
use crate::engine::{Me, card, rpc};
use crate::store::Faults;

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
        self.sim.put_back(node, OldCopy { store, noticed }, away);
        self.told.restored += 1;
        let honest = self.honest();
        self.forget_what_is_nowhere(node, &honest);
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
        store: &crate::store::MemoryStore,
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

    /// What a machine wrote and none of `holders` has cannot come back.
    fn forget_what_is_nowhere(&mut self, machine: usize, holders: &[usize]) {
        let numbers: Vec<usize> = self
            .said
            .iter()
            .filter(|(_, said)| said.author == machine && !said.gone)
            .map(|(number, _)| *number)
            .collect();
        for number in numbers {
            let channel = self.said[&number].channel.clone();
            let has = |holder: &usize| {
                let messages = self.messages(*holder, &channel);
                messages.iter().any(|message| super::people::numbers(&message.text).is_some_and(|(n, _)| n == number))
            };
            if !holders.iter().any(has)
                && let Some(said) = self.said.get_mut(&number)
            {
                said.gone = true;
            }
        }
    }
}
