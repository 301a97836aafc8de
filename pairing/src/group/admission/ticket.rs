//! The group ticket: what a member gives others, so that they can ask to join.
//!
//! Not signed: whoever gives a false ticket away would sign it with a key of their own, which its reader cannot tell from a
//! right one. What it leads to shows itself: the group id commits to the founder, the roster has the ticket's id, which only this token fits.
//!
//! `covey-group:` and base 32 in either case, with a checksum. `pairing/SPEC.md`, section Groups.

use std::{fmt, str::FromStr};

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::token::TicketToken;
use crate::{
    crypto::{dh::DhPublic, hash::blake3},
    group::roster::{TicketId, is_group_name},
    ids::{AccountId, DeviceId, GroupId},
    version::Version,
};

const PREFIX: &str = "covey-group:";
/// Bytes of the BLAKE3 hash at the end, against mistyping.
const CHECKSUM_LEN: usize = 4;
/// Longest ticket in bytes: its text still fits a QR code (version 33 of 40 in its alphanumeric mode).
const TICKET_MAX: usize = 2 * 1024;
/// Members' devices in one ticket: enough that one of them is up.
const MAX_POINTS: usize = 4;
/// Addresses of one of them.
const MAX_ADDRESSES: usize = 4;
/// Longest address in bytes, as on a card.
const ADDRESS_MAX: usize = 256;

/// Why a text is not a group ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupTicketError {
    /// Does not begin with `covey-group:`.
    #[error("a group ticket begins with `covey-group:`")]
    NotATicket,
    /// Lost or wrong characters.
    #[error("the group ticket is mistyped or incomplete")]
    Mistyped,
    /// Longer than a ticket can be.
    #[error("the group ticket is too long")]
    TooLong,
    /// From a newer version, or not made by covey.
    #[error("the group ticket is of a kind this version does not know")]
    Unknown,
    /// No admission point, or more of them or of their addresses than a ticket may hold, or a name that is none.
    #[error("the group ticket needs a name and 1 to {MAX_POINTS} admission points with {MAX_ADDRESSES} addresses each")]
    Limit,
}

/// A device of a member that takes join statements, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmissionPoint {
    /// The member.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// The device's Diffie-Hellman key: statements are sealed to it.
    pub dh: DhPublic,
    /// Ed25519 public key behind its peer id.
    pub network: [u8; 32],
    /// Multiaddresses as text; opaque here.
    pub addresses: Vec<String>,
}

/// Everything needed to ask for membership of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupTicket {
    /// The group.
    pub group: GroupId,
    /// What it was called when the ticket was made.
    pub name: String,
    /// Shows the members that the joiner holds this ticket.
    pub token: TicketToken,
    /// When the ticket ends, Unix milliseconds: so that whoever uses it too late is told at once.
    pub expires_at: Option<u64>,
    /// Whom to ask, at least one.
    pub points: Vec<AdmissionPoint>,
}

#[derive(Serialize, Deserialize)]
struct Wire(Version<1>, GroupId, String, TicketToken, Option<u64>, Vec<WirePoint>);

#[derive(Serialize, Deserialize)]
struct WirePoint(AccountId, DeviceId, DhPublic, ByteArray<32>, Vec<String>);

impl GroupTicket {
    /// Name of the ticket, by which members see and revoke it.
    pub fn id(&self) -> TicketId {
        self.token.id()
    }

    /// The text form.
    ///
    /// # Errors
    /// [`GroupTicketError::Limit`], [`GroupTicketError::TooLong`].
    pub fn to_text(&self) -> Result<String, GroupTicketError> {
        self.check()?;
        let points = self.points.iter().map(WirePoint::from).collect();
        let wire = Wire(Version, self.group, self.name.clone(), self.token.clone(), self.expires_at, points);
        let mut bytes = covey_codec::encode(&wire).expect("a ticket is plain data");
        if bytes.len() > TICKET_MAX - CHECKSUM_LEN {
            return Err(GroupTicketError::TooLong);
        }
        bytes.extend(&blake3(&bytes)[..CHECKSUM_LEN]);
        Ok(format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_lowercase()))
    }

    fn check(&self) -> Result<(), GroupTicketError> {
        let fits = |point: &AdmissionPoint| {
            point.addresses.len() <= MAX_ADDRESSES && point.addresses.iter().all(|address| address.len() <= ADDRESS_MAX)
        };
        let few = (1..=MAX_POINTS).contains(&self.points.len()) && self.points.iter().all(fits);
        if few && is_group_name(&self.name) { Ok(()) } else { Err(GroupTicketError::Limit) }
    }
}

impl From<&AdmissionPoint> for WirePoint {
    fn from(point: &AdmissionPoint) -> Self {
        let network = ByteArray::new(point.network);
        Self(point.account, point.device, point.dh, network, point.addresses.clone())
    }
}

impl From<WirePoint> for AdmissionPoint {
    fn from(WirePoint(account, device, dh, network, addresses): WirePoint) -> Self {
        Self { account, device, dh, network: network.into_array(), addresses }
    }
}

impl FromStr for GroupTicket {
    type Err = GroupTicketError;

    /// Accepts either case, and white space anywhere (line breaks of a terminal or a mail).
    fn from_str(text: &str) -> Result<Self, GroupTicketError> {
        if text.len() > 4 * TICKET_MAX {
            return Err(GroupTicketError::TooLong);
        }
        let text: String = text.split_whitespace().collect::<String>().to_uppercase();
        let body = text.strip_prefix(&PREFIX.to_uppercase()).ok_or(GroupTicketError::NotATicket)?;
        let bytes = BASE32_NOPAD.decode(body.as_bytes()).map_err(|_| GroupTicketError::Mistyped)?;
        let (content, checksum) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(GroupTicketError::Mistyped)?;
        if blake3(content)[..CHECKSUM_LEN] != checksum[..] {
            return Err(GroupTicketError::Mistyped);
        }
        let Wire(_, group, name, token, expires_at, points) =
            covey_codec::decode(content, TICKET_MAX).map_err(|_| GroupTicketError::Unknown)?;
        let points = points.into_iter().map(AdmissionPoint::from).collect();
        let ticket = Self { group, name, token, expires_at, points };
        ticket.check().map(|()| ticket)
    }
}

impl fmt::Display for GroupTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text().map_err(|_| fmt::Error)?)
    }
}
