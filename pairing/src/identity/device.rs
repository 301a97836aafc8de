//! The device: one install, with keys of its own that no other device of the account holds.

use std::fmt;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::{
    crypto::{
        dh::{DhPublic, DhSecret},
        hash::derive_key,
        secret::Secret,
        sign::{BadSignature, Context, SigningSecret, VerifyingKey},
    },
    ids::{AccountId, DeviceId},
};

const SIGNING_CONTEXT: &str = "covey 2026 device signing key v1";
const DH_CONTEXT: &str = "covey 2026 device dh key v1";
const NETWORK_CONTEXT: &str = "covey 2026 device network key v1";

/// Length of a proof of joining: a signature of the device's key, then one of its network key.
pub const JOIN_PROOF_LEN: usize = 128;

/// The secrets of a device, all derived from a 32-byte seed of its own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Secret<32>", into = "Secret<32>")]
pub struct DeviceSecret {
    seed: Secret<32>,
    signing: SigningSecret,
    dh: DhSecret,
    network: SigningSecret,
    id: DeviceId,
}

impl DeviceSecret {
    /// A new device.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::from(Secret::random(rng))
    }

    /// The device of a seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self::from(Secret::new(seed))
    }

    /// The device's name: its signing public key.
    pub fn id(&self) -> DeviceId {
        self.id
    }

    /// The key behind [`DeviceSecret::id`]: signs cards, offers, prekeys and feed entries.
    pub fn signing(&self) -> &SigningSecret {
        &self.signing
    }

    /// The identity key of the device's sessions.
    pub fn dh(&self) -> &DhSecret {
        &self.dh
    }

    /// Ed25519 seed of the network identity. Separate, so that network peers do not name accounts or devices.
    pub fn network_seed(&self) -> [u8; 32] {
        *self.network.expose_seed()
    }

    /// The public half.
    pub fn keys(&self) -> DeviceKeys {
        DeviceKeys { id: self.id, dh: self.dh.public(), network: *self.network.public().as_bytes() }
    }

    /// Proof that this device agrees to belong to `account`: no account can claim a device that is not its own.
    ///
    /// Signed by the device's key and by its network key, so that neither a device nor a network peer can be claimed.
    pub fn join_proof(&self, account: &AccountId) -> [u8; JOIN_PROOF_LEN] {
        let message = self.keys().join_message(account);
        let mut proof = [0; JOIN_PROOF_LEN];
        let (device, network) = proof.split_at_mut(JOIN_PROOF_LEN / 2);
        device.copy_from_slice(&self.signing.sign(Context::DeviceJoin, &message));
        network.copy_from_slice(&self.network.sign(Context::DeviceJoin, &message));
        proof
    }
}

impl From<Secret<32>> for DeviceSecret {
    fn from(seed: Secret<32>) -> Self {
        let signing = SigningSecret::from_seed(*derive_key(SIGNING_CONTEXT, seed.expose()).expose());
        let dh = DhSecret::from_bytes(*derive_key(DH_CONTEXT, seed.expose()).expose());
        let network = SigningSecret::from_seed(*derive_key(NETWORK_CONTEXT, seed.expose()).expose());
        let id = signing.public().into();
        Self { seed, signing, dh, network, id }
    }
}

impl From<DeviceSecret> for Secret<32> {
    fn from(device: DeviceSecret) -> Self {
        device.seed
    }
}

impl fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceSecret({:?})", self.id)
    }
}

/// The public keys of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceKeys {
    /// Its name and signing key.
    pub id: DeviceId,
    /// Its identity key for sessions.
    pub dh: DhPublic,
    /// Ed25519 public key behind its network peer id.
    #[serde(with = "serde_bytes")]
    pub network: [u8; 32],
}

impl DeviceKeys {
    /// Checks [`DeviceSecret::join_proof`].
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify_join(&self, account: &AccountId, proof: &[u8; JOIN_PROOF_LEN]) -> Result<(), BadSignature> {
        let message = self.join_message(account);
        let (device, network) = proof.split_first_chunk::<64>().ok_or(BadSignature)?;
        let network = network.first_chunk::<64>().ok_or(BadSignature)?;
        self.id.verifying_key().verify(Context::DeviceJoin, &message, device)?;
        VerifyingKey::from_bytes(self.network).verify(Context::DeviceJoin, &message, network)
    }

    fn join_message(&self, account: &AccountId) -> Vec<u8> {
        [account.as_bytes().as_slice(), self.id.as_bytes(), self.dh.as_bytes(), &self.network].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_keeps_its_keys_through_storage() {
        let device = DeviceSecret::from_seed([3; 32]);
        let bytes = covey_codec::encode(&device).expect("encodes");
        let back: DeviceSecret = covey_codec::decode(&bytes, 64).expect("decodes");
        assert_eq!(back.keys(), device.keys());
        assert_eq!(back.network_seed(), device.network_seed());
    }

    #[test]
    fn the_network_key_is_unrelated_to_the_device_id() {
        let device = DeviceSecret::from_seed([3; 32]);
        assert_ne!(&device.keys().network, device.id().as_bytes());
        assert_ne!(&device.network_seed(), device.signing().expose_seed());
    }

    #[test]
    fn an_account_cannot_claim_a_device_that_did_not_agree() {
        let device = DeviceSecret::from_seed([3; 32]);
        let (own, other) = (AccountId::from_bytes([1; 32]), AccountId::from_bytes([2; 32]));
        let proof = device.join_proof(&own);
        assert_eq!(device.keys().verify_join(&own, &proof), Ok(()));
        assert_eq!(device.keys().verify_join(&other, &proof), Err(BadSignature));
        let victim = DeviceSecret::from_seed([99; 32]).keys();
        let claim = DeviceKeys { network: victim.network, ..device.keys() };
        let mut forged = [0; JOIN_PROOF_LEN];
        for half in forged.chunks_mut(64) {
            half.copy_from_slice(&device.signing.sign(Context::DeviceJoin, &claim.join_message(&own)));
        }
        assert_eq!(claim.verify_join(&own, &forged), Err(BadSignature), "the network peer of another");
    }
}
