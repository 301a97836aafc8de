//! The signed list of seeds: nodes through which the public network is joined. Pure. `[NET-SEEDS]`
//!
//! ```text
//! [v=1, list bytes, signature(64)]      list = [v=1, sequence, issued, expires, [address…]]     CBOR, Unix milliseconds
//! ```
//! Signed with Ed25519 over a context and the bytes of the list. Whoever has a list may pass it on: it is believed for
//! its signature, and the one with the highest sequence counts.

use std::fmt::Write as _;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use libp2p::{Multiaddr, PeerId};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::address::{self, Scope, is_circuit};

/// Longest signed list in bytes. `[NET-SEEDS]`
pub const MAX_LIST: usize = 12 << 10;
/// Most addresses. `[NET-SEEDS]`
pub const MAX_SEEDS: usize = 64;
/// A list is good for so long at most, in milliseconds: 90 days. `[NET-SEEDS]`
pub const MAX_LIFE: u64 = 90 * 86_400_000;
const CONTEXT: &[u8] = b"covey seed list v1\0";
const TEXT: &str = "covey-seeds:";
/// Numbers that every language reads.
const MOST: u64 = (1 << 53) - 1;

/// What a list says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedList {
    /// The higher one is the newer one.
    pub sequence: u64,
    /// Unix milliseconds.
    pub issued: u64,
    /// Unix milliseconds; not used from then on.
    pub expires: u64,
    /// On the internet, each ending in `/p2p/<peer id>`.
    pub addresses: Vec<Multiaddr>,
}

/// Why a list is not used, or not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeedsError {
    /// Longer than [`MAX_LIST`] or with more than [`MAX_SEEDS`] addresses.
    #[error("a seed list has at most {MAX_SEEDS} addresses and 12 KiB")]
    TooLarge,
    /// Not a list, or of another version.
    #[error("this is no seed list, or one of a newer covey")]
    Malformed,
    /// Signed by somebody else, or changed.
    #[error("the signature of the seed list is not of the key in network.seeds_key")]
    Signature,
    /// Its time is over.
    #[error("the seed list has expired; is the clock of this machine right?")]
    Expired,
    /// It would be good for longer than [`MAX_LIFE`], or for no time at all.
    #[error("a seed list is good for 90 days at most")]
    Life,
    /// No address of the internet, or without a peer.
    #[error("\"{0}\" is no address on the internet that ends in /p2p/ and a peer id")]
    Address(String),
}

#[derive(Serialize, Deserialize)]
struct Signed(u8, ByteBuf, ByteBuf);

#[derive(Serialize, Deserialize)]
struct Listed(u8, u64, u64, u64, Vec<String>);

impl SeedList {
    /// Makes a signed list. `secret`: Ed25519 seed.
    ///
    /// # Errors
    /// What is wrong with the list.
    pub fn sign(&self, secret: &[u8; 32]) -> Result<Vec<u8>, SeedsError> {
        self.check()?;
        let texts = self.addresses.iter().map(ToString::to_string).collect();
        let listed = Listed(1, self.sequence, self.issued, self.expires, texts);
        let list = covey_codec::encode(&listed).map_err(|_| SeedsError::Malformed)?;
        let signature = SigningKey::from_bytes(secret).sign(&[CONTEXT, list.as_slice()].concat());
        let signed = Signed(1, ByteBuf::from(list), ByteBuf::from(signature.to_bytes().to_vec()));
        let bytes = covey_codec::encode(&signed).map_err(|_| SeedsError::Malformed)?;
        if bytes.len() > MAX_LIST { Err(SeedsError::TooLarge) } else { Ok(bytes) }
    }

    /// Opens a signed list. `key`: whose lists are believed; `now`: Unix milliseconds.
    ///
    /// # Errors
    /// Why it is not used.
    pub fn open(bytes: &[u8], key: &[u8; 32], now: u64) -> Result<Self, SeedsError> {
        if bytes.len() > MAX_LIST {
            return Err(SeedsError::TooLarge);
        }
        let Signed(version, list, signature) =
            covey_codec::decode(bytes, MAX_LIST).map_err(|_| SeedsError::Malformed)?;
        if version != 1 {
            return Err(SeedsError::Malformed);
        }
        let key = VerifyingKey::from_bytes(key).map_err(|_| SeedsError::Signature)?;
        let signature = Signature::from_slice(&signature).map_err(|_| SeedsError::Signature)?;
        key.verify_strict(&[CONTEXT, list.as_slice()].concat(), &signature).map_err(|_| SeedsError::Signature)?;
        let Listed(version, sequence, issued, expires, texts) =
            covey_codec::decode(&list, MAX_LIST).map_err(|_| SeedsError::Malformed)?;
        if version != 1 {
            return Err(SeedsError::Malformed);
        }
        let parse = |text: &String| text.parse().map_err(|_| SeedsError::Address(text.clone()));
        let addresses = texts.iter().take(MAX_SEEDS + 1).map(parse).collect::<Result<_, _>>()?;
        let list = Self { sequence, issued, expires, addresses };
        list.check()?;
        if now >= list.expires { Err(SeedsError::Expired) } else { Ok(list) }
    }

