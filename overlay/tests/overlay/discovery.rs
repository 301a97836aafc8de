//! Finding an account by nothing but its key.

use covey_overlay::{
    Config, Event, LookupError, Protocol, PublishError,
    record::{self, Sealed},
};
use futures::{StreamExt as _, stream::FuturesUnordered};
use libp2p::kad::{Record, store::RecordStore as _};
use rand::{SeedableRng, rngs::StdRng};

use super::{
    harness::{Node, config, eventually, within},
    mallory::Mallory,
};

const SEED: [u8; 32] = [42; 32];

fn account() -> [u8; 32] {
    ed25519_dalek::SigningKey::from_bytes(&SEED).verifying_key().to_bytes()
}

fn records(sequence: u64, payload: &[u8]) -> Vec<Sealed> {
    let now = covey_overlay::Clock::system().now();
    record::seal_current(&SEED, sequence, payload, now, &mut StdRng::seed_from_u64(sequence)).unwrap()
}

#[tokio::test]
async fn two_nodes_that_know_only_a_third_find_each_other_by_account_key() {
    let hub = Node::new(1).await;
    let (mut alice, mut bob) = (Node::joining(2, &hub).await, Node::joining(3, &hub).await);
    // The payload stands for a contact card that names the device's peer id.
    let card = records(1, &alice.peer().to_bytes());
    eventually("published", || async { alice.handle.publish(card.clone()).await.is_ok() }).await;

    let found = bob.handle.lookup(account()).await.unwrap().remove(0);
    assert_eq!(found.payload, alice.peer().to_bytes());
    bob.handle.dial(alice.peer(), Vec::new()).await.unwrap();
    bob.connected(alice.peer()).await;
    bob.send(alice.peer(), Protocol::Pair, "may I?");
    let (from, protocol, frame) = alice.frame().await;
    assert_eq!((from, protocol, frame.as_ref()), (bob.peer(), Protocol::Pair, b"may I?".as_slice()));
}

#[tokio::test]
async fn a_record_published_in_solitude_is_offered_to_those_who_come() {
    let (alice, hub) = (Node::new(2).await, Node::new(1).await);
    assert_eq!(alice.handle.publish(records(1, b"card")).await, Err(PublishError::NoPeers));
    alice.handle.dial(hub.peer(), vec![hub.address().await]).await.unwrap();
    eventually("the hub stores it", || async { hub.status().await.records > 0 }).await;
    alice.handle.shutdown().await;
    let bob = Node::joining(3, &hub).await;
    assert_eq!(bob.handle.lookup(account()).await.unwrap()[0].payload, b"card");
}

#[tokio::test]
async fn a_node_that_has_just_started_waits_for_company_before_it_looks() {
    let hub = Node::new(1).await;
    let _ = hub.handle.publish(records(1, b"card")).await;
    let bob = Node::joining(3, &hub).await;
    assert_eq!(bob.handle.lookup(account()).await.unwrap()[0].payload, b"card");
}

#[tokio::test]
async fn who_only_looks_something_up_is_in_nobodys_way_afterwards() {
    // [NET-DHT-ROLE]
    let hub = Node::new(1).await;
    let alice = Node::joining(2, &hub).await;
    let card = records(1, b"card");
    eventually("published", || async { alice.handle.publish(card.clone()).await.is_ok() }).await;
    for seed in 10..13 {
        let bootstrap = vec![hub.full_address().await];
        let passing = Node::start(Config { answers: false, bootstrap, ..config(seed) }).await;
        assert_eq!(passing.handle.lookup(account()).await.unwrap()[0].payload, b"card");
        passing.handle.shutdown().await;
    }
    let bob = Node::joining(3, &hub).await;
    eventually("bob is known", || async { hub.status().await.routing_table >= 2 }).await;
    assert_eq!(hub.status().await.routing_table, 2, "alice and bob");
    assert_eq!(bob.handle.lookup(account()).await.unwrap()[0].payload, b"card");
}

#[tokio::test]
async fn unknown_accounts_and_bad_keys_are_not_found() {
    let hub = Node::new(1).await;
    let bob = Node::joining(3, &hub).await;
    assert_eq!(bob.handle.lookup(account()).await, Err(LookupError::NotFound));
    assert_eq!(bob.handle.lookup([0; 32]).await, Err(LookupError::Key));
}

