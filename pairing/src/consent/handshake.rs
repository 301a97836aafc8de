//! `Noise_IK_25519_ChaChaPoly_BLAKE2s` between account keys, one function per step.
//!
//! `noise-protocol` panics when a message is read or written out of turn. Here every function builds a handshake,
//! takes it exactly as far as its step goes, and drops it: there is no turn to miss and nothing to serialise. A
//! paused handshake is resumed by replaying message 1 from its ephemeral key ([`finish`]).

use noise_protocol::{CipherState, U8Array, patterns::noise_ik};

use crate::{
    crypto::{
        dh::{DhPublic, DhSecret},
        noise::{ChaChaPoly, Handshake, NoiseSecret},
        secret::Secret,
    },
    ids::{AccountId, InviteId},
};

/// Longest Noise message (Noise specification, section 3).
const MESSAGE_MAX: usize = 65_535;
/// Bytes message 1 of IK is longer than its payload: e (32), s (32 + 16), tag (16).
const MESSAGE_1_OVERHEAD: usize = 96;

/// A message that does not belong to this handshake, or was tampered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("handshake failed")]
pub(super) struct HandshakeFailed;

/// What both sides hold after message 2.
#[derive(Clone)]
pub(super) struct Keys {
    /// The handshake hash.
    pub(super) hash: [u8; 32],
    /// First key of the split: inviter to invitee.
    pub(super) to_responder: Secret<32>,
    /// Second key of the split.
    pub(super) to_initiator: Secret<32>,
}

/// Both accounts, in the order inviter, invitee, behind protocol name and version.
pub(super) fn prologue(inviter: &AccountId, invitee: &AccountId) -> Vec<u8> {
    [b"covey pair v1\0".as_slice(), inviter.as_bytes(), invitee.as_bytes()].concat()
}

/// The initiator's side: everything message 1 is a function of, besides its payload.
pub(super) struct Initiator<'a> {
    pub(super) prologue: Vec<u8>,
    pub(super) own: &'a DhSecret,
    pub(super) ephemeral: &'a DhSecret,
    pub(super) theirs: &'a DhPublic,
}

impl Initiator<'_> {
    /// Message 1 with `payload`. One payload per ephemeral key, ever.
    pub(super) fn start(&self, payload: &[u8]) -> Result<Vec<u8>, HandshakeFailed> {
        self.replay(payload).map(|(_, message)| message)
    }

    /// Reads message 2: its payload and the keys. `payload` is the one of message 1, whose hash is `id`: a replay
    /// that differs (another account key) is refused.
    pub(super) fn finish(
        &self,
        payload: &[u8],
        id: &InviteId,
        message2: &[u8],
    ) -> Result<(Vec<u8>, Keys), HandshakeFailed> {
        check_len(message2.len())?;
        let (mut noise, message1) = self.replay(payload)?;
        if InviteId::of(&message1) != *id {
            return Err(HandshakeFailed);
        }
        let answer = noise.read_message_vec(message2).map_err(|_| HandshakeFailed)?;
        Ok((answer, keys(&noise)))
    }

    fn replay(&self, payload: &[u8]) -> Result<(Handshake, Vec<u8>), HandshakeFailed> {
        check_len(payload.len() + MESSAGE_1_OVERHEAD)?;
        let mut noise = Handshake::new(
            noise_ik(),
            true,
            &self.prologue,
            Some(NoiseSecret::from(self.own)),
            Some(NoiseSecret::from(self.ephemeral)),
            Some(*self.theirs.as_bytes()),
            None,
        );
        let message = noise.write_message_vec(payload).map_err(|_| HandshakeFailed)?;
        Ok((noise, message))
    }
}

/// Message 1 as the responder sees it.
pub(super) struct Opened {
    /// The initiator's static key.
    pub(super) theirs: DhPublic,
    /// The payload.
    pub(super) payload: Vec<u8>,
}

/// The responder reads message 1.
pub(super) fn open(prologue: &[u8], own: &DhSecret, message1: &[u8]) -> Result<Opened, HandshakeFailed> {
    // The ephemeral key is not used before message 2 is written.
    read_1(prologue, own, None, message1).map(|(_, opened)| opened)
}

/// The responder reads message 1 and writes message 2 with `payload`, under a fresh `ephemeral`.
pub(super) fn respond(
    prologue: &[u8],
    own: &DhSecret,
    ephemeral: &DhSecret,
    message1: &[u8],
    payload: &[u8],
) -> Result<(Vec<u8>, Keys), HandshakeFailed> {
    check_len(payload.len() + MESSAGE_1_OVERHEAD)?;
    let (mut noise, _) = read_1(prologue, own, Some(ephemeral), message1)?;
    let message2 = noise.write_message_vec(payload).map_err(|_| HandshakeFailed)?;
    Ok((message2, keys(&noise)))
}

fn read_1(
    prologue: &[u8],
    own: &DhSecret,
    ephemeral: Option<&DhSecret>,
    message1: &[u8],
) -> Result<(Handshake, Opened), HandshakeFailed> {
    check_len(message1.len())?;
    let (own, ephemeral) = (NoiseSecret::from(own), ephemeral.map(NoiseSecret::from));
    let mut noise = Handshake::new(noise_ik(), false, prologue, Some(own), ephemeral, None, None);
    let payload = noise.read_message_vec(message1).map_err(|_| HandshakeFailed)?;
    let theirs = noise.get_rs().ok_or(HandshakeFailed)?;
    let theirs = DhPublic::from_bytes(theirs).map_err(|_| HandshakeFailed)?;
    Ok((noise, Opened { theirs, payload }))
}

/// First transport message of the initiator.
pub(super) fn seal_transport(key: &Secret<32>, payload: &[u8]) -> Vec<u8> {
    CipherState::<ChaChaPoly>::new(key.expose(), 0).encrypt_vec(payload)
}

/// Opens [`seal_transport`].
pub(super) fn open_transport(key: &Secret<32>, message: &[u8]) -> Result<Vec<u8>, HandshakeFailed> {
    check_len(message.len())?;
    CipherState::<ChaChaPoly>::new(key.expose(), 0).decrypt_vec(message).map_err(|()| HandshakeFailed)
}

fn check_len(len: usize) -> Result<(), HandshakeFailed> {
    if len <= MESSAGE_MAX { Ok(()) } else { Err(HandshakeFailed) }
}

fn keys(noise: &Handshake) -> Keys {
    let secret = |key: NoiseSecret| Secret::new(*key.as_slice().first_chunk().expect("a key has 32 bytes"));
    let (to_responder, to_initiator) = noise.get_ciphers();
    Keys {
        hash: *noise.get_hash().first_chunk().expect("BLAKE2s gives 32 bytes"),
        to_responder: secret(to_responder.extract().0),
        to_initiator: secret(to_initiator.extract().0),
    }
}

#[cfg(test)]
mod tests;
