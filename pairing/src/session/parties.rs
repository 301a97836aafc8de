//! Who is at the two ends.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::crypto::{dh::DhSecret, sign::SigningSecret};

/// The long-term secrets of our own device.
#[derive(Debug, Clone)]
pub struct LocalDevice {
    /// DH identity key (X25519).
    pub dh: DhSecret,
    /// Signing key (Ed25519); its public key is the device id.
    pub signing: SigningSecret,
}

/// The two ends of a session, as 32-byte ids (Ed25519 public keys).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct SessionParties {
    /// Our account id.
    pub our_account: [u8; 32],
    /// Our device id.
    pub our_device: [u8; 32],
    /// Their account id.
    pub their_account: [u8; 32],
    /// Their device id: the key their prekeys are signed with.
    pub their_device: [u8; 32],
}

impl SessionParties {
    /// The same pair seen from the other end.
    pub fn reversed(&self) -> Self {
        Self {
            our_account: self.their_account,
            our_device: self.their_device,
            their_account: self.our_account,
            their_device: self.our_device,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Wire(ByteArray<32>, ByteArray<32>, ByteArray<32>, ByteArray<32>);

impl From<Wire> for SessionParties {
    fn from(Wire(our_account, our_device, their_account, their_device): Wire) -> Self {
        Self {
            our_account: our_account.into_array(),
            our_device: our_device.into_array(),
            their_account: their_account.into_array(),
            their_device: their_device.into_array(),
        }
    }
}

impl From<SessionParties> for Wire {
    fn from(parties: SessionParties) -> Self {
        Self(
            ByteArray::new(parties.our_account),
            ByteArray::new(parties.our_device),
            ByteArray::new(parties.their_account),
            ByteArray::new(parties.their_device),
        )
    }
}