#[tokio::test]
async fn the_newest_record_wins_and_older_ones_do_not_come_back() {
    // [NET-RECORD-NEWEST]
    let hub = Node::new(1).await;
    let (alice, bob) = (Node::joining(2, &hub).await, Node::joining(3, &hub).await);
    for (sequence, payload) in [(1, b"one"), (3, b"new"), (2, b"two")] {
        let records = records(sequence, payload);
        eventually("published", || async { alice.handle.publish(records.clone()).await.is_ok() }).await;
    }
    let found = bob.handle.lookup(account()).await.unwrap().remove(0);
    assert_eq!((found.sequence, found.payload.as_slice()), (3, b"new".as_slice()));
}

#[tokio::test]
async fn who_has_the_key_as_well_and_signs_the_highest_number_hides_no_other_record() {
    // [NET-RECORD-ALL]
    let hub = Node::new(1).await;
    let flood = records(1 << 50, b"thief");
    let liar = Mallory::with(11, move |swarm| {
        for record in flood {
            swarm.behaviour_mut().kad.store_mut().put(Record::new(record.key.to_vec(), record.value)).unwrap();
        }
    });
    let liar = liar.await;
    let alice = Node::joining(2, &hub).await;
    let owner = records(5, b"owner");
    eventually("published", || async { alice.handle.publish(owner.clone()).await.is_ok() }).await;
    eventually("the hub has it", || async { hub.status().await.records > 0 }).await;
    let mut config = config(3);
    config.bootstrap = vec![liar.address.clone().with_p2p(liar.peer).unwrap(), hub.full_address().await];
    let bob = Node::start(config).await;
    eventually("bob knows both", || async { bob.status().await.routing_table >= 2 }).await;
    let found = bob.handle.lookup(account()).await.unwrap();
    let found: Vec<_> = found.iter().map(|found| found.payload.as_slice()).collect();
    assert_eq!(found, [b"thief".as_slice(), b"owner"]);
}

#[tokio::test]
async fn lying_storers_cannot_put_a_stale_or_forged_record_in_place_of_the_newest() {
    // [NET-RECORD-NEWEST]
    let hub = Node::new(1).await;
    let liar = |seed: u8, lies: Vec<(Vec<u8>, Vec<u8>)>| {
        Mallory::with(seed, move |swarm| {
            for (key, value) in lies {
                swarm.behaviour_mut().kad.store_mut().put(Record::new(key, value)).unwrap();
            }
        })
    };
    let newest = records(5, b"newest");
    let stale = records(1, b"stale").into_iter().map(|r| (r.key.to_vec(), r.value));
    let forged = newest.iter().map(|r| (r.key.to_vec(), [&r.value[..r.value.len() - 1], &[0]].concat()));
    let other = record::seal_current(
        &[9; 32],
        99,
        b"other",
        covey_overlay::Clock::system().now(),
        &mut StdRng::seed_from_u64(1),
    );
    let swapped = newest.iter().zip(other.unwrap()).map(|(r, other)| (r.key.to_vec(), other.value));
    let liars = [liar(11, stale.collect()).await, liar(12, forged.collect()).await, liar(13, swapped.collect()).await];

    let mut config = config(3);
    config.bootstrap = liars.iter().map(|l| l.address.clone().with_p2p(l.peer).unwrap()).collect();
    config.bootstrap.push(hub.full_address().await);
    let bob = Node::start(config).await;
    eventually("bob knows them all", || async { bob.status().await.routing_table >= 4 }).await;
    let alice = Node::joining(2, &hub).await;
    eventually("published", || async { alice.handle.publish(newest.clone()).await.is_ok() }).await;
    eventually("the hub has it", || async { hub.status().await.records > 0 }).await;
    let found = bob.handle.lookup(account()).await.unwrap().remove(0);
    assert_eq!((found.sequence, found.payload.as_slice()), (5, b"newest".as_slice()));
}

#[tokio::test]
async fn storers_refuse_what_is_not_a_valid_record() {
    // [NET-RECORD-SIGNATURE]
    let hub = Node::new(1).await;
    let (peer, address) = (hub.peer(), hub.address().await);
    let good = records(1, b"card").remove(0);
    let mut bad = good.value.clone();
    *bad.last_mut().unwrap() ^= 1;
    let attempts = [(vec![7; 32], b"anything".to_vec()), (good.key.to_vec(), bad), (vec![8; 32], good.value.clone())];
    let _mallory = Mallory::with(11, move |swarm| {
        swarm.behaviour_mut().kad.add_address(&peer, address);
        for (key, value) in attempts {
            let record = Record::new(key, value);
            swarm.behaviour_mut().kad.put_record_to(record, [peer].into_iter(), libp2p::kad::Quorum::One);
        }
        // Last, so that the others were seen when this one is stored.
        let record = Record::new(good.key.to_vec(), good.value);
        swarm.behaviour_mut().kad.put_record_to(record, [peer].into_iter(), libp2p::kad::Quorum::One);
    })
    .await;
    eventually("the good one is stored", || async { hub.status().await.records > 0 }).await;
    assert_eq!(hub.status().await.records, 1);
}

