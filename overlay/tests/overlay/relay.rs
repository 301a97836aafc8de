//! Reaching a node through another.

use covey_overlay::{Event, Multiaddr, Protocol, RelayUse};

use super::harness::{Node, config, eventually};

#[tokio::test]
async fn a_node_behind_a_relay_is_reached_through_it() {
    let mut relay = config(1);
    relay.relay_server = true;
    let relay = Node::start(relay).await;
    let mut hidden = config(2);
    hidden.bootstrap = vec![relay.full_address().await];
    hidden.relay_use = RelayUse::Always;
    let mut hidden = Node::start(hidden).await;
    let circuit = hidden
        .until("a place on the relay", |e| match e {
            Event::Addresses(all) => all.into_iter().find(|a: &Multiaddr| a.to_string().contains("p2p-circuit")),
            _ => None,
        })
        .await;
    assert_eq!(hidden.status().await.reservations, [relay.peer()]);

    let mut bob = Node::new(3).await;
    bob.handle.dial(hidden.peer(), vec![circuit]).await.unwrap();
    bob.send(hidden.peer(), Protocol::Pair, "through the relay");
    assert_eq!(hidden.frame().await.2.as_ref(), b"through the relay");
    // Relayed, unless hidden heard of bob from the relay and was faster to connect to him.
    bob.connected(hidden.peer()).await;
    eventually("a direct connection replaces it", || async {
        let status = bob.status().await;
        status.relayed == 0 && status.peers > 0
    })
    .await;
    // Without the relay they still talk.
    relay.handle.shutdown().await;
    bob.send(hidden.peer(), Protocol::Pair, "directly");
    assert_eq!(hidden.frame().await.2.as_ref(), b"directly");
}
