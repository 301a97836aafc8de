//! A stranger who floods a node, for `scripts/flood.sh`:
//! `cargo run -p covey-overlay --example flood -- MULTIADDR_WITH_PEER_ID SECONDS [WORKERS]`
//!
//! Every worker is a new identity every few seconds: it connects and dials again, opens streams without end, sends
//! invites without work, frames over every limit or a byte at a time, and Kademlia records true and false. It ends by
//! itself after `SECONDS` and tells what it did.
#![allow(clippy::print_stdout)] // the counts are what it is run for

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use covey_overlay::record;
use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, identify,
    identity::Keypair,
    kad, noise,
    swarm::{NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use rand::{Rng as _, RngExt as _};
use serde::Serialize;
use serde_bytes::{ByteArray, ByteBuf};
use tokio::time::{Instant, sleep, timeout};

/// Identities at work at a time unless told.
const WORKERS: usize = 24;
/// How long one identity is at work.
const LIFE: Duration = Duration::from_secs(3);
const PROTOCOLS: [&str; 3] = ["/covey/pair/1", "/covey/sync/1", "/covey/parcel/1"];

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(NetworkBehaviour)]
struct Tools {
    identify: identify::Behaviour,
    kad: kad::Behaviour<kad::store::MemoryStore>,
    streams: libp2p_stream::Behaviour,
}

