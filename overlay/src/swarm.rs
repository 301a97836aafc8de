//! The libp2p swarm: transports and behaviours.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    sync::Arc,
    time::Duration,
};

use libp2p::{
    Swarm, SwarmBuilder, autonat, connection_limits, dcutr, identify, identity, kad, mdns, memory_connection_limits,
    noise, ping, relay,
    swarm::{NetworkBehaviour, behaviour::toggle::Toggle},
    tcp, yamux,
};

use crate::{
    Config, SpawnError, candidates::Candidates, cards::Cards, exchange, gateway::Gateway, guard::Guard, heartbeat,
    pulse, record, scoped::Scoped, shared::Shared, streams,
};

/// What Identify tells of this software: nothing but that it is covey.
const AGENT: &str = "covey/1";
/// Connections to one peer: both sides may dial, over two transports, and hole punching needs some more.
const PER_PEER: u32 = 8;
/// A dial, from the first packet to the end of the handshake. Shorter than the 10 s that AutoNAT gives a request, so that
/// a router which drops what it did not ask for becomes a verdict and not a time-out.
const DIAL: Duration = Duration::from_secs(7);
/// Connections without streams end after this; those to allowed peers stay.
const IDLE: Duration = Duration::from_secs(60);
/// libp2p's own clock for pings is not used.
const SELDOM: Duration = Duration::from_secs(30 * 86_400);
/// QUIC sends something so often, for routers that forget idle UDP connections after 30 s.
const QUIC_KEEP_ALIVE: Duration = Duration::from_secs(20);
/// QUIC gives up by itself after this, in milliseconds; [`pulse`] is faster where it matters.
const QUIC_IDLE: u32 = 90_000;
/// Streams of one connection that may be in negotiation. `[NET-STREAM-LIMIT]`
const NEGOTIATING: usize = 32;
/// One Kademlia query, all its hops included.
const QUERY_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(NetworkBehaviour)]
pub(crate) struct Behaviours {
    limits: connection_limits::Behaviour,
    memory: memory_connection_limits::Behaviour,
    guard: Guard,
    pub(crate) identify: identify::Behaviour,
    pub(crate) ping: ping::Behaviour,
    pub(crate) heartbeat: heartbeat::Behaviour,
    pub(crate) kad: Scoped<kad::Behaviour<Cards>>,
    pub(crate) mdns: Toggle<mdns::tokio::Behaviour>,
    pub(crate) upnp: Toggle<Gateway>,
    pub(crate) autonat_client: Candidates<autonat::v2::client::Behaviour>,
    autonat_server: autonat::v2::server::Behaviour,
    relay_client: relay::client::Behaviour,
    relay_server: Toggle<relay::Behaviour>,
    pub(crate) dcutr: Candidates<dcutr::Behaviour>,
    pub(crate) streams: streams::Behaviour,
    pub(crate) exchange: exchange::Behaviour,
}

pub(crate) type CoveySwarm = Swarm<Behaviours>;

