//! Chunks of a transfer of history, each under a key of its own that the device that asked for it chose.

use covey_pairing::crypto::aead;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::DeviceId;

use crate::engine::EngineError;
use crate::engine::wire::transfer::{self, Chunk, MAX_CHUNK};

/// The one nonce: [TRANSFER-3] a key seals one chunk, since the session message that has it opens once.
const NONCE: [u8; 12] = [0; 12];

/// Seals a chunk for the device that asked for it.
pub(in crate::engine) fn seal(
    key: &Secret<32>,
    from: &DeviceId,
    to: &DeviceId,
    chunk: &Chunk,
) -> Result<Vec<u8>, EngineError> {
    let plaintext = chunk.encode().map_err(EngineError::bug)?;
    Ok(aead::seal(key, &NONCE, &transfer::associated_data(from, to), &plaintext))
}

/// [TRANSFER-3] The chunk that was asked for with this key, if these bytes are one.
pub(in crate::engine) fn open(key: &Secret<32>, from: &DeviceId, to: &DeviceId, sealed: &[u8]) -> Option<Chunk> {
    if sealed.len() > MAX_CHUNK + aead::TAG_LEN {
        return None;
    }
    let plaintext = aead::open(key, &NONCE, &transfer::associated_data(from, to), sealed).ok()?;
    Chunk::decode(&plaintext).ok()
}
