//! The part of a report that opens what was sealed: shows what a payload says, and reveals nothing else of its chain.
//!
//! Who wrote the payload is shown by the signed header of its entry, which holds the payload's hash; the caller checks
//! that first, because this crate knows nothing of feeds.

use super::{chain::OpenError, payload::Payload, receiver::open_committed};
use crate::crypto::{hash::blake3, secret::Secret};

/// Why a report shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The payload is not the one whose hash was signed.
    #[error("not the payload that was signed")]
    Payload,
    /// The payload does not open under the key that was shown.
    #[error("the key does not open the payload: {0}")]
    Key(OpenError),
}

/// Opens the payload of the entry at `place`, whose signed header has `payload_hash` (BLAKE3), with its content key.
///
/// The payload commits to its key, so nobody, its author included, can show two keys that open it to two texts.
///
/// # Errors
/// [`ReportError`].
pub fn open(
    content_key: &Secret<32>,
    payload: &[u8],
    payload_hash: &[u8; 32],
    place: &[u8],
) -> Result<Vec<u8>, ReportError> {
    if blake3(payload) != *payload_hash {
        return Err(ReportError::Payload);
    }
    let payload = Payload::parse(payload).map_err(ReportError::Key)?;
    open_committed(content_key, &payload, place).map_err(ReportError::Key)
}
