//! Several nodes of a world that are devices of one account, and what becomes of a machine.

use std::sync::Arc;

use covey_pairing::identity::KeyLog;
use rand::RngExt;

use super::node::Node;
use super::world::World;
use crate::engine::contacts::{cards, own};
use crate::engine::records::own_devices::{self, OwnDevice};
use crate::engine::records::transfer;
use crate::engine::{Cx, EngineError, Me, card};
use crate::store::MemoryStore;

impl World {
    /// Node `b` begins anew as another device of the account of node `a`, which is what linking comes to.
    pub(super) fn link(&mut self, a: usize, b: usize) {
        self.link_as(a, b, None);
        self.settle();
    }

    /// The same, and it is given the history of the account, what was received since a time in Unix milliseconds. Nothing of it is on its way
    /// yet.
    pub(super) fn link_with_history(&mut self, a: usize, b: usize, since: u64) {
        self.link_as(a, b, Some(since));
    }

    fn link_as(&mut self, a: usize, b: usize, history: Option<u64>) {
        self.stop(b);
        let (me, device, now) = (Arc::clone(&self.nodes[a].me), self.nodes[b].me.device.clone(), self.now);
        let key_log = me.key_log.add_device(&me.account, &device, now).unwrap();
        self.adopt(a, &key_log);
        let (seed, policy) = (self.nodes[a].rng.random(), self.nodes[b].policy.clone());
        let me = Me { device, key_log, ..Me::clone(&me) };
        self.nodes[b] = Node::of(seed, policy, me);
        if let Some(since) = history {
            self.begin_transfer(a, b, since);
        }
        self.restart(b);
        for (from, to) in [(a, b), (b, a)] {
            let card = self.card(from);
            let account = self.nodes[to].account();
            self.call(to, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
        }
    }

    /// What both sides of a link store.
    fn begin_transfer(&mut self, a: usize, b: usize, since: u64) {
        let (host, now) = (self.nodes[a].me.device_id(), self.now);
        let keys = self.nodes[b].me.device.keys();
        let begin = |cx: &mut Cx<'_, '_>| -> Result<(), EngineError> {
            transfer::begin(cx.tx, Some(host), since);
            Ok(())
        };
        self.nodes[b].transact(now, begin).unwrap();
        let device = OwnDevice::new(&keys, format!("device {b}"), false, now);
        let device = OwnDevice { history: since, ..device };
        self.call(a, |cx| Ok(own_devices::set(cx.tx, &device)?)).unwrap();
    }

    /// The key log of a node's account is another one from now on.
    pub(super) fn adopt(&mut self, node: usize, log: &KeyLog) {
        self.call(node, |cx| Ok(own::adopt(cx, log)?)).unwrap();
    }

    /// Node `a` takes the device of node `b` off the account of both. It goes on as a thief would let it.
    pub(super) fn revoke(&mut self, a: usize, b: usize) {
        self.defiant.insert(b);
        let (me, device, now) = (Arc::clone(&self.nodes[a].me), self.nodes[b].me.device_id(), self.now);
        let log = me.key_log.revoke_device(&me.account, device, Vec::new(), now).unwrap();
        self.adopt(a, &log);
        self.settle();
    }

    /// A node goes on from a copy of its disk.
    pub(super) fn go_back(&mut self, node: usize, copy: MemoryStore) {
        self.stop(node);
        self.nodes[node].store = copy;
        self.restart(node);
    }

    /// A node's own card.
    pub(super) fn card(&mut self, node: usize) -> Vec<u8> {
        self.call(node, |cx| Ok(card::own(cx)?)).unwrap()
    }

    /// Whether node `a` has an open stream to node `b`.
    pub(super) fn is_open(&self, a: usize, b: usize) -> bool {
        self.nodes[a].live.opened.contains(&self.nodes[b].peer())
    }
}
