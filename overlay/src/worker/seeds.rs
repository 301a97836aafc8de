//! The seed list of this node: used, passed on, and replaced by a newer one. `[NET-SEEDS-PASS]`

use std::{collections::HashMap, time::Duration};

use libp2p::{PeerId, StreamProtocol, request_response};
use tokio::time::Instant;

use super::Worker;
use crate::{Config, exchange::SEEDS, seeds::SeedList};

/// A peer is asked, and answered, no more often than this. `[NET-SEEDS-PASS]`
const PER_PEER: Duration = Duration::from_secs(3_600);
/// Some peer is asked no more often than this.
const ASK: Duration = Duration::from_secs(20);
/// Peers remembered that were asked or answered.
const REMEMBERED: usize = 1_024;

/// See the module.
pub(super) struct Seeds {
    /// Whose lists are believed; without it there are none.
    key: Option<[u8; 32]>,
    list: Option<(SeedList, Vec<u8>)>,
    asked: HashMap<PeerId, Instant>,
    answered: HashMap<PeerId, Instant>,
    last: Option<Instant>,
}

impl Seeds {
    pub(super) fn new(config: &Config) -> Self {
        let (asked, answered, last) = (HashMap::new(), HashMap::new(), None);
        let mut seeds = Self { key: config.seeds_key, list: None, asked, answered, last };
        if let Some(bytes) = &config.seeds {
            seeds.take(bytes.clone(), config.clock.now());
        }
        seeds
    }

    /// The list as it is passed on and kept.
    pub(super) fn signed(&self) -> Option<&[u8]> {
        self.list.as_ref().map(|(_, bytes)| bytes.as_slice())
    }

    pub(super) fn list(&self) -> Option<&SeedList> {
        self.list.as_ref().map(|(list, _)| list)
    }

    fn sequence(&self) -> u64 {
        self.list().map_or(0, |list| list.sequence)
    }

    /// Takes a list that is newer than the one there is. True if it was.
    fn take(&mut self, bytes: Vec<u8>, wall: u64) -> bool {
        let Some(key) = &self.key else { return false };
        match SeedList::open(&bytes, key, wall) {
            Ok(list) if self.list.is_none() || list.sequence > self.sequence() => {
                self.list = Some((list, bytes));
                true
            }
            Ok(_) => false,
            Err(error) => {
                tracing::debug!(%error, "a seed list is not used");
                false
            }
        }
    }

    /// What to ask this peer, if it is time.
    fn question(&mut self, peer: PeerId, now: Instant) -> Option<u64> {
        let early = self.key.is_none() || self.last.is_some_and(|at| now < at + ASK);
        if early || !turn(&mut self.asked, peer, now) {
            return None;
        }
        self.last = Some(now);
        Some(self.sequence())
    }

    /// The answer to a peer that has a list of this sequence: a newer one, or nothing.
    fn answer(&mut self, peer: PeerId, sequence: u64, now: Instant, wall: u64) -> Vec<u8> {
        let newer = self.list.as_ref().filter(|(list, _)| list.sequence > sequence && wall < list.expires);
        let newer = newer.map(|(_, bytes)| bytes.clone());
        newer.filter(|_| turn(&mut self.answered, peer, now)).unwrap_or_default()
    }
}

/// Whether a peer has its turn; then it has no other for a while.
fn turn(turns: &mut HashMap<PeerId, Instant>, peer: PeerId, now: Instant) -> bool {
    if turns.len() >= REMEMBERED {
        turns.retain(|_, at| now < *at + PER_PEER);
    }
    if turns.get(&peer).is_some_and(|at| now < *at + PER_PEER) || turns.len() >= REMEMBERED {
        return false;
    }
    turns.insert(peer, now);
    true
}

impl Worker {
    /// A peer says what it speaks.
    pub(super) fn ask_for_seeds(&mut self, peer: PeerId, protocols: &[StreamProtocol]) {
        if protocols.contains(&SEEDS)
            && let Some(sequence) = self.seeds.question(peer, Instant::now())
        {
            self.swarm.behaviour_mut().exchange.send_request(&peer, sequence);
        }
    }

