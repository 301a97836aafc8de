//! The envelope on the wire: authenticated header and ciphertext.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf, Bytes};

use super::{bundle::PrekeyId, error::SessionError, limits::MAX_ENVELOPE};
use crate::{
    crypto::{dh::DhPublic, kem::CIPHERTEXT_LEN},
    version::Version,
};

/// X25519 + ML-KEM-768, HKDF- and HMAC-SHA-256, ChaCha20-Poly1305, BLAKE3 transcript.
pub(super) const SUITE: u8 = 1;

/// First bytes of the transcript hash: which session an envelope belongs to.
pub(super) type Tag = ByteArray<8>;

/// What the responder needs to compute the shared secret; repeated in every envelope until one is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Handshake {
    #[serde(rename = "s")]
    pub(super) signed: PrekeyId,
    #[serde(rename = "o")]
    pub(super) one_time: Option<PrekeyId>,
    #[serde(rename = "e")]
    pub(super) ephemeral: DhPublic,
    #[serde(rename = "c")]
    pub(super) kem: ByteBuf,
}

/// Header of one message (Double Ratchet specification, section 2.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) tag: Tag,
    /// The sender's ratchet key.
    pub(super) ratchet: DhPublic,
    /// PN: messages in the sender's previous sending chain.
    pub(super) previous: u64,
    /// N: position in the current one.
    pub(super) number: u64,
    pub(super) handshake: Option<Handshake>,
}

/// Version, suite, tag, ratchet key, PN, N, post-quantum ratchet (reserved, empty in suite 1), handshake.
#[derive(Deserialize)]
struct HeaderIn(Version<1>, u8, Tag, DhPublic, u64, u64, ByteBuf, Option<Handshake>);
#[derive(Serialize)]
struct HeaderOut<'a>(Version<1>, u8, Tag, DhPublic, u64, u64, &'a Bytes, Option<&'a Handshake>);

/// Version, header, ciphertext.
#[derive(Deserialize)]
struct EnvelopeIn(Version<1>, ByteBuf, ByteBuf);
#[derive(Serialize)]
struct EnvelopeOut<'a>(Version<1>, &'a Bytes, &'a Bytes);

impl Header {
    /// The exact bytes that are authenticated and sent.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let pq = Bytes::new(&[]);
        let Self { tag, ratchet, previous, number, handshake } = self;
        covey_codec::encode(&HeaderOut(Version, SUITE, *tag, *ratchet, *previous, *number, pq, handshake.as_ref()))
            .expect("plain data encodes")
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, SessionError> {
        let HeaderIn(Version, suite, tag, ratchet, previous, number, pq, handshake) =
            covey_codec::decode(bytes, MAX_ENVELOPE)?;
        if suite != SUITE {
            return Err(SessionError::Malformed(format!("suite {suite}, expected {SUITE}")));
        }
        if !pq.is_empty() {
            return Err(SessionError::Malformed("post-quantum ratchet is not part of suite 1".to_owned()));
        }
        if handshake.as_ref().is_some_and(|h| h.kem.len() != CIPHERTEXT_LEN) {
            return Err(SessionError::Malformed("handshake without its KEM part".to_owned()));
        }
        Ok(Self { tag, ratchet, previous, number, handshake })
    }
}

/// A parsed envelope; nothing in it is authenticated yet.
pub(super) struct EnvelopeParts {
    pub(super) header: Header,
    pub(super) header_bytes: ByteBuf,
    pub(super) ciphertext: ByteBuf,
}

impl EnvelopeParts {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, SessionError> {
        let EnvelopeIn(Version, header_bytes, ciphertext) = covey_codec::decode(bytes, MAX_ENVELOPE)?;
        let header = Header::from_bytes(&header_bytes)?;
        Ok(Self { header, header_bytes, ciphertext })
    }
}

/// The wire form.
pub(super) fn envelope(header: &[u8], ciphertext: &[u8]) -> Vec<u8> {
    covey_codec::encode(&EnvelopeOut(Version, Bytes::new(header), Bytes::new(ciphertext))).expect("plain data encodes")
}
