//! What others found when they dialled this node: when does an address count as reachable? Pure. `[NET-NAT-PROOF]`
//!
//! Whoever dials back may lie about the address that it dialled, and an address that was reachable once need not be
//! any more: a router restarts, a lease ends. So an address counts when two nodes of different networks (IPv4 /16,
//! IPv6 /32) reached it, or one bootstrap peer, whom the operator chose; only for half an hour; and it is tried again
//! before that time is over.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use libp2p::Multiaddr;
use tokio::time::Instant;

use crate::streams::ip_of;

/// How long a successful dial counts. `[NET-NAT-PROOF]`
const COUNTS: Duration = Duration::from_secs(30 * 60);
/// An address that is proven is tried again after this.
const AGAIN: Duration = Duration::from_secs(24 * 60);
/// An address that needs one more witness, or whose test failed, is tried again after this.
const SOON: Duration = Duration::from_secs(4);
/// With few servers the same one may be asked again and again: the pause doubles up to this.
const SELDOM: Duration = Duration::from_secs(15 * 60);
/// Addresses of which witnesses are remembered.
const ADDRESSES: usize = 16;
/// Witnesses remembered of one address.
const WITNESSES: usize = 8;

/// What a witness shares with those who may be the same person: IPv4 /16, IPv6 /32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Group {
    V4([u8; 2]),
    V6([u8; 4]),
}

impl Group {
    /// Of a direct address.
    pub(crate) fn of(address: &Multiaddr) -> Option<Self> {
        Some(match ip_of(address)? {
            IpAddr::V4(ip) => {
                let [a, b, ..] = ip.octets();
                Self::V4([a, b])
            }
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.octets();
                Self::V6([a, b, c, d])
            }
        })
    }
}

/// Who reached an address.
#[derive(Debug, Clone, Copy)]
struct Witness {
    group: Group,
    trusted: bool,
    at: Instant,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Proofs {
    witnesses: HashMap<Multiaddr, Vec<Witness>>,
    /// When to test again.
    due: Option<Instant>,
    /// Tests in a row that brought no proof.
    in_vain: u32,
}

impl Proofs {
    /// A node of `group` reached `address`. True when it is proven now.
    pub(crate) fn reached(&mut self, address: &Multiaddr, group: Group, trusted: bool, now: Instant) -> bool {
        self.forget_old(now);
        if self.witnesses.len() >= ADDRESSES && !self.witnesses.contains_key(address) {
            return false;
        }
        let known = self.witnesses.entry(address.clone()).or_default();
        known.retain(|witness| witness.group != group);
        known.push(Witness { group, trusted, at: now });
        if known.len() > WITNESSES {
            known.remove(0);
        }
        let proven = self.holds(address, now);
        self.in_vain = if proven { 0 } else { self.in_vain.saturating_add(1) };
        self.due = Some(now + if proven { AGAIN } else { self.pause() });
        proven
    }

    /// Somebody could not reach `address`. True when it has to be withdrawn: a bootstrap peer says so, or it is the
    /// second in a row.
    pub(crate) fn missed(&mut self, address: &Multiaddr, trusted: bool, now: Instant) -> bool {
        let Some(known) = self.witnesses.get_mut(address) else { return false };
        // One failure takes the word of all but the newest.
        let single = known.len() <= 1;
        known.drain(..known.len().saturating_sub(1));
        if let Some(last) = known.first_mut() {
            last.trusted = false;
        }
        let lost = trusted || single;
        if lost {
            self.witnesses.remove(address);
        }
        self.due = (!self.witnesses.is_empty()).then(|| now + SOON);
        lost
    }

    /// Whether the address is proven.
    pub(crate) fn holds(&self, address: &Multiaddr, now: Instant) -> bool {
        let known = self.witnesses.get(address).into_iter().flatten().filter(|w| now < w.at + COUNTS);
        let (mut groups, mut trusted) = (0, false);
        for witness in known {
            groups += 1; // one of each group is kept
            trusted |= witness.trusted;
        }
        trusted || groups >= 2
    }

    /// There is reason to doubt what was proven: it is tested again soon.
    pub(crate) fn doubt(&mut self, now: Instant) {
        if !self.witnesses.is_empty() {
            self.due = Some(self.due.map_or(now + SOON, |due| due.min(now + SOON)));
        }
    }

    /// The addresses to test now, if it is time.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Vec<Multiaddr>> {
        self.due.take_if(|due| *due <= now)?;
        // If no answer comes at all, again.
        self.in_vain = self.in_vain.saturating_add(1);
        self.due = Some(now + self.pause().max(Duration::from_secs(30)));
        Some(self.witnesses.keys().cloned().collect())
    }

