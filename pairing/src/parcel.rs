//! Parcels: what must reach one device, sealed to it with its sender inside (`Noise_X_25519_ChaChaPoly_BLAKE2s`). If a KEM key
//! of the device is known, the message is sealed once more under an ML-KEM-768 secret: it opens for nobody who breaks only one of
//! the two.
//!
//! Knows nothing of what a parcel carries or who holds it on the way. `pairing/SPEC.md`, section Parcels.

use noise_protocol::patterns::noise_x;
use rand_core::CryptoRng;

use crate::crypto::{
    aead,
    dh::{DhPublic, DhSecret},
    hash,
    kem::{CIPHERTEXT_LEN, KemPublic, KemSecret},
    noise::Handshake,
    secret::Secret,
};

/// Longest payload in bytes; a Noise message is at most 65,535.
pub const MAX_PAYLOAD: usize = 60 * 1024;
/// Bytes a parcel without KEM is longer than its payload: version, ephemeral key, sealed sender key, tag.
pub const OVERHEAD: usize = 1 + 32 + 48 + 16;
/// The same of one with the hybrid seal: name of the KEM key, ciphertext and tag on top.
pub const HYBRID_OVERHEAD: usize = OVERHEAD + KEM_HEAD - 1 + aead::TAG_LEN;
/// Version, name of the KEM key, ciphertext.
const KEM_HEAD: usize = 1 + 4 + CIPHERTEXT_LEN;

/// First byte of a parcel to a device of which no KEM key is known.
const VERSION: u8 = 1;
/// First byte of one with the hybrid seal.
const HYBRID: u8 = 2;

/// Why a parcel was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParcelError {
    /// The payload is over [`MAX_PAYLOAD`].
    #[error("parcel is too long")]
    TooLong,
    /// Too short, or of a version we do not know.
    #[error("malformed parcel")]
    Malformed,
    /// The KEM key that it is sealed to is none.
    #[error("unusable KEM key")]
    BadKey,
    /// Sealed to a KEM key that we do not have (any more).
    #[error("parcel is sealed to an unknown KEM key")]
    UnknownKey,
    /// Not for us, forged, or sealed under another prologue.
    #[error("parcel does not authenticate")]
    Forged,
}

/// A KEM key of the device that a parcel is for, and its name there: of its prekey bundle
/// ([`crate::session::PrekeyBundle::last_resort`]).
#[derive(Debug, Clone, Copy)]
pub struct ToKem<'a> {
    /// Its name.
    pub id: u32,
    /// The key.
    pub key: &'a KemPublic,
}

/// Seals `payload` from the device DH key `from` to the device DH key `to`, and to its KEM key if one is known. The prologue is
/// authenticated, not sent.
///
/// # Errors
/// [`ParcelError::TooLong`], [`ParcelError::BadKey`].
pub fn seal(
    from: &DhSecret,
    to: &DhPublic,
    kem: Option<ToKem<'_>>,
    prologue: &[u8],
    payload: &[u8],
    mut rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, ParcelError> {
    if payload.len() > MAX_PAYLOAD {
        return Err(ParcelError::TooLong);
    }
    let Some(kem) = kem else {
        let message = noise_seal(from, to, bind(prologue), payload, rng)?;
        return Ok([&[VERSION], message.as_slice()].concat());
    };
    let (ciphertext, shared) = kem.key.encapsulate(&mut rng).map_err(|_| ParcelError::BadKey)?;
    let head = [&[HYBRID], &kem.id.to_be_bytes()[..], &ciphertext].concat();
    let message = noise_seal(from, to, bind_hybrid(&head, prologue), payload, rng)?;
    let sealed = aead::seal(&outer_key(&shared, &head), &[0; 12], &head, &message);
    Ok([head, sealed].concat())
}

/// The name of the KEM key that a parcel is sealed to; none if it is sealed to none.
pub fn kem_id(bytes: &[u8]) -> Option<u32> {
    let (&HYBRID, rest) = bytes.split_first()? else { return None };
    rest.first_chunk().map(|id| u32::from_be_bytes(*id))
}

/// Opens [`seal`]: the sender's device DH key, authenticated, and the payload. `kem` is the key that [`kem_id`] names. Replays are
/// not detected here: what a parcel carries is idempotent.
///
/// # Errors
/// [`ParcelError`].
pub fn open(
    me: &DhSecret,
    kem: Option<&KemSecret>,
    prologue: &[u8],
    bytes: &[u8],
) -> Result<(DhPublic, Vec<u8>), ParcelError> {
    match bytes.first() {
        Some(&VERSION) => {
            within(bytes, OVERHEAD)?;
            noise_open(me, bind(prologue), &bytes[1..])
        }
        Some(&HYBRID) => {
            within(bytes, HYBRID_OVERHEAD)?;
            let (head, sealed) = bytes.split_at(KEM_HEAD);
            let kem = kem.ok_or(ParcelError::UnknownKey)?;
            let shared = kem.decapsulate(&head[5..]).map_err(|_| ParcelError::Malformed)?;
            let message = aead::open(&outer_key(&shared, head), &[0; 12], head, sealed);
            noise_open(me, bind_hybrid(head, prologue), &message.map_err(|_| ParcelError::Forged)?)
        }
        _ => Err(ParcelError::Malformed),
    }
}

fn within(bytes: &[u8], overhead: usize) -> Result<(), ParcelError> {
    match bytes.len().checked_sub(overhead) {
        None => Err(ParcelError::Malformed),
        Some(payload) if payload > MAX_PAYLOAD => Err(ParcelError::TooLong),
        Some(_) => Ok(()),
    }
}

/// The key of the outer seal: of one parcel only, as its secret is.
fn outer_key(shared: &Secret<32>, head: &[u8]) -> Secret<32> {
    let mut material = Secret::<64>::new([0; 64]);
    material.copy_in(0, shared.expose());
    material.copy_in(32, &hash::blake3(head));
    hash::derive_key("covey 2026 parcel kem key v1", material.expose())
}

fn noise_seal(
    from: &DhSecret,
    to: &DhPublic,
    prologue: Vec<u8>,
    payload: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, ParcelError> {
    let ephemeral = DhSecret::random(rng);
    let mut noise = Handshake::new(
        noise_x(),
        true,
        prologue,
        Some(from.into()),
        Some((&ephemeral).into()),
        Some(*to.as_bytes()),
        None,
    );
    noise.write_message_vec(payload).map_err(|_| ParcelError::Malformed)
}

fn noise_open(me: &DhSecret, prologue: Vec<u8>, message: &[u8]) -> Result<(DhPublic, Vec<u8>), ParcelError> {
    // The responder of a one-way pattern reads the one message there is: the turn order cannot be violated.
    let mut noise = Handshake::new(noise_x(), false, prologue, Some(me.into()), None, None, None);
    let payload = noise.read_message_vec(message).map_err(|_| ParcelError::Forged)?;
    let sender = noise.get_rs().ok_or(ParcelError::Forged)?;
    Ok((DhPublic::from_bytes(sender).map_err(|_| ParcelError::Forged)?, payload))
}

fn bind(prologue: &[u8]) -> Vec<u8> {
    [b"covey parcel v1\0", prologue].concat()
}

/// The inner message belongs to this head and no other.
fn bind_hybrid(head: &[u8], prologue: &[u8]) -> Vec<u8> {
    [b"covey parcel v2\0", hash::blake3(head).as_slice(), prologue].concat()
}
