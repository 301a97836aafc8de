//! A process that speaks libp2p and opens covey's streams by hand, without having been accepted by anybody.

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, SwarmBuilder, identify, identity::Keypair, noise, swarm::NetworkBehaviour, tcp,
    yamux,
};
use tokio::time::timeout;

use super::PATIENCE;

#[derive(NetworkBehaviour)]
struct Tools {
    identify: identify::Behaviour,
    streams: libp2p_stream::Behaviour,
}

/// A stranger who is connected to a node.
pub(crate) struct Mallory {
    victim: PeerId,
    control: libp2p_stream::Control,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Mallory {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Mallory {
    /// Somebody with the network key of this seed connects to an address that ends in a peer id.
    pub(crate) fn connect(seed: u8, address: &str) -> Self {
        let address: Multiaddr = address.parse().expect("an address");
        let victim = address.iter().find_map(|part| match part {
            libp2p::multiaddr::Protocol::P2p(peer) => Some(peer),
            _ => None,
        });
        let key = Keypair::ed25519_from_bytes([seed; 32]).expect("a seed");
        let mut swarm = SwarmBuilder::with_existing_identity(key)
            .with_tokio()
            .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
            .expect("a transport")
            .with_behaviour(|key| Tools {
                identify: identify::Behaviour::new(identify::Config::new("covey/1".to_owned(), key.public())),
                streams: libp2p_stream::Behaviour::new(),
            })
            .expect("a behaviour")
            .with_swarm_config(|config| config.with_idle_connection_timeout(PATIENCE))
            .build();
        swarm.dial(address).expect("can be dialled");
        let control = swarm.behaviour().streams.new_control();
        let task = tokio::spawn(async move {
            loop {
                swarm.select_next_some().await;
            }
        });
        Self { victim: victim.expect("a peer id"), control, task }
    }

    /// Opens a stream, says something, and yields everything that ever comes back, and whether the stream ended well
    /// (it may also be reset). `None` if no stream is to be had.
    pub(crate) async fn says(&mut self, protocol: &'static str, frames: &[Vec<u8>]) -> Option<(Vec<u8>, bool)> {
        let opening = self.control.open_stream(self.victim, StreamProtocol::new(protocol));
        let mut stream = timeout(PATIENCE, opening).await.expect("a verdict").ok()?;
        for frame in frames {
            let length = u32::try_from(frame.len()).expect("a short frame").to_be_bytes();
            // The node may have closed the stream already.
            let _ = stream.write_all(&[&length, frame.as_slice()].concat()).await;
            let _ = stream.flush().await;
        }
        let _ = stream.close().await;
        let mut heard = Vec::new();
        let ended = timeout(PATIENCE, stream.read_to_end(&mut heard)).await.expect("the node ends the stream");
        Some((heard, ended.is_ok()))
    }
}
