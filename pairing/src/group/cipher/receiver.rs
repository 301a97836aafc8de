//! All chains of one other device in a group.

use serde::{Deserialize, Serialize};

use super::{
    chain::{OpenError, ReceiverChain},
    distribution::Distribution,
    keys::{KeyId, Speaker, commitment},
    limits::{MAX_CHAIN, MAX_GENERATION, MAX_OLD_CHAINS},
    payload::Payload,
};
use crate::{
    crypto::secret::Secret,
    envelope::{self, BodyError},
    version::Version,
};

/// Why a distribution is not taken. Nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// Not a distribution of a version we know.
    #[error("malformed key distribution")]
    Malformed,
    /// Of another group.
    #[error("key distribution of another group")]
    Group,
    /// Not by the device it speaks for.
    #[error("key distribution for another device")]
    Device,
    /// Another chain, generation or epoch under the name of a known one.
    #[error("another chain under the name of a known one")]
    Changed,
    /// Index or generation beyond the limits.
    #[error("key distribution beyond the limits")]
    TooFar,
}

/// What a distribution was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learned {
    /// A chain newer than all known ones: messages that wait for it can be opened.
    New,
    /// A chain of an older generation: likewise, but the newest stays the newest.
    Older,
    /// A known chain, from an earlier message on: likewise.
    Extended,
    /// Nothing new.
    Known,
}

/// An opened payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Opens this body and no other.
    pub content_key: Secret<32>,
    /// What was sealed.
    pub body: Vec<u8>,
    /// Generation of the chain.
    pub generation: u64,
    /// Epoch of the roster in which the chain began, as its owner says.
    pub epoch: u64,
}

/// All chains of one other device in a group. Serialises with a version: one value to store per device and group, after
/// each batch of messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiverChains {
    #[serde(rename = "v")]
    version: Version<1>,
    #[serde(rename = "s")]
    speaker: Speaker,
    /// Highest generation ever learned.
    #[serde(rename = "n")]
    newest: u64,
    /// The most recently used last.
    #[serde(rename = "c")]
    chains: Vec<ReceiverChain>,
}

impl ReceiverChains {
    /// No chains of `speaker` yet.
    pub fn new(speaker: Speaker) -> Self {
        Self { version: Version, speaker, newest: 0, chains: Vec::new() }
    }

    /// Whose they are.
    pub fn speaker(&self) -> &Speaker {
        &self.speaker
    }

    /// Highest generation ever learned, 0 if none.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Whether there is a chain of this name.
    pub fn knows(&self, key_id: &KeyId) -> bool {
        self.chains.iter().any(|chain| chain.name.key_id == *key_id)
    }

    /// Takes a distribution that came in a session from the device [`ReceiverChains::speaker`] names.
    ///
    /// # Errors
    /// [`LearnError`]; nothing changed.
    pub fn learn(&mut self, distribution: &Distribution) -> Result<Learned, LearnError> {
        self.check(distribution)?;
        let known = self.chains.iter().position(|chain| chain.name.key_id == distribution.name.key_id);
        if let Some(at) = known {
            let extended = self.chains[at].agree(distribution)?;
            return Ok(if extended { Learned::Extended } else { Learned::Known });
        }
        let generation = distribution.name.generation;
        let newer = generation > self.newest;
        self.newest = self.newest.max(generation);
        self.chains.push(ReceiverChain::new(distribution.clone()));
        self.evict();
        Ok(if newer { Learned::New } else { Learned::Older })
    }

    fn check(&self, distribution: &Distribution) -> Result<(), LearnError> {
        if distribution.speaker.group != self.speaker.group {
            return Err(LearnError::Group);
        }
        if distribution.speaker.device != self.speaker.device {
            return Err(LearnError::Device);
        }
        let generation = distribution.name.generation;
        if distribution.index > MAX_CHAIN || !(1..=MAX_GENERATION).contains(&generation) {
            return Err(LearnError::TooFar);
        }
        Ok(())
    }

    /// Opens the payload of an entry that stands at `place` (see [`super::SenderChain::seal`]) and is signed by this
    /// device. A whole batch may be opened before `self` is stored.
    ///
    /// # Errors
    /// [`OpenError`]; nothing changed.
    pub fn open(&mut self, payload: &[u8], place: &[u8]) -> Result<Opened, OpenError> {
        let payload = Payload::parse(payload)?;
        let key_id = payload.key_id;
        let at = self.chains.iter().rposition(|c| c.name.key_id == key_id).ok_or(OpenError::NoKey { key_id })?;
        let chain = &mut self.chains[at];
        let (message_key, step) = chain.find(payload.index)?;
        let content_key = message_key.content_key(&self.speaker, &chain.name, payload.index, place);
        let body = open_committed(&content_key, &payload, place)?;
        chain.commit(step);
        let opened = Opened { content_key, body, generation: chain.name.generation, epoch: chain.name.epoch };
        self.chains[at..].rotate_left(1);
        Ok(opened)
    }

    /// Forgets the longest unused chains that are not the newest.
    fn evict(&mut self) {
        while self.chains.len() > 1 + MAX_OLD_CHAINS {
            let unused = self.chains.iter().position(|chain| chain.name.generation != self.newest);
            self.chains.remove(unused.unwrap_or(0));
        }
    }
}

/// Opens a body under the very key its payload commits to.
pub(super) fn open_committed(key: &Secret<32>, payload: &Payload, place: &[u8]) -> Result<Vec<u8>, OpenError> {
    if commitment(key) != Secret::new(payload.commitment) {
        return Err(OpenError::Forged);
    }
    envelope::open_body(key, place, &payload.sealed).map_err(|error| match error {
        BodyError::Version => OpenError::Version,
        BodyError::TooLong | BodyError::Forged => OpenError::Forged,
    })
}
