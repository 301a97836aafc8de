//! A keeper at which strangers may leave invites for an account, as a card and a ticket name it.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::{ids::AccountId, version::Version};

/// Addresses of one keeper.
pub(super) const MAX_ADDRESSES: usize = 8;
/// Longest address text in bytes.
const ADDRESS_MAX: usize = 256;
/// Longest encoding in bytes.
const PLACE_MAX: usize = 128 + MAX_ADDRESSES * (ADDRESS_MAX + 4);

/// See the module. The slot and its token follow from the account and its KEM key ([`crate::keeper::SlotId::of_invites`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitePlace {
    /// The account of the keeper, by whose card it is found when it moved.
    pub account: AccountId,
    /// Ed25519 public key behind its peer id.
    #[serde(with = "serde_bytes")]
    pub network: [u8; 32],
    /// Where it was last known to listen: multiaddresses as text, opaque here.
    pub addresses: Vec<String>,
}

/// As it travels.
#[derive(Serialize, Deserialize)]
pub(super) struct WirePlace(AccountId, ByteArray<32>, Vec<String>);

impl From<&InvitePlace> for WirePlace {
    fn from(place: &InvitePlace) -> Self {
        Self(place.account, ByteArray::new(place.network), place.addresses.clone())
    }
}

impl From<WirePlace> for InvitePlace {
    fn from(WirePlace(account, network, addresses): WirePlace) -> Self {
        Self { account, network: network.into_array(), addresses }
    }
}

impl InvitePlace {
    /// Keeps the first addresses, `most` or as many as there may be.
    #[must_use]
    pub fn shortened(mut self, most: usize) -> Self {
        self.addresses.retain(|address| address.len() <= ADDRESS_MAX);
        self.addresses.truncate(most.min(MAX_ADDRESSES));
        self
    }

    /// As one of the custodians on a card, `[1, [account, network key, [address…]]]`.
    pub fn encode(&self) -> Vec<u8> {
        covey_codec::encode(&(Version::<1>, WirePlace::from(self))).expect("a place is plain data")
    }

    /// [CARD-7] Reads one of the custodians on a card. None, if it is something else or over the limits.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (_, wire): (Version<1>, WirePlace) = covey_codec::decode(bytes, PLACE_MAX).ok()?;
        let place = Self::from(wire);
        place.fits().then_some(place)
    }

    /// Whether the addresses are as few and short as they may be.
    pub(super) fn fits(&self) -> bool {
        self.addresses.len() <= MAX_ADDRESSES && self.addresses.iter().all(|address| address.len() <= ADDRESS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(addresses: usize) -> InvitePlace {
        let addresses = vec!["/ip4/192.0.2.1/tcp/7421".to_owned(); addresses];
        InvitePlace { account: AccountId::from_bytes([1; 32]), network: [2; 32], addresses }
    }

    /// [CARD-7]
    #[test]
    fn what_is_no_place_or_too_much_is_passed_over() {
        assert_eq!(InvitePlace::decode(&place(8).encode()), Some(place(8)));
        assert_eq!(InvitePlace::decode(&place(9).encode()), None);
        assert_eq!(place(9).shortened(usize::MAX), place(8));
        let later = covey_codec::encode(&(2u8, WirePlace::from(&place(1)))).expect("encodes");
        assert_eq!(InvitePlace::decode(&later), None);
        assert_eq!(InvitePlace::decode(b""), None);
    }
}
