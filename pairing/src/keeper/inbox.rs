//! The inbox key, and the hybrid seal to it.
//!
//! A keeper holds parcels for a month, so they must not open for somebody who records them now and breaks X25519 later: the key of a
//! parcel is derived from an X25519 secret *and* an ML-KEM-768 secret, and from everything that led to them (a combiner as in X-Wing,
//! draft-connolly-cfrg-xwing-kem). All devices of the owner have the secret half. The seal authenticates no sender; what is inside does
//! ([`super::Deposit`]).

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::crypto::{
    aead,
    dh::{DhPublic, DhSecret},
    hash::{blake3, derive_bytes, derive_key},
    kem::{CIPHERTEXT_LEN, KemPublic, KemSecret},
    secret::Secret,
};
use crate::identity::AccountSecret;

const DH_CONTEXT: &str = "covey 2026 inbox dh key v1";
const KEM_CONTEXT: &str = "covey 2026 inbox kem key v1";
const SEAL_CONTEXT: &str = "covey 2026 inbox seal v1";
const VERSION: u8 = 1;
const NAME_LEN: usize = 8;
/// Version, name of the key, ephemeral key, ciphertext.
const HEAD_LEN: usize = 1 + NAME_LEN + 32 + CIPHERTEXT_LEN;
/// Lengths are hidden within steps of this many bytes.
const PAD: usize = 1024;

/// Longest payload in bytes. A frame of the keeper protocol carries one parcel.
pub const MAX_PAYLOAD: usize = 60 * 1024;
/// Bytes that a parcel is longer than its padded payload.
pub const OVERHEAD: usize = HEAD_LEN + aead::TAG_LEN;
/// Longest parcel in bytes: the padding of a full payload takes another step.
pub const PARCEL_MAX: usize = MAX_PAYLOAD + PAD + OVERHEAD;

/// Why a parcel was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InboxError {
    /// The payload is over [`MAX_PAYLOAD`].
    #[error("the parcel is too long")]
    TooLong,
    /// The KEM key that it is to be sealed to is none.
    #[error("unusable inbox key")]
    BadKey,
    /// Too short, or of a version that is not known.
    #[error("malformed parcel")]
    Malformed,
    /// It is sealed to an inbox key that is not this one.
    #[error("the parcel is sealed to another inbox key")]
    OtherKey,
    /// It was changed, or is for another slot.
    #[error("the parcel does not authenticate")]
    Forged,
}

/// The secret half, kept as its 32-byte seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InboxSecret(Secret<32>);

impl InboxSecret {
    /// A fresh key.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(Secret::random(rng))
    }

    /// The key of a seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(Secret::new(seed))
    }

    /// The key that the list of contacts of an account is sealed to. None if the account's seed is not here.
    pub fn of_list(account: &AccountSecret) -> Option<Self> {
        account.list_seed().map(Self)
    }

    /// What contacts are told.
    pub fn public(&self) -> InboxKey {
        InboxKey { dh: self.dh().public(), kem: self.kem().public() }
    }

    /// Opens [`InboxKey::seal`]. `bind`: what the parcel belongs to.
    ///
    /// # Errors
    /// [`InboxError`].
    pub fn open(&self, bind: &[u8], parcel: &[u8]) -> Result<Vec<u8>, InboxError> {
        open((&self.dh(), &self.kem()), &self.public(), bind, parcel)
    }

    fn dh(&self) -> DhSecret {
        DhSecret::from_bytes(*derive_key(DH_CONTEXT, self.0.expose()).expose())
    }

    fn kem(&self) -> KemSecret {
        KemSecret::from_seed(*derive_bytes(KEM_CONTEXT, self.0.expose()).expose())
    }
}

/// The public half: an X25519 and an ML-KEM-768 key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxKey {
    dh: DhPublic,
    kem: KemPublic,
}

impl InboxKey {
    /// The keys of an account, to which strangers seal what they leave.
    pub(super) fn of_account(dh: DhPublic, kem: KemPublic) -> Self {
        Self { dh, kem }
    }

