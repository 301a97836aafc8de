//! Which addresses that others name may be dialled, given where this node is. `[NET-DIAL-SCOPE]`
//!
//! Cards, tickets, Identify and answers of Kademlia name addresses that their author chose: of somebody else, of the
//! reader's router, of a service on the reader's machine. So an address in a private range is dialled only by a node
//! that has an address in the same range itself, and loopback only by a node that has nothing else. What the operator
//! configured (bootstrap nodes) and what mDNS finds on the local network is not held against these rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libp2p::{Multiaddr, multiaddr::Protocol};

use crate::{
    address::{Scope, is_named},
    streams::ip_of,
};

/// Ports below are of services that only the system's administrator starts: of routers and printers, not of nodes.
/// `[NET-DIAL-SCOPE]`
const FIRST_PORT: u16 = 1024;

/// A range of private addresses that is routed as one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    /// 10.0.0.0/8
    Ten,
    /// 172.16.0.0/12
    OneSevenTwo,
    /// 192.168.0.0/16
    OneNineTwo,
    /// 169.254.0.0/16
    LinkLocal,
    /// 100.64.0.0/10: providers' NAT, overlay networks.
    Shared,
    /// One site's fc00::/7, by its /48.
    UniqueLocal([u8; 6]),
}

impl Range {
    fn of(ip: IpAddr) -> Option<Self> {
        match ip {
            IpAddr::V4(ip) => Self::of_v4(ip),
            IpAddr::V6(ip) => Self::of_v6(ip),
        }
    }

    fn of_v4(ip: Ipv4Addr) -> Option<Self> {
        match ip.octets() {
            [10, ..] => Some(Self::Ten),
            [172, b, ..] if b & 0xf0 == 16 => Some(Self::OneSevenTwo),
            [192, 168, ..] => Some(Self::OneNineTwo),
            [169, 254, ..] => Some(Self::LinkLocal),
            [100, b, ..] if b & 0xc0 == 64 => Some(Self::Shared),
            _ => None,
        }
    }

    /// fe80::/10 is none: such an address means nothing without the interface.
    fn of_v6(ip: Ipv6Addr) -> Option<Self> {
        let [a, b, c, d, e, f, ..] = ip.octets();
        ip.is_unique_local().then_some(Self::UniqueLocal([a, b, c, d, e, f]))
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// Where this node listens.
    own: Vec<Multiaddr>,
    /// Private ranges that this node is in, or that its operator named.
    ranges: Vec<Range>,
    /// This node has an address beyond its own machine.
    beyond_loopback: bool,
}

impl Surroundings {
    /// `configured` are addresses that the operator named: their ranges are as good as one's own.
    pub(crate) fn new(listen: &[Multiaddr], configured: &[Multiaddr]) -> Self {
        let ranges = listen.iter().chain(configured).filter_map(ip_of).filter_map(Range::of).collect();
        let beyond_loopback = listen.iter().filter_map(ip_of).any(|ip| !ip.is_loopback());
        Self { own: listen.to_vec(), ranges, beyond_loopback }
    }

