//! The keeper ticket: who has it may have mail kept, once.

use std::{fmt, str::FromStr};

use data_encoding::BASE32_NOPAD;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use super::{are_few, fewer};
use crate::{
    crypto::{hash::blake3, secret::Secret},
    identity::DeviceKeys,
    ids::AccountId,
    version::Version,
};

const PREFIX: &str = "covey-keeper:";
/// Bytes of the BLAKE3 hash at the end, against mistyping.
const CHECKSUM_LEN: usize = 4;
/// Longest ticket in bytes.
const TICKET_MAX: usize = 1024;

/// How long a ticket is good, by the keeper's clock, in milliseconds: copied today, used today or tomorrow.
pub const KEEPER_TICKET_LIFETIME_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// Shows to a keeper that somebody read its ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketSecret(Secret<16>);

impl TicketSecret {
    /// Of a new ticket.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(Secret::random(rng))
    }

    /// What the keeper stores of it, BLAKE3.
    pub fn hash(&self) -> [u8; 32] {
        blake3(self.0.expose())
    }
}

/// Why a text is not a keeper ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeeperTicketError {
    /// Does not begin with `covey-keeper:`.
    #[error("a keeper ticket begins with `covey-keeper:`; the keeper prints it with `covey keeper serve`")]
    NotAKeeper,
    /// Lost or wrong characters.
    #[error("the keeper ticket is mistyped or incomplete")]
    Mistyped,
    /// Longer than one can be.
    #[error("the keeper ticket is too long")]
    TooLong,
    /// From a newer version, or not made by covey.
    #[error("the keeper ticket is of a kind this version does not know")]
    Unknown,
}

/// Everything an owner needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct KeeperTicket {
    /// The account of the keeper: it is found again by its card when it moved.
    pub account: AccountId,
    /// The device of the keeper.
    pub keeper: DeviceKeys,
    /// Good once.
    pub secret: TicketSecret,
    /// By the keeper's clock, Unix milliseconds.
    pub expires_at: u64,
    /// Where it listens: multiaddresses as text, opaque here.
    pub addresses: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Wire(Version<1>, AccountId, DeviceKeys, TicketSecret, u64, Vec<String>);

impl From<KeeperTicket> for Wire {
    fn from(ticket: KeeperTicket) -> Self {
        let KeeperTicket { account, keeper, secret, expires_at, addresses } = ticket;
        Self(Version, account, keeper, secret, expires_at, addresses)
    }
}

impl TryFrom<Wire> for KeeperTicket {
    type Error = KeeperTicketError;

    fn try_from(Wire(_, account, keeper, secret, expires_at, addresses): Wire) -> Result<Self, KeeperTicketError> {
        if !are_few(&addresses) {
            return Err(KeeperTicketError::TooLong);
        }
        Ok(Self { account, keeper, secret, expires_at, addresses })
    }
}

impl KeeperTicket {
    fn content(&self) -> Vec<u8> {
        covey_codec::encode(self).expect("a ticket is plain data")
    }

    /// Keeps the first addresses, as many as a ticket holds.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        fewer(&mut self.addresses);
        while self.content().len() + CHECKSUM_LEN > TICKET_MAX && self.addresses.pop().is_some() {}
        self
    }
}

impl fmt::Display for KeeperTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.content();
        bytes.extend(&blake3(&bytes)[..CHECKSUM_LEN]);
        write!(f, "{PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_lowercase())
    }
}

impl FromStr for KeeperTicket {
    type Err = KeeperTicketError;

    /// [KEEP-4] Accepts either case, and white space anywhere (line breaks of a terminal or a mail).
    fn from_str(text: &str) -> Result<Self, KeeperTicketError> {
        if text.len() > 4 * TICKET_MAX {
            return Err(KeeperTicketError::TooLong);
        }
        let text: String = text.split_whitespace().collect::<String>().to_uppercase();
        let body = text.strip_prefix(&PREFIX.to_uppercase()).ok_or(KeeperTicketError::NotAKeeper)?;
        let bytes = BASE32_NOPAD.decode(body.as_bytes()).map_err(|_| KeeperTicketError::Mistyped)?;
        let (content, checksum) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(KeeperTicketError::Mistyped)?;
        if blake3(content)[..CHECKSUM_LEN] != checksum[..] {
            return Err(KeeperTicketError::Mistyped);
        }
        covey_codec::decode(content, TICKET_MAX - CHECKSUM_LEN).map_err(|_| KeeperTicketError::Unknown)
    }
}
