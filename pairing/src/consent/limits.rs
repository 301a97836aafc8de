//! What strangers may do, decided before any key agreement. In memory only: a restart forgives.
//!
//! `pairing/SPEC.md`, section Limits.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::{InviteFrame, WORK_BITS, work};
use crate::{
    crypto::hash::blake3,
    identity::{TokenBook, TokenId},
    ids::AccountId,
};

const HOUR_MS: u64 = 60 * 60 * 1000;
/// Sources remembered at once; a full table refuses new ones for the rest of the hour.
const MAX_SOURCES: usize = 4096;

/// The limits an operator may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrangerLimitsConfig {
    /// Invites per hour and source network (/24 of IPv4, /48 of IPv6, or everything relayed).
    pub per_source_per_hour: u32,
    /// Pending invites in all.
    pub pending: usize,
    /// Leading zero bits of the proof of work.
    pub work_bits: u8,
}

impl Default for StrangerLimitsConfig {
    fn default() -> Self {
        Self { per_source_per_hour: 3, pending: 64, work_bits: WORK_BITS }
    }
}

/// Why an invite may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It was made with this token: [`TokenBook::spend`] it if a new request comes of it.
    Token(TokenId),
    /// Its proof of work is good and the limits allow it.
    Work,
}

/// Why an invite is not opened. The sender gets the same acknowledgement whatever the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither a token nor enough work, or work of another day.
    #[error("no valid token and no valid proof of work")]
    Pass,
    /// As many invites wait for the operator as may.
    #[error("too many pending invites")]
    Pending,
    /// Too many invites from this network within an hour.
    #[error("too many invites from this network")]
    Source,
}

/// A network from which strangers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// /24 of IPv4.
    V4([u8; 3]),
    /// /48 of IPv6.
    V6([u8; 6]),
    /// Through a relay: the real source is not known, so all of them share one allowance.
    Relayed,
    /// It lay at a keeper of ours, which may be anybody's accomplice: all keepers share one allowance.
    Keeper,
}

/// What came from each network within an hour.
#[derive(Debug, Clone, Default)]
pub struct SourceCounts(
    /// Start of the hour that is being counted and the count, for each source.
    HashMap<Source, (u64, u32)>,
);

/// Counts what strangers did lately.
#[derive(Debug, Clone)]
pub struct StrangerLimits {
    config: StrangerLimitsConfig,
    sources: SourceCounts,
}

/// What the node knows before it opens an invite.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// The account it is for.
    pub invitee: AccountId,
    /// From where it came.
    pub source: Source,
    /// Requests that wait for the operator now.
    pub pending: usize,
    /// The named inviter is somebody we invited or are paired with (a claim until the invite opens).
    pub expected: bool,
    /// The tokens this account gave out.
    pub tokens: &'a TokenBook,
}

impl StrangerLimits {
    /// Fresh counters.
    pub fn new(config: StrangerLimitsConfig) -> Self {
        Self { config, sources: SourceCounts::default() }
    }

    /// Changes the limits. What was counted stays counted.
    pub fn set_config(&mut self, config: StrangerLimitsConfig) {
        self.config = config;
    }

    /// Whether an invite has a token or work, at `now` (Unix milliseconds). Counts nothing: for looking at who sealed it.
    pub fn has_pass(&self, invite: &InviteFrame, invitee: &AccountId, tokens: &TokenBook, now: u64) -> bool {
        let recognise = |tag| tokens.recognise(tag, invitee, &invite.message, now);
        invite.pass.token.as_ref().and_then(recognise).is_some()
            || work::is_done(invitee, invite, self.config.work_bits, now)
    }

    /// Decides whether an invite may be opened, at `now` (Unix milliseconds), and counts it.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn admit(&mut self, invite: &InviteFrame, arrival: &Arrival<'_>, now: u64) -> Result<Admission, Refusal> {
        if let Some(tag) = &invite.pass.token
            && let Some(token) = arrival.tokens.recognise(tag, &arrival.invitee, &invite.message, now)
        {
            return Ok(Admission::Token(token));
        }
        if !work::is_done(&arrival.invitee, invite, self.config.work_bits, now) {
            return Err(Refusal::Pass);
        }
        if !arrival.expected {
            if arrival.pending >= self.config.pending {
                return Err(Refusal::Pending);
            }
            if !self.sources.admit(arrival.source, self.config.per_source_per_hour, now) {
                return Err(Refusal::Source);
            }
        }
        Ok(Admission::Work)
    }
}

impl SourceCounts {
    /// Whether one more may come from a network of which `most` may within an hour, at `now` (Unix milliseconds); then it is counted.
    pub fn admit(&mut self, source: Source, most: u32, now: u64) -> bool {
        if source.is_this_machine() {
            return true;
        }
        if self.0.len() >= MAX_SOURCES && !self.0.contains_key(&source) {
            self.0.retain(|_, (start, _)| now.saturating_sub(*start) < HOUR_MS);
            if self.0.len() >= MAX_SOURCES {
                return false;
            }
        }
        let (start, count) = self.0.entry(source).or_insert((now, 0));
        if now.saturating_sub(*start) >= HOUR_MS {
            (*start, *count) = (now, 0);
        }
        let is_admitted = *count < most;
        *count += u32::from(is_admitted);
        is_admitted
    }
}

impl Source {
    /// This very machine: whoever runs programs here has better ways to fill our queue.
    pub fn is_this_machine(&self) -> bool {
        matches!(self, Self::V4([127, ..]) | Self::V6([0, 0, 0, 0, 0, 0]))
    }

    /// Tells networks apart, and says nothing of them to who does not know `salt`.
    pub fn hash(&self, salt: &[u8]) -> [u8; 8] {
        let network: &[u8] = match self {
            Self::V4(network) => network,
            Self::V6(network) => network,
            Self::Relayed => b"r",
            Self::Keeper => b"k",
        };
        let mut hash = [0; 8];
        hash.copy_from_slice(&blake3(&[salt, network].concat())[..8]);
        hash
    }

    /// The network of a peer with this address; none: it came through a relay.
    pub fn of(address: Option<IpAddr>) -> Self {
        match address.map(|a| a.to_canonical()) {
            Some(IpAddr::V4(v4)) => Self::v4(v4),
            Some(IpAddr::V6(v6)) => Self::v6(v6),
            None => Self::Relayed,
        }
    }

    fn v4(address: Ipv4Addr) -> Self {
        let [a, b, c, _] = address.octets();
        Self::V4([a, b, c])
    }

    fn v6(address: Ipv6Addr) -> Self {
        let mut network = [0; 6];
        network.copy_from_slice(&address.octets()[..6]);
        Self::V6(network)
    }
}

#[cfg(test)]
mod tests;
