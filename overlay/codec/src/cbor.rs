//! Encoding and decoding by `serde_cbor`. That crate is unmaintained: this file is all it costs to replace it.

use serde::{Serialize, de::DeserializeOwned};

use crate::shape;

/// Why bytes were not accepted as an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The input is longer than this kind of object may be; nothing was decoded.
    #[error("object of {len} bytes is over the limit of {max}")]
    TooLong {
        /// Length of the input in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Arrays, maps and tags are nested deeper than [`crate::MAX_DEPTH`].
    #[error("object is nested too deeply")]
    TooDeep,
    /// Truncated, trailing or otherwise malformed CBOR.
    #[error("malformed object: {0}")]
    Malformed(&'static str),
    /// Well-formed CBOR that is not an object of the expected type.
    #[error("unexpected object: {0}")]
    Unexpected(String),
}

/// An object that cannot be encoded (a map key type or a custom serializer that fails: a bug, not input).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot encode object: {0}")]
pub struct EncodeError(String);

/// Encodes `value` as CBOR.
///
/// # Errors
/// [`EncodeError`] when the type's serializer fails; derived serializers of plain data do not.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
    // Most objects are smaller, and growing from nothing takes longer than the encoding.
    let mut bytes = Vec::with_capacity(256);
    serde_cbor::to_writer(&mut bytes, value).map_err(|e| EncodeError(e.to_string()))?;
    Ok(bytes)
}

/// Decodes one object of at most `max` bytes that fills `bytes` exactly.
///
/// Length, nesting and every declared length are checked before anything is allocated.
///
/// # Errors
/// [`DecodeError`] says what was wrong; nothing is ever partially decoded.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, DecodeError> {
    if bytes.len() > max {
        return Err(DecodeError::TooLong { len: bytes.len(), max });
    }
    shape::check(bytes)?;
    serde_cbor::from_slice(bytes).map_err(|e| DecodeError::Unexpected(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_object_survives_the_round_trip() {
        let value = (1u8, "text".to_owned(), vec![1u64, u64::MAX]);
        let bytes = encode(&value).expect("plain data encodes");
        assert_eq!(decode::<(u8, String, Vec<u64>)>(&bytes, 64), Ok(value));
    }

    #[test]
    fn an_object_over_the_limit_is_refused_before_decoding() {
        assert_eq!(decode::<Vec<u8>>(&[0xff; 65], 64), Err(DecodeError::TooLong { len: 65, max: 64 }));
    }

    #[test]
    fn trailing_bytes_are_refused() {
        assert!(matches!(decode::<u8>(&[1, 2], 64), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn nesting_over_the_limit_is_refused() {
        let mut deep = vec![0x81; 17];
        deep.push(0);
        assert_eq!(decode::<serde_cbor::Value>(&deep, 64), Err(DecodeError::TooDeep));
        assert!(decode::<serde_cbor::Value>(&deep[1..], 64).is_ok());
    }

    #[test]
    fn a_declared_length_beyond_the_input_is_refused() {
        for head in [0x5bu8, 0x7b, 0x9b, 0xbb] {
            let mut bytes = vec![head];
            bytes.extend([0xff; 8]);
            assert!(matches!(decode::<serde_cbor::Value>(&bytes, 64), Err(DecodeError::Malformed(_))));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = decode::<serde_cbor::Value>(&bytes, 256);
        }
    }
}
