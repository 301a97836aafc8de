//! Rules about addresses: which of those that peers claim are worth keeping, and names in them.

use std::net::IpAddr;

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

use crate::streams::ip_of;

/// Addresses kept of one peer. `[NET-ADDRESS-CAP]`
pub(crate) const PER_PEER: usize = 16;

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Loopback,
    Private,
    Global,
}

impl Scope {
    pub(crate) fn of(address: &Multiaddr) -> Option<Self> {
        match ip_of(address) {
            Some(ip) => scope_of_ip(ip),
            // Names and circuits; a transport within the process is as near as loopback.
            None if address.iter().any(|p| matches!(p, Protocol::Memory(_))) => Some(Self::Loopback),
            None => Some(Self::Global),
        }
    }
}

fn scope_of_ip(ip: IpAddr) -> Option<Scope> {
    let private = match ip {
        _ if ip.is_loopback() => return Some(Scope::Loopback),
        _ if ip.is_unspecified() || ip.is_multicast() => return None,
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            if a == 0 || a >= 240 {
                return None;
            }
            ip.is_private() || ip.is_link_local() || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    Some(if private { Scope::Private } else { Scope::Global })
}

/// Of what a peer claims to listen on, the addresses that make sense given where it is connected from: a peer on
/// the internet cannot send us to our own machine or network. `[NET-ADDRESS-SCOPE]`
pub(crate) fn plausible(claimed: &[Multiaddr], peer: &PeerId, connected: Option<&Multiaddr>) -> Vec<Multiaddr> {
    let from = connected.and_then(Scope::of).unwrap_or(Scope::Global);
    let reach = claimed.iter().filter(|a| Scope::of(a).is_some_and(|scope| scope >= from));
    reach.map(|a| bare(a, peer)).take(PER_PEER).collect()
}

/// Without a trailing `/p2p/<peer>`.
pub(crate) fn bare(address: &Multiaddr, peer: &PeerId) -> Multiaddr {
    let mut bare = address.clone();
    if bare.iter().last() == Some(Protocol::P2p(*peer)) {
        bare.pop();
    }
    bare
}

/// With a trailing `/p2p/<peer>`.
pub(crate) fn full(address: &Multiaddr, peer: &PeerId) -> Multiaddr {
    bare(address, peer).with(Protocol::P2p(*peer))
}

/// The peer an address names at its end, and the address without it.
pub(crate) fn split(address: &Multiaddr) -> Option<(PeerId, Multiaddr)> {
    let Some(Protocol::P2p(peer)) = address.iter().last() else { return None };
    Some((peer, bare(address, &peer)))
}

/// The relay that a circuit address goes through.
pub(crate) fn relay_of(circuit: &Multiaddr) -> Option<PeerId> {
    let mut relay = None;
    for part in circuit {
        match part {
            Protocol::P2p(peer) => relay = Some(peer),
            Protocol::P2pCircuit => return relay,
            _ => {}
        }
    }
    None
}

/// An address through a relay.
pub(crate) fn is_circuit(address: &Multiaddr) -> bool {
    address.iter().any(|p| matches!(p, Protocol::P2pCircuit))
}

pub(crate) fn is_named(address: &Multiaddr) -> bool {
    matches!(address.iter().next(), Some(Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_)))
}

/// Asks the system for the IP addresses behind the names in `addresses`; what does not resolve is left out.
pub(crate) async fn resolve(addresses: Vec<Multiaddr>) -> Vec<Multiaddr> {
    let mut resolved = Vec::new();
    for address in addresses {
        let name = match address.iter().next() {
            Some(Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name)) => name.into_owned(),
            _ => {
                resolved.push(address);
                continue;
            }
        };
        let wanted = |ip: &IpAddr| match address.iter().next() {
            Some(Protocol::Dns4(_)) => ip.is_ipv4(),
            Some(Protocol::Dns6(_)) => ip.is_ipv6(),
            _ => true,
        };
        match tokio::net::lookup_host((name.as_str(), 0)).await {
            Ok(found) => {
                let ips = found.map(|socket| socket.ip()).filter(wanted).take(PER_PEER);
                resolved.extend(ips.filter_map(|ip| address.replace(0, |_| Some(ip.into()))));
            }
            Err(error) => tracing::debug!(name, %error, "name not resolved"),
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
        texts.iter().map(|t| t.parse().expect("an address")).collect()
    }

    #[test]
    fn a_peer_on_the_internet_cannot_claim_addresses_of_our_machine_or_network() {
        // [NET-ADDRESS-SCOPE]
        let claimed = addresses(&[
            "/ip4/127.0.0.1/tcp/1",
            "/ip4/10.0.0.1/tcp/1",
            "/ip4/100.64.0.1/tcp/1",
            "/ip4/0.0.0.0/tcp/1",
            "/ip4/224.0.0.1/udp/1/quic-v1",
            "/ip4/8.8.8.8/tcp/1",
            "/ip6/fe80::1/tcp/1",
            "/ip6/2a00::1/tcp/1",
        ]);
        let kept = |from: &str| plausible(&claimed, &PeerId::random(), Some(&addresses(&[from])[0]));
        assert_eq!(kept("/ip4/9.9.9.9/tcp/5"), addresses(&["/ip4/8.8.8.8/tcp/1", "/ip6/2a00::1/tcp/1"]));
        assert_eq!(kept("/ip4/192.168.1.2/tcp/5").len(), 5);
        assert_eq!(kept("/ip4/127.0.0.1/tcp/5").len(), 6);
    }

    #[test]
    fn a_peer_cannot_make_us_keep_many_addresses() {
        // [NET-ADDRESS-CAP]
        let many: Vec<_> =
            (0..1000u16).map(|n| Multiaddr::from(std::net::Ipv4Addr::new(8, 8, 8, 8)).with(Protocol::Tcp(n))).collect();
        assert_eq!(plausible(&many, &PeerId::random(), None).len(), PER_PEER);
    }

    #[test]
    fn the_peer_at_the_end_comes_and_goes() {
        let peer = PeerId::random();
        let address = addresses(&["/ip4/8.8.8.8/tcp/1"]).remove(0);
        assert_eq!(full(&full(&address, &peer), &peer), full(&address, &peer));
        assert_eq!(split(&full(&address, &peer)), Some((peer, address.clone())));
        assert_eq!(split(&address), None);
    }

    #[tokio::test]
    async fn names_become_ip_addresses() {
        let found = resolve(addresses(&["/dns4/localhost/tcp/7", "/ip4/8.8.8.8/tcp/1"])).await;
        assert_eq!(found, addresses(&["/ip4/127.0.0.1/tcp/7", "/ip4/8.8.8.8/tcp/1"]));
    }
}
