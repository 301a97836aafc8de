//! Nodes of one attacker around the place where a card is stored.

use covey_overlay::{Clock, record};
use libp2p::{
    Multiaddr, PeerId,
    identity::Keypair,
    kad::{KBucketKey, RecordKey},
    swarm::dial_opts::DialOpts,
};
use rand::{SeedableRng, rngs::StdRng};

use super::{
    harness::{Node, config, eventually},
    mallory::{self, Mallory},
};

/// Honest nodes. With as few as these the way to a key is short; with more the attacker's nodes are nearer still.
const HONEST: u8 = 24;
/// More than hold a record.
const SYBILS: usize = 24;
/// Noon of a day: one record is published.
const NOON: u64 = 20_000 * 86_400_000 + 43_200_000;

async fn node(seed: u8, hub: Option<Multiaddr>) -> Node {
    let mut config = config(seed);
    config.clock = Clock::new(|| NOON);
    config.bootstrap.extend(hub);
    Node::start(config).await
}

/// The key of some node, by kind and number.
fn key(kind: u8, number: u32) -> [u8; 32] {
    let mut key = [kind; 32];
    key[..4].copy_from_slice(&number.to_be_bytes());
    key
}

fn peer_of(key: [u8; 32]) -> PeerId {
    Keypair::ed25519_from_bytes(&mut key.clone()).unwrap().public().to_peer_id()
}

/// Of `tried` keys those `number` whose peers are nearest to `place`.
fn beside(place: &RecordKey, tried: u32, number: usize) -> Vec<[u8; 32]> {
    let place = KBucketKey::new(place.clone());
    let mut all: Vec<[u8; 32]> = (0..tried).map(|n| key(0xaa, n)).collect();
    all.sort_by_cached_key(|key| KBucketKey::from(peer_of(*key)).distance(&place));
    all.truncate(number);
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
    let (peer, address, through) = (hub.peer(), hub.address().await, hub.full_address().await);
    let mut sybils = Vec::new();
    for key in beside(&RecordKey::from(records[0].key.to_vec()), 4_000, SYBILS) {
        let join = |swarm: &mut libp2p::Swarm<mallory::Tools>| {
            swarm.behaviour_mut().kad.add_address(&peer, address.clone());
            swarm.dial(DialOpts::peer_id(peer).addresses(vec![address.clone()]).build()).unwrap();
        };
        sybils.push(Mallory::with_key(key, join).await);
    }
    let mut honest = Vec::new();
    for seed in 2..HONEST {
        honest.push(node(seed, Some(through.clone())).await);
    }
    let alice = node(200, Some(through.clone())).await;
    eventually("alice knows the attacker's nodes", || async { alice.status().await.routing_table >= SYBILS }).await;
    eventually("published", || async { alice.handle.publish(records.clone()).await.is_ok() }).await;
    // What she has herself does not count.
    alice.handle.shutdown().await;
    let bob = node(201, Some(through)).await;
    eventually("bob finds the card", || async {
        bob.handle.lookup(account).await.is_ok_and(|found| found[0].payload == b"card")
    })
    .await;
}

/// A network of the size at which the way to a key has several steps.
const MANY_HONEST: u32 = 1_000;
/// Nodes of the attacker, found among so many keys: nearer to the place than any honest one.
const MANY_SYBILS: (usize, u32) = (100, 300_000);
/// Peers in one bucket of a routing table.
const BUCKET: usize = 20;

/// Whom each peer knows: of each distance as many as a bucket holds.
fn routing_tables(peers: &[PeerId]) -> Vec<Vec<usize>> {
    let keys: Vec<KBucketKey<PeerId>> = peers.iter().map(|peer| KBucketKey::from(*peer)).collect();
    let table = |own: &KBucketKey<PeerId>| {
        let mut buckets = [0; 256];
        let others = keys.iter().enumerate().filter(|(_, other)| {
            own.distance(other).ilog2().is_some_and(|bucket| {
                let known = &mut buckets[usize::try_from(bucket).unwrap()];
                *known += 1;
                *known <= BUCKET
            })
        });
        others.map(|(n, _)| n).collect()
    };
    keys.iter().map(table).collect()
}

/// Runs nodes of libp2p that know each other as if they had been there for long: honest ones know everybody, the attacker's
/// name nobody but each other and store nothing.
async fn long_established(honest: &[[u8; 32]], sybils: &[[u8; 32]]) -> Vec<Mallory> {
    let mut swarms = Vec::new();
    for key in honest {
        swarms.push(mallory::bystander(*key, true).await);
    }
    for key in sybils {
        swarms.push(mallory::bystander(*key, false).await);
    }
    let places: Vec<(PeerId, Multiaddr)> =
        swarms.iter().map(|(swarm, at)| (*swarm.local_peer_id(), at.clone())).collect();
    let peers: Vec<PeerId> = places.iter().map(|(peer, _)| *peer).collect();
    let mut tables = routing_tables(&peers);
    for known in &mut tables[honest.len()..] {
        *known = (honest.len()..peers.len()).collect();
    }
    let runs = swarms.into_iter().zip(tables).map(|((mut swarm, address), known)| {
        for (peer, at) in known.into_iter().map(|n| &places[n]) {
            swarm.behaviour_mut().kad.add_address(peer, at.clone());
        }
        Mallory::running(swarm, address)
    });
    runs.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_found_among_a_thousand_nodes_although_a_hundred_of_an_attacker_surround_one_of_its_places() {
    // [NET-RECORD-PLACES]
    let secret = [42; 32];
    let account = ed25519_dalek::SigningKey::from_bytes(&secret).verifying_key().to_bytes();
    let records = record::seal_current(&secret, 1, b"card", NOON, &mut StdRng::seed_from_u64(1)).unwrap();
    let place = RecordKey::from(records[0].key.to_vec());
    let (number, tried) = MANY_SYBILS;
    let (honest, sybils) = ((0..MANY_HONEST).map(|n| key(0xbb, n)).collect::<Vec<_>>(), beside(&place, tried, number));
    let place = KBucketKey::new(place);
    let distance = |key: &[u8; 32]| KBucketKey::from(peer_of(*key)).distance(&place);
    assert!(sybils.iter().map(distance).max() < honest.iter().map(distance).min(), "the place is surrounded");

    let network = long_established(&honest, &sybils).await;
    let through = network[0].address.clone().with_p2p(network[0].peer).unwrap();
    let alice = node(200, Some(through.clone())).await;
    eventually("published", || async { alice.handle.publish(records.clone()).await.is_ok() }).await;
    alice.handle.shutdown().await;
    let bob = node(201, Some(through)).await;
    eventually("bob finds the card", || async {
        bob.handle.lookup(account).await.is_ok_and(|found| found[0].payload == b"card")
    })
    .await;
}
