//! The hosts at which allowed peers are known to be: what a connection can be recognized by before its handshake.
//!
//! An address proves nothing, and the network behind it may be shared with strangers. So being recognized only means
//! that strangers elsewhere cannot use up the places and the rate of new connections: see [`crate::guard`].

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, Ipv4Addr},
};

use libp2p::{Multiaddr, PeerId};

use crate::streams::ip_of;

/// Hosts remembered of one allowed peer: whoever names a thousand in their card has eight.
const PER_PEER: usize = 8;

/// One IPv4 address, or the IPv6 /64 of one link: a host chooses its addresses in there as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    V4(Ipv4Addr),
    V6([u8; 8]),
}

impl Host {
    /// The host that is dialled to reach an address: of a circuit the relay.
    pub(crate) fn dialed(address: &Multiaddr) -> Option<Self> {
        Self::of(&address.iter().take(1).collect())
    }

    /// The host that a direct address names; loopback is nobody in particular.
    pub(crate) fn of(address: &Multiaddr) -> Option<Self> {
        match ip_of(address)? {
            ip if ip.is_loopback() || ip.is_unspecified() => None,
            IpAddr::V4(ip) => Some(Self::V4(ip)),
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, g, h, ..] = ip.octets();
                Some(Self::V6([a, b, c, d, e, f, g, h]))
            }
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Familiar {
    /// The newest last.
    by_peer: HashMap<PeerId, VecDeque<Host>>,
    /// How many peers are known there.
    hosts: HashMap<Host, usize>,
}

impl Familiar {
    pub(crate) fn learn<'a>(&mut self, peer: PeerId, addresses: impl IntoIterator<Item = &'a Multiaddr>) {
        let known = self.by_peer.entry(peer).or_default();
        for host in addresses.into_iter().filter_map(Host::of) {
            if known.contains(&host) {
                continue;
            }
            known.push_back(host);
            *self.hosts.entry(host).or_default() += 1;
            if known.len() > PER_PEER
                && let Some(oldest) = known.pop_front()
            {
                release(&mut self.hosts, oldest);
            }
        }
    }

    pub(crate) fn forget(&mut self, peer: &PeerId) {
        for host in self.by_peer.remove(peer).into_iter().flatten() {
            release(&mut self.hosts, host);
        }
    }

    pub(crate) fn knows(&self, host: &Host) -> bool {
        self.hosts.contains_key(host)
    }
}

fn release(hosts: &mut HashMap<Host, usize>, host: Host) {
    if let Some(peers) = hosts.get_mut(&host) {
        *peers -= 1;
        if *peers == 0 {
            hosts.remove(&host);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Multiaddr {
        text.parse().expect("an address")
    }

    fn host(text: &str) -> Host {
        Host::of(&address(text)).expect("a host")
    }

    #[test]
    fn a_host_is_known_as_long_as_one_allowed_peer_is_known_there() {
        let (mut familiar, here) = (Familiar::default(), address("/ip4/192.0.2.1/tcp/1"));
        let (alice, bob) = (PeerId::random(), PeerId::random());
        familiar.learn(alice, [&here, &here]);
        familiar.learn(bob, [&here]);
        familiar.forget(&alice);
        assert!(familiar.knows(&host("/ip4/192.0.2.1/udp/9/quic-v1")));
        familiar.forget(&bob);
        assert!(!familiar.knows(&host("/ip4/192.0.2.1/tcp/1")));
        assert!(familiar.hosts.is_empty() && familiar.by_peer.is_empty());
    }

    #[test]
    fn hosts_are_ipv4_addresses_and_ipv6_links_and_not_loopback() {
        assert_ne!(host("/ip4/192.0.2.1/tcp/1"), host("/ip4/192.0.2.2/tcp/1"));
        assert_eq!(host("/ip6/2001:db8::1/tcp/1"), host("/ip6/2001:db8::2:1/tcp/1"));
        assert_ne!(host("/ip6/2001:db8::1/tcp/1"), host("/ip6/2001:db8:0:1::1/tcp/1"));
        for nobody in ["/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1", "/dns4/example.org/tcp/1", "/memory/1"] {
            assert_eq!(Host::of(&address(nobody)), None, "{nobody}");
        }
    }

    #[test]
    fn the_hosts_of_one_peer_are_bounded_and_the_newest_stay() {
        let (mut familiar, peer) = (Familiar::default(), PeerId::random());
        let at = |n: u8| address(&format!("/ip4/192.0.2.{n}/tcp/1"));
        let all: Vec<Multiaddr> = (0..100).map(at).collect();
        familiar.learn(peer, &all);
        assert_eq!(familiar.hosts.len(), PER_PEER);
        assert!(familiar.knows(&host("/ip4/192.0.2.99/tcp/1")));
    }
}
