//! Bounded CBOR: the one place where covey encodes and decodes wire and stored objects.
//!
//! Signed and hashed objects travel as the exact bytes that were signed or hashed (CBOR readers accept
//! several encodings of one value), so this crate never re-encodes anything to verify it. It knows nothing
//! about what the objects mean.

mod cbor;
mod shape;

pub use cbor::{DecodeError, EncodeError, decode, encode};
pub use shape::MAX_DEPTH;
