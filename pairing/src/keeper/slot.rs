//! Slots: where one contact of an owner may leave mail.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::{
    crypto::{hash::derive_key, secret::Secret},
    ids::{bytes_id, hex_id},
};

const TOKEN_CONTEXT: &str = "covey 2026 keeper slot token v1";

bytes_id! {
    /// Names a slot at a keeper: random, and the same for nobody else.
    SlotId, 16
}
hex_id!(SlotId);

impl SlotId {
    /// A new slot.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }
}

/// Opens one slot for writing, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SlotToken(Secret<32>);

impl SlotToken {
    /// A new token.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(Secret::random(rng))
    }

    /// What the keeper is told of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(ByteArray::new(*derive_key(TOKEN_CONTEXT, self.0.expose()).expose()))
    }
}

/// What a keeper knows of a token. The keeper cannot write into the slot in its depositor's place elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(ByteArray<32>);

impl TokenHash {
    /// [KEEP-3] Whether this is the token. The hash is no secret: comparing it takes a time that says nothing about the token.
    pub fn is_of(&self, token: &SlotToken) -> bool {
        *self == token.hash()
    }
}
