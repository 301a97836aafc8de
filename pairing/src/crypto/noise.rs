//! Providers that let `noise-protocol` run on our own checked primitives, and the suite covey uses.
//!
//! `Noise_*_25519_ChaChaPoly_BLAKE2s` (Noise specification, revision 34).

use blake2::Digest;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit};
use noise_protocol::{Cipher, DH, HandshakeState, Hash, U8Array};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::dh::{DhPublic, DhSecret};

/// A handshake of our suite.
pub type Handshake = HandshakeState<X25519, ChaChaPoly, Blake2s>;

/// Key material inside a handshake: erased on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct NoiseSecret([u8; 32]);

impl U8Array for NoiseSecret {
    fn new() -> Self {
        Self([0; 32])
    }
    fn new_with(v: u8) -> Self {
        Self([v; 32])
    }
    fn from_slice(s: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(s);
        Self(bytes)
    }
    fn len() -> usize {
        32
    }
    fn as_slice(&self) -> &[u8] {
        &self.0
    }
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl From<&DhSecret> for NoiseSecret {
    fn from(secret: &DhSecret) -> Self {
        Self(*secret.expose())
    }
}

/// X25519 through [`DhSecret::agree`]: low-order and non-canonical keys end the handshake.
pub enum X25519 {}

impl DH for X25519 {
    type Key = NoiseSecret;
    type Pubkey = [u8; 32];
    type Output = NoiseSecret;

    fn name() -> &'static str {
        "25519"
    }

    /// Never reached: covey passes every ephemeral in (randomness is a parameter, and a handshake must survive a
    /// restart), and `noise-protocol` draws one only when none was given.
    fn genkey() -> Self::Key {
        unreachable!("handshakes are built with their ephemeral key")
    }

    fn pubkey(key: &Self::Key) -> Self::Pubkey {
        *DhSecret::from_bytes(key.0).public().as_bytes()
    }

    fn dh(key: &Self::Key, theirs: &Self::Pubkey) -> Result<Self::Output, ()> {
        let theirs = DhPublic::from_bytes(*theirs).map_err(drop)?;
        let shared = DhSecret::from_bytes(key.0).agree(&theirs).map_err(drop)?;
        Ok(NoiseSecret(*shared.expose()))
    }
}

/// ChaCha20-Poly1305 with Noise's nonce: 4 zero bytes, then the counter in little endian.
pub enum ChaChaPoly {}

const TAG: usize = 16;

fn nonce(counter: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_le_bytes());
    nonce
}

impl Cipher for ChaChaPoly {
    type Key = NoiseSecret;

    fn name() -> &'static str {
        "ChaChaPoly"
    }

    fn encrypt(k: &Self::Key, n: u64, ad: &[u8], plaintext: &[u8], out: &mut [u8]) {
        out[..plaintext.len()].copy_from_slice(plaintext);
        Self::encrypt_in_place(k, n, ad, out, plaintext.len());
    }

    fn encrypt_in_place(k: &Self::Key, n: u64, ad: &[u8], in_out: &mut [u8], len: usize) -> usize {
        let (body, tag_out) = in_out[..len + TAG].split_at_mut(len);
        let tag = ChaCha20Poly1305::new(&k.0.into())
            .encrypt_inout_detached(&nonce(n).into(), ad, body.into())
            .expect("Noise messages are at most 65,535 bytes");
        tag_out.copy_from_slice(&tag);
        len + TAG
    }

    fn decrypt(k: &Self::Key, n: u64, ad: &[u8], ciphertext: &[u8], out: &mut [u8]) -> Result<(), ()> {
        let (body, tag) = ciphertext.split_last_chunk::<TAG>().ok_or(())?;
        out[..body.len()].copy_from_slice(body);
        ChaCha20Poly1305::new(&k.0.into())
            .decrypt_inout_detached(&nonce(n).into(), ad, (&mut out[..body.len()]).into(), &(*tag).into())
            .map_err(drop)
    }

    fn decrypt_in_place(k: &Self::Key, n: u64, ad: &[u8], in_out: &mut [u8], len: usize) -> Result<usize, ()> {
        let (body, tag) = in_out[..len].split_last_chunk_mut::<TAG>().ok_or(())?;
        let tag = *tag;
        ChaCha20Poly1305::new(&k.0.into())
            .decrypt_inout_detached(&nonce(n).into(), ad, (&mut *body).into(), &tag.into())
            .map_err(drop)?;
        Ok(body.len())
    }
}

/// BLAKE2s (RFC 7693), 32 bytes.
#[derive(Default)]
pub struct Blake2s(blake2::Blake2s256);

impl Clone for Blake2s {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Hash for Blake2s {
    type Block = [u8; 64];
    type Output = NoiseSecret;

    fn name() -> &'static str {
        "BLAKE2s"
    }
    fn input(&mut self, data: &[u8]) {
        Digest::update(&mut self.0, data);
    }
    fn result(&mut self) -> Self::Output {
        NoiseSecret(self.0.finalize_reset().into())
    }
}
