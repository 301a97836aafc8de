//! Blinded card records (SPEC.md, "Records"): pure, no clock, no network.

mod seal;

pub use seal::{Opened, RecordError, Sealed, open, seal, seal_current, validate};

/// Largest record value in bytes. `[NET-RECORD-SIZE]`
pub const MAX_VALUE: usize = 12 << 10;

/// Largest payload of a record in bytes: the value without its header, tag and signature.
pub const MAX_PAYLOAD: usize = MAX_VALUE - 256;
