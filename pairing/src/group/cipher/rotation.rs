//! When a new chain has to begin.

use serde::{Deserialize, Serialize};

use super::{
    limits::{ROTATION_AGE_MS, ROTATION_DELAY_MS, ROTATION_MESSAGES},
    seam::Change,
    sender::SenderChain,
};

/// How long a chain may serve; the operator's choice within what others accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationPolicy {
    /// How long leaves, revocations and healed sessions may wait for others, milliseconds.
    pub delay_ms: u64,
    /// Longest life, milliseconds.
    pub max_age_ms: u64,
    /// Most messages; [`super::limits::MAX_CHAIN`] holds in any case.
    pub max_messages: u64,
}

impl Default for RotationPolicy {
    fn default() -> Self {
        Self { delay_ms: ROTATION_DELAY_MS, max_age_ms: ROTATION_AGE_MS, max_messages: ROTATION_MESSAGES }
    }
}

/// What has happened since our chain began that asks for a new one.
///
/// Rotation is due, never done, here: a group in which nobody speaks causes no work. The new chain begins with the next
/// message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Something that does not wait.
    #[serde(rename = "o")]
    at_once: bool,
    /// When the first of those that wait happened, Unix milliseconds.
    #[serde(rename = "w")]
    waiting_since: Option<u64>,
}

impl Rotation {
    /// Takes note of a change.
    pub fn note(&mut self, change: &Change, now: u64) {
        match change {
            Change::Removed(_) | Change::Crowded | Change::Restored => self.at_once = true,
            Change::Left(_) | Change::Revoked(_) | Change::Healed => {
                self.waiting_since = Some(self.waiting_since.unwrap_or(now).min(now));
            }
            Change::Joined(_) => {}
        }
    }

    /// Whether the next message has to be sealed under a new chain.
    pub fn due(&self, chain: &SenderChain, policy: &RotationPolicy, now: u64) -> bool {
        self.at_once
            || self.waiting_since.is_some_and(|since| now >= since.saturating_add(policy.delay_ms))
            || now >= chain.began_at().saturating_add(policy.max_age_ms)
            || chain.index() >= policy.max_messages.min(super::limits::MAX_CHAIN)
    }
}
