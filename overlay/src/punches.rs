//! When to try again to make a relayed connection direct. Pure. `[NET-PUNCH]`
//!
//! libp2p punches when a relayed connection begins and not again: 97.6 % of the successes are at the first attempt
//! (arXiv:2510.27500). What changes later (an address, a router) brings a new relayed connection, and with it a new
//! attempt. For all other reasons two attempts an hour are enough.

use std::{collections::HashMap, time::Duration};

use libp2p::PeerId;
use tokio::time::Instant;

/// A relayed connection is tried to be made direct after this.
const PAUSE: Duration = Duration::from_secs(30 * 60);
/// The first further attempt comes sooner: the other side may have learned its address only then.
const FIRST: Duration = Duration::from_secs(20);
/// Peers remembered.
const PEERS: usize = 1_024;

#[derive(Debug, Default)]
pub(crate) struct Punches(HashMap<PeerId, (Instant, u32)>);

impl Punches {
    /// Of peers to whom there is nothing but a relay, those to try again now.
    pub(crate) fn due(&mut self, relayed: &[PeerId], now: Instant) -> Vec<PeerId> {
        self.0.retain(|peer, _| relayed.contains(peer));
        let mut due = Vec::new();
        for peer in relayed {
            if self.0.len() >= PEERS && !self.0.contains_key(peer) {
                continue;
            }
            let (since, tries) = self.0.entry(*peer).or_insert((now, 0));
            if *since + if *tries == 0 { FIRST } else { PAUSE } <= now {
                (*since, *tries) = (now, tries.saturating_add(1));
                due.push(*peer);
            }
        }
        due
    }

    /// An own address has changed: what failed may work now.
    pub(crate) fn start_over(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relayed_peer_is_tried_soon_and_then_twice_an_hour() {
        // [NET-PUNCH]
        let (mut punches, start, peer) = (Punches::default(), Instant::now(), PeerId::random());
        let tries = (0..360u32).filter(|n| !punches.due(&[peer], start + Duration::from_secs(10) * *n).is_empty());
        assert_eq!(tries.collect::<Vec<_>>(), [2, 182]);
        assert!(punches.due(&[], start).is_empty() && punches.0.is_empty(), "who is direct is forgotten");
    }

    #[test]
    fn after_a_change_of_address_it_begins_anew() {
        let (mut punches, start, peer) = (Punches::default(), Instant::now(), PeerId::random());
        punches.due(&[peer], start);
        assert_eq!(punches.due(&[peer], start + FIRST), [peer]);
        punches.start_over();
        assert!(punches.due(&[peer], start + FIRST).is_empty());
        assert_eq!(punches.due(&[peer], start + 2 * FIRST), [peer]);
    }
}