    /// Whether an address that somebody named may be dialled. A name may, and what it resolves to is asked again.
    pub(crate) fn may_dial(&self, address: &Multiaddr) -> bool {
        if is_named(address) || matches!(address.iter().next(), Some(Protocol::Memory(_))) {
            return true;
        }
        // Of a circuit the relay's address is what is dialled.
        let direct: Multiaddr = address.iter().take_while(|p| !matches!(p, Protocol::P2p(_))).collect();
        let Some(ip) = ip_of(&direct) else { return false };
        let port = direct.iter().find_map(|p| match p {
            Protocol::Tcp(port) | Protocol::Udp(port) => Some(port),
            _ => None,
        });
        let Some(port) = port.filter(|port| *port != 0) else { return false };
        if self.own.contains(&direct) {
            return false;
        }
        match Scope::of(&direct) {
            Some(Scope::Loopback) => !self.beyond_loopback,
            Some(Scope::Private) => {
                port >= FIRST_PORT && Range::of(ip).is_some_and(|range| self.ranges.contains(&range))
            }
            Some(Scope::Global) => true,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
        texts.iter().map(|t| t.parse().expect("an address")).collect()
    }

    /// Of what a stranger's card names, what a node that listens there dials.
    fn dialed(listen: &[&str], named: &[&'static str]) -> Vec<&'static str> {
        let surroundings = Surroundings::new(&addresses(listen), &[]);
        named.iter().copied().filter(|text| surroundings.may_dial(&text.parse().expect("an address"))).collect()
    }

    const NAMED: [&str; 14] = [
        "/ip4/127.0.0.1/tcp/7420",
        "/ip6/::1/tcp/7420",
        "/ip4/10.0.0.1/tcp/7421",
        "/ip4/172.16.0.1/udp/7421/quic-v1",
        "/ip4/192.168.1.1/tcp/7421",
        "/ip4/192.168.1.1/tcp/80",
        "/ip4/169.254.169.254/tcp/8080",
        "/ip4/100.64.0.1/tcp/7421",
        "/ip6/fd00:1:2::1/tcp/7421",
        "/ip6/fe80::1/tcp/7421",
        "/ip4/0.0.0.0/tcp/7421",
        "/ip4/224.0.0.1/tcp/7421",
        "/ip4/255.255.255.255/tcp/7421",
        "/ip4/8.8.8.8/tcp/443",
    ];

    #[test]
    fn a_card_cannot_send_a_node_on_the_internet_to_private_addresses() {
        // [NET-DIAL-SCOPE]
        assert_eq!(dialed(&["/ip4/127.0.0.1/tcp/1", "/ip4/9.9.9.9/tcp/1"], &NAMED), ["/ip4/8.8.8.8/tcp/443"]);
    }

    #[test]
    fn two_nodes_of_one_lan_reach_each_other_by_the_addresses_in_their_cards() {
        // [NET-DIAL-SCOPE]
        let at_home = ["/ip4/127.0.0.1/tcp/1", "/ip4/192.168.1.7/tcp/1"];
        assert_eq!(dialed(&at_home, &NAMED), ["/ip4/192.168.1.1/tcp/7421", "/ip4/8.8.8.8/tcp/443"]);
        let in_ten = dialed(&["/ip4/10.9.9.9/tcp/1"], &NAMED);
        assert_eq!(in_ten, ["/ip4/10.0.0.1/tcp/7421", "/ip4/8.8.8.8/tcp/443"]);
        let site = dialed(&["/ip6/fd00:1:2:3::4/tcp/1"], &["/ip6/fd00:1:2::1/tcp/7421", "/ip6/fd00:1:3::1/tcp/7421"]);
        assert_eq!(site, ["/ip6/fd00:1:2::1/tcp/7421"]);
    }

    #[test]
    fn loopback_is_dialed_by_nodes_that_have_nothing_else() {
        // [NET-DIAL-SCOPE]
        let alone = dialed(&["/ip4/127.0.0.1/tcp/1"], &NAMED);
        assert_eq!(alone, ["/ip4/127.0.0.1/tcp/7420", "/ip6/::1/tcp/7420", "/ip4/8.8.8.8/tcp/443"]);
    }

    #[test]
    fn of_a_circuit_the_relays_address_counts() {
        // [NET-DIAL-SCOPE]
        let relay = libp2p::PeerId::random();
        let surroundings = Surroundings::new(&addresses(&["/ip4/9.9.9.9/tcp/1"]), &[]);
        let circuit = |at: &str| format!("{at}/p2p/{relay}/p2p-circuit").parse().expect("an address");
        assert!(surroundings.may_dial(&circuit("/ip4/8.8.8.8/tcp/7421")));
        assert!(!surroundings.may_dial(&circuit("/ip4/192.168.1.10/tcp/7421")));
        assert!(!surroundings.may_dial(&circuit("")));
    }

    #[test]
    fn ranges_that_the_operator_named_are_dialed_and_ones_own_address_is_not() {
        // [NET-DIAL-SCOPE]
        let listen = addresses(&["/ip4/192.168.1.7/tcp/7421"]);
        let surroundings = Surroundings::new(&listen, &addresses(&["/ip4/10.0.0.5/tcp/7421"]));
        let may = |text: &str| surroundings.may_dial(&text.parse().expect("an address"));
        assert!(may("/ip4/10.1.1.1/tcp/7421") && may("/ip4/192.168.1.7/tcp/7422"));
        assert!(!may("/ip4/192.168.1.7/tcp/7421"), "a neighbour's card names an address that is also ours");
    }
}
