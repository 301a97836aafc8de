//! One operation of a key log: what is signed, and the signed bytes.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};
use serde_bytes::{ByteArray, ByteBuf};

use super::{Cutoff, KeyLogError, Trust};
use crate::{
    crypto::{
        dh::DhPublic,
        sign::{Context, SigningSecret, VerifyingKey},
    },
    identity::{Commitment, DeviceKeys, JOIN_PROOF_LEN},
    ids::{AccountId, DeviceId},
    version::Version,
};

/// Longest operation in bytes: a revocation with 64 cut-offs.
pub(super) const OP_MAX: usize = 8 * 1024;

/// What an ordinary operation does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// The first operation: the account's Diffie-Hellman key, and the recovery key that may rotate the account.
    Genesis {
        /// The key.
        dh: DhPublic,
        /// The recovery key. Accounts of older versions name it later, by a [`Operation::Commit`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Commitment>,
    },
    /// A device joins.
    Add {
        /// Its keys.
        device: DeviceKeys,
        /// Its name: in logs of older versions. Contacts must not learn it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Its number, higher than those before it. A device with a name has the next one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<u32>,
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
    /// An account of an older version names its first recovery key.
    Commit {
        /// The recovery key.
        next: Commitment,
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

    pub(super) fn sign(&self, key: &SigningSecret) -> SignedOp {
        let bytes = covey_codec::encode(self).expect("an operation is plain data");
        let signature = key.sign(Context::KeyLogOp, &bytes);
        SignedOp::from_parts(bytes, signature)
    }
}

/// An operation as it travels and is stored: the signed bytes and their signature. A rotation has more to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedOp {
    bytes: ByteBuf,
    signature: ByteArray<64>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Ordinary,
    /// A rotation of which only the head is left.
    Folded,
    /// A rotation with its content and the signature of the key that it brings.
    Rotation(ByteBuf, ByteArray<64>),
}

impl SignedOp {
    /// An ordinary operation from its two parts, unverified.
    pub fn from_parts(bytes: Vec<u8>, signature: [u8; 64]) -> Self {
        Self { bytes: ByteBuf::from(bytes), signature: ByteArray::new(signature), kind: Kind::Ordinary }
    }

    /// A rotation from its head with the recovery key's signature, and its content with that of the key it brings.
    pub(super) fn rotation(head: Vec<u8>, signature: [u8; 64], content: Vec<u8>, successor: [u8; 64]) -> Self {
        let kind = Kind::Rotation(ByteBuf::from(content), ByteArray::new(successor));
        Self { bytes: ByteBuf::from(head), signature: ByteArray::new(signature), kind }
    }

    /// What stays of a rotation once another one follows it.
    pub(super) fn folded(&self) -> Self {
        let kind = if self.is_rotation() { Kind::Folded } else { Kind::Ordinary };
        Self { kind, ..self.clone() }
    }

    /// Whether this is a rotation, folded or not.
    pub fn is_rotation(&self) -> bool {
        self.kind != Kind::Ordinary
    }

    /// The signed bytes; of a rotation, its head.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The signature: of the operational key, or of a rotation by the recovery key.
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// The content of a rotation that is not folded, and its signature by the key that it brings.
    pub(super) fn content(&self) -> Option<(&[u8], &[u8; 64])> {
        match &self.kind {
            Kind::Rotation(content, signature) => Some((content, signature)),
            Kind::Ordinary | Kind::Folded => None,
        }
    }

    /// Decodes the ordinary operation at position `at`, and verifies it unless it is trusted.
    pub(super) fn read(&self, key: &VerifyingKey, at: usize, trust: Trust) -> Result<OpContent, KeyLogError> {
        if trust == Trust::Nothing {
            let verified = key.verify(Context::KeyLogOp, &self.bytes, &self.signature);
            verified.map_err(|_| KeyLogError::Signature(at))?;
        }
        self.decode(at)
    }

    fn decode(&self, at: usize) -> Result<OpContent, KeyLogError> {
        covey_codec::decode(&self.bytes, OP_MAX).map_err(|_| KeyLogError::Malformed(at))
    }

    /// The same of a first operation, which names the account that signs it.
    pub(super) fn read_genesis(&self, trust: Trust) -> Result<OpContent, KeyLogError> {
        if self.is_rotation() {
            return Err(KeyLogError::Genesis(0));
        }
        let claimed = self.decode(0)?;
        let content = self.read(&claimed.account.verifying_key(), 0, trust)?;
        if content.seq != 0 || content.prev != [0; 32] {
            return Err(KeyLogError::Chain(0));
        }
        Ok(content)
    }
}

impl Serialize for SignedOp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (bytes, signature) = (&self.bytes, &self.signature);
        match &self.kind {
            Kind::Ordinary => (bytes, signature).serialize(serializer),
            Kind::Folded => (bytes, signature, ()).serialize(serializer),
            Kind::Rotation(content, successor) => (bytes, signature, content, successor).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SignedOp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;
        impl<'de> Visitor<'de> for Parts {
            type Value = SignedOp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an operation and its signature, or a rotation")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<SignedOp, A::Error> {
                let missing = |what: &str| A::Error::custom(format_args!("an operation without its {what}"));
                let bytes = from.next_element()?.ok_or_else(|| missing("bytes"))?;
                let signature = from.next_element()?.ok_or_else(|| missing("signature"))?;
                let kind = match from.next_element::<Option<ByteBuf>>()? {
                    None => Kind::Ordinary,
                    Some(None) => Kind::Folded,
                    Some(Some(content)) => {
                        Kind::Rotation(content, from.next_element()?.ok_or_else(|| missing("second signature"))?)
                    }
                };
                Ok(SignedOp { bytes, signature, kind })
            }
        }
        deserializer.deserialize_seq(Parts)
    }
}
