//! Addresses that others name, followed as far as the socket.

use covey_overlay::{DialError, Multiaddr};
use libp2p::swarm::dial_opts::DialOpts;
use tokio::net::TcpListener;

use super::{
    harness::{Node, config, eventually, peer_of},
    mallory::Mallory,
};

/// A node that has an address beyond loopback, or `None` on a machine without one.
async fn beyond_loopback(seed: u8) -> Option<Node> {
    let mut config = config(seed);
    config.listen = vec!["/ip4/0.0.0.0/tcp/0".parse().unwrap()];
    let node = Node::start(config).await;
    let local = |address: &Multiaddr| address.to_string().starts_with("/ip4/127.");
    (!node.status().await.listen.iter().all(local)).then_some(node)
}

/// A service of this machine that is no node.
struct Service(TcpListener);

impl Service {
    async fn start() -> (Self, Multiaddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("/ip4/127.0.0.1/tcp/{}", listener.local_addr().unwrap().port());
        (Self(listener), address.parse().unwrap())
    }

    async fn was_dialed(&self) -> bool {
        tokio::select! {
            biased;
            _ = self.0.accept() => true,
            () = std::future::ready(()) => false,
        }
    }
}

#[tokio::test]
async fn a_service_of_this_machine_that_a_card_names_is_not_dialed() {
    // [NET-DIAL-SCOPE]
    let Some(alice) = beyond_loopback(1).await else { return };
    let (service, named) = Service::start().await;
    let error = alice.handle.dial(peer_of(9), vec![named.clone()]).await.unwrap_err();
    assert!(matches!(error, DialError::Unreachable(_)), "{error}");
    alice.handle.allow(peer_of(8), vec![named]).await.unwrap();
    alice.handle.dial(peer_of(8), Vec::new()).await.unwrap_err();
    assert!(!service.was_dialed().await);
}

#[tokio::test]
async fn a_service_of_this_machine_that_kademlia_names_is_not_dialed() {
    // [NET-DIAL-SCOPE]
    let Some(alice) = beyond_loopback(1).await else { return };
    let (service, named) = Service::start().await;
    let (peer, address) = (alice.peer(), alice.address().await);
    // Mallory tells whoever asks that the victim is there.
    let _mallory = Mallory::with(11, |swarm| {
        swarm.behaviour_mut().kad.add_address(&peer_of(9), named);
        swarm.dial(DialOpts::peer_id(peer).addresses(vec![address]).build()).unwrap();
    })
    .await;
    eventually("mallory is in the routing table", || async { alice.status().await.routing_table > 0 }).await;
    let account = ed25519_dalek::SigningKey::from_bytes(&[3; 32]).verifying_key().to_bytes();
    alice.handle.lookup(account).await.unwrap_err();
    alice.handle.dial(peer_of(9), Vec::new()).await.unwrap_err();
    assert!(!service.was_dialed().await);
}
