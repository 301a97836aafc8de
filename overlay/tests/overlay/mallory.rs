//! A peer that speaks libp2p and covey's stream protocols by hand, and means harm.

use std::time::Duration;

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol, Swarm, SwarmBuilder,
    connection_limits::{self, ConnectionLimits},
    identify,
    identity::Keypair,
    kad, noise, ping,
    swarm::{
        NetworkBehaviour, SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
    },
    tcp, yamux,
};
use tokio::sync::mpsc;

use super::harness::{Node, within};
use covey_overlay::Protocol;

#[derive(NetworkBehaviour)]
pub(crate) struct Tools {
    limits: connection_limits::Behaviour,
    pub(crate) identify: identify::Behaviour,
    ping: ping::Behaviour,
    pub(crate) kad: kad::Behaviour<kad::store::MemoryStore>,
    pub(crate) streams: libp2p_stream::Behaviour,
}

pub(crate) struct Mallory {
    pub(crate) peer: PeerId,
    pub(crate) address: Multiaddr,
    control: libp2p_stream::Control,
    dials: mpsc::Sender<DialOpts>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Mallory {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Mallory {
    /// With any seed: what she is depends on whether the node allows `harness::peer_of(seed)`. Prepared by
    /// `prepare` before she runs.
    pub(crate) async fn with(seed: u8, prepare: impl FnOnce(&mut Swarm<Tools>)) -> Self {
        Self::with_key([seed; 32], prepare).await
    }

    /// With a network key of her choice.
    pub(crate) async fn with_key(key: [u8; 32], prepare: impl FnOnce(&mut Swarm<Tools>)) -> Self {
        let (mut swarm, address) =
            swarm(key, settings(kad::StoreInserts::FilterBoth), ConnectionLimits::default()).await;
        prepare(&mut swarm);
        Self::running(swarm, address)
    }

    /// What she does from now on.
    pub(crate) fn running(mut swarm: Swarm<Tools>, address: Multiaddr) -> Self {
        let (peer, control) = (*swarm.local_peer_id(), swarm.behaviour().streams.new_control());
        let (dials, mut wanted) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = swarm.select_next_some() => {}
                    Some(dial) = wanted.recv() => swarm.dial(dial).unwrap(),
                }
            }
        });
        Self { peer, address, control, dials, task }
    }

    /// Connected to `node`.
    pub(crate) async fn against(seed: u8, node: &Node) -> Self {
        let (peer, address) = (node.peer(), node.address().await);
        Self::with(seed, |swarm| {
            swarm.dial(DialOpts::peer_id(peer).addresses(vec![address]).build()).unwrap();
        })
        .await
    }

    /// Makes one more connection.
    pub(crate) async fn dial(&self, node: &Node) {
        let dial = DialOpts::peer_id(node.peer()).addresses(vec![node.address().await]);
        self.dials.send(dial.condition(PeerCondition::Always).build()).await.unwrap();
    }

    pub(crate) async fn open(&mut self, node: &Node, protocol: Protocol) -> Raw {
        let name = StreamProtocol::new(protocol.name());
        let opened = within("a stream", self.control.open_stream(node.peer(), name)).await;
        Raw(opened.expect("every protocol is offered to everybody"))
    }

    /// What others open to her.
    pub(crate) fn accept(&mut self, protocol: Protocol) -> Incoming {
        Incoming(self.control.accept(StreamProtocol::new(protocol.name())).unwrap())
    }

    /// As [`Self::open`], when the connection may be closed on her.
    pub(crate) async fn try_open(&mut self, node: &Node, protocol: Protocol) -> Option<Raw> {
        self.try_open_to(node.peer(), protocol).await
    }

    pub(crate) async fn try_open_to(&mut self, peer: PeerId, protocol: Protocol) -> Option<Raw> {
        let name = StreamProtocol::new(protocol.name());
        within("a stream", self.control.open_stream(peer, name)).await.ok().map(Raw)
    }
}

/// Settings of the DHT. With [`kad::StoreInserts::FilterBoth`] what others want to have stored is ignored.
fn settings(inserts: kad::StoreInserts) -> kad::Config {
    let mut settings = kad::Config::new(StreamProtocol::new("/covey/kad/1"));
    settings.set_replication_interval(None).set_publication_interval(None).set_record_filtering(inserts);
    settings
}

/// A node that answers and does nothing by itself, and where it listens. One that does not store what it is given is the
/// attacker's.
pub(crate) async fn bystander(key: [u8; 32], stores: bool) -> (Swarm<Tools>, Multiaddr) {
    let inserts = if stores { kad::StoreInserts::Unfiltered } else { kad::StoreInserts::FilterBoth };
    let mut settings = settings(inserts);
    // libp2p looks around by itself when a table is filled: it gives up at once.
    settings.set_periodic_bootstrap_interval(None).set_query_timeout(Duration::from_millis(1));
    swarm(key, settings, ConnectionLimits::default().with_max_pending_outgoing(Some(0))).await
}

/// A node of libp2p alone, and where it listens.
async fn swarm(mut key: [u8; 32], settings: kad::Config, limits: ConnectionLimits) -> (Swarm<Tools>, Multiaddr) {
    let key = Keypair::ed25519_from_bytes(&mut key).unwrap();
    let mut swarm = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|key| {
            let peer = key.public().to_peer_id();
            let mut kad = kad::Behaviour::with_config(peer, kad::store::MemoryStore::new(peer), settings);
            kad.set_mode(Some(kad::Mode::Server));
            let identify = identify::Behaviour::new(identify::Config::new("covey/1".to_owned(), key.public()));
            let (limits, ping) = (connection_limits::Behaviour::new(limits), ping::Behaviour::default());
            Tools { limits, identify, ping, kad, streams: libp2p_stream::Behaviour::new() }
        })
        .unwrap()
        .with_swarm_config(|c| c.with_idle_connection_timeout(Duration::from_secs(60)))
        .build();
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
    let address = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            break address;
        }
    };
    (swarm, address)
}

pub(crate) struct Incoming(libp2p_stream::IncomingStreams);

impl Incoming {
    pub(crate) async fn stream(&mut self) -> Raw {
        Raw(within("a stream", self.0.next()).await.unwrap().1)
    }
}

pub(crate) struct Raw(pub(crate) Stream);

impl Raw {
    /// The verdict; `None` when the stream was reset.
    pub(crate) async fn verdict(&mut self) -> Option<u8> {
        let mut verdict = [9];
        within("a verdict", self.0.read_exact(&mut verdict)).await.ok().map(|()| verdict[0])
    }

    pub(crate) async fn read(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        within("bytes", self.0.read_exact(&mut bytes)).await.unwrap();
        bytes
    }

    /// Everything the node ever says on this stream.
    pub(crate) async fn all(mut self) -> Vec<u8> {
        let mut all = Vec::new();
        let _ = within("the end of the stream", self.0.read_to_end(&mut all)).await;
        all
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok() && self.0.flush().await.is_ok()
    }

    pub(crate) async fn frame(&mut self, frame: &[u8]) -> bool {
        self.write(&framed(frame)).await
    }
}

pub(crate) fn framed(frame: &[u8]) -> Vec<u8> {
    [&u32::try_from(frame.len()).unwrap().to_be_bytes(), frame].concat()
}
