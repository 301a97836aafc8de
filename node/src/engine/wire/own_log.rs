//! How devices of one account tell each other on the pairing protocol which key log is the newest: a revoked one may use nothing else. And how
//! a device that a recovery kept is given the keys of the account, which it needs before anything else can be said to it.

use covey_pairing::identity::SignedOp;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

/// Longest frame in bytes: a hand-over.
const MAX_FRAME: usize = 64 * 1024;
/// Longest frame with a log in bytes: as it stands on a card.
const MAX_LOG: usize = 16 * 1024;
const VERSION: u8 = 1;

/// `{kind: [1, content]}`.
#[derive(Serialize, Deserialize)]
enum Wire {
    #[serde(rename = "log head")]
    Head(u8, ByteArray<32>),
    #[serde(rename = "log")]
    Log(u8, Vec<SignedOp>),
    #[serde(rename = "keys wanted")]
    KeysWanted(u8),
    #[serde(rename = "keys")]
    Keys(u8, ByteBuf),
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) enum LogFrame {
    /// This is the newest operation that I know of our log.
    Head([u8; 32]),
    /// There are others.
    Log(Vec<SignedOp>),
    /// The recovery that kept me is accepted here: give me the keys of the account.
    KeysWanted,
    /// They, sealed.
    Keys(ByteBuf),
}

impl LogFrame {
    pub(in crate::engine) fn encode(self) -> Result<Vec<u8>, covey_codec::EncodeError> {
        covey_codec::encode(&match self {
            Self::Head(head) => Wire::Head(VERSION, ByteArray::new(head)),
            Self::Log(ops) => Wire::Log(VERSION, ops),
            Self::KeysWanted => Wire::KeysWanted(VERSION),
            Self::Keys(sealed) => Wire::Keys(VERSION, sealed),
        })
    }

    pub(in crate::engine) fn decode(bytes: &[u8]) -> Option<Self> {
        match covey_codec::decode(bytes, MAX_FRAME) {
            Ok(Wire::Head(VERSION, head)) => Some(Self::Head(head.into_array())),
            Ok(Wire::Log(VERSION, ops)) if bytes.len() <= MAX_LOG => Some(Self::Log(ops)),
            Ok(Wire::KeysWanted(VERSION)) => Some(Self::KeysWanted),
            Ok(Wire::Keys(VERSION, sealed)) => Some(Self::Keys(sealed)),
            _ => None,
        }
    }
}
