//! The link ticket: what a new machine shows, as text or QR code, to become a device of an account.
//!
//! Whoever has it can try to link the machine for ten minutes, and nothing else. `pairing/SPEC.md`, section Link.

use std::{fmt, str::FromStr};

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::LinkId;
use crate::{
    crypto::{
        dh::DhPublic,
        hash::{blake3, derive_bytes},
        secret::Secret,
    },
    identity::DeviceKeys,
    version::Version,
};

const PREFIX: &str = "covey-link:";
/// Bytes of the BLAKE3 hash at the end, against mistyping.
const CHECKSUM_LEN: usize = 4;
/// Longest ticket in bytes: still a readable QR code.
const TICKET_MAX: usize = 1024;
/// Addresses of the machine.
const MAX_ADDRESSES: usize = 8;
/// Longest address text in bytes.
const ADDRESS_MAX: usize = 256;
const NETWORK_CONTEXT: &str = "covey 2026 link network v1";

/// Names a private network without its key. The open one has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkTag(ByteArray<8>);

impl NetworkTag {
    /// Of a private network's key.
    pub fn of(key: &[u8; 32]) -> Self {
        Self(ByteArray::new(*derive_bytes(NETWORK_CONTEXT, key).expose()))
    }
}

/// Why a text is not a link ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkTicketError {
    /// Does not begin with `covey-link:`.
    #[error("a link begins with `covey-link:`; the new machine shows it with `covey init --link`")]
    NotALink,
    /// Lost or wrong characters.
    #[error("the link is mistyped or incomplete")]
    Mistyped,
    /// Longer than a link can be.
    #[error("the link is too long")]
    TooLong,
    /// From a newer version, or not made by covey.
    #[error("the link is of a kind this version does not know")]
    Unknown,
}

/// Everything a host needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct LinkTicket {
    /// The keys of the new device.
    pub device: DeviceKeys,
    /// Its key for this one link.
    pub key: DhPublic,
    /// Shows to the machine that somebody read the ticket.
    pub secret: Secret<16>,
    /// The private network that the machine is in. None: the open one.
    pub network: Option<NetworkTag>,
    /// By the machine's clock, Unix milliseconds.
    pub expires_at: u64,
    /// Where it listens: multiaddresses as text, opaque here.
    pub addresses: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Wire(Version<1>, DeviceKeys, DhPublic, Secret<16>, Option<NetworkTag>, u64, Vec<String>);

impl From<LinkTicket> for Wire {
    fn from(ticket: LinkTicket) -> Self {
        let LinkTicket { device, key, secret, network, expires_at, addresses } = ticket;
        Self(Version, device, key, secret, network, expires_at, addresses)
    }
}

impl TryFrom<Wire> for LinkTicket {
    type Error = LinkTicketError;

    fn try_from(Wire(_, device, key, secret, network, expires_at, addresses): Wire) -> Result<Self, LinkTicketError> {
        let few = addresses.len() <= MAX_ADDRESSES && addresses.iter().all(|address| address.len() <= ADDRESS_MAX);
        let ticket = Self { device, key, secret, network, expires_at, addresses };
        if few { Ok(ticket) } else { Err(LinkTicketError::TooLong) }
    }
}

impl LinkTicket {
    /// The bytes that the handshake covers.
    pub(super) fn content(&self) -> Vec<u8> {
        covey_codec::encode(self).expect("a ticket is plain data")
    }

    /// Names the link on the wire.
    pub fn id(&self) -> LinkId {
        LinkId::of(&self.content())
    }

    /// Keeps the first addresses, as many as a ticket holds.
    pub(super) fn shortened(mut self) -> Self {
        self.addresses.retain(|address| address.len() <= ADDRESS_MAX);
        self.addresses.truncate(MAX_ADDRESSES);
        while self.content().len() + CHECKSUM_LEN > TICKET_MAX && self.addresses.pop().is_some() {}
        self
    }
}

impl fmt::Display for LinkTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.content();
        bytes.extend(&blake3(&bytes)[..CHECKSUM_LEN]);
        write!(f, "{PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_lowercase())
    }
}

impl FromStr for LinkTicket {
    type Err = LinkTicketError;

    /// Accepts either case, and white space anywhere (line breaks of a terminal or a mail).
    fn from_str(text: &str) -> Result<Self, LinkTicketError> {
        if text.len() > 4 * TICKET_MAX {
            return Err(LinkTicketError::TooLong);
        }
        let text: String = text.split_whitespace().collect::<String>().to_uppercase();
        let body = text.strip_prefix(&PREFIX.to_uppercase()).ok_or(LinkTicketError::NotALink)?;
        let bytes = BASE32_NOPAD.decode(body.as_bytes()).map_err(|_| LinkTicketError::Mistyped)?;
        let (content, checksum) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(LinkTicketError::Mistyped)?;
        if blake3(content)[..CHECKSUM_LEN] != checksum[..] {
            return Err(LinkTicketError::Mistyped);
        }
        let ticket: Self =
            covey_codec::decode(content, TICKET_MAX - CHECKSUM_LEN).map_err(|_| LinkTicketError::Unknown)?;
        // The handshake covers these bytes: there is one form of each ticket.
        if ticket.content() == content { Ok(ticket) } else { Err(LinkTicketError::Unknown) }
    }
}
