//! The join statement: a device's signed wish to become, with its account, a member of a group.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::token::{TicketProof, TicketToken};
use crate::{
    crypto::{hash::blake3, sign::Context},
    group::roster::{Ground, OpId, VerifiedDevices, VerifiedJoin, log_rank},
    identity::{CardError, ContactCard, DeviceSecret},
    ids::{AccountId, DeviceId, GroupId},
    version::Version,
};

/// Longest statement in bytes (340 in use).
pub const STATEMENT_MAX: usize = 512;
/// How old a statement may be when it is first carried (30 days): as long as an invite waits.
const MAX_AGE_MS: u64 = 30 * 24 * 3_600_000;
/// How far clocks may differ.
const CLOCK_SKEW_MS: u64 = 24 * 3_600_000;

/// Why a join statement is worth nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Not a statement of a version we know.
    #[error("malformed join statement")]
    Malformed,
    /// Not signed by the device it names.
    #[error("join statement is not signed by its device")]
    Signature,
    /// The card is not that of the account, or the device is not an active one of it.
    #[error("join statement of a device that is not of the account")]
    Device,
    /// The card beside it is not valid at the time of the statement.
    #[error("card of the joiner: {0}")]
    Card(#[from] CardError),
    /// Made with a ticket, but not by who holds its token.
    #[error("join statement does not prove that its device holds the ticket")]
    Ticket,
    /// For another group than the one in whose roster it stands.
    #[error("join statement for another group")]
    Group,
}

/// Names a statement: the hash of its signed part. A statement counts once, or one who left could be brought back with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StatementId(ByteArray<32>);

impl StatementId {
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

/// A statement signed by the device it names and, with a ticket, by the token of that ticket. Whether the device is of the
/// account is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinStatement {
    /// The group to join.
    pub group: GroupId,
    /// Who joins.
    pub account: AccountId,
    /// Which of their devices says so.
    pub device: DeviceId,
    /// By what right.
    pub ground: Ground,
    /// Unix milliseconds.
    pub issued_at: u64,
    id: StatementId,
}

/// Version, signed part, the device that signed it, signature.
#[derive(Serialize, Deserialize)]
struct Wire(Version<1>, ByteBuf, DeviceId, ByteArray<64>);

/// Version, group, account, device, ground, time.
#[derive(Serialize, Deserialize)]
struct Content(Version<1>, GroupId, AccountId, DeviceId, WireGround, u64);

#[derive(Serialize, Deserialize)]
enum WireGround {
    #[serde(rename = "i")]
    Invite(OpId),
    #[serde(rename = "t")]
    Ticket(TicketProof),
    #[serde(rename = "r")]
    Request,
}

impl JoinStatement {
    /// The statement of an invitee: bytes, at most [`STATEMENT_MAX`].
    pub fn by_invite(group: GroupId, account: AccountId, device: &DeviceSecret, invite: OpId, now: u64) -> Vec<u8> {
        sign(group, account, device, WireGround::Invite(invite), now)
    }

    /// The statement of who asks without either: bytes, at most [`STATEMENT_MAX`].
    pub fn by_request(group: GroupId, account: AccountId, device: &DeviceSecret, now: u64) -> Vec<u8> {
        sign(group, account, device, WireGround::Request, now)
    }

    /// The statement of who holds a ticket: bytes, at most [`STATEMENT_MAX`].
    pub fn by_ticket(
        group: GroupId,
        account: AccountId,
        device: &DeviceSecret,
        token: &TicketToken,
        now: u64,
    ) -> Vec<u8> {
        let proof = token.prove(&group, &account, &device.id(), now);
        sign(group, account, device, WireGround::Ticket(proof), now)
    }

    /// Verifies the signatures of a statement.
    ///
    /// # Errors
    /// [`StatementError::Malformed`], [`StatementError::Signature`], [`StatementError::Ticket`].
    pub fn open(bytes: &[u8]) -> Result<Self, StatementError> {
        let malformed = |_| StatementError::Malformed;
        let Wire(_, content, signer, signature) = covey_codec::decode(bytes, STATEMENT_MAX).map_err(malformed)?;
        let verified = signer.verifying_key().verify(Context::GroupJoin, &content, &signature);
        verified.map_err(|_| StatementError::Signature)?;
        let Content(_, group, account, device, ground, issued_at) =
            covey_codec::decode(&content, STATEMENT_MAX).map_err(malformed)?;
        if device != signer {
            return Err(StatementError::Signature);
        }
        let ground = match ground {
            WireGround::Invite(op) => Ground::Invite(op),
            WireGround::Request => Ground::Request,
            WireGround::Ticket(proof) => {
                let id = proof.verify(&group, &account, &device, issued_at);
                Ground::Ticket(id.map_err(|_| StatementError::Ticket)?)
            }
        };
        let id = StatementId(ByteArray::new(blake3(&content)));
        Ok(Self { group, account, device, ground, issued_at, id })
    }

    /// Its name.
    pub fn id(&self) -> StatementId {
        self.id
    }

    /// Whether a member may carry it into the roster at `now`. Later, nobody asks any more.
    pub fn is_fresh(&self, now: u64) -> bool {
        let ahead = self.issued_at.saturating_sub(now);
        let age = now.saturating_sub(self.issued_at);
        ahead <= CLOCK_SKEW_MS && age <= MAX_AGE_MS
    }

    /// Verifies that the device is an active one of the account, by the signed card beside the statement. The card counts
    /// as of the time of the statement, so that every member finds the same, whenever it looks.
    ///
    /// # Errors
    /// [`StatementError::Card`], [`StatementError::Device`].
    pub fn verify(&self, card: &[u8]) -> Result<ContactCard, StatementError> {
        let card = ContactCard::open(card, self.issued_at)?;
        let is_theirs = card.account() == self.account && card.log().is_active(&self.device);
        if is_theirs { Ok(card) } else { Err(StatementError::Device) }
    }
}

/// What the statement and card in a join operation of `group` say, once everything about them is verified. Depends on
/// nothing but the three, so all members find the same.
///
/// # Errors
/// [`StatementError`]: such an operation never counts.
pub fn vouch(group: &GroupId, statement: &[u8], card: &[u8]) -> Result<VerifiedJoin, StatementError> {
    let statement = JoinStatement::open(statement)?;
    if statement.group != *group {
        return Err(StatementError::Group);
    }
    let card = statement.verify(card)?;
    let JoinStatement { account, ground, issued_at, .. } = statement;
    Ok(VerifiedJoin { account, devices: devices(&card), ground, at: issued_at })
}

/// The devices on a verified card, as the roster holds them.
pub fn devices(card: &ContactCard) -> VerifiedDevices {
    let devices = card.log().active().map(|device| device.keys.id).collect();
    VerifiedDevices { devices, log: log_rank(card.log().rotations().len(), card.log().ops().len()) }
}

fn sign(group: GroupId, account: AccountId, device: &DeviceSecret, ground: WireGround, now: u64) -> Vec<u8> {
    let content = Content(Version, group, account, device.id(), ground, now);
    let content = covey_codec::encode(&content).expect("plain data encodes");
    let signature = ByteArray::new(device.signing().sign(Context::GroupJoin, &content));
    covey_codec::encode(&Wire(Version, ByteBuf::from(content), device.id(), signature)).expect("plain data encodes")
}
