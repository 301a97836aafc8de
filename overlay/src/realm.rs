//! The network that a node is in: the open one, or a private one that is told by a key. `[NET-PRIVATE]`
//!
//! The key goes into the prologue of the Noise handshake, so that a node without it cannot even complete one, and into
//! the name of the DHT. QUIC has no such place, so a private network is TCP only.

use libp2p::{Multiaddr, StreamProtocol, multiaddr::Protocol};

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Realm {
    /// What both sides of a handshake must have; never shown.
    prologue: Option<[u8; 32]>,
    tag: Option<String>,
}

impl Realm {
    pub(crate) fn new(key: Option<&[u8; 32]>) -> Self {
        let derived = |purpose: &str| key.map(|key| blake3::derive_key(purpose, key));
        let tag =
            derived("covey network name v1").map(|tag| tag[..8].iter().map(|byte| format!("{byte:02x}")).collect());
        Self { prologue: derived("covey network handshake v1"), tag }
    }

    pub(crate) fn is_private(&self) -> bool {
        self.prologue.is_some()
    }

    pub(crate) fn prologue(&self) -> Vec<u8> {
        self.prologue.map(|bytes| bytes.to_vec()).unwrap_or_default()
    }

    /// The name of the DHT.
    pub(crate) fn kademlia(&self) -> StreamProtocol {
        let name = self.tag.as_ref().and_then(|tag| StreamProtocol::try_from_owned(format!("/covey/{tag}/kad/1")).ok());
        name.unwrap_or(StreamProtocol::new("/covey/kad/1"))
    }

    /// Whether an address can belong to this network.
    pub(crate) fn has(&self, address: &Multiaddr) -> bool {
        !self.is_private() || !address.iter().any(|part| matches!(part, Protocol::QuicV1 | Protocol::Quic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_a_network_of_its_own_and_tells_nothing_of_itself() {
        // [NET-PRIVATE]
        let (open, one, other) = (Realm::new(None), Realm::new(Some(&[1; 32])), Realm::new(Some(&[2; 32])));
        assert_eq!(open.kademlia().as_ref(), "/covey/kad/1");
        assert!(one.kademlia() != other.kademlia() && one.kademlia() != open.kademlia());
        assert!(open.prologue().is_empty() && one.prologue() != other.prologue());
        let name = one.kademlia().to_string();
        assert!(!one.prologue().iter().map(|b| format!("{b:02x}")).collect::<String>().contains(&name[7..23]));
    }

    #[test]
    fn a_private_network_is_tcp_only() {
        // [NET-PRIVATE]
        let address = |text: &str| text.parse::<Multiaddr>().expect("an address");
        let (open, private) = (Realm::new(None), Realm::new(Some(&[1; 32])));
        assert!(open.has(&address("/ip4/45.1.0.2/udp/1/quic-v1")) && private.has(&address("/ip4/45.1.0.2/tcp/1")));
        assert!(!private.has(&address("/ip4/45.1.0.2/udp/1/quic-v1")));
    }
}
