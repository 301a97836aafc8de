//! Binding the listen addresses before anything else happens.

use std::{collections::HashSet, io, net::SocketAddr, time::Duration};

use futures::StreamExt as _;
use libp2p::{Multiaddr, TransportError, multiaddr::Protocol, swarm::SwarmEvent};
use socket2::{Domain, Socket, Type};
use tokio::time::{Instant, timeout_at};

use crate::{
    SpawnError,
    swarm::{BehavioursEvent, CoveySwarm},
};

/// The system reports interfaces at once; without any interface up there is nothing to report.
const REPORT: Duration = Duration::from_secs(5);

/// Listens on every address; returns what else happened meanwhile.
pub(crate) async fn bind(
    swarm: &mut CoveySwarm,
    addresses: &[Multiaddr],
) -> Result<Vec<SwarmEvent<BehavioursEvent>>, SpawnError> {
    for address in addresses {
        is_free(address)?;
    }
    let mut waiting = HashSet::new();
    for address in addresses {
        match listen(swarm, address) {
            Ok(listener) => drop(waiting.insert(listener)),
            Err(error) if is_optional(address, addresses) => {
                tracing::info!(%error, "this machine has no IPv6: listening by IPv4 only");
            }
            Err(error) => return Err(error),
        }
    }
    let (mut other, until) = (Vec::new(), Instant::now() + REPORT);
    while !waiting.is_empty() {
        let Ok(event) = timeout_at(until, swarm.select_next_some()).await else { break };
        match &event {
            SwarmEvent::NewListenAddr { listener_id, .. } => {
                waiting.remove(listener_id);
            }
            SwarmEvent::ListenerClosed { listener_id, addresses, reason: Err(error) }
                if waiting.contains(listener_id) =>
            {
                let address = addresses.first().cloned().unwrap_or_else(Multiaddr::empty);
                return Err(failed(&address, error));
            }
            _ => {}
        }
        other.push(event);
    }
    Ok(other)
}

/// IPv6 on any interface, beside IPv4: where the system has no IPv6 the node does without.
fn is_optional(address: &Multiaddr, addresses: &[Multiaddr]) -> bool {
    let any_v6 = |address: &Multiaddr| matches!(address.iter().next(), Some(Protocol::Ip6(ip)) if ip.is_unspecified());
    any_v6(address)
        && has_no_ipv6()
        && addresses.iter().any(|other| matches!(other.iter().next(), Some(Protocol::Ip4(_))))
}

fn has_no_ipv6() -> bool {
    std::net::UdpSocket::bind("[::1]:0").is_err()
}

/// libp2p binds TCP with SO_REUSEPORT: the port of another node of the same user would be shared, not refused.
fn is_free(address: &Multiaddr) -> Result<(), SpawnError> {
    if let Some(socket) = tcp_socket(address)
        && !(socket.is_ipv6() && has_no_ipv6())
    {
        try_port(socket).map_err(|e| failed(address, &e))?;
    }
    Ok(())
}

/// As libp2p binds it, an IPv6 port without the IPv4 port of that number, but without sharing.
fn try_port(socket: SocketAddr) -> io::Result<()> {
    let trial = Socket::new(Domain::for_address(socket), Type::STREAM, None)?;
    if socket.is_ipv6() {
        trial.set_only_v6(true)?;
    }
    // Connections of an earlier process may linger.
    trial.set_reuse_address(true)?;
    trial.bind(&socket.into())?;
    trial.listen(1)
}

fn listen(swarm: &mut CoveySwarm, address: &Multiaddr) -> Result<libp2p::core::transport::ListenerId, SpawnError> {
    swarm.listen_on(address.clone()).map_err(|e| match e {
        TransportError::Other(e) => failed(address, &e),
        TransportError::MultiaddrNotSupported(_) => {
            SpawnError::Listen { address: address.clone(), reason: "no transport for such an address".to_owned() }
        }
    })
}

fn tcp_socket(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) if port != 0 => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

fn failed(address: &Multiaddr, error: &io::Error) -> SpawnError {
    let address = address.clone();
    if in_use(error) {
        SpawnError::AddressInUse { address }
    } else {
        SpawnError::Listen { address, reason: error.to_string() }
    }
}

/// libp2p wraps the system's error in errors of its own.
fn in_use(error: &io::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::AddrInUse) {
            return true;
        }
        source = error.source();
    }
    error.get_ref().is_some_and(|inner| inner.to_string().to_lowercase().contains("in use"))
}
