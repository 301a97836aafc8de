//! The secret in a group ticket. Every member can check that a join used it; only who holds the ticket has it.

use std::{fmt, str::FromStr};

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::{
    crypto::{
        hash::derive_key,
        secret::Secret,
        sign::{BadSignature, Context, SigningSecret, VerifyingKey},
    },
    ids::{AccountId, DeviceId, GroupId},
};

const ID_CONTEXT: &str = "covey 2026 group ticket id v1";

/// The secret in a ticket: the seed of an Ed25519 key whose public half stands in the roster.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketToken(SigningSecret);

impl TicketToken {
    /// A fresh token.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(SigningSecret::from_seed(*Secret::<32>::random(rng).expose()))
    }

    /// What the roster holds of it.
    pub fn verifier(&self) -> TicketVerifier {
        TicketVerifier(self.0.public())
    }

    /// Name of the ticket.
    pub fn id(&self) -> TicketId {
        self.verifier().id()
    }

    /// Shows knowledge of the token, for one device and one moment.
    pub(super) fn prove(&self, group: &GroupId, account: &AccountId, device: &DeviceId, issued_at: u64) -> TicketProof {
        TicketProof(ByteArray::new(self.0.sign(Context::GroupTicket, &message(group, account, device, issued_at))))
    }
}

impl fmt::Debug for TicketToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketToken({})", self.id())
    }
}

/// What the roster holds of a ticket's token: its public key, 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketVerifier(VerifyingKey);

impl TicketVerifier {
    /// From its bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(VerifyingKey::from_bytes(bytes))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Name of the ticket: the first 16 bytes of a hash of this key.
    pub fn id(&self) -> TicketId {
        let mut id = [0; 16];
        id.copy_from_slice(&derive_key(ID_CONTEXT, self.as_bytes()).expose()[..16]);
        TicketId(ByteArray::new(id))
    }

    pub(super) fn verify(
        &self,
        proof: &TicketProof,
        group: &GroupId,
        account: &AccountId,
        device: &DeviceId,
        issued_at: u64,
    ) -> Result<(), BadSignature> {
        self.0.verify(Context::GroupTicket, &message(group, account, device, issued_at), &proof.0)
    }
}

/// `group || account || device || issued_at (8, big endian)`
fn message(group: &GroupId, account: &AccountId, device: &DeviceId, issued_at: u64) -> Vec<u8> {
    [group.as_bytes().as_slice(), account.as_bytes(), device.as_bytes(), &issued_at.to_be_bytes()].concat()
}

/// Proof of holding a token: a signature by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketProof(ByteArray<64>);

/// Public name of a ticket. Text form: hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketId(ByteArray<16>);

impl TicketId {
    /// From its bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(ByteArray::new(bytes))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(self.as_bytes()))
    }
}

impl fmt::Debug for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.as_bytes()[..4]))
    }
}

/// Not the text form of a ticket id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a ticket id (32 hexadecimal digits)")]
pub struct ParseTicketIdError;

impl FromStr for TicketId {
    type Err = ParseTicketIdError;

    fn from_str(text: &str) -> Result<Self, ParseTicketIdError> {
        let bytes =
            data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).map_err(|_| ParseTicketIdError)?;
        <[u8; 16]>::try_from(bytes).map(Self::from_bytes).map_err(|_| ParseTicketIdError)
    }
}