pub(crate) fn build(config: &Config, shared: &Arc<Shared>) -> Result<CoveySwarm, SpawnError> {
    let prologue = config.realm().prologue();
    let noise = |prologue: Vec<u8>| {
        move |key: &identity::Keypair| noise::Config::new(key).map(|config| config.with_prologue(prologue))
    };
    let setup = |what| move |reason: &dyn std::fmt::Display| SpawnError::Setup { what, reason: reason.to_string() };
    let swarm = SwarmBuilder::with_existing_identity(config.keypair())
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise(prologue.clone()), yamux::Config::default)
        .map_err(|e| setup("TCP")(&e))?
        .with_quic_config(|mut quic| {
            (quic.keep_alive_interval, quic.max_idle_timeout) = (QUIC_KEEP_ALIVE, QUIC_IDLE);
            quic
        })
        .with_relay_client(noise(prologue), yamux::Config::default)
        .map_err(|e| setup("the relay client")(&e))?
        .with_behaviour(|key, relay_client| behaviours(key, relay_client, config, shared))
        .map_err(|e| setup("discovery on the local network")(&e))?
        .with_swarm_config(|c| c.with_idle_connection_timeout(IDLE).with_max_negotiating_inbound_streams(NEGOTIATING))
        .with_connection_timeout(DIAL)
        .build();
    Ok(swarm)
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn behaviours(
    key: &identity::Keypair,
    relay_client: relay::client::Behaviour,
    config: &Config,
    shared: &Arc<Shared>,
) -> Result<Behaviours, Failure> {
    let local = key.public().to_peer_id();
    // Not of pending connections: those limits would not tell strangers from contacts. The guard bounds them.
    let limits = connection_limits::ConnectionLimits::default().with_max_established_per_peer(Some(PER_PEER));
    let mdns = config.mdns.then(|| mdns::tokio::Behaviour::new(mdns::Config::default(), local)).transpose()?;
    Ok(Behaviours {
        limits: connection_limits::Behaviour::new(limits),
        memory: memory_connection_limits::Behaviour::with_max_bytes(config.limits.memory),
        guard: Guard::new(shared.clone(), config.limits.clone()),
        identify: identify::Behaviour::new(
            identify::Config::new(AGENT.to_owned(), key.public())
                .with_agent_version(AGENT.to_owned())
                // What peers claim is judged before it is dialled: [NET-ADDRESS-SCOPE].
                .with_cache_size(0)
                .with_push_listen_addr_updates(true),
        ),
        // Answers others, and asks once; from then on it is asked when there is a reason to.
        ping: ping::Behaviour::new(ping::Config::new().with_interval(SELDOM).with_timeout(pulse::PING_TIMEOUT)),
        heartbeat: heartbeat::Behaviour::default(),
        kad: Scoped::new(kademlia(local, config), shared.clone()),
        mdns: mdns.into(),
        upnp: config.upnp.then(Gateway::new).into(),
        autonat_client: Candidates::of_own_ports(prober()),
        autonat_server: autonat::v2::server::Behaviour::new(rand::make_rng()),
        relay_client,
        relay_server: config.relay_server.then(|| relay::Behaviour::new(local, relay_limits(config))).into(),
        dcutr: Candidates::new(dcutr::Behaviour::new(local)),
        streams: streams::Behaviour::new(shared.clone()),
        exchange: exchange::behaviour(),
    })
}

/// Asks others whether they can reach this node at the addresses at which they see it.
pub(crate) fn prober() -> autonat::v2::client::Behaviour {
    autonat::v2::client::Behaviour::new(rand::make_rng(), autonat::v2::client::Config::default())
}

fn kademlia(local: libp2p::PeerId, config: &Config) -> kad::Behaviour<Cards> {
    let mut settings = kad::Config::new(config.realm().kademlia());
    settings
        .set_query_timeout(QUERY_TIMEOUT)
        .disjoint_query_paths(true)
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_record_ttl(Some(Duration::from_millis(record::LIFETIME)))
        // The node publishes anew by itself: a record must be signed again before it expires.
        .set_publication_interval(None)
        .set_provider_publication_interval(None)
        // The worker looks around by itself: [NET-DHT-LOOK].
        .set_periodic_bootstrap_interval(None)
        .set_caching(kad::Caching::Disabled)
        // A record, its key and what protobuf adds to them; a list of 20 peers with 16 addresses each.
        .set_max_packet_size(32 << 10);
    let store = Cards::new(local, &config.limits, config.clock.clone());
    let mut kad = kad::Behaviour::with_config(local, store, settings);
    // Unless it turns out that nobody can reach this node.
    kad.set_mode(Some(if config.answers { kad::Mode::Server } else { kad::Mode::Client }));
    kad
}

/// libp2p's own limits (16 circuits of 2 min and 128 KiB) are meant for hole punching only.
fn relay_limits(config: &Config) -> relay::Config {
    let limits = &config.limits;
    let per_minute = NonZeroU32::new(30).expect("30 is not zero");
    let minute = Duration::from_secs(60);
    relay::Config {
        max_reservations: limits.relay_circuits * 4,
        max_circuits: limits.relay_circuits,
        max_circuits_per_peer: (limits.relay_circuits / 16).max(4),
        max_circuit_bytes: limits.relay_circuit_bytes,
        max_circuit_duration: limits.relay_circuit_duration,
        // libp2p's own count per address; hundreds of users may share one. Connections are bounded before.
        reservation_rate_limiters: Vec::new(),
        circuit_src_rate_limiters: Vec::new(),
        ..relay::Config::default()
    }
    .reservation_rate_per_peer(per_minute, minute)
    .circuit_src_per_peer(per_minute, minute)
}

/// How many nodes hold a record in a large network.
pub(crate) const REPLICATION: NonZeroUsize = kad::K_VALUE;
