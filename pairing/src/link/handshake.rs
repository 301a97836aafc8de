//! `Noise_NKpsk0_25519_ChaChaPoly_BLAKE2s` between host and joiner, one function per step.
//!
//! The joiner's static key is the one of the ticket, for this link only; the pre-shared key is derived from the ticket's 16 random
//! bytes. It stands before everything else (psk0), so that somebody who did not read the ticket cannot even write a first
//! message that the joiner answers. The host needs no static key: the operator vouches for it with the digits.
//!
//! As in the consent handshake, each function builds a handshake and takes it as far as its step goes.

use noise_protocol::{
    U8Array,
    patterns::{
        HandshakePattern,
        Token::{E, EE, ES, PSK, S},
    },
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::LinkTicket;
use crate::crypto::{
    dh::DhSecret,
    hash::{blake3, derive_key},
    noise::{Handshake, NoiseSecret},
    secret::Secret,
};

const PSK_CONTEXT: &str = "covey 2026 link psk v1";
const PROLOGUE: &[u8] = b"covey link v1\0";
/// Longest message of the handshake in bytes: random bytes and a name, and what Noise adds.
const MESSAGE_MAX: usize = 512;

/// A message that does not belong to this handshake, or was tampered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("handshake failed")]
pub(super) struct HandshakeFailed;

/// What both sides hold after message 2.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Keys {
    /// The handshake hash.
    pub(super) hash: ByteArray<32>,
    /// First key of the split: host to joiner.
    pub(super) to_joiner: Secret<32>,
    /// Second key of the split.
    pub(super) to_host: Secret<32>,
}

fn start(ticket: &LinkTicket, host: bool, own: Option<&DhSecret>, ephemeral: &DhSecret) -> Handshake {
    let pattern = HandshakePattern::new(&[], &[S], &[&[PSK, E, ES], &[E, EE]], "NKpsk0");
    let prologue = [PROLOGUE, &blake3(&ticket.content())].concat();
    let theirs = host.then(|| *ticket.key.as_bytes());
    let (own, ephemeral) = (own.map(NoiseSecret::from), Some(NoiseSecret::from(ephemeral)));
    let mut noise = Handshake::new(pattern, host, prologue, own, ephemeral, theirs, None);
    noise.push_psk(derive_key(PSK_CONTEXT, ticket.secret.expose()).expose());
    noise
}

/// Message 1 of the host. One payload per ephemeral key, ever.
pub(super) fn hello(ticket: &LinkTicket, ephemeral: &DhSecret, payload: &[u8]) -> Result<Vec<u8>, HandshakeFailed> {
    start(ticket, true, None, ephemeral).write_message_vec(payload).map_err(|_| HandshakeFailed)
}

/// The host reads message 2; `payload` is that of its message 1.
pub(super) fn finish(
    ticket: &LinkTicket,
    ephemeral: &DhSecret,
    payload: &[u8],
    answer: &[u8],
) -> Result<(Vec<u8>, Keys), HandshakeFailed> {
    check_len(answer)?;
    let mut noise = start(ticket, true, None, ephemeral);
    noise.write_message_vec(payload).map_err(|_| HandshakeFailed)?;
    let answer = noise.read_message_vec(answer).map_err(|_| HandshakeFailed)?;
    Ok((answer, keys(&noise)))
}

/// The joiner reads message 1: its payload.
pub(super) fn open(ticket: &LinkTicket, own: &DhSecret, hello: &[u8]) -> Result<Vec<u8>, HandshakeFailed> {
    check_len(hello)?;
    // The ephemeral key is not used before message 2 is written.
    start(ticket, false, Some(own), own).read_message_vec(hello).map_err(|_| HandshakeFailed)
}

/// The joiner reads message 1 and writes message 2.
pub(super) fn answer(
    ticket: &LinkTicket,
    (own, ephemeral): (&DhSecret, &DhSecret),
    hello: &[u8],
    payload: &[u8],
) -> Result<(Vec<u8>, Keys), HandshakeFailed> {
    check_len(hello)?;
    let mut noise = start(ticket, false, Some(own), ephemeral);
    noise.read_message_vec(hello).map_err(|_| HandshakeFailed)?;
    let message = noise.write_message_vec(payload).map_err(|_| HandshakeFailed)?;
    Ok((message, keys(&noise)))
}

fn check_len(message: &[u8]) -> Result<(), HandshakeFailed> {
    if message.len() <= MESSAGE_MAX { Ok(()) } else { Err(HandshakeFailed) }
}

fn keys(noise: &Handshake) -> Keys {
    let secret = |key: NoiseSecret| Secret::new(*key.as_slice().first_chunk().expect("a key has 32 bytes"));
    let (to_joiner, to_host) = noise.get_ciphers();
    Keys {
        hash: ByteArray::new(*noise.get_hash().first_chunk().expect("BLAKE2s gives 32 bytes")),
        to_joiner: secret(to_joiner.extract().0),
        to_host: secret(to_host.extract().0),
    }
}