#[derive(Default)]
struct Counts {
    dials: AtomicU64,
    connections: AtomicU64,
    streams: AtomicU64,
    frames: AtomicU64,
    bytes: AtomicU64,
    records: AtomicU64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: flood MULTIADDR_WITH_PEER_ID SECONDS [WORKERS]";
    let target: Multiaddr = args.next().ok_or(usage)?.parse()?;
    let seconds: u64 = args.next().ok_or(usage)?.parse()?;
    let workers = args.next().map_or(Ok(WORKERS), |workers| workers.parse())?;
    let end = Instant::now() + Duration::from_secs(seconds);
    let counts = Arc::new(Counts::default());
    let tasks: Vec<_> = (0..workers)
        .map(|n| {
            let (target, counts) = (target.clone(), Arc::clone(&counts));
            tokio::spawn(async move {
                let mut kind = n;
                while Instant::now() < end {
                    // A refusal is what a flood gets; the next identity tries again.
                    let _ = timeout(LIFE, identity(&target, kind, &counts)).await;
                    kind += 1;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await?;
    }
    let of = |count: &AtomicU64| count.load(Relaxed);
    println!(
        "{} dials, {} connections, {} streams, {} frames, {} bytes, {} records",
        of(&counts.dials),
        of(&counts.connections),
        of(&counts.streams),
        of(&counts.frames),
        of(&counts.bytes),
        of(&counts.records),
    );
    Ok(())
}

fn swarm() -> Result<Swarm<Tools>, Failure> {
    Ok(SwarmBuilder::with_existing_identity(Keypair::generate_ed25519())
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|key| {
            let peer = key.public().to_peer_id();
            let settings = kad::Config::new(StreamProtocol::new("/covey/kad/1"));
            Tools {
                identify: identify::Behaviour::new(identify::Config::new("covey/1".to_owned(), key.public())),
                kad: kad::Behaviour::with_config(peer, kad::store::MemoryStore::new(peer), settings),
                streams: libp2p_stream::Behaviour::new(),
            }
        })?
        .with_swarm_config(|config| config.with_idle_connection_timeout(LIFE))
        .build())
}

/// One identity: connects, does its mischief, goes.
async fn identity(target: &Multiaddr, kind: usize, counts: &Arc<Counts>) -> Result<(), Failure> {
    let mut swarm = swarm()?;
    counts.dials.fetch_add(1, Relaxed);
    swarm.dial(target.clone())?;
    let peer = loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { peer_id, .. } => break peer_id,
            SwarmEvent::OutgoingConnectionError { error, .. } => {
                sleep(Duration::from_millis(20)).await;
                return Err(error.into());
            }
            _ => {}
        }
    };
    counts.connections.fetch_add(1, Relaxed);
    let control = swarm.behaviour().streams.new_control();
    let mischief = match kind % 6 {
        0 => return Ok(()),
        1 => tokio::spawn(streams(control, peer, Arc::clone(counts))),
        2 => tokio::spawn(invites(control, peer, Arc::clone(counts))),
        3 => tokio::spawn(oversized(control, peer, Arc::clone(counts))),
        4 => tokio::spawn(slow(control, peer, Arc::clone(counts))),
        _ => {
            records(&mut swarm, peer, target, counts)?;
            tokio::spawn(sleep(LIFE))
        }
    };
    loop {
        let ended = matches!(swarm.select_next_some().await, SwarmEvent::ConnectionClosed { .. });
        if ended || mischief.is_finished() {
            mischief.abort();
            return Ok(());
        }
    }
}

async fn open(control: &mut libp2p_stream::Control, peer: PeerId, protocol: &'static str) -> Option<libp2p::Stream> {
    control.open_stream(peer, StreamProtocol::new(protocol)).await.ok()
}

/// As many streams of every kind as are to be had, and none of them used.
async fn streams(mut control: libp2p_stream::Control, peer: PeerId, counts: Arc<Counts>) {
    let mut held = Vec::new();
    loop {
        for protocol in PROTOCOLS {
            let Some(stream) = open(&mut control, peer, protocol).await else { return };
            counts.streams.fetch_add(1, Relaxed);
            held.push(stream);
        }
        if held.len() > 120 {
            held.clear();
        }
    }
}

#[derive(Serialize)]
enum Frame {
    Invite(Invite),
}

#[derive(Serialize)]
struct Invite {
    from: ByteArray<32>,
    pass: Pass,
    message: ByteBuf,
}

#[derive(Serialize)]
struct Pass {
    day: u32,
    nonce: u64,
    token: Option<u8>,
}

/// Invites of accounts that do not exist, without the work that strangers have to do.
async fn invites(mut control: libp2p_stream::Control, peer: PeerId, counts: Arc<Counts>) {
    loop {
        let Some(mut stream) = open(&mut control, peer, PROTOCOLS[0]).await else { return };
        counts.streams.fetch_add(1, Relaxed);
        for _ in 0..64 {
            let invite = {
                let mut rng = rand::rng();
                let (mut from, mut message) = ([0; 32], vec![0; rng.random_range(100..60_000)]);
                rng.fill_bytes(&mut from);
                rng.fill_bytes(&mut message);
                let day = u32::try_from(now() / 86_400_000).unwrap_or(0);
                let pass = Pass { day, nonce: rng.next_u64(), token: None };
                Frame::Invite(Invite { from: ByteArray::new(from), pass, message: ByteBuf::from(message) })
            };
            let Ok(bytes) = covey_codec::encode(&(1u8, invite)) else { return };
            if !write(&mut stream, &bytes, u32::try_from(bytes.len()).unwrap_or(0), &counts).await {
                break;
            }
        }
    }
}

/// Frames that claim to be larger than any.
async fn oversized(mut control: libp2p_stream::Control, peer: PeerId, counts: Arc<Counts>) {
    let bytes = vec![0x5a; 256 * 1024];
    for claim in [u32::MAX, 64 * 1024 + 1, 1024 * 1024 + 1, 0].into_iter().cycle() {
        for protocol in PROTOCOLS {
            let Some(mut stream) = open(&mut control, peer, protocol).await else { return };
            counts.streams.fetch_add(1, Relaxed);
            write(&mut stream, &bytes, claim, &counts).await;
        }
    }
}

/// One byte at a time of a frame that never ends.
async fn slow(mut control: libp2p_stream::Control, peer: PeerId, counts: Arc<Counts>) {
    let Some(mut stream) = open(&mut control, peer, PROTOCOLS[0]).await else { return };
    counts.streams.fetch_add(1, Relaxed);
    write(&mut stream, &[0; 8], 60_000, &counts).await;
    while stream.write_all(&[0]).await.is_ok() && stream.flush().await.is_ok() {
        sleep(Duration::from_millis(100)).await;
    }
}

async fn write(stream: &mut libp2p::Stream, bytes: &[u8], length: u32, counts: &Counts) -> bool {
    let whole = [&length.to_be_bytes(), bytes].concat();
    let written = stream.write_all(&whole).await.is_ok() && stream.flush().await.is_ok();
    counts.frames.fetch_add(1, Relaxed);
    counts.bytes.fetch_add(whole.len() as u64, Relaxed);
    // Whatever it says is not read: that is its problem.
    let mut verdict = [0];
    let _ = timeout(Duration::from_millis(1), stream.read(&mut verdict)).await;
    written
}

/// Records of accounts nobody knows, and bytes that are none.
fn records(swarm: &mut Swarm<Tools>, peer: PeerId, target: &Multiaddr, counts: &Counts) -> Result<(), Failure> {
    swarm.behaviour_mut().kad.add_address(&peer, target.clone());
    let mut rng = rand::rng();
    for n in 0..400 {
        let (key, value) = if n % 2 == 0 {
            let mut seed = [0; 32];
            rng.fill_bytes(&mut seed);
            let sealed = record::seal_current(&seed, 1, &[7; 4_000], now(), &mut rng)?;
            let Some(sealed) = sealed.into_iter().next() else { continue };
            (sealed.key.to_vec(), sealed.value)
        } else {
            let (mut key, mut value) = (vec![0; 32], vec![0; 12_000]);
            rng.fill_bytes(&mut key);
            rng.fill_bytes(&mut value);
            (key, value)
        };
        let record = kad::Record::new(key, value);
        swarm.behaviour_mut().kad.put_record_to(record, std::iter::once(peer), kad::Quorum::One);
        counts.records.fetch_add(1, Relaxed);
    }
    Ok(())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}
