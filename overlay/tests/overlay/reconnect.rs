//! Staying in touch.

use std::net::TcpListener;

use covey_overlay::Protocol;

use super::harness::{Node, config, eventually, friends};

#[tokio::test]
async fn a_friend_that_restarts_is_reached_again() {
    let (mut alice, bob) = friends().await;
    let mut again = config(2);
    again.listen = vec![bob.address().await];
    let peer = bob.peer();
    bob.handle.shutdown().await;
    drop(bob);
    alice.disconnected(peer).await;
    let mut bob = Node::start(again).await;
    // Bob remembers nothing but that alice is allowed: it is she who dials.
    bob.handle.allow(alice.peer(), Vec::new()).await.unwrap();
    alice.connected(peer).await;
    alice.opened(peer, Protocol::Sync).await;
    alice.send(peer, Protocol::Sync, "welcome back");
    assert_eq!(bob.frame().await.2.as_ref(), b"welcome back");
}

#[tokio::test]
async fn a_friend_that_moved_is_found_through_the_overlay() {
    let hub = Node::new(1).await;
    let (mut alice, bob) = (Node::joining(2, &hub).await, Node::joining(3, &hub).await);
    alice.allow(&bob).await;
    alice.connected(bob.peer()).await;
    let peer = bob.peer();
    bob.handle.shutdown().await;
    drop(bob);
    alice.disconnected(peer).await;
    let bob = Node::joining(3, &hub).await;
    alice.connected(bob.peer()).await;
}

#[tokio::test]
async fn both_may_dial_at_once() {
    let (alice, bob) = friends().await;
    let (mut alice, mut bob) = (alice, bob);
    for n in 0..100u32 {
        alice.send(bob.peer(), Protocol::Sync, n.to_be_bytes().to_vec());
        bob.send(alice.peer(), Protocol::Sync, n.to_be_bytes().to_vec());
    }
    for n in 0..100u32 {
        assert_eq!(bob.frame().await.2.as_ref(), n.to_be_bytes());
        assert_eq!(alice.frame().await.2.as_ref(), n.to_be_bytes());
    }
}

#[tokio::test]
async fn a_bootstrap_node_is_reached_by_whichever_of_its_addresses_works() {
    let hub = Node::new(1).await;
    // Nobody listens here any more.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let dead = format!("/ip4/127.0.0.1/tcp/{gone}/p2p/{}", hub.peer()).parse().unwrap();
    let mut two = config(2);
    two.bootstrap = vec![dead, hub.full_address().await];
    let alice = Node::start(two).await;
    eventually("joined", || async { alice.status().await.routing_table > 0 }).await;
}
