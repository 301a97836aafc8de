//! Slots: where one contact of an owner may leave mail.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::{
    crypto::{hash::derive_key, kem::KemHash, secret::Secret},
    ids::{AccountId, DeviceId, bytes_id, hex_id},
};

const TOKEN_CONTEXT: &str = "covey 2026 keeper slot token v1";
const OWN_ID_CONTEXT: &str = "covey 2026 own slot id v1";
const OWN_TOKEN_CONTEXT: &str = "covey 2026 own slot token v1";
const INVITE_ID_CONTEXT: &str = "covey 2026 invite slot id v1";
const INVITE_TOKEN_CONTEXT: &str = "covey 2026 invite slot token v1";

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

    /// [KEEP-10] The slot of one contact at one keeper, the same on all devices of an account. `root`:
    /// [`crate::identity::AccountSecret::own_slot_root`]. `number`: of the account's record of the keeper, another one when it is added
    /// again. `pact`: the id of the channel of the pact with the contact.
    pub fn derive(root: &Secret<32>, keeper: &DeviceId, number: u64, pact: &[u8; 32]) -> Self {
        let mut material = Secret::<104>::new([0; 104]);
        let parts = [(0, root.expose().as_slice()), (32, keeper.as_bytes()), (64, &number.to_le_bytes()), (72, pact)];
        parts.into_iter().for_each(|(at, part)| material.copy_in(at, part));
        let mut id = [0; 16];
        id.copy_from_slice(&derive_key(OWN_ID_CONTEXT, material.expose()).expose()[..16]);
        Self(id)
    }
}

impl SlotId {
    /// [KEEP-30] The invite slot of an account at each of its keepers: strangers know it from the account's ticket or card.
    pub fn of_invites(account: &AccountId, kem: &KemHash) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&derive_key(INVITE_ID_CONTEXT, &named(account, kem)).expose()[..16]);
        Self(id)
    }
}

/// What an invite slot follows from.
fn named(account: &AccountId, kem: &KemHash) -> Vec<u8> {
    [account.as_bytes().as_slice(), kem.as_bytes()].concat()
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

    /// [KEEP-10] The token of a derived slot. `losses`: how often the contact lost devices, each of which knows the token of before.
    pub fn derive(root: &Secret<32>, slot: &SlotId, losses: u32) -> Self {
        let mut material = Secret::<52>::new([0; 52]);
        let parts = [(0, root.expose().as_slice()), (32, slot.as_bytes()), (48, &losses.to_le_bytes())];
        parts.into_iter().for_each(|(at, part)| material.copy_in(at, part));
        Self(derive_key(OWN_TOKEN_CONTEXT, material.expose()))
    }

    /// [KEEP-30] The token of an invite slot: whoever can name the slot has it.
    pub fn of_invites(account: &AccountId, kem: &KemHash) -> Self {
        Self(derive_key(INVITE_TOKEN_CONTEXT, &named(account, kem)))
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
