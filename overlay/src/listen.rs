//! Binding the listen addresses before anything else happens.

use std::{
    collections::HashSet,
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use futures::StreamExt as _;
use libp2p::{Multiaddr, TransportError, multiaddr::Protocol, swarm::SwarmEvent};
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
    // All of them before any is bound for good: such a trial of an IPv6 port takes the IPv4 port of that number too.
    for address in addresses {
        is_free(address)?;
    }
    let mut waiting = HashSet::new();
    for address in addresses {
        waiting.insert(listen(swarm, address)?);
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

/// libp2p binds TCP with SO_REUSEPORT: the port of another node of the same user would be shared, not refused.
fn is_free(address: &Multiaddr) -> Result<(), SpawnError> {
    if let Some(socket) = tcp_socket(address) {
        TcpListener::bind(socket).map_err(|e| failed(address, &e))?;
    }
    Ok(())
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
