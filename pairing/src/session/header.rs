//! The envelope on the wire: authenticated header and ciphertext.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf, Bytes};

use super::{bundle::PrekeyId, error::SessionError, limits::MAX_ENVELOPE};
use crate::{
    crypto::{
        dh::DhPublic,
        kem::{CIPHERTEXT_LEN, KemPublic, PUBLIC_LEN},
    },
    version::Version,
};

/// X25519 + ML-KEM-768, HKDF- and HMAC-SHA-256, ChaCha20-Poly1305, BLAKE3 transcript, post-quantum steps in the ratchet.
pub(super) const SUITE: u8 = 2;
/// The same without the steps: sessions that began before there were any. None is started any more.
pub(super) const SUITE_WITHOUT_STEPS: u8 = 1;

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

/// First bytes of the BLAKE3 hash of a KEM key: the name of an offer, and of the step it leads to.
pub(super) type KeyId = ByteArray<8>;

/// What a header says of post-quantum steps; nothing at all in epoch 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepHeader {
    /// Of the sender's chain.
    #[serde(rename = "e")]
    pub(super) epoch: u64,
    /// The key of the step with which the chain began.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(super) step: Option<KeyId>,
    /// A key for the next step of the sender. In the first envelope of a chain only, as the answer.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub(super) offer: Option<KemPublic>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<Answer>,
}

/// Which key is answered, and the ciphertext.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer(pub(super) KeyId, pub(super) ByteBuf);

impl StepHeader {
    fn to_bytes(&self) -> Vec<u8> {
        if *self == Self::default() { Vec::new() } else { covey_codec::encode(self).expect("plain data encodes") }
    }

    fn from_bytes(bytes: &[u8], suite: u8, number: u64) -> Result<Self, SessionError> {
        let malformed = |why: &str| Err(SessionError::Malformed(why.to_owned()));
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        if suite == SUITE_WITHOUT_STEPS {
            return malformed("post-quantum steps are not part of suite 1");
        }
        let said: Self = covey_codec::decode(bytes, MAX_STEP_HEADER)?;
        if number != 0 && (said.offer.is_some() || said.answer.is_some()) {
            return malformed("offers and answers belong into the first envelope of a chain");
        }
        if said.offer.as_ref().is_some_and(|key| key.as_bytes().len() != PUBLIC_LEN) {
            return malformed("offered KEM key of the wrong length");
        }
        if said.answer.as_ref().is_some_and(|answer| answer.1.len() != CIPHERTEXT_LEN) {
            return malformed("KEM ciphertext of the wrong length");
        }
        Ok(said)
    }
}

/// Header of one message (Double Ratchet specification, section 2.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) suite: u8,
    pub(super) tag: Tag,
    /// The sender's ratchet key.
    pub(super) ratchet: DhPublic,
    /// PN: messages in the sender's previous sending chain.
    pub(super) previous: u64,
    /// N: position in the current one.
    pub(super) number: u64,
    pub(super) steps: StepHeader,
    pub(super) handshake: Option<Handshake>,
}

/// Version, suite, tag, ratchet key, PN, N, [`StepHeader`] (empty in suite 1), handshake.
#[derive(Deserialize)]
struct HeaderIn(Version<1>, u8, Tag, DhPublic, u64, u64, ByteBuf, Option<Handshake>);
#[derive(Serialize)]
struct HeaderOut<'a>(Version<1>, u8, Tag, DhPublic, u64, u64, &'a Bytes, Option<&'a Handshake>);

/// Longest encoded [`StepHeader`] in bytes: a key, a ciphertext, their names and framing.
const MAX_STEP_HEADER: usize = PUBLIC_LEN + CIPHERTEXT_LEN + 128;

/// Version, header, ciphertext.
#[derive(Deserialize)]
struct EnvelopeIn(Version<1>, ByteBuf, ByteBuf);
#[derive(Serialize)]
struct EnvelopeOut<'a>(Version<1>, &'a Bytes, &'a Bytes);

impl Header {
    /// The exact bytes that are authenticated and sent.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Self { suite, tag, ratchet, previous, number, steps, handshake } = self;
        let steps = steps.to_bytes();
        let pq = Bytes::new(&steps);
        covey_codec::encode(&HeaderOut(Version, *suite, *tag, *ratchet, *previous, *number, pq, handshake.as_ref()))
            .expect("plain data encodes")
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, SessionError> {
        let HeaderIn(Version, suite, tag, ratchet, previous, number, pq, handshake) =
            covey_codec::decode(bytes, MAX_ENVELOPE)?;
        if ![SUITE, SUITE_WITHOUT_STEPS].contains(&suite) {
            return Err(SessionError::Malformed(format!("suite {suite}, expected {SUITE}")));
        }
        let steps = StepHeader::from_bytes(&pq, suite, number)?;
        if handshake.as_ref().is_some_and(|h| h.kem.len() != CIPHERTEXT_LEN) {
            return Err(SessionError::Malformed("handshake without its KEM part".to_owned()));
        }
        Ok(Self { suite, tag, ratchet, previous, number, steps, handshake })
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
