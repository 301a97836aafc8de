//! One operation of a key log: what is signed, and the signed bytes.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{KeyLogError, Trust};
use crate::{
    crypto::{dh::DhPublic, sign::Context},
    identity::{AccountSecret, DeviceKeys, JOIN_PROOF_LEN},
    ids::{AccountId, DeviceId},
    version::Version,
};

/// Longest operation in bytes: a revocation with 64 cut-offs.
const OP_MAX: usize = 8 * 1024;

/// The last valid entry of one feed of a revoked device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cutoff {
    /// The channel of the feed.
    #[serde(with = "serde_bytes")]
    pub channel: [u8; 32],
    /// The incarnation of the feed.
    pub incarnation: u64,
    /// Sequence number of the last valid entry.
    pub seq: u64,
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// The first operation: the account's Diffie-Hellman key.
    Genesis {
        /// The key.
        dh: DhPublic,
    },
    /// A device joins.
    Add {
        /// Its keys.
        device: DeviceKeys,
        /// Its name.
        name: String,
        /// Its agreement ([`crate::identity::DeviceSecret::join_proof`]).
        #[serde(with = "serde_bytes")]
        proof: [u8; JOIN_PROOF_LEN],
    },
    /// A device ends.
    Revoke {
        /// Which.
        device: DeviceId,
        /// Where its feeds end.
        cutoffs: Vec<Cutoff>,
    },
}

/// The signed content of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpContent {
    v: Version<1>,
    pub(super) account: AccountId,
    pub(super) seq: u64,
    #[serde(with = "serde_bytes")]
    pub(super) prev: [u8; 32],
    pub(super) at: u64,
    pub(super) operation: Operation,
}

impl OpContent {
    pub(super) fn new(account: AccountId, seq: u64, prev: [u8; 32], at: u64, operation: Operation) -> Self {
        Self { v: Version, account, seq, prev, at, operation }
    }

    pub(super) fn sign(&self, account: &AccountSecret) -> SignedOp {
        let bytes = covey_codec::encode(self).expect("an operation is plain data");
        let signature = account.signing().sign(Context::KeyLogOp, &bytes);
        SignedOp(ByteBuf::from(bytes), ByteArray::new(signature))
    }
}

/// An operation as it travels and is stored: the signed bytes and the account's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOp(ByteBuf, ByteArray<64>);

impl SignedOp {
    /// From its two parts, unverified.
    pub fn from_parts(bytes: Vec<u8>, signature: [u8; 64]) -> Self {
        Self(ByteBuf::from(bytes), ByteArray::new(signature))
    }

    /// The signed bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The signature.
    pub fn signature(&self) -> &[u8; 64] {
        &self.1
    }

    /// Verifies and decodes the operation at position `at` of the log of `account`.
    pub(super) fn open(&self, account: &AccountId, at: usize) -> Result<OpContent, KeyLogError> {
        self.read(account, at, Trust::Nothing)
    }

    /// Decodes the operation at position `at` of the log of `account`, and verifies it unless it is trusted.
    pub(super) fn read(&self, account: &AccountId, at: usize, trust: Trust) -> Result<OpContent, KeyLogError> {
        if trust == Trust::Nothing {
            let verified = account.verifying_key().verify(Context::KeyLogOp, &self.0, &self.1);
            verified.map_err(|_| KeyLogError::Signature(at))?;
        }
        self.decode(at)
    }

    fn decode(&self, at: usize) -> Result<OpContent, KeyLogError> {
        covey_codec::decode(&self.0, OP_MAX).map_err(|_| KeyLogError::Malformed(at))
    }

    /// The same of a first operation, which names the account that signs it.
    pub(super) fn open_genesis(&self, trust: Trust) -> Result<OpContent, KeyLogError> {
        let claimed = self.decode(0)?;
        let content = self.read(&claimed.account, 0, trust)?;
        if content.seq != 0 || content.prev != [0; 32] {
            return Err(KeyLogError::Chain(0));
        }
        Ok(content)
    }
}
