//! What becomes of what a node wrote: made durable, lost in a crash, or not stored because of a fault.

use super::*;

impl Sim {
    pub(super) fn came_down(&mut self, node: usize) {
        let away = 100 + self.draw(20_000);
        self.kill(node, away);
    }

    /// Something could not be kept: what is in memory is ahead of the store.
    pub(super) fn lost(&mut self, node: usize) {
        self.note("lost", [node as u64, 0], &[]);
        self.nodes[node].cache.borrow_mut().clear();
        self.input(node, Input::Start);
    }

    pub(super) fn committed(&mut self, node: usize) {
        let wait = self.weather.group > 0 && self.draw(u64::from(self.weather.group)) == 0;
        if wait {
            let (at, life) = (self.now + 1 + self.draw(20), self.nodes[node].life);
            self.at(at, Event::Flush { node, life });
        } else {
            self.flush(node);
        }
        let it = &mut self.nodes[node];
        if it.up {
            let wait = clock::next_wake(&it.live).saturating_sub(it.clock(self.now)).clamp(100, 60_000);
            if self.now + wait < it.wake {
                it.wake = self.now + wait;
                let at = it.wake;
                self.at(at, Event::Tick { node });
            }
        }
    }

    pub(super) fn flush(&mut self, node: usize) {
        match self.nodes[node].flush() {
            None => self.came_down(node),
            Some(Err(_)) => {
                // As the runtime does: the store recovers to what is durable.
                self.nodes[node].store.power_cut(0);
                self.lost(node);
            }
            Some(Ok(pending)) => {
                self.answered.extend(pending.answers);
                for effect in pending.effects {
                    self.release(node, effect);
                }
            }
        }
    }

    /// The next failing call of a node's store.
    pub(in super::super) fn arm_fault(&mut self, node: usize) {
        let store = &mut self.nodes[node].store;
        let (flushes, applies) = (store.flushes(), store.applies());
        let next = 1 + self.rng.random_range(0..3);
        let faults = if self.rng.random_range(0..2) == 0 {
            Faults { fail_flush: Some(flushes + next), fail_apply: None }
        } else {
            Faults { fail_flush: None, fail_apply: Some(applies + next) }
        };
        self.nodes[node].store.set_faults(faults);
    }

    /// Lets a node die within its next few commits.
    pub(in super::super) fn arm_crash(&mut self, node: usize) {
        let crash = super::super::node::CRASHES[self.rng.random_range(0..super::super::node::CRASHES.len())];
        let within = 1 + self.draw(6);
        let it = &mut self.nodes[node];
        it.crash = Some((it.commits + within, crash));
    }

    /// Every batch of every node becomes durable: nothing that was seen can be lost.
    pub(in super::super) fn flush_all(&mut self) {
        for node in &mut self.nodes {
            let _ = node.store.flush();
        }
    }

    /// Lets a node die at one commit.
    pub(in super::super) fn crash_at(&mut self, node: usize, commit: u64, crash: Crash) {
        self.nodes[node].crash = Some((commit, crash));
    }
}
