//! Whether the network lets this node out to any port, or to that of the web only. `[NET-NAT-OUTWARD]`
//!
//! Behind a router of the second kind no hole can be punched, however well it keeps ports: the other side is at a port to which
//! nothing gets out. Joining does not tell, for of all addresses of a bootstrap peer the first that answers is taken. So a
//! node that nobody reaches dials the other ones too, once.

use std::collections::HashSet;

use libp2p::{
    Multiaddr,
    multiaddr::Protocol,
    swarm::{
        ConnectionId,
        dial_opts::{DialOpts, PeerCondition},
    },
};

use super::{Worker, nat::is_global};
use crate::streams::ip_of;

/// The port that is let out where hardly anything is.
const WEB: u16 = 443;
/// Bootstrap peers that are tried: one may be wrong about its ports.
const TRIED: usize = 4;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outward {
    /// Somebody answered at another port.
    any_port: bool,
    trying: HashSet<ConnectionId>,
    /// Nobody did.
    web_only: bool,
}

impl Outward {
    pub(super) fn is_web_only(&self) -> bool {
        self.web_only
    }

    /// This node dialled somebody there, and they answered.
    pub(super) fn reached(&mut self, at: &Multiaddr) {
        if goes_elsewhere(at) {
            (self.any_port, self.web_only) = (true, false);
        }
    }

    /// A dial failed.
    pub(super) fn failed(&mut self, connection: ConnectionId) {
        if self.trying.remove(&connection) && self.trying.is_empty() {
            self.web_only = !self.any_port;
        }
    }
}

/// A place on the internet at another port than the web's.
fn goes_elsewhere(at: &Multiaddr) -> bool {
    let port = at.iter().find_map(|part| match part {
        Protocol::Tcp(port) | Protocol::Udp(port) => Some(port),
        _ => None,
    });
    is_global(at) && ip_of(at).is_some() && port.is_some_and(|port| port != WEB)
}

impl Worker {
    /// Dials bootstrap peers at other ports, if nobody answered at one yet.
    pub(super) fn try_other_ports(&mut self) {
        if self.reachability.outward.any_port || !self.reachability.outward.trying.is_empty() {
            return;
        }
        let elsewhere = self.discovery.seeds().filter_map(|seed| {
            let addresses: Vec<Multiaddr> = seed.addresses().iter().filter(|at| goes_elsewhere(at)).cloned().collect();
            (!addresses.is_empty()).then_some((seed.peer, addresses))
        });
        let dials: Vec<DialOpts> = elsewhere
            .take(TRIED)
            .map(|(peer, addresses)| {
                DialOpts::peer_id(peer).addresses(addresses).condition(PeerCondition::Always).build()
            })
            .collect();
        for dial in dials {
            let connection = dial.connection_id();
            if self.swarm.dial(dial).is_ok() {
                self.reachability.outward.trying.insert(connection);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> Multiaddr {
        format!("/ip4/45.1.0.2/tcp/{port}").parse().expect("an address")
    }

    #[test]
    fn where_nothing_but_port_443_answers_the_network_lets_out_nothing_else() {
        // [NET-NAT-OUTWARD]
        let mut outward = Outward::default();
        let tries: Vec<ConnectionId> = (0..2).map(ConnectionId::new_unchecked).collect();
        outward.trying.extend(tries.iter().copied());
        outward.reached(&at(443));
        outward.failed(ConnectionId::new_unchecked(9));
        outward.failed(tries[0]);
        assert!(!outward.is_web_only(), "one attempt is under way");
        outward.failed(tries[1]);
        assert!(outward.is_web_only());
        outward.reached(&at(7421));
        assert!(!outward.is_web_only());
    }

    #[test]
    fn one_answer_at_another_port_of_the_internet_is_enough() {
        // [NET-NAT-OUTWARD]
        let mut outward = Outward::default();
        outward.trying.insert(ConnectionId::new_unchecked(0));
        outward.reached(&"/ip4/192.168.1.2/tcp/7421".parse().expect("an address"));
        assert!(!outward.any_port, "a neighbour says nothing about the internet");
        outward.reached(&"/ip4/45.1.0.2/udp/7421/quic-v1".parse().expect("an address"));
        outward.failed(ConnectionId::new_unchecked(0));
        assert!(!outward.is_web_only());
    }
}