    pub(super) fn on_seeds(&mut self, event: request_response::Event<u64, Vec<u8>>) {
        let request_response::Event::Message { peer, message, .. } = event else { return };
        let wall = self.clock.now();
        match message {
            request_response::Message::Request { request, channel, .. } => {
                let answer = self.seeds.answer(peer, request, Instant::now(), wall);
                // Err: the peer is gone.
                let _ = self.swarm.behaviour_mut().exchange.send_response(channel, answer);
            }
            request_response::Message::Response { response, .. } => {
                if !response.is_empty() && self.seeds.take(response, wall) {
                    tracing::info!("a newer seed list was passed on to this node");
                    self.use_seeds();
                }
            }
        }
    }

    /// From now on the nodes of the list are bootstrap peers.
    pub(super) fn use_seeds(&mut self) {
        let peers = self.seeds.list().map(|list| list.peers().collect::<Vec<_>>()).unwrap_or_default();
        let local = *self.swarm.local_peer_id();
        self.discovery.set_listed(peers.into_iter().filter(|(peer, _)| *peer != local));
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::{Clock, seeds::MAX_LIFE};

    const NOW: u64 = 1_764_424_920_000;
    const SECRET: [u8; 32] = [7; 32];

    fn signed(sequence: u64, issued: u64, secret: [u8; 32]) -> Vec<u8> {
        let addresses = vec![format!("/ip4/45.1.0.2/tcp/7421/p2p/{}", PeerId::random()).parse().expect("an address")];
        SeedList { sequence, issued, expires: issued + MAX_LIFE, addresses }.sign(&secret).expect("signs")
    }

    fn seeds(list: Option<Vec<u8>>) -> Seeds {
        let mut config = Config::new([1; 32]);
        config.seeds_key = Some(SigningKey::from_bytes(&SECRET).verifying_key().to_bytes());
        (config.seeds, config.clock) = (list, Clock::new(|| NOW));
        Seeds::new(&config)
    }

    #[test]
    fn only_a_newer_list_of_the_right_key_replaces_the_one_there_is() {
        // [NET-SEEDS-PASS]
        let mut seeds = seeds(Some(signed(5, NOW, SECRET)));
        assert!(!seeds.take(signed(4, NOW, SECRET), NOW), "older");
        assert!(!seeds.take(signed(5, NOW, SECRET), NOW), "the same");
        assert!(!seeds.take(signed(6, NOW, [8; 32]), NOW), "forged");
        assert!(!seeds.take(signed(6, NOW - MAX_LIFE, SECRET), NOW), "expired");
        assert!(!seeds.take(vec![0; 1 << 20], NOW), "huge");
        assert_eq!(seeds.sequence(), 5);
        assert!(seeds.take(signed(6, NOW, SECRET), NOW) && seeds.sequence() == 6);
    }

    #[test]
    fn a_list_is_passed_on_to_who_has_an_older_one_once_an_hour_and_not_when_it_has_expired() {
        // [NET-SEEDS-PASS]
        let list = signed(5, NOW, SECRET);
        let (mut seeds, now, peer) = (seeds(Some(list.clone())), Instant::now(), PeerId::random());
        assert!(seeds.answer(peer, 5, now, NOW).is_empty());
        assert_eq!(seeds.answer(peer, 0, now, NOW), list);
        assert!(seeds.answer(peer, 0, now, NOW).is_empty(), "again");
        assert_eq!(seeds.answer(peer, 0, now + PER_PEER, NOW), list);
        assert!(seeds.answer(PeerId::random(), 0, now, NOW + MAX_LIFE).is_empty());
    }

    #[test]
    fn peers_are_asked_one_after_another_and_by_a_node_without_a_key_never() {
        let (mut seeds, now, peer) = (seeds(None), Instant::now(), PeerId::random());
        assert_eq!(seeds.question(peer, now), Some(0));
        assert_eq!(seeds.question(PeerId::random(), now), None);
        assert_eq!(seeds.question(peer, now + ASK), None);
        assert_eq!(seeds.question(PeerId::random(), now + ASK), Some(0));
        assert_eq!(Seeds::new(&Config::new([1; 32])).question(peer, now), None);
    }
}
