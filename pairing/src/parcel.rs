//! Parcels: what must reach one device, sealed to it with its sender inside (`Noise_X_25519_ChaChaPoly_BLAKE2s`).
//!
//! Knows nothing of what a parcel carries or who holds it on the way. `pairing/SPEC.md`, section Parcels.

use noise_protocol::patterns::noise_x;
use rand_core::CryptoRng;

use crate::crypto::{
    dh::{DhPublic, DhSecret},
    noise::Handshake,
};

/// Longest payload in bytes; a Noise message is at most 65,535.
pub const MAX_PAYLOAD: usize = 60 * 1024;
/// Bytes a parcel is longer than its payload: version, ephemeral key, sealed sender key, tag.
pub const OVERHEAD: usize = 1 + 32 + 48 + 16;

/// First byte of every parcel.
const VERSION: u8 = 1;

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
    /// Not for us, forged, or sealed under another prologue.
    #[error("parcel does not authenticate")]
    Forged,
}

/// Seals `payload` from the device DH key `from` to the device DH key `to`. The prologue is authenticated, not sent.
///
/// # Errors
/// [`ParcelError::TooLong`].
pub fn seal(
    from: &DhSecret,
    to: &DhPublic,
    prologue: &[u8],
    payload: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, ParcelError> {
    if payload.len() > MAX_PAYLOAD {
        return Err(ParcelError::TooLong);
    }
    let ephemeral = DhSecret::random(rng);
    let mut noise = Handshake::new(
        noise_x(),
        true,
        bind(prologue),
        Some(from.into()),
        Some((&ephemeral).into()),
        Some(*to.as_bytes()),
        None,
    );
    let message = noise.write_message_vec(payload).map_err(|_| ParcelError::Malformed)?;
    Ok([&[VERSION], message.as_slice()].concat())
}

/// Opens [`seal`]: the sender's device DH key, authenticated, and the payload. Replays are not detected here: what a
/// parcel carries is idempotent.
///
/// # Errors
/// [`ParcelError`].
pub fn open(me: &DhSecret, prologue: &[u8], bytes: &[u8]) -> Result<(DhPublic, Vec<u8>), ParcelError> {
    if bytes.len() > MAX_PAYLOAD + OVERHEAD {
        return Err(ParcelError::TooLong);
    }
    let message = match bytes.split_first() {
        Some((&VERSION, message)) if bytes.len() >= OVERHEAD => message,
        _ => return Err(ParcelError::Malformed),
    };
    // The responder of a one-way pattern reads the one message there is: the turn order cannot be violated.
    let mut noise = Handshake::new(noise_x(), false, bind(prologue), Some(me.into()), None, None, None);
    let payload = noise.read_message_vec(message).map_err(|_| ParcelError::Forged)?;
    let sender = noise.get_rs().ok_or(ParcelError::Forged)?;
    Ok((DhPublic::from_bytes(sender).map_err(|_| ParcelError::Forged)?, payload))
}

fn bind(prologue: &[u8]) -> Vec<u8> {
    [b"covey parcel v1\0", prologue].concat()
}