    fn check(&self) -> Result<(), SeedsError> {
        if self.addresses.len() > MAX_SEEDS {
            return Err(SeedsError::TooLarge);
        }
        if self.sequence > MOST || self.expires > MOST {
            return Err(SeedsError::Malformed);
        }
        if self.expires <= self.issued || self.expires - self.issued > MAX_LIFE {
            return Err(SeedsError::Life);
        }
        let bad = self.addresses.iter().find(|address| !is_seed(address));
        bad.map_or(Ok(()), |address| Err(SeedsError::Address(address.to_string())))
    }

    /// The peers and where they are.
    pub fn peers(&self) -> impl Iterator<Item = (PeerId, Multiaddr)> + '_ {
        self.addresses.iter().filter_map(address::split)
    }
}

fn is_seed(address: &Multiaddr) -> bool {
    !is_circuit(address)
        && address::split(address).is_some_and(|(_, at)| Scope::of(&at) == Some(Scope::Global) && !at.is_empty())
}

/// The public key of a secret one.
#[must_use]
pub fn public_key(secret: &[u8; 32]) -> [u8; 32] {
    SigningKey::from_bytes(secret).verifying_key().to_bytes()
}

/// A signed list as text.
#[must_use]
pub fn to_text(bytes: &[u8]) -> String {
    bytes.iter().fold(TEXT.to_owned(), |mut text, byte| {
        // Writing into a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of a signed list that was written as text, or `None` if it was not.
#[must_use]
pub fn from_text(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim().strip_prefix(TEXT)?;
    if digits.len() % 2 != 0 || digits.len() > 2 * MAX_LIST || !digits.is_ascii() {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_764_424_920_000;
    const SECRET: [u8; 32] = [7; 32];

    fn key(secret: [u8; 32]) -> [u8; 32] {
        SigningKey::from_bytes(&secret).verifying_key().to_bytes()
    }

    fn list(addresses: impl IntoIterator<Item = String>) -> SeedList {
        let addresses = addresses.into_iter().map(|text| text.parse().expect("an address")).collect();
        SeedList { sequence: 3, issued: NOW, expires: NOW + MAX_LIFE, addresses }
    }

    fn at(place: &str) -> String {
        format!("{place}/p2p/{}", PeerId::random())
    }

    #[test]
    fn a_signed_list_is_read_back_also_from_text() {
        let list = list([at("/ip4/45.1.0.2/tcp/7421"), at("/dns/seed.example.org/udp/7421/quic-v1")]);
        let bytes = list.sign(&SECRET).expect("signs");
        assert_eq!(SeedList::open(&bytes, &key(SECRET), NOW + 1), Ok(list.clone()));
        assert_eq!(from_text(&format!(" {}\n", to_text(&bytes))), Some(bytes));
        assert_eq!(list.peers().count(), 2);
    }

    #[test]
    fn a_forged_changed_or_expired_list_is_not_used() {
        // [NET-SEEDS]
        let bytes = list([at("/ip4/45.1.0.2/tcp/7421")]).sign(&SECRET).expect("signs");
        assert_eq!(SeedList::open(&bytes, &key([8; 32]), NOW), Err(SeedsError::Signature));
        assert_eq!(SeedList::open(&bytes, &key(SECRET), NOW + MAX_LIFE), Err(SeedsError::Expired));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(SeedList::open(&changed, &key(SECRET), NOW).is_err(), "byte {at}");
            assert!(SeedList::open(&bytes[..at], &key(SECRET), NOW).is_err(), "{at} bytes");
        }
        assert_eq!(SeedList::open(&vec![0; MAX_LIST + 1], &key(SECRET), NOW), Err(SeedsError::TooLarge));
        for text in ["", "covey-seeds:0", "covey-seeds:zz", "covey:00", &format!("covey-seeds:{}", "0".repeat(1 << 20))]
        {
            assert_eq!(from_text(text), None, "{}", text.len());
        }
    }

    #[test]
    fn a_list_of_too_many_or_of_other_places_than_the_internet_is_not_made_nor_used() {
        // [NET-SEEDS]
        let many = list((0..=MAX_SEEDS).map(|n| at(&format!("/ip4/45.1.0.2/tcp/{}", n + 1))));
        assert_eq!(many.sign(&SECRET), Err(SeedsError::TooLarge));
        for place in ["/ip4/127.0.0.1/tcp/1", "/ip4/192.168.1.1/tcp/1", "/ip6/fe80::1/tcp/1", ""] {
            assert!(matches!(list([at(place)]).sign(&SECRET), Err(SeedsError::Address(_))), "{place}");
        }
        let nobody = list(["/ip4/45.1.0.2/tcp/1".to_owned()]);
        assert!(matches!(nobody.sign(&SECRET), Err(SeedsError::Address(_))));
        let long = SeedList { expires: NOW + MAX_LIFE + 1, ..list([at("/ip4/45.1.0.2/tcp/1")]) };
        assert_eq!(long.sign(&SECRET), Err(SeedsError::Life));
        // Signed by the right key, but by another program.
        let listed = Listed(1, 1, NOW, NOW + 1, vec![at("/ip4/10.0.0.1/tcp/1")]);
        let bytes = covey_codec::encode(&listed).expect("encodes");
        let signature = SigningKey::from_bytes(&SECRET).sign(&[CONTEXT, bytes.as_slice()].concat());
        let signed = Signed(1, ByteBuf::from(bytes), ByteBuf::from(signature.to_bytes().to_vec()));
        let bytes = covey_codec::encode(&signed).expect("encodes");
        assert!(matches!(SeedList::open(&bytes, &key(SECRET), NOW), Err(SeedsError::Address(_))));
    }
}
