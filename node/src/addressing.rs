//! The one place where a device of the account layer becomes a peer of the network layer and back.

use covey_overlay::{Multiaddr, PeerId};

use crate::engine::PeerKey;

/// What precedes the 32 key bytes in the peer id of an Ed25519 key: identity multihash of 36 bytes, then the protobuf
/// of a public key (libp2p specification, "Peer Ids and Keys").
const ED25519_PEER_ID: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// The peer id of a network key, or `None` if the bytes are no Ed25519 public key.
pub fn peer_id(peer: PeerKey) -> Option<PeerId> {
    covey_overlay::peer_id_of(&peer.0)
}

/// The network key behind a peer id, or `None` if it is not an Ed25519 one (covey devices have no others).
pub fn peer_key(peer: &PeerId) -> Option<PeerKey> {
    let bytes = peer.to_bytes();
    let key = bytes.strip_prefix(&ED25519_PEER_ID)?;
    Some(PeerKey(key.try_into().ok()?))
}

/// Parses addresses that came from a card or ticket; what is none is left out.
pub fn multiaddrs(texts: &[String]) -> Vec<Multiaddr> {
    let parsed = texts.iter().filter_map(|text| text.parse().ok());
    // The empty text is an address of nothing.
    parsed.filter(|address: &Multiaddr| !address.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_key_survives_the_way_to_a_peer_id_and_back() {
        let device = covey_pairing::identity::DeviceSecret::from_seed([7; 32]);
        let key = PeerKey(device.keys().network);
        let id = peer_id(key).expect("a device's network key is a point");
        assert_eq!(peer_key(&id), Some(key));
        assert_eq!(id, covey_overlay::Config::new(device.network_seed()).peer_id());
    }

    #[test]
    fn what_is_no_address_is_left_out() {
        let texts = ["/ip4/127.0.0.1/tcp/1".to_owned(), "nonsense".to_owned(), String::new()];
        assert_eq!(multiaddrs(&texts).len(), 1);
    }
}
