//! One chain of another device.

use serde::{Deserialize, Serialize};

use super::{
    distribution::Distribution,
    keys::{ChainKey, ChainName, KeyId, MessageKey},
    limits::{MAX_CHAIN, MAX_SKIPPED},
    receiver::LearnError,
};

/// Why a payload did not open. Nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Sealed under a chain we were not given: keep the entry and ask its author's device.
    #[error("sealed under a key this device was not given")]
    NoKey {
        /// Which chain.
        key_id: KeyId,
    },
    /// Sealed before the message from which we were given the chain: before this device joined.
    #[error("sealed before this device was given the key")]
    Earlier,
    /// Beyond what a chain may seal.
    #[error("beyond the end of its chain")]
    TooFar,
    /// Opened before, or so late that its key is gone.
    #[error("already opened, or so late that its key is gone")]
    Used,
    /// Not sealed by the chain it names, or for another place.
    #[error("payload does not authenticate")]
    Forged,
    /// Of a version we do not know.
    #[error("payload of an unknown version")]
    Version,
    /// Not a payload.
    #[error("malformed payload")]
    Malformed,
}

/// Number and key of a message that has not arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Skipped(u64, MessageKey);

/// One chain of another device, from the message on from which we were given it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReceiverChain {
    #[serde(rename = "c")]
    pub(super) name: ChainName,
    /// Number of the first message we were given.
    #[serde(rename = "f")]
    first: u64,
    /// Number of the message `key` is for.
    #[serde(rename = "i")]
    index: u64,
    #[serde(rename = "q")]
    key: ChainKey,
    /// By number, ascending.
    #[serde(rename = "m")]
    skipped: Vec<Skipped>,
}

/// How a chain changes once a message is authenticated.
pub(super) enum Step {
    /// The stored key at this position was used.
    Spend(usize),
    /// The chain advanced past the message, skipping these.
    Advance { index: u64, key: ChainKey, skipped: Vec<(u64, MessageKey)> },
}

impl ReceiverChain {
    /// The caller has checked the limits of `distribution`.
    pub(super) fn new(distribution: Distribution) -> Self {
        let Distribution { name, index, key, .. } = distribution;
        Self { name, first: index, index, key, skipped: Vec::new() }
    }

    /// Finds the key of message `number`; nothing changes before [`ReceiverChain::commit`].
    pub(super) fn find(&self, number: u64) -> Result<(MessageKey, Step), OpenError> {
        if number < self.first {
            return Err(OpenError::Earlier);
        }
        if number < self.index {
            let at = self.skipped.binary_search_by_key(&number, |s| s.0).map_err(|_| OpenError::Used)?;
            return Ok((self.skipped[at].1.clone(), Step::Spend(at)));
        }
        if number >= MAX_CHAIN {
            return Err(OpenError::TooFar);
        }
        let (skipped, before) = walk(&self.key, self.index, number);
        let (message_key, key) = before.step();
        Ok((message_key, Step::Advance { index: number + 1, key, skipped }))
    }

    pub(super) fn commit(&mut self, step: Step) {
        match step {
            Step::Spend(at) => drop(self.skipped.remove(at)),
            Step::Advance { index, key, skipped } => {
                self.index = index;
                self.key = key;
                self.skipped.extend(skipped.into_iter().map(|(at, key)| Skipped(at, key)));
                self.evict();
            }
        }
    }

    /// Another distribution of a chain of this name: the same chain, perhaps from an earlier message on (`true`).
    pub(super) fn agree(&mut self, other: &Distribution) -> Result<bool, LearnError> {
        if other.name != self.name {
            return Err(LearnError::Changed);
        }
        let (ours, theirs) = match other.index.checked_sub(self.index) {
            Some(ahead) => (self.key.after(ahead), other.key.clone()),
            None => (self.key.clone(), other.key.after(self.index - other.index)),
        };
        if ours != theirs {
            return Err(LearnError::Changed);
        }
        if other.index >= self.first {
            return Ok(false);
        }
        let (earlier, _) = walk(&other.key, other.index, self.first);
        self.skipped.splice(0..0, earlier.into_iter().map(|(at, key)| Skipped(at, key)));
        self.first = other.index;
        self.evict();
        Ok(true)
    }

    fn evict(&mut self) {
        let excess = self.skipped.len().saturating_sub(MAX_SKIPPED);
        self.skipped.drain(..excess);
    }
}

/// The keys of messages `from..to`, and the chain key of message `to`. Callers keep both below [`MAX_CHAIN`].
fn walk(key: &ChainKey, from: u64, to: u64) -> (Vec<(u64, MessageKey)>, ChainKey) {
    let mut key = key.clone();
    let mut keys = Vec::new();
    for number in from..to {
        let (message_key, next) = key.step();
        keys.push((number, message_key));
        key = next;
    }
    (keys, key)
}