    /// BLAKE3 of both keys.
    pub fn hash(&self) -> [u8; 32] {
        blake3(&[self.dh.as_bytes().as_slice(), self.kem.as_bytes()].concat())
    }

    /// [KEEP-6] Seals `payload` for whoever has the secret half. `bind` is authenticated, not sent.
    ///
    /// # Errors
    /// [`InboxError::TooLong`], [`InboxError::BadKey`].
    pub fn seal(
        &self,
        bind: &[u8],
        payload: &[u8],
        mut rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, InboxError> {
        if payload.len() > MAX_PAYLOAD {
            return Err(InboxError::TooLong);
        }
        let (ciphertext, shared) = self.kem.encapsulate(&mut rng).map_err(|_| InboxError::BadKey)?;
        let ephemeral = DhSecret::random(rng);
        let agreed = ephemeral.agree(&self.dh).map_err(|_| InboxError::BadKey)?;
        let name = &self.hash()[..NAME_LEN];
        let head = [&[VERSION], name, ephemeral.public().as_bytes(), &ciphertext].concat();
        let key = parcel_key(&agreed, &shared, &head, self, bind);
        let sealed = aead::seal(&key, &[0; 12], &head, &pad(payload));
        Ok([head, sealed].concat())
    }
}

/// Opens a parcel with both secrets behind `public`.
pub(super) fn open(
    (dh, kem): (&DhSecret, &KemSecret),
    public: &InboxKey,
    bind: &[u8],
    parcel: &[u8],
) -> Result<Vec<u8>, InboxError> {
    if parcel.len() > PARCEL_MAX {
        return Err(InboxError::TooLong);
    }
    if parcel.len() < OVERHEAD || parcel[0] != VERSION {
        return Err(InboxError::Malformed);
    }
    let (head, sealed) = parcel.split_at(HEAD_LEN);
    if head[1..=NAME_LEN] != public.hash()[..NAME_LEN] {
        return Err(InboxError::OtherKey);
    }
    let (ephemeral, ciphertext) = head[1 + NAME_LEN..].split_first_chunk::<32>().ok_or(InboxError::Malformed)?;
    // [KEEP-7]
    let ephemeral = DhPublic::from_bytes(*ephemeral).map_err(|_| InboxError::Forged)?;
    let agreed = dh.agree(&ephemeral).map_err(|_| InboxError::Forged)?;
    let shared = kem.decapsulate(ciphertext).map_err(|_| InboxError::Malformed)?;
    let key = parcel_key(&agreed, &shared, head, public, bind);
    unpad(aead::open(&key, &[0; 12], head, sealed).map_err(|_| InboxError::Forged)?)
}

/// The key of one parcel; its nonce can be zero, since no other parcel has this key.
fn parcel_key(agreed: &Secret<32>, shared: &Secret<32>, head: &[u8], to: &InboxKey, bind: &[u8]) -> Secret<32> {
    let mut material = Secret::<160>::new([0; 160]);
    let parts = [agreed.expose(), shared.expose(), &blake3(head), &to.hash(), &blake3(bind)];
    parts.into_iter().enumerate().for_each(|(at, part)| material.copy_in(at * 32, part));
    derive_key(SEAL_CONTEXT, material.expose())
}

/// `payload || 0x80 || zeros` (ISO/IEC 7816-4), to a multiple of [`PAD`].
fn pad(payload: &[u8]) -> Vec<u8> {
    let mut padded = [payload, &[0x80]].concat();
    padded.resize(padded.len().next_multiple_of(PAD), 0);
    padded
}

fn unpad(mut padded: Vec<u8>) -> Result<Vec<u8>, InboxError> {
    let end = padded.iter().rposition(|byte| *byte != 0).filter(|at| padded[*at] == 0x80);
    padded.truncate(end.ok_or(InboxError::Malformed)?);
    if padded.len() > MAX_PAYLOAD { Err(InboxError::TooLong) } else { Ok(padded) }
}
