//! Who is connected with whom, and what parts them.

use super::*;

impl Sim {
    /// The connection between two nodes breaks; what is on its way is lost.
    pub(in super::super) fn part(&mut self, a: usize, b: usize) {
        if self.links.remove(&pair(a, b)).is_none() {
            return;
        }
        self.opened.retain(|(x, y)| pair(*x, *y) != pair(a, b));
        for (node, other) in [(a, b), (b, a)] {
            if self.nodes[node].up {
                let peer = self.nodes[other].peer();
                self.soon(node, Input::Disconnected { peer });
            }
        }
        let at = self.now + 1 + self.draw(2_000);
        self.at(at, Event::Meet(a, b));
    }

    pub(in super::super) fn set_apart(&mut self, a: usize, b: usize) {
        self.apart.insert(pair(a, b));
        self.part(a, b);
    }

    pub(in super::super) fn rejoin(&mut self, a: usize, b: usize) {
        self.apart.remove(&pair(a, b));
        let at = self.now + 1 + self.draw(2_000);
        self.at(at, Event::Meet(a, b));
    }

    /// No partition, no loss, no fault from here on; everybody is up and looks for the others.
    pub(in super::super) fn heal(&mut self) {
        self.weather = Weather::CALM;
        self.apart.clear();
        for node in 0..self.nodes.len() {
            self.nodes[node].crash = None;
            self.nodes[node].store.set_faults(Faults::default());
            if !self.nodes[node].up && !self.nodes[node].ended {
                self.start(node);
            }
            self.gather(node);
        }
    }

    pub(super) fn meet(&mut self, a: usize, b: usize) {
        let wanted = self.allowed.contains(&(a, b)) || self.allowed.contains(&(b, a));
        if wanted || self.links.contains_key(&pair(a, b)) {
            self.connect(a, b);
        }
    }

    pub(super) fn connect(&mut self, a: usize, b: usize) -> bool {
        if a == b || !self.nodes[a].up || !self.nodes[b].up || self.apart.contains(&pair(a, b)) {
            return false;
        }
        let ends = [(a, b), (b, a)];
        if !self.links.contains_key(&pair(a, b)) {
            self.serial += 1;
            self.links.insert(pair(a, b), self.serial);
            for (from, to) in ends {
                if self.allowed.contains(&(from, to)) {
                    let peer = self.nodes[to].peer();
                    self.soon(from, Input::Connected { peer });
                }
            }
        }
        if ends.iter().all(|end| self.allowed.contains(end)) {
            for (from, to) in ends {
                if self.opened.insert((from, to)) {
                    let peer = self.nodes[to].peer();
                    self.soon(from, Input::Connected { peer });
                    self.soon(from, Input::Opened { peer });
                }
            }
        }
        true
    }
}
