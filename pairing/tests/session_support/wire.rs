//! The wire forms once more, with nothing checked.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;

/// Version, header, ciphertext.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Envelope(pub(crate) u8, pub(crate) ByteBuf, pub(crate) ByteBuf);

/// Version, suite, tag, ratchet key, PN, N, post-quantum steps, handshake.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Header(
    pub(crate) u8,
    pub(crate) u8,
    pub(crate) ByteBuf,
    pub(crate) ByteBuf,
    pub(crate) u64,
    pub(crate) u64,
    pub(crate) ByteBuf,
    pub(crate) Option<Handshake>,
);

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Handshake {
    pub(crate) s: u32,
    pub(crate) o: Option<u32>,
    pub(crate) e: ByteBuf,
    pub(crate) c: ByteBuf,
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> T {
    covey_codec::decode(bytes, 1 << 22).expect("our own bytes decode")
}
