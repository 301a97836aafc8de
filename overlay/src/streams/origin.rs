//! Where a connection comes from, as far as limits care.

use std::net::IpAddr;

use libp2p::{Multiaddr, PeerId, core::ConnectedPoint, multiaddr::Protocol};

/// What strangers share a budget by: a network prefix, which is dearer to change than a peer id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// IPv4 /24.
    V4([u8; 3]),
    /// IPv6 /48.
    V6([u8; 6]),
    /// Through any relay.
    Relayed,
    /// This machine (exempt from limits by prefix) or a transport without IP addresses.
    Local,
}

impl Origin {
    pub(crate) fn of(address: &Multiaddr) -> Self {
        if is_relayed(address) {
            return Self::Relayed;
        }
        match ip_of(address) {
            Some(ip) if ip.is_loopback() => Self::Local,
            Some(IpAddr::V4(ip)) => {
                let [a, b, c, _] = ip.octets();
                Self::V4([a, b, c])
            }
            Some(IpAddr::V6(ip)) => {
                let [a, b, c, d, e, f, ..] = ip.octets();
                Self::V6([a, b, c, d, e, f])
            }
            None => Self::Local,
        }
    }

    /// Where an inbound connection comes from. Of one through a relay only the listener's address, `local`, shows the
    /// relay; `remote` is nothing but the peer id.
    pub(crate) fn of_inbound(local: &Multiaddr, remote: &Multiaddr) -> Self {
        if is_relayed(local) { Self::Relayed } else { Self::of(remote) }
    }

    pub(crate) fn of_endpoint(endpoint: &ConnectedPoint) -> Self {
        match endpoint {
            ConnectedPoint::Dialer { address, .. } => Self::of(address),
            ConnectedPoint::Listener { local_addr, send_back_addr } => Self::of_inbound(local_addr, send_back_addr),
        }
    }

    /// The key of a stranger's budget: its prefix, or its id where there is none.
    pub(crate) fn budget(self, peer: PeerId) -> (Self, Option<PeerId>) {
        (self, matches!(self, Self::Local | Self::Relayed).then_some(peer))
    }
}

/// The IP address that a direct `address` begins with; IPv4 written as IPv6 is IPv4.
pub(crate) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    if is_relayed(address) {
        return None;
    }
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(IpAddr::V6(ip).to_canonical()),
        _ => None,
    }
}

fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|p| matches!(p, Protocol::P2pCircuit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        Origin::of(&text.parse().expect("an address"))
    }

    #[test]
    fn addresses_of_one_prefix_have_one_origin() {
        assert_eq!(origin("/ip4/192.0.2.1/tcp/1"), origin("/ip4/192.0.2.200/udp/9/quic-v1"));
        assert_ne!(origin("/ip4/192.0.2.1/tcp/1"), origin("/ip4/192.0.3.1/tcp/1"));
        assert_eq!(origin("/ip6/2001:db8:1::1/tcp/1"), origin("/ip6/2001:db8:1:ffff::2/tcp/1"));
        assert_ne!(origin("/ip6/2001:db8:1::1/tcp/1"), origin("/ip6/2001:db8:2::1/tcp/1"));
        assert_eq!(origin("/ip6/::ffff:192.0.2.1/tcp/1"), origin("/ip4/192.0.2.9/tcp/1"));
    }

    #[test]
    fn loopback_and_relays_are_told_apart() {
        assert_eq!(origin("/ip4/127.0.0.1/tcp/1"), Origin::Local);
        assert_eq!(origin("/ip6/::1/tcp/1"), Origin::Local);
        assert_eq!(origin("/memory/7"), Origin::Local);
        let circuit = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN/p2p-circuit";
        assert_eq!(origin(circuit), Origin::Relayed);
        assert_eq!(ip_of(&circuit.parse().expect("an address")), None);
    }
}
