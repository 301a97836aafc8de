//! Coming back without bootstrap peers, seed lists that travel, private networks.

use covey_overlay::{
    Config, DialError, PeerId,
    seeds::{MAX_LIFE, SeedList, public_key},
};
use zeroize::Zeroizing;

use super::harness::{Node, config, eventually, peer_of};

/// Ports that stay the same after a restart, as those of a node do.
async fn again(seed: u8, node: Node) -> Config {
    let status = node.status().await;
    let mut config = config(seed);
    config.listen = status.listen;
    config.book = status.book;
    node.handle.shutdown().await;
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_nodes_meet_again_when_all_seeds_are_dead() {
    // [NET-BOOK]
    let hub = Node::new(1).await;
    let mut nodes = Vec::new();
    for seed in 2..22 {
        nodes.push(Node::joining(seed, &hub).await);
    }
    // Each looks for somebody, and so meets others than the hub, as a node with contacts does.
    for (n, node) in nodes.iter().enumerate() {
        let other = &nodes[(n + 3) % nodes.len()];
        eventually("one finds another", || async { node.handle.dial(other.peer(), Vec::new()).await.is_ok() }).await;
        // Whoever of the two dialled the other has it in its book.
        eventually("one is in a book", || async { has_in_book(node, other).await || has_in_book(other, node).await })
            .await;
    }
    hub.handle.shutdown().await;
    let mut configs = Vec::new();
    for (seed, node) in (2..).zip(nodes) {
        configs.push(again(seed, node).await);
    }
    let mut back = Vec::new();
    for config in configs {
        back.push(Node::start(config).await);
    }
    for (n, node) in back.iter().enumerate() {
        // By the DHT alone, without an address.
        let other = back[(n + 7) % back.len()].peer();
        eventually("one finds another", || async { node.handle.dial(other, Vec::new()).await.is_ok() }).await;
    }
}

async fn has_in_book(node: &Node, other: &Node) -> bool {
    let end = format!("/p2p/{}", other.peer());
    node.status().await.book.iter().any(|address| address.to_string().ends_with(&end))
}

#[tokio::test]
async fn a_newer_seed_list_is_passed_on_and_an_older_or_forged_one_is_not() {
    // [NET-SEEDS-PASS]
    let (secret, now) = ([7; 32], Config::new([1; 32]).clock.now());
    let list = |sequence, secret: [u8; 32]| {
        let addresses = vec![format!("/ip4/45.1.0.2/tcp/7421/p2p/{}", PeerId::random()).parse().unwrap()];
        SeedList { sequence, issued: now, expires: now + MAX_LIFE, addresses }.sign(&secret).unwrap()
    };
    let with = |seed, list: &[u8], key: [u8; 32]| {
        let mut config = config(seed);
        (config.seeds_key, config.seeds) = (Some(public_key(&key)), Some(list.to_vec()));
        config
    };
    let (old, new, forged) = (list(1, secret), list(2, secret), list(3, [8; 32]));
    let alice = Node::start(with(1, &new, secret)).await;
    let mut bob = with(2, &old, secret);
    bob.bootstrap = vec![alice.full_address().await];
    let bob = Node::start(bob).await;
    eventually("the newer list arrives", || async { bob.status().await.seeds.as_ref() == Some(&new) }).await;
    assert_eq!(bob.status().await.bootstrap.len(), 2, "its seed is a bootstrap peer, and the old one is none");
    assert_eq!(alice.status().await.seeds.as_ref(), Some(&new));

    // Mallory believes another key, and passes on what she believes.
    let mallory = Node::start(with(3, &forged, [8; 32])).await;
    let mut carol = with(4, &new, secret);
    carol.bootstrap = vec![mallory.full_address().await];
    let carol = Node::start(carol).await;
    eventually("they are connected", || async { carol.status().await.routing_table > 0 }).await;
    assert_eq!(carol.status().await.seeds.as_ref(), Some(&new));
}

#[tokio::test]
async fn a_node_without_the_key_of_a_private_network_is_not_spoken_to() {
    // [NET-PRIVATE]
    let private = |seed, key| {
        let mut config = config(seed);
        config.network_key = Some(Zeroizing::new([key; 32]));
        config
    };
    let hub = Node::start(private(1, 9)).await;
    let address = hub.address().await;
    let mut member = private(2, 9);
    member.bootstrap = vec![hub.full_address().await];
    let member = Node::start(member).await;
    eventually("the member joins", || async { member.status().await.routing_table > 0 }).await;
    for stranger in [config(3), private(4, 8)] {
        let stranger = Node::start(stranger).await;
        let error = stranger.handle.dial(peer_of(1), vec![address.clone()]).await.unwrap_err();
        assert!(matches!(error, DialError::Unreachable(_)), "{error}");
        assert_eq!((stranger.status().await.peers, hub.status().await.peers), (0, 1));
        // Nor does it speak to a node of the open network.
        let error = hub.handle.dial(stranger.peer(), vec![stranger.address().await]).await.unwrap_err();
        assert!(matches!(error, DialError::Unreachable(_)), "{error}");
    }
}
