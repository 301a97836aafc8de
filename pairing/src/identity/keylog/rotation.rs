//! A rotation: the recovery key replaces the operational key and says anew which devices there are.
//!
//! ```text
//! id   = D("covey 2026 key log rotation v1", what it stands on || head)
//! head = [1, index, recovery key, commitment to the next, position, hash of the content]
//! ```
//! Both keys sign the id, which covers the log from its beginning through the ids of the rotations before. So a rotation that another
//! one follows is *folded*: head and signature by the recovery key stay, and still lead from the genesis to the newest rotation.
//! `pairing/SPEC.md`, section Key log. The rule that a key which is committed to by its hash and used once overrules the keys in daily
//! use is that of KERI (Smith, "Key Event Receipt Infrastructure", arXiv:1907.02143, pre-rotation).

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::{Cutoff, KeyLogError, SignedOp, Trust, op::OP_MAX};
use crate::{
    crypto::{
        dh::{DhPublic, DhSecret},
        hash::{blake3, derive_key},
        sign::{Context, SigningSecret, VerifyingKey},
    },
    identity::{Commitment, DeviceKeys, JOIN_PROOF_LEN, RecoverySecret},
    ids::{DeviceId, bytes_id, hex_id},
    version::Version,
};

const ID_CONTEXT: &str = "covey 2026 key log rotation v1";

bytes_id! {
    /// Names a rotation and everything before it in its log.
    RotationId, 32
}
hex_id!(RotationId);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct WireHead(Version<1>, u32, VerifyingKey, Commitment, u64, ByteArray<32>);

/// What stays of a rotation for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Rotations before it.
    pub(super) index: u32,
    /// The key that made it.
    pub(super) recovery: VerifyingKey,
    /// The key that may make the next one.
    pub(super) next: Commitment,
    /// The place that it takes in the log: that of the first operation which it supersedes, or the first free one.
    pub(super) seq: u64,
    content: [u8; 32],
}

/// A device that stays, or comes with the rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Restated(pub(super) DeviceKeys, pub(super) u32, pub(super) u64, pub(super) ByteArray<JOIN_PROOF_LEN>);

/// A device that does not stay, and where its feeds end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended(pub(super) DeviceId, pub(super) Vec<Cutoff>);

/// What a rotation says that the newest one needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    v: Version<1>,
    /// The operational key from here on.
    pub(super) key: VerifyingKey,
    /// The account's Diffie-Hellman key from here on.
    pub(super) dh: DhPublic,
    /// Hash of the operation before.
    #[serde(with = "serde_bytes")]
    pub(super) prev: [u8; 32],
    pub(super) at: u64,
    /// Highest number that a device ever had: none is given again.
    pub(super) numbers: u32,
    pub(super) devices: Vec<Restated>,
    pub(super) out: Vec<Ended>,
}

impl RotationId {
    /// Of a rotation with this head. `after`: id of the rotation before, or hash of the operation that commits to the first.
    pub(super) fn of(after: &[u8; 32], head: &[u8]) -> Self {
        Self::from_bytes(*derive_key(ID_CONTEXT, &[after.as_slice(), head].concat()).expose())
    }
}

impl Head {
    /// Decodes the head of the rotation at position `at`. Nothing is believed of it yet.
    pub(super) fn decode(op: &SignedOp, at: usize) -> Result<Self, KeyLogError> {
        let decoded = covey_codec::decode(op.bytes(), OP_MAX).map_err(|_| KeyLogError::Malformed(at))?;
        let WireHead(_, index, recovery, next, seq, content) = decoded;
        Ok(Self { index, recovery, next, seq, content: content.into_array() })
    }

    /// Whether the recovery key of this head signed the rotation `id`.
    pub(super) fn is_signed(&self, op: &SignedOp, id: &RotationId) -> bool {
        self.recovery.verify(Context::KeyLogRotation, id.as_bytes(), op.signature()).is_ok()
    }

    /// The content of the rotation, unless it is folded.
    pub(super) fn content(
        &self,
        op: &SignedOp,
        id: &RotationId,
        at: usize,
        trust: Trust,
    ) -> Result<Option<Content>, KeyLogError> {
        let Some((bytes, signature)) = op.content() else { return Ok(None) };
        if blake3(bytes) != self.content {
            return Err(KeyLogError::Malformed(at));
        }
        let content: Content = covey_codec::decode(bytes, OP_MAX).map_err(|_| KeyLogError::Malformed(at))?;
        if trust == Trust::Nothing {
            let verified = content.key.verify(Context::KeyLogSuccessor, id.as_bytes(), signature);
            verified.map_err(|_| KeyLogError::Successor(at))?;
        }
        Ok(Some(content))
    }
}

/// What a rotation is made of.
pub(super) struct Draft {
    pub(super) seq: u64,
    /// What the id covers of the log before.
    pub(super) after: [u8; 32],
    pub(super) next: Commitment,
    pub(super) prev: [u8; 32],
    pub(super) at: u64,
    pub(super) numbers: u32,
    pub(super) devices: Vec<Restated>,
    pub(super) out: Vec<Ended>,
}

impl Draft {
    /// Signs it with the recovery key and the keys that it brings.
    pub(super) fn sign(
        self,
        index: u32,
        recovery: &RecoverySecret,
        (signing, dh): (&SigningSecret, &DhSecret),
    ) -> SignedOp {
        let Self { seq, after, next, prev, at, numbers, devices, out } = self;
        let (key, dh) = (signing.public(), dh.public());
        let content = Content { v: Version, key, dh, prev, at, numbers, devices, out };
        let content = covey_codec::encode(&content).expect("a rotation is plain data");
        let head = WireHead(Version, index, recovery.public(), next, seq, ByteArray::new(blake3(&content)));
        let head = covey_codec::encode(&head).expect("a rotation is plain data");
        let id = RotationId::of(&after, &head);
        let successor = signing.sign(Context::KeyLogSuccessor, id.as_bytes());
        SignedOp::rotation(head, recovery.sign(id.as_bytes()), content, successor)
    }
}
