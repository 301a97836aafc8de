//! Nodes of one attacker around the place where a card is stored.

use covey_overlay::{Clock, record};
use libp2p::{
    PeerId,
    identity::Keypair,
    kad::{KBucketKey, RecordKey},
    swarm::dial_opts::DialOpts,
};
use rand::{SeedableRng, rngs::StdRng};

use super::{
    harness::{Node, config, eventually},
    mallory::Mallory,
};

/// Honest nodes. With as few as these the way to a key is short; with more the attacker's nodes are nearer still.
const HONEST: u8 = 24;
/// More than hold a record.
const SYBILS: usize = 24;
/// Noon of a day: one record is published.
const NOON: u64 = 20_000 * 86_400_000 + 43_200_000;

async fn node(seed: u8, hub: Option<&Node>) -> Node {
    let mut config = config(seed);
    config.clock = Clock::new(|| NOON);
    if let Some(hub) = hub {
        config.bootstrap = vec![hub.full_address().await];
    }
    Node::start(config).await
}

/// Keys of peers nearer to `place` than any of the first nodes.
fn beside(place: &RecordKey) -> Vec<[u8; 32]> {
    let place = KBucketKey::new(place.clone());
    let distance = |peer: PeerId| KBucketKey::from(peer).distance(&place);
    let peer = |key: [u8; 32]| Keypair::ed25519_from_bytes(&mut key.clone()).unwrap().public().to_peer_id();
    let key = |n: u32| {
        let mut key = [0xaa; 32];
        key[..4].copy_from_slice(&n.to_be_bytes());
        key
    };
    let mut all: Vec<[u8; 32]> = (0..4_000).map(key).collect();
    all.sort_by_cached_key(|key| distance(peer(*key)));
    all.truncate(SYBILS);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_found_although_all_nodes_around_one_of_its_places_are_an_attackers() {
    // [NET-RECORD-PLACES]
    let secret = [42; 32];
    let account = ed25519_dalek::SigningKey::from_bytes(&secret).verifying_key().to_bytes();
    let records = record::seal_current(&secret, 1, b"card", NOON, &mut StdRng::seed_from_u64(1)).unwrap();
    assert_eq!(records.len(), 1);
    let hub = node(1, None).await;
    let (peer, address) = (hub.peer(), hub.address().await);
    let mut sybils = Vec::new();
    for key in beside(&RecordKey::from(records[0].key.to_vec())) {
        let join = |swarm: &mut libp2p::Swarm<super::mallory::Tools>| {
            swarm.behaviour_mut().kad.add_address(&peer, address.clone());
            swarm.dial(DialOpts::peer_id(peer).addresses(vec![address.clone()]).build()).unwrap();
        };
        sybils.push(Mallory::with_key(key, join).await);
    }
    let mut honest = Vec::new();
    for seed in 2..HONEST {
        honest.push(node(seed, Some(&hub)).await);
    }
    let alice = node(200, Some(&hub)).await;
    eventually("alice knows the attacker's nodes", || async { alice.status().await.routing_table >= SYBILS }).await;
    eventually("published", || async { alice.handle.publish(records.clone()).await.is_ok() }).await;
    // What she has herself does not count.
    alice.handle.shutdown().await;
    let bob = node(201, Some(&hub)).await;
    eventually("bob finds the card", || async {
        bob.handle.lookup(account).await.is_ok_and(|found| found.payload == b"card")
    })
    .await;
}