    /// Networks from which an address was reached already: others are worth more.
    pub(crate) fn heard_from(&self, group: Group) -> bool {
        self.witnesses.values().flatten().any(|witness| witness.group == group)
    }

    /// When [`Proofs::due`] has something to test, or a proof ends.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.due
    }

    /// Nothing that was found out counts any more.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn pause(&self) -> Duration {
        SOON.saturating_mul(1 << self.in_vain.min(12)).min(SELDOM)
    }

    fn forget_old(&mut self, now: Instant) {
        for known in self.witnesses.values_mut() {
            known.retain(|witness| now < witness.at + COUNTS);
        }
        self.witnesses.retain(|_, known| !known.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn own() -> Multiaddr {
        "/ip4/203.0.114.7/tcp/7421".parse().expect("an address")
    }

    fn from(text: &str) -> Group {
        Group::of(&text.parse().expect("an address")).expect("an IP address")
    }

    #[test]
    fn one_stranger_or_many_of_one_network_prove_nothing() {
        // [NET-NAT-PROOF]
        let (mut proofs, now) = (Proofs::default(), Instant::now());
        for host in 0..100 {
            assert!(!proofs.reached(&own(), from(&format!("/ip4/198.51.{host}.1/tcp/1")), false, now));
        }
        assert!(proofs.reached(&own(), from("/ip4/198.52.0.1/tcp/1"), false, now));
        let mut proofs = Proofs::default();
        assert!(
            proofs.reached(&own(), from("/ip4/198.51.0.1/tcp/1"), true, now),
            "the operator chose the bootstrap peer"
        );
    }

    #[test]
    fn a_proof_ends_by_itself_and_is_renewed_before() {
        // [NET-NAT-PROOF]
        let (mut proofs, start) = (Proofs::default(), Instant::now());
        assert!(proofs.reached(&own(), from("/ip4/198.51.0.1/tcp/1"), true, start));
        assert_eq!(proofs.next(), Some(start + AGAIN));
        assert!(AGAIN + 2 * MINUTE < COUNTS);
        assert_eq!(proofs.due(start + MINUTE), None);
        assert_eq!(proofs.due(start + AGAIN), Some(vec![own()]));
        assert!(proofs.holds(&own(), start + AGAIN));
        assert!(!proofs.holds(&own(), start + COUNTS), "nobody answered");
    }

    #[test]
    fn what_fails_is_withdrawn_at_once_by_a_bootstrap_peer_and_within_a_minute_by_two_strangers() {
        // [NET-NAT-PROOF]
        let (mut proofs, now) = (Proofs::default(), Instant::now());
        proofs.reached(&own(), from("/ip4/198.51.0.1/tcp/1"), true, now);
        assert!(proofs.missed(&own(), true, now));
        proofs.reached(&own(), from("/ip4/198.51.0.1/tcp/1"), false, now);
        proofs.reached(&own(), from("/ip4/198.52.0.1/tcp/1"), false, now);
        assert!(!proofs.missed(&own(), false, now), "one may lie");
        assert!(proofs.next().is_some_and(|due| due <= now + MINUTE));
        assert!(proofs.missed(&own(), false, now + SOON));
        assert!(!proofs.missed(&own(), false, now + SOON), "what is not proven is not withdrawn");
    }

    #[test]
    fn doubt_tests_again_soon_and_vain_tests_become_seldom() {
        let (mut proofs, now) = (Proofs::default(), Instant::now());
        proofs.doubt(now);
        assert_eq!(proofs.next(), None, "there is nothing to test");
        proofs.reached(&own(), from("/ip4/198.51.0.1/tcp/1"), true, now);
        proofs.doubt(now + MINUTE);
        assert_eq!(proofs.next(), Some(now + MINUTE + SOON));
        let mut at = now + MINUTE + SOON;
        for _ in 0..20 {
            assert!(proofs.due(at).is_some());
            at = proofs.next().expect("again");
        }
        assert!(at + SELDOM >= proofs.next().expect("again"));
        assert!(proofs.due(at).is_some() && proofs.next() == Some(at + SELDOM));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut proofs, now) = (Proofs::default(), Instant::now());
        for port in 1..1_000 {
            let address = format!("/ip4/203.0.114.7/tcp/{port}").parse().expect("an address");
            for net in 0..20 {
                proofs.reached(&address, from(&format!("/ip4/198.{net}.0.1/tcp/1")), false, now);
            }
        }
        assert_eq!(proofs.witnesses.len(), ADDRESSES);
        assert!(proofs.witnesses.values().all(|known| known.len() <= WITNESSES));
    }
}
