//! The recovery keys of an account: the upper of its two ranks of keys.
//!
//! The seed (the 24 words) yields one recovery key for each rotation of the account. The key log commits to the next
//! recovery key by its hash: only the holder of the words can produce it, and its public key is unknown until it is used. A recovery
//! key signs one rotation and nothing else. `pairing/SPEC.md`, section Identities.

use std::fmt;

use crate::{
    crypto::{
        hash::{blake3, derive_bytes},
        secret::Secret,
        sign::{Context, SigningSecret, VerifyingKey},
    },
    ids::bytes_id,
};

const RECOVERY_CONTEXT: &str = "covey 2026 account recovery key v1";

bytes_id! {
    /// The BLAKE3 hash of a recovery key, 32 bytes: what a key log says of the key that may rotate it next.
    Commitment, 32
}

impl Commitment {
    /// To a recovery key.
    pub fn to(key: &VerifyingKey) -> Self {
        Self::from_bytes(blake3(key.as_bytes()))
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Commitment({})", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

/// One recovery key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecoverySecret(SigningSecret);

impl RecoverySecret {
    /// The key of an account's seed for the rotation number `index`, counted from 0.
    pub fn derive(seed: &Secret<32>, index: u32) -> Self {
        Self(SigningSecret::from_seed(*derive_indexed::<32>(RECOVERY_CONTEXT, seed, index).expose()))
    }

    /// Its public key, which nobody knows before the rotation.
    pub fn public(&self) -> VerifyingKey {
        self.0.public()
    }

    /// The commitment that the log carries until then.
    pub fn commitment(&self) -> Commitment {
        Commitment::to(&self.public())
    }

    /// Signs a rotation.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(Context::KeyLogRotation, message)
    }
}

/// What follows from a seed for one number: `D(context, seed || number)`, the number as u32.
pub(super) fn derive_indexed<const N: usize>(context: &str, seed: &Secret<32>, index: u32) -> Secret<N> {
    let mut material = Secret::new([0; 36]);
    material.copy_in(0, seed.expose());
    material.copy_in(32, &index.to_le_bytes());
    derive_bytes(context, material.expose())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [KEYLOG-8]
    #[test]
    fn each_rotation_has_a_recovery_key_of_its_own_that_comes_back_with_the_seed() {
        let seed = Secret::new([42; 32]);
        let keys: Vec<VerifyingKey> = (0..4).map(|index| RecoverySecret::derive(&seed, index).public()).collect();
        for (at, key) in (0..).zip(&keys) {
            assert_eq!(*key, RecoverySecret::derive(&seed, at).public());
            assert_eq!(keys.iter().filter(|other| *other == key).count(), 1);
            assert!(Commitment::to(key) == RecoverySecret::derive(&seed, at).commitment());
        }
        assert_ne!(RecoverySecret::derive(&Secret::new([43; 32]), 0).public(), keys[0]);
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = RecoverySecret::derive(&Secret::new([42; 32]), 0);
        let key = data_encoding::HEXLOWER.encode(&secret.public().as_bytes()[..4]);
        assert_eq!(format!("{secret:?}"), format!("RecoverySecret(SigningSecret(VerifyingKey({key})))"));
    }
}
