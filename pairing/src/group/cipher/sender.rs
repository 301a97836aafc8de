//! Our own chain in a group.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use super::{
    distribution::Distribution,
    keys::{ChainKey, ChainName, KeyId, Speaker, commitment},
    limits::{MAX_CHAIN, MAX_GENERATION},
    payload::Payload,
};
use crate::{
    crypto::secret::Secret,
    envelope::{self, BodyError},
    version::Version,
};

/// Why a body was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Over [`envelope::MAX_BODY`].
    #[error("body is too long")]
    TooLong,
    /// There is no chain, or it has sealed all it may: [`super::GroupCipher::rotate`] first.
    #[error("a new chain has to begin first")]
    Exhausted,
}

/// A sealed body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Opens this body and no other: kept with the message, shown in a report.
    pub content_key: Secret<32>,
    /// The payload of the entry.
    pub payload: Vec<u8>,
}

/// Our own chain in a group: seals, and is given to others. Serialises with a version; durable before anything it sealed
/// leaves the device.
///
/// The first chain key is kept until the chain is replaced: members who were there when it began may get it late and
/// still have to read everything. The device's own store holds those messages anyway; once one of them is deleted, the key
/// after it is kept instead ([`SenderChain::forget`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderChain {
    #[serde(rename = "v")]
    version: Version<1>,
    #[serde(rename = "s")]
    speaker: Speaker,
    #[serde(rename = "c")]
    name: ChainName,
    #[serde(rename = "t")]
    began_at: u64,
    /// Number of the next message.
    #[serde(rename = "i")]
    index: u64,
    /// The key it is sealed with.
    #[serde(rename = "q")]
    key: ChainKey,
    /// The key of the message `begin`.
    #[serde(rename = "f")]
    first: ChainKey,
    /// Number of the first message whose key can still be had from here.
    #[serde(rename = "o", default, skip_serializing_if = "is_zero")]
    begin: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl SenderChain {
    /// A new chain of `speaker`, in `epoch` of the roster. `last` is the generation of the one before it, 0 if there is
    /// none. The generation is the time, or one more than `last`: so it grows even if `last` comes from an old copy.
    pub fn new(speaker: Speaker, last: u64, epoch: u64, now: u64, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let generation = now.max(last.saturating_add(1)).min(MAX_GENERATION);
        let name = ChainName { key_id: KeyId::random(rng), generation, epoch };
        let key = ChainKey::random(rng);
        Self { version: Version, speaker, name, began_at: now, index: 0, first: key.clone(), begin: 0, key }
    }

    /// Seals `body` for everyone who has this chain. `place` says where in which feed the entry will stand (channel,
    /// author, incarnation, seq, backlink): the same place MUST NOT be used for two bodies.
    ///
    /// # Errors
    /// [`SealError`]; nothing changed.
    pub fn seal(&mut self, body: &[u8], place: &[u8]) -> Result<Sealed, SealError> {
        if self.index >= MAX_CHAIN {
            return Err(SealError::Exhausted);
        }
        let (message_key, next) = self.key.step();
        let content_key = message_key.content_key(&self.speaker, &self.name, self.index, place);
        let sealed = envelope::seal_body_with(&content_key, body, place).map_err(|error| match error {
            BodyError::TooLong | BodyError::Version | BodyError::Forged => SealError::TooLong,
        })?;
        let commitment = *commitment(&content_key).expose();
        let payload = Payload { key_id: self.name.key_id, index: self.index, commitment, sealed }.to_bytes();
        self.key = next;
        self.index += 1;
        Ok(Sealed { content_key, payload })
    }

    /// What a device gets that may read from the next message on: all a newcomer gets.
    pub fn distribution(&self) -> Distribution {
        Distribution::new(self.speaker, self.name, self.index, self.key.clone())
    }

    /// What a device gets that may read from message `index` on; from the next one on at the latest, and from after the last
    /// one that was forgotten at the earliest.
    pub fn distribution_from(&self, index: u64) -> Distribution {
        let index = index.max(self.begin);
        if index >= self.index {
            return self.distribution();
        }
        Distribution::new(self.speaker, self.name, index, self.first.after(index - self.begin))
    }

    /// Forgets the key of message `index`, and so of all before it: nobody who takes this device can have them from here. Whether
    /// it was there.
    pub fn forget(&mut self, index: u64) -> bool {
        let is_kept = (self.begin..self.index).contains(&index);
        if is_kept {
            self.first = self.first.after(index + 1 - self.begin);
            self.begin = index + 1;
        }
        is_kept
    }

    /// Whose it is.
    pub fn speaker(&self) -> &Speaker {
        &self.speaker
    }

    /// Its name.
    pub fn key_id(&self) -> KeyId {
        self.name.key_id
    }

    /// Its generation: grows with every chain of this device in this group.
    pub fn generation(&self) -> u64 {
        self.name.generation
    }

    /// Epoch of the roster in which it began.
    pub fn epoch(&self) -> u64 {
        self.name.epoch
    }

    /// When it began, Unix milliseconds.
    pub fn began_at(&self) -> u64 {
        self.began_at
    }

    /// Messages sealed so far: also the number of the next one.
    pub fn index(&self) -> u64 {
        self.index
    }
}
