//! Root, chain and message keys (Double Ratchet specification, sections 2.1, 2.2 and 5.2).

use serde::{Deserialize, Serialize};

use super::kem_step::Mixed;
use crate::crypto::{
    aead,
    dh::{DhPublic, DhSecret, InvalidPublicKey},
    kdf,
    secret::Secret,
};

const ROOT_INFO: &[u8] = b"covey ratchet root v1";
const KEM_ROOT_INFO: &[u8] = b"covey ratchet root with kem v1";

/// RK. Steps once per turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct RootKey(Secret<32>);

/// CK. Steps once per message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ChainKey(Secret<32>);

/// mk: seals exactly one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct MessageKey(Secret<32>);

impl RootKey {
    /// SK of PQXDH is the first root key.
    pub(super) fn new(shared: Secret<32>) -> Self {
        Self(shared)
    }

    /// `KDF_RK(rk, DH(ours, theirs))`, in a post-quantum step `KDF_RK(rk, DH(ours, theirs) || ss)`: the next root key and a
    /// chain key. One derivation takes in both secrets, so it is as strong as the stronger one.
    pub(super) fn step(
        &self,
        ours: &DhSecret,
        theirs: &DhPublic,
        mixed: Option<&Mixed<'_>>,
    ) -> Result<(Self, ChainKey), InvalidPublicKey> {
        let shared = ours.agree(theirs)?;
        let okm = match mixed {
            None => kdf::hkdf::<64>(self.0.expose(), shared.expose(), ROOT_INFO),
            Some(mixed) => {
                let mut both = Secret::new([0; 64]);
                both.copy_in(0, shared.expose());
                both.copy_in(32, mixed.secret.expose());
                kdf::hkdf(self.0.expose(), both.expose(), &[KEM_ROOT_INFO, &mixed.bound].concat())
            }
        };
        Ok((Self(half(&okm, 0)), ChainKey(half(&okm, 32))))
    }
}

impl ChainKey {
    /// `KDF_CK(ck)`: the key of this message and the chain key after it.
    pub(super) fn step(&self) -> (MessageKey, Self) {
        let [message, next] = kdf::hmac_pair(self.0.expose(), [&[1], &[2]]);
        (MessageKey(message), Self(next))
    }
}

/// A message key is used once, so its nonce can be constant.
const NONCE: [u8; 12] = [0; 12];

impl MessageKey {
    pub(super) fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        aead::seal(&self.0, &NONCE, aad, plaintext)
    }

    pub(super) fn open(&self, aad: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, aead::BadCiphertext> {
        aead::open(&self.0, &NONCE, aad, ciphertext)
    }
}

fn half(okm: &Secret<64>, from: usize) -> Secret<32> {
    let mut key = [0; 32];
    key.copy_from_slice(&okm.expose()[from..from + 32]);
    Secret::new(key)
}
