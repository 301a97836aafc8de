//! What is said after the handshake, sealed under its keys.
//!
//! XChaCha20-Poly1305 with random nonces instead of Noise's counters: a frame is made anew each time it is sent, also
//! after a restart. That an old one comes again does no harm: each side takes every message in one state only.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::{ByteArray, ByteBuf};

use super::{End, LinkFrame, LinkId, digits::Nonce, frame::LINK_FRAME_MAX, handshake::Keys};
use crate::{
    crypto::{aead, secret::Secret},
    identity::JOIN_PROOF_LEN,
    ids::AccountId,
    version::Version,
};

/// Of the host.
#[derive(Serialize, Deserialize)]
pub(super) enum FromHost {
    /// What it committed to.
    Reveal(Nonce),
    /// The operator confirmed the digits: agree to belong to this account.
    Ask(AccountId),
    /// The account, as [`super::HandOver`] encodes it.
    HandOver(ByteBuf),
    End(End),
}

/// Of the joiner.
#[derive(Serialize, Deserialize)]
pub(super) enum FromJoiner {
    /// The agreement.
    Join(ByteArray<JOIN_PROOF_LEN>),
    /// It has the account and keeps it.
    Done,
    End(End),
}

#[derive(Serialize, Deserialize)]
struct Wire<T>(Version<1>, T);

/// Who says it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Host,
    Joiner,
}

impl Keys {
    fn direction(&self, from: Side) -> (&Secret<32>, Vec<u8>) {
        let (key, label) = match from {
            Side::Host => (&self.to_joiner, b"covey link host v1\0".as_slice()),
            Side::Joiner => (&self.to_host, b"covey link joiner v1\0".as_slice()),
        };
        (key, [label, self.hash.as_slice()].concat())
    }

    /// Seals a message of one side.
    pub(super) fn seal<T: Serialize>(
        &self,
        (from, id): (Side, LinkId),
        message: &T,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Vec<u8> {
        let (key, aad) = self.direction(from);
        let bytes = covey_codec::encode(&Wire(Version, message)).expect("a message is plain data");
        LinkFrame::Sealed(id, ByteBuf::from(aead::seal_random(key, &aad, &bytes, rng))).encode()
    }

    /// Opens a message of one side. None if it is not of this handshake and side, or not known.
    pub(super) fn open<T: DeserializeOwned>(&self, from: Side, sealed: &[u8]) -> Option<T> {
        let (key, aad) = self.direction(from);
        let bytes = aead::open_random(key, &aad, sealed).ok()?;
        covey_codec::decode(&bytes, LINK_FRAME_MAX).ok().map(|Wire(_, message)| message)
    }
}
