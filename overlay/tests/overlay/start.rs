//! Starting and ending.

use std::net::{TcpListener, UdpSocket};

use covey_overlay::{Event, Gone, Protocol, SendError, SpawnError, peer_id_of, spawn};

use super::harness::{Node, config, peer_of, within};

#[tokio::test]
async fn a_port_of_another_process_is_named_in_the_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config(1);
    config.listen = vec![format!("/ip4/127.0.0.1/tcp/{}", taken.local_addr().unwrap().port()).parse().unwrap()];
    let address = config.listen[0].clone();
    let error = spawn(config).await.unwrap_err();
    assert!(matches!(&error, SpawnError::AddressInUse { address: named } if *named == address), "{error}");
    assert!(error.to_string().contains(&address.to_string()));
}

#[tokio::test]
async fn a_port_of_another_node_is_not_shared_with_it() {
    let first = Node::new(1).await;
    let mut second = config(2);
    second.listen = vec![first.address().await];
    assert!(matches!(spawn(second).await, Err(SpawnError::AddressInUse { .. })));
}

#[tokio::test]
async fn a_taken_udp_port_is_named_in_the_error() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut config = config(1);
    config.listen = vec![format!("/ip4/127.0.0.1/udp/{}/quic-v1", taken.local_addr().unwrap().port()).parse().unwrap()];
    let error = spawn(config).await.unwrap_err();
    assert!(matches!(error, SpawnError::AddressInUse { .. }), "{error}");
}

#[tokio::test]
async fn an_address_without_a_transport_and_a_nameless_bootstrap_peer_are_errors() {
    let mut unsupported = config(1);
    unsupported.listen = vec!["/ip4/127.0.0.1/tcp/0/ws".parse().unwrap()];
    assert!(matches!(spawn(unsupported).await, Err(SpawnError::Listen { .. })));
    let mut nameless = config(1);
    nameless.bootstrap = vec!["/ip4/127.0.0.1/tcp/1".parse().unwrap()];
    assert!(matches!(spawn(nameless).await, Err(SpawnError::Bootstrap { .. })));
}

#[tokio::test]
async fn the_peer_id_follows_from_the_seed() {
    let node = Node::new(7).await;
    let public = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes();
    assert_eq!((Some(node.peer()), node.peer()), (peer_id_of(&public), peer_of(7)));
    assert!(!format!("{:?}", config(7)).contains("7, 7, 7"), "the seed is not shown");
}

#[tokio::test]
async fn the_first_event_tells_the_addresses() {
    let mut node = Node::new(1).await;
    let full = node.full_address().await;
    assert_eq!(node.event().await, Event::Addresses(vec![full]));
}

#[tokio::test]
async fn after_a_shutdown_everything_is_over_and_the_port_is_free() {
    let Node { handle, mut events } = Node::new(1).await;
    let listen = handle.status().await.unwrap().listen;
    handle.shutdown().await;
    within("the end of events", async { while events.recv().await.is_some() {} }).await;
    assert_eq!(handle.status().await, Err(Gone));
    assert_eq!(handle.send(peer_of(2), Protocol::Pair, "x".into()), Err(SendError::Gone));
    handle.shutdown().await;
    let mut again = config(1);
    again.listen = listen;
    spawn(again).await.unwrap();
}

#[tokio::test]
async fn dropping_the_last_handle_ends_the_overlay() {
    let Node { handle, mut events } = Node::new(1).await;
    let clone = handle.clone();
    drop(handle);
    assert!(clone.status().await.is_ok());
    drop(clone);
    within("the end of events", async { while events.recv().await.is_some() {} }).await;
}

#[tokio::test]
async fn one_port_of_both_families_may_be_named_in_any_order() {
    if TcpListener::bind("[::1]:0").is_err() {
        return; // a machine without IPv6
    }
    for order in [["/ip4/0.0.0.0", "/ip6/::"], ["/ip6/::", "/ip4/0.0.0.0"]] {
        let port = TcpListener::bind("[::]:0").unwrap().local_addr().unwrap().port();
        let mut both = config(1);
        both.listen = order.map(|any| format!("{any}/tcp/{port}").parse().unwrap()).to_vec();
        Node::start(both).await.handle.shutdown().await;
    }
}
