//! What comes from outside: frames of nobody that is simulated, and time in which all machines sleep.

use super::*;

/// The peer of whoever is none of the nodes.
const NOBODY: PeerKey = PeerKey([0xee; 32]);

impl Sim {
    /// A frame of a stranger arrives at a node.
    pub(in super::super) fn stranger_says(&mut self, to: usize, protocol: Protocol, frame: Vec<u8>) {
        if self.nodes[to].up {
            let source = Some([198, 51, 100, 1].into());
            self.input(to, Input::Frame { peer: NOBODY, protocol, source, frame });
        }
    }

    /// All machines sleep: what was due happens afterwards.
    pub(in super::super) fn sleep(&mut self, millis: u64) {
        self.note("sleep", [millis, 0], &[]);
        self.now += millis;
    }
}
