//! Sending and receiving chains of one ratchet key.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{
    error::SessionError,
    header::{KeyId, StepHeader},
    keys::{ChainKey, MessageKey},
    limits::{MAX_FORWARD_JUMP, MAX_SKIPPED_PER_CHAIN},
};
use crate::crypto::dh::DhPublic;

/// CKs and Ns: the chain key and the number of the message it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position(pub(super) ChainKey, pub(super) u64);

/// Keys that are skipped on the way to a message.
type Skipped = VecDeque<SkippedKey>;

/// Number and key of a message that has not arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SkippedKey(u64, MessageKey);

/// Everything to receive what was sent under one ratchet key of theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReceivingChain {
    #[serde(rename = "k")]
    theirs: DhPublic,
    /// CKr and Nr; gone once they moved on to the next ratchet key.
    #[serde(rename = "p")]
    position: Option<Position>,
    /// MKSKIPPED of this chain, oldest first.
    #[serde(rename = "s")]
    skipped: Skipped,
    /// Its post-quantum epoch, and the step it began with.
    #[serde(rename = "e", default, skip_serializing_if = "is_first")]
    epoch: u64,
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    step: Option<KeyId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde asks for")]
fn is_first(epoch: &u64) -> bool {
    *epoch == 0
}

/// How a chain changes once a message is authenticated.
pub(super) enum ChainStep {
    /// The stored key at this index was used.
    Spend(usize),
    /// The chain advanced past the message, skipping these.
    Advance(Position, Skipped),
}

impl Position {
    /// The key of message `number`, what is skipped before it and the position after it.
    fn walk(&self, number: u64) -> Result<(MessageKey, Position, Skipped), SessionError> {
        let (before, skipped) = self.skip_to(number)?;
        let (key, next) = before.0.step();
        let after = number.checked_add(1).ok_or(SessionError::TooFarAhead)?;
        Ok((key, Position(next, after), skipped))
    }

    /// The position at message `number` and the keys skipped on the way.
    fn skip_to(&self, number: u64) -> Result<(Position, Skipped), SessionError> {
        let jump = number.checked_sub(self.1).ok_or(SessionError::KeyGone)?;
        if jump > MAX_FORWARD_JUMP {
            return Err(SessionError::TooFarAhead);
        }
        let mut chain = self.0.clone();
        let mut skipped = Skipped::new();
        for at in self.1..number {
            let (key, next) = chain.step();
            if skipped.len() == MAX_SKIPPED_PER_CHAIN {
                skipped.pop_front();
            }
            skipped.push_back(SkippedKey(at, key));
            chain = next;
        }
        Ok((Position(chain, number), skipped))
    }
}

impl ReceivingChain {
    pub(super) fn new(theirs: DhPublic, chain: ChainKey, said: &StepHeader) -> Self {
        let position = Some(Position(chain, 0));
        Self { theirs, position, skipped: Skipped::new(), epoch: said.epoch, step: said.step }
    }

    /// Every envelope of a chain says the same of the step it began with.
    pub(super) fn agrees(&self, said: &StepHeader) -> Result<(), SessionError> {
        if (self.epoch, self.step) == (said.epoch, said.step) { Ok(()) } else { Err(SessionError::WrongEpoch) }
    }

    pub(super) fn theirs(&self) -> &DhPublic {
        &self.theirs
    }

    /// Finds the key of message `number`; nothing changes before [`ReceivingChain::commit`].
    pub(super) fn find(&self, number: u64) -> Result<(MessageKey, ChainStep), SessionError> {
        if let Some(at) = self.skipped.iter().position(|s| s.0 == number) {
            return Ok((self.skipped[at].1.clone(), ChainStep::Spend(at)));
        }
        let position = self.position.as_ref().ok_or(SessionError::KeyGone)?;
        let (key, after, skipped) = position.walk(number)?;
        Ok((key, ChainStep::Advance(after, skipped)))
    }

    /// What remains of this chain when they moved on after `count` messages: no chain key, only skipped keys.
    pub(super) fn finish(&self, count: u64) -> Result<Skipped, SessionError> {
        match &self.position {
            Some(position) if count > position.1 => Ok(position.skip_to(count)?.1),
            _ => Ok(Skipped::new()),
        }
    }

    pub(super) fn commit(&mut self, step: ChainStep) {
        match step {
            ChainStep::Spend(at) => drop(self.skipped.remove(at)),
            ChainStep::Advance(position, skipped) => {
                self.position = Some(position);
                self.store(skipped);
            }
        }
    }

    pub(super) fn commit_finish(&mut self, skipped: Skipped) {
        self.position = None;
        self.store(skipped);
    }

    fn store(&mut self, skipped: Skipped) {
        self.skipped.extend(skipped);
        let excess = self.skipped.len().saturating_sub(MAX_SKIPPED_PER_CHAIN);
        self.skipped.drain(..excess);
    }
}
