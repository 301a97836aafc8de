//! The frames of `/covey/pair/1` as bytes: what travels, before anything in it is believed.
//!
//! `pairing/SPEC.md`, section Consent handshake, Frames.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{InviteError, Slot, seal::unseal};
use crate::{
    identity::{AccountSecret, TokenTag},
    ids::{AccountId, DeviceId, InviteId},
    version::Version,
};

/// Longest frame in bytes: a Noise message (65,535) is the bound, our payloads stay well below.
pub const FRAME_MAX: usize = 64 * 1024;

/// Why bytes are not a frame of the consent handshake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than [`FRAME_MAX`], malformed, of an unknown version or kind.
    #[error("not a pairing frame: {0}")]
    Malformed(#[from] covey_codec::DecodeError),
}

/// Why a stranger's invite deserves to be looked at; checked before any key agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// Days since 1970 when the offer was made.
    pub day: u32,
    /// What was searched for: the work spent on it. Spent beside a token too, because a token may be used up or revoked
    /// by the time the invite arrives.
    pub nonce: u64,
    /// Made with a token of the invitee.
    pub token: Option<TokenTag>,
}

/// An invite: who asks, the pass, and Noise message 1, behind its seal if it is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteFrame {
    /// The inviter, as claimed; proven only once the message opens. None: the invite is sealed, and says it inside.
    pub from: Option<AccountId>,
    /// The pass.
    pub pass: Pass,
    /// The seal, if there is one, and Noise message 1.
    pub message: ByteBuf,
}

impl InviteFrame {
    /// The invite's id.
    pub fn id(&self) -> InviteId {
        InviteId::of(&self.message)
    }

    /// Who invites `account`, as it claims. Costs a decapsulation if the invite is sealed, so the pass comes first
    /// ([`super::StrangerLimits::has_pass`]).
    ///
    /// # Errors
    /// [`InviteError::Handshake`], if it is sealed to another key.
    pub fn claimed_by(&self, account: &AccountSecret) -> Result<AccountId, InviteError> {
        match self.from {
            Some(from) => Ok(from),
            None => unseal(account, &self.message).map(|unsealed| unsealed.from).ok_or(InviteError::Handshake),
        }
    }
}

/// A frame of the consent handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PairFrame {
    /// Inviter to invitee: the offer.
    Invite(InviteFrame),
    /// Invitee to inviter: accepted or declined (Noise message 2).
    Answer {
        /// The invite answered.
        id: InviteId,
        /// Noise message 2.
        message: ByteBuf,
    },
    /// Inviter to invitee: first transport message.
    Confirm {
        /// The invite.
        id: InviteId,
        /// The transport message.
        message: ByteBuf,
    },
    /// Invitee to inviter: the confirm arrived.
    Confirmed {
        /// The invite.
        id: InviteId,
        /// Shows knowledge of the pair secret.
        tag: ByteArray<32>,
    },
    /// Inviter to invitee: the invite is withdrawn.
    Cancel {
        /// The invite.
        id: InviteId,
        /// The device that signs.
        device: DeviceId,
        /// Signature over the invitee and the id.
        signature: ByteArray<64>,
    },
    /// To the other of a pair: you were removed.
    Removed {
        /// The invite the pairing came from.
        id: InviteId,
        /// Sealed under a key from the pair secret.
        notice: ByteBuf,
    },
    /// The frame of this slot arrived, whatever became of it.
    Received {
        /// The invite it was about.
        id: InviteId,
        /// Which frame.
        of: Slot,
    },
}

/// The kind of a frame, for logs and counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are those of PairFrame")]
pub enum FrameKind {
    Invite,
    Answer,
    Confirm,
    Confirmed,
    Cancel,
    Removed,
    Received,
}

#[derive(Serialize, Deserialize)]
struct Wire<T>(Version<1>, T);

impl PairFrame {
    /// Decodes a frame. Nothing in it is authenticated by this.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let Wire(_, frame) = covey_codec::decode(bytes, FRAME_MAX)?;
        Ok(frame)
    }

    /// The bytes that travel.
    pub fn encode(&self) -> Vec<u8> {
        covey_codec::encode(&Wire(Version, self)).expect("a frame is plain data")
    }

    /// The invite this frame is about: the key for routing it to a relationship.
    pub fn invite_id(&self) -> InviteId {
        match self {
            Self::Invite(invite) => invite.id(),
            Self::Answer { id, .. }
            | Self::Confirm { id, .. }
            | Self::Confirmed { id, .. }
            | Self::Cancel { id, .. }
            | Self::Removed { id, .. }
            | Self::Received { id, .. } => *id,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> FrameKind {
        match self {
            Self::Invite(_) => FrameKind::Invite,
            Self::Answer { .. } => FrameKind::Answer,
            Self::Confirm { .. } => FrameKind::Confirm,
            Self::Confirmed { .. } => FrameKind::Confirmed,
            Self::Cancel { .. } => FrameKind::Cancel,
            Self::Removed { .. } => FrameKind::Removed,
            Self::Received { .. } => FrameKind::Received,
        }
    }
}

/// The uniform reply to a frame nothing else will be done with: an invite refused by a limit, a frame whose
/// invite is unknown here. It says no more than the reply to a frame that was kept. `None`: no reply.
pub fn acknowledge(frame: &PairFrame) -> Option<Vec<u8>> {
    let of = match frame {
        PairFrame::Invite(_) => Slot::Invite,
        PairFrame::Cancel { .. } => Slot::Cancel,
        PairFrame::Removed { .. } => Slot::Removed,
        _ => return None,
    };
    Some(PairFrame::Received { id: frame.invite_id(), of }.encode())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn invite() -> PairFrame {
        let pass = Pass { day: 20_000, nonce: 77, token: None };
        PairFrame::Invite(InviteFrame {
            from: Some(AccountId::from_bytes([1; 32])),
            pass,
            message: ByteBuf::from([5; 200]),
        })
    }

    /// [PAIR-1]
    #[test]
    fn frames_survive_the_wire_and_unknown_versions_do_not() {
        let bytes = invite().encode();
        assert_eq!(PairFrame::decode(&bytes), Ok(invite()));
        assert_eq!(&bytes[..2], [0x82, 1]);
        let mut newer = bytes;
        newer[1] = 2;
        assert!(PairFrame::decode(&newer).is_err());
        assert!(PairFrame::decode(&vec![0; FRAME_MAX + 1]).is_err());
    }

    /// [PAIR-2]
    #[test]
    fn invites_withdrawals_and_removals_are_acknowledged_and_nothing_else_is() {
        let expected = PairFrame::Received { id: invite().invite_id(), of: Slot::Invite }.encode();
        assert_eq!(acknowledge(&invite()), Some(expected));
        let id = InviteId::from_bytes([1; 16]);
        assert_eq!(acknowledge(&PairFrame::Answer { id, message: ByteBuf::new() }), None);
        assert_eq!(acknowledge(&PairFrame::Received { id, of: Slot::Cancel }), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = PairFrame::decode(&bytes);
        }

        #[test]
        fn damaged_frames_never_panic(at in 0usize..200, byte: u8) {
            let mut bytes = invite().encode();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = PairFrame::decode(&bytes);
        }
    }
}
