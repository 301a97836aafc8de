//! The seal of an invite: what makes first contact post-quantum.
//!
//! The inviter encapsulates a secret to the invitee's account KEM key. Two keys come from it: one hides who the inviter is,
//! the other goes into the Noise handshake as its pre-shared key (`IKpsk0`), before anything is encrypted. So the offer, the
//! answer, the confirm and the pair secret rest on ML-KEM *and* on X25519: who breaks one of the two opens nothing.
//!
//! `pairing/SPEC.md`, section Consent handshake, *Sealed invites*.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    crypto::{
        aead,
        hash::{blake3, derive_key},
        kem::{CIPHERTEXT_LEN, InvalidKem, KemPublic},
        secret::Secret,
    },
    identity::AccountSecret,
    ids::AccountId,
};

const PSK_CONTEXT: &str = "covey 2026 invite psk v1";
const SENDER_CONTEXT: &str = "covey 2026 invite sender key v1";
/// Ciphertext and sealed account id of the inviter.
const HEAD_LEN: usize = CIPHERTEXT_LEN + 32 + aead::TAG_LEN;

/// The seal of an invite of ours, kept with the invite to replay its handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seal {
    /// The key it was made with.
    pub(super) key: KemPublic,
    /// What stands before the Noise message.
    pub(super) head: ByteBuf,
    /// Pre-shared key of the handshake.
    pub(super) psk: Secret<32>,
}

/// What a sealed message opens to.
pub(super) struct Unsealed<'a> {
    /// The inviter, as it says; proven only once the Noise message opens.
    pub(super) from: AccountId,
    pub(super) psk: Secret<32>,
    /// Noise message 1.
    pub(super) message: &'a [u8],
}

impl Seal {
    /// Seals an invite of `from` to the KEM key `key` of the account `to`.
    pub(super) fn new(
        from: &AccountId,
        to: &AccountId,
        key: &KemPublic,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, InvalidKem> {
        let (ciphertext, shared) = key.encapsulate(rng)?;
        let (sender_key, psk) = derive(&shared, key, &ciphertext);
        let sender = aead::seal(&sender_key, &[0; 12], to.as_bytes(), from.as_bytes());
        Ok(Self { key: key.clone(), head: ByteBuf::from([ciphertext, sender].concat()), psk })
    }
}

/// Opens the seal of `message`, which is for `account`. None, if it is for somebody else or was changed.
pub(super) fn unseal<'a>(account: &AccountSecret, message: &'a [u8]) -> Option<Unsealed<'a>> {
    let (head, message) = message.split_at_checked(HEAD_LEN)?;
    let (ciphertext, sender) = head.split_at(CIPHERTEXT_LEN);
    let shared = account.kem().decapsulate(ciphertext).ok()?;
    let (sender_key, psk) = derive(&shared, account.kem_key(), ciphertext);
    let from = aead::open(&sender_key, &[0; 12], account.id().as_bytes(), sender).ok()?;
    Some(Unsealed { from: AccountId::from_bytes(from.try_into().ok()?), psk, message })
}

/// The key that hides the inviter, and the pre-shared key: of one invite only, as the secret is.
fn derive(shared: &Secret<32>, key: &KemPublic, ciphertext: &[u8]) -> (Secret<32>, Secret<32>) {
    let mut material = Secret::<96>::new([0; 96]);
    material.copy_in(0, shared.expose());
    material.copy_in(32, key.hash().as_bytes());
    material.copy_in(64, &blake3(ciphertext));
    (derive_key(SENDER_CONTEXT, material.expose()), derive_key(PSK_CONTEXT, material.expose()))
}
