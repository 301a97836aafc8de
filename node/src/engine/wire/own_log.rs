//! How devices of one account tell each other on the pairing protocol which key log is the newest: a revoked one may use nothing else.

use covey_pairing::identity::SignedOp;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

/// Longest frame in bytes: a log as it stands on a card.
const MAX_FRAME: usize = 16 * 1024;
const VERSION: u8 = 1;

/// `{kind: [1, content]}`.
#[derive(Serialize, Deserialize)]
enum Wire {
    #[serde(rename = "log head")]
    Head(u8, ByteArray<32>),
    #[serde(rename = "log")]
    Log(u8, Vec<SignedOp>),
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) enum LogFrame {
    /// This is the newest operation that I know of our log.
    Head([u8; 32]),
    /// There are others.
    Log(Vec<SignedOp>),
}

impl LogFrame {
    pub(in crate::engine) fn encode(self) -> Result<Vec<u8>, covey_codec::EncodeError> {
        covey_codec::encode(&match self {
            Self::Head(head) => Wire::Head(VERSION, ByteArray::new(head)),
            Self::Log(ops) => Wire::Log(VERSION, ops),
        })
    }

    pub(in crate::engine) fn decode(bytes: &[u8]) -> Option<Self> {
        match covey_codec::decode(bytes, MAX_FRAME) {
            Ok(Wire::Head(VERSION, head)) => Some(Self::Head(head.into_array())),
            Ok(Wire::Log(VERSION, ops)) => Some(Self::Log(ops)),
            _ => None,
        }
    }
}
