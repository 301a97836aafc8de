//! Peers that were reached, to come back by them when no bootstrap peer answers any more. Pure. `[NET-BOOK]`
//!
//! Only nodes that this one dialled and that take part in the DHT are remembered, so that nobody gets into the book by saying so.
//! Few of one network are kept: whoever has many nodes in one place cannot fill it.

use std::collections::VecDeque;

use libp2p::{Multiaddr, PeerId};

use crate::{
    address::{self, Scope, is_circuit},
    proofs::Group,
};

/// Peers remembered. `[NET-BOOK]`
const PEERS: usize = 256;
/// Of these, in one network (IPv4 /16, IPv6 /32). `[NET-BOOK]`
const PER_GROUP: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// The one reached last comes first.
    entries: VecDeque<(PeerId, Multiaddr)>,
    /// Where to go on dialling.
    next: usize,
}

impl Book {
    /// What was written down; the newest first. What is no address of a peer is left out.
    pub(crate) fn new(written: &[Multiaddr], local: &PeerId) -> Self {
        let mut book = Self::default();
        for (peer, address) in written.iter().take(PEERS).rev().filter_map(address::split) {
            if peer != *local {
                book.reached(peer, &address);
            }
        }
        book
    }

    /// This node has dialled the peer there.
    pub(crate) fn reached(&mut self, peer: PeerId, address: &Multiaddr) {
        if is_circuit(address) {
            return;
        }
        self.entries.retain(|(known, _)| *known != peer);
        self.entries.push_front((peer, address::bare(address, &peer)));
        if Scope::of(address) == Some(Scope::Global) {
            let group = Group::of(address);
            let same = |entry: &(PeerId, Multiaddr)| Group::of(&entry.1) == group;
            if self.entries.iter().filter(|entry| same(entry)).count() > PER_GROUP
                && let Some(oldest) = self.entries.iter().rposition(same)
            {
                self.entries.remove(oldest);
            }
        }
        self.entries.truncate(PEERS);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Some to dial now: others each time, until all had their turn.
    pub(crate) fn some(&mut self, many: usize) -> Vec<(PeerId, Multiaddr)> {
        let many = many.min(self.entries.len());
        let start = self.next;
        self.next = (start + many) % self.entries.len().max(1);
        (0..many).filter_map(|n| self.entries.get((start + n) % self.entries.len()).cloned()).collect()
    }

    /// To be written down: each ends in `/p2p/<peer id>`.
    pub(crate) fn written(&self) -> Vec<Multiaddr> {
        self.entries.iter().map(|(peer, at)| address::full(at, peer)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Multiaddr {
        text.parse().expect("an address")
    }

    #[test]
    fn many_nodes_of_one_network_do_not_fill_the_book() {
        // [NET-BOOK]
        let mut book = Book::default();
        let honest = PeerId::random();
        book.reached(honest, &at("/ip4/45.1.0.2/tcp/1"));
        for n in 0..2_000u32 {
            let [_, _, c, d] = n.to_be_bytes();
            book.reached(PeerId::random(), &at(&format!("/ip4/46.1.{c}.{d}/tcp/1")));
        }
        assert_eq!(book.entries.len(), 1 + PER_GROUP);
        assert!(book.written().iter().any(|written| address::split(written).is_some_and(|(peer, _)| peer == honest)));
        for n in 0..2_000u32 {
            let [_, b, c, d] = n.to_be_bytes();
            book.reached(PeerId::random(), &at(&format!("/ip4/{}.{c}.{b}.{d}/tcp/1", 50 + u32::from(d) % 150)));
        }
        assert_eq!(book.entries.len(), PEERS);
    }

    #[test]
    fn what_was_written_is_read_and_all_get_their_turn() {
        let (mut book, local) = (Book::default(), PeerId::random());
        let peers: Vec<PeerId> = (0..20).map(|_| PeerId::random()).collect();
        for (n, peer) in peers.iter().enumerate() {
            book.reached(*peer, &at(&format!("/ip4/127.0.0.1/tcp/{}", n + 1)));
        }
        book.reached(local, &at("/ip4/127.0.0.1/tcp/99"));
        let mut written = book.written();
        written.push(at("/ip4/127.0.0.1/tcp/1"));
        let mut read = Book::new(&written, &local);
        assert_eq!(read.entries.len(), 20, "neither this node nor what names no peer");
        assert_eq!(read.written(), written[1..21]);
        let dialed: std::collections::HashSet<PeerId> =
            (0..3).flat_map(|_| read.some(8)).map(|(peer, _)| peer).collect();
        assert_eq!(dialed.len(), 20);
        assert!(Book::default().some(8).is_empty());
    }

    #[test]
    fn who_is_reached_by_a_relay_only_is_not_written_down() {
        let mut book = Book::default();
        let circuit = at(&format!("/ip4/45.1.0.2/tcp/1/p2p/{}/p2p-circuit", PeerId::random()));
        book.reached(PeerId::random(), &circuit);
        assert!(book.is_empty());
    }
}
