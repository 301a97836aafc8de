//! Who is up, who is connected with whom, and what parts them.

use super::*;

impl Network {
    /// The process is killed; it comes back by itself after `away` milliseconds.
    pub(in super::super) fn kill(&mut self, node: usize, away: u64) {
        if !self.nodes[node].up {
            return;
        }
        self.crashes += 1;
        self.note(node, node, b"kill");
        self.nodes[node].die();
        self.allowed[node].clear();
        let others: Vec<usize> = self.links[node].keys().copied().collect();
        for other in others {
            self.part(node, other);
        }
        self.at(self.now + away, Event::Restart { node });
    }

    /// The process is killed and starts again on an old copy of its disk, which it knows to be one. Its client is not asked any
    /// more what it was told.
    pub(in super::super) fn put_back(&mut self, node: usize, copy: MemoryStore, away: u64) {
        self.kill(node, away);
        let it = &mut self.nodes[node];
        it.store = copy;
        it.policy.suspect_rollback = true;
        it.told = u64::MAX;
    }

    /// The connection between two nodes breaks; what is on its way is lost.
    pub(super) fn part(&mut self, a: usize, b: usize) {
        if self.links[a].remove(&b).is_none() {
            return;
        }
        self.links[b].remove(&a);
        for (node, other) in [(a, b), (b, a)] {
            self.opened[node].remove(&other);
            self.arrivals.remove(&(node, other));
            if self.nodes[node].up {
                let peer = self.nodes[other].peer();
                self.soon(node, Input::Disconnected { peer });
            }
        }
        self.later(2_000, Event::Meet(a, b));
    }

    /// Splits the network in two.
    pub(in super::super) fn split(&mut self) {
        for node in 0..self.nodes.len() {
            self.side[node] = u8::from(self.rng.random_bool(0.5));
        }
        for a in 0..self.nodes.len() {
            let others: Vec<usize> = self.links[a].keys().copied().filter(|b| self.side[a] != self.side[*b]).collect();
            for b in others {
                self.part(a, b);
            }
        }
    }

    /// Everybody reaches everybody again.
    pub(in super::super) fn join(&mut self) {
        self.side.iter_mut().for_each(|side| *side = 0);
        for a in 0..self.nodes.len() {
            let wanted: Vec<usize> =
                self.allowed[a].iter().copied().filter(|b| !self.links[a].contains_key(b)).collect();
            for b in wanted {
                self.later(2_000, Event::Meet(a, b));
            }
        }
    }

    /// No loss and no partition from here on; everybody is up.
    pub(in super::super) fn heal(&mut self) {
        self.weather = Weather::FAIR;
        for node in 0..self.nodes.len() {
            if !self.nodes[node].up {
                self.start(node);
            }
        }
        self.join();
    }

    pub(super) fn meet(&mut self, a: usize, b: usize) {
        if self.allowed[a].contains(&b) || self.allowed[b].contains(&a) {
            self.connect(a, b);
        }
    }

    pub(super) fn connect(&mut self, a: usize, b: usize) -> bool {
        if a == b || !self.nodes[a].up || !self.nodes[b].up || self.side[a] != self.side[b] {
            return false;
        }
        let ends = [(a, b), (b, a)];
        if !self.links[a].contains_key(&b) {
            self.serial += 1;
            self.links[a].insert(b, self.serial);
            self.links[b].insert(a, self.serial);
            for (from, to) in ends {
                let peer = self.nodes[to].peer();
                self.soon(from, Input::Connected { peer });
            }
        }
        if ends.iter().all(|(from, to)| self.allowed[*from].contains(to)) {
            for (from, to) in ends {
                if self.opened[from].insert(to) {
                    let peer = self.nodes[to].peer();
                    self.soon(from, Input::Opened { peer });
                }
            }
        }
        true
    }

    /// How many connections a node has that carry everything, and how many in all.
    pub(in super::super) fn connections(&self, node: usize) -> (usize, usize) {
        (self.opened[node].len(), self.links[node].len())
    }
}
