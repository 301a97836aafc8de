//! One session: a ratchet, the transcript it grew from, and the handshake until it is answered.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::{
    error::SessionError,
    header::{self, EnvelopeParts, Handshake, Header, SUITE, SUITE_WITHOUT_STEPS, Tag},
    kem_step::KemSteps,
    keys::MessageKey,
    pqxdh::Agreed,
    ratchet::{Arrival, Ratchet},
};
use crate::crypto::dh::{DhPublic, DhSecret};

/// A session with one remote device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    /// Transcript hash of the handshake: the identity of the session.
    #[serde(rename = "t")]
    transcript: ByteArray<32>,
    #[serde(rename = "r")]
    ratchet: Ratchet,
    /// Ours, until the session is answered; none in sessions they initiated.
    #[serde(rename = "h")]
    handshake: Option<Handshake>,
    /// They keep an envelope with it: it is not repeated any more.
    #[serde(rename = "k", default, skip_serializing_if = "std::ops::Not::not")]
    arrived: bool,
    /// Order in which sessions came to be here.
    #[serde(rename = "b")]
    pub(super) born: u64,
    /// When it was made or something last arrived on it (Unix ms).
    #[serde(rename = "u")]
    pub(super) used_at: u64,
    /// Its sending chain may have been used beyond what we remember. Until they begin a turn (then we send under a fresh
    /// ratchet key) it only receives.
    #[serde(rename = "x")]
    pub(super) retired: bool,
}

/// What an envelope held.
pub(super) struct Opened {
    pub(super) plaintext: Vec<u8>,
    pub(super) arrival: Arrival,
}

impl Session {
    pub(super) fn initiated(
        agreed: Agreed,
        handshake: Handshake,
        theirs: &DhPublic,
        now: u64,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, SessionError> {
        let steps = first_steps(&handshake, now);
        let ratchet = Ratchet::initiator(agreed.shared, theirs, steps, rng)?;
        Ok(Self::new(agreed.transcript, ratchet, Some(handshake), now))
    }

    pub(super) fn responding(agreed: Agreed, handshake: &Handshake, ours: DhSecret, now: u64) -> Self {
        let steps = first_steps(handshake, now);
        Self::new(agreed.transcript, Ratchet::responder(agreed.shared, ours, steps), None, now)
    }

    fn new(transcript: [u8; 32], ratchet: Ratchet, handshake: Option<Handshake>, used_at: u64) -> Self {
        let transcript = ByteArray::new(transcript);
        Self { transcript, ratchet, handshake, arrived: false, born: 0, used_at, retired: false }
    }

    /// Total order both sides agree on.
    pub(super) fn id(&self) -> &[u8; 32] {
        &self.transcript
    }

    pub(super) fn tag(&self) -> Tag {
        tag(&self.transcript)
    }

    /// Whether they are known to have this session too.
    pub(super) fn is_answered(&self) -> bool {
        self.handshake.is_none()
    }

    /// Whether every envelope has the handshake.
    pub(super) fn repeats_handshake(&self) -> bool {
        self.handshake.is_some() && !self.arrived
    }

    /// They keep an envelope of this session. Whether that is news.
    pub(super) fn arrived(&mut self) -> bool {
        let is_news = self.repeats_handshake();
        self.arrived = true;
        is_news
    }

    /// The suite of all its envelopes.
    pub(super) fn suite(&self) -> u8 {
        if self.ratchet.steps().is_some() { SUITE } else { SUITE_WITHOUT_STEPS }
    }

    /// Its post-quantum steps; none in suite 1.
    pub(super) fn steps(&self) -> Option<&KemSteps> {
        self.ratchet.steps()
    }

    pub(super) fn steps_mut(&mut self) -> Option<&mut KemSteps> {
        self.ratchet.steps_mut()
    }

    pub(super) fn seal(
        &mut self,
        plaintext: &[u8],
        aad: &[u8],
        now: u64,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, SessionError> {
        let next = self.ratchet.next(now, rng)?;
        let header = Header {
            suite: self.suite(),
            tag: self.tag(),
            ratchet: next.ratchet,
            previous: next.previous,
            number: next.number,
            steps: next.steps,
            handshake: self.handshake.clone().filter(|_| self.repeats_handshake()),
        }
        .to_bytes();
        let ciphertext = next.key.seal(&self.associated_data(&header, aad), plaintext);
        Ok(header::envelope(&header, &ciphertext))
    }

    /// Nothing changes unless the envelope authenticates.
    pub(super) fn open(&mut self, envelope: &EnvelopeParts, aad: &[u8], now: u64) -> Result<Opened, SessionError> {
        if envelope.header.suite != self.suite() {
            return Err(SessionError::WrongSuite);
        }
        let aad = self.associated_data(&envelope.header_bytes, aad);
        let open = |key: &MessageKey| key.open(&aad, &envelope.ciphertext).map_err(|_| SessionError::Forged);
        let (plaintext, arrival) = self.ratchet.receive(&envelope.header, now, open)?;
        self.handshake = None;
        self.retired &= arrival != Arrival::Turn;
        Ok(Opened { plaintext, arrival })
    }

    /// `transcript (32) || header length (4, big endian) || header || what the caller binds`.
    fn associated_data(&self, header: &[u8], aad: &[u8]) -> Vec<u8> {
        let len = u32::try_from(header.len()).expect("headers are bounded by the envelope").to_be_bytes();
        [self.transcript.as_slice(), &len, header, aad].concat()
    }
}

/// Who steals the responder within a month knows a last-resort key: a step makes up for it at once.
fn first_steps(handshake: &Handshake, now: u64) -> KemSteps {
    let mut steps = KemSteps::new(now);
    if handshake.one_time.is_none() {
        steps.hasten();
    }
    steps
}

/// The first bytes of a transcript hash.
pub(super) fn tag(transcript: &[u8; 32]) -> Tag {
    let mut tag = [0; 8];
    tag.copy_from_slice(&transcript[..8]);
    ByteArray::new(tag)
}
