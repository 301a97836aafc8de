//! `Noise_IK_25519_ChaChaPoly_BLAKE2s` between account keys, `IKpsk0` if the invite is sealed, one function per step.
//!
//! `noise-protocol` panics when a message is read or written out of turn. Here every function builds a handshake,
//! takes it exactly as far as its step goes, and drops it: there is no turn to miss and nothing to serialise. A
//! paused handshake is resumed by replaying message 1 from its ephemeral key ([`finish`]).

use noise_protocol::{
    CipherState, U8Array,
    patterns::{
        HandshakePattern,
        Token::{E, EE, ES, PSK, S, SE, SS},
        noise_ik,
    },
};

use crate::{
    consent::seal::{Seal, unseal},
    crypto::{
        dh::{DhPublic, DhSecret},
        noise::{ChaChaPoly, Handshake, NoiseSecret},
        secret::Secret,
    },
    identity::AccountSecret,
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
pub(super) fn prologue(inviter: &AccountId, invitee: &AccountId, sealed: bool) -> Vec<u8> {
    let version = if sealed { b"covey pair v2\0" } else { b"covey pair v1\0" };
    [version.as_slice(), inviter.as_bytes(), invitee.as_bytes()].concat()
}

/// IK with a pre-shared key before anything else (Noise specification, section 9): the inviter's static key is under it, too.
fn noise_ik_psk0() -> HandshakePattern {
    HandshakePattern::new(&[], &[S], &[&[PSK, E, ES, S, SS], &[E, EE, SE]], "IKpsk0")
}

/// The initiator's side: everything message 1 is a function of, besides its payload.
pub(super) struct Initiator<'a> {
    pub(super) prologue: Vec<u8>,
    pub(super) own: &'a DhSecret,
    pub(super) ephemeral: &'a DhSecret,
    pub(super) theirs: &'a DhPublic,
    pub(super) seal: Option<&'a Seal>,
}

impl Initiator<'_> {
    /// Message 1 with `payload`, behind the seal if there is one. One payload per ephemeral key, ever.
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
        let psk = self.seal.map(|seal| &seal.psk);
        let mut noise = Handshake::new(
            if psk.is_some() { noise_ik_psk0() } else { noise_ik() },
            true,
            &self.prologue,
            Some(NoiseSecret::from(self.own)),
            Some(NoiseSecret::from(self.ephemeral)),
            Some(*self.theirs.as_bytes()),
            None,
        );
        psk.iter().for_each(|psk| noise.push_psk(psk.expose()));
        let message = noise.write_message_vec(payload).map_err(|_| HandshakeFailed)?;
        let head = self.seal.map(|seal| seal.head.as_slice()).unwrap_or_default();
        Ok((noise, [head, &message].concat()))
    }
}

/// Message 1 as the responder sees it.
pub(super) struct Opened {
    /// The initiator's static key.
    pub(super) theirs: DhPublic,
    /// The payload.
    pub(super) payload: Vec<u8>,
}

/// The responder's side: everything message 2 is a function of, besides its payload.
pub(super) struct Responder<'a> {
    pub(super) prologue: Vec<u8>,
    pub(super) own: &'a DhSecret,
    pub(super) psk: Option<Secret<32>>,
    /// Noise message 1, without the seal.
    pub(super) message1: &'a [u8],
}

impl<'a> Responder<'a> {
    /// For the message of an invite of `from`, which must be the one who made the seal.
    pub(super) fn new(
        account: &'a AccountSecret,
        from: &AccountId,
        message: &'a [u8],
        sealed: bool,
    ) -> Result<Self, HandshakeFailed> {
        let (psk, message1) = if sealed {
            let unsealed = unseal(account, message).filter(|unsealed| unsealed.from == *from).ok_or(HandshakeFailed)?;
            (Some(unsealed.psk), unsealed.message)
        } else {
            (None, message)
        };
        Ok(Self { prologue: prologue(from, &account.id(), sealed), own: account.dh(), psk, message1 })
    }

    /// Reads message 1.
    pub(super) fn open(&self) -> Result<Opened, HandshakeFailed> {
        // The ephemeral key is not used before message 2 is written.
        self.read(None).map(|(_, opened)| opened)
    }

    /// Reads message 1 and writes message 2 with `payload`, under a fresh `ephemeral`.
    pub(super) fn respond(&self, ephemeral: &DhSecret, payload: &[u8]) -> Result<(Vec<u8>, Keys), HandshakeFailed> {
        check_len(payload.len() + MESSAGE_1_OVERHEAD)?;
        let (mut noise, _) = self.read(Some(ephemeral))?;
        let message2 = noise.write_message_vec(payload).map_err(|_| HandshakeFailed)?;
        Ok((message2, keys(&noise)))
    }

    /// Ephemeral key of the initiator.
    pub(super) fn their_ephemeral(&self) -> Option<&[u8]> {
        self.message1.get(..32)
    }

    fn read(&self, ephemeral: Option<&DhSecret>) -> Result<(Handshake, Opened), HandshakeFailed> {
        check_len(self.message1.len())?;
        let (own, ephemeral) = (NoiseSecret::from(self.own), ephemeral.map(NoiseSecret::from));
        let pattern = if self.psk.is_some() { noise_ik_psk0() } else { noise_ik() };
        let mut noise = Handshake::new(pattern, false, &self.prologue, Some(own), ephemeral, None, None);
        self.psk.iter().for_each(|psk| noise.push_psk(psk.expose()));
        let payload = noise.read_message_vec(self.message1).map_err(|_| HandshakeFailed)?;
        let theirs = noise.get_rs().ok_or(HandshakeFailed)?;
        let theirs = DhPublic::from_bytes(theirs).map_err(|_| HandshakeFailed)?;
        Ok((noise, Opened { theirs, payload }))
    }
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
