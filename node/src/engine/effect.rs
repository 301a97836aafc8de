//! What the runtime is asked to do once an input is durable, and how peers are named.

use covey_api::EventText;
pub use covey_overlay::Protocol;
use covey_pairing::crypto::sign::{SigningSecret, VerifyingKey};
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};

use crate::engine::selection::Subject;

/// A peer's network identity: the Ed25519 public key behind its PeerId, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerKey(#[serde(with = "serde_bytes")] pub [u8; 32]);

impl std::fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "peer:{}", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

/// What the runtime must do once the transaction is durable.
pub enum Effect {
    /// Send a frame; losing it is no harm, everything that matters is sent again until acknowledged.
    Send {
        /// To whom.
        peer: PeerKey,
        /// On which protocol.
        protocol: Protocol,
        /// The frame.
        frame: Vec<u8>,
    },
    /// Let this peer use every protocol and keep a connection to it.
    Allow {
        /// Whom.
        peer: PeerKey,
        /// Remembered addresses (multiaddr text).
        addresses: Vec<String>,
    },
    /// Take that back.
    Revoke {
        /// Whom.
        peer: PeerKey,
    },
    /// A frame of the keeper protocol, of this length, was worth its while: the peer is charged nothing for it.
    Repay {
        /// Whom.
        peer: PeerKey,
        /// Bytes.
        len: usize,
    },
    /// Try once to connect, to leave a pairing frame.
    Dial {
        /// Whom.
        peer: PeerKey,
        /// Addresses known of it.
        addresses: Vec<String>,
    },
    /// Look the account's contact card up.
    Lookup {
        /// Whose.
        account: AccountId,
        /// The keys under whose places it may stand, the likeliest first.
        under: Vec<VerifyingKey>,
    },
    /// Publish our own card.
    Publish {
        /// The signed card.
        card: Vec<u8>,
        /// Its sequence number.
        sequence: u64,
        /// The keys under whose places it is to stand.
        under: Vec<SigningSecret>,
    },
    /// This device was revoked: the node ends, and says so.
    Revoked,
    /// The journal has events up to this cursor.
    Journal(u64),
    /// An event was written into it.
    Written(Box<Written>),
    /// What earlier events say of messages is not so any more: it is read from the store again.
    Unwritten,
}

/// An event of the journal, with what it says of messages.
#[derive(Debug)]
pub struct Written {
    /// Its place.
    pub cursor: u64,
    /// Its kind, as clients know it.
    pub kind: &'static str,
    /// What it is about.
    pub about: Subject,
    /// As clients are sent it.
    pub text: EventText,
}
