//! The secret in a group ticket. Every member can check that a join used it; only who holds the ticket has it.
//!
//! The secret is the seed of an Ed25519 key, the ticket's id in the roster is a hash of the public key, and a join shows that
//! key and a signature by it. So the roster holds 16 bytes of a ticket, and a member who checks a join needs nothing else.

use std::fmt;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::{
    crypto::{
        hash::derive_key,
        secret::Secret,
        sign::{BadSignature, Context, SigningSecret, VerifyingKey},
    },
    group::roster::TicketId,
    ids::{AccountId, DeviceId, GroupId},
};

const ID_CONTEXT: &str = "covey 2026 group ticket id v1";

/// The secret in a ticket: the seed of an Ed25519 key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketToken(SigningSecret);

impl TicketToken {
    /// A fresh token.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(SigningSecret::from_seed(*Secret::<32>::random(rng).expose()))
    }

    /// Name of the ticket: what the roster holds of it.
    pub fn id(&self) -> TicketId {
        id_of(&self.0.public())
    }

    /// Shows knowledge of the token, for one device and one moment.
    pub(super) fn prove(&self, group: &GroupId, account: &AccountId, device: &DeviceId, issued_at: u64) -> TicketProof {
        let signature = self.0.sign(Context::GroupTicket, &message(group, account, device, issued_at));
        TicketProof(self.0.public(), ByteArray::new(signature))
    }
}

impl fmt::Debug for TicketToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketToken({})", self.id())
    }
}

/// Proof of holding a token: its public key and a signature by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TicketProof(VerifyingKey, ByteArray<64>);

impl TicketProof {
    /// Of which ticket the token is that made this proof.
    pub(super) fn verify(
        &self,
        group: &GroupId,
        account: &AccountId,
        device: &DeviceId,
        issued_at: u64,
    ) -> Result<TicketId, BadSignature> {
        self.0.verify(Context::GroupTicket, &message(group, account, device, issued_at), &self.1)?;
        Ok(id_of(&self.0))
    }
}

/// The first 16 bytes of a hash of the token's public key. Who makes a ticket can find two keys with one id, at the cost of
/// 2^64 tries, and gains nothing; anybody else needs 2^128.
fn id_of(key: &VerifyingKey) -> TicketId {
    let mut id = [0; 16];
    id.copy_from_slice(&derive_key(ID_CONTEXT, key.as_bytes()).expose()[..16]);
    TicketId::from_bytes(id)
}

/// `group || account || device || issued_at (8, big endian)`
fn message(group: &GroupId, account: &AccountId, device: &DeviceId, issued_at: u64) -> Vec<u8> {
    [group.as_bytes().as_slice(), account.as_bytes(), device.as_bytes(), &issued_at.to_be_bytes()].concat()
}
