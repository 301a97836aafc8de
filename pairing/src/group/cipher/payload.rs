//! The payload of an entry of group content.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf, Bytes};

use super::{
    chain::OpenError,
    keys::KeyId,
    limits::{MAX_CHAIN, MAX_PAYLOAD},
};
use crate::version::Version;

/// CBOR array of five whose first element is this version.
const VERSION: u8 = 1;

/// Version, key id, index, commitment, sealed body.
#[derive(Deserialize)]
struct In(Version<VERSION>, KeyId, u64, ByteArray<32>, ByteBuf);
#[derive(Serialize)]
struct Out<'a>(Version<VERSION>, KeyId, u64, ByteArray<32>, &'a Bytes);

/// A parsed payload; nothing in it is authenticated yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) key_id: KeyId,
    pub(super) index: u64,
    pub(super) commitment: [u8; 32],
    pub(super) sealed: Vec<u8>,
}

impl Payload {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, OpenError> {
        let decoded = covey_codec::decode(bytes, MAX_PAYLOAD);
        let In(_, key_id, index, commitment, sealed) = decoded.map_err(|_| Self::refusal(bytes))?;
        if index >= MAX_CHAIN {
            return Err(OpenError::TooFar);
        }
        Ok(Self { key_id, index, commitment: commitment.into_array(), sealed: sealed.into_vec() })
    }

    /// A later version may have any shape, as long as it is an array that begins with its number.
    fn refusal(bytes: &[u8]) -> OpenError {
        match bytes {
            [0x81..=0x97, version @ 0..=0x17, ..] if *version != VERSION => OpenError::Version,
            _ => OpenError::Malformed,
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let commitment = ByteArray::new(self.commitment);
        covey_codec::encode(&Out(Version, self.key_id, self.index, commitment, Bytes::new(&self.sealed)))
            .expect("plain data encodes")
    }
}

/// Under which chain a payload is sealed: to ask for it, and to find what waits for it.
///
/// # Errors
/// [`OpenError::Version`], [`OpenError::Malformed`], [`OpenError::TooFar`].
pub fn key_id(payload: &[u8]) -> Result<KeyId, OpenError> {
    Payload::parse(payload).map(|payload| payload.key_id)
}