#[tokio::test]
async fn lookups_beyond_the_limit_are_told_so_at_once() {
    // [NET-QUERY-LIMIT]
    let alice = Node::new(2).await;
    let many: FuturesUnordered<_> = (0..100).map(|_| alice.handle.lookup(account())).collect();
    // The other 64 are still looking for company.
    let first: Vec<_> = within("refusals", many.take(36).collect()).await;
    assert!(first.iter().all(|outcome| *outcome == Err(LookupError::Busy)), "{first:?}");
}

#[tokio::test]
async fn publishing_what_storers_would_refuse_is_an_error() {
    let alice = Node::new(2).await;
    let mut forged = records(1, b"card");
    forged[0].value[100] ^= 1;
    assert!(matches!(alice.handle.publish(forged).await, Err(PublishError::Invalid(_))));
}

#[tokio::test]
async fn allowed_peers_without_any_address_meet_through_a_third() {
    let hub = Node::new(1).await;
    let (mut alice, mut bob) = (Node::joining(2, &hub).await, Node::joining(3, &hub).await);
    alice.handle.allow(bob.peer(), Vec::new()).await.unwrap();
    bob.handle.allow(alice.peer(), Vec::new()).await.unwrap();
    alice.opened(bob.peer(), Protocol::Sync).await;
    bob.opened(alice.peer(), Protocol::Sync).await;
}

#[tokio::test]
async fn quic_works_as_tcp_does() {
    let mut config = config(1);
    config.listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()];
    let mut alice = Node::start(config).await;
    let mut config = super::harness::config(2);
    config.listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()];
    let bob = Node::start(config).await;
    bob.handle.dial(alice.peer(), vec![alice.address().await]).await.unwrap();
    bob.send(alice.peer(), Protocol::Pair, "over quic");
    assert_eq!(alice.frame().await.2.as_ref(), b"over quic");
}

#[tokio::test]
async fn a_bootstrap_peer_may_be_given_by_name() {
    let hub = Node::new(1).await;
    let named = hub.full_address().await.to_string().replace("/ip4/127.0.0.1/", "/dns4/localhost/");
    let mut config = config(2);
    config.bootstrap = vec![named.parse().unwrap()];
    let alice = Node::start(config).await;
    eventually("alice joined", || async { alice.status().await.routing_table == 1 }).await;
}

#[tokio::test]
async fn a_bootstrap_peer_that_starts_later_is_joined() {
    let mut hub = config(1);
    let port = {
        let l = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        l.local_addr().unwrap().port()
    };
    hub.listen = vec![format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()];
    let mut config = config(2);
    config.bootstrap = vec![hub.listen[0].clone().with_p2p(hub.peer_id()).unwrap()];
    let alice = Node::start(config).await;
    assert_eq!(alice.status().await.routing_table, 0);
    let _hub = Node::start(hub).await;
    eventually("alice joined", || async { alice.status().await.routing_table == 1 }).await;
}

#[tokio::test]
async fn a_dial_that_cannot_succeed_ends_with_a_reason() {
    let alice = Node::new(1).await;
    let nobody = super::harness::peer_of(99);
    let dial = |addresses| within("the reason", alice.handle.dial(nobody, addresses));
    assert!(dial(Vec::new()).await.is_err());
    let closed = {
        let l = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        l.local_addr().unwrap().port()
    };
    let error = dial(vec![format!("/ip4/127.0.0.1/tcp/{closed}").parse().unwrap()]).await.unwrap_err();
    assert!(error.to_string().contains(&closed.to_string()), "{error}");
}

#[tokio::test]
async fn another_node_at_the_address_is_not_taken_for_the_peer() {
    let (mut alice, bob) = (Node::new(1).await, Node::new(2).await);
    let error = alice.handle.dial(super::harness::peer_of(99), vec![bob.address().await]).await.unwrap_err();
    assert!(error.to_string().contains("another node"), "{error}");
    let own = alice.full_address().await;
    assert_eq!(alice.event().await, Event::Addresses(vec![own]));
}
